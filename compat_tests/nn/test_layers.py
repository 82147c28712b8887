"""Every layer and loss: first parameters, repr, state_dict, value, gradients, errors, against torch."""

import inspect
import itertools
import warnings

import numpy as np
import pytest
import torch as oracle

import jtorch
from compat_tests.harness.same import assert_same, plain
from compat_tests.nn.cases import LAYERS, LOSSES, REDUCTIONS, REFUSED, WRONG_INPUTS

ALL = LAYERS + LOSSES + REDUCTIONS

pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{sentence}")
    for sentence in (
        "LSTM with projections is not supported with oneDNN",
        "enable_nested_tensor is True, but",
        "Support for mismatched",
    )
]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: f"{case[0]}({case[1]})")


def build(torch, case):
    """The module, from the same seed on both sides."""
    torch.manual_seed(0)
    return eval(f"torch.nn.{case[0]}({case[1]})", {"torch": torch})


class Inputs:
    """Arguments of a call from NumPy numbers, the same for both sides; ``leaves`` are the differentiable ones."""

    def __init__(self, torch):
        self.torch = torch
        self.random = np.random.default_rng(0)
        self.leaves = []

    def leaf(self, values):
        tensor = self.torch.tensor(values.astype(np.float32).tolist()).requires_grad_()
        self.leaves.append(tensor)
        return tensor

    def evaluate(self, text):
        names = {
            "torch": self.torch,
            "x": lambda *shape: self.leaf(self.random.standard_normal(shape)),
            "u": lambda *shape: self.leaf(self.random.uniform(0.05, 0.95, shape)),
            "i": lambda n, *shape: self.torch.tensor(self.random.integers(0, n, shape).tolist()),
            "s": lambda *shape: self.torch.tensor((self.random.integers(0, 2, shape) * 2.0 - 1).tolist()),
            "t": lambda *shape: self.torch.ones(shape),
        }
        return eval(f"({text},)", names)


def results(torch, case, training):
    """Outputs, gradients of inputs and parameters, buffers after the call."""
    module = build(torch, case).train(training)
    inputs = Inputs(torch)
    arguments = inputs.evaluate(case[2])
    torch.manual_seed(1)
    out = module(*arguments)
    outputs = tensors(out)
    numbers = np.random.default_rng(1)
    total = 0
    for t in outputs:
        if t.requires_grad:
            weights = numbers.uniform(0.5, 1.5, tuple(t.shape)).astype(np.float32)
            total = total + (t * torch.tensor(weights.tolist(), dtype=t.dtype).reshape(t.shape)).sum()
    if outputs[0].requires_grad:
        total.backward()
    gradients = [t.grad for t in (*inputs.leaves, *module.parameters())]
    return outputs, gradients, list(module.buffers())


def tensors(out):
    """All tensors of a result: one, or nested tuples."""
    if not isinstance(out, tuple):
        return [] if out is None else [out]
    return [t for part in out for t in tensors(part)]


def compare(ours, theirs):
    assert (ours is None) == (theirs is None)
    if theirs is None:
        return
    assert str(ours.dtype) == str(theirs.dtype)
    assert tuple(ours.shape) == tuple(theirs.shape)
    theirs = theirs.detach()
    ours = oracle.tensor(ours.detach().tolist(), dtype=theirs.dtype).reshape(theirs.shape)
    oracle.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-6)


