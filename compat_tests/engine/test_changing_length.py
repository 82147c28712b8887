"""Shapes that differ at each step: what is compiled when, counted."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import jtorch as torch
from compat_tests.engine.counting import chosen_tier, counted
from jtorch._engine.flush import end_of_work

LENGTHS = range(40, 52)
NAMES = (
    "sin cos tanh exp sigmoid abs neg square erf atan asinh log1p expm1 sqrt rsqrt floor ceil round trunc sinh "
    "reciprocal relu sign frac"
).split()


def run(length: int) -> float:
    x = torch.arange(length).float() / length + 0.5
    total = x.sum()
    for name in NAMES:
        total = total + getattr(torch, name)(x).sum()
    return total.item()


@pytest.fixture(autouse=True)
def empty_tape():
    """What the test before left on the tape would make the first path another than its repetition."""
    end_of_work()


@chosen_tier
def test_each_length_is_drafted_once_and_compiled_once():
    threads = threading.active_count()
    with counted() as first:
        values = [run(n) for n in LENGTHS]
    assert first["draft_programs"] == len(LENGTHS), "the brake on programs held back paths that share no op"
    assert first["whole_programs"] == 0 and first["op_programs"] <= 2
    with counted() as second:
        again = [run(n) for n in LENGTHS]
    assert second["draft_programs"] == second["op_programs"] == 0
    assert second["whole_programs"] <= len(LENGTHS) + 2
    with counted() as third:
        run(LENGTHS[0])
        run(LENGTHS[-1])
    assert third["draft_programs"] == third["op_programs"] == third["whole_programs"] == 0
    np.testing.assert_allclose(again, values, rtol=1e-5)
    assert threading.active_count() == threads


@chosen_tier
def test_paths_of_the_same_ops_come_to_share_per_op_programs():
    x = torch.arange(7).float() + 1
    with counted() as counts:
        for k in range(len(NAMES)):
            y = x
            for name in (*NAMES[k:], *NAMES[:k]):
                y = getattr(torch, name)(x) + y
            y.sum().item()
    assert counts["draft_programs"] + counts["whole_programs"] <= 9
    assert counts["op_programs"] <= len(NAMES) + 4
