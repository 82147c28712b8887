"""gather and scatter: along one dimension, an index for each element.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import (
    Array,
    Dim,
    Handle,
    Scalar,
    composite,
    errors,
    op,
    wrap_dim,
    write_out,
)
from jtorch._declare.checks import check_bounds
from jtorch._declare.halves import wide
from jtorch._declare.indices import IN_BOUNDS, clipped, index_type, outside, overwritten
from jtorch._declare.once import warn_once
from jtorch._declare.types import from_numpy, int32, int64
from jtorch._ops.index_checks import at_least_1d, bounds_error, length
from jtorch._ops.refusals import BOOL, COMPLEX, without_kernel


def _spots(index: Any, dim: int, size: int) -> tuple:
    """For each element of `index` the place it names: its own coordinates but for `dim`."""
    places = [lax.broadcasted_iota(index_type(n), _along(d, n, index.ndim), d) for d, n in enumerate(index.shape)]
    places[dim] = clipped(index, size)
    return tuple(places)


def _along(dim: int, size: int, rank: int) -> tuple[int, ...]:
    return (*(1,) * dim, size, *(1,) * (rank - dim - 1))


@op(
    name="gather",
    method=False,
    function=False,
    grad="GatherBackward0",
    checks=lambda input, dim, index: outside(index, length(input.shape, dim)),
    saves="input index",
)
def _gather(input: Array, dim: Dim, index: Array) -> Array:
    if index.ndim == input.ndim == 0:
        return input
    shape = index.shape
    input, index = at_least_1d(input, index)
    if not index.size:
        return jnp.zeros(shape, input.dtype)
    # From float32: torch sums a gradient of half type there.
    found = wide(input).at[_spots(index, dim, input.shape[dim])].get(mode=IN_BOUNDS)
    return found.astype(input.dtype).reshape(shape)


def _check_index(name: str, input: Any, dim: int, index: Any, both: bool = False) -> int:
    """The checks gather and scatter share; returns the wrapped dimension."""
    shape, aval = input._v.aval.shape, index._v.aval
    d = wrap_dim(dim, len(shape))
    if not aval.size:
        return d
    if aval.dtype not in (int64, int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if max(aval.ndim, 1) != max(len(shape), 1):
        word = "self" if both else "input"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {word} tensor")
    return d


@composite(tensors="index")
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
    n = length(shape, d)
    check_bounds(index, 0, n, bounds_error(RuntimeError, d, n))
    if isinstance(out, Handle) and out._v.aval.dtype is not input._v.aval.dtype:
        raise errors.out_type(input._v.aval.dtype.type_name, out._v.aval.dtype.type_name)
    found = _gather(input, d, index)
    return found if out is None else write_out("gather", out, found, (input,))


def _scatter_spot(input: Any, dim: int, index: Any, src: Any) -> tuple[tuple, Any]:
    """Where in `input` scatter writes, and the part of `src` it writes there."""
    return _spots(index, dim, input.shape[dim]), src[tuple(slice(n) for n in index.shape)] if jnp.ndim(src) else src


def _scatter_check(input: Any, dim: int, index: Any, src: Any) -> Any:
    return outside(index, length(input.shape, dim))


def _scatter_body(input: Any, dim: int, index: Any, src: Any) -> Any:
    if not index.size:
        return input
    shape = input.shape
    input, index = at_least_1d(input, index)
    where, part = _scatter_spot(input, dim, index, src)
    return overwritten(input, where, jnp.broadcast_to(part, index.shape)).reshape(shape)


@op(name="scatter", method=False, function=False, grad="ScatterBackward0", checks=_scatter_check)
def _scatter(input: Array, dim: Dim, index: Array, src: Array) -> Array:
    return _scatter_body(input, dim, index, src)


@op(
    name="scatter",
    method=False,
    function=False,
    grad="ScatterBackward1",
    checks=lambda input, dim, index, value: outside(index, length(input.shape, dim)),
)
def _scatter_value(input: Array, dim: Dim, index: Array, value: Scalar) -> Array:
    return _scatter_body(input, dim, index, value)


@op(name="scatter_add", method=False, function=False, grad="ScatterAddBackward0", checks=_scatter_check)
def _scatter_add(input: Array, dim: Dim, index: Array, src: Array) -> Array:
    if not index.size:
        return input
    shape = input.shape
    input, index, src = at_least_1d(input, index, src)
    where, part = _scatter_spot(input, dim, index, src)
    spot = input.at[where]
    if input.dtype == np.bool_:
        return spot.max(part, mode=IN_BOUNDS).reshape(shape)
    return spot.add(part, mode=IN_BOUNDS).reshape(shape)


def _check_scatter(name: str, input: Any, dim: int, index: Any, src: Any) -> int:
    d = _check_index(name, input, dim, index, both=True)
    n = length(input._v.aval.shape, d)
    if isinstance(src, Handle) and index._v.aval.size:
        _check_scatter_shapes(name, input._v.aval, index._v.aval.shape, src._v.aval, d)
    check_bounds(index, 0, n, bounds_error(RuntimeError, d, n))
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
_SCATTER_FORMS = (
    "input, dim, index, src, *, reduce=None, out=None",
    "input, dim, index, value, *, reduce=None, out=None",
)


@composite(inplace=True, forms=_SCATTER_FORMS)
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None, out: Any = None
) -> Any:
    """`input` with the elements of `src`, or one number, written where `index` says along `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(3).scatter(0, torch.tensor([2, 0]), torch.tensor([5., 6.]))
    tensor([6., 0., 5.])
    """
    source = value if src is None else src
    if reduce is not None and isinstance(src, Handle):
        warn_once(
            "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed in a future "
            "PyTorch release. Use torch.scatter_reduce instead for more reduction options."
        )
    d = _check_scatter("scatter", input, dim, index, source)
    if reduce is not None:
        if reduce not in _REDUCTIONS:
            raise RuntimeError("reduce argument must be either add or multiply.")
        filled = source if isinstance(source, Handle) else index.new_full(
            index._v.aval.shape, source, dtype=input._v.aval.dtype
        )  # fmt: skip
        found = _scatter_by(input, d, index, filled, _REDUCTIONS[reduce], True)
    elif isinstance(source, Handle):
        found = _scatter(input, d, index, source)
    else:
        found = _scatter_value(input, d, index, source)
    return found if out is None else write_out("scatter", out, found, (index, source))


@composite(inplace=True, tensors="index src")
def scatter_add(input: Any, dim: int, index: Any, src: Any, *, out: Any = None) -> Any:
    """`input` with the elements of `src` added where `index` says along `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(2).scatter_add(0, torch.tensor([0, 0]), torch.tensor([1., 2.]))
    tensor([3., 0.])
    """
    found = _scatter_add(input, _check_scatter("scatter", input, dim, index, src), index, src)
    return found if out is None else write_out("scatter_add", out, found, (index, src))


@op(
    name="scatter_reduce",
    method=False,
    function=False,
    grad="ScatterReduceBackward0",
    real_gradient="scatter_reduce",
    checks=lambda input, dim, index, src, reduce, include_self: outside(index, length(input.shape, dim)),
    saves="input index src result",
)
def _scatter_reduce(input: Array, dim: Dim, index: Array, src: Array, reduce: str, include_self: bool) -> Array:
    lacks = {"amax": COMPLEX, "amin": COMPLEX, "mean": BOOL}
    if index.size and reduce in lacks:
        without_kernel(f"scatter_gather_tensor_cpu_reduce_{reduce}", from_numpy(input.dtype), lacks[reduce])
    return _scatter_by.body(input, dim, index, src, reduce, include_self)


@op(
    name="scatter_reduce",
    method=False,
    function=False,
    grad="ScatterReduceBackward0",
    checks=lambda input, dim, index, src, reduce, include_self: outside(index, length(input.shape, dim)),
)
def _scatter_by(input: Array, dim: Dim, index: Array, src: Array, reduce: str, include_self: bool) -> Array:
    if not index.size:
        return input
    shape = input.shape
    input, index, src = at_least_1d(input, index, src)
    where = _spots(index, dim, input.shape[dim])
    part = src[tuple(slice(n) for n in index.shape)]
    kind = input.dtype
    wide = {np.dtype(np.bool_): np.int32, np.dtype(np.float16): np.float32, jnp.dtype(jnp.bfloat16): np.float32}
    input, part = (x.astype(wide.get(kind, kind)) for x in (input, part))
    return _reduced_into(input, where, part, reduce, include_self).reshape(shape).astype(kind)


def _reduced_into(input: Any, where: tuple, part: Any, reduce: str, include_self: bool) -> Any:
    """`part` reduced into the places `where`; the others keep what they hold."""
    start = input if include_self else input.at[where].set(_neutral(reduce, input.dtype), mode=IN_BOUNDS)
    spot = start.at[where]
    if reduce == "prod":
        return _product_into(start, where, part)
    if reduce in ("amax", "amin"):
        found = spot.max(part, mode=IN_BOUNDS) if reduce == "amax" else spot.min(part, mode=IN_BOUNDS)
        return _to_the_extreme(lax.stop_gradient(found), start, where, part)
    total = spot.add(part, mode=IN_BOUNDS)
    if reduce == "sum":
        return total
    ones = jnp.ones(part.shape, np.int32)
    count = jnp.full(input.shape, int(include_self), np.int32).at[where].add(ones, mode=IN_BOUNDS)
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
    ties = mine.astype(found.dtype).at[where].add(theirs.astype(found.dtype), mode=IN_BOUNDS)
    ties = jnp.maximum(ties, 1)
    spread = jnp.zeros_like(found).at[where].add(jnp.where(theirs, part, 0), mode=IN_BOUNDS)
    return _with_slopes(found, jnp.where(mine, start, 0) / ties, spread / ties)


def _product_into(start: Any, where: tuple, part: Any) -> Any:
    whole = sum(isinstance(w, slice) for w in where)  # dimensions taken whole, the first ones
    return _product(whole, where[whole:], start, part)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _product(whole: int, places: tuple, start: Any, part: Any) -> Any:
    """JAX differentiates a scatter of products only without repeats. A factor's slope is the product of the others,
    found by division or, for a zero alone among its kind, with 1 in its place; so slopes have slopes of their own."""
    return start.at[(*(slice(None),) * whole, *places)].multiply(part, mode=IN_BOUNDS)


@_product.defjvp
def _(whole: int, operands: tuple, tangents: tuple) -> tuple:
    places, start, part = operands
    where = (*(slice(None),) * whole, *places)
    found, zero = _product(whole, *operands), part == 0
    start_or_1, part_or_1 = (jnp.where(x == 0, 1, x) for x in (start, part))
    zeros = jnp.zeros(start.shape, np.int32).at[where].add(zero.astype(np.int32), mode=IN_BOUNDS)
    single = zero & (zeros[where] == 1)
    rest = _product(whole, places, start, jnp.where(single, 1, part))
    mine = _product(whole, places, start_or_1, part) / start_or_1 * tangents[1]
    theirs = jnp.where(single, rest[where], found[where] / part_or_1) * tangents[2]
    return found, mine.at[where].add(theirs, mode=IN_BOUNDS)


def _neutral(reduce: str, kind: Any) -> Any:
    if reduce in ("sum", "mean"):
        return jnp.zeros((), kind)
    if reduce == "prod":
        return jnp.ones((), kind)
    limits = jnp.iinfo(kind) if jnp.issubdtype(kind, jnp.integer) else None
    if limits is None:
        return jnp.asarray(-jnp.inf if reduce == "amax" else jnp.inf, kind)
    return jnp.asarray(limits.min if reduce == "amax" else limits.max, kind)


def _check_reduce(reduce: str) -> None:
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")


@composite(inplace=True, tensors="index src")
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
    return found if out is None else write_out("scatter_reduce", out, found, (index, src))


_BY_SLICES = {"amax": ("maximum_cpu", COMPLEX), "amin": ("minimum_cpu", COMPLEX), "mean": ("div_floor_cpu", BOOL)}


def _check_index_reduce(input: Array, reduce: str, include_self: bool) -> None:
    """torch reduces vectors with a kernel, and matrices by slices with other ops."""
    kind = from_numpy(input.dtype)
    if not include_self:
        without_kernel("index_reduce_func_exclude_input_init", kind, BOOL, COMPLEX)
    if input.ndim < 2:
        without_kernel("index_func_", kind, BOOL, COMPLEX)
    elif reduce in _BY_SLICES:
        kernel, refused_kind = _BY_SLICES[reduce]
        without_kernel(kernel, kind, refused_kind)


@op(
    name="index_reduce",
    method=False,
    function=False,
    grad="IndexReduceBackward0",
    real_gradient="index_reduce",
    checks=lambda input, dim, index, source, reduce, include_self: outside(index, length(input.shape, dim)),
    saves="input index source result",
)
def _index_reduce(input: Array, dim: Dim, index: Array, source: Array, reduce: str, include_self: bool) -> Array:
    shape = input.shape
    _check_index_reduce(input, reduce, include_self)
    input, index, source = at_least_1d(input, index, source)
    if not source.size:
        return input.reshape(shape)
    where = (*(slice(None),) * dim, clipped(index, input.shape[dim]))
    kind = input.dtype
    if kind == np.bool_:
        input, source = (x.astype(np.uint8) for x in (input, source))
    return _reduced_into(input, where, source, reduce, include_self).reshape(shape).astype(kind)


@composite(inplace=True, tensors="index source")
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True, out: Any = None
) -> Any:
    """`input` with the slices of `source` reduced (prod, mean, amax, amin) into those `index` names."""
    warn_once("index_reduce() is in beta and the API may change at any time.")
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    d = wrap_dim(dim, input._v.aval.ndim)
    n = length(input._v.aval.shape, d)
    check_bounds(index, 0, n, bounds_error(IndexError, d, n, "index_reduce(): "))
    found = _index_reduce(input, d, index, source, reduce, include_self)
    return found if out is None else write_out("index_reduce", out, found, (index, source))
