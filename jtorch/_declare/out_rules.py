"""What torch makes of `out=` of another type, in which words, and what it says and does where it must be resized.

Most ops cast into `out=` what the type can hold. The others take the result's own type alone, or compute in that of
`out=`: each family of kernels has its rule and its sentence. Facts measured on torch 2.13's database of ops.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jtorch._declare.promote import can_cast
from jtorch._engine.handle import Handle
from jtorch._types import errors
from jtorch._types.dtype import dtype

# The result's own type alone, in errors.out_type's words.
_PLAIN = """
    addmm addmv alias_copy aminmax argmax argmin as_strided_copy avg_pool2d avg_pool3d baddbmm bmm cross cumprod
    cumsum diag diagonal_copy expand_copy gather index_add index_copy index_reduce isin linalg_cholesky
    linalg_cholesky_ex linalg_cross linalg_det linalg_eigh linalg_eigvalsh linalg_inv linalg_inv_ex
    linalg_ldl_factor linalg_ldl_factor_ex linalg_ldl_solve linalg_lu linalg_lu_factor linalg_lu_factor_ex
    linalg_lu_solve linalg_qr linalg_slogdet linalg_solve linalg_solve_ex linalg_svd linalg_svdvals
    linalg_vector_norm linear log_softmax lu_unpack mean mm msort nll_loss norm permute_copy prod renorm scatter
    scatter_add scatter_reduce slice_scatter softmax sort split_copy split_with_sizes_copy squeeze_copy sum svd
    t_copy take_along_dim topk transpose_copy triangular_solve tril triu unbind_copy unfold_copy unsqueeze_copy
    view_copy
"""
# The same in words of their own.
_SENTENCES = {
    "Found dtype {given} but expected {found}": """
        bitwise_not ceil conj_physical floor frac neg gelu hardshrink softplus softshrink round sgn sign trunc""",
    "dtype {found} does not match dtype of out parameter ({given})": """
        arange empty eye full linspace logspace ones randn rand zeros""",
    "result dtype {given} does not match input dtype {found}": "dot vdot",
    "expected scalar_type {found} but found {given}": "cummax cummin logcumsumexp diff_of_order_0",
    "Expected object of scalar type {found} but got scalar type {given} for argument 'out'": "complex polar",
    "Expected the dtype for input and out to match, but got {found} for input's dtype and {given} for out's dtype.": """
        amax amin""",
    "quantile() out tensor must be same dtype as the input tensor": "quantile nanquantile",
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
    "torch.histogram: input tensor and hist tensor should have the same dtype, but got input {c_found} and hist "
    "{c_given}": "histogram histc",
    "self and mat2 must have the same dtype, but got {given} and {found}": "addbmm",
    "addmv input tensors must have the same dtype, but got {given}, {found}, and {found}": "mv",
    "expected scalar type {found} but found {given}": """
        linalg_solve_triangular logsigmoid native_batch_norm _native_batch_norm_legit
        _batch_norm_with_update""",
    "Expected self.dtype() == output.dtype() to be true, but got false.  (Could this error message be improved?  If "
    "so, please report an enhancement request to PyTorch.)": "narrow_copy",
    "Expected result to be of dtype uint64, but got {given}": "hash_tensor",
    "the output given to float_power has dtype {given} but the operation's result requires dtype {found}": """
        float_power""",
    "nansum: provided dtype must match dtype of result. Got {given} and {found}.": "nansum nanmean",
    "torch.ormqr: Expected input and result to have the same dtype, but input has dtype{found} and result has dtype "
    "{given}": "ormqr",
    "torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or Long(int64) type depending on "
    "out_int32 flag, but we got output tensor's dtype {given}": "searchsorted bucketize",
}
# What the type can hold is cast; what it cannot is refused in words of their own.
_HOLDS = {
    "torch.cat(): input types can't be cast to the desired output type {given}": """
        cat stack hstack vstack dstack column_stack chunk_cat""",
    "{name}: Expected result to be safely castable from {found} dtype, but got result with dtype {given}": """
        cholesky cholesky_inverse cholesky_solve matrix_power tensorinv tensorsolve linalg.cond linalg.pinv
        torch.linalg.householder_product torch.linalg.matrix_rank""",
    "torch.geqrf: Expected a to be safely castable from {found} dtype, but got a with dtype {given}": "geqrf",
    "{name}: Expected eigenvalues to be safely castable from {found} dtype, but got eigenvalues with dtype {given}": """
        torch.linalg.eig torch.linalg.eigvals""",
    "{name}: Expected solution to be safely castable from {found} dtype, but got solution with dtype {given}": """
        torch.linalg.lstsq""",
}


def _by_name(table: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Op: its name as the sentence has it, the sentence."""
    found = {}
    for sentence, names in table.items():
        for spelt in names.split():
            name = spelt.removeprefix("torch.").replace("linalg.", "linalg_")
            found[name] = spelt, sentence
    for name in ("matrix_power", "tensorinv", "tensorsolve"):
        if name in found:
            found[f"linalg_{name}"] = found.pop(name)
    return found


