"""Indexing by functions: gather, scatter, index_*, masked_*, where, nonzero.

Index tensors that are known on the host are checked when the op is called; of those still to be computed the
program tells afterwards. Inside a program a wrong index is clipped.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import (
    Array,
    Dim,
    Handle,
    Parted,
    Scalar,
    broadcast,
    composite,
    errors,
    lay,
    lying,
    op,
    wrap_dim,
    write_out,
)
from jtorch._declare.advanced import check_indices, nonzero_of, put, take
from jtorch._declare.checks import check_bounds
from jtorch._declare.halves import wide
from jtorch._declare.indices import IN_BOUNDS, clipped, outside, overwritten, wrapped
from jtorch._declare.types import bool_, int32, int64, uint8
from jtorch._ops import scattering
from jtorch._ops.arguments import check_single
from jtorch._ops.index_checks import at_least_1d, bounds_error, length
from jtorch._ops.splitting import unbind

# Along one dimension, whole slices


def _vector(name: str, index: Any) -> None:
    if index._v.aval.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")


def _slices(input: Any, dim: int, index: Any) -> tuple:
    return (*(slice(None),) * dim, clipped(index, input.shape[dim]))


@op(
    name="index_select",
    method=False,
    function=False,
    grad="IndexSelectBackward0",
    checks=lambda input, dim, index: outside(index, length(input.shape, dim)),
    saves="index",
)
def _index_select(input: Array, dim: Dim, index: Array) -> Array:
    if not input.ndim:
        return input
    found = wide(input).at[_slices(input, dim, index.reshape(-1))].get(mode=IN_BOUNDS)
    return found.astype(input.dtype)  # from float32: torch sums a gradient of half type there


@composite(tensors="index")
def index_select(input: Any, dim: int, index: Any, *, out: Any = None) -> Any:
    """The slices that `index` names along `dim`.

    >>> import jtorch as torch
    >>> torch.eye(3).index_select(0, torch.tensor([2, 0]))
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    d = wrap_dim(dim, input._v.aval.ndim)
    _vector("index_select", index)
    if index._v.aval.dtype not in (int64, int32):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    n = length(input._v.aval.shape, d)
    if not input._v.aval.ndim and (count := index._v.aval.size) != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {count} value(s)")
    if not n and index._v.aval.size and input._v.aval.ndim > 1:
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    check_bounds(index, 0, n, lambda _: errors.index_out_of_range_in_self())
    shared = _on_host(input) and not input._requires_grad
    found = (
        take(input, (), (d,), [index.reshape(-1)]) if shared and input._v.aval.ndim else _index_select(input, d, index)
    )
    return found if out is None else write_out("index_select", out, found, (input, index))


def _on_host(t: Any) -> bool:
    """True when the tensor's memory is shared with NumPy."""
    try:
        return t._cell is not None and t._cell.host is not None
    except Parted:
        return False


@op(
    name="index_add",
    method=False,
    function=False,
    grad="IndexAddBackward0",
    checks=lambda input, dim, index, source, alpha: outside(index, length(input.shape, dim)),
    saves="index source",
)
def _index_add(input: Array, dim: Dim, index: Array, source: Array, alpha: Scalar) -> Array:
    shape = input.shape
    input, index, source = at_least_1d(input, index, source)
    if input.dtype == np.bool_:
        source = source & (jnp.asarray(alpha) != 0)
        return input.at[_slices(input, dim, index)].max(source, mode=IN_BOUNDS).reshape(shape)
    amount = source * jnp.asarray(alpha).astype(source.dtype)
    return input.at[_slices(input, dim, index)].add(amount, mode=IN_BOUNDS).reshape(shape)


def _check_source(name: str, kind: type[Exception], text: str, input: Any, d: int, index: Any, source: Any) -> None:
    count, found = index._v.aval.size, length(source._v.aval.shape, d)
    if count != found:
        raise kind(f"{name}_(): Number of indices ({count}) should be equal to source.size(dim){text} ({found})"
                   + (f", for dim: {d}" if text else ""))  # fmt: skip


