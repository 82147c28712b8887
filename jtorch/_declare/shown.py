"""What the namespaces and the Tensor class show of declared functions: `__torch_function__` sees who was called.

A function of an op looks for other classes where it refuses an argument. Other functions are shown through one of the
same signature, which looks at the classes of what may be a tensor: 40 ns. Code of jtorch calls the function itself.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from jtorch._declare.dispatch import code_holder, met, overriding, plain
from jtorch._declare.public_names import UNSEEN

callables: list[tuple[str, str, Callable]] = []  # (namespace, name, function) of all that is public
_looks_itself: set[Callable] = set()
_guards: dict[Callable, Callable] = {}
_methods: dict[Callable, Callable] = {}


def looks_itself(fn: Any) -> Any:
    """Marks a public function that calls `met` where it refuses its arguments."""
    _looks_itself.add(fn)
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


def of_method(fn: Any) -> Any:
    """A method's function: not the one that a namespace shows or that jtorch itself calls."""
    if not isinstance(fn, types.FunctionType) or "_build" in fn.__globals__:  # an op has a binder for its method
        return fn
    if fn not in _methods:
        _methods[fn] = copied(fn)
    return _methods[fn]


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
    fn.__module__, fn.__qualname__ = space.replace("torch", "jtorch", 1), name  # where pickle finds it
    names["_again"] = fn

    def build() -> Callable:
        defaults = _defaults(raw)
        names.update({f"_d_{n}": x for n, x in defaults.items()})
        names["_given"] = lambda arguments: given(arguments, defaults)
        exec(compile(_source(raw, defaults), _FILE, "exec"), names)
        real, own = names["look"], code_holder(fn)
        own.__defaults__, own.__kwdefaults__ = real.__defaults__, real.__kwdefaults__
        own.__code__ = real.__code__
        return own

    names["_build"] = build
    return fn


# Warnings are said to come from a place so many frames above. Python leaves frames of `importlib._bootstrap` out of
# this count, by the name of the file: so a function may warn at its caller, called through this one or not.
_FILE = "<jtorch look, as importlib._bootstrap>"


def _defaults(fn: Any) -> dict[str, Any]:
    code = fn.__code__
    names = code.co_varnames[: code.co_argcount]
    placed = fn.__defaults__ or ()
    return {**dict(zip(names[len(names) - len(placed) :], placed, strict=True)), **(fn.__kwdefaults__ or {})}


def _source(raw: Any, defaults: dict[str, Any]) -> str:
    """A function of `raw`'s signature."""
    code = raw.__code__
    count, keywords = code.co_argcount, code.co_kwonlyargcount
    placed, named, rest = (
        code.co_varnames[:count],
        code.co_varnames[count : count + keywords],
        list(code.co_varnames[count + keywords :]),
    )
    star = f"*{rest.pop(0)}" if code.co_flags & _STAR else ""
    stars = f"**{rest[0]}" if code.co_flags & _STARS else ""
    head = [f"{n}=_d_{n}" if n in defaults else n for n in placed]
    head += [star or "*"] if star or named else []
    head += [f"{n}=_d_{n}" if n in defaults else n for n in named] + [stars]
    places = code.co_posonlyargcount
    if places:
        head.insert(places, "/")
    tested = [n for n in (*placed, *named) if n not in _OTHERS and defaults.get(n) is None]
    tests = [f"{n}.__class__ not in _plain and ({n}.__class__ not in _lists or _any({n}))" for n in tested]
    if star and star[1:] not in _OTHERS:
        tests.append(f"{star[1:]} and {star[1:]}[0].__class__ not in _plain")
    required = [n for n in placed if n not in defaults]
    by_name = ", ".join(f"{n}={n}" for n in (*placed, *named) if n not in required)
    again = [*required, star, f"**_given(dict({by_name}))", stars]
    call = [*placed, star, *(f"{n}={n}" for n in named), stars]
    lines = [f"def look({_joined(head)}):"]
    if tests:
        values = _joined([*tested, star])
        lines.append(f"    if ({') or ('.join(tests)}):")
        lines.append(f"        if _met(({values},)): return _again({_joined(again)})")
    return "\n".join([*lines, f"    return _raw({_joined(call)})"]) + "\n"


_STAR, _STARS = 4, 8  # flags of code that takes *args, **kwargs


def _joined(parts: Any) -> str:
    return ", ".join(part for part in parts if part)
