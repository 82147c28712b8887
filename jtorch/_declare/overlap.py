"""Memory that what an op writes shares with what it reads, or with itself: torch refuses it where its kernels would
read what they have just written.

It is told from storage, size and strides alone. Of tensors whose elements lie with gaps torch looks no closer, and lets
the op run. Facts measured on torch 2.13.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from jtorch._engine.geometry import Geometry
from jtorch._engine.handle import Handle, geometry
from jtorch._types import autograd_errors

# They write one value everywhere, or sum as they go: a place written twice does no harm.
_REPEATABLE = set(
    """all amax amin any argmax argmin baddbmm bmm cummax cummin empty eye fill fill_diagonal full histc index_fill
    index_put linalg_vector_norm masked_fill mv nansum norm ones prod randperm std sum tril triu var zero
    zeros""".split()
)
# Beside pointwise ops: not where one tensor lies over a part of another.
_CROSSING = set(
    """addr bernoulli copy cumprod cumsum lerp logcumsumexp masked_fill max median min mode nanmedian normal sort
    topk where""".split()
)
# Not even where both are the same memory.
_APART = set(
    "cat cross linalg_cross gather index_select kthvalue masked_select nonzero put stack take take_along_dim".split()
)
# Likewise, but what is written is the first operand changed in part.
_PARTIAL_WRITES = set(
    """index_add index_copy index_fill index_put index_reduce scatter scatter_add scatter_reduce""".split()
)


def check(name: str, written: Any, reads: Iterable[Any] = (), pointwise: bool = False) -> None:
    """Raises torch's error where an op may not write this tensor, given the tensors it reads."""
    cell, base = written._cell, name.rstrip("_")
    if cell is not None and base not in _REPEATABLE and _repeats(geometry(written)):
        raise autograd_errors.overlapping_write()
    apart = base in _APART or base in _PARTIAL_WRITES
    if not (apart or pointwise or base in _CROSSING):
        return
    operands = list(reads)
    if base in _PARTIAL_WRITES and operands and operands[0] is written:
        del operands[0]
    for x in operands:
        if not isinstance(x, Handle) or not (x is written or (cell is not None and x._cell is cell)):
            continue
        if _shared(written, x, apart):
            raise autograd_errors.shared_memory()


def _repeats(g: Geometry) -> bool:
    return any(n > 1 and s == 0 for n, s in zip(g.size, g.stride, strict=True)) and 0 not in g.size


def _shared(a: Any, b: Any, same: bool) -> bool:
    """Whether one lies over a part of the other; `same`: or both are the same memory."""
    if a is b:
        return same
    one, other = geometry(a), geometry(b)
    if not (_is_dense(one) and _is_dense(other)):
        return False
    wide, narrow = a._v.aval.dtype.itemsize, b._v.aval.dtype.itemsize
    start, begin = one.offset * wide, other.offset * narrow
    end, stop = start + math.prod(one.size) * wide, begin + math.prod(other.size) * narrow
    if (start, end) == (begin, stop) and one.stride == other.stride:
        return same
    return start < stop and begin < end


def _is_dense(g: Geometry) -> bool:
    """True for elements without gaps, no place used twice; not for no elements."""
    step = 1
    for s, n in sorted((s, n) for n, s in zip(g.size, g.stride, strict=True) if n != 1):
        if s != step or n == 0:
            return False
        step *= n
    return True


__all__ = ["check"]
