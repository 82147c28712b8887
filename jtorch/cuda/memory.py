"""Memory of GPUs, as JAX's allocator counts it.

https://docs.pytorch.org/docs/stable/cuda.html#memory-management
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from jtorch import _accelerators
from jtorch._accelerators import on


def _there() -> bool:
    return _accelerators.count("cuda") > 0


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """The allocator's numbers under torch's names, as far as JAX has them; empty without a GPU."""
    return _accelerators.stats(on("cuda", device)) if _there() else OrderedDict()


def memory_stats_as_nested_dict(device: Any = None) -> dict[str, Any]:
    """The same, one dictionary in another at each dot."""
    nested: dict[str, Any] = {}
    for name, value in memory_stats(device).items():
        *path, last = name.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return nested


def memory_allocated(device: Any = None) -> int:
    """Bytes taken now; 0 where JAX keeps no account."""
    return _accelerators.allocated(on("cuda", device)) if _there() else 0


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes taken at once."""
    return _accelerators.most_allocated(on("cuda", device)) if _there() else 0


def memory_reserved(device: Any = None) -> int:
    """Bytes the allocator holds, used or not."""
    return _accelerators.reserved(on("cuda", device)) if _there() else 0


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes the allocator held."""
    return _accelerators.most_reserved(on("cuda", device)) if _there() else 0


memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def reset_peak_memory_stats(device: Any = None) -> None:
    """Starts `max_memory_allocated` anew."""
    _accelerators.reset_peak(on("cuda", device))


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats


def reset_accumulated_memory_stats(device: Any = None) -> None:
    """Nothing to do: JAX accumulates none."""
    on("cuda", device)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes the process may use; zeros where JAX does not say."""
    place = on("cuda", device)
    total = _accelerators.limit(place)
    return max(total - _accelerators.allocated(place), 0), total


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The numbers of `memory_stats`, one a line."""
    return "\n".join(f"{name:32} {value:>20,}" for name, value in memory_stats(device).items())


def empty_cache() -> None:
    """Nothing to do: XLA keeps memory it has freed for the next program."""


def get_allocator_backend() -> str:
    """The allocator's name: XLA's."""
    return "xla"


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Not there: XLA takes its share when it starts."""
    raise NotImplementedError("XLA takes its share of a GPU when it starts: set XLA_PYTHON_CLIENT_MEM_FRACTION before")
