"""Marks for NVIDIA's profilers, made by JAX's profiler: a range shows in a trace of `jax.profiler`.

https://docs.pytorch.org/docs/stable/cuda.html#nvidia-tools-extension-nvtx
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax

_ranges: list[Any] = []


def range_push(msg: str) -> int:
    """Begins a named range; returns how many were open before."""
    mark = jax.profiler.TraceAnnotation(msg)
    mark.__enter__()
    _ranges.append(mark)
    return len(_ranges) - 1


def range_pop() -> int:
    """Ends the innermost range; returns how many are left, -1 when there was none."""
    if not _ranges:
        return -1
    _ranges.pop().__exit__(None, None, None)
    return len(_ranges)


def mark(msg: str) -> None:
    """A point in time with a name."""
    range_push(msg)
    range_pop()


@contextlib.contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A named range around a block or function.

    >>> import jtorch as torch
    >>> with torch.cuda.nvtx.range("forward"):
    ...     x = torch.ones(2) + 1
    """
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
