"""What an op does not take, in torch's words: callables for the `refuse` option of a declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import broadcast, errors
from jtorch._declare.op import weighed
from jtorch._declare.promote import result_type
from jtorch._declare.types import dtype, get_default_dtype

BOOL, INT, FLOAT, COMPLEX = "bool", "int", "float", "complex"


def kind_of(type: dtype) -> str:
    """Which of the four words describes an element type."""
    if type.is_complex:
        return COMPLEX
    if type.is_floating_point:
        return FLOAT
    return BOOL if type.name == "bool" else INT


def common(specs: tuple) -> dtype:
    """The type operands promote to, from the specs of a call."""
    return result_type(tuple(weighed(s) for s in specs if s is not None), get_default_dtype())


def no_kernel(kernel: str, *kinds: str) -> Callable:
    """Refuses kinds of the promoted type as a missing kernel does."""

    def refuse(specs: tuple) -> None:
        found = common(specs)
        if kind_of(found) in kinds:
            raise errors.not_implemented_for(kernel, found.type_name)

    return refuse


def no_half(kernel: str) -> Callable:
    """Refuses floats narrower than 32 bits as a missing kernel does."""

    def refuse(specs: tuple) -> None:
        found = common(specs)
        if found.is_floating_point and found.itemsize < 4:
            raise errors.not_implemented_for(kernel, found.type_name)

    return refuse


def refused(error: Callable[[str], Exception], sentence: str, *kinds: str) -> Callable:
    """Refuses kinds of the promoted type with a sentence, in which `{}` is the type's name."""

    def refuse(specs: tuple) -> None:
        found = common(specs)
        if kind_of(found) in kinds:
            raise error(sentence.format(found.type_name))

    return refuse


def both(*refusals: Callable) -> Callable:
    """Several refusals, tried in order."""

    def refuse(specs: Any) -> None:
        for one in refusals:
            one(specs)

    return refuse


def first(refusal: Callable) -> Callable:
    """A refusal by the first operand's type alone, whatever numbers follow."""
    return lambda specs: refusal(specs[:1])


def broadcasts(specs: tuple) -> None:
    """torch's error when tensors have no common shape."""
    shape: tuple[int, ...] = ()
    for s in specs:
        if s is not None and not isinstance(s, type):
            shape = broadcast(shape, s.shape)
