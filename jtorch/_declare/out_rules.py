"""Which ops take `out=` only of the result's own type, in which words, and which resize it without a warning.

Most of torch's ops cast into `out=` what the type can hold. Those here do not, each family of kernels with a sentence
of its own. Facts measured on torch 2.13's database of ops.
"""

from __future__ import annotations

from jtorch._declare.promote import can_cast
from jtorch._types import errors
from jtorch._types.dtype import dtype

_PLAIN = """
    addmm addmv aminmax baddbmm bmm cross linalg_cross diag gather index_add index_copy index_reduce linalg_cholesky
    linalg_cholesky_ex linalg_det linalg_eigh linalg_eigvalsh linalg_inv linalg_inv_ex linalg_ldl_factor
    linalg_ldl_factor_ex linalg_ldl_solve linalg_lu linalg_lu_factor linalg_lu_factor_ex linalg_lu_solve linalg_qr
    linalg_slogdet linalg_solve linalg_solve_ex linalg_svd linalg_svdvals linalg_vector_norm log_softmax lu_unpack mm
    msort avg_pool2d avg_pool3d linear renorm scatter scatter_add scatter_reduce slice_scatter softmax sort svd
    take_along_dim topk triangular_solve tril triu argmax argmin isin alias_copy as_strided_copy diagonal_copy
    expand_copy permute_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy
    unsqueeze_copy view_copy
"""
_SENTENCES = {
    "Found dtype {given} but expected {found}": """
        bitwise_not ceil conj_physical floor frac neg gelu hardshrink softplus softshrink round sgn sign trunc""",
    "dtype {found} does not match dtype of out parameter ({given})": """
        arange empty eye full linspace logspace ones randn rand zeros""",
    "expected scalar type {found} but found {given}": "linalg_solve_triangular logsigmoid",
    "result dtype {given} does not match input dtype {found}": "dot vdot",
    "expected scalar_type {found} but found {given}": "cummax cummin logcumsumexp diff",
    "Expected object of scalar type {found} but got scalar type {given} for argument 'out'": "complex polar",
    "Expected the dtype for input and out to match, but got {found} for input's dtype and {given} for out's dtype.": """
        amax amin""",
    "{name}() out tensor must be same dtype as the input tensor": "quantile nanquantile",
    "linalg.matrix_norm expected out tensor dtype {found} but got: {given}": "linalg_matrix_norm",
    "linalg.norm expected out tensor dtype {found} but got: {given}": "linalg_norm",
    "{name} only supports bool tensor for result, got: {given}": "all any",
    "{name}(): self and result must have the same scalar type": "masked_select index_select",
    "take(): self and out expected to have the same dtype, but got self.dtype = {found} and out.dtype = {given}": """
        take""",
    "{name} does not support non-boolean outputs.": "isposinf isneginf signbit",
    "heaviside is not yet implemented for tensors with different dtypes.": "heaviside",
    "nan_to_num: dtype of out: {given} should be same as input: {found}": "nan_to_num",
    "multinomial expects Long tensor out, got: {given}": "multinomial",
    "Expected out type to be {found} but got {given}": "where",
    "nonzero: Expected out tensor to have scalar type {found} but got scalar type{given}": "nonzero",
    "linalg.vecdot: Expected out of dtype{found} but found {given}": "linalg_vecdot",
    "multi_dot(): expected out tensor to have dtype {found} but got {given}": "linalg_multi_dot",
    "tensordot: Expected the output tensor to have dtype {found}, but got an output tensor with dtype {given}": """
        tensordot""",
    "output values must be of same type as input": "kthvalue",
    "expected scalar type '{found}' but got '{given}' for values output": "mode",
    "{name}: input tensor and hist tensor should have the same dtype": "histogram histc",
    "torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or Long(int64) type depending on "
    "out_int32 flag, but we got output tensor's dtype {given}": "searchsorted bucketize",
}
_WORDS = {name: sentence for sentence, names in _SENTENCES.items() for name in names.split()}
_WORDS |= dict.fromkeys(_PLAIN.split(), "")
_PAIRS = {"max", "min"}  # strict where they return indices too

_SILENT = set(
    """addbmm cholesky_inverse cholesky_solve linspace logspace lu logsigmoid narrow_copy svd randn rand ones zeros full
    empty eye multinomial normal bernoulli searchsorted nonzero linalg_svd""".split()
)


def check_type(name: str, found: dtype, given: dtype, several: bool) -> None:
    """Raises torch's error where an op cannot write what it found into a tensor of another type."""
    words = "" if several and name in _PAIRS else _WORDS.get(name)
    if name in ("all", "any") and given.type_name in ("Bool", "Byte"):
        return
    if words is None:
        if not can_cast(found, given):
            raise errors.cast(found.type_name, given.type_name)
        return
    if not words:
        raise errors.out_type(found.type_name, given.type_name)
    raise RuntimeError(words.format(name=name, found=found.type_name, given=given.type_name))


def resizes_silently(name: str) -> bool:
    """Whether torch gives a tensor of another shape the right one without a word."""
    return name in _SILENT


__all__ = ["check_type", "resizes_silently"]
