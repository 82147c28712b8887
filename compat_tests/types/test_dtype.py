"""jtorch._types.dtype against real torch."""

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest
import torch

from compat_tests.types.namespace import OURS, assert_same
from jtorch import _types

NAMES = sorted(_types.DTYPES)
CANONICAL = [value for name, value in _types.DTYPES.items() if name == value.name]


@pytest.mark.parametrize("name", NAMES)
def test_facts(name):
    facts = ("itemsize", "is_floating_point", "is_complex", "is_signed", "to_real()", "to_complex()")
    for fact in ("", *(f".{fact}" for fact in facts)):
        assert_same(f"torch.{name}{fact}")


@pytest.mark.filterwarnings("ignore::UserWarning")  # complex32 is experimental in torch
@pytest.mark.parametrize("element", CANONICAL, ids=repr)
def test_type_name(element):
    assert torch.empty(0, dtype=getattr(torch, element.name)).type() == f"torch.{element.type_name}Tensor"


def test_none_is_missing():
    theirs = {name for name, value in vars(torch).items() if isinstance(value, torch.dtype)}
    # quantized, sub-byte and opaque types have no XLA counterpart
    left_out = {name for name in theirs - set(NAMES) if name.startswith(("q", "bit", "uint", "int", "float4"))}
    assert theirs - left_out == set(NAMES)
    assert not left_out & {"uint8", "uint16", "uint32", "uint64"}


@pytest.mark.parametrize("element", CANONICAL, ids=repr)
def test_one_object_each(element):
    assert pickle.loads(pickle.dumps(element)) is element
    assert copy.deepcopy(element) is element
    if element is not _types.complex32:
        assert _types.from_numpy(element.np) is element
        assert element.np.itemsize == element.itemsize
        assert element.np.byteorder in "=|"


def test_from_numpy():
    assert _types.from_numpy(np.dtype(ml_dtypes.bfloat16)) is _types.bfloat16
    for array in (np.array(["a"]), np.ones(2, ">f4"), np.array([None])):
        with pytest.raises((TypeError, ValueError)) as expected:
            torch.from_numpy(array)
        with pytest.raises(type(expected.value)) as got:
            _types.from_numpy(array.dtype)
        assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("kind", [bool, int, float, complex])
def test_python_types(kind):
    assert str(_types.PYTHON_DTYPES[kind]) == str(torch.ones(1, dtype=kind).dtype)


@pytest.mark.parametrize("expression", ["torch.dtype()", "torch.float32 == None", "torch.half is torch.float16"])
def test_object(expression):
    assert_same(expression)


def test_immutable():
    with pytest.raises(AttributeError):
        _types.float32.itemsize = 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["finfo", "iinfo"])
def test_limits(kind, name):
    made = f"torch.{kind}(torch.{name})"
    for attribute in ("", ".bits", ".min", ".max", ".eps", ".tiny", ".smallest_normal", ".resolution", ".dtype"):
        if hasattr(torch.iinfo(torch.int8), attribute[1:]) or kind == "finfo" or not attribute:
            assert_same(made + attribute)


@pytest.mark.parametrize(
    "expression",
    [
        "torch.finfo()",
        "torch.finfo('a')",
        "torch.finfo(None)",
        "torch.iinfo('a')",
        "torch.iinfo(3)",
        "torch.iinfo(None)",
        "torch.iinfo(np.ones(2))",
        "torch.finfo(type=torch.float32)",
        "torch.finfo(torch.float32) == torch.finfo(torch.complex64)",
        "torch.finfo(torch.float32) == torch.finfo(torch.float64)",
        "torch.finfo(torch.float32) == 3",
        "torch.iinfo(torch.int8) == torch.iinfo(torch.int8)",
        "torch.iinfo(torch.int8) != torch.iinfo(torch.int16)",
    ],
)
def test_limits_objects(expression):
    assert_same(expression)


def test_limits_are_unhashable():
    with pytest.raises(TypeError, match="unhashable type"):
        hash(_types.finfo(_types.float32))


@pytest.fixture
def float32_afterwards():
    yield
    torch.set_default_dtype(torch.float32)
    _types.set_default_dtype(_types.float32)


@pytest.mark.usefixtures("float32_afterwards")
@pytest.mark.parametrize("given", [*(f"torch.{name}" for name in NAMES), "'a'", "'torch.float64'", "None", "3"])
def test_default_dtype(given):
    assert_same(f"torch.set_default_dtype({given})")
    assert str(OURS.get_default_dtype()) == str(torch.get_default_dtype())
    assert_same("torch.finfo()")
