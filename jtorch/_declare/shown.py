"""What the namespaces and the Tensor class show of declared functions: `__torch_function__` sees who was called.

A function of an op looks for other classes where it refuses an argument. Other functions are shown through one of the
same signature, which looks at the classes of what may be a tensor: 40 ns. Code of jtorch calls the function itself.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from jtorch._declare.calls import FAILURES, MISSING, Public, as_public, refuse, written
from jtorch._declare.dispatch import code_holder, met, overriding, plain
from jtorch._declare.public_names import UNSEEN, is_python

callables: list[tuple[str, str, Callable]] = []  # (namespace, name, function) of all that is public
_looks_itself: set[Callable] = set()
_tells_itself: set[Callable] = set()
_guards: dict[Callable, Callable] = {}
_methods: dict[tuple[str, Callable], Callable] = {}


def looks_itself(fn: Any) -> Any:
    """Marks a public function that calls `met` where it refuses its arguments."""
    _looks_itself.add(fn)
    return fn


def tells_itself(fn: Any) -> Any:
    """Marks a method that raises torch's errors about its arguments."""
    _tells_itself.add(fn)
    return fn


def public(space: str, name: str, fn: Callable) -> Callable:
    """What a namespace shows of a function."""
    if f"{space}.{name}" in UNSEEN or not isinstance(fn, types.FunctionType):
        return fn
    if fn not in _looks_itself:
        fn = _guards.get(fn) or _guards.setdefault(fn, _guarded(space, name, fn))
    callables.append((space, name, fn))
    return fn


def up_to_date(fn: Any) -> Any:
    """A public function with what was noted on the function it shows since."""
    raw = vars(fn).get("__wrapped__") if isinstance(fn, types.FunctionType) else None
    if raw in _guards:
        vars(fn).update(vars(raw))
        vars(fn)["__wrapped__"] = raw
    return fn


def of_method(name: str, fn: Any) -> Any:
    """A method's function: not the one that a namespace shows or that jtorch itself calls."""
    if not isinstance(fn, types.FunctionType) or "_build" in fn.__globals__:  # an op has a binder for its method
        return fn
    if fn in _looks_itself:
        return fn
    if (name, fn) not in _methods:
        raises = fn in _tells_itself or is_python("torch.Tensor", name) or name.startswith("__")
        _methods[name, fn] = copied(fn) if raises else _guarded("torch.Tensor", name, fn)
        if is_python("torch.Tensor", name):
            _methods[name, fn].__qualname__ = f"Tensor.{name}"  # Python's errors say it
    return _methods[name, fn]


