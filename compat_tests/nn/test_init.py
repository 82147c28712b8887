"""nn.init: the numbers, gains, errors and warnings of torch."""

import inspect

import pytest
import torch as oracle

import jtorch
from compat_tests.harness.same import assert_same, attempt

FILLS = {
    "uniform_": {},
    "uniform_ range": {"a": -2.0, "b": 3.0},
    "normal_": {},
    "normal_ moved": {"mean": 2.0, "std": 0.5},
    "trunc_normal_": {},
    "trunc_normal_ narrow": {"mean": 0.1, "std": 0.02, "a": -0.04, "b": 0.04},
    "constant_": {"val": 0.3},
    "ones_": {},
    "zeros_": {},
    "eye_": {},
    "dirac_": {},
    "dirac_ groups": {"groups": 2},
    "xavier_uniform_": {"gain": 1.5},
    "xavier_normal_": {},
    "kaiming_uniform_": {},
    "kaiming_uniform_ a": {"a": 0.2, "mode": "fan_out"},
    "kaiming_normal_": {"nonlinearity": "relu", "mode": "FAN_OUT"},
    "sparse_": {"sparsity": 0.4},
}
SHAPES = [(0,), (3,), (0, 3), (2, 3), (2, 0, 3), (4, 7), (4, 5, 3), (4, 2, 3, 3), (17, 33)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fill", FILLS)
def test_fills(fill, dtype):
    def run(torch):
        function = getattr(torch.nn.init, fill.split()[0])
        made = []
        for shape in SHAPES:
            tensor = torch.empty(shape, dtype=getattr(torch, dtype))
            made.append(attempt(lambda t=tensor: (function(t, **FILLS[fill]), function(t, **FILLS[fill]) is t)))
        return made

    assert_same(run)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (4, 2, 3), (0, 3), (3,)])
def test_orthogonal(shape):
    def run(torch):
        torch.manual_seed(1)
        return torch.nn.init.orthogonal_(torch.empty(shape), gain=2.0)

    expected, made = attempt(run, oracle), attempt(run, jtorch)
    if isinstance(expected, tuple):
        assert made == expected
    else:
        # The factors come from two implementations of LAPACK.
        oracle.testing.assert_close(oracle.tensor(made.tolist()).reshape(shape), expected, rtol=0, atol=1e-5)


def test_generator():
    def run(torch):
        results = []
        for name in ("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "kaiming_normal_"):
            generator = torch.Generator().manual_seed(3)
            results.append(getattr(torch.nn.init, name)(torch.empty(3, 4), generator=generator))
        return results, torch.rand(2)

    assert_same(run)


def test_parameters_stay_leaves():
    def run(torch):
        p = torch.nn.Parameter(torch.empty(2, 2))
        fills = ("uniform_", "normal_", "trunc_normal_", "ones_", "zeros_", "eye_", "xavier_normal_")
        return [(getattr(torch.nn.init, fill)(p) is p, p.is_leaf, p) for fill in fills]

    assert_same(run)


def test_gains_and_errors():
    def run(torch):
        init = torch.nn.init
        names = ["linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu", "leaky_relu", "foo"]
        calls = [
            *(lambda n=n: init.calculate_gain(n) for n in names),
            *(lambda p=p: init.calculate_gain("leaky_relu", p) for p in (0.2, 1, True, "a")),
            lambda: init.kaiming_uniform_(torch.empty(2, 2), mode="foo"),
            lambda: init.kaiming_uniform_(torch.empty(2, 2), nonlinearity="foo"),
            lambda: init.dirac_(torch.empty(3, 2, 3), groups=2),
            lambda: init.trunc_normal_(torch.empty(3), mean=10),
            lambda: init.trunc_normal_(torch.empty(3), std=0),
            lambda: init.sparse_(torch.empty(3), 0.1),
        ]
        return [attempt(call) for call in calls]

    assert_same(run)


def test_older_names():
    def run(torch):
        init = torch.nn.init
        return init.uniform(torch.empty(3)), init.xavier_normal(torch.empty(2, 3)), init.constant(torch.empty(2), 1.0)

    assert_same(run)


def test_every_public_name_is_there_with_its_arguments():
    for name, function in vars(oracle.nn.init).items():
        if inspect.isfunction(function) and not name.startswith("_") and name.endswith("_"):
            ours = inspect.signature(getattr(jtorch.nn.init, name)).parameters.values()
            theirs = inspect.signature(function).parameters.values()
            assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs], name
