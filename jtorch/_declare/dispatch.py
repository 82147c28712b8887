"""`__torch_function__`: classes that answer torch's functions themselves, and modes that see every call.

Nothing here is on the path of plain tensors. The public functions of ops find other classes where they refuse them,
plain functions of tensors look at the classes of what may be one (`shown.py`). The first tensor of an overriding class,
the first other object with a `__torch_function__` and every mode *arm* the library: `arming.py` puts another code into
each public callable, which looks at all arguments first.

https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-with-a-tensor-like-type
"""

from __future__ import annotations

import inspect
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from jtorch._declare.public_names import IN_FUNCTIONAL, MODES_ALONE, OPERATORS, is_python
from jtorch._engine.handle import Handle
from jtorch._types.device import device
from jtorch._types.dtype import dtype
from jtorch._types.layout import layout, memory_format
from jtorch._types.size import Size
from jtorch._types.user_frame import warn

_NUMBERS = frozenset({bool, int, float, complex, str})
_known: set[type] = {
    bool, int, float, complex, str, bytes, type(None), type(...), slice, type, dict, types.FunctionType, np.ndarray,
    device, dtype, layout, memory_format, Size,
}  # fmt: skip
plain: set[type] = set(_known)  # classes a call need not look at; empty while a mode is active


class _Disabled:
    """The `__torch_function__` of classes that have none: the call runs as if it were not there."""

    def __call__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        with quiet():
            return func(*args, **(kwargs or {}))

    def __repr__(self) -> str:
        return "<built-in function _disabled_torch_function_impl>"


disabled = _Disabled()


class _State(threading.local):
    modes: tuple = ()  # the innermost last
    subclasses = True  # overriding classes are asked
    enabled = True  # anybody is asked


state = _State()


class _Armed:
    """Whether public callables look at every call, why, and how this is switched."""

    for_good = False
    modes = 0  # active ones, of all threads
    lock = threading.RLock()
    switch: Callable[[bool], None]


armed = _Armed()


holders: dict[Any, Callable] = {}  # by public function: the one that has its own code while the library is armed


def code_holder(fn: Any) -> Any:
    """The function to which the code of a public function belongs now."""
    return holders.get(fn, fn) if is_armed() else fn


def is_armed() -> bool:
    """True while public callables look at every call."""
    return armed.for_good or armed.modes > 0


def arm() -> None:
    """From now on calls are looked at: there is an object that may answer them."""
    with armed.lock:
        if not armed.for_good:
            if not armed.modes:
                armed.switch(True)
            armed.for_good = True


def disarm() -> None:
    """As if no object that may answer calls had been met: for tests."""
    with armed.lock:
        if armed.for_good and not armed.modes:
            armed.switch(False)
        armed.for_good = False


def enter_mode(mode: Any) -> None:
    """Makes a mode the innermost one of this thread."""
    with armed.lock:
        if not is_armed():
            armed.switch(True)
        armed.modes += 1
        plain.clear()
    state.modes = (*state.modes, mode)


def leave_mode() -> Any:
    """Takes the innermost mode away."""
    *rest, mode = state.modes
    state.modes = tuple(rest)
    with armed.lock:
        armed.modes -= 1
        if not armed.modes:
            plain.update(_known)
            if not armed.for_good:
                armed.switch(False)
    return mode


@contextmanager
def set_aside(**flags: Any) -> Iterator[None]:
    """Sets fields of this thread's state for a while."""
    old = {name: getattr(state, name) for name in flags}
    vars(state).update(flags)
    try:
        yield
    finally:
        vars(state).update(old)


def quiet() -> Any:
    """Overriding classes are not asked inside."""
    return set_aside(subclasses=False)


def silent() -> Any:
    """Nobody is asked inside: neither classes nor modes."""
    return set_aside(enabled=False)


def overrides(cls: type) -> bool:
    """True for a class that answers torch's functions: not for Tensor itself, whose answer is to do nothing."""
    if cls in _known or cls is list or cls is tuple:  # these two are looked into: never learnt
        return False
    if getattr(cls, "__torch_function__", disabled) is not disabled:
        return True
    if cls.__flags__ & _OF_C or issubclass(cls, Handle):
        learn(cls)
    return False


_OF_C = 1 << 8  # classes that can get no attribute later


def learn(cls: type) -> None:
    """Notes that a class overrides nothing."""
    _known.add(cls)
    if not armed.modes:
        plain.add(cls)


def members(values: Iterable) -> Iterator[Any]:
    """Arguments that may be tensors, and the items of lists of them."""
    for x in values:
        if x.__class__ is tuple or x.__class__ is list:
            if x and x[0].__class__ not in _NUMBERS:
                yield from x
        else:
            yield x


def overriding(values: Iterable) -> list:
    """One object for each overriding class, subclasses before their bases, else in order."""
    found: list = []
    for x in members(values):
        if x.__class__ not in _known and overrides(x.__class__):
            insert(found, x)
    return found


def insert(found: list, x: Any) -> None:
    """Adds an object to those that are asked: once for each class, before those of its bases."""
    if not any(x.__class__ is y.__class__ for y in found):
        place = next((i for i, y in enumerate(found) if issubclass(x.__class__, y.__class__)), len(found))
        found.insert(place, x)


