"""torch.cpu: what code that works with any device asks of the CPU.

https://docs.pytorch.org/docs/stable/cpu.html
"""

from __future__ import annotations

from typing import Any

from jtorch import _streams
from jtorch._streams import StreamContext as StreamContext
from jtorch._types import cpu as _cpu


class Stream(_streams.Stream):
    """Nothing to choose: the CPU has one queue."""

    def __init__(self, priority: int = -1) -> None:
        super().__init__("cpu", priority)


class Event(_streams.Event):
    """A point in the CPU's work."""

    def __init__(self, *, enable_timing: bool = False) -> None:
        super().__init__("cpu", enable_timing=enable_timing)


def is_available() -> bool:
    """True.

    >>> import jtorch as torch
    >>> torch.get_device_module("cpu").is_available()
    True
    """
    return True


def is_initialized() -> bool:
    """True."""
    return True


def device_count() -> int:
    """One, however many cores it has."""
    return 1


def current_device() -> str:
    """Always "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing to choose."""


def current_stream(device: Any = None) -> _streams.Stream:
    """The CPU's queue."""
    return _streams.entered(_cpu, _streams.Stream)


def stream(stream: _streams.Stream | None) -> StreamContext:
    """A `with` block whose work is the stream's."""
    return StreamContext(stream)


def synchronize(device: Any = None) -> None:
    """Waits for what was recorded and started."""
    _streams.synchronize(_cpu)


def get_capabilities() -> dict[str, Any]:
    """Not there: what the processor can do is XLA's concern."""
    raise NotImplementedError("what the processor can do is XLA's concern: read /proc/cpuinfo, or use py-cpuinfo")
