"""What a compiled function reads besides its tensor arguments, and whether it is still the same.

A `Scene` is found by following the function: the globals, closure and defaults its code names, the modules,
optimizers, containers and objects of the user's it finds there. Every link of it is a fact `container[key] is object`;
together they are the guard of what was captured. All are looked at before each replay: nothing tells that somebody
wrote into a `__dict__` or a list. The loops are C's and walk flat lists, because a program that ran in between has
emptied the processor's caches: 0.2 us a fact then, 40 ns when it has not. No code of the user's is called.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from itertools import chain
from operator import attrgetter, eq, getitem, is_
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from jtorch._engine.handle import Handle

SIMPLE = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis))
_MOST_OBJECTS = 100_000
_MOST_ARRAY_BYTES = 4096
_CLOCKS = frozenset({"time", "datetime", "secrets", "uuid"})
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = tuple(os.path.realpath(sysconfig.get_path(n)) + os.sep for n in ("stdlib", "platstdlib"))
_SITE = ("site-packages" + os.sep, "dist-packages" + os.sep)
_contents = attrgetter("cell_contents")
_CLOSED = frozenset({"jtorch", "jax", "jaxlib", "numpy", "optax"})  # packages that are not looked into


def _is_closed(name: str) -> bool:
    """True for modules whose code is trusted not to hold the user's state."""
    top = name.partition(".")[0]
    return top in _CLOSED or top in sys.stdlib_module_names


def _code_is_closed(code: CodeType) -> bool:
    file = code.co_filename
    if file.startswith((_HERE, "<jtorch")):
        return True
    return file.startswith(_STANDARD) and not any(part in file for part in _SITE)


