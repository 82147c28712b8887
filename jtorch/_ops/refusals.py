"""What an op does not take, in torch's words: callables for the `refuse` option of a declaration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import broadcast, errors
from jtorch._declare.op import weighed
from jtorch._declare.promote import result_type
from jtorch._declare.types import dtype, get_default_dtype

BOOL, INT, FLOAT, COMPLEX = "bool", "int", "float", "complex"
HALF = "half"  # of FLOAT: those narrower than 32 bits
# Of INT, by their own names: all but one.
BUT_BYTE = ("int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")
BUT_LONG = ("uint8", "int8", "int16", "int32", "uint16", "uint32", "uint64")


def kind_of(type: dtype) -> str:
    """Which of the four words describes an element type."""
    if type.is_complex:
        return COMPLEX
    if type.is_floating_point:
        return FLOAT
    return BOOL if type.name == "bool" else INT


def is_one_of(type: dtype, kinds: tuple[str, ...]) -> bool:
    """True when one of the words, or the name of a type, says what this one is."""
    half = HALF in kinds and type.is_floating_point and type.itemsize < 4
    return half or kind_of(type) in kinds or type.name in kinds


def common(specs: tuple) -> dtype:
    """The type operands promote to, from the specs of a call."""
    return result_type(tuple(weighed(s) for s in specs if s is not None), get_default_dtype())


def no_kernel(kernel: str, *kinds: str) -> Callable:
    """Refuses kinds of the promoted type as a missing kernel does."""
    return lambda specs: without_kernel(kernel, common(specs), *kinds)


def floats_only(kernel: str, *kinds: str) -> Callable:
    """Refuses whatever the first operand is but real floats, and of those kinds too, as a missing kernel does."""
    return first(no_kernel(kernel, BOOL, INT, COMPLEX, *kinds))


def without_kernel(kernel: str, type: dtype, *kinds: str) -> None:
    """Raises as a missing kernel does where a type is one of some kinds: for bodies that choose the kernel."""
    if is_one_of(type, kinds):
        raise errors.not_implemented_for(kernel, type.type_name)


def refused(error: Callable[[str], Exception], sentence: str, *kinds: str) -> Callable:
    """Refuses kinds of the promoted type with a sentence, in which `{}` is the type's name."""

    def refuse(specs: tuple) -> None:
        found = common(specs)
        if is_one_of(found, kinds):
            raise error(sentence.format(found.type_name))

    return refuse


NO_NORM = "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}"
inexact_norm = refused(RuntimeError, NO_NORM, BOOL, INT)


def inexact_matrix(function: str) -> Callable:
    """Refuses what LAPACK has no numbers for, in the words of torch.linalg's functions."""
    return both(
        refused(RuntimeError, f"{function}: Expected a floating point or complex tensor as input. Got {{}}", BOOL, INT),
        refused(RuntimeError, f"{function}: Low precision dtypes not supported. Got {{}}", HALF),
    )


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
