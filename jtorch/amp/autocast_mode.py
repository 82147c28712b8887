"""torch.autocast: a block in which products are computed in a half type. What is cast: `_declare/autocast.py`.

https://docs.pytorch.org/docs/stable/amp.html#autocasting
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from jtorch import _root as torch
from jtorch._accelerators import count
from jtorch._declare.autocast import KINDS
from jtorch._types.user_frame import warn


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast knows a kind of device."""
    return torch.device(device_type).type in KINDS


class autocast:
    """A `with` block, or a decorator, in which ops on a kind of device are cast.

    >>> import jtorch as torch
    >>> x = torch.ones(2, 2)
    >>> with torch.autocast("cpu"):
    ...     product, total = x @ x, x.sum()
    >>> product.dtype, total.dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        _check_type(device_type)
        self.fast_dtype = torch.get_autocast_dtype(device_type) if dtype is None else dtype
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self._cache_enabled = torch.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        self._enabled = enabled and self._possible()

    def _possible(self) -> bool:
        """Whether there is such a device and it takes the dtype; torch's warnings where not."""
        if self.device == "cuda" and not count("cuda"):
            warn("User provided device_type of 'cuda', but CUDA is not available. Disabling", UserWarning)
            return False
        if self.fast_dtype in (torch.bfloat16, torch.float16):
            return True
        place = "CPU" if self.device == "cpu" else "CUDA"
        warn(
            f"In {place} autocast, but the target dtype is not supported. Disabling autocast.\n"
            f"{place} Autocast only supports dtypes of torch.bfloat16, torch.float16 currently.",
            UserWarning,
        )
        return False

    def __enter__(self) -> autocast:
        self._before = (
            torch.is_autocast_cache_enabled(),
            torch.is_autocast_enabled(self.device),
            torch.get_autocast_dtype(self.device),
        )
        torch.set_autocast_enabled(self.device, self._enabled)
        torch.set_autocast_dtype(self.device, self.fast_dtype)
        torch.autocast_increment_nesting()
        torch.set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, *exc: object) -> bool:
        cached, on, dtype = self._before
        if torch.autocast_decrement_nesting() == 0:
            torch.clear_autocast_cache()
        torch.set_autocast_enabled(self.device, on)
        torch.set_autocast_dtype(self.device, dtype)
        torch.set_autocast_cache_enabled(cached)
        return False

    def __call__(self, func: Callable) -> Callable:
        @functools.wraps(func)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return inside


def _check_type(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def _cast(value: Any, device_type: str, dtype: Any) -> Any:
    """Floating-point tensors of a device, but float64, in another dtype; inside lists and dictionaries too."""
    if isinstance(value, torch.Tensor):
        fits = value.is_floating_point() and value.device.type == device_type and value.dtype is not torch.float64
        return value.to(dtype) if fits else value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(v, device_type, dtype) for v in value)
    return value


def custom_fwd(fwd: Callable | None = None, *, device_type: str, cast_inputs: Any = None) -> Callable:
    """A decorator of the `forward` of an `autograd.Function`: with `cast_inputs` it runs outside autocast on inputs of
    that dtype; `custom_bwd` then runs its `backward` as the forward ran."""
    _check_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(*args: Any, **kwargs: Any) -> Any:
        ctx, on = args[0], torch.is_autocast_enabled(device_type)
        ctx._dtype = torch.get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = on if cast_inputs is None else False
        if cast_inputs is None or not on:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return forward


def custom_bwd(bwd: Callable | None = None, *, device_type: str) -> Callable:
    """A decorator of the `backward` of an `autograd.Function` whose `forward` has `custom_fwd`."""
    _check_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return backward
