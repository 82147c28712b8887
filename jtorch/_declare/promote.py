"""Type promotion: the types an operation computes in and returns, from the types of its operands.

An operand is a pair (dtype, weight). A dimensioned tensor outweighs a 0-dim one, and that a Python number: the type of
a lighter operand counts only where it is of a higher category (bool < int < float < complex) than the heavier ones.
https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from jtorch._types import (
    COMPLEX,
    FLOAT,
    INT,
    bfloat16,
    bool_,
    checked_dtype,
    complex32,
    complex64,
    dtype,
    errors,
    float16,
    float32,
    int8,
    int16,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

DIMENSIONED, ZERO_DIM, NUMBER = range(3)  # the weights, heaviest first

Operand = tuple[dtype, int]
ResultKind = Literal["default", "float", "bool", "complex_to_real", "float_to_real", "integers_to_int64"]

_UNSIGNED: Final = frozenset({uint16, uint32, uint64})  # torch has them as storage, hardly as operands


def _is_float8(type: dtype) -> bool:
    return type.is_floating_point and type.itemsize == 1


_promoted: Final[dict[tuple[dtype, dtype], dtype]] = {}


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that holds the values of both, of the kind of the higher; RuntimeError for float8 and uint16.

    https://docs.pytorch.org/docs/stable/generated/torch.promote_types.html

    >>> import jtorch as torch
    >>> torch.promote_types(torch.int32, torch.float16)
    torch.float16
    >>> torch.promote_types(torch.uint8, torch.int8)
    torch.int16
    """
    found = _promoted.get((type1, type2))
    if found is None:
        checked_dtype("promote_types", "type1", 1, type1)
        checked_dtype("promote_types", "type2", 2, type2)
        found = _promoted[type1, type2] = _promote(type1, type2)
    return found


def _promote(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if _is_float8(a) or _is_float8(b):
        raise errors.promotion_float8(a.type_name, b.type_name)
    low, high = sorted((a, b), key=lambda type: type.category)
    if low in _UNSIGNED or high in _UNSIGNED:
        if high.category == FLOAT:
            return high
        raise errors.promotion_unsigned(a.type_name, b.type_name)
    if high.category == COMPLEX and low.category >= FLOAT:
        return _promote(low.to_real(), high.to_real()).to_complex()
    if low.category != high.category:
        return high
    if {a, b} == {uint8, int8}:
        return int16
    if {a, b} == {float16, bfloat16}:
        return float32
    return max(low, high, key=lambda type: type.itemsize)


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of one type may be stored in another: not complex in real, float in integer, any in bool.

    https://docs.pytorch.org/docs/stable/generated/torch.can_cast.html

    >>> import jtorch as torch
    >>> torch.can_cast(torch.float64, torch.float16), torch.can_cast(torch.float32, torch.int64)
    (True, False)
    """
    checked_dtype("can_cast", "from_", 1, from_)
    checked_dtype("can_cast", "to", 2, to)
    if from_.category == INT:
        return to.category >= INT
    return to.category >= from_.category


@lru_cache(maxsize=4096)
def result_type(operands: tuple[Operand, ...], default: dtype) -> dtype:
    """The common type of operands; ``default`` is what a Python float (or a complex number's part) counts as.

    >>> from jtorch._declare.promote import DIMENSIONED, NUMBER, result_type
    >>> from jtorch._types import float32, float64, int64
    >>> result_type(((int64, DIMENSIONED), (float64, NUMBER)), float32)
    torch.float32
    """
    common: list[dtype | None] = [None, None, None]
    for element, weight in operands:
        counted = _number_type(element, default) if weight == NUMBER else element
        before = common[weight]
        common[weight] = counted if before is None else promote_types(before, counted)
    dimensioned, zero_dim, number = common
    result = _outweigh(dimensioned, _outweigh(zero_dim, number))
    if result is None:
        raise ValueError("result_type needs an operand")
    return result


def _number_type(type: dtype, default: dtype) -> dtype:
    if type.category == COMPLEX:
        return default.to_complex()
    return default if type.category == FLOAT else type


def _outweigh(heavy: dtype | None, light: dtype | None) -> dtype | None:
    if heavy is None or light is None:
        return heavy or light
    if heavy.category >= FLOAT:
        return heavy.to_complex() if light.category == COMPLEX else heavy
    if light.category == COMPLEX:
        return light
    return promote_types(heavy, light) if heavy is bool_ or light.category >= FLOAT else heavy


@lru_cache(maxsize=4096)
def compute_and_result(kind: ResultKind, operands: tuple[Operand, ...], default: dtype) -> tuple[dtype, dtype]:
    """The type operands are cast to and the type of the result, for an op of this kind.

    "default": both are the common type. "float": integers become ``default`` (division, sin, mean). "bool": compared in
    the common type. "complex_to_real": the result is the real part's type (abs). "float_to_real": both of these
    (angle). "integers_to_int64": integers and bools become int64 (sum, prod, cumsum).

    >>> from jtorch._declare.promote import DIMENSIONED, compute_and_result
    >>> from jtorch._types import float32, int16
    >>> compute_and_result("bool", ((int16, DIMENSIONED), (float32, DIMENSIONED)), float32)
    (torch.float32, torch.bool)
    """
    common = result_type(operands, default)
    if kind in ("float", "float_to_real"):
        common = default if common.category <= INT else common
    elif kind == "integers_to_int64":
        common = int64 if common.category <= INT else common
    if kind == "bool":
        return common, bool_
    if kind in ("complex_to_real", "float_to_real"):
        return common, common.to_real()
    return common, common


def compute_dtype(type: dtype) -> dtype:
    """The type arithmetic is done in: float32 for narrower floats, complex64 for complex32, else the type itself."""
    if type is complex32:
        return complex64
    return float32 if type.category == FLOAT and type.itemsize < 4 else type
