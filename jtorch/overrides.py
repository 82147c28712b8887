"""torch.overrides: modes that see every call of torch, and what a library needs to offer `__torch_function__` itself.

https://docs.pytorch.org/docs/stable/torch.overrides.html

>>> import jtorch as torch
>>> class Doubled(torch.overrides.TorchFunctionMode):
...     def __torch_function__(self, func, types, args=(), kwargs=None):
...         found = func(*args, **(kwargs or {}))
...         return found * 2 if func is torch.ones else found
>>> with Doubled():
...     torch.ones(2)
tensor([2., 2.])
"""

from __future__ import annotations

import functools
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jtorch import _root as torch
from jtorch import fft, linalg, nn, special
from jtorch._declare import dispatch, registry
from jtorch._declare.public_names import IN_FUNCTIONAL, UNSEEN, UNSEEN_METHODS
from jtorch._subclasses import unwrapped
from jtorch.nn import functional
from jtorch.nn.functional import handle_torch_function as handle_torch_function
from jtorch.nn.functional import has_torch_function as has_torch_function
from jtorch.nn.functional import has_torch_function_unary as has_torch_function_unary
from jtorch.nn.functional import has_torch_function_variadic as has_torch_function_variadic

__all__ = [
    "get_ignored_functions", "get_overridable_functions", "get_testing_overrides", "handle_torch_function",
    "has_torch_function", "resolve_name", "is_tensor_like", "is_tensor_method_or_property", "wrap_torch_function",
    "enable_reentrant_dispatch",
]  # fmt: skip

Tensor = torch.Tensor


class TorchFunctionMode:
    """Sees every call of a torch function inside its `with` block: derive from it and define `__torch_function__`.

    Inside `__torch_function__` the mode is not active.
    """

    inner: TorchFunctionMode

    def __init__(self) -> None:
        pass

    def __torch_function__(self, func: Callable, types: tuple, args: tuple = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        dispatch.enter_mode(self)
        return self

    def __exit__(self, *error: Any) -> None:
        dispatch.leave_mode()

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> TorchFunctionMode:
        """An instance: older code entered what this returned."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """The mode that does nothing but call."""

    def __torch_function__(self, func: Callable, types: tuple, args: tuple = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextmanager
def _enable_torch_function() -> Iterator[None]:
    with dispatch.set_aside(enabled=True, subclasses=True):
        yield


@contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Lets a function called by an override be overridden again."""
    with _enable_torch_function():
        yield


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator that makes a function of your own overridable. `dispatcher` takes the function's arguments and
    returns those that may override it.

    >>> import jtorch as torch
    >>> @torch.overrides.wrap_torch_function(lambda a: (a,))
    ... def twice(a):
    ...     return a + a
    >>> twice(torch.tensor(2))
    tensor(4)
    """

    def wrapping(func: Callable) -> Callable:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return wrapping


# What there is

_NAMESPACES = {
    "torch": torch, "torch.nn.functional": functional, "torch.nn.init": nn.init, "torch.linalg": linalg,
    "torch.fft": fft, "torch.special": special,
}  # fmt: skip
_OF_INIT = ("uniform_", "normal_", "constant_", "kaiming_uniform_")


def _functions(space: str) -> dict[str, Callable]:
    if space == "torch.nn.init":
        return {name: getattr(nn.init, name) for name in _OF_INIT}
    return registry.namespace(space)


@functools.cache
def _overridable() -> tuple[dict[Any, list[Callable]], dict[Callable, str]]:
    found: dict[Any, list[Callable]] = defaultdict(list)
    names: dict[Callable, str] = {}
    for space, home in _NAMESPACES.items():
        for name, fn in _functions(space).items():
            if name.startswith("_") or f"{space}.{name}" in UNSEEN or fn in names:
                continue
            found[home].append(fn)
            names[fn] = f"torch.functional.{name}" if space == "torch" and name in IN_FUNCTIONAL else f"{space}.{name}"
    for name, value in vars(Tensor).items():
        if name in UNSEEN_METHODS:
            continue
        if isinstance(value, property):
            found[value].append(value.__get__)
            for call in ("__get__", "__set__", "__delete__"):
                names[getattr(value, call)] = f"torch.Tensor.{name}.{call}"
        elif inspect.isfunction(value):
            if value not in names:
                found[Tensor].append(value)
            names.setdefault(value, f"torch.Tensor.{name}")
    return dict(found), names


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """The functions that ask `__torch_function__`, by the module or class they are found in."""
    return {home: list(functions) for home, functions in _overridable()[0].items()}


def resolve_name(f: Any) -> str | None:
    """A function as people write it, "torch.Tensor.add_"; None for one that nobody can override.

    >>> import jtorch as torch
    >>> torch.overrides.resolve_name(torch.Tensor.shape.__get__)
    'torch.Tensor.shape.__get__'
    """
    names = _overridable()[1]
    try:
        return names.get(f)
    except TypeError:  # what has no hash is no function of ours
        return None


def is_tensor_like(inp: Any) -> bool:
    """True for tensors and for objects that override torch's functions.

    >>> import jtorch as torch
    >>> torch.overrides.is_tensor_like(torch.ones(2)), torch.overrides.is_tensor_like(2)
    (True, False)
    """
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Callable) -> bool:
    """True for what `x.` reaches: a method of Tensor, or the function behind a property."""
    return func in _tensor_methods() or getattr(func, "__name__", None) == "__get__"


@functools.cache
def _tensor_methods() -> set[Callable]:
    return {value for value in vars(Tensor).values() if inspect.isfunction(value)}


def get_default_nowrap_functions() -> set[Callable]:
    """The functions whose results `Tensor.__torch_function__` leaves as they are."""
    return set(unwrapped())


@functools.cache
def get_ignored_functions() -> set[Callable]:
    """The public functions that never ask `__torch_function__`."""
    found = {getattr(Tensor, name) for name in UNSEEN_METHODS if hasattr(Tensor, name)}
    for name in UNSEEN:
        space, _, last = name.rpartition(".")
        fn = getattr(_NAMESPACES.get(space), last, None)
        if fn is not None:
            found.add(fn)
    return found


@functools.cache
def get_testing_overrides() -> dict[Callable, Callable]:
    """For each overridable function one of the same signature that returns -1."""
    return {fn: _dummy(fn) for functions in _overridable()[0].values() for fn in functions}


def _dummy(fn: Callable) -> Callable:
    def dummy(*args: Any, **kwargs: Any) -> int:
        return -1

    try:
        dummy.__signature__ = inspect.signature(fn)  # type: ignore[attr-defined]  # inspect looks for it
    except ValueError:  # a property's function
        dummy.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # as above
            [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
        )
    return dummy


def _get_current_function_mode() -> Any:
    modes = dispatch.state.modes
    return modes[-1] if modes else None


def _get_current_function_mode_stack() -> list:
    return list(dispatch.state.modes)


@contextmanager
def _pop_mode_temporarily() -> Iterator[Any]:
    *rest, mode = dispatch.state.modes
    with dispatch.set_aside(modes=tuple(rest)):
        yield mode
