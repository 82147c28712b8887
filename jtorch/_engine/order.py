"""In which order a new tensor's dimensions lie in memory, where that is not row by row.

A value is an array in the order of its indices; XLA decides how it is stored. What users see of memory, strides and
what follows from them, is kept beside it: a tensor alone on its storage may have an `_order`, its dimensions from the
outermost to the innermost. When a second tensor comes to share the storage, the storage's root is made in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._engine.geometry import Geometry, Permute, Slice, is_contiguous, strides_in
from jtorch._engine.handle import EngineOp, Handle, geometry
from jtorch._engine.parts import Parted, answer
from jtorch._engine.storage import Cell
from jtorch._engine.tape import record, threads
from jtorch._engine.watched import carried

Order = tuple[int, ...]


def common(size: Sequence[int], operands: Iterable[Geometry]) -> Order:
    """The order torch gives the result of a pointwise op: that of the first operand with a say in each pair of
    dimensions. A dimension an operand is broadcast along says nothing.

    >>> common((2, 3), [Geometry((2, 3), (1, 2), 0)])
    (1, 0)
    """
    ndim = len(size)
    padded = [_broadcast(g, size) for g in operands]
    inner_first = list(reversed(range(ndim)))
    for i in range(1, ndim):
        at = i
        for before in range(i - 1, -1, -1):
            sign = _compare(size, padded, inner_first[before], inner_first[at])
            if sign > 0:
                inner_first[before], inner_first[at] = inner_first[at], inner_first[before]
                at = before
            elif sign < 0:
                break
    return tuple(reversed(inner_first))


def _broadcast(g: Geometry, size: Sequence[int]) -> tuple[int, ...]:
    missing = len(size) - len(g.size)
    shown = (
        0 if n == 1 and size[missing + d] != 1 else s for d, (n, s) in enumerate(zip(g.size, g.stride, strict=True))
    )
    return (*([0] * missing), *shown)


def _compare(size: Sequence[int], strides: Sequence[Sequence[int]], a: int, b: int) -> int:
    """Below 0 where dimension `a` lies within `b`, above where it is the other way round, 0 where none can tell."""
    for stride in strides:
        if stride[a] == 0 or stride[b] == 0:
            continue
        if stride[a] != stride[b]:
            return -1 if stride[a] < stride[b] else 1
        if size[a] > size[b]:
            return 1
    return 0


def lay(t: Handle, order: Sequence[int] | None) -> Any:
    """Gives a new tensor, alone on its storage, its order in memory."""
    size = t._v.aval.shape
    if order is None or is_contiguous(size, strides_in(order, size)):
        return t
    try:
        if t._cell is None:
            t._order, t._bent, t._geometry = tuple(order), True, None
    except Parted as met:
        return answer(met, lay, (t, order), {})
    return t


def keep(t: Any, operands: Iterable[Any]) -> Any:
    """Lays a new tensor as torch lays the result of a pointwise op on these operands. One of fewer dimensions, a loss
    reduced, lies as it is."""
    found = [geometry(x) for x in operands if isinstance(x, Handle)]
    if any(len(g.size) > t._v.aval.ndim for g in found):
        return t
    return lay(t, common(t._v.aval.shape, found))


def kept(results: list, operands: Iterable[Any]) -> list:
    """`keep` for every result, where an operand may not be row-major."""
    operands = [x for x in operands if isinstance(x, Handle)]
    if any(x._bent for x in operands):
        for t in results:
            keep(t, operands)
    return results


def lying(t: Any) -> Order:
    """A tensor's dimensions as they lie in memory, outermost first."""
    size = t._v.aval.shape
    return common(size, (geometry(t),)) if t._bent else tuple(range(len(size)))


def moved_last(order: Sequence[int], *groups: Sequence[int]) -> Order:
    """An order with each group of dimensions moved to its end in turn, kept as they are within the group.

    >>> moved_last((0, 1, 2, 3), (1, 3), (0,))
    (2, 1, 3, 0)
    """
    for group in groups:
        order = [*(d for d in order if d not in group), *(d for d in order if d in group)]
    return tuple(order)


def columns(t: Any) -> Any:
    """Lays a new tensor with its matrices column by column, as LAPACK leaves them."""
    n = t._v.aval.ndim
    return lay(t, (*range(n - 2), n - 1, n - 2)) if n > 1 else t


def lay_within(t: Any, order: Sequence[int], dim: int, length: int) -> Any:
    """Lays a new tensor as the front, along `dim`, of a storage `length` long there: what a routine left in the memory
    of something larger."""
    n = t._v.aval.shape[dim]
    if n == length:
        return lay(t, order)
    _, (root,) = record(threads.tape, _WIDEN, (t._v,), (tuple(order), dim, length))
    t._cell = Cell(carried(t._v, root), 0)
    t._chain = ((Permute(tuple(order)).inverse(), ()), (Slice(dim, n, 1), (0,)))
    t._bent, t._geometry = True, None
    return t


def _widened(statics: tuple, x: Any) -> Any:
    order, dim, length = statics
    widths = [(0, length - n if d == dim else 0) for d, n in enumerate(x.shape)]
    return jnp.transpose(jnp.pad(x, widths), order)


_WIDEN = EngineOp("widen", "ConstantPadNdBackward0", _widened)


def laid_by(results: list, orders: Sequence[str | None]) -> list:
    """Lays each result of an op: "columns", or None for rows."""
    for t, order in zip(results, orders, strict=True):
        if order is not None:
            columns(t)
    return results


def channels_last_order(ndim: int) -> Order:
    """The order of (N, C, *space) with channels innermost."""
    return (0, *range(2, ndim), 1)


def has_channels_last(t: Handle) -> bool:
    """True where a tensor of images or volumes lies with channels innermost, with gaps or without."""
    if not t._bent or t._v.aval.ndim not in (4, 5):
        return False
    size, stride, _ = geometry(t)
    if stride[1] == 0 or max(size[1:]) == 1:
        return False
    within = 0
    for d in reversed(channels_last_order(len(size))):
        if stride[d] < within:
            return False
        within = stride[d] * size[d]
    return True


def as_images(results: list, operands: Iterable[Any]) -> list:
    """Lays results with channels last where an operand of their rank lies so: images or a kernel."""
    ranks = {x._v.aval.ndim for x in operands if isinstance(x, Handle) and has_channels_last(x)}
    for t in results if ranks else ():
        if t._v.aval.ndim in ranks:
            lay(t, channels_last_order(t._v.aval.ndim))
    return results
