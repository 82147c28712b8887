# ruff: noqa: N999 - the name is torch's
"""The few names of torch's C module that libraries use to keep `__torch_function__` from being called.

>>> import jtorch as torch
>>> class Marked(torch.Tensor):
...     pass
>>> x = torch.ones(2).as_subclass(Marked)
>>> with torch._C.DisableTorchFunctionSubclass():
...     type(x + 1).__name__
'Tensor'
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import dispatch
from jtorch._subclasses import disabled_dispatch as _disabled_torch_dispatch_impl
from jtorch._tensor import Tensor as TensorBase

_disabled_torch_function_impl = dispatch.disabled


class DisableTorchFunctionSubclass:
    """Inside this context classes are not asked; modes still see the calls."""

    _flags = {"subclasses": False}

    def __enter__(self) -> None:
        self._context = dispatch.set_aside(**self._flags)
        self._context.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """Inside this context neither classes nor modes are asked."""

    _flags = {"enabled": False}


def _is_torch_function_enabled() -> bool:
    return dispatch.state.enabled and dispatch.state.subclasses


def _len_torch_function_stack() -> int:
    return len(dispatch.state.modes)


__all__ = [
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "TensorBase", "_disabled_torch_dispatch_impl",
    "_disabled_torch_function_impl", "_is_torch_function_enabled", "_len_torch_function_stack",
]  # fmt: skip