def met(values: Iterable) -> bool:
    """For a call that refuses its arguments: True when one of them overrides and nobody looked at it before. Then calls
    are looked at from now on, and this one is to be made again."""
    if is_armed() or not overriding(values):
        return False
    arm()
    return True


class Public:
    """A public callable: what an override is given as `func`, and what runs when nobody answers."""

    __slots__ = ("func", "method", "name", "of_modes", "of_self", "operator", "python", "raw", "signature")

    def __init__(self, func: Any, raw: Callable, space: str, name: str, shown: str | None = None):
        home = "torch.functional" if space == "torch" and name in IN_FUNCTIONAL else space
        self.func, self.raw, self.name = func, raw, f"{home}.{shown or name}"
        self.python = is_python(space, name)  # torch's function is written in Python: see `normal`
        self.of_modes = f"{space}.{name}" in MODES_ALONE
        self.operator = name in OPERATORS
        self.of_self = name.endswith(("__get__", "__set__", "__delete__"))
        self.method = space == "torch.Tensor"
        self.signature: inspect.Signature | None = None

    def __call__(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """A call with arguments that are not all plain, or under a mode."""
        if not state.enabled:
            return self.raw(*args, **kwargs)
        found = overriding((*args, *kwargs.values())) if state.subclasses and not self.of_modes else []
        if not found and not state.modes:
            with silent() if self.of_modes else nullcontext():
                return self.raw(*args, **kwargs)
        if self.python:
            return self._as_python(args, kwargs)
        kinds = tuple(x.__class__ for x in found)
        if not kinds and self.method and (self.of_self or len(self._signature().parameters) == 1):
            kinds = (args[0].__class__,)  # what takes nothing else names the class of its tensor, also a plain one
        answer = ask(self.func, kinds, found, args, kwargs or None)
        if answer is not NotImplemented or self.operator:
            return answer
        said = "".join(f"  - mode object {mode!r}\n" for mode in state.modes[-1:])
        said += "".join(f"  - tensor subclass {x.__class__!r}\n" for x in found)
        raise TypeError(
            f"Multiple dispatch failed for {self.name!r}; all __torch_function__ handlers returned NotImplemented:\n\n"
            f"{said}\nFor more information, try re-running with TORCH_LOGS=not_implemented"
        )

    def _as_python(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        try:
            args, kwargs = self.normal(args, kwargs)
        except TypeError:
            return self.raw(*args, **kwargs)
        return handle(self.func, self.name, (*args, *kwargs.values()), args, kwargs, self.operator)

    def _signature(self) -> inspect.Signature:
        if self.signature is None:
            self.signature = inspect.signature(self.raw)
        return self.signature

    def normal(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """The arguments as torch's functions in Python hand them on: what has a default goes by name."""
        signature = self._signature()
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        placed: list = []
        named: dict[str, Any] = {}
        for name, p in signature.parameters.items():
            value = bound.arguments[name]
            if p.kind is p.VAR_POSITIONAL:
                placed += value
            elif p.kind is p.VAR_KEYWORD:
                named.update(value)
            elif p.default is p.empty:
                placed.append(value)
            else:
                named[name] = value
        return tuple(placed), named


def ask(func: Any, kinds: tuple, found: Iterable, args: tuple, kwargs: dict[str, Any] | None) -> Any:
    """Asks the innermost mode, then the objects: the first answer, or NotImplemented."""
    if state.modes:
        *rest, mode = state.modes
        if isinstance(inspect.getattr_static(type(mode), "__torch_function__", None), classmethod):
            raise RuntimeError(
                "Defining your mode's `__torch_function__` as a classmethod is not supported, please make it a plain "
                "method"
            )
        with set_aside(modes=tuple(rest)):
            result = mode.__torch_function__(func, kinds, args, kwargs)
        if result is not NotImplemented:
            return result
    for x in found:
        method = x.__torch_function__
        if getattr(method, "__self__", None) is x:
            warn(
                "Defining your `__torch_function__` as a plain method is deprecated and will be an error in future, "
                "please define it as a classmethod."
            )
        result = method(func, kinds, args, kwargs)
        if result is not NotImplemented:
            return result
    return NotImplemented


def handle(
    func: Callable, name: str, relevant: Iterable, args: tuple, kwargs: dict[str, Any], operator: bool = False
) -> Any:
    """`torch.overrides.handle_torch_function`: here tensors without a class of their own are asked, too."""
    found: list = []
    if state.subclasses:
        for x in members(relevant):
            if getattr(x.__class__, "__torch_function__", disabled) is not disabled:
                insert(found, x)
    answer = ask(func, tuple(x.__class__ for x in found), found, args, kwargs)
    if answer is not NotImplemented or operator:
        return answer
    mode = f" nor in mode {state.modes[-1]!r}" if state.modes else ""
    raise TypeError(
        f"no implementation found for {name!r} on types that implement __torch_function__: "
        f"{[x.__class__ for x in found]}{mode}"
    )


def seen(values: Iterable) -> bool:
    """`torch.overrides.has_torch_function`: somebody may answer a call with these arguments."""
    return state.enabled and (bool(state.modes) or (state.subclasses and bool(overriding(values))))
