"""Indexing by functions: gather, scatter, index_*, masked_*, where, nonzero.

Index tensors that are known on the host are checked when the op is called; of those still to be computed the
program tells afterwards. Inside a program a wrong index is clipped.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import (
    Array,
    Dim,
    Handle,
    Scalar,
    broadcast,
    composite,
    errors,
    op,
    wrap_dim,
    write_out,
)
from jtorch._declare.advanced import check_indices, nonzero_of, put, take
from jtorch._declare.checks import check_bounds
from jtorch._declare.types import bool_, int32, int64, uint8

_BOUNDS = "promise_in_bounds"  # indices are clipped before, so nothing is left to decide


def _clipped(index: Any, size: int) -> Any:
    return jnp.clip(index, 0, max(size - 1, 0))


def _outside(index: Any, size: int) -> Any:
    return jnp.any((index < 0) | (index >= size))


def _length(shape: tuple[int, ...], dim: int) -> int:
    return shape[dim] if shape else 1


def _bounds_error(kind: type[Exception], dim: int, size: int, prefix: str = "") -> Callable[[int], Exception]:
    return lambda i: kind(f"{prefix}index {i} is out of bounds for dimension {dim} with size {size}")


# Along one dimension, an index for each element


def _spots(index: Any, dim: int, size: int) -> tuple:
    """For each element of `index` the place it names: its own coordinates but for `dim`."""
    places = [jnp.arange(n).reshape((1,) * d + (n,) + (1,) * (index.ndim - d - 1)) for d, n in enumerate(index.shape)]
    places[dim] = _clipped(index, size)
    return tuple(places)


def _at_least_1d(*arrays: Any) -> list:
    return [jnp.reshape(a, (1,)) if jnp.ndim(a) == 0 else a for a in arrays]


@op(
    public="gather", method=False, function=False, grad="GatherBackward0",
    checks=lambda input, dim, index: _outside(index, _length(input.shape, dim)),
)  # fmt: skip
def _gather(input: Array, dim: Dim, index: Array) -> Array:
    if index.ndim == input.ndim == 0:
        return input
    shape = index.shape
    input, index = _at_least_1d(input, index)
    if not index.size:
        return jnp.zeros(shape, input.dtype)
    return input.at[_spots(index, dim, input.shape[dim])].get(mode=_BOUNDS).reshape(shape)


def _check_index(name: str, input: Any, dim: int, index: Any, both: bool = False) -> int:
    """The checks gather and scatter share; returns the wrapped dimension."""
    shape, aval = input._v.aval.shape, index._v.aval
    d = wrap_dim(dim, len(shape))
    if aval.dtype not in (int64, int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if not aval.size:
        return d
    if max(aval.ndim, 1) != max(len(shape), 1):
        word = "self" if both else "input"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {word} tensor")
    return d


@composite
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False, out: Any = None) -> Any:
    """The elements that `index` names along `dim`: `out[i][j] = input[index[i][j]][j]` for dim 0.

    >>> import jtorch as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[1], [0]]))
    tensor([[2],
            [3]])
    """
    d = _check_index("gather", input, dim, index)
    shape, mine = input._v.aval.shape, index._v.aval.shape
    for i, (n, m) in enumerate(zip(mine, shape, strict=False)):
        if i != d and n > m and index._v.aval.size:
            raise RuntimeError(
                f"Size does not match at dimension {i} expected index {list(mine)} to be no larger than self "
                f"{list(shape)} apart from dimension {d}"
            )
    n = _length(shape, d)
    check_bounds(index, 0, n, _bounds_error(RuntimeError, d, n))
    found = _gather(input, d, index)
    return found if out is None else write_out("gather", out, found)


def _scatter_spot(input: Any, dim: int, index: Any, src: Any) -> tuple[Any, Any]:
    """Where in `input` scatter writes, and the part of `src` it writes there."""
    spot = input.at[_spots(index, dim, input.shape[dim])]
    return spot, src[tuple(slice(n) for n in index.shape)] if jnp.ndim(src) else src


def _scatter_check(input: Any, dim: int, index: Any, src: Any) -> Any:
    return _outside(index, _length(input.shape, dim))


def _scatter_body(input: Any, dim: int, index: Any, src: Any) -> Any:
    if not index.size:
        return input
    shape = input.shape
    input, index = _at_least_1d(input, index)
    spot, part = _scatter_spot(input, dim, index, src)
    return spot.set(jnp.broadcast_to(part, index.shape).astype(input.dtype), mode=_BOUNDS).reshape(shape)


@op(public="scatter", method=False, function=False, grad="ScatterBackward0", checks=_scatter_check)
def _scatter(input: Array, dim: Dim, index: Array, src: Array) -> Array:
    return _scatter_body(input, dim, index, src)


@op(public="scatter", method=False, function=False, grad="ScatterBackward1",
    checks=lambda input, dim, index, value: _outside(index, _length(input.shape, dim)))  # fmt: skip
def _scatter_value(input: Array, dim: Dim, index: Array, value: Scalar) -> Array:
    return _scatter_body(input, dim, index, value)


@op(public="scatter_add", method=False, function=False, grad="ScatterAddBackward0", checks=_scatter_check)
def _scatter_add(input: Array, dim: Dim, index: Array, src: Array) -> Array:
    if not index.size:
        return input
    shape = input.shape
    input, index, src = _at_least_1d(input, index, src)
    spot, part = _scatter_spot(input, dim, index, src)
    if input.dtype == np.bool_:
        return spot.max(part, mode=_BOUNDS).reshape(shape)
    return spot.add(part, mode=_BOUNDS).reshape(shape)


def _check_scatter(name: str, input: Any, dim: int, index: Any, src: Any) -> int:
    d = _check_index(name, input, dim, index, both=True)
    n = _length(input._v.aval.shape, d)
    if isinstance(src, Handle) and index._v.aval.size:
        _check_scatter_shapes(name, input._v.aval, index._v.aval.shape, src._v.aval, d)
    check_bounds(index, 0, n, _bounds_error(RuntimeError, d, n))
    return d


def _check_scatter_shapes(name: str, input: Any, index: tuple, src: Any, dim: int) -> None:
    if input.dtype is not src.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    if max(len(index), 1) != max(src.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    pairs = enumerate(zip(index, input.shape, src.shape, strict=False))
    if any((d != dim and n > m) or n > s for d, (n, m, s) in pairs):
        raise RuntimeError(
            f"Expected index {list(index)} to be no larger than self {list(input.shape)} apart from dimension {dim} "
            f"and to be no larger size than src {list(src.shape)}"
        )


_REDUCTIONS = {"add": "sum", "multiply": "prod"}


@composite(inplace=True)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None, out: Any = None
) -> Any:
    """`input` with the elements of `src`, or one number, written where `index` says along `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(3).scatter(0, torch.tensor([2, 0]), torch.tensor([5., 6.]))
    tensor([6., 0., 5.])
    """
    source = value if src is None else src
    d = _check_scatter("scatter", input, dim, index, source)
    if reduce is not None:
        if reduce not in _REDUCTIONS:
            raise RuntimeError("reduce argument must be either add or multiply.")
        filled = source if isinstance(source, Handle) else index.new_full(
            index._v.aval.shape, source, dtype=input._v.aval.dtype
        )  # fmt: skip
        found = _scatter_reduce(input, d, index, filled, _REDUCTIONS[reduce], True)
    elif isinstance(source, Handle):
        found = _scatter(input, d, index, source)
    else:
        found = _scatter_value(input, d, index, source)
    return found if out is None else write_out("scatter", out, found)


@composite(inplace=True)
def scatter_add(input: Any, dim: int, index: Any, src: Any, *, out: Any = None) -> Any:
    """`input` with the elements of `src` added where `index` says along `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(2).scatter_add(0, torch.tensor([0, 0]), torch.tensor([1., 2.]))
    tensor([3., 0.])
    """
    found = _scatter_add(input, _check_scatter("scatter", input, dim, index, src), index, src)
    return found if out is None else write_out("scatter_add", out, found)


@op(public="scatter_reduce", method=False, function=False, grad="ScatterReduceBackward0", checks=lambda input, dim, index, src, reduce, include_self: _outside(index, _length(input.shape, dim)))  # fmt: skip
def _scatter_reduce(input: Array, dim: Dim, index: Array, src: Array, reduce: str, include_self: bool) -> Array:
    if not index.size:
        return input
    shape = input.shape
    input, index, src = _at_least_1d(input, index, src)
    where = _spots(index, dim, input.shape[dim])
    part = src[tuple(slice(n) for n in index.shape)]
    kind = input.dtype
    if jnp.issubdtype(kind, jnp.floating) and kind.itemsize < 4:
        input, part = input.astype(np.float32), part.astype(np.float32)
    return _reduced_into(input, where, part, reduce, include_self).reshape(shape).astype(kind)


def _reduced_into(input: Any, where: tuple, part: Any, reduce: str, include_self: bool) -> Any:
    """`part` reduced into the places `where`; the others keep what they hold."""
    start = input if include_self else input.at[where].set(_neutral(reduce, input.dtype), mode=_BOUNDS)
    spot = start.at[where]
    if reduce == "prod":
        return _product_into(start, where, part)
    if reduce in ("amax", "amin"):
        found = spot.max(part, mode=_BOUNDS) if reduce == "amax" else spot.min(part, mode=_BOUNDS)
        return _to_the_extreme(lax.stop_gradient(found), start, where, part)
    total = spot.add(part, mode=_BOUNDS)
    if reduce == "sum":
        return total
    ones = jnp.ones(part.shape, np.int32)
    count = jnp.full(input.shape, int(include_self), np.int32).at[where].add(ones, mode=_BOUNDS)
    count = jnp.maximum(count, 1).astype(input.dtype)
    return jnp.floor_divide(total, count) if jnp.issubdtype(input.dtype, jnp.integer) else total / count


def _with_slopes(value: Any, *terms: Any) -> Any:
    """`value`, with the gradient of the sum of `terms`."""
    if not jnp.issubdtype(value.dtype, jnp.inexact):
        return value
    total = sum(t - lax.stop_gradient(t) for t in terms)
    return value + jnp.where(jnp.isfinite(total), total, 0)


def _to_the_extreme(found: Any, start: Any, where: tuple, part: Any) -> Any:
    """JAX cannot differentiate a scatter of maxima. torch shares the gradient evenly between equals."""
    mine, theirs = found == start, found[where] == part
    ties = mine.astype(found.dtype).at[where].add(theirs.astype(found.dtype), mode=_BOUNDS)
    ties = jnp.maximum(ties, 1)
    spread = jnp.zeros_like(found).at[where].add(jnp.where(theirs, part, 0), mode=_BOUNDS)
    return _with_slopes(found, jnp.where(mine, start, 0) / ties, spread / ties)


def _product_into(start: Any, where: tuple, part: Any) -> Any:
    """JAX differentiates a scatter of products only without repeats: the slope of a factor is the product of the
    others, found by division or, where one factor is zero, from the product of the rest."""
    still, factors = lax.stop_gradient(start), lax.stop_gradient(part)
    found = still.at[where].multiply(factors, mode=_BOUNDS)
    if not jnp.issubdtype(found.dtype, jnp.inexact):
        return found
    zeros = (still == 0).astype(np.int32).at[where].add((factors == 0).astype(np.int32), mode=_BOUNDS)
    rest = jnp.where(still == 0, 1, still).at[where].multiply(jnp.where(factors == 0, 1, factors), mode=_BOUNDS)

    def slope(x: Any, whole: Any, count: Any, others: Any) -> Any:
        single = jnp.where((count == 1) & (x == 0), others, 0)
        return jnp.where(count == 0, whole / jnp.where(x == 0, 1, x), single)

    mine = slope(still, found, zeros, rest) * start
    theirs = slope(factors, found[where], zeros[where], rest[where]) * part
    return _with_slopes(found, mine, jnp.zeros_like(found).at[where].add(theirs, mode=_BOUNDS))


def _neutral(reduce: str, kind: Any) -> Any:
    if reduce in ("sum", "mean"):
        return jnp.zeros((), kind)
    if reduce == "prod":
        return jnp.ones((), kind)
    if kind == np.bool_:
        return jnp.asarray(reduce == "amin")
    limits = jnp.iinfo(kind) if jnp.issubdtype(kind, jnp.integer) else None
    if limits is None:
        return jnp.asarray(-jnp.inf if reduce == "amax" else jnp.inf, kind)
    return jnp.asarray(limits.min if reduce == "amax" else limits.max, kind)


def _check_reduce(reduce: str) -> None:
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")


@composite(inplace=True)
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """`input` with the elements of `src` reduced (sum, prod, mean, amax, amin) where `index` says along `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(2).scatter_reduce(0, torch.tensor([0, 0]), torch.tensor([1., 2.]), "amax")
    tensor([2., 0.])
    """
    _check_reduce(reduce)
    d = _check_scatter("scatter", input, dim, index, src)
    found = _scatter_reduce(input, d, index, src, reduce, include_self)
    return found if out is None else write_out("scatter_reduce", out, found)


# Along one dimension, whole slices


def _vector(name: str, index: Any) -> None:
    if index._v.aval.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector")


def _slices(input: Any, dim: int, index: Any) -> tuple:
    return (*(slice(None),) * dim, _clipped(index, input.shape[dim]))


@op(public="index_select", method=False, function=False, grad="IndexSelectBackward0",
    checks=lambda input, dim, index: _outside(index, _length(input.shape, dim)))  # fmt: skip
def _index_select(input: Array, dim: Dim, index: Array) -> Array:
    if not input.ndim:
        return input
    return input.at[_slices(input, dim, index.reshape(-1))].get(mode=_BOUNDS)


@composite
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
    n = _length(input._v.aval.shape, d)
    check_bounds(index, 0, n, lambda _: errors.index_out_of_range_in_self())
    shared = input._cell is not None and input._cell.host is not None and not input._requires_grad
    found = (
        take(input, (), (d,), [index.reshape(-1)]) if shared and input._v.aval.ndim else _index_select(input, d, index)
    )
    return found if out is None else write_out("index_select", out, found)


@op(public="index_add", method=False, function=False, grad="IndexAddBackward0",
    checks=lambda input, dim, index, source, alpha: _outside(index, _length(input.shape, dim)))  # fmt: skip
def _index_add(input: Array, dim: Dim, index: Array, source: Array, alpha: Scalar) -> Array:
    shape = input.shape
    input, index, source = _at_least_1d(input, index, source)
    if input.dtype == np.bool_:
        return input.at[_slices(input, dim, index)].max(source, mode=_BOUNDS).reshape(shape)
    amount = source * jnp.asarray(alpha).astype(source.dtype)
    return input.at[_slices(input, dim, index)].add(amount, mode=_BOUNDS).reshape(shape)


def _check_source(name: str, kind: type[Exception], text: str, input: Any, d: int, index: Any, source: Any) -> None:
    count, length = index._v.aval.size, _length(source._v.aval.shape, d)
    if count != length:
        raise kind(f"{name}_(): Number of indices ({count}) should be equal to source.size(dim){text} ({length})"
                   + (f", for dim: {d}" if text else ""))  # fmt: skip


@composite(inplace=True)
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """`input` with the slices of `source`, times `alpha`, added to those `index` names.

    >>> import jtorch as torch
    >>> torch.zeros(3).index_add(0, torch.tensor([0, 0]), torch.tensor([1., 2.]))
    tensor([3., 0., 0.])
    """
    d = wrap_dim(dim, input._v.aval.ndim)
    _vector("index_add_", index)
    _check_source("index_add", RuntimeError, ":", input, d, index, source)
    mine, theirs = input._v.aval.dtype, source._v.aval.dtype
    if mine is not theirs:
        raise RuntimeError(
            f"index_add_(): self ({mine.type_name}) and source ({theirs.type_name}) must have the same scalar type"
        )
    n = _length(input._v.aval.shape, d)
    check_bounds(index, 0, n, _bounds_error(RuntimeError, d, n))
    found = _index_add(input, d, index, source, alpha)
    return found if out is None else write_out("index_add", out, found)


@op(public="index_copy", method=False, function=False, grad="IndexCopyBackward0",
    checks=lambda input, dim, index, source: _outside(index, _length(input.shape, dim)))  # fmt: skip
def _index_copy(input: Array, dim: Dim, index: Array, source: Array) -> Array:
    shape = input.shape
    input, index, source = _at_least_1d(input, index, source)
    return input.at[_slices(input, dim, index)].set(source, mode=_BOUNDS).reshape(shape)


@composite(inplace=True)
def index_copy(input: Any, dim: int, index: Any, source: Any, *, out: Any = None) -> Any:
    """`input` with the slices of `source` in place of those `index` names."""
    d = wrap_dim(dim, input._v.aval.ndim)
    _vector("index_copy", index)
    _check_source("index_copy", IndexError, "", input, d, index, source)
    mine, theirs = input._v.aval.dtype, source._v.aval.dtype
    if mine is not theirs:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{mine.type_name} and (source) {theirs.type_name}"
        )
    n = _length(input._v.aval.shape, d)
    check_bounds(index, 0, n, _bounds_error(IndexError, d, n, "index_copy_(): "))
    found = _index_copy(input, d, index, source)
    return found if out is None else write_out("index_copy", out, found)


def _outside_both(index: Any, size: int) -> Any:
    return jnp.any((index < -size) | (index >= size))


def _fill_check(input: Any, dim: int, index: Any, value: Any) -> Any:
    return _outside_both(index, _length(input.shape, dim))


def _index_fill_body(input: Any, dim: int, index: Any, value: Any) -> Any:
    shape = input.shape
    input, index = _at_least_1d(input, index)
    wrapped = jnp.where(index < 0, index + input.shape[dim], index)
    return (
        input.at[_slices(input, dim, wrapped)].set(jnp.asarray(value).astype(input.dtype), mode=_BOUNDS).reshape(shape)
    )


@op(public="index_fill", method=False, function=False, grad="IndexFillBackward0", checks=_fill_check)
def _index_fill(input: Array, dim: Dim, index: Array, value: Scalar) -> Array:
    return _index_fill_body(input, dim, index, value)


@op(public="index_fill", method=False, function=False, grad="IndexFillBackward1", checks=_fill_check)
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
    n = _length(input._v.aval.shape, d)
    if index._v.aval.dtype not in (int64, int32):
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    check_bounds(index, -n, n, _bounds_error(IndexError, d, n))
    if isinstance(value, Handle):
        if value._v.aval.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value._v.aval.ndim} dimension(s)."
            )
        return _index_fill_tensor(input, d, index, value)
    return _index_fill(input, d, index, value)


# By flat position


@op(public="take", method=False, function=False, grad="TakeBackward0",
    checks=lambda input, index: _outside_both(index, input.size))  # fmt: skip
def _take(input: Array, index: Array) -> Array:
    flat = jnp.reshape(input, (-1,))
    return flat.at[_clipped(jnp.where(index < 0, index + flat.size, index), flat.size)].get(mode=_BOUNDS)


def _flat_bounds(input: Any, index: Any) -> None:
    n = input._v.aval.size
    check_bounds(
        index, -n, n,
        lambda i: IndexError(f"out of range: tried to access index {i} on a tensor of {n} elements."),
    )  # fmt: skip


@composite(public="take")
def _take_flat(input: Any, index: Any, *, out: Any = None) -> Any:
    """The elements at positions of the flattened tensor.

    >>> import jtorch as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, 3]))
    tensor([1, 4])
    """
    if index._v.aval.dtype is not int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index._v.aval.dtype.type_name}")
    _flat_bounds(input, index)
    found = _take(input, index)
    return found if out is None else write_out("take", out, found)


@composite
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
        return gather(input.reshape(-1), 0, indices.reshape(-1), out=out)
    mine, theirs = input._v.aval.shape, indices._v.aval.shape
    if len(mine) != len(theirs):
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{len(mine)} dimensions for input, and {len(theirs)} dimensions for indices"
        )
    d = wrap_dim(dim, len(mine))
    common = broadcast((*mine[:d], 1, *mine[d + 1 :]), (*theirs[:d], 1, *theirs[d + 1 :]))
    wide = input.expand((*common[:d], mine[d], *common[d + 1 :]))
    return gather(wide, d, indices.expand((*common[:d], theirs[d], *common[d + 1 :])), out=out)


@op(public="put", method=False, function=False, grad="PutBackward0",
    checks=lambda input, index, source, accumulate: _outside_both(index, input.size))  # fmt: skip
def _put_flat(input: Array, index: Array, source: Array, accumulate: bool) -> Array:
    flat = jnp.reshape(input, (-1,))
    i = jnp.reshape(index, (-1,))
    spot = flat.at[_clipped(jnp.where(i < 0, i + flat.size, i), flat.size)]
    new = jnp.reshape(source, (-1,))
    return (spot.add(new, mode=_BOUNDS) if accumulate else spot.set(new, mode=_BOUNDS)).reshape(input.shape)


@composite(public="put", inplace=True)
def _put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """`input` with elements of `source` at positions of the flattened tensor."""
    if index._v.aval.dtype is not int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index._v.aval.dtype.type_name}")
    if index._v.aval.size != source._v.aval.size:
        raise RuntimeError(
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
