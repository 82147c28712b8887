"""Structure: triangles, diagonals, flips, rolls, grids, repeats.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import (
    Array,
    Arrays,
    Dim,
    Dims,
    Handle,
    as_int,
    broadcast,
    composite,
    dtype_of,
    errors,
    from_host,
    lay,
    lying,
    op,
    placed,
    to_host,
    wrap_dim,
    write_out,
)
from jtorch._declare.once import warn_once
from jtorch._declare.types import bool_, int32, int64, unchecked_size
from jtorch._ops import indexing, joining, views
from jtorch._ops.arguments import varargs, whole, wholes

# Triangles and diagonals


def _check_matrix(name: str, rank: int) -> None:
    if rank < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")


@op(out=True, inplace=True)
def tril(input: Array, diagonal: int = 0) -> Array:
    """The lower triangle of matrices; zeros above the `diagonal`.

    >>> import jtorch as torch
    >>> torch.tril(torch.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    _check_matrix("tril", input.ndim)
    return jnp.tril(input, diagonal)


@op(out=True, inplace=True)
def triu(input: Array, diagonal: int = 0) -> Array:
    """The upper triangle of matrices; zeros below the `diagonal`.

    >>> import jtorch as torch
    >>> torch.triu(torch.ones(2, 2))
    tensor([[1., 1.],
            [0., 1.]])
    """
    _check_matrix("triu", input.ndim)
    return jnp.triu(input, diagonal)


def _triangle_indices(name: str, row: int, col: int, offset: int, lower: bool, options: dict) -> Any:
    for word, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{word} must be non-negative, got{n}")
    to = dtype_of(name, options.get("dtype") or int64)
    if to not in (int64, int32):
        raise NotImplementedError(f"\"{name}\" not implemented for '{to.type_name}'")
    pairs = np.tril_indices(row, offset, col) if lower else np.triu_indices(row, offset, col)
    return from_host(np.stack(pairs).astype(to.np), to, placed(options.get("device")))


@composite(method=False)
def tril_indices(row: int, col: int, offset: int = 0, **options: Any) -> Any:
    """Row and column indices of the lower triangle of a matrix.

    >>> import jtorch as torch
    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle_indices("tril_indices", row, col, offset, True, options)


@composite(method=False)
def triu_indices(row: int, col: int, offset: int = 0, **options: Any) -> Any:
    """Row and column indices of the upper triangle of a matrix."""
    return _triangle_indices("triu_indices", row, col, offset, False, options)


@op(method=False, function=False, grad="DiagonalBackward0_copy", name="diag")
def _diagonal_copy(input: Array, offset: int) -> Array:
    return jnp.diagonal(input, offset)


@op
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Array:
    """Matrices with the last dimension as their diagonal.

    >>> import jtorch as torch
    >>> torch.diag_embed(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    a, b = wrap_dim(dim1, input.ndim + 1), wrap_dim(dim2, input.ndim + 1)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if a > b:
        offset = -offset
    n = input.shape[-1] + abs(offset)
    i = np.arange(input.shape[-1])
    out = jnp.zeros((*input.shape[:-1], n, n), input.dtype)
    out = out.at[..., i + max(-offset, 0), i + max(offset, 0)].set(input, unique_indices=True)
    return jnp.moveaxis(out, (-2, -1), (min(a, b), max(a, b)))


@composite
def diag(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal.

    >>> import jtorch as torch
    >>> torch.diag(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    rank = input._v.aval.ndim
    if rank not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {rank}D")
    found = diag_embed(input, diagonal) if rank == 1 else _diagonal_copy(input, diagonal)
    return found if out is None else write_out("diag", out, found)


@composite
def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with all elements as its diagonal."""
    return diag_embed(input.reshape(-1), offset)


# Flips and rolls


@op(order="pointwise")
def flip(input: Array, dims: Dims) -> Array:
    """With the order of elements reversed along dimensions.

    >>> import jtorch as torch
    >>> torch.flip(torch.tensor([1, 2, 3]), [0])
    tensor([3, 2, 1])
    """
    return jnp.flip(input, dims) if input.ndim else input


@op(grad="FlipBackward0", order="pointwise")
def fliplr(input: Array) -> Array:
    """With columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return jnp.flip(input, 1)


@op(grad="FlipBackward0", order="pointwise")
def flipud(input: Array) -> Array:
    """With rows in reverse order."""
    if not input.ndim:
        raise RuntimeError("Input must be >= 1-d.")
    return jnp.flip(input, 0)


@op(name="roll", method=False, function=False, grad="RollBackward0", order="images")
def _roll(input: Array, shifts: tuple, dims: tuple) -> Array:
    return jnp.roll(input, shifts, dims) if dims else jnp.roll(input, shifts[0])


@composite
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    """Elements moved along dimensions; what leaves at the end comes in at the start.

    >>> import jtorch as torch
    >>> torch.roll(torch.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    by, along = wholes("roll", "shifts", 2, shifts), wholes("roll", "dims", 3, dims)
    if not by:
        raise RuntimeError("`shifts` required")
    if len(by) != len(along) and not (len(by) == 1 and not along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    if along and not input._v.aval.ndim:
        raise errors.dim_of_scalar(along[0])
    if not along or not input._v.aval.size:  # of nothing torch does not look at the dimensions
        return _roll(input.contiguous(), by[:1], ())
    return _roll(input, by, tuple(wrap_dim(d, input._v.aval.ndim) for d in along))


@op(name="rot90", method=False, function=False, grad="Rot90Backward0")
def _rot90(input: Array, k: int, dims: tuple) -> Array:
    return jnp.rot90(input, k, dims)


@composite
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Rotated by `k` quarter turns in the plane of two dimensions.

    >>> import jtorch as torch
    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    rank, plane = input._v.aval.ndim, wholes("rot90", "dims", 3, dims)
    if len(plane) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(plane)}")
    if rank < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {rank}")
    if plane[0] == plane[1] or abs(plane[0] - plane[1]) == rank:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {plane[0]} and dim1 = {plane[1]}")
    for i, d in enumerate(plane):
        if not -rank <= d < rank:
            raise RuntimeError(f"Rotation dim{i} out of range, dim{i} = {d}")
    found, order = _rot90(input, k % 4, plane), lying(input)
    if k % 2:
        turned = dict(zip((plane[0] % rank, plane[1] % rank), (plane[1] % rank, plane[0] % rank), strict=True))
        order = tuple(turned.get(d, d) for d in order)
    return lay(found, order) if k % 4 else found


# Grids and products


@composite(method=False)
def broadcast_tensors(*tensors: Any) -> tuple:
    """The tensors expanded to their common shape."""
    found = _several(tensors)
    shape: tuple[int, ...] = ()
    for t in found:
        shape = broadcast(shape, t._v.aval.shape)
    return tuple(t if t._v.aval.shape == shape else views.expand(t, shape) for t in found)


@composite(method=False)
def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that tensors of these shapes broadcast to.

    >>> import jtorch as torch
    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    found: tuple[int, ...] = ()
    for given in shapes:
        shape = (given,) if as_int(given) is not None and not isinstance(given, (tuple, list)) else tuple(given)
        for n in shape:
            if n < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({n}): ({n})")
        try:
            found = broadcast(found, shape)
        except RuntimeError:
            raise RuntimeError(
                "Shape mismatch: objects cannot be broadcast to a single shape. Mismatch is between arg with shape "
                f"{unchecked_size(found)} and an arg with shape {unchecked_size(shape)}."
            ) from None
    return unchecked_size(found)


def _several(tensors: Sequence) -> list:
    """Tensors given one by one or as one sequence."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        return list(tensors[0])
    return list(tensors)


@composite(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple:
    """Grids of coordinates from vectors: `ij` is matrix indexing, `xy` that of plots.

    >>> import jtorch as torch
    >>> torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4]), indexing="ij")
    (tensor([[1, 1],
            [2, 2]]), tensor([[3, 4],
            [3, 4]]))
    """
    if indexing is None:
        warn_once("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.")
    found = _several(tensors)
    if not found:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    first = found[0]._v.aval
    if any(t._v.aval.dtype is not first.dtype for t in found):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    for t in found:
        if t._v.aval.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: " + str(list(t._v.aval.shape))
            )
    swap = indexing == "xy" and len(found) >= 2
    if swap:
        found[0], found[1] = found[1], found[0]
    shape = tuple(t._v.aval.size for t in found)
    grids = [
        views.expand(t.reshape((1,) * i + (-1,) + (1,) * (len(found) - i - 1)), shape) for i, t in enumerate(found)
    ]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@composite(method=False)
def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of one element from each vector, one a row.

    >>> import jtorch as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    found = _several(tensors)
    for t in found:
        if t._v.aval.ndim != 1:
            raise RuntimeError("Expect a 1D vector, but got shape " + str(list(t._v.aval.shape)))
    if len(found) == 1:
        return found[0]
    return joining.stack([g.reshape(-1) for g in meshgrid(*found, indexing="ij")], 1)


@composite(method=False)
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All subsets of `r` elements of a vector, one a row.

    >>> import jtorch as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input._v.aval.ndim != 1:
        raise RuntimeError("Expect a 1D vector, but got shape " + str(list(input._v.aval.shape)))
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(pick(range(input._v.aval.size), r)), np.int64).reshape(-1, r)
    return indexing.index_select(input, 0, from_host(rows.reshape(-1), place=input._v.aval.device)).reshape(rows.shape)


@op(name="block_diag", method=False, function=False, kind="default", grad="BlockDiagBackward0")
def _block_diag(tensors: Arrays) -> Array:
    blocks = [jnp.atleast_2d(t) for t in tensors]
    rows, columns = (sum(b.shape[d] for b in blocks) for d in (0, 1))
    out = jnp.zeros((rows, columns), jnp.result_type(*blocks))
    r = c = 0
    for b in blocks:
        out = out.at[r : r + b.shape[0], c : c + b.shape[1]].set(b)
        r, c = r + b.shape[0], c + b.shape[1]
    return out


@composite(method=False)
def block_diag(*tensors: Any) -> Any:
    """A matrix with the given ones along its diagonal.

    >>> import jtorch as torch
    >>> torch.block_diag(torch.tensor([1]), torch.tensor([[2, 3]]))
    tensor([[1, 0, 0],
            [0, 2, 3]])
    """
    for i, t in enumerate(tensors):
        if t._v.aval.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t._v.aval.ndim} "
                "dimensions"
            )
    return _block_diag(list(tensors))


# Repeats


@op(name="repeat", method=False, function=False, grad="RepeatBackward0")
def _repeat(input: Array, repeats: tuple) -> Array:
    return jnp.tile(input, repeats)


@composite(function=False)
def repeat(self: Any, *repeats: Any, **named: Any) -> Any:
    """Copies of the tensor put side by side, so often along each dimension.

    >>> import jtorch as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    counts = wholes("repeat", "repeats", 1, varargs("repeat", "repeats", repeats, named))
    shape = self._v.aval.shape
    if len(counts) < len(shape):
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(n < 0 for n in counts):
        sizes = [n * m for n, m in zip(counts, (1,) * (len(counts) - len(shape)) + shape, strict=True)]
        raise errors.negative_dimension(next(n for n in sizes if n < 0), sizes)
    return _repeat(self, counts)


@composite(method=False)
def tile(input: Any, dims: Any) -> Any:
    """As `Tensor.repeat`; missing leading counts are 1."""
    counts = wholes("tile", "dims", 2, dims)
    return repeat(input, (1,) * (input._v.aval.ndim - len(counts)) + counts)


@composite(public="tile", function=False)
def _tile_method(self: Any, *dims: Any, **named: Any) -> Any:
    """As `repeat`; missing leading counts are 1."""
    return tile(self, varargs("tile", "dims", dims, named))


@op(name="repeat_interleave", method=False, function=False, grad="ViewBackward0")
def _repeat_each(input: Array, repeats: int, dim: Dim) -> Array:
    return jnp.repeat(input, repeats, axis=dim)


@composite(forms=("input, repeats, dim=None, *, output_size=None", "repeats, *, output_size=None"))
def repeat_interleave(
    input: Any = None, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element repeated, all equally often or each as often as `repeats` says.

    >>> import jtorch as torch
    >>> torch.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    if input is None or repeats is None:
        return _positions(repeats if input is None else input)
    spread: Any = input.reshape(-1) if dim is None else input
    d = wrap_dim(0 if dim is None else dim, spread._v.aval.ndim)
    if not isinstance(repeats, Handle):
        count = whole("repeat_interleave", "repeats", 2, repeats)
        if count < 0:
            raise RuntimeError("Repeats must be non-negative")
        if not spread._v.aval.ndim:
            raise errors.dim_out_of_range(d + 1, 0)
        return _repeat_each(spread, count, d)
    if repeats._v.aval.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    n, m = spread._v.aval.shape[d] if spread._v.aval.ndim else 1, repeats._v.aval.size
    if m == 1:
        return _repeat_each(spread, int(repeats.item()), d)
    if n != m:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got "
            f"repeats.size(0) = {m} and input.size({d}) = {n}"
        )
    return indexing.index_select(spread, d, _positions(repeats))


def _positions(repeats: Any) -> Any:
    """Index `i` as often as `repeats[i]`. The length is data: runs what is pending."""
    counts = to_host(repeats)
    if counts.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats._v.aval.dtype not in (int64, int32):
        raise RuntimeError("repeats has to be Long or Int tensor")
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    return from_host(np.repeat(np.arange(counts.size), counts).astype(counts.dtype), place=repeats._v.aval.device)


# Counts and powers


@composite
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each number from 0 occurs. Its length is data: runs what is pending.

    >>> import jtorch as torch
    >>> torch.bincount(torch.tensor([0, 1, 1, 3]))
    tensor([1, 2, 0, 1])
    """
    aval = input._v.aval
    if aval.dtype.is_floating_point or aval.dtype.is_complex or aval.dtype is bool_:
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{aval.dtype.type_name}'")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    numbers = to_host(input)
    if aval.ndim != 1 or (numbers.size and numbers.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        counts = np.bincount(numbers.astype(np.int64), minlength=minlength).astype(np.int64)
        return from_host(counts, place=aval.device)
    if weights._v.aval.shape != aval.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    kept = weights._v.aval.dtype.np if weights._v.aval.dtype.name == "float32" else np.float64
    totals = np.bincount(numbers.astype(np.int64), to_host(weights).astype(np.float64), minlength)
    return from_host(totals.astype(kept), place=aval.device)


@op(name="vander", grad=lambda specs, statics: "CumprodBackward0" if statics[1] else "FlipBackward0",
    method=False, function=False)  # fmt: skip
def _vander(x: Array, N: int, increasing: bool) -> Array:
    powers = np.arange(N) if increasing else np.arange(N)[::-1]
    columns = [jnp.ones_like(x)]
    for _ in range(N - 1):
        columns.append(columns[-1] * x)
    return jnp.stack([columns[p] for p in powers], -1) if N else jnp.zeros((*x.shape, 0), x.dtype)


@composite(method=False)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The Vandermonde matrix: powers of `x` as columns.

    >>> import jtorch as torch
    >>> torch.vander(torch.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if x._v.aval.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is not None and N < 0:
        raise RuntimeError("N must be non-negative.")
    found = x.to(int64) if x._v.aval.dtype.category < 2 else x
    columns = x._v.aval.size if N is None else N
    return _vander(found if columns > 1 else found.detach(), columns, increasing)
