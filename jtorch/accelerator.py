"""torch.accelerator: the accelerators of this machine, whatever their type: GPUs ("cuda") or TPUs ("xla").

https://docs.pytorch.org/docs/stable/accelerator.html
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from jtorch import _accelerators
from jtorch._declare.placement import current_index, set_current_index
from jtorch._engine import backend
from jtorch._streams import Stream, enter, entered
from jtorch._streams import synchronize as _synchronize
from jtorch._types import device_errors
from jtorch._types.device import device as device_type


def is_available() -> bool:
    """Whether there is one.

    >>> import jtorch as torch
    >>> device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    """
    return backend.accelerator() is not None


def current_accelerator(check_available: bool = False) -> device_type | None:
    """The type of the accelerators, as a device without an index; None where there is none."""
    kind = backend.accelerator()
    return None if kind is None else device_type(kind)


def device_count() -> int:
    """How many there are."""
    kind = backend.accelerator()
    return 0 if kind is None else _accelerators.count(kind)


def _kind() -> str:
    kind = backend.accelerator()
    if kind is None:
        raise device_errors.no_accelerator()
    return kind


def _on(device: Any = None) -> device_type:
    return _accelerators.on(_kind(), device)


def current_device_index() -> int:
    """The number of the current one."""
    return current_index(_kind())


current_device_idx = current_device_index


def set_device_index(device: Any, /) -> None:
    """Makes one the current one, by its number or name."""
    _accelerators.choose(_kind(), device)


set_device_idx = set_device_index


class device_index:
    """A `with` block in which another accelerator is the current one; None changes nothing."""

    def __init__(self, device: int | None, /) -> None:
        self.idx = device
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx is not None:
            self.prev_idx = current_device_index()
            set_device_index(self.idx)

    def __exit__(self, *exc: object) -> None:
        if self.idx is not None:
            set_current_index(_kind(), self.prev_idx)


def get_device_capability(device: Any = None, /) -> dict[str, Any]:
    """The dtypes the device computes in: `{"supported_dtypes": ...}`."""
    raise NotImplementedError(f"JAX does not say what {_on(device)} can compute; try a small program instead")


def current_stream(device: Any = None, /) -> Stream:
    """The stream that work goes to."""
    return entered(_on(device), Stream)


def set_stream(stream: Stream) -> None:
    """Chooses a stream; all of a device's are the same one."""
    enter(stream)


def synchronize(device: Any = None, /) -> None:
    """Starts what was recorded and waits until it is done."""
    _synchronize(_on(device))


def empty_cache() -> None:
    """Nothing to do: XLA keeps memory it has freed for the next program."""
    _kind()


def empty_host_cache() -> None:
    """Nothing to do: there is no cache of pinned memory."""
    _kind()


def memory_stats(device_index: Any = None, /) -> OrderedDict[str, int]:
    """The allocator's numbers under torch's names, as far as JAX has them."""
    return _accelerators.stats(_on(device_index))


def memory_allocated(device_index: Any = None, /) -> int:
    """Bytes taken now; 0 where JAX keeps no account."""
    return _accelerators.allocated(_on(device_index))


def max_memory_allocated(device_index: Any = None, /) -> int:
    """The most bytes taken at once."""
    return _accelerators.most_allocated(_on(device_index))


def memory_reserved(device_index: Any = None, /) -> int:
    """Bytes the allocator holds, used or not."""
    return _accelerators.reserved(_on(device_index))


def max_memory_reserved(device_index: Any = None, /) -> int:
    """The most bytes the allocator held."""
    return _accelerators.most_reserved(_on(device_index))


def reset_accumulated_memory_stats(device_index: Any = None, /) -> None:
    """Nothing to do: JAX accumulates none."""
    _on(device_index)


def reset_peak_memory_stats(device_index: Any = None, /) -> None:
    """Starts `max_memory_allocated` anew."""
    _accelerators.reset_peak(_on(device_index))


def get_memory_info(device_index: Any = None, /) -> tuple[int, int]:
    """Free and total bytes the process may use; zeros where JAX does not say."""
    place = _on(device_index)
    total = _accelerators.limit(place)
    return max(total - _accelerators.allocated(place), 0), total


class Graph:
    """Captured work of a device: not there, since every piece of eager code runs as a program already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("graphs of a device's work are not there: jtorch runs eager code as programs already")


__all__ = [
    "Graph", "current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
    "device_index", "empty_cache", "empty_host_cache", "get_device_capability", "get_memory_info", "is_available",
    "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved", "memory_stats",
    "reset_accumulated_memory_stats", "reset_peak_memory_stats", "set_device_idx", "set_device_index", "set_stream",
    "synchronize",
]  # fmt: skip
