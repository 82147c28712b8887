"""torch.complex32 as a type to store: made, cast, read, printed, saved, differentiated through, as torch does."""

import copy
import io
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare, compare_bits, compare_strides
from compat_tests.harness.convert import to_jtorch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # complex32 is experimental in torch, casts lose a part

HALVES = torch.tensor([[1.5, -2.0, 1e-5], [70000.0, 0.1, -0.0]], dtype=torch.float16)
COMPLEX = torch.tensor([[1.5 + 2j, 1e-9 - 3j, 7e4 + 0.1j], [complex("nan+1j"), -0.0j, 1.0]])
SOURCES = {
    "float32": torch.tensor([[1.1, -2.0, 1e-7], [70000.0, 0.1, float("inf")]]),
    "float64": torch.tensor([[1.1, -2.0], [1.0 + 2**-11 + 2**-30, 0.1]], dtype=torch.float64),
    "half": HALVES,
    "bfloat16": torch.tensor([1.1, 3e38], dtype=torch.bfloat16),
    "int64": torch.tensor([3, -70000, 2049]),
    "bool": torch.tensor([True, False]),
    "complex64": COMPLEX,
    "complex128": COMPLEX.to(torch.complex128),
    "empty": torch.zeros(0, 3),
    "number": torch.tensor(1.25 + 3j),
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "image": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
}


def same(actual: Any, expected: torch.Tensor) -> None:
    compare(actual, expected)
    compare_bits(actual, expected)
    compare_strides(actual, expected)


@pytest.mark.parametrize("source", SOURCES)
def test_of_other_types(source: str) -> None:
    theirs, mine = SOURCES[source], to_jtorch(SOURCES[source])
    for make in (
        lambda lib, x: x.chalf(),
        lambda lib, x: x.to(lib.complex32),
        lambda lib, x: x.type(lib.complex32),
        lambda lib, x: x.type("torch.ComplexHalfTensor"),
        lambda lib, x: x.chalf(memory_format=lib.contiguous_format),
        lambda lib, x: x.chalf().clone(),
        lambda lib, x: x.chalf().to(lib.chalf, copy=True),
        lambda lib, x: lib.tensor(x.tolist(), dtype=lib.complex32),
        lambda lib, x: lib.zeros_like(x, dtype=lib.complex32),
    ):
        same(make(jtorch, mine), make(torch, theirs))


@pytest.mark.parametrize("source", ["complex64", "empty", "number", "turned", "image"])
def test_to_other_types_and_parts(source: str) -> None:
    theirs, mine = SOURCES[source].chalf(), to_jtorch(SOURCES[source]).chalf()
    assert mine.chalf() is mine
    for name in ("complex64", "complex128", "float16", "float32", "float64", "bool"):
        same(mine.to(getattr(jtorch, name)), theirs.to(getattr(torch, name)))
    for read in (
        lambda lib, x: x.real,
        lambda lib, x: lib.imag(x),
        lambda lib, x: lib.view_as_real(x),
        lambda lib, x: x.detach(),
        lambda lib, x: x.cfloat(),
        lambda lib, x: lib.zeros_like(x),
        lambda lib, x: lib.ones_like(x, dtype=lib.float32),
    ):
        same(read(jtorch, mine), read(torch, theirs))
    assert (mine.shape, mine.stride(), mine.storage_offset()) == (theirs.shape, theirs.stride(), 0)
    assert (mine.itemsize, mine.nbytes, mine.is_contiguous()) == (4, theirs.nbytes, theirs.is_contiguous())
    assert (mine.is_complex(), mine.is_floating_point(), mine.type()) == (True, False, "torch.ComplexHalfTensor")


def test_of_parts() -> None:
    pairs = torch.stack((HALVES, HALVES.flip(0)), -1)
    same(jtorch.view_as_complex(to_jtorch(pairs)), torch.view_as_complex(pairs))
    row = HALVES[0]
    same(jtorch.complex(to_jtorch(HALVES), to_jtorch(row)), torch.complex(HALVES, row))
    with pytest.raises(RuntimeError, match="Expected object of scalar type Half but got scalar type Float"):
        jtorch.complex(to_jtorch(row), jtorch.ones(3))
    with pytest.raises(RuntimeError, match="last dimension of size 2"):
        jtorch.view_as_complex(to_jtorch(row))
    with pytest.raises(RuntimeError, match="got a tensor of scalar type: BFloat16"):
        jtorch.view_as_complex(jtorch.ones(2, dtype=jtorch.bfloat16))


