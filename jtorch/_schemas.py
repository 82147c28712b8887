"""The schemas of operators that users define: written as text, read from text, or inferred from annotations.

https://docs.pytorch.org/docs/stable/library.html#torch.library.infer_schema
"""

from __future__ import annotations

import collections.abc
import inspect
import re
import typing
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jtorch import _root as torch

REQUIRED = inspect.Parameter.empty
Number = int | float | bool


class Argument(NamedTuple):
    """One argument of an operator."""

    name: str
    type: str
    default: Any  # REQUIRED when there is none
    keyword: bool
    written: bool  # the operator writes into it


class Schema(NamedTuple):
    """What an operator takes and returns."""

    arguments: tuple[Argument, ...]
    returns: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return self.text


# From annotations


def _several(of: Any) -> list[Any]:
    older = typing.List[of]  # noqa: UP006 - equal to list[of] for people alone
    return [typing.Sequence[of], older, collections.abc.Sequence[of], list[of]]


def _with_lists(kind: Any, word: str, optional_lists: bool = True) -> dict[Any, str]:
    found = {kind: word, kind | None: f"{word}?"}
    found.update((several, f"{word}[]") for several in _several(kind))
    if optional_lists:
        found.update((several | None, f"{word}[]?") for several in _several(kind))
    return found


PARAMETERS: dict[Any, str] = {
    **_with_lists(torch.Tensor, "Tensor", optional_lists=False),
    **dict.fromkeys(_several(torch.Tensor | None), "Tensor?[]"),
    **_with_lists(int, "SymInt"),
    **_with_lists(float, "float"),
    **_with_lists(bool, "bool"),
    str: "str",
    str | None: "str?",
    **_with_lists(Number, "Scalar"),
    torch.dtype: "ScalarType",
    torch.dtype | None: "ScalarType?",
    torch.device: "Device",
    torch.device | None: "Device?",
}
RETURNS: dict[Any, str] = {
    torch.Tensor: "Tensor",
    typing.List[torch.Tensor]: "Tensor[]",  # noqa: UP006 - as above
    list[torch.Tensor]: "Tensor[]",
    int: "SymInt",
    float: "float",
    bool: "bool",
    Number: "Scalar",
}


def infer_schema(
    prototype_function: Callable, /, *, mutates_args: str | Iterable[str], op_name: str | None = None, tags: Any = ()
) -> str:
    """The schema of a function, from its annotations. ValueError for what no operator takes.

    >>> import jtorch as torch
    >>> def scaled(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    ...     return x * by
    >>> torch.library.infer_schema(scaled, mutates_args=())
    '(Tensor x, float by=2.0) -> Tensor'
    """
    signature = inspect.signature(prototype_function)

    def wrong(what: str) -> ValueError:
        return ValueError(f"infer_schema(func): {what} Got func with signature {signature})")

    hints = _annotations(prototype_function, signature)
    parts: list[str] = []
    for at, (name, p) in enumerate(signature.parameters.items()):
        if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            raise wrong("We do not support positional-only args, varargs, or varkwargs.")
        if p.kind is p.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if p.annotation is p.empty:
            raise wrong(f"Parameter {name} must have a type annotation.")
        word = _known(PARAMETERS, hints[name])
        if word is None:
            kinds = list(PARAMETERS)
            raise wrong(f"Parameter {name} has unsupported type {hints[name]}. The valid types are: {kinds}.")
        if isinstance(mutates_args, str) and mutates_args != "unknown":
            raise ValueError(
                "mutates_args must either be a sequence of the names of the arguments that are mutated or the string "
                "'unknown'. "
            )
        if mutates_args == "unknown" or name in mutates_args:
            if word.startswith("Tensor"):
                word = f"Tensor(a{at}!){word.removeprefix('Tensor')}"
            elif mutates_args != "unknown":
                raise wrong(
                    f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors can be mutated"
                )
        parts.append(f"{word} {name}" + ("" if p.default is p.empty else f"={_shown(p.default)}"))
    if mutates_args != "unknown":
        absent = set(mutates_args) - set(signature.parameters)
        if absent:
            raise wrong(
                f"{absent} in mutates_args were not found in the custom op's signature. mutates_args should contain "
                "the names of all args that the custom op mutates, or just the string 'unknown' if you don't know."
            )
    found = _returned(signature, hints.get("return", None), wrong)
    return f"{op_name or ''}({', '.join(parts)}) -> {found}"


def _annotations(fn: Callable, signature: inspect.Signature) -> dict[str, Any]:
    given = {name: p.annotation for name, p in signature.parameters.items()}
    if signature.return_annotation is not signature.empty:
        given["return"] = signature.return_annotation
    names = getattr(fn, "__globals__", {})
    return {name: eval(kind, names) if isinstance(kind, str) else kind for name, kind in given.items()}


def _known(kinds: dict[Any, str], annotation: Any) -> str | None:
    try:
        return kinds.get(annotation)
    except TypeError:  # an annotation without a hash
        return None


def _shown(default: Any) -> str:
    return f'"{default}"' if isinstance(default, str) else str(default).removeprefix("torch.")


def _returned(signature: inspect.Signature, annotation: Any, wrong: Callable) -> str:
    if signature.return_annotation is signature.empty:
        raise wrong("No return type annotation was provided. Please add one.")
    if annotation is None:
        return "()"
    kinds = typing.get_args(annotation) if typing.get_origin(annotation) is tuple else (annotation,)
    words = []
    for kind in kinds:
        word = _known(RETURNS, kind)
        if word is None:
            raise wrong(f"Return has unsupported type {kind}. The valid types are: {RETURNS}.")
        words.append(word)
    return words[0] if len(words) == 1 and typing.get_origin(annotation) is not tuple else f"({', '.join(words)})"


