"""torch.cpu: what code that works with any device asks of the CPU.

https://docs.pytorch.org/docs/stable/cpu.html
"""

from __future__ import annotations

from typing import Any

from jtorch._engine.flush import end_of_work


def is_available() -> bool:
    """True.

    >>> import jtorch as torch
    >>> torch.get_device_module("cpu").is_available()
    True
    """
    return True


def device_count() -> int:
    """One, however many cores it has."""
    return 1


def current_device() -> str:
    """Always "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing to choose."""


def synchronize(device: Any = None) -> None:
    """Waits for what was recorded and started."""
    end_of_work()