def test_factories() -> None:
    for make in (
        lambda lib: lib.zeros(2, 3, dtype=lib.complex32),
        lambda lib: lib.ones(2, dtype=lib.chalf),
        lambda lib: lib.full((2,), 1 + 2j, dtype=lib.complex32),
        lambda lib: lib.full((2,), 0.1, dtype=lib.complex32),
        lambda lib: lib.tensor(np.array([1.5 + 1j, 2]), dtype=lib.complex32),
        lambda lib: lib.as_tensor([1.5, 3], dtype=lib.complex32),
        lambda lib: lib.ones(2).new_zeros(3, dtype=lib.complex32),
    ):
        same(make(jtorch), make(torch))
    assert jtorch.empty(2, 3, dtype=jtorch.complex32).shape == (2, 3)
    assert jtorch.tensor([1j], dtype=jtorch.complex32, requires_grad=True).requires_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, kind: lib.arange(3, dtype=kind),
        lambda lib, kind: lib.arange(0, 3.5, 0.5, dtype=kind),
        lambda lib, kind: lib.arange(1j, dtype=kind),
        lambda lib, kind: lib.arange(0, dtype=kind),
        lambda lib, kind: lib.arange(3, out=lib.empty(3, dtype=kind)),
    ],
)
@pytest.mark.parametrize("kind", ["complex32", "complex64", "complex128"])
def test_a_range_of_complex_numbers(make: Any, kind: str) -> None:
    errors = []
    for lib in (jtorch, torch):
        with pytest.raises(NotImplementedError) as caught:
            make(lib, getattr(lib, kind))
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_memory_is_shared() -> None:
    found = []
    for lib in (torch, jtorch):
        pairs = lib.zeros(2, 2, dtype=lib.float16)
        x = lib.view_as_complex(pairs)
        x.real.fill_(3)
        x.imag = lib.ones(2, dtype=lib.float16)
        lib.view_as_real(x.detach())[0, 1] = 5
        pairs[1, 0] = 7
        kept = x.clone()
        x.data = lib.tensor([9j], dtype=lib.complex32)
        found.append((x.tolist(), kept.tolist(), pairs.tolist()))
    assert found[0] == found[1]


def test_out() -> None:
    for shape in ((2, 3), (0,)):
        mine, theirs = (lib.empty(shape, dtype=lib.complex32) for lib in (jtorch, torch))
        same(jtorch.complex(to_jtorch(HALVES), to_jtorch(HALVES), out=mine), torch.complex(HALVES, HALVES, out=theirs))
        same(mine, theirs)
    with pytest.raises(RuntimeError, match="ComplexHalf but got scalar type ComplexFloat for argument 'out'"):
        jtorch.complex(to_jtorch(HALVES), to_jtorch(HALVES), out=jtorch.empty(2, 3, dtype=jtorch.complex64))


@pytest.mark.parametrize("source", ["complex64", "empty", "number", "turned"])
def test_text_and_python_values(source: str) -> None:
    theirs, mine = SOURCES[source].chalf(), to_jtorch(SOURCES[source]).chalf()
    assert repr(mine) == repr(theirs)
    assert repr(mine.requires_grad_()) == repr(theirs.detach().requires_grad_())
    assert repr(mine.clone()) == repr(theirs.detach().requires_grad_().clone())
    assert str(mine.tolist()) == str(theirs.tolist())
    if mine.numel() == 1:
        assert (mine.item(), complex(mine.detach()), bool(mine)) == (theirs.item(), theirs.item(), True)
    else:
        with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
            mine.item()
    with pytest.raises(TypeError, match="Got unsupported ScalarType ComplexHalf"):
        mine.detach().numpy()


def gradients(lib: Any, name: str) -> list:
    make = {"float16": lib.float16, "float32": lib.float32, "complex64": lib.complex64, "complex128": lib.complex128}
    x = lib.tensor([1.5, -2.25], dtype=make[name], requires_grad=True)
    h = x.chalf()
    wide = h.to(lib.complex64) * lib.tensor([2 + 1j, 3j])
    loss = lib.view_as_real(wide).sum() + (h.real.float() * lib.tensor([0.3, 5.0])).sum() + h.imag.float().sum()
    names = [h.grad_fn.name(), h.clone().grad_fn.name(), h.cfloat().grad_fn.name(), lib.view_as_real(h).grad_fn.name()]
    loss.backward()
    (directly,) = lib.autograd.grad(x.chalf(), x, lib.tensor([1 + 2j, 3 - 1j], dtype=lib.complex32))
    return [x.grad.tolist(), directly.tolist(), str(x.grad.dtype), str(directly.dtype), names]