# From text

_FORM = re.compile(r"^\s*\((?P<arguments>.*)\)\s*->\s*(?P<returns>.+?)\s*$", re.DOTALL)
_ARGUMENT = re.compile(
    r"^(?P<type>\w+(?P<alias>\(\w+!?\))?[\[\]\d?]*)\s+(?P<name>\w+)(?:\s*=\s*(?P<default>.+))?$", re.DOTALL
)


def parse(text: str) -> Schema:
    """A schema read from "(Tensor x, int n=2) -> Tensor"; RuntimeError where it is none."""
    found = _FORM.match(text)
    if found is None:
        raise RuntimeError(f"expected an operator's schema, `(Tensor x) -> Tensor`, but found {text!r}")
    arguments, keyword = [], False
    for part in _split(found["arguments"]):
        if part == "*":
            keyword = True
            continue
        one = _ARGUMENT.match(part)
        if one is None:
            raise RuntimeError(f"expected an argument with its type, but found {part!r} here: {text}")
        alias = one["alias"] or ""
        kind = one["type"].replace(alias, "").replace("SymInt", "int")
        default = REQUIRED if one["default"] is None else _value(one["default"].strip())
        arguments.append(Argument(one["name"], kind, default, keyword, "!" in alias))
    returned = found["returns"]
    inner = returned[1:-1] if returned.startswith("(") else returned
    returns = tuple(re.sub(r"\(\w+!?\)", "", part.split(" ")[0]) for part in _split(inner))
    return Schema(tuple(arguments), returns, f"({found['arguments']}) -> {returned}")


def _split(text: str) -> list[str]:
    """Parts between commas that stand outside brackets and quotes."""
    parts, depth, quoted, last = [], 0, "", 0
    for i, c in enumerate(text):
        if quoted:
            quoted = "" if c == quoted else quoted
        elif c in "\"'":
            quoted = c
        elif c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif c == "," and not depth:
            parts.append(text[last:i].strip())
            last = i + 1
    parts.append(text[last:].strip())
    return [part for part in parts if part]


def _value(text: str) -> Any:
    named = {"None": None, "True": True, "False": False}
    if text in named:
        return named[text]
    if text[0] in "\"'":
        return text[1:-1]
    if text[0] == "[":
        return [_value(part) for part in _split(text[1:-1])]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return getattr(torch, text, text)


# Calls

_KINDS: dict[str, tuple[type, ...]] = {
    "Tensor": (torch.Tensor,), "int": (int,), "float": (float, int), "bool": (bool, int), "str": (str,),
    "Scalar": (int, float, complex), "number": (int, float, complex),
}  # fmt: skip


def _suits(value: Any, kind: str) -> bool:
    if kind.endswith("?"):
        return value is None or _suits(value, kind[:-1])
    listed = re.match(r"^(.+)\[\d*\]$", kind)
    if listed:
        return isinstance(value, (list, tuple)) and all(_suits(x, listed[1]) for x in value)
    if isinstance(value, bool) and kind == "int":
        return True
    classes = _KINDS.get(kind)
    if classes is None or isinstance(value, classes):
        return True
    return isinstance(value, torch.Tensor) and kind in ("int", "float", "Scalar", "number") and not value.dim()


def _in_words(kind: str) -> str:
    """A type as torch's errors write it."""
    if kind.endswith("?"):
        return f"Optional[{_in_words(kind[:-1])}]"
    listed = re.match(r"^(.+)\[\d*\]$", kind)
    return f"List[{_in_words(listed[1])}]" if listed else {"Scalar": "number"}.get(kind, kind)


def bind(name: str, schema: Schema, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name, those left out too; RuntimeError in torch's words."""
    declared = f"Declaration: {name}{schema}"
    places = [a for a in schema.arguments if not a.keyword]
    if len(args) > len(schema.arguments):
        raise RuntimeError(
            f"{name}() expected at most {len(schema.arguments)} argument(s) but received {len(args)} argument(s). "
            f"{declared}"
        )
    if len(args) > len(places):
        raise RuntimeError(
            f"{name}() takes {len(places)} positional argument(s) but {len(args)} was/were given.  {declared}"
        )
    given = {a.name: x for a, x in zip(places, args, strict=False)}
    found: dict[str, Any] = {}
    for at, a in enumerate(schema.arguments):
        if a.name in kwargs and a.name in given:
            raise RuntimeError(
                f"Argument '{a.name}' specified both as positional and keyword argument. Schema: {name}{schema}"
            )
        value = given.get(a.name, kwargs.get(a.name, a.default) if a.name not in given else None)
        if value is REQUIRED:
            raise RuntimeError(f"{name}() is missing value for argument '{a.name}'. {declared}")
        if value is not a.default and not _suits(value, a.type):
            raise RuntimeError(
                f"{name}() Expected a value of type '{_in_words(a.type)}' for argument '{a.name}' but instead found "
                f"type '{type(value).__name__}'.\nPosition: {at}\nValue: {value!r}\n{declared}\nCast error details: "
                f"Unable to cast {value!r} to {_in_words(a.type)}"
            )
        found[a.name] = value
    for keyword in kwargs:
        if keyword not in found:
            raise RuntimeError(f"Unknown keyword argument '{keyword}' for operator '{name}'. Schema: {name}{schema}")
    return found