def _names(code: CodeType) -> set[str]:
    """Every name a function's code looks up, those of functions inside it included."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found


def same(a: Any, b: Any) -> bool:
    """True for plain values that are equal and of one type."""
    return type(a) is type(b) and isinstance(a, SIMPLE) and (a == b or (a != a and b != b))


def _unchanged(find: Callable[..., Iterable], places: tuple, known: list) -> bool:
    """True when what is found now is what was known, one by one; plain values may be other objects that are equal."""
    if all(map(is_, find(*places), known)):
        return True
    return all(now is was or same(now, was) for now, was in zip(find(*places), known, strict=True))


class Scene:
    """Everything found from a function and its arguments."""

    def __init__(self) -> None:
        self.handles: list[Handle] = []
        self.containers: list[Any] = []  # the facts: a container, a key, what it held there
        self.keys: list[Any] = []
        self.values: list[Any] = []
        self.sized: list[Any] = []  # what may neither grow nor shrink
        self.lengths: list[int] = []
        self.ordered: list[Any] = []  # those of them whose keys must stay in their order: dictionaries and sets
        self.orders: list[Any] = []  # the keys of them all, one after the other
        self.cells: list[CellType] = []
        self.contents: list[Any] = []
        self.truths: list[tuple[dict, str, bool]] = []  # numbers read anew at every call: only zero or not is fixed
        self.arrays: list[tuple[np.ndarray, bytes]] = []
        self.problem = ""
        self._seen: dict[int, Any] = {}  # also keeps what it found alive, so that no id is used twice

    def visit(self, x: Any) -> None:
        """Adds an object and what can be reached from it."""
        stack = [x]
        while stack and not self.problem:
            x = stack.pop()
            if isinstance(x, SIMPLE) or id(x) in self._seen:
                continue
            self._seen[id(x)] = x
            if len(self._seen) > _MOST_OBJECTS:
                self.problem = "it reaches more objects than can be checked at each call"
            self._children(x, stack)

    def _fact(self, container: Any, key: Any, value: Any) -> None:
        self.containers.append(container)
        self.keys.append(key)
        self.values.append(value)

    def _length(self, x: Any) -> None:
        self.sized.append(x)
        self.lengths.append(len(x))

    def _children(self, x: Any, stack: list) -> None:
        if isinstance(x, Handle):
            self.handles.append(x)
        elif isinstance(x, FunctionType):
            self._function(x, stack)
        elif isinstance(x, MethodType):
            stack += (x.__self__, x.__func__)
        elif isinstance(x, functools.partial):
            stack += (x.func, x.args, x.keywords)
        elif isinstance(x, ModuleType):
            if x.__name__.partition(".")[0] in _CLOCKS:
                self.problem = f"it may read the {x.__name__} module"
        elif isinstance(x, type):
            self._class(x, stack)
        elif isinstance(x, (list, tuple, dict, set, frozenset)):
            self._container(x, stack)
        elif isinstance(x, np.ndarray):
            self._array(x)
        elif hasattr(type(x), "__next__"):
            self.problem = f"it holds an iterator ({type(x).__name__})"
        else:
            self._object(x, stack)

    def _function(self, fn: FunctionType, stack: list) -> None:
        if _code_is_closed(fn.__code__):
            wrapped = getattr(fn, "__wrapped__", None)
            stack.append(wrapped)
            return
        names = _names(fn.__code__)
        for name in names:
            if name in fn.__globals__:
                found = fn.__globals__[name]
                self._fact(fn.__globals__, name, found)
                stack.append(found)
                if isinstance(found, ModuleType) and not _is_closed(found.__name__):
                    self._members(found.__dict__, names, stack)
        for cell in fn.__closure__ or ():
            try:
                found = cell.cell_contents
            except ValueError:
                self.problem = "its closure is not complete yet"
                return
            self.cells.append(cell)
            self.contents.append(found)
            stack.append(found)
        stack += (fn.__defaults__, fn.__kwdefaults__, getattr(fn, "__wrapped__", None))

    def _members(self, namespace: Any, names: set[str], stack: list) -> None:
        for name in names & namespace.keys():
            self._fact(namespace, name, namespace[name])
            stack.append(namespace[name])

    def _class(self, cls: type, stack: list) -> None:
        if _is_closed(cls.__module__):
            return
        stack += cls.__bases__
        for name, value in cls.__dict__.items():
            if isinstance(value, (staticmethod, classmethod)):
                stack.append(value.__func__)
            elif isinstance(value, property):
                stack += (value.fget, value.fset)
            elif not name.startswith("__") or isinstance(value, FunctionType):
                self._fact(cls.__dict__, name, value)
                stack.append(value)

    def _container(self, x: Any, stack: list) -> None:
        if isinstance(x, (set, frozenset)):
            if not all(isinstance(item, SIMPLE) for item in x):
                self.problem = "it holds a set of objects"
        elif isinstance(x, tuple):
            stack += x
            return
        elif isinstance(x, dict):
            for key, value in x.items():
                self._fact(x, key, value)
            stack += x.values()
        else:
            for at, value in enumerate(x):
                self._fact(x, at, value)
            stack += x
        self._length(x)
        if x and not isinstance(x, list):
            self.ordered.append(x)
            self.orders += x

    def _array(self, x: np.ndarray) -> None:
        if x.nbytes > _MOST_ARRAY_BYTES or x.dtype.hasobject:
            self.problem = "it holds a NumPy array, whose contents cannot be checked at each call"
        else:
            self.arrays.append((x, x.tobytes()))

    def _object(self, x: Any, stack: list) -> None:
        """Attributes of the user's objects, of modules and of optimizers."""
        cls = type(x)
        watched = getattr(cls, "_watched", False)
        if _is_closed(cls.__module__) and not watched:
            return
        stack.append(cls)
        slots = getattr(x, "__dict__", None)
        if slots is None:
            return
        self._length(slots)
        skipped = () if not watched or getattr(x, "_hooked", False) else cls._unwatched
        for name, value in slots.items():
            if name not in skipped:
                self._fact(slots, name, value)
                stack.append(value)
        if getattr(cls, "_numbers_are_read", False) and _is_closed(cls.step.__module__):
            self._options(x, stack)

    def _options(self, optimizer: Any, stack: list) -> None:
        """Parameter groups of an optimizer that reads its numbers at every step, a compiled one included."""
        groups = optimizer.param_groups
        self._seen[id(groups)] = groups
        self._length(groups)
        for at, group in enumerate(groups):
            self._fact(groups, at, group)
            self._length(group)
            for name, value in group.items():
                if isinstance(value, float):
                    self.truths.append((group, name, value != 0))
                else:
                    self._fact(group, name, value)
                    stack.append(value)

    def holds(self) -> bool:
        """True when everything that was found is still so."""
        try:
            for group, name, truth in self.truths:
                if (group[name] != 0) is not truth:
                    return False
            return (
                all(map(eq, map(len, self.sized), self.lengths))
                and _unchanged(chain.from_iterable, (self.ordered,), self.orders)
                and _unchanged(map, (getitem, self.containers, self.keys), self.values)
                and _unchanged(map, (_contents, self.cells), self.contents)
                and (not self.arrays or all(array.tobytes() == held for array, held in self.arrays))
            )
        except (KeyError, IndexError, ValueError):
            return False
