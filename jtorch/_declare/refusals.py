"""Why torch refuses a call: its argument parser, followed step by step once a call has failed.

torch writes a function's parameter lists down as text, tries them in order, and tells what was wrong: of one list the
argument, of several all lists. Nothing here runs before a call has failed.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jtorch._engine.handle import Handle
from jtorch._types import errors
from jtorch._types.device import device
from jtorch._types.dtype import INT, dtype
from jtorch._types.layout import layout, memory_format


class Wanted(NamedTuple):
    """One parameter of a list."""

    kind: str  # torch's word for its type
    name: str
    default: str | None  # as torch writes it; None for what must be given
    keyword: bool
    none: bool  # None is taken
    one: bool  # of lists: a single item is taken too

    @property
    def text(self) -> str:
        return f"{self.kind} {self.name}" + ("" if self.default is None else f" = {self.default}")


class Form(NamedTuple):
    """One parameter list."""

    wanted: tuple[Wanted, ...]

    @property
    def text(self) -> str:
        words, keyword = [], False
        for p in self.wanted:
            if p.keyword and not keyword:
                words.append("*")
                keyword = True
            words.append(p.text)
        return ", ".join(words)

    @property
    def places(self) -> int:
        return sum(not p.keyword for p in self.wanted)

    @property
    def least(self) -> int:
        return sum(p.default is None for p in self.wanted)


@functools.cache
def form(text: str) -> Form:
    """A list from text such as `Tensor input, ints1 dim, *, Tensor out=None`; `?`: None is taken."""
    found, keyword = [], False
    for part in text.split(", ") if text else ():
        if part == "*":
            keyword = True
            continue
        left, _, default = part.partition("=")
        kind, name = left.strip().rsplit(" ", 1)
        default = default.strip() or None
        none = kind.endswith("?") or default == "None"
        kind = kind.removesuffix("?")
        found.append(Wanted(_WORDS.get(kind, kind), name, default, keyword, none, kind.endswith("1")))
    return Form(tuple(found))


_WORDS = {
    "ints": "tuple of ints", "ints1": "tuple of ints", "floats": "tuple of floats", "Tensors": "tuple of Tensors",
    "dtype": "torch.dtype", "device": "torch.device", "layout": "torch.layout", "Generator": "torch.Generator",
    "memory_format": "torch.memory_format", "names": "tuple of names", "Scalars": "tuple of Scalars",
}  # fmt: skip


# What an argument may be


def _whole(x: Any) -> bool:
    """An int, or a tensor of one: booleans are none."""
    if isinstance(x, Handle):
        aval = x._v.aval
        return aval.ndim == 0 and aval.dtype.category == INT and not x._requires_grad
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


def _real(x: Any) -> bool:
    if isinstance(x, Handle):
        return x._v.aval.ndim == 0 and not x._requires_grad
    return isinstance(x, (int, float, np.integer, np.floating, np.bool_))


def _number(x: Any) -> bool:
    return _real(x) or isinstance(x, (complex, np.complexfloating))


def _list_of(item: Any, x: Any) -> bool:
    """Lists are judged by their first item."""
    return isinstance(x, (tuple, list)) and (not x or item(x[0]))


_TAKES: dict[str, Any] = {
    "Tensor": lambda x: isinstance(x, Handle),
    "Number": _number,
    "int": _whole,
    "float": _real,
    "bool": lambda x: isinstance(x, bool),
    "str": lambda x: isinstance(x, str),
    "torch.dtype": lambda x: isinstance(x, dtype) or x in (int, float, bool, complex),
    "torch.device": lambda x: isinstance(x, (str, device)) or _whole(x),
    "torch.layout": lambda x: isinstance(x, layout),
    "torch.memory_format": lambda x: isinstance(x, memory_format),
    "torch.Generator": lambda x: type(x).__name__ == "Generator",
    "tuple of ints": functools.partial(_list_of, _whole),
    "tuple of floats": functools.partial(_list_of, _number),
    "tuple of Scalars": functools.partial(_list_of, _number),
    "tuple of bools": functools.partial(_list_of, lambda x: isinstance(x, bool)),
    "name": lambda x: isinstance(x, str) or x is None,
    "tuple of names": functools.partial(_list_of, lambda x: isinstance(x, str) or x is None),
    "tuple of Tensors": lambda x: isinstance(x, (tuple, list)),
    "object": lambda x: True,
}
_NUMPYS = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}

# Functions whose tensors may be numbers.
NUMBERS_FOR_TENSORS = frozenset(
    f"{name}{end}"
    for name in "add sub subtract mul multiply div divide true_divide floor_divide copy".split()
    for end in ("", "_")
)


def _takes(called: str, p: Wanted, place: int, x: Any) -> bool:
    if p.kind == "Tensor" and called in NUMBERS_FOR_TENSORS and _number(x):
        return True
    if p.kind == "tuple of Tensors" and isinstance(x, (tuple, list)):
        for i, one in enumerate(x):
            if not isinstance(one, Handle):
                raise errors.tensor_list_item(place, i, one)
        return True
    takes = _TAKES.get(p.kind)
    return takes is None or takes(x) or (p.one and _whole(x))


# The parser


def _refused(called: str, one: Form, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TypeError | None:
    """Why a list does not take a call; None where it does."""
    varargs = one.places == 1 and bool(one.wanted) and one.wanted[0].kind == "tuple of ints"
    if len(args) > one.places and not varargs:
        return _too_many(called, one, len(args))
    at, left = 0, len(kwargs)
    for i, p in enumerate(one.wanted):
        by_name = at >= len(args)
        if not by_name and p.keyword:
            return _too_many(called, one, len(args))
        given = True
        x = None
        if by_name:
            name = next((n for n in (p.name, *_NUMPYS.get(p.name, ())) if n in kwargs), None)
            given = name is not None
            x = kwargs[name] if name is not None else None
        else:
            x = args[at]
        first = varargs and at == 0 and not by_name
        if (not given and p.default is not None) or (given and x is None and p.none):
            pass
        elif not given:
            return errors.missing_arguments(called, [q.name for q in one.wanted[i:] if q.default is None])
        elif _takes(called, p, i, x):
            pass
        elif first and _list_of(_whole, tuple(args)):
            at = len(args)
            continue
        elif varargs and len(args) > one.places:
            return _too_many(called, one, len(args))
        else:
            return _wrong(called, p, None if by_name else at + 1, x)
        if not by_name:
            at += 1
        elif given:
            left -= 1
    return _extra(called, one, len(args), kwargs) if left > 0 else None


def _wrong(called: str, p: Wanted, position: int | None, x: Any) -> TypeError:
    if position is not None and p.kind == "tuple of ints" and isinstance(x, (tuple, list)) and not _whole(x[0]):
        return errors.sequence_item_type(called, p.name, position, p.kind, 0, x[0])
    return errors.argument_type(called, p.name, position, p.kind, x)


def _too_many(called: str, one: Form, given: int) -> TypeError:
    return errors.too_many_positional(called, one.places, given, one.least)


def _extra(called: str, one: Form, places: int, kwargs: Mapping[str, Any]) -> TypeError:
    names = [p.name for p in one.wanted]
    for name in kwargs:
        if name not in names:
            return errors.unexpected_keyword(called, name)
        if names.index(name) < places:
            return errors.multiple_values(called, name)
    return TypeError("invalid keyword arguments")


def why_refused(
    called: str, forms: Sequence[Form], older: bool, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> TypeError | None:
    """torch's error about a call, None where one of the lists takes it. `older`: there are lists that torch does not
    tell."""
    try:
        if len(forms) == 1 and not older:
            return _refused(called, forms[0], args, kwargs)
        if any(_refused(called, one, args, kwargs) is None for one in forms):
            return None
        count = len(args) + len(kwargs)
        likely = [one for one in forms if one.least <= count <= len(one.wanted)]
        if len(likely) == 1:
            return _refused(called, likely[0], args, kwargs)
    except TypeError as error:  # an item of a list of tensors is told at once
        return error
    turned = {name: kwargs[name] for name in reversed(list(kwargs))}
    if len(forms) == 1 and kwargs:
        names = [p.name for p in forms[0].wanted]
        unknown = [name for name in turned if name not in names]
        if unknown:
            return errors.unrecognized_keywords(called, unknown)
    return errors.invalid_combination(
        called, args, turned, [f"{one.text}{_reason(one, args, turned)}" for one in forms]
    )


# What torch says beside each list. It reads its own text for this, which was made for lists without defaults.


def _reason(one: Form, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    parts = [_read(part) for part in one.text.split(", ")] if one.text else [("", "")]
    if len(args) + len(kwargs) != len(parts):
        return ""
    start = max(len(parts) - len(kwargs), 0)
    unknown = [name for name in kwargs if name not in [n for _, n in parts[start:]]]
    if unknown:
        return f"\nsome of the keywords were incorrect: {', '.join(unknown)}"
    said = []
    for i, (kind, name) in enumerate(parts):
        x = args[i] if i < len(args) else kwargs[name]
        mark = "" if _is_named(kind, x) else "!"
        said.append(f"{mark}{f'{name}=' if i >= len(args) else ''}{_described(x)}{mark}")
    text = ", ".join(said)
    return f"\nsome of the arguments have invalid types: ({text if args else text + ', '})"


def _read(part: str) -> tuple[str, str]:
    kind, _, name = part.rpartition(" ")
    return (kind, name) if kind else (part, part)


def _is_named(kind: str, x: Any) -> bool:
    name = errors.type_name(x)
    return name in {"float": ("float", "int", "long"), "int": ("int", "long")}.get(kind, (kind,))


def _described(x: Any) -> str:
    if not isinstance(x, (tuple, list)):
        return errors.type_name(x)
    items = ", ".join(map(errors.type_name, x))
    return (
        f"tuple of ({items},)"
        if isinstance(x, tuple) and len(x) == 1
        else (f"tuple of ({items})" if isinstance(x, tuple) else f"list of [{items}]")
    )