@pytest.mark.parametrize("name", ["float16", "float32", "complex64", "complex128"])
def test_gradients_through_casts(name: str) -> None:
    assert gradients(jtorch, name) == gradients(torch, name)


def test_gradients_of_leaves_and_parts() -> None:
    found = []
    for lib in (torch, jtorch):
        leaf = lib.tensor([1 + 2j, 3.0], dtype=lib.complex32, requires_grad=True)
        for _ in range(2):
            (lib.view_as_real(leaf).float().sum() + leaf.real.float().sum()).backward()
        real, imag = (lib.ones(2, dtype=lib.float16, requires_grad=True) for _ in range(2))
        lib.view_as_real(lib.complex(real, imag)).float().mul(lib.tensor([2.0, 3.0])).sum().backward()
        pairs = lib.ones(3, 2, dtype=lib.float16, requires_grad=True)
        joined = lib.view_as_complex(pairs)
        joined.cfloat().abs().sum().backward()
        found.append([one.grad.tolist() for one in (leaf, real, imag, pairs)] + [joined.grad_fn.name()])
        assert leaf.grad.dtype is lib.complex32
    assert found[0] == found[1]


def test_second_derivatives() -> None:
    found = []
    for lib in (torch, jtorch):
        x = lib.tensor([1.5, -2.25], requires_grad=True)
        (first,) = lib.autograd.grad((x**3).chalf().real.float().sum(), x, create_graph=True)
        (second,) = lib.autograd.grad(first.chalf().real.float().sum(), x)
        found.append(second.tolist())
    assert found[0] == found[1]


def test_copies_and_files() -> None:
    theirs = SOURCES["complex64"].chalf()
    mine = to_jtorch(theirs)
    leaf = mine.clone().requires_grad_()
    same(copy.deepcopy(mine), theirs)
    same(pickle.loads(pickle.dumps(mine)), theirs)
    assert copy.deepcopy(leaf).requires_grad
    assert pickle.loads(pickle.dumps(leaf)).requires_grad
    with pytest.raises(RuntimeError, match="created explicitly by the user"):
        copy.deepcopy(leaf.clone())

    file = io.BytesIO()
    jtorch.save(leaf, file)  # torch cannot read a leaf of such a dtype back, not even its own
    file.seek(0)
    assert jtorch.load(file).requires_grad
    saved = {"x": mine, "turned": to_jtorch(SOURCES["turned"]).chalf()}
    file = io.BytesIO()
    jtorch.save(saved, file)
    for lib in (jtorch, torch):
        file.seek(0)
        loaded = lib.load(file)
        assert repr(loaded["x"]) == repr(theirs)
        assert repr(loaded["turned"]) == repr(SOURCES["turned"].chalf())
    file = io.BytesIO()
    torch.save([theirs, theirs[1:], SOURCES["turned"].chalf()], file)
    file.seek(0)
    for actual, expected in zip(jtorch.load(file), [theirs, theirs[1:], SOURCES["turned"].chalf()], strict=True):
        same(actual, expected)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + 1,
        lambda x: x.sum(),
        lambda x: x[0],
        lambda x: x.reshape(-1),
        lambda x: x.zero_(),
        lambda x: x.copy_(jtorch.ones(2)),
        lambda x: x.untyped_storage(),
        lambda x: jtorch.ones(2).half() + 1j,
        lambda x: jtorch.ones(2).sum(dtype=jtorch.complex32),
        lambda x: jtorch.ones(2, dtype=jtorch.float64).sum(dtype=jtorch.complex32),
        lambda x: jtorch.randn(2, dtype=jtorch.complex32),
        lambda x: jtorch.full_like(x, 1.0),
    ],
)
def test_refusals(compute: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"torch.complex32 tensors: use .to\(torch.complex64\)"):
        compute(jtorch.ones(2).chalf())


def test_casts_to_real_warn_once() -> None:
    x = jtorch.ones(2).chalf()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        x.half()
    assert len(seen) <= 1


def test_compiled_functions_take_them() -> None:
    @jtorch.compile
    def stored(x: Any) -> Any:
        return x.chalf().cfloat() * 2

    for value in (1.1, 2.2, 3.3):
        expected = torch.tensor([value]).chalf().cfloat() * 2
        compare(stored(jtorch.tensor([value])), expected)
