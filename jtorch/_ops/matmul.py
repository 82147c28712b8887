"""Matrix products.

torch does not promote here: operands must have one dtype. Half types are accumulated in float32.

https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, DType, Handle, Scalar, broadcast, composite, errors, op, write_out
from jtorch._declare.autocast import under_autocast
from jtorch._declare.halves import is_half, wide
from jtorch._declare.once import warn_once
from jtorch._declare.out_rules import check_type
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import BOOL, INT, common, kind_of, no_kernel


def _name(array: Any) -> str:
    return from_numpy(np.dtype(array.dtype)).type_name


def _same_types(a: Any, b: Any) -> None:
    if a.dtype != b.dtype:
        raise errors.matmul_types(_name(a), _name(b))


def check_product(kernel: str, *arrays: Any) -> None:
    """Refuses bools as torch's kernels do; one that would sum nothing is never called."""
    if arrays[0].dtype == np.bool_ and all(x.size for x in arrays):
        raise errors.not_implemented_for(kernel, "Bool")


MM, _MV = "addmm_impl_cpu_", "addmv_impl_cpu"
_FEW = 400  # products of a batch's matrix, from which on torch multiplies them one by one


def batch_kernel(products: int, kernel: str = "bmm") -> str:
    """torch's kernel for a batch, by how many products of elements one of its matrices takes."""
    return kernel if products < _FEW else MM


def product(a: Any, b: Any) -> Any:
    """`jnp.matmul` that sums half types in float32 and rounds once."""
    if is_half(a):
        return jnp.matmul(a, b, preferred_element_type=np.float32).astype(a.dtype)
    return jnp.matmul(a, b)


def _wider(a: Any, b: Any, to: Any) -> Any:
    """The product in the type `out_dtype=` asks for: half types may stay as wide as they were summed."""
    if to is None or to.np == a.dtype:
        return product(a, b)
    if to.name != "float32" or _name(a) not in ("Half", "BFloat16"):
        raise RuntimeError("out_dtype must be the same as input dtype or fp32 for fp16/bf16 inputs")
    return jnp.matmul(a, b, preferred_element_type=np.float32)


def _mm(a: Any, b: Any, to: Any = None) -> Any:
    _same_types(a, b)
    if a.shape[1] != b.shape[0]:
        raise errors.mat_shapes(a.shape, b.shape)
    check_product(MM, a, b)
    return _wider(a, b, to)


def _bmm(a: Any, b: Any, to: Any = None, kernel: str = "bmm") -> Any:
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise errors.bmm_shapes(a.shape, b.shape)
    if a.dtype != b.dtype:
        raise RuntimeError(f"expected scalar type {_name(a)} but found {_name(b)}")
    check_product(batch_kernel(a.shape[1] * a.shape[2] * b.shape[2], kernel), a, b)
    return _wider(a, b, to)


# Products whose function, not whose method, takes the type of the result. torch has that on GPUs alone.
_typed: dict[str, Any] = {"out": True, "function_only": ("out_dtype",)}
_sum: dict[str, Any] = {"out": True, "inplace": True, "older": ("beta", "alpha")}


@op(**_typed)
def mm(input: Array, mat2: Array, out_dtype: DType | None = None) -> Array:
    """The product of two matrices; of half types also as float32, by `out_dtype`.

    >>> import jtorch as torch
    >>> torch.mm(torch.eye(2), torch.ones(2, 1))
    tensor([[1.],
            [1.]])
    """
    for name, m in (("self", input), ("mat2", mat2)):
        if m.ndim != 2:
            raise errors.not_a_matrix(name)
    return _mm(input, mat2, out_dtype)


@composite(method=False)
def dsmm(input: Any, mat2: Any) -> Any:
    """`mm` under its older name, for dense matrices."""
    return mm(input, mat2)


@op(**_typed)
def bmm(input: Array, mat2: Array, out_dtype: DType | None = None) -> Array:
    """The products of two batches of matrices; of half types also as float32, by `out_dtype`."""
    return _batches(input, mat2, out_dtype, "bmm")