def copied(fn: types.FunctionType) -> types.FunctionType:
    """Another function that does the same."""
    copy = types.FunctionType(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    copy.__kwdefaults__, copy.__qualname__, copy.__module__ = fn.__kwdefaults__, fn.__qualname__, fn.__module__
    copy.__doc__, copy.__annotations__ = fn.__doc__, fn.__annotations__
    copy.__dict__.update(fn.__dict__)
    return copy


def given(arguments: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not the defaults: what was given by place is handed on by name."""
    return {name: x for name, x in arguments.items() if x is not None and x is not defaults.get(name)}


# The functions that look

# Parameters without a default, or with None, that are no tensors.
_OTHERS = frozenset(
    "axis chunks descending device dim dim0 dim1 dims dtype equation generator indexing kernel_size keepdim layout "
    "memory_format mode names num_samples obj offset ord output_size padding pin_memory reduce reduction repeats "
    "requires_grad return_complex scale_factor scale_grad_by_freq shape size size_average split_size_or_sections "
    "stride upscale_factor downscale_factor".split()
)


def _unbuilt(*args: Any, **kwargs: Any) -> Any:
    """The code each starts with; it is built at the first call, as the binders are."""
    return _build()(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821 - in the function's own globals


def _guarded(space: str, name: str, raw: Any) -> Callable:
    names: dict[str, Any] = {"_raw": raw, "_plain": plain, "_lists": (tuple, list), "_any": overriding, "_met": met}
    fn: Any = types.FunctionType(_unbuilt.__code__, names, raw.__name__)
    fn.__dict__.update(raw.__dict__)
    fn.__doc__, fn.__wrapped__ = raw.__doc__, raw
    method = space == "torch.Tensor"
    if not method:
        fn.__module__, fn.__qualname__ = space.replace("torch", "jtorch", 1), name  # where pickle finds it
    else:
        fn.__module__, fn.__qualname__ = raw.__module__, raw.__qualname__
    names["_again"] = fn
    told = not is_python(space, name) or hasattr(raw, "__signature__")

    def build() -> Callable:
        defaults = _defaults(raw)
        names.update({f"_d_{n}": x for n, x in defaults.items()})
        names["_given"] = lambda arguments: given(arguments, defaults)
        if told:
            names.update(_TELLING, _why=partial(_refuse, raw, as_public(raw, space, name)))
        exec(compile(_source(raw, defaults, told), "<jtorch look>", "exec"), names)
        real, own = names["look"], code_holder(fn)
        own.__defaults__, own.__kwdefaults__ = real.__defaults__, real.__kwdefaults__
        own.__code__ = real.__code__
        return own

    names["_build"] = build
    return fn


def _defaults(fn: Any) -> dict[str, Any]:
    code = fn.__code__
    names = code.co_varnames[: code.co_argcount]
    placed = fn.__defaults__ or ()
    return {**dict(zip(names[len(names) - len(placed) :], placed, strict=True)), **(fn.__kwdefaults__ or {})}


def _source(raw: Any, defaults: dict[str, Any], told: bool) -> str:
    """A function of `raw`'s signature. `told`: errors about arguments are those of torch's parser, not Python's."""
    placed, named, star, stars = _parameters(raw)
    if told:
        return _telling(placed, named, star, stars, defaults)
    head = [f"{n}=_d_{n}" if n in defaults else n for n in placed]
    head += [star or "*"] if star or named else []
    head += [f"{n}=_d_{n}" if n in defaults else n for n in named] + [stars]
    places = raw.__code__.co_posonlyargcount
    if places:
        head.insert(places, "/")
    lines = [f"def look({_joined(head)}):", *_look(placed, named, star, stars, defaults)]
    call = [*placed, star, *(f"{n}={n}" for n in named), stars]
    return "\n".join([*lines, f"    return _raw({_joined(call)})"]) + "\n"


def _parameters(raw: Any) -> tuple[list[str], list[str], str, str]:
    """The names of parameters by position and by keyword, and of those that take the rest."""
    code = raw.__code__
    count, keywords = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames
    rest = list(names[count + keywords :])
    star = f"*{rest.pop(0)}" if code.co_flags & _STAR else ""
    stars = f"**{rest[0]}" if code.co_flags & _STARS else ""
    return list(names[:count]), list(names[count : count + keywords]), star, stars


def _look(placed: list[str], named: list[str], star: str, stars: str, defaults: dict[str, Any]) -> list[str]:
    """The test of the arguments' classes."""
    tested = [n for n in (*placed, *named) if n not in _OTHERS and defaults.get(n) is None]
    tests = [f"{n}.__class__ not in _plain and ({n}.__class__ not in _lists or _any({n}))" for n in tested]
    if star and star[1:] not in _OTHERS:
        tests.append(f"{star[1:]} and {star[1:]}[0].__class__ not in _plain")
    if not tests:
        return []
    required = [n for n in placed if n not in defaults]
    by_name = ", ".join(f"{n}={n}" for n in (*placed, *named) if n not in required)
    again = [*required, star, f"**_given(dict({by_name}))", stars]
    return [
        f"    if ({') or ('.join(tests)}):",
        f"        if _met(({_joined([*tested, star])},)): return _again({_joined(again)})",
    ]


def _telling(placed: list[str], named: list[str], star: str, stars: str, defaults: dict[str, Any]) -> str:
    """A function that takes any call, so that it can say what is wrong with it."""
    head = [f"{n}={f'_d_{n}' if n in defaults else '_MISSING'}" for n in placed]
    head += [star or "*_more"]
    head += [f"{n}={f'_d_{n}' if n in defaults else '_MISSING'}" for n in named] + [stars or "**_named"]
    wrong = [f"{n} is _MISSING" for n in (*placed, *named) if n not in defaults]
    wrong += ([] if star else ["_more"]) + ([] if stars else ["_named"])
    by_place, by_name = (f"dict({', '.join(f'{n}={n}' for n in names)})" for names in (placed, named))
    rest = (star or "*_more")[1:], (stars or "**_named")[2:]
    lines = [f"    if {' or '.join(wrong)}: return _as_given(_raw, {by_place}, {rest[0]}, {by_name}, {rest[1]})"]
    lines = lines if wrong else []
    call = [*placed, star, *(f"{n}={n}" for n in named), stars]
    lines += [*_look(placed, named, star, stars, defaults), f"    return _raw({_joined(call)})"]
    body = [f"    {line}" for line in lines]
    failed = ["    except _FAILURES as _error:", "        _why(_error, _frame())", "        raise"]
    return "\n".join([f"def look({_joined(head)}):", "    try:", *body, *failed]) + "\n"


def _as_given(raw: Callable, by_place: dict, rest: tuple, by_name: dict, others: dict) -> Any:
    """A call with what was given: it fails as Python has it."""
    placed = list(by_place.items())
    while placed and placed[-1][1] is MISSING:
        placed.pop()
    if any(x is MISSING for _, x in placed):
        raise TypeError
    return raw(*(x for _, x in placed), *rest, **{n: x for n, x in by_name.items() if x is not MISSING}, **others)


def _refuse(raw: Any, public: Public, error: Exception, frame: FrameType) -> None:
    """Raises torch's error about a call that failed."""
    placed, named, star, stars = _parameters(raw)
    rest, options = (star or "*_more")[1:], (stars or "**_named")[2:]
    refuse(error, public, *written(frame, tuple(placed), tuple(named), public.method, _defaults(raw), rest, options))


_TELLING: dict[str, Any] = {
    "_FAILURES": FAILURES, "_MISSING": MISSING, "_frame": sys._getframe, "_as_given": _as_given,
}  # fmt: skip
_STAR, _STARS = 4, 8  # flags of code that takes *args, **kwargs


def _joined(parts: Any) -> str:
    return ", ".join(part for part in parts if part)
