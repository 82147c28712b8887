"""torch.autograd.grad_mode: the grad modes under the name of torch's module."""

from __future__ import annotations

from typing import Any

from jtorch.autograd.modes import Mode
from jtorch.autograd.modes import enable_grad as enable_grad
from jtorch.autograd.modes import inference_mode as inference_mode
from jtorch.autograd.modes import no_grad as no_grad
from jtorch.autograd.modes import set_grad_enabled as set_grad_enabled


class _State:
    multithreading = True


_state = _State()


class set_multithreading_enabled(Mode):
    """Whether backward may use several threads, at once and for a `with` block. Here it is one program either way.

    >>> import jtorch as torch
    >>> with torch.autograd.set_multithreading_enabled(False):
    ...     torch.autograd.is_multithreading_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        self._before, self.mode = _state.multithreading, mode
        _state.multithreading = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _state.multithreading = self._before

    def clone(self) -> Any:
        """The same setting, for a call of a decorated function."""
        return type(self)(self.mode)


def is_multithreading_enabled() -> bool:
    """What `set_multithreading_enabled` said last."""
    return _state.multithreading


class enforce_grad_layout_policy(Mode):
    """Whether a gradient is laid out in memory as its leaf is, at once and for a `with` block; accepted, and without
    effect on values.

    >>> import jtorch as torch
    >>> with torch.autograd.enforce_grad_layout_policy(False):
    ...     pass
    """

    def __init__(self, enable: bool = True) -> None:
        self.enable = enable

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    def clone(self) -> Any:
        """The same setting, for a call of a decorated function."""
        return type(self)(self.enable)


__all__ = [
    "enable_grad", "enforce_grad_layout_policy", "inference_mode", "no_grad", "set_grad_enabled",
    "set_multithreading_enabled",
]  # fmt: skip
