"""Writes ``jtorch/__init__.pyi`` from what jtorch declares: editors then complete functions, methods, in-place forms.

``python -m compat_tests.surface.stubs``; a test fails when the file is stale.
"""

import inspect
import keyword
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jtorch
from jtorch._declare.roles import parameters

STUB = Path(jtorch.__file__).with_name("__init__.pyi")
HEAD = """# Written by `python -m compat_tests.surface.stubs` from the declarations: do not edit.
from builtins import bool as _bool, complex as _complex, float as _float, int as _int, str as _str
from collections.abc import Sequence
from typing import Any, TypeAlias

from jtorch._types.dtype import dtype as _dtype

_Number: TypeAlias = _bool | _int | _float | _complex

"""
# Tensor.float, torch.int and the like hide Python's types where annotations are read, hence the underscores.
ROLES = {
    "operand": "Tensor | _Number",
    "array": "Tensor",
    "arrays": "Sequence[Tensor]",
    "scalar": "Tensor | _Number",
    "dim": "_int",
    "new_dim": "_int",
    "dims": "_int | Sequence[_int]",
    "size": "_int | Sequence[_int]",
    "dtype": "_dtype",
}
PLAIN_DEFAULTS = (bool, int, float, str, types.NoneType)
PLAIN_TYPES = {"bool": "_bool", "int": "_int", "float": "_float", "str": "_str", "complex": "_complex", "None": "None"}


def annotation_of(parameter: inspect.Parameter, roles: dict[str, Any]) -> str:
    role = roles.get(parameter.name)
    if role is not None and role.kind in ROLES:
        return ROLES[role.kind] + (" | None" if role.optional else "")
    if parameter.name == "out":
        return "Any"
    written = parameter.annotation
    text = written.__name__ if isinstance(written, type) else str(written)
    words = text.split(" | ")
    return " | ".join(PLAIN_TYPES[word] for word in words) if set(words) <= PLAIN_TYPES.keys() else "Any"


def default_of(parameter: inspect.Parameter) -> str:
    value = parameter.default
    return repr(value) if type(value) in PLAIN_DEFAULTS and "inf" not in repr(value) else "..."


def definition(name: str, function: Callable, *, method: bool = False, indent: str = "") -> str:
    """One ``def`` line; what Python does not know of a callable is left open."""
    body = getattr(function, "body", None)
    is_op = body is not None and hasattr(getattr(function, "op", None), "single")
    roles = {role.name: role for role in parameters(body)} if is_op else {}
    returns = ("Tensor" if function.op.single else "tuple[Tensor, ...]") if is_op else "Any"
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return f"{indent}def {name}({'self, ' * method}*args: Any, **kwargs: Any) -> Any: ..."
    words, starred = [], False
    for place, one in enumerate(found):
        if method and place == 0 and one.kind is not one.VAR_POSITIONAL:
            words.append("self")
            continue
        if one.kind is one.VAR_POSITIONAL:
            starred = True
        elif one.kind is one.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        prefix = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        word = f"{prefix}{one.name}: {annotation_of(one, roles)}"
        words.append(word if one.default is one.empty else f"{word} = {default_of(one)}")
    if method and (not words or words[0] != "self"):
        words.insert(0, "self")
    return f"{indent}def {name}({', '.join(words)}) -> {returns}: ..."


def tensor_class() -> Iterator[str]:
    yield "class Tensor:"
    for name in sorted(dir(jtorch.Tensor)):
        value = inspect.getattr_static(jtorch.Tensor, name)
        if name.startswith("_") and not (name.startswith("__") and name in vars(jtorch.Tensor)):
            continue
        if not hasattr(jtorch.Tensor, name):  # a name people try, which says what to write instead
            continue
        if name in ("__annotations__", "__module__", "__dict__", "__doc__", "__weakref__", "__slots__", "__class__"):
            continue
        if isinstance(value, (staticmethod, classmethod)):
            if name != "__new__":  # a static method that type checkers know as one
                yield f"    @{type(value).__name__}"
            first = "cls, " if isinstance(value, classmethod) or name == "__new__" else ""
            yield f"    def {name}({first}*args: Any, **kwargs: Any) -> Any: ..."
        elif isinstance(value, types.FunctionType):
            yield definition(name, value, method=True, indent="    ")
        elif callable(value):
            yield f"    {name}: Any"
        else:
            yield "    @property"
            yield f"    def {name}(self) -> Any: ..."
    yield ""


def exports() -> Iterator[str]:
    """A line for each public name of the package."""
    for name in sorted(dir(jtorch)):
        value = getattr(jtorch, name)
        if name.startswith("_") or keyword.iskeyword(name) or value is jtorch.Tensor:
            continue
        if isinstance(value, types.ModuleType):
            if value.__name__ == f"jtorch.{name}":
                yield f"from jtorch import {name} as {name}"
        elif isinstance(value, type) and value.__module__.startswith("jtorch."):
            yield f"from {value.__module__} import {value.__name__} as {name}"
        elif callable(value) and not isinstance(value, type):
            yield definition(name, value)
        else:
            yield f"{name}: {'_dtype' if isinstance(value, jtorch.dtype) else 'Any'}"


def stub() -> str:
    lines = list(exports())
    imports = [line for line in lines if line.startswith("from ")]
    rest = [line for line in lines if not line.startswith("from ")]
    return HEAD + "\n".join([*imports, "", *tensor_class(), *rest]) + "\n"


def main() -> None:
    STUB.write_text(stub())


if __name__ == "__main__":
    main()