def _batches(a: Any, b: Any, to: Any, kernel: str) -> Any:
    for name, m in (("batch1", a), ("batch2", b)):
        if m.ndim != 3:
            raise errors.not_a_batch(name)
    return _bmm(a, b, to, kernel)


@op(out=True)
def mv(input: Array, vec: Array) -> Array:
    """The product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {vec.ndim}, {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.shape[0]:
        raise errors.mat_vec_shapes(input.shape, vec.shape)
    if input.dtype != vec.dtype:
        raise RuntimeError(f"expected scalar type {_name(input)} but found {_name(vec)}")
    check_product(_MV, input)
    return product(input, vec)


def _check_vectors(a: Any, b: Any) -> None:
    if a.ndim != 1 or b.ndim != 1:
        raise errors.dot_rank(a.ndim, b.ndim)
    if a.dtype != b.dtype:
        raise errors.dot_types(_name(a), _name(b))
    if a.shape != b.shape:
        raise errors.dot_sizes(a.shape[0], b.shape[0])
    _check_dot(a)


def _check_dot(a: Any) -> None:
    if a.dtype == np.bool_:
        raise errors.not_implemented_for("dot", "Bool")


@op(out=True)
def dot(input: Array, tensor: Array) -> Array:
    """The sum of the products of two vectors' elements.

    >>> import jtorch as torch
    >>> torch.dot(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor(11)
    """
    _check_vectors(input, tensor)
    return product(input, tensor)


@op(out=True)
def vdot(input: Array, other: Array) -> Array:
    """As `dot`, with the first vector conjugated."""
    _check_vectors(input, other)
    return product(jnp.conj(input), other)


def _saved_of_batched(specs: tuple, statics: tuple, needs: tuple) -> str:
    """A batch that a vector is multiplied with is saved as a transposed copy, where it needs one."""
    shape = specs[1].shape
    turned = specs[0].ndim == 1 and math.prod(shape[:-2]) > 1 and shape[-1] > 1
    return " ".join(["input"] * (1 in needs) + ["other"] * (0 in needs and not turned))


@op(name="matmul", method=False, function=False, grad="UnsafeViewBackward0", saves=_saved_of_batched)
def _batched(input: Array, other: Array) -> Array:
    a, b = input.shape, other.shape
    if not a or not b:
        raise errors.matmul_rank(len(a), len(b))
    inner, outer = a[-1], b[max(len(b) - 2, 0)]
    if len(a) > 2 and len(b) > 2:
        broadcast(a[:-2], b[:-2])
        if inner != outer:
            raise errors.bmm_shapes((1, *a[-2:]), (1, *b[-2:]))
    elif inner != outer:
        rows = int(np.prod(a[:-1])) if len(a) > 1 else 1
        raise errors.mat_shapes((rows, inner), (outer, b[-1] if len(b) > 1 else 1))
    _same_types(input, other)
    batch = len(b) > 2
    kernel = batch_kernel(int(np.prod(a[-2:])) * b[-1]) if batch else _MV if len(b) == 1 else MM
    check_product(kernel, input, *([other] if len(b) > 1 else []))
    return product(input, other)


@op(name="matmul", method=False, function=False, grad="SqueezeBackward4")
def _row_times(input: Array, other: Array) -> Array:
    if input.shape[0] != other.shape[0]:
        raise errors.mat_shapes((1, input.shape[0]), other.shape)
    _same_types(input, other)
    check_product(MM, input, other)
    return product(input, other)


@composite
def matmul(input: Any, other: Any, *, out: Any = None) -> Any:
    """The matrix product: of vectors, matrices, or batches of matrices, which broadcast.

    >>> import jtorch as torch
    >>> torch.matmul(torch.ones(2, 3), torch.ones(3))
    tensor([3., 3.])
    """
    for name, position, x in (("input", 1, input), ("other", 2, other)):
        if not isinstance(x, Handle):
            raise errors.argument_type("matmul", name, position, "Tensor", x)
    a, b = input._v.aval.ndim, other._v.aval.ndim
    chosen = _BY_RANK.get((a, b), _batched)
    if b == 1:  # which are other ops, that autocast leaves alone when they are called by themselves
        input, other = under_autocast("matmul", input, other)
    found = chosen(input, other)
    if out is None:
        return found
    if isinstance(out, Handle):
        check_type("mv" if b == 1 and a > 1 else "dot" if b == 1 else "mm", found._v.aval.dtype, out._v.aval.dtype)
    return write_out("matmul", out, found)


_BY_RANK = {(2, 2): mm, (2, 1): mv, (1, 1): dot, (1, 2): _row_times}


# Sums with a product


def _unrounded(a: Any, b: Any, found: Any) -> Any:
    """The product `found` as it was summed: torch rounds a sum of half types once, not its terms."""
    return jnp.matmul(a, b, preferred_element_type=np.float32) if is_half(found) else found


def _scaled(input: Any, found: Any, beta: Any, alpha: Any) -> Any:
    """beta * input + alpha * found; with beta 0 torch ignores what `input` holds, nan and inf included."""
    beta, alpha = (jnp.asarray(x).astype(found.dtype) for x in (beta, alpha))
    return (jnp.where(beta == 0, 0, beta * wide(input)) + alpha * found).astype(input.dtype)


def _expanded(input: Any, shape: tuple[int, ...]) -> Any:
    for back in range(1, input.ndim + 1):
        if back > len(shape) or input.shape[-back] not in (1, shape[-back]):
            if back > len(shape):
                raise errors.expand_rank(_name(input), input.shape, shape)
            raise errors.expand_mismatch(shape, input.shape, len(shape) - back)
    # From float32, so that a gradient of half type is summed there.
    return jnp.broadcast_to(wide(input), shape).astype(input.dtype)


def _same_as(input: Any, found: Any, to: Any) -> Any:
    """What is added to a product of another type than its operands has either type."""
    return input.astype(found.dtype) if to is not None and input.dtype.itemsize == 2 else input


@op(**_sum, function_only=("out_dtype",))
def addmm(
    input: Array, mat1: Array, mat2: Array, out_dtype: DType | None = None, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Array:
    """`beta * input + alpha * mat1 @ mat2`.

    >>> import jtorch as torch
    >>> torch.addmm(torch.ones(2), torch.eye(2), torch.eye(2))
    tensor([[2., 1.],
            [1., 2.]])
    """
    for name, m in (("mat1", mat1), ("mat2", mat2)):
        if m.ndim != 2:
            raise RuntimeError(f"{name} must be a matrix, got {m.ndim}-D tensor")
    found = _mm(mat1, mat2, out_dtype)
    input = _same_as(input, found, out_dtype)
    if input.dtype != found.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {_name(input)} and {_name(found)}")
    return _scaled(_expanded(input, found.shape), _unrounded(mat1, mat2, found), beta, alpha)


@op(**_sum)
def addmv(input: Array, mat: Array, vec: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * mat @ vec`; of half types `beta * input` is a step of its own."""
    found = mv.body(mat, vec)
    input = _expanded(input, found.shape)
    if not is_half(found):
        return _scaled(input, found, beta, alpha)
    beta, alpha = (jnp.asarray(x).astype(found.dtype) for x in (beta, alpha))
    first = jnp.where(beta == 0, 0, beta * input)
    return (wide(first) + wide(alpha) * _unrounded(mat, vec, found)).astype(found.dtype)


def _whole_numbers(specs: tuple) -> None:
    """torch's error where integers are weighed by floats."""
    if kind_of(common(specs[:3])) in (BOOL, INT):
        for name, spec in zip(("beta", "alpha"), specs[3:], strict=True):
            if spec is float:
                raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")


@op(**_sum, refuse=_whole_numbers)
def addr(input: Array, vec1: Array, vec2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * outer(vec1, vec2)`."""
    for name, v in (("vec1", vec1), ("vec2", vec2)):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {v.ndim}-D")
    if input.dtype == np.bool_:
        kept = jnp.where(jnp.asarray(beta) != 0, _expanded(input, (vec1.size, vec2.size)), False)
        return kept | (jnp.outer(vec1, vec2) & (jnp.asarray(alpha) != 0))
    common = jnp.result_type(input.dtype, vec1.dtype, vec2.dtype)
    input, vec1, vec2 = (x.astype(common) for x in (_expanded(input, (vec1.size, vec2.size)), vec1, vec2))
    beta, alpha = (jnp.asarray(x).astype(common) for x in (beta, alpha))
    return jnp.where(beta == 0, 0, beta * input) + jnp.outer(alpha * vec1, vec2)


@op(**_sum, function_only=("out_dtype",))
def baddbmm(
    input: Array, batch1: Array, batch2: Array, out_dtype: DType | None = None, *, beta: Scalar = 1, alpha: Scalar = 1
) -> Array:
    """`beta * input + alpha * batch1 @ batch2`, for batches of matrices."""
    found = _batches(batch1, batch2, out_dtype, "baddbmm")
    input = _same_as(input, found, out_dtype)
    if input.dtype != found.dtype:
        raise RuntimeError(
            f"Input dtypes must be the same, got: input {_name(input)}, batch1: {_name(batch1)}, "
            f"batch2: {_name(batch2)}"
        )
    return _scaled(_expanded(input, found.shape), _unrounded(batch1, batch2, found), beta, alpha)


@op(**_sum)
def addbmm(input: Array, batch1: Array, batch2: Array, *, beta: Scalar = 1, alpha: Scalar = 1) -> Array:
    """`beta * input + alpha * sum(batch1 @ batch2)` over the batch; half types are rounded after each product."""
    products = _batches(batch1, batch2, None, MM)
    input = _expanded(input, products.shape[1:])
    if not (is_half(products) and len(products)):
        return _scaled(input, products.sum(0, dtype=batch1.dtype), beta, alpha)
    terms = _unrounded(batch1, batch2, products)
    total = _scaled(input, terms[0], beta, alpha)
    return lax.scan(lambda sum, term: (_scaled(sum, term, 1, alpha), None), total, terms[1:])[0]


# Products of vectors and tensors


@op(out=True, kind="default", alias=("ger",), grad="MulBackward0")
def outer(input: Array, vec2: Array) -> Array:
    """The products of each element of one vector with each of another.

    >>> import jtorch as torch
    >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    for name, v in (("self", input), ("vec2", vec2)):
        if v.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {v.ndim}-D")
    return input[:, None] * vec2[None, :]


@op(out=True, grad="ViewBackward0")
def inner(input: Array, other: Array) -> Array:
    """The sum of products over the last dimensions.

    >>> import jtorch as torch
    >>> torch.inner(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor(11)
    """
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    _same_types(input, other)
    if input.ndim == other.ndim == 1:
        _check_vectors(input, other)
    check_product(MM, input, other)
    return jnp.tensordot(input, other, ((-1,), (-1,)))


@op(name="kron", out=True, kind="default", grad="UnsafeViewBackward0", saves="", function=False, method=False)
def _kron(input: Array, other: Array) -> Array:
    if input.dtype == other.dtype == np.bool_:
        return jnp.kron(input.astype(np.uint8), other.astype(np.uint8))
    return jnp.kron(input, other)


@composite()
def kron(input: Any, other: Any, *, out: Any = None) -> Any:
    """The Kronecker product.

    >>> import jtorch as torch
    >>> torch.kron(torch.tensor([1, 2]), torch.tensor([1, 10]))
    tensor([ 1, 10,  2, 20])
    """
    rank = max(input.ndim, other.ndim)  # torch gives both the same, so neither is promoted as a number
    input, other = (x if x.ndim else x.reshape((1,) * rank) for x in (input, other))
    return _kron(input, other, out=out)


def _is_merged(shape: tuple, *groups: tuple) -> bool:
    """True when dimensions of a tensor that lies row by row can be brought together without a copy."""
    for group in groups:
        kept = [d for d in group if shape[d] != 1]
        for d, after in pairwise(kept):
            if math.prod(shape[d + 1 :]) != math.prod(shape[after:]):
                return False
    return True


def _saved_of_tensordot(specs: tuple, statics: tuple, needs: tuple) -> str:
    words = []
    whole = all(s.shape[d] == 1 for s, dims in zip(specs, statics, strict=True) for d in set(range(s.ndim)) - {*dims})
    for word, spec, dims, other in zip(("a", "b"), specs, statics, (1, 0), strict=True):
        rest = tuple(d for d in range(spec.ndim) if d not in dims)
        if other in needs and (whole or _is_merged(spec.shape, rest, dims)):
            words.append(word)
    return " ".join(words)


@op(name="tensordot", method=False, function=False, grad="ViewBackward0", saves=_saved_of_tensordot)
def _tensordot(a: Array, b: Array, dims_a: tuple, dims_b: tuple) -> Array:
    for i, j in zip(dims_a, dims_b, strict=True):  # a contracted dimension of size 1 broadcasts
        a = a.sum(i, keepdims=True, dtype=a.dtype) if b.shape[j] == 1 else a
        b = b.sum(j, keepdims=True, dtype=b.dtype) if a.shape[i] == 1 else b
    if len(dims_a) < max(a.ndim, b.ndim):
        check_product(MM, a, b)
    else:
        _check_dot(a)
    return jnp.tensordot(a, b, (dims_a, dims_b))


@composite(method=False)
def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """The sum of products over several dimensions of two tensors.

    >>> import jtorch as torch
    >>> torch.tensordot(torch.ones(2, 3), torch.ones(3, 2), 1)
    tensor([[3., 3.],
            [3., 3.]])
    """
    first, second = _contracted(a, dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    if a._v.aval.dtype is not b._v.aval.dtype:
        raise RuntimeError("both inputs should have same dtype")
    shape_a, shape_b = a._v.aval.shape, b._v.aval.shape
    for i, j in zip(first, second, strict=True):
        if shape_a[i] != shape_b[j] and 1 not in (shape_a[i], shape_b[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {shape_a[i]} in dim {i} and second has size "
                f"{shape_b[j]} in dim {j}"
            )
    found = _tensordot(a, b, first, second)
    return found if out is None else write_out("tensordot", out, found)


def _contracted(a: Any, dims: Any) -> tuple[tuple, tuple]:
    if isinstance(dims, Handle):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > a._v.aval.ndim:
            raise RuntimeError(
                f"tensordot expects dims < ndim_a and dims < ndim_b, but got dims={dims}, ndim_a={a._v.aval.ndim}"
            )
        return tuple(range(-dims, 0)), tuple(range(dims))
    first, second = dims
    as_tuple = [(x,) if isinstance(x, int) else tuple(x) for x in (first, second)]
    return as_tuple[0], as_tuple[1]


@composite(method=False)
def chain_matmul(*matrices: Any, out: Any = None) -> Any:
    """The product of several matrices, in the order that takes the fewest multiplications."""
    warn_once(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot "
        "instead, which accepts a list of two or more tensors rather than multiple parameters."
    )
    found = chained(matrices)
    return found if out is None else write_out("chain_matmul", out, found)


def chained(matrices: Sequence) -> Any:
    """The product of matrices in the order that takes the fewest multiplications."""
    sizes = [m._v.aval.shape[0] for m in matrices] + [matrices[-1]._v.aval.shape[-1]]
    split = _splits(sizes)

    def chain(first: int, last: int) -> Any:
        if first == last:
            return matrices[first]
        middle = split[first, last]
        return mm(chain(first, middle), chain(middle + 1, last))

    return chain(0, len(matrices) - 1)


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where the product of matrices i to j is split; matrix k is sizes[k] by sizes[k + 1]. Cormen et al., 15.2."""
    count = len(sizes) - 1
    cost, split = {(i, i): 0 for i in range(count)}, {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            split[i, j] = i + costs.index(cost[i, j])
    return split


@op(refuse=no_kernel("trace", BOOL))
def trace(input: Array) -> Array:
    """The sum of a matrix's diagonal.

    >>> import jtorch as torch
    >>> torch.trace(torch.eye(3))
    tensor(3.)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    kind = np.int64 if jnp.issubdtype(input.dtype, jnp.integer) or input.dtype == np.bool_ else input.dtype
    return jnp.trace(input, dtype=kind)
