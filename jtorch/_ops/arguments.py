"""Reading the arguments of functions that are not generated from a signature."""

from __future__ import annotations

from typing import Any

from jtorch._declare import Handle, as_int, errors


def whole(name: str, argument: str, position: int | None, value: Any) -> int:
    """An argument that must be an int."""
    if value.__class__ is int:
        return value
    found = None if isinstance(value, float) else as_int(value)
    if found is None:
        raise errors.argument_type(name, argument, position, "int", value)
    return found


def varargs(name: str, argument: str, given: tuple, named: dict[str, Any]) -> Any:
    """What a method takes as varargs or by the keyword `argument`, and by no other."""
    for keyword in named:
        if keyword != argument:
            raise errors.unexpected_keyword(name, keyword)
    return named[argument] if named else given


def wholes(name: str, argument: str, position: int, values: Any) -> tuple[int, ...]:
    """An argument that must be ints: a sequence, or one of them."""
    if isinstance(values, (tuple, list)):
        if len(values) == 1 and isinstance(values[0], (tuple, list)):
            values = values[0]
        found = []
        for i, v in enumerate(values):
            number = v if v.__class__ is int else None if isinstance(v, float) else as_int(v)
            if number is None:
                raise errors.sequence_item_type(name, argument, position, "tuple of ints", i, v)
            found.append(number)
        return tuple(found)
    single = None if isinstance(values, float) else as_int(values)
    if single is None:
        raise errors.argument_type(name, argument, position, "tuple of ints", values)
    return (single,)


def check_tensor(name: str, input: Any) -> None:
    if not isinstance(input, Handle):
        raise errors.argument_type(name, "input", 1, "Tensor", input)


def check_single(name: str, value: Any) -> None:
    """torch's error where what is filled in is a tensor with dimensions."""
    if value._v.aval.ndim:
        raise RuntimeError(
            f"{name} only supports a 0-dimensional value tensor, but got tensor with {value._v.aval.ndim} dimension(s)."
        )
