"""Calls that failed: how they were written, and torch's error about them.

A function that failed knows its arguments, not which were given by name. The instruction of the caller tells; it is
read only here.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

from jtorch._declare.overloads import OLDER, forms_of, of_one
from jtorch._declare.public_names import is_python
from jtorch._declare.refusals import why_refused
from jtorch._engine.program import is_told
from jtorch._types import errors

# What a function raises that was given something else than it expected.
FAILURES = (TypeError, AttributeError, ValueError, RuntimeError, IndexError)


class _Missing:
    def __repr__(self) -> str:
        return "<required>"


MISSING = _Missing()  # stands for a required argument that was not given


class Public(NamedTuple):
    """A public function or method, as its errors see it."""

    fn: Callable
    called: str  # what errors call it
    method: bool
    python: str | None = None  # the name in Python's errors, of functions that torch writes in Python
    older: bool = False  # torch also takes an order of arguments it does not tell


def as_public(fn: Callable, space: str, name: str, older: bool = False) -> Public:
    """What errors say of `space.name`."""
    method = space == "torch.Tensor"
    if is_python(space, name):
        return Public(fn, name, method, f"Tensor.{name}" if method else name)
    prefix = space.removeprefix("torch.") + "_" if space in PREFIXED else ""
    return Public(fn, name if name.startswith(prefix) else prefix + name, method, None, older or name in OLDER)


PREFIXED = ("torch.linalg", "torch.special", "torch.fft")  # errors say `linalg_norm`


def refuse(error: Exception, public: Public, args: tuple, kwargs: dict[str, Any]) -> None:
    """Raises torch's error about a call that failed with `error`, if its arguments are to blame for it."""
    if is_told(error):
        return
    found = _why(public, args, kwargs, isinstance(error, (RuntimeError, IndexError)))
    if found is None or str(found) == str(error):
        return
    if hasattr(error, "__notes__"):
        found.__notes__ = error.__notes__
    raise found from None


def _why(public: Public, args: tuple, kwargs: dict[str, Any], sure: bool) -> TypeError | None:
    """`sure`: only what is certain counts, since something else failed."""
    if public.python is not None:
        found = _pythons(public, args, kwargs)
        if found is None and public.called in _HANDED_ON:
            one = of_one(public.fn, public.called, public.method)
            return why_refused(public.called, (one,), False, args, kwargs) if one is not None else None
        return found
    if public.method:
        args = args[1:]
    forms = forms_of(public.fn, public.called, public.method, sure)
    if forms is None:
        return None
    if public.method and len(forms) == 1 and not forms[0].wanted:
        if kwargs:
            return errors.takes_no_keywords(public.called)
        return errors.takes_no_arguments(public.called, len(args)) if args else None
    return why_refused(public.called, forms, public.older, args, kwargs)


# Functions in Python that hand their arguments on as they are, to one of their name.
_HANDED_ON = frozenset({"pad", "dropout", "cdist", "layer_norm"})


def _pythons(public: Public, args: tuple, kwargs: dict[str, Any]) -> TypeError | None:
    """Python's error about a call that a function of these parameters does not take."""
    words, keyword, default = [], False, False
    for p in inspect.signature(public.fn).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            words.append("*" * (1 if p.kind is p.VAR_POSITIONAL else 2) + p.name)
            keyword = keyword or p.kind is p.VAR_POSITIONAL
            continue
        if p.kind is p.KEYWORD_ONLY and not keyword:
            words.append("*")
            keyword = True
        default = p.default is not p.empty and p.default is not MISSING
        words.append(p.name + ("=None" if default else ""))
    names: dict[str, Any] = {}
    exec(f"def call({', '.join(words)}): pass", names)
    names["call"].__qualname__ = public.python
    try:
        names["call"](*args, **kwargs)
    except TypeError as error:
        return TypeError(str(error))
    return None


# How a call was written


def keywords(frame: FrameType) -> tuple[int, tuple[str, ...]] | None:
    """The number of arguments of the call a frame is in, and the names some were given by; None for `f(*args)`."""
    *before, one = (x for x in dis.get_instructions(frame.f_code) if x.offset <= frame.f_lasti)
    if not one.opname.startswith("CALL") or one.opname == "CALL_FUNCTION_EX":
        return None
    named = next((x for x in reversed(before) if x.opname not in ("PRECALL", "CACHE")), None)
    if named is not None and (named.opname == "KW_NAMES" or one.opname == "CALL_KW"):
        names = frame.f_code.co_consts[named.arg or 0]
        return (one.arg or 0), names
    return (one.arg or 0), ()


def written(
    frame: FrameType, places: tuple[str, ...], named: tuple[str, ...], method: bool, defaults: dict[str, Any],
    rest: str = "", options: str = "",
) -> tuple[tuple, dict[str, Any]]:  # fmt: skip
    """The arguments of the call that entered a frame, by position and by name. `places`, `named`: its parameters;
    `rest`, `options`: those that take what is left."""
    here, caller = frame.f_locals, frame.f_back
    more, other = tuple(here.get(rest, ())), dict(here.get(options, {}))
    if caller is not None and caller.f_code.co_varnames[:2] == ("args", "kwargs") and caller.f_code.co_flags & 12 == 12:
        return tuple(caller.f_locals["args"]), dict(caller.f_locals["kwargs"])
    found = keywords(caller) if caller is not None else None
    if found is None:
        return _guessed(here, places, named, defaults, more, other)
    count, names = found
    by_place = count - len(names) + method
    if method and not more and 0 < by_place <= len(places):
        last = places[by_place - 1]
        if here.get(last, MISSING) is MISSING or (last not in names and by_place > len(places)):
            by_place -= 1
    if more:
        by_place = len(places)
    args = tuple(here[name] for name in places[:by_place]) + more
    kwargs = {name: here[name] if name in here else other.get(name) for name in names}
    return args, kwargs


def _guessed(
    here: dict[str, Any], places: tuple, named: tuple, defaults: dict[str, Any], more: tuple, other: dict[str, Any]
) -> tuple[tuple, dict[str, Any]]:
    """Of `f(*args, **kwargs)`: what has its default was not given, the others by position as far as that goes."""
    args: list = []
    for name in places:
        if here[name] is MISSING or (here[name] is defaults.get(name, MISSING) and not more):
            break
        args.append(here[name])
    rest = [*places[len(args) :], *named]
    kwargs = {n: here[n] for n in rest if here[n] is not MISSING and here[n] is not defaults.get(n, MISSING)}
    return (*args, *more), {**kwargs, **other}
