"""The C library's allocator, set so that a program's working memory is found again.

XLA on the CPU asks for all temporaries of a program in one piece at every run. Past 32 MB glibc maps such a piece anew
each time and gives it back at the end, so every run of a large program faults in all its pages: a fifth of the step of
a four-layer GPT. With large pieces taken from the heap, and the heap kept, that happens once. The price is that memory
of the largest program stays with the process. `JTORCH_MALLOC=0` leaves the allocator alone; so does a C library other
than glibc.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

# Their numbers in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8


@functools.cache
def keep_large_blocks() -> None:
    """Done once, before the CPU's threads start: a thread keeps the arena it has, and arenas other than the first are
    too small for large pieces."""
    if not sys.platform.startswith("linux") or os.environ.get("JTORCH_MALLOC") == "0":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        for parameter, value in ((_M_ARENA_MAX, 1), (_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1)):
            mallopt(parameter, value)
