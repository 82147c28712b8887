"""Reductions and running sums against torch: dtypes, dims, empty tensors, errors, named tuples."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.ops.agree import agree, agree_on_error, agree_on_gradients

NAN = math.nan


def grid(t: Any) -> Any:
    return t.tensor([[3.0, 1.0, 2.0], [-1.0, 5.0, 5.0]])


def holes(t: Any) -> Any:
    return t.tensor([[3.0, NAN, 2.0], [NAN, NAN, NAN]])


def kinds(t: Any) -> list:
    """One matrix in several types."""
    return [grid(t).to(d) for d in (t.float32, t.float64, t.float16, t.bfloat16, t.int64, t.int32, t.uint8, t.bool)]


DIMS: tuple = (None, 0, 1, -1, (0, 1), ())
TYPES = {
    "sum": lambda t: [x.sum() for x in kinds(t)] + [x.sum(1) for x in kinds(t)],
    "sum dtype": lambda t: [grid(t).sum(dtype=t.int64), grid(t).sum(0, dtype=t.float16)],
    "prod": lambda t: [x.prod() for x in kinds(t)] + [x.prod(0, keepdim=True) for x in kinds(t)],
    "mean": lambda t: [x.mean() for x in kinds(t)[:4]] + [kinds(t)[4].mean(dtype=t.float32)],
    "all, any": lambda t: [f(x, *d) for x in kinds(t) for f in (t.all, t.any) for d in ((), (0,))],
    "amax, amin": lambda t: [f(x, 1) for x in kinds(t) for f in (t.amax, t.amin)],
    "argmax": lambda t: [f(x, d) for x in kinds(t)[:7] for f in (t.argmax, t.argmin) for d in (None, 0)],
    "max": lambda t: [f(x, *d) for x in kinds(t) for f in (t.max, t.min) for d in ((), (1,), (0, True))],
    "max of two": lambda t: [t.max(grid(t), grid(t).flip(1)), t.min(grid(t), other=grid(t).flip(1))],
    "std, var": lambda t: [f(x) for x in kinds(t)[:4] for f in (t.std, t.var)],
    "cumsum": lambda t: [x.cumsum(1) for x in kinds(t)],
    "cumprod": lambda t: [x.cumprod(0) for x in kinds(t)],
    "cummax": lambda t: [f(x, 1) for x in kinds(t) for f in (t.cummax, t.cummin)],
    "count_nonzero": lambda t: [t.count_nonzero(x, d) for x in kinds(t) for d in (None, 0)],
    "norm": lambda t: [x.norm() for x in kinds(t)[:4]] + [grid(t).norm(dtype=t.float64)],
    "cumsum in place": lambda t: kinds(t)[6].cumsum_(1),
    "complex": lambda t: [f(grid(t) * (1 + 2j)) for f in (t.sum, t.mean, t.prod, t.norm, t.std)],
}
CALLS = {
    "dims": lambda t: [f(grid(t), dim=d) for f in (t.sum, t.mean, t.amax, t.std, t.all) for d in DIMS[1:]],
    "keepdim": lambda t: [f(grid(t), dim=d, keepdim=True) for f in (t.sum, t.mean, t.amin, t.var) for d in DIMS[1:]],
    "axis, keepdims": lambda t: [grid(t).sum(axis=1), grid(t).mean(axis=0, keepdims=True), grid(t).max(axis=1)[0]],
    "zero dimensions": lambda t: [f(t.tensor(2.0), 0) for f in (t.sum, t.mean, t.max, t.argmax, t.cumsum, t.cummax)],
    "std": lambda t: [grid(t).std(*a) for a in ((), (False,), (0,), (0, False), (1, True, True))],
    "std correction": lambda t: [t.std(grid(t), dim=0, correction=c) for c in (0, 1, 2, 5)],
    "std_mean": lambda t: [t.std_mean(grid(t), 0), t.var_mean(grid(t), (0, 1)), t.var_mean(grid(t))],
    "nan": lambda t: [f(holes(t), dim=1) for f in (t.nansum, t.nanmean, t.amax, t.sum, t.max, t.argmax, t.cummax)],
    "norm": lambda t: [t.norm(grid(t), p) for p in ("fro", "nuc", 0, 0.5, 1, 2, 3.5, math.inf, -math.inf, -1)],
    "norm dims": lambda t: [t.norm(grid(t), p, d, k) for p in ("fro", 1) for d in (0, (0, 1)) for k in (False, True)],
    "dist": lambda t: [t.dist(grid(t), 2 * grid(t), p) for p in (0, 1, 2, 3, math.inf)],
    "logsumexp": lambda t: [t.logsumexp(grid(t), d) for d in (0, (0, 1), -1)] + [grid(t).logsumexp(1, True)],
    "aminmax": lambda t: [t.aminmax(grid(t)), t.aminmax(grid(t), dim=1, keepdim=True)],
    "empty": lambda t: [t.ones(0).sum(), t.ones(0).prod(), t.ones(0).mean(), t.ones(0).all(), t.ones(0, 3).amax(1)],
    "histc": lambda t: [t.histc(grid(t), 4), t.histc(grid(t), 4, 0, 3), t.histc(t.ones(3), 2)],
    "histogram": lambda t: [t.histogram(grid(t), 3, range=(0.0, 4.0)), t.histogram(grid(t), t.tensor([0.0, 1.0, 6.0]))],
    "quantile": lambda t: [t.quantile(grid(t), q, *d) for q in (0.3, t.tensor([0.0, 0.5])) for d in ((), (0, True))],
    "cov": lambda t: [t.cov(grid(t)), t.cov(grid(t), correction=0), t.corrcoef(grid(t)), t.cov(t.tensor([1.0, 2.0]))],
    "diff": lambda t: [t.diff(grid(t), n) for n in (0, 1, 2, 5)] + [t.diff(grid(t), prepend=grid(t), dim=0)],
    "diff of bools": lambda t: t.diff(t.tensor([True, False, False])),
    "logcumsumexp": lambda t: t.logcumsumexp(t.tensor([-math.inf, 1.0, 800.0, 2.0]), 0),
    "trapezoid": lambda t: [t.trapezoid(grid(t)), t.trapezoid(grid(t), dx=2, dim=0), t.cumulative_trapezoid(grid(t))],
    "renorm": lambda t: t.renorm(grid(t), 2, 0, 4.0),
    "out": lambda t: [t.sum(grid(t), 1, out=t.zeros(2)), t.max(grid(t), 1, out=(t.zeros(2), t.zeros(2).long()))],
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_types(name: str):
    agree(TYPES[name])


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str):
    agree(CALLS[name])


ERRORS: list[Callable[[Any], Any]] = [
    lambda t: t.tensor([1, 2]).mean(),
    lambda t: t.tensor([1, 2]).mean(dtype=t.int64),
    lambda t: t.tensor([1, 2]).std(),
    lambda t: t.tensor([1, 2]).norm(),
    lambda t: t.tensor([1, 2]).norm(dtype=t.float32),
    lambda t: grid(t).norm("max"),
    lambda t: t.ones(2).norm("nuc"),
    lambda t: t.ones(0).max(),
    lambda t: t.ones(0).amax(),
    lambda t: t.ones(0).argmax(),
    lambda t: t.ones(0, 2).max(0),
    lambda t: t.ones(0, 2).amin(0),
    lambda t: t.ones(0, 2).argmin(0),
    lambda t: t.ones(0).aminmax(),
    lambda t: t.ones(0, 2).aminmax(dim=0),
    lambda t: grid(t).sum(2),
    lambda t: grid(t).sum((0, 0)),
    lambda t: grid(t).cumsum(-3),
    lambda t: t.tensor([True]).argmax(),
    lambda t: (grid(t) * 1j).max(1),
    lambda t: (grid(t) * 1j).amax(),
    lambda t: (grid(t) * 1j).argmax(),
    lambda t: t.tensor([1, 2]).logcumsumexp(0),
    lambda t: t.tensor([1, 2]).histc(),
    lambda t: t.quantile(grid(t), 2),
    lambda t: t.quantile(grid(t), 0.5, interpolation="cubic"),
    lambda t: t.diff(t.tensor(1.0)),
    lambda t: t.diff(grid(t), -1),
    lambda t: t.cov(t.ones(2, 2, 2)),
    lambda t: t.cov(grid(t), fweights=t.ones(3)),
    lambda t: t.renorm(t.ones(3), 2, 0, 1.0),
    lambda t: t.sum(3),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_error(number: int):
    agree_on_error(ERRORS[number])


GRADIENTS = {
    "prod": lambda t, x: t.prod(x, 1) + t.prod(x),
    "std": lambda t, x: t.std(x, 1) + t.var(x, 1, correction=0) + t.std_mean(x, 1)[0] * t.var_mean(x, 1)[1],
    "norm": lambda t, x: t.norm(x, 2, 1) + t.norm(x, 3, 1) + t.norm(x, "nuc") + t.dist(x, 2 * x),
    "logsumexp": lambda t, x: t.logsumexp(x, 1) + t.logcumsumexp(x, 1)[:, 0],
    "running": lambda t, x: t.cumsum(x, 1) * t.cumprod(x, 1) + t.cummax(x, 1).values * t.cummin(x, 0).values,
    "extrema": lambda t, x: t.amax(x, 1) + t.max(x, 1).values * t.min(x) + t.aminmax(x).max,
    "quantile": lambda t, x: t.quantile(x, 0.3, 1) + t.diff(x).sum(1) + t.trapezoid(x) * t.nanmean(x),
    "cov": lambda t, x: t.cov(x) + t.corrcoef(x),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str):
    agree_on_gradients(GRADIENTS[name], [[3.0, 1.5, 2.0], [-1.0, 5.0, 4.0]])


def test_named_tuple_is_torchs_kind():
    expected, got = torch.max(grid(torch), 1), jtorch.max(grid(jtorch), 1)
    assert repr(got) == repr(expected)
    assert str(type(got)) == str(type(expected)).replace("torch", "jtorch")
    assert isinstance(got, tuple)
    assert not hasattr(got, "_fields")
    assert [np.array(x).tolist() for x in pickle.loads(pickle.dumps(tuple(x.tolist() for x in got)))] == [
        x.tolist() for x in expected
    ]


def test_std_warns_of_no_freedom():
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0") as expected:
        torch.ones(1).std()
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0") as got:
        jtorch.ones(1).std()
    assert str(expected[0].message).startswith(str(got[0].message))


def test_imaginary_numbers_are_true():
    agree(lambda t: t.tensor([[3j, 0], [0, 0]]).any(1))
    agree(lambda t: t.tensor([[3j, 1], [0, 1j]]).all(1))
    agree(lambda t: t.tensor([3j, 0, 1]).bool())
    agree(lambda t: t.tensor([3j, 0], dtype=t.bool))
    agree_on_error(lambda t: t.tensor([3j, 0], dtype=t.int64))