@composite(inplace=True, tensors="index source")
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """`input` with the slices of `source`, times `alpha`, added to those `index` names.

    >>> import jtorch as torch
    >>> torch.zeros(3).index_add(0, torch.tensor([0, 0]), torch.tensor([1., 2.]))
    tensor([3., 0., 0.])
    """
    d = wrap_dim(dim, input._v.aval.ndim)
    _vector("index_add_", index)
    mine, theirs = input._v.aval.dtype, source._v.aval.dtype
    if mine is not theirs:
        raise RuntimeError(
            f"index_add_(): self ({mine.type_name}) and source ({theirs.type_name}) must have the same scalar type"
        )
    if d >= max(source._v.aval.ndim, 1):
        raise RuntimeError(
            f"index_add_(): Indexing dim {d} is out of bounds of the source tensor with dim {source._v.aval.ndim}"
        )
    _check_source("index_add", RuntimeError, ":", input, d, index, source)
    n = length(input._v.aval.shape, d)
    rest, other = (list(x._v.aval.shape) for x in (input, source))
    if other and (rest or len(other) > 1) and rest[:d] + rest[d + 1 :] != other[:d] + other[d + 1 :]:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{rest} source.shape = {other}"
        )
    check_bounds(index, 0, n, bounds_error(RuntimeError, d, n))
    found = _index_add(input, d, index, source, alpha)
    return found if out is None else write_out("index_add", out, found, (index, source))


@op(
    name="index_copy",
    method=False,
    function=False,
    grad="IndexCopyBackward0",
    checks=lambda input, dim, index, source: outside(index, length(input.shape, dim)),
    saves="index source",
)
def _index_copy(input: Array, dim: Dim, index: Array, source: Array) -> Array:
    shape = input.shape
    input, index, source = at_least_1d(input, index, source)
    return overwritten(input, _slices(input, dim, index), source).reshape(shape)


@composite(inplace=True, tensors="index source")
def index_copy(input: Any, dim: int, index: Any, source: Any, *, out: Any = None) -> Any:
    """`input` with the slices of `source` in place of those `index` names."""
    d = wrap_dim(dim, input._v.aval.ndim)
    _vector("index_copy", index)
    rank, found_rank = input._v.aval.ndim, source._v.aval.ndim
    if rank and found_rank and rank != found_rank:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({found_rank}), destination dimensionality ({rank})"
        )
    mine, theirs = input._v.aval.dtype, source._v.aval.dtype
    if mine is not theirs:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{mine.type_name} and (source) {theirs.type_name}"
        )
    _check_source("index_copy", IndexError, "", input, d, index, source)
    n = length(input._v.aval.shape, d)
    check_bounds(index, 0, n, bounds_error(IndexError, d, n, "index_copy_(): "))
    found = _index_copy(input, d, index, source)
    return found if out is None else write_out("index_copy", out, found, (index, source))


def _outside_both(index: Any, size: int) -> Any:
    return outside(index, size, -size)


def _fill_check(input: Any, dim: int, index: Any, value: Any) -> Any:
    return _outside_both(index, length(input.shape, dim))


def _index_fill_body(input: Any, dim: int, index: Any, value: Any) -> Any:
    shape = input.shape
    input, index = at_least_1d(input, index)
    return (
        input.at[_slices(input, dim, wrapped(index, input.shape[dim]))]
        .set(jnp.asarray(value).astype(input.dtype), mode=IN_BOUNDS)
        .reshape(shape)
    )


@op(name="index_fill", method=False, function=False, grad="IndexFillBackward0", checks=_fill_check, order="pointwise")
def _index_fill(input: Array, dim: Dim, index: Array, value: Scalar) -> Array:
    return _index_fill_body(input, dim, index, value)


@op(name="index_fill", method=False, function=False, grad="IndexFillBackward1", checks=_fill_check, order="pointwise")
def _index_fill_tensor(input: Array, dim: Dim, index: Array, value: Array) -> Array:
    return _index_fill_body(input, dim, index, value)


