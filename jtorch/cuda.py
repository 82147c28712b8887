"""torch.cuda: what scripts ask before they choose a device. A CUDA device is a GPU of JAX's.

https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

from typing import Any

from jtorch._engine import backend
from jtorch._engine.flush import end_of_work
from jtorch._types.device import device as as_device


def is_available() -> bool:
    """True when JAX has a GPU.

    >>> import jtorch as torch
    >>> device = "cuda" if torch.cuda.is_available() else "cpu"
    """
    return device_count() > 0


def device_count() -> int:
    """The number of GPUs JAX has."""
    return len(backend.devices_of("cuda"))


def current_device() -> int:
    """The index of the GPU that `"cuda"` without an index means: always the first."""
    _needed()
    return 0


def get_device_name(device: Any = None) -> str:
    """The name of a GPU."""
    _needed()
    index = 0 if device is None else device if isinstance(device, int) else as_device(device).index or 0
    return backend.devices_of("cuda")[index].device_kind


def synchronize(device: Any = None) -> None:
    """Waits for what was recorded and started."""
    _needed()
    end_of_work()


def empty_cache() -> None:
    """Nothing to do: XLA keeps memory it has freed."""


def _needed() -> None:
    if not is_available():
        raise AssertionError("Torch not compiled with CUDA enabled")
