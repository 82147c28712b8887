"""In which order a new tensor's dimensions lie in memory, where that is not row by row.

A value is an array in the order of its indices; XLA decides how it is stored. What users see of memory, strides and
what follows from them, is kept beside it: a tensor alone on its storage may have an `_order`, its dimensions from the
outermost to the innermost. When a second tensor comes to share the storage, the storage's root is made in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jtorch._engine.geometry import Geometry, is_contiguous, strides_in
from jtorch._engine.handle import Handle, geometry

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
    if order is not None and t._cell is None and not is_contiguous(size, strides_in(order, size)):
        t._order, t._bent, t._geometry = tuple(order), True, None
    return t


def keep(t: Any, operands: Iterable[Any]) -> Any:
    """Lays a new tensor as torch lays the result of a pointwise op on these operands."""
    found = [geometry(x) for x in operands if isinstance(x, Handle)]
    return lay(t, common(t._v.aval.shape, found))


def kept(results: list, operands: Iterable[Any]) -> list:
    """`keep` for every result, where an operand may not be row-major."""
    operands = [x for x in operands if isinstance(x, Handle)]
    if any(x._bent for x in operands):
        for t in results:
            keep(t, operands)
    return results


def columns(t: Any) -> Any:
    """Lays a new tensor with its matrices column by column, as LAPACK leaves them."""
    n = t._v.aval.ndim
    return lay(t, (*range(n - 2), n - 1, n - 2)) if n > 1 else t


def laid_by(results: list, orders: Sequence[str | None]) -> list:
    """Lays each result of an op: "columns", or None for rows."""
    for t, order in zip(results, orders, strict=True):
        if order is not None:
            columns(t)
    return results


def channels_last_order(ndim: int) -> Order:
    """The order of (N, C, *space) with channels innermost."""
    return (0, *range(2, ndim), 1)