@composite(inplace=True)
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """`input` with one value in the slices `index` names.

    >>> import jtorch as torch
    >>> torch.zeros(3).index_fill(0, torch.tensor([1]), 5.)
    tensor([0., 5., 0.])
    """
    d = wrap_dim(dim, input._v.aval.ndim)
    n = length(input._v.aval.shape, d)
    if index._v.aval.dtype not in (int64, int32):
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    check_bounds(index, -n, n, bounds_error(IndexError, d, n))
    if isinstance(value, Handle):
        check_single("index_fill_", value)
        return _index_fill_tensor(input, d, index, value)
    return _index_fill(input, d, index, value)


# By flat position


@op(
    name="take",
    method=False,
    function=False,
    grad="TakeBackward0",
    checks=lambda input, index: _outside_both(index, input.size),
    saves="input index",
)
def _take(input: Array, index: Array) -> Array:
    flat = jnp.reshape(input, (-1,))
    return flat.at[wrapped(index, flat.size)].get(mode=IN_BOUNDS)


def _flat_bounds(input: Any, index: Any) -> None:
    n = input._v.aval.size
    check_bounds(
        index, -n, n,
        lambda i: IndexError(f"out of range: tried to access index {i} on a tensor of {n} elements."),
    )  # fmt: skip


@composite(public="take", tensors="index")
def _take_flat(input: Any, index: Any, *, out: Any = None) -> Any:
    """The elements at positions of the flattened tensor.

    >>> import jtorch as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, 3]))
    tensor([1, 4])
    """
    if index._v.aval.dtype is not int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index._v.aval.dtype.type_name}")
    if index._v.aval.size and not input._v.aval.size:
        raise IndexError("take(): tried to take from an empty tensor")
    _flat_bounds(input, index)
    found = _take(input, index)
    return found if out is None else write_out("take", out, found, (input, index))


@op(method=False, function=False, differentiable=False)
def _modulo(index: Array, size: int) -> Array:
    return index % size


@composite(tensors="indices")
def take_along_dim(input: Any, indices: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """As `gather`, with indices broadcast against `input`; without `dim` by flat position.

    >>> import jtorch as torch
    >>> torch.take_along_dim(torch.tensor([[3, 1], [2, 4]]), torch.tensor([[1], [0]]), 1)
    tensor([[1],
            [2]])
    """
    if indices._v.aval.dtype is not int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices._v.aval.dtype.type_name}"
        )
    if dim is None:
        n = input._v.aval.size
        check_bounds(indices, 0, n, bounds_error(RuntimeError, 0, n))
        return scattering.gather(input.reshape(-1), 0, indices.reshape(-1), out=out)
    mine, theirs = input._v.aval.shape, indices._v.aval.shape
    if len(mine) != len(theirs):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{len(mine)} dimensions for input, and {len(theirs)} dimensions for indices"
        )
    d = wrap_dim(dim, len(mine))
    if not mine:
        raise errors.dim_of_scalar(dim)
    common = broadcast((*mine[:d], 1, *mine[d + 1 :]), (*theirs[:d], 1, *theirs[d + 1 :]))
    wide = input.expand((*common[:d], mine[d], *common[d + 1 :]))
    return scattering.gather(
        wide, d, _modulo(indices, mine[d]).expand((*common[:d], theirs[d], *common[d + 1 :])), out=out
    )


@op(
    name="put",
    method=False,
    function=False,
    grad="PutBackward0",
    order="pointwise",
    checks=lambda input, index, source, accumulate: _outside_both(index, input.size),
    saves="index source",
)
def _put_flat(input: Array, index: Array, source: Array, accumulate: bool) -> Array:
    flat = jnp.reshape(input, (-1,))
    i = jnp.reshape(index, (-1,))
    where = (wrapped(i, flat.size),)
    spot = flat.at[where]
    new = jnp.reshape(source, (-1,))
    if accumulate:
        found = spot.max(new, mode=IN_BOUNDS) if input.dtype == np.bool_ else spot.add(new, mode=IN_BOUNDS)
    else:
        found = overwritten(flat, where, new)
    return found.reshape(input.shape)


