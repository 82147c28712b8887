"""torch.compile and what it refuses, against real torch."""

import pytest
import torch

import jtorch

# torch's compiler, imported at the first use, uses what Python deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def double(x):
    return x + x


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "unheard-of"},
        {"mode": "default", "options": {"max_autotune": True}},
        {"dynamic": "yes"},
        {"backend": "unheard-of"},
    ],
    ids=str,
)
def test_wrong_options(options):
    with pytest.raises((RuntimeError, AssertionError)) as theirs:
        torch.compile(double, **options)
    with pytest.raises((RuntimeError, AssertionError)) as ours:
        jtorch.compile(double, **options)
    assert str(ours.value) == str(theirs.value)
    assert issubclass(theirs.type, ours.type)


@pytest.mark.parametrize("make", [lambda lib: lib.compile(3), lambda lib: lib.compile(mode="default")(3)])
def test_not_callable(make):
    with pytest.raises(AssertionError) as theirs:
        make(torch)
    with pytest.raises(AssertionError) as ours:
        make(jtorch)
    assert str(ours.value) == str(theirs.value)


def test_compiled_is_the_same():
    layer = jtorch.nn.Linear(2, 2)
    assert jtorch.compile(layer, fullgraph=True) is layer
    assert layer.compile(dynamic=False) is None
    assert jtorch.compile(mode="reduce-overhead")(double) is double


def test_backend_of_ones_own_is_refused():
    with pytest.raises(NotImplementedError, match="leave `backend` away"):
        jtorch.compile(double, backend=lambda graph, inputs: graph)
