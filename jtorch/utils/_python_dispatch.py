"""torch.utils._python_dispatch: there is no `__torch_dispatch__`, and what depends on it says so.

https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/_python_dispatch.py
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

_REFUSAL = (
    "jtorch: {} needs __torch_dispatch__, which does not exist here because operations are recorded for XLA instead of "
    "being dispatched to kernels; use torch.overrides.TorchFunctionMode, or jtorch.explain() for what a program costs"
)


class TorchDispatchMode:
    """Refused when it is entered."""

    def __init__(self, _dispatch_key: Any = None):
        self._dispatch_key = _dispatch_key

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> NoReturn:
        raise NotImplementedError(_REFUSAL.format(type(self).__name__))

    def __exit__(self, *error: Any) -> None:
        pass

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> TorchDispatchMode:
        """An instance: older code entered what this returned."""
        return cls(*args, **kwargs)


class BaseTorchDispatchMode(TorchDispatchMode):
    """Refused when it is entered."""


def is_traceable_wrapper_subclass(t: object) -> bool:
    """False: there are no tensors that wrap others by `__torch_dispatch__`."""
    return False


def is_traceable_wrapper_subclass_type(t: type) -> bool:
    """False, as for their instances."""
    return False


def return_and_correct_aliasing(func: Any, args: Any, kwargs: Any, out: Any) -> NoReturn:
    """Refused: only a `__torch_dispatch__` calls it."""
    raise NotImplementedError(_REFUSAL.format("return_and_correct_aliasing"))


def is_in_torch_dispatch_mode(include_infra_modes: bool = True) -> bool:
    """False: no such mode can be entered."""
    return False


def _get_current_dispatch_mode() -> None:
    return None


def _get_current_dispatch_mode_stack() -> list:
    return []


@contextmanager
def _disable_current_modes() -> Iterator[list]:
    yield []
