"""How the library is armed: public callables get a code that looks at each call, and their own back.

A function that was imported before must be the same object after, because it is what an override compares `func` with.
So its code is exchanged, not the function; a property is initialised again. This takes ten milliseconds, then one.
Armed, a call costs 0.2 us more.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from jtorch._declare.dispatch import Public, armed, holders, plain
from jtorch._declare.public_names import METHODS_OF_OPERATORS, UNSEEN_METHODS
from jtorch._declare.shown import callables, copied
from jtorch._engine import handle


def _template() -> types.CodeType:
    def look(*args: Any, **kwargs: Any) -> Any:
        plain: Any = "plain"
        for x in args:
            if x.__class__ not in plain:
                break
        else:
            raw: Any = "raw"
            if not kwargs:
                return raw(*args)
            for x in kwargs.values():
                if x.__class__ not in plain:
                    break
            else:
                return raw(*args, **kwargs)
        entry: Any = "entry"
        return entry(args, kwargs)

    return look.__code__


_LOOK = _template().replace(co_filename="<jtorch look>")


def _looking(code: types.CodeType, entry: Public) -> types.CodeType:
    """The code that looks first, to stand for `code` in a function."""
    constants = {"plain": plain, "raw": entry.raw, "entry": entry}
    return _LOOK.replace(
        co_consts=tuple(constants.get(c, c) if isinstance(c, str) else c for c in _LOOK.co_consts),
        co_freevars=code.co_freevars,  # a function with a closure takes no other
        co_name=code.co_name,
    )


class _Function:
    """A public function or method, and its two codes."""

    def __init__(self, fn: types.FunctionType, space: str, name: str, shown: str | None = None, func: Any = None):
        self.fn, self.raw = fn, copied(fn)
        self.wrapped = vars(fn).get("__wrapped__")
        self.code = _looking(fn.__code__, Public(func or fn, self.raw, space, name, shown))
        holders[fn] = self.raw

    def switch(self, on: bool) -> None:
        fn, raw = self.fn, self.raw
        if on:
            raw.__code__, raw.__defaults__, raw.__kwdefaults__ = fn.__code__, fn.__defaults__, fn.__kwdefaults__
            fn.__code__ = self.code
            fn.__wrapped__ = self.wrapped or raw  # for inspect.signature
        else:
            fn.__code__, fn.__defaults__, fn.__kwdefaults__ = raw.__code__, raw.__defaults__, raw.__kwdefaults__
            if self.wrapped is None:
                del fn.__wrapped__


class _Property:
    """A property of tensors, and its functions."""

    def __init__(self, prop: property, name: str):
        self.prop, self.own = prop, (prop.fget, prop.fset, prop.fdel)
        self.looking = [
            fn and _look(Public(getattr(prop, call), fn, "torch.Tensor", f"{name}.{call}"))
            for fn, call in zip(self.own, ("__get__", "__set__", "__delete__"), strict=True)
        ]

    def switch(self, on: bool) -> None:
        again: Any = self.prop.__init__
        again(*(self.looking if on else self.own), self.prop.__doc__)


def _look(entry: Public) -> Callable:
    raw = entry.raw

    def look(self: Any, *value: Any) -> Any:
        return raw(self, *value) if self.__class__ in plain else entry((self, *value), {})

    look.__code__ = look.__code__.replace(co_filename=_LOOK.co_filename)
    return look


_switched: list[Any] = []
_functions: dict[Any, _Function] = {}


def _collect() -> None:
    """Everything public."""
    for space, name, fn in callables:
        if fn not in _functions:
            _functions[fn] = _Function(fn, space, name)
    cls = handle.tensor_class
    names = sorted(vars(cls), key=lambda name: name in METHODS_OF_OPERATORS)  # a method before its second name
    for name in names:
        value = vars(cls)[name]
        if name in UNSEEN_METHODS:
            continue
        if isinstance(value, property):
            _switched.append(_Property(value, name))
        elif isinstance(value, types.FunctionType) and value not in _functions:
            shown = METHODS_OF_OPERATORS.get(name)
            func = vars(cls).get(shown, value) if shown else value
            _functions[value] = _Function(value, "torch.Tensor", name, shown or name, func)
    _switched.extend(_functions.values())


def _switch(on: bool) -> None:
    if not _switched:
        _collect()
    for one in _switched:
        one.switch(on)


armed.switch = _switch