def check_results(case, training):
    for ours, theirs in zip(results(jtorch, case, training), results(oracle, case, training), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            compare(a, b)


@named(ALL)
def test_value_and_gradients(case):
    check_results(case, training=True)


UNLIKE_IN_EVALUATION = "BatchNorm", "InstanceNorm", "Dropout", "RReLU", "Transformer"


@named([case for case in LAYERS if any(word in case[0] for word in UNLIKE_IN_EVALUATION)])
def test_value_and_gradients_in_evaluation(case):
    check_results(case, training=False)


@named(ALL)
def test_first_parameters_repr_and_keys(case):
    ours, theirs = build(jtorch, case), build(oracle, case)
    assert repr(ours) == repr(theirs)
    state, expected = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(expected)
    assert dict(state._metadata) == dict(expected._metadata)
    assert [plain(v) for v in state.values()] == [plain(v) for v in expected.values()]
    assert [p.requires_grad for p in ours.parameters()] == [p.requires_grad for p in theirs.parameters()]
    assert public(ours) == public(theirs)


def public(module):
    """The attributes without underscore as plain data."""
    return {name: plain(nameable(value)) for name, value in vars(module).items() if not name.startswith("_")}


def nameable(value):
    """A function as its name."""
    return value.__name__ if inspect.isroutine(value) else value


@named([case for case in LAYERS if hasattr(getattr(oracle.nn, case[0]), "reset_parameters")])
def test_reset_parameters(case):
    def run(torch):
        module = build(torch, case)
        torch.manual_seed(5)
        module.reset_parameters()
        return list(module.parameters()), torch.rand(1)

    assert_same(run)


@named(REFUSED)
def test_refused_arguments(case):
    assert_same(lambda torch: build(torch, case))


@named(WRONG_INPUTS)
def test_wrong_inputs(case):
    def run(torch):
        module = build(torch, case)
        return tuple(module(*Inputs(torch).evaluate(case[2])).shape)

    assert_same(run)


def test_padded_places_in_inference():
    # torch's nested tensors leave zeros there, but only where the padding is at the end and no other mask is given.
    ends, inside = [[False, False, False], [False, True, True]], [[False, False, False], [True, False, True]]

    def run(torch, padding, mask, norm_first):
        layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=norm_first)
        encoder = torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(4, bias=False)).eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that nested tensors are a prototype
            return encoder(torch.rand(2, 3, 4), mask, torch.tensor(padding))

    for padding, masked, norm_first in itertools.product((ends, inside), (False, True), (False, True)):
        assert_same(
            lambda torch, p=padding, m=masked, n=norm_first: run(torch, p, torch.zeros(3, 3) > 0 if m else None, n),
            rtol=2e-5, atol=2e-6,
        )  # fmt: skip


def test_padding_sentences():
    # The names stand in a set, whose order torch does not fix.
    nn = jtorch.nn
    with pytest.raises(ValueError, match=r"Invalid padding string 'foo', should be one of \{"):
        nn.Conv2d(4, 4, 3, padding="foo")
    with pytest.raises(ValueError, match=r"padding_mode must be one of \{.*\}, but got padding_mode='foo'"):
        nn.Conv2d(4, 4, 3, padding_mode="foo")


def test_embedding_from_pretrained():
    def run(torch):
        table = torch.ones(2, 3)
        layer = torch.nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
        frozen = torch.nn.Embedding.from_pretrained(table)
        same_memory = layer.weight.data_ptr() == table.data_ptr()
        bad = torch.nn.Embedding.from_pretrained
        try:
            bad(torch.ones(3))
        except AssertionError as error:
            return layer, layer.weight, frozen.weight, same_memory, str(error)

    assert_same(run)


def test_running_statistics_over_several_batches():
    for momentum in (0.1, None):
        sides = []
        for torch in (jtorch, oracle):
            layer = torch.nn.BatchNorm1d(3, momentum=momentum)
            for batch in np.random.default_rng(0).standard_normal((4, 5, 3)).astype(np.float32):
                layer(torch.tensor(batch.tolist()))
            sides.append(list(layer.buffers()))
        for ours, theirs in zip(*sides, strict=True):
            compare(ours, theirs)


PUBLIC = [name for name in jtorch.nn.__all__ if inspect.isclass(getattr(jtorch.nn, name))]


@pytest.mark.parametrize("name", PUBLIC)
def test_signatures(name):
    ours, theirs = getattr(jtorch.nn, name), getattr(oracle.nn, name)

    def parameters(function):
        return [(p.name, p.kind, nameable(p.default)) for p in inspect.signature(function).parameters.values()]

    assert parameters(ours.__init__) == parameters(theirs.__init__) or not issubclass(ours, jtorch.nn.Module)
    assert ours.__module__ == theirs.__module__.replace("torch", "jtorch")
    if "forward" in vars(theirs):
        assert list(inspect.signature(ours.forward).parameters) == list(inspect.signature(theirs.forward).parameters)
    if issubclass(ours, jtorch.nn.Module):
        assert getattr(ours, "__constants__", None) == getattr(theirs, "__constants__", None)
        assert ours._version == theirs._version


def test_every_layer_has_a_case():
    covered = {case[0] for case in ALL + REFUSED}
    bare = {"Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "RNNCellBase"}
    layers = {name for name in PUBLIC if issubclass(getattr(jtorch.nn, name), jtorch.nn.Module)}
    elsewhere = {name for name in layers if name.startswith("Lazy")} | {"SyncBatchNorm"}  # test_lazy.py
    assert layers - bare - elsewhere == covered
