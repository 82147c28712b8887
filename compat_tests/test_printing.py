"""repr of tensors against torch's, character for character."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch._tensor_str import get_printoptions

import jtorch
from compat_tests.harness.convert import tensor_to_torch
from jtorch import _printing

LIBS = [torch, jtorch]
NAN, INF = math.nan, math.inf
DTYPES = (
    *("float32", "float64", "float16", "bfloat16", "complex64", "complex128"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"),
    *("float8_e4m3fn", "float8_e5m2"),
)


def reprs(data: Any, dtype: str | None = None, **options: Any) -> tuple[str, str]:
    """The repr of the same tensor in both libraries, under the same print options."""
    texts = []
    for lib in LIBS:
        lib.set_printoptions(**{"profile": "default", **options})
        try:
            texts.append(repr(lib.tensor(data, dtype=None if dtype is None else getattr(lib, dtype))))
        finally:
            lib.set_printoptions(profile="default")
    return texts[0], texts[1]


HAND_PICKED = [
    *(0.0, -0.0, 1.0, 1.5, 3.14159265, 1e5, 1e8, 1e9, 1e-4, 9e-5, NAN, INF, -INF, 123456.789),
    *(True, 7, -3, 2**40, 1 + 2j, complex(1, NAN), complex(-0.0, -INF), 1.5 - 1e-9j),
    *([], [[]], [[], []], [[[]]]),
    *([0.0, NAN], [1.5, -INF], [NAN, NAN], [0.0, 0.0], [-0.0, 1.5], [1.0, 1e5], [1.0, 1000.0], [1.0, 1001.0]),
    *([1e-10, 1.0], [1.5, 1e-5], [0.1, 100.1], [0.1, 100.2], [99999999.0], [100000001.0], [1e38, 1.0], [1e-45]),
    *([True, False], [True], [1, -100, 10], [[1, 2], [3, 4]], [[[1.5], [2.5]]], [1 + 2j, 3.5 - 1j], [1e10 + 1j, 2j]),
    *([0.1] * 30, [[0.1] * 30] * 2, list(range(50)), [[[[1.0, 2.0]] * 2] * 2] * 2),
]


@pytest.mark.parametrize("data", HAND_PICKED, ids=repr)
def test_hand_picked(data):
    torchs, ours = reprs(data)
    assert ours == torchs


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    for data in (0, 1, [0, 1, 2], [[0, 1], [1, 0]], [], [[], []]):
        torchs, ours = reprs(data, dtype)
        assert ours == torchs


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_fractions_of_small_types(dtype):
    torchs, ours = reprs([0.1, 1.3, 100.7, 0.001, NAN], dtype)
    assert ours == torchs


@pytest.mark.parametrize(
    "shape", [(1001,), (1000,), (2, 600), (600, 2), (20, 20, 20), (7, 6, 5, 8), (5, 1, 300), (1, 2000)]
)
@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "complex64"])
def test_summaries(shape, dtype):
    data = (np.arange(math.prod(shape)).reshape(shape) * 7 % 1013 / 8).astype(dtype)
    torchs, ours = reprs(data)
    assert ours == torchs


OPTIONS = {
    "precision": st.sampled_from([None, 0, 2, 7]),
    "threshold": st.sampled_from([None, 0, 10, INF]),
    "edgeitems": st.sampled_from([None, 0, 1, 2, 5]),
    "linewidth": st.sampled_from([None, 10, 40, 120]),
    "profile": st.sampled_from(["default", "short", "full"]),
    "sci_mode": st.sampled_from([None, None, True, False]),
}


@st.composite
def arrays(draw):
    dtype = draw(st.sampled_from(["float32", "float64", "float16", "complex64", "int64", "int32", "uint8", "bool"]))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
    array = draw(hnp.arrays(dtype, shape))
    if array.dtype.kind == "f" and draw(st.booleans()):
        # Any bits at all are nearly always printed scientifically: numbers near 1 show the other forms.
        scale = 10.0 ** draw(st.integers(-6, 9))
        with np.errstate(all="ignore"):
            array = (np.round(array * 8 / np.abs(array).max(initial=1)) * scale / 4).astype(dtype)
    return array


@settings(max_examples=400, deadline=None, database=None, derandomize=True)
@given(arrays(), st.fixed_dictionaries(OPTIONS))
def test_any_array_under_any_options(array, options):
    torchs, ours = reprs(array, **options)
    assert ours == torchs


def of_both(make):
    return repr(make(jtorch)), repr(make(torch))


SUFFIXES = {
    "a leaf": lambda lib: lib.tensor([1.0], requires_grad=True),
    "a result": lambda lib: lib.tensor([1.0], requires_grad=True) + 1,
    "a product": lambda lib: lib.tensor([[1.5]], requires_grad=True) * 2,
    "a sum": lambda lib: lib.tensor([1.0, 2.0], requires_grad=True).sum(),
    "a long result": lambda lib: lib.tensor([1.25] * 8, requires_grad=True) + 1,
    "an integer result": lambda lib: lib.tensor([1, 2]) + 1,
    "a detached result": lambda lib: (lib.tensor([1.0], requires_grad=True) + 1).detach(),
    "a double leaf": lambda lib: lib.tensor([1.0] * 9, dtype=lib.float64, requires_grad=True),
    "a parameter": lambda lib: lib.nn.Parameter(lib.tensor([1.0, 2.0])),
    "a frozen parameter": lambda lib: lib.nn.Parameter(lib.tensor([[1.0], [2.0]]), requires_grad=False),
    "a parameter of halves": lambda lib: lib.nn.Parameter(lib.tensor([1.0], dtype=lib.float16)),
    "a transposed view": lambda lib: lib.tensor([[1, 2], [3, 4]]).t(),
    "tensors in containers": lambda lib: [lib.tensor(1), {"a": (lib.tensor([1.5]),)}],
}


@pytest.mark.parametrize("name", SUFFIXES)
def test_suffixes(name):
    ours, torchs = of_both(SUFFIXES[name])
    assert ours == torchs


@pytest.fixture(autouse=True)
def default_options():
    yield
    for lib in LIBS:
        lib.set_printoptions(profile="default")


def test_suffixes_on_a_narrow_line():
    for lib in LIBS:
        lib.set_printoptions(linewidth=30)
    ours, torchs = of_both(lambda lib: lib.tensor([1.0, 2.0], dtype=lib.float64, requires_grad=True) + 1)
    assert ours == torchs


def test_the_default_dtype_has_no_suffix():
    for lib in LIBS:
        lib.set_default_dtype(lib.float64)
    for dtype in ("float32", "float64", "complex64", "complex128"):
        ours, torchs = of_both(lambda lib, dtype=dtype: lib.tensor([1, 2], dtype=getattr(lib, dtype)))
        assert ours == torchs


def test_subclasses_print_their_names():
    def make(lib):
        class Image(lib.Tensor):
            pass

        return lib.tensor([1.0, 2.0]).as_subclass(Image)

    ours, torchs = of_both(make)
    assert ours == torchs


def test_other_ways_to_text():
    def make(lib):
        x, many = lib.tensor(1.5), lib.tensor([1.5, 2.0])
        return str(x), f"{x}", f"{x:.3f}", "%s" % x, str(many), f"{many}", f"{x!r:>12}"  # noqa: UP031 - the old way is one of those compared

    ours, torchs = of_both(make)
    assert ours == torchs


def test_printing_leaves_the_tensor():
    x = jtorch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    repr(y)
    y.sum().backward()
    assert tensor_to_torch(x.grad).tolist() == [2, 2]
    assert x.grad_fn is None


CALLS = [
    {"precision": 2},
    {"sci_mode": True},
    {"precision": 3},
    {"profile": "short", "linewidth": 100},
    {"profile": "FULL"},
    {"profile": "full"},
    {"threshold": 5, "edgeitems": 1},
    {"profile": "default"},
]


def test_options_are_kept_as_torch_keeps_them():
    for call in CALLS:
        for lib in LIBS:
            lib.set_printoptions(**call)
        assert _printing.get_printoptions() == get_printoptions()


def test_options_for_a_block():
    before = _printing.get_printoptions()
    with pytest.raises(ValueError, match="out of the block"), _printing.printoptions(precision=2, sci_mode=True):
        assert repr(jtorch.tensor(0.5)) == "tensor(5.00e-01)"
        raise ValueError("out of the block")
    assert _printing.get_printoptions() == before
