"""Reductions of the segments of a dimension: torch.segment_reduce.

A segment is given by its length or by where it begins and ends. All segments are compared with all places, so
work and memory are their product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Scalar, composite, errors, op, to_host
from jtorch._ops.reduction import extremum, type_name

_REDUCTIONS = ("sum", "mean", "max", "min", "prod")
_OTHER_NAMES = {"amax": "max", "amin": "min"}


def _members(edges: Array, axis: int, length: int, rank: int) -> Array:
    """Which places along `axis` each segment holds: (..., segments, places, 1, ...)."""
    place = jnp.arange(length, dtype=edges.dtype)
    inside = (place >= edges[..., :-1, None]) & (place < edges[..., 1:, None])
    return inside.reshape(*inside.shape, *[1] * (rank - axis - 1))


def _largest(fn: Callable, sign: int) -> Callable:
    def reduce(x: Array, inside: Array, axis: int, initial: Any) -> Array:
        worst = -sign * jnp.inf
        found = extremum(fn, jnp.where(inside, x, worst), (axis,))
        start = jnp.asarray(worst if initial is None else initial, x.dtype)
        return jnp.where(sign * start > sign * found, start, found)

    return reduce


def _sum(x: Array, inside: Array, axis: int, initial: Any) -> Array:
    return jnp.sum(jnp.where(inside, x, 0), axis) + (0 if initial is None else initial)


def _prod(x: Array, inside: Array, axis: int, initial: Any) -> Array:
    return jnp.prod(jnp.where(inside, x, 1), axis) * (1 if initial is None else initial)


def _mean(x: Array, inside: Array, axis: int, initial: Any) -> Array:
    count = jnp.sum(inside, axis)
    empty = jnp.asarray(jnp.nan if initial is None else initial, x.dtype)
    return jnp.where(count == 0, empty, _sum(x, inside, axis, initial) / jnp.maximum(count, 1))


_BODIES = {"sum": _sum, "mean": _mean, "prod": _prod, "max": _largest(jnp.max, 1), "min": _largest(jnp.min, -1)}


@op(function=False, method=False, name="segment_reduce", residuals=True, saves="data sizes result")
def _segment_reduce(
    data: Array, sizes: Array, initial: Scalar | None = None, reduce: str = "sum", axis: int = 0, by_length: bool = True
) -> Array:
    if not jnp.issubdtype(data.dtype, jnp.floating):
        raise errors.not_implemented_for("_segment_reduce_cpu", type_name(data))
    edges = sizes
    if by_length:
        edges = jnp.concatenate([jnp.zeros_like(sizes[..., :1]), jnp.cumsum(sizes, -1)], -1)
    x = data.astype(jnp.float32) if data.dtype.itemsize == 2 else data
    inside = _members(edges, axis, x.shape[axis], x.ndim)
    start = None if initial is None else jnp.asarray(initial, x.dtype)
    return _BODIES[reduce](jnp.expand_dims(x, axis), inside, axis + 1, start).astype(data.dtype)


def _check_lengths(data: Any, lengths: Any, axis: int) -> None:
    """Where the lengths are known already: whether they fill the dimension."""
    if lengths._v.array is None:
        return
    known = to_host(lengths)
    if (known < 0).any():
        raise RuntimeError("lengths contains negative value!")
    if (known.sum(-1) != data.shape[axis]).any():
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when "
            "!unsafe."
        )


@composite(method=False, alias=("_segment_reduce",))
def segment_reduce(
    data: Any, reduce: str, *, lengths: Any = None, indices: Any = None, offsets: Any = None, axis: int = 0,
    unsafe: bool = False, initial: Any = None,
) -> Any:  # fmt: skip
    """The sum, mean, max, min or prod of each segment along `axis`, starting from `initial`.

    >>> import jtorch as torch
    >>> torch.segment_reduce(torch.tensor([1., 2., 3.]), "sum", lengths=torch.tensor([2, 0, 1]))
    tensor([3., 0., 3.])
    """
    if not -data.ndim <= axis < data.ndim:
        raise errors.dim_out_of_range(axis, data.ndim)
    kind = _OTHER_NAMES.get(reduce, reduce)
    if kind not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    sizes = offsets if lengths is None else lengths
    if sizes is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    axis %= data.ndim
    if sizes.ndim - 1 != axis:
        word = "offsets" if lengths is None else "lengths"
        raise RuntimeError(f"segment_reduce(): Expected axis to be the last dimension of {word} but got {axis}.")
    if lengths is not None and not unsafe:
        _check_lengths(data, lengths, axis)
    return _segment_reduce(data, sizes, initial, kind, axis, lengths is not None)
