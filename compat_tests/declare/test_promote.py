"""jtorch._declare.promote against real torch."""

import random
import warnings

import pytest
import torch

from compat_tests.promotion_grid import CANONICAL, DEFAULTS, default_dtype, differences
from jtorch._declare.promote import (
    DIMENSIONED,
    ZERO_DIM,
    can_cast,
    compute_and_result,
    compute_dtype,
    promote_types,
    result_type,
)
from jtorch._types import DTYPES

UNARY = {
    "default": ("neg", "square"),
    "float": ("sin", "exp", "sqrt", "sigmoid"),
    "bool": ("logical_not", "isnan"),
    "complex_to_real": ("abs",),
    "float_to_real": ("angle",),
    "integers_to_int64": ("sum", "prod"),
}


def theirs(name):
    return getattr(torch, name)


def answer(function, *args):
    try:
        return str(function(*args))
    except RuntimeError as error:
        return f"RuntimeError: {error}"


def test_grid():
    wrong, wrong_complex32, counted = differences()
    assert counted > 28_000
    assert not wrong
    assert not wrong_complex32


@pytest.mark.parametrize("a", CANONICAL, ids=repr)
def test_promote_types_and_can_cast(a):
    for b in CANONICAL:
        pair = theirs(a.name), theirs(b.name)
        assert can_cast(a, b) == torch.can_cast(*pair)
        assert answer(promote_types, a, b) == answer(torch.promote_types, *pair)


@pytest.mark.parametrize(
    "call", ["promote_types('a', d)", "promote_types(d, 3)", "can_cast(1.5, d)", "can_cast(d, d.x)"]
)
def test_argument_errors(call):
    with pytest.raises((TypeError, AttributeError)) as expected:
        eval(call, {"promote_types": torch.promote_types, "can_cast": torch.can_cast, "d": torch.int32})
    with pytest.raises(type(expected.value)) as got:
        eval(call, {"promote_types": promote_types, "can_cast": can_cast, "d": DTYPES["int32"]})
    if expected.type is TypeError:
        assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("default", DEFAULTS)
@pytest.mark.parametrize(("kind", "function"), [(kind, name) for kind, names in UNARY.items() for name in names])
def test_result_kinds(kind, function, default):
    answered = 0
    with default_dtype(default), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # complex32 is experimental in torch
        for element in CANONICAL:
            if (function, element.name) == ("square", "bool"):  # pow(x, 2): the number 2 takes part
                continue
            try:
                expected = theirs(function)(torch.ones(2, dtype=theirs(element.name))).dtype
            except (NotImplementedError, RuntimeError):  # no kernel for this type
                continue
            answered += 1
            _, result = compute_and_result(kind, ((element, DIMENSIONED),), DTYPES[default])
            assert str(result) == str(expected), element
    assert answered >= 9


def test_bool_computes_in_the_common_type():
    operands = ((DTYPES["int16"], DIMENSIONED), (DTYPES["float32"], DIMENSIONED))
    assert compute_and_result("bool", operands, DTYPES["float32"]) == (DTYPES["float32"], DTYPES["bool"])


def test_three_operands():
    names = ("uint8", "int16", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128")
    chosen = random.Random(0)
    checked = 0
    for _ in range(300):
        operands = tuple((DTYPES[chosen.choice(names)], chosen.choice((DIMENSIONED, ZERO_DIM))) for _ in range(3))
        tensors = [
            torch.ones((2,) if weight == DIMENSIONED else (), dtype=theirs(element.name))
            for element, weight in operands
        ]
        got = result_type(operands, DTYPES["float32"])
        if got.name == "complex32":
            continue
        checked += 1
        assert str(got) == str(torch.addcmul(*tensors).dtype), operands
    assert checked > 250


def test_no_operands():
    with pytest.raises(ValueError, match="needs an operand"):
        result_type((), DTYPES["float32"])


def test_compute_dtype():
    narrow = {"float16": "float32", "bfloat16": "float32", "complex32": "complex64"}
    for element in CANONICAL:
        expected = "float32" if element.name.startswith("float8") else narrow.get(element.name, element.name)
        assert compute_dtype(element).name == expected