_WORDS = _by_name(_SENTENCES) | dict.fromkeys(_PLAIN.split(), ("", ""))
_HOLDING = _by_name(_HOLDS)
_PAIRS = {"max", "min"}  # strict where they return indices too

# Their numbers are those of `out=`: what `dtype=` would say.
COMPUTED_IN_OUT = {"sum", "nansum", "mean", "nanmean", "prod", "cumsum", "cumprod"}

_SILENT = set(
    """addbmm narrow_copy lu logsigmoid linspace logspace randn rand randint randperm ones zeros full empty eye
    multinomial bernoulli normal_of_size nonzero""".split()
)
_KEPT_IF_AS_MANY = {"arange", "range", "linspace", "logspace"}
FILLS_MEMORY = {"narrow_copy", "avg_pool3d"}  # from the start of `out=` on, without gaps, whatever its strides say
_BY_ROWS = {"cholesky", "cholesky_solve", "lu", "linalg_tensorinv"}
_BY_ROWS_RESIZED = set("cholesky_inverse geqrf linalg_householder_product ormqr linalg_lstsq linalg_eig".split())


def check_type(name: str, found: dtype, given: dtype, several: bool = False, reads: Sequence = ()) -> None:
    """Raises torch's error where an op cannot write what it found into a tensor of another type. `reads`: the tensors
    it was found from."""
    if found is given or (name in ("all", "any") and given.type_name in ("Bool", "Byte")):
        return
    if name in _BY_OPERANDS:
        _BY_OPERANDS[name](found, given, reads)
        return
    exact = ("", "") if several and name in _PAIRS else _WORDS.get(name)
    if exact is None and can_cast(found, given):
        return
    spelt, words = exact or _HOLDING.get(name, ("", ""))
    if words:
        kind = TypeError if words.startswith("torch.cat") else RuntimeError
        raise kind(words.format(
            name=spelt, found=found.type_name, given=given.type_name, c_found=errors.c_name(found.type_name),
            c_given=errors.c_name(given.type_name),
        ))  # fmt: skip
    raise (errors.out_type if exact else errors.cast)(found.type_name, given.type_name)


def _abs(found: dtype, given: dtype, reads: Sequence) -> None:
    own = reads[0]._v.aval.dtype
    expected = own if given.is_complex else found
    if given is not expected and (given.is_complex or not own.is_complex):
        raise RuntimeError(f"Found dtype {given.type_name} but expected {expected.type_name}")
    if given is not own:
        check_type("", found, given)


