"""torch.testing says of the same pairs the same words, and makes the same tensors."""

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare

PAIRS = {
    "equal": lambda t: (t.tensor([1.0]), t.tensor([1.0 + 1e-7])),
    "floats": lambda t: (t.tensor([[1.0, 2.0], [3.0, 4.0]]), t.tensor([[1.0, 3.0], [3.0, 5.0]])),
    "integers": lambda t: (t.tensor([1, 2]), t.tensor([1, 3])),
    "bools": lambda t: (t.tensor([True, False]), t.tensor([True, True])),
    "bytes": lambda t: (t.tensor([200], dtype=t.uint8), t.tensor([100], dtype=t.uint8)),
    "complex": lambda t: (t.tensor([1 + 1j]), t.tensor([1 + 2j])),
    "halves": lambda t: (t.tensor([1.0]).half(), t.tensor([2.0]).half()),
    "scalar tensors": lambda t: (t.tensor(1.0), t.tensor(2.0)),
    "numbers": lambda t: (1.0, 2.0),
    "whole numbers": lambda t: (1, 2),
    "a zero": lambda t: (0.5, 0.0),
    "types of numbers": lambda t: (1, 1.0),
    "Python bools": lambda t: (True, False),
    "shapes": lambda t: (t.tensor([1.0, 2.0]), t.tensor([1.0])),
    "dtypes": lambda t: (t.tensor([1.0]), t.tensor([1.0], dtype=t.float64)),
    "lengths": lambda t: ([t.tensor([1.0])], [t.tensor([1.0]), t.tensor([2.0])]),
    "an item": lambda t: ([1.0, [2.0, 3.0]], [1.0, [2.0, 4.0]]),
    "a key": lambda t: ({"a": 1.0, "c": [1, t.tensor(2.0)]}, {"a": 1.0, "c": [1, t.tensor(3.0)]}),
    "keys": lambda t: ({"a": t.tensor([1.0])}, {"b": t.tensor([2.0])}),
    "strings": lambda t: ("a", "b"),
    "None": lambda t: (None, 1),
    "nan": lambda t: (t.tensor([float("nan")]), t.tensor([float("nan")])),
    "inf": lambda t: (t.tensor([float("inf")]), t.tensor([1.0])),
    "NumPy": lambda t: (np.array([1.0, 2.0]), np.array([1.0, 3.0])),
    "a parameter": lambda t: (t.nn.Parameter(t.tensor([1.0])), t.tensor([2.0])),
    "nothing": lambda t: (t.zeros(0), t.ones(0)),
    "transposed": lambda t: (t.zeros(2, 2).t(), t.zeros(2, 2)),
}
OPTIONS = [
    {},
    {"rtol": 0.3, "atol": 0.0},
    {"rtol": 0, "atol": 0},
    {"check_dtype": False},
    {"check_stride": True},
    {"equal_nan": True},
    {"msg": "another"},
    {"msg": lambda text: f"before\n{text}"},
    {"rtol": 1e-3},
]


def outcome(library, pair, options):
    try:
        return library.testing.assert_close(*pair(library), **options)
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        return type(error), str(error)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ", ".join(options) or "plain")
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_assert_close(pair, options):
    assert outcome(jtorch, pair, options) == outcome(torch, pair, options)


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "float32"},
        {"dtype": "int64"},
        {"dtype": "uint8"},
        {"dtype": "bool"},
        {"dtype": "complex64"},
        {"dtype": "float16", "low": -1e9, "high": 1},
        {"dtype": "int64", "low": 0, "high": 2, "exclude_zero": True},
        {"dtype": "float32", "noncontiguous": True},
        {"dtype": "float32", "requires_grad": True},
    ],
    ids=str,
)
def test_make_tensor(options):
    made = []
    for library in (torch, jtorch):
        library.manual_seed(0)
        dtype = getattr(library, options["dtype"])
        made.append(library.testing.make_tensor(3, 4, **(options | {"dtype": dtype}), device="cpu"))
    compare(made[1], made[0])
    assert made[1].stride() == made[0].stride()
    assert made[1].requires_grad == made[0].requires_grad


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "float32", "low": 2, "high": 1},
        {"dtype": "float32", "low": float("nan"), "high": 1},
        {"dtype": "int64", "requires_grad": True},
        {"dtype": "bool", "low": 3, "high": 5},
    ],
    ids=str,
)
def test_make_tensor_refuses(options):
    said = []
    for library in (torch, jtorch):
        with pytest.raises(ValueError) as error:
            library.testing.make_tensor(3, **(options | {"dtype": getattr(library, options["dtype"])}), device="cpu")
        said.append(str(error.value))
    assert said[0] == said[1]