@composite(public="put", inplace=True, tensors="index source")
def _put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """`input` with elements of `source` at positions of the flattened tensor."""
    if index._v.aval.dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index._v.aval.dtype.type_name}")
    mine, theirs = input._v.aval.dtype, source._v.aval.dtype
    if mine is not theirs:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{mine.type_name} and source.dtype = {theirs.type_name}"
        )
    if index._v.aval.size != source._v.aval.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source._v.aval.size}, index.numel() = {index._v.aval.size}"
        )
    _flat_bounds(input, index)
    return _put_flat(input, index, source, accumulate)


# By several index tensors


def _places(input: Any, indices: Any) -> tuple[list[int], list]:
    """Dimensions and index tensors of `index_put`'s list, masks unfolded."""
    at, index, dim = [], [], 0
    for i in indices:
        if not isinstance(i, Handle):
            raise errors.tensor_list_item(0, len(at), i)
        masks = nonzero_of(i) if i._v.aval.dtype in (bool_, uint8) else [i]
        for t in masks:
            at.append(dim)
            index.append(t)
            dim += 1
    if dim > input._v.aval.ndim:
        raise errors.index_too_many(input._v.aval.ndim)
    check_indices(input._v.aval.shape, at, index)
    return at, index


@composite(inplace=True)
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """`input` with `values` written, or added, at the places that index tensors name together.

    >>> import jtorch as torch
    >>> torch.zeros(3).index_put((torch.tensor([0, 2]),), torch.tensor(1.))
    tensor([1., 0., 1.])
    """
    at, index = _places(input, indices)
    return put(input, tuple(at), index, values, accumulate)


def _held(input: Any, indices: Any) -> tuple:
    """Indices held within their dimensions: what lies outside is masked away."""
    shape = input._v.aval.shape
    return tuple(slice(None) if i is None else i.clamp(-n, n - 1) for n, i in zip(shape, indices, strict=False))


@composite(method=False)
def _unsafe_masked_index(input: Any, mask: Any, indices: Any, fill: Any) -> Any:
    """`input[indices]` where `mask` is true, else `fill`; there the indices may point anywhere.

    >>> import jtorch as torch
    >>> torch._unsafe_masked_index(torch.tensor([5, 6]), torch.tensor([True, False]), [torch.tensor([1, 9])], 0)
    tensor([6, 0])
    """
    found = input[_held(input, indices)]
    return found.masked_fill(mask.logical_not(), input.new_full((), fill))


@composite(method=False)
def _unsafe_masked_index_put_accumulate(input: Any, mask: Any, indices: Any, values: Any) -> Any:
    """`input` with `values` added at `indices` where `mask` is true; elsewhere the indices may point anywhere."""
    return input.index_put(_held(input, indices), values.masked_fill(mask.logical_not(), 0), True)


@op(name="unravel_index", public="_unravel_index", function=False, method=False, differentiable=False)
def _unravel_index(indices: Array, shape: tuple) -> Array:
    rest, found = indices.astype(jnp.int64), []
    for n in shape[::-1]:
        found.append(rest % n)
        rest = rest // n
    return jnp.stack(found[::-1], -1)


@composite(method=False)
def unravel_index(indices: Any, shape: Any) -> tuple:
    """The coordinates, one tensor a dimension, of places counted through a tensor of the given shape.

    >>> import jtorch as torch
    >>> torch.unravel_index(torch.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    found = indices.dtype
    if found is bool_ or found.is_floating_point or found.is_complex:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {found}")
    if not isinstance(shape, (int, tuple, list, str)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for n in sizes:
        if not isinstance(n, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(n)}")
    if any(n < 0 for n in sizes):  # type: ignore[operator]  # strings were refused
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if 0 in sizes and indices.numel():
        raise RuntimeError("ZeroDivisionError")
    if not sizes:
        return ()
    found = _unravel_index(indices, tuple(n or 1 for n in sizes))
    return unbind(lay(found, (*lying(indices), indices.dim())), -1)
