"""What `device=`, `layout=`, `dtype=` and `requires_grad=` of factory functions mean."""

from __future__ import annotations

import threading
from typing import Any

from jtorch._engine import backend
from jtorch._types import autograd_errors, cpu
from jtorch._types.cures import cured
from jtorch._types.device import chosen, device
from jtorch._types.layout import layout, strided


class _Current(threading.local):
    """The device that "cuda" or "xla" without an index means in this thread."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}


_current = _Current()
_seen: dict[device, device] = {}  # what was found to exist


def _device_of(name: Any) -> device:
    return device(name)


def get_default_device() -> device:
    """The device new tensors are made on.

    >>> import jtorch as torch
    >>> torch.get_default_device()
    device(type='cpu')
    """
    return placed(None)


def set_default_device(device: Any) -> None:
    """Sets the device new tensors are made on; None is the CPU.

    https://docs.pytorch.org/docs/stable/generated/torch.set_default_device.html
    """
    chosen.stack = (None if device is None else _device_of(device), *chosen.stack[1:])


def chosen_device(given: Any) -> Any:
    """`device=` of a function that takes over data: where none is given, the device chosen for new tensors, if any."""
    return chosen.stack[-1] if given is None else given


def current_index(kind: str) -> int:
    """The index that a device type without one means in this thread."""
    return _current.index.get(kind, 0)


def set_current_index(kind: str, index: int) -> None:
    """Chooses the device that a type without an index means in this thread."""
    _current.index[kind] = index


def placed(place: Any) -> device:
    """The device a factory's `device=` names; an error when this machine has none of it."""
    if place is None:
        place = chosen.stack[-1]
        if place is None:
            return cpu
    found = place if isinstance(place, device) else device(place)
    if found.type in ("cpu", "meta"):
        return device(found.type)
    if found.index is None:
        found = device(found.type, current_index(found.type))
    known = _seen.get(found)
    if known is None:
        known = _seen.setdefault(found, _existing(found))
    return known


def _existing(found: device) -> device:
    count = len(backend.devices_of(found.type))
    if count == 0 and found.type == "cuda":
        raise cured(
            AssertionError("Torch not compiled with CUDA enabled"),
            'device = "cuda" if torch.cuda.is_available() else "cpu", then .to(device)',
        )
    if count == 0:
        raise RuntimeError(f"jtorch: JAX has no {found.type!r} device here; use 'cpu' or install JAX for it")
    if found.index is not None and found.index >= count:
        raise RuntimeError(
            f"jtorch: there is no device {found}; this machine has {count} of type {found.type!r}"
            if found.type != "cuda"
            else "CUDA error: invalid device ordinal"
        )
    return found


def check_requires_grad(wish: bool, dtype: Any) -> None:
    """Refuses `requires_grad=True` of what has no gradient."""
    if wish and not (dtype.is_floating_point or dtype.is_complex):
        raise autograd_errors.grad_dtype(setter=False)


def check_layout(wish: layout | None) -> None:
    """Refuses every layout but strided."""
    if wish is not None and wish is not strided:
        raise NotImplementedError(f"this function makes torch.strided tensors only, not {wish}: call .to_sparse() then")
