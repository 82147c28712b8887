"""torch.memory_format: in which order a new tensor's dimensions lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._engine.geometry import is_contiguous
from jtorch._engine.handle import Handle, geometry
from jtorch._engine.order import Order, channels_last_order, has_channels_last, keep, lay
from jtorch._engine.order import lying as lying
from jtorch._types import channels_last, channels_last_3d, contiguous_format, preserve_format

_RANKS = {channels_last: 4, channels_last_3d: 5}


def order_of(memory_format: Any, ndim: int) -> Order:
    """The order a format asks for; RuntimeError when it is not for tensors of this rank."""
    rank = _RANKS.get(memory_format)
    if rank is None:
        return tuple(range(ndim))
    if rank != ndim:
        raise RuntimeError(f"required rank {rank} tensor to use {str(memory_format).removeprefix('torch.')} format")
    return channels_last_order(ndim)


def common_format(tensors: Sequence[Handle]) -> Any:
    """The format that several tensors of one rank lie in: channels innermost, or rows."""
    for memory_format, rank in _RANKS.items():
        if all(t._v.aval.ndim == rank and has_channels_last(t) for t in tensors):
            return memory_format
    return contiguous_format


def laid(new: Any, memory_format: Any, like: Handle | None = None) -> Any:
    """Lays a new tensor in a format; without one, or to preserve it, as `like` lies."""
    if memory_format is None or memory_format is preserve_format:
        return keep(new, (like,)) if like is not None and like._bent else new
    return lay(new, order_of(memory_format, new._v.aval.ndim))


def lies_in(t: Handle, memory_format: Any) -> bool:
    """True when a tensor lies in a format without gaps."""
    g = geometry(t)
    if memory_format in (None, contiguous_format, preserve_format):
        return is_contiguous(g.size, g.stride)
    if len(g.size) != _RANKS.get(memory_format):
        return False
    order = channels_last_order(len(g.size))
    return is_contiguous([g.size[d] for d in order], [g.stride[d] for d in order])
