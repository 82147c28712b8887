"""What `device=`, `layout=`, `dtype=` and `requires_grad=` of factory functions mean."""

from __future__ import annotations

from typing import Any

from jtorch._engine import backend
from jtorch._types import autograd_errors, cpu
from jtorch._types.device import device
from jtorch._types.layout import layout, strided

_default: list[device] = [cpu]


def get_default_device() -> device:
    """The device new tensors are made on."""
    return _default[-1]


def set_default_device(device: Any) -> None:
    """Sets the device new tensors are made on; None is the CPU."""
    _default[-1] = cpu if device is None else placed(device)


def placed(place: Any) -> device:
    """The device a factory's `device=` names; an error when this machine has none of it."""
    if place is None:
        return _default[-1]
    found = place if isinstance(place, device) else device(place)
    if found.type == "cpu":
        return cpu
    if found.type == "meta":
        raise NotImplementedError("jtorch has no meta tensors: make the tensor on a real device")
    found = found if found.index is not None else device(found.type, 0)
    try:
        backend.jax_device(found)
    except (RuntimeError, IndexError):
        if found.type == "cuda":
            raise AssertionError("Torch not compiled with CUDA enabled") from None
        raise RuntimeError(f"jtorch: JAX has no {found.type!r} device here; use 'cpu' or install JAX for it") from None
    return found


def check_requires_grad(wish: bool, dtype: Any) -> None:
    """Refuses `requires_grad=True` of what has no gradient."""
    if wish and not (dtype.is_floating_point or dtype.is_complex):
        raise autograd_errors.grad_dtype(setter=False)


def check_layout(wish: layout | None) -> None:
    """Refuses every layout but strided."""
    if wish is not None and wish is not strided:
        raise NotImplementedError(f"this function makes torch.strided tensors only, not {wish}: call .to_sparse() then")
