"""Ops that order, against torch: ties, nan, types, empty dims, errors."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from compat_tests.ops.agree import agree, agree_on_error, agree_on_gradients

INF, NAN = math.inf, math.nan


def rows(t: Any) -> Any:
    return t.tensor([[3.0, NAN, 1.0, 3.5], [0.0, -1.0, INF, 0.5]])


def ties(t: Any) -> Any:
    return t.tensor([[2, 1, 2, 1, 3], [5, 5, 0, 5, 0]])


def distinct(t: Any) -> list:
    """One vector without equal elements in several types."""
    return [t.tensor([3, 1, 2, 7]).to(d) for d in (t.float32, t.float64, t.float16, t.bfloat16, t.int32, t.uint8)]


def edges(t: Any) -> Any:
    return t.tensor([1, 3, 3, 5])


CALLS = {
    "sort": lambda t: [t.sort(x, descending=d) for x in (rows(t), ties(t)) for d in (False, True)],
    "sort dim": lambda t: [ties(t).sort(0), ties(t).sort(dim=0, stable=True, descending=True), t.sort(t.tensor(1.0))],
    "sort bools": lambda t: t.sort(t.tensor([True, False, True])),
    "argsort": lambda t: [t.argsort(x, d, f) for x in (rows(t), ties(t)) for d in (0, 1) for f in (False, True)],
    "msort": lambda t: t.msort(ties(t)),
    "topk": lambda t: [x.topk(2, largest=f) for x in distinct(t) for f in (True, False)],
    "topk of nan": lambda t: [rows(t).topk(3, largest=f) for f in (True, False)],
    "topk dim": lambda t: [t.topk(rows(t), 1, 0), t.topk(t.tensor(3.0), 1), t.topk(ties(t), 0)],
    "topk smallest integer": lambda t: t.tensor([-(2**63), 5, 2**63 - 1]).topk(3, largest=False),
    "kthvalue": lambda t: [x.kthvalue(2) for x in distinct(t)] + [rows(t).kthvalue(4), rows(t).kthvalue(1, 0, True)],
    "median": lambda t: [x.median() for x in distinct(t)] + [f(rows(t)) for f in (t.median, t.nanmedian)],
    "median dim": lambda t: [f(rows(t), 1, k) for f in (t.median, t.nanmedian) for k in (False, True)],
    "median of nothing": lambda t: [t.ones(0).median(), t.tensor([NAN, NAN]).nanmedian(), t.tensor(5.0).median(0)],
    "mode": lambda t: [t.mode(ties(t)), t.mode(ties(t), 0, True), t.mode(t.tensor([1.0, 1, 2, 2, 3]))],
    "unique": lambda t: t.unique(ties(t), return_inverse=True, return_counts=True),
    "unique dim": lambda t: [t.unique(ties(t), dim=d, return_inverse=True, return_counts=True) for d in (0, 1)],
    "unique types": lambda t: [t.unique(x) for x in distinct(t)] + [t.unique(rows(t)), t.unique(t.ones(0))],
    "unique of a number": lambda t: t.unique(t.tensor(3), return_inverse=True),
    "unique_consecutive": lambda t: t.unique_consecutive(ties(t), return_inverse=True, return_counts=True),
    "unique_consecutive dim": lambda t: t.unique_consecutive(t.tensor([[1, 1, 2], [1, 1, 2]]), True, True, dim=1),
    "searchsorted": lambda t: [t.searchsorted(edges(t), t.tensor([[0, 3], [4, 9]]), right=r) for r in (False, True)],
    "searchsorted rows": lambda t: t.searchsorted(t.stack([edges(t), edges(t)]), t.tensor([[3], [4]]), side="right"),
    "searchsorted a number": lambda t: [t.searchsorted(edges(t), 3), t.searchsorted(edges(t), 3.5, out_int32=True)],
    "searchsorted sorter": lambda t: t.searchsorted(t.tensor([5, 1, 3]), t.tensor([2]), sorter=t.tensor([1, 2, 0])),
    "bucketize": lambda t: [t.bucketize(x, edges(t), right=r) for x in (t.tensor([3, NAN]), 3) for r in (False, True)],
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str):
    agree(CALLS[name])


ERRORS: list[Callable[[Any], Any]] = [
    lambda t: rows(t).topk(5),
    lambda t: t.tensor([True]).topk(1),
    lambda t: (rows(t) * 1j).topk(1),
    lambda t: (rows(t) * 1j).sort(),
    lambda t: rows(t).sort(2),
    lambda t: rows(t).kthvalue(5),
    lambda t: t.ones(0, 2).kthvalue(1, 0),
    lambda t: t.ones(2, 0).median(1),
    lambda t: t.ones(0, 2).mode(0),
    lambda t: t.tensor([True]).median(),
    lambda t: t.searchsorted(t.ones(2, 3), t.ones(2)),
    lambda t: t.searchsorted(t.ones(2, 3), 1.0),
    lambda t: t.searchsorted(edges(t), edges(t), side="middle"),
    lambda t: t.searchsorted(edges(t), edges(t), side="left", right=True),
    lambda t: t.bucketize(edges(t), t.ones(2, 2)),
    lambda t: t.unique(t.ones(2) * 1j),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_error(number: int):
    agree_on_error(ERRORS[number])


GRADIENTS = {
    "sort": lambda t, x: t.sort(x, 1, True).values * t.tensor([1.0, 2, 3], dtype=t.float64) + t.msort(x),
    "topk": lambda t, x: t.topk(x, 2, 1).values[:, 0] + t.topk(x, 2, 1, largest=False).values[:, 1] * 2,
    "kthvalue": lambda t, x: t.kthvalue(x, 2).values + t.median(x, 1).values * 2 + t.mode(x, 1).values * 3,
    "median": lambda t, x: t.median(x) * t.nanmedian(x),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str):
    agree_on_gradients(GRADIENTS[name], [[3.0, 1.5, 2.0], [-1.0, 5.0, 4.0]])