def _frexp(found: dtype, given: dtype, reads: Sequence) -> None:
    if found.is_floating_point:
        kinds = f"{errors.c_name(found.type_name)} but got {errors.c_name(given.type_name)}"
        raise RuntimeError(f"torch.frexp() expects mantissa to have dtype {kinds}")
    raise RuntimeError(f"torch.frexp() expects exponent to have int dtype but got {errors.c_name(given.type_name)}")


def _inner(found: dtype, given: dtype, reads: Sequence) -> None:
    check_type("tensordot" if all(x._v.aval.ndim for x in reads) else "", found, given)


def _logsumexp(found: dtype, given: dtype, reads: Sequence) -> None:
    if not (given.is_floating_point or given.is_complex):
        raise RuntimeError(f"logsumexp(): Expected floating point type for result tensor, but got: {given.type_name}")


def _unchecked(found: dtype, given: dtype, reads: Sequence) -> None:
    """`lu` copies into whatever it is given."""


_BY_OPERANDS = {"abs": _abs, "frexp": _frexp, "inner": _inner, "logsumexp": _logsumexp, "lu": _unchecked}


def computing_dtype(name: str, input: Any, dim: Any, out: Any) -> dtype | None:
    """The type of `out=` for an op of COMPUTED_IN_OUT without `dtype=`; torch's error where it cannot be."""
    if not isinstance(out, Handle) or not isinstance(input, Handle):
        return None
    mine, given = input._v.aval.dtype, out._v.aval.dtype
    counted = not (mine.is_floating_point or mine.is_complex)
    if name.startswith("cum") and given.type_name == "Bool":
        raise errors.not_implemented_for(f"{name}_out_cpu", "Bool")
    if name.startswith("nan") and mine.is_floating_point and not given.is_floating_point:
        raise errors.not_implemented_for("nansum_cpu", given.type_name)
    if name == "mean" and dim is None and not can_cast(mine, given):
        raise RuntimeError(f"mean.dtype_out(): input types can't be cast to the desired output type {given.type_name}")
    if name == "mean" and not counted and not can_cast(mine.to_real(), given):
        raise errors.cast(mine.to_real().type_name, given.type_name)
    refused = mine.is_complex if name.startswith("nan") else counted and name == "mean"
    return None if refused or (counted and name == "nanmean") else given


def warning_of_resize(name: str, old: Sequence[int], new: Sequence[int]) -> str | None:
    """What torch says where a tensor with elements is given another shape."""
    if name in _SILENT or not math.prod(old):
        return None
    if name in _KEPT_IF_AS_MANY:
        return (
            f"The number of elements in the out tensor of shape {list(old)} is {math.prod(old)} which does not match "
            f"the computed number of elements {math.prod(new)}. Note that this may occur as a result of rounding "
            f"error. The out tensor will be resized to a tensor of shape ({new[0]},)."
        )
    return (
        f"An output with one or more elements was resized since it had shape {list(old)}, which does not match the "
        f"required output shape {list(new)}. This behavior is deprecated, and in a future PyTorch release outputs will "
        "not be resized unless they have zero elements. You can explicitly reuse an out tensor t by resizing it, "
        "inplace, to zero elements with t.resize_(0)."
    )


def keeps_shape(name: str, old: Sequence[int], new: Sequence[int]) -> bool:
    """True for a row of numbers written into a tensor of another shape with as many elements."""
    return name in _KEPT_IF_AS_MANY and math.prod(old) == math.prod(new)


def lies_by_rows(name: str, had_elements: bool) -> bool:
    """Whether a resized `out=` lies row by row, whatever the result itself does."""
    by_fft = name.startswith("fft_") and name not in ("fft_ifft_of_real", "fft_ihfft")
    return name in _BY_ROWS or by_fft or (had_elements and name in _BY_ROWS_RESIZED)


__all__ = [
    "COMPUTED_IN_OUT", "FILLS_MEMORY", "check_type", "computing_dtype", "keeps_shape", "lies_by_rows",
    "warning_of_resize",
]  # fmt: skip
