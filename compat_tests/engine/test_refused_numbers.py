"""Numbers an op refuses: torch's error when the value is needed, with the op and the line in a note, in every tier."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.engine.counting import lazy_only, whole_tier
from jtorch._engine.flush import end_of_work
from jtorch._engine.tape import current

WRONG = "^all elements of input should be between 0 and 1\n"  # the note stands below it

HEAD = """
import sys
lib = __import__(sys.argv[1])
F, linalg = lib.nn.functional, lib.linalg
nan, inf = float("nan"), float("inf")
def of(*numbers):
    return lib.tensor(numbers)
def pivots(*numbers):
    return lib.tensor(numbers, dtype=lib.int32)
half = of(.5, .5)
def leaf(*numbers):
    return of(*numbers).requires_grad_()
def grad_alone(f, x):
    f(x).sum().backward()
    return x.grad
"""

REFUSED = """
F.binary_cross_entropy(of(1.5, .5), half)
F.binary_cross_entropy(of(.5, -.1), half)
F.binary_cross_entropy(of(nan, .5), half)
F.binary_cross_entropy(half, of(.5, 2.))
F.binary_cross_entropy(half, of(.5, nan))
F.binary_cross_entropy(of(-inf, .5), of(3., .5))
F.binary_cross_entropy(of(1.5, .5), half, weight=of(0., 0.))
F.binary_cross_entropy(of(1.5, .5), half, reduction="none")
F.binary_cross_entropy(of(1.5, .5).double(), half.double())
F.binary_cross_entropy(of(1.5, .5).bfloat16(), half.bfloat16())
F.binary_cross_entropy(half.half(), of(1.5, .5).half(), reduction="sum")
F.binary_cross_entropy(of(.25, 1.) * 2, half)
lib.nn.BCELoss()(of(1.5, .5), half)
grad_alone(lambda x: F.binary_cross_entropy(x, half), leaf(1.5, .5))
grad_alone(lambda x: F.binary_cross_entropy(x * 2, half), leaf(.75, .5))
F.gaussian_nll_loss(half, half, of(-1., 1.))
grad_alone(lambda x: F.gaussian_nll_loss(half, half, x), leaf(-1., 1.))
lib.quantile(half, of(.5, 1.5))
lib.quantile(half, of(.5, nan))
lib.nanquantile(half, of(-.5))
grad_alone(lambda x: lib.quantile(x, of(.5, 1.5)), leaf(1., 2.))
linalg.eig(lib.ones(2, 2) * nan)[0]
linalg.eig(lib.stack([lib.eye(2), lib.eye(2) * inf]))[1]
linalg.lu_solve(lib.eye(2), pivots(0, 1), lib.ones(2, 1))
linalg.lu_solve(lib.eye(2), pivots(3, 1), lib.ones(2, 1))
lib.lu_unpack(lib.eye(2), pivots(5, 1)).P
lib.searchsorted(of(1., 2.), half, sorter=lib.tensor([2, 0]))
lib.searchsorted(of(1., 2.), half, sorter=lib.tensor([-1, 0]))
"""

TAKEN = """
F.binary_cross_entropy(of(0., 1.), of(1., 0.))
F.binary_cross_entropy(of(-0., 1.), of(-0., 1.), weight=of(-2., 5.))
F.binary_cross_entropy(lib.zeros(0), lib.zeros(0), reduction="sum")
grad_alone(lambda x: F.binary_cross_entropy(x, half), leaf(0., 1.))
F.gaussian_nll_loss(half, half, of(0., 1.))
F.gaussian_nll_loss(half, half, of(nan, 1.))
lib.quantile(of(1., 2., 4.), of(0., 1., .5))
lib.quantile(half, lib.zeros(0))
linalg.eig(lib.eye(2)).eigenvalues
linalg.eigvalsh(lib.eye(2))
linalg.lu_solve(lib.eye(2), pivots(1, 2), lib.ones(2, 1))
lib.lu_unpack(lib.ones(3, 2), pivots(3, 2)).P
lib.lu_unpack(lib.eye(2), pivots(9, 9), unpack_pivots=False).L
lib.searchsorted(of(2., 1.), half, sorter=lib.tensor([1, 0]))
"""

LATE = (
    HEAD
    + """
for line in sys.stdin.read().splitlines():
    try:
        print(repr(eval(line).tolist()))
    except Exception as error:
        print(type(error).__name__, error)
"""
)


def _told(side: str, lines: str, **env: str) -> list[str]:
    call = [sys.executable, "-c", LATE, side]
    env = {**os.environ, "JTORCH_CHECK": "0", **env}
    out = subprocess.run(call, input=lines.strip(), capture_output=True, text=True, env=env, check=True)
    return out.stdout.splitlines()


@pytest.fixture(scope="module")
def of_torch() -> tuple[list[str], list[str]]:
    refused = _told("torch", REFUSED)
    assert all("Error " in line for line in refused)
    return refused, _told("torch", TAKEN)


@pytest.mark.parametrize(("tier", "eager"), [("op", "0"), ("whole", "0"), ("", "1")],
                         ids=["op", "whole", "eager"])  # fmt: skip
def test_torchs_error_comes_in_every_tier(of_torch, tier, eager):
    assert _told("jtorch", REFUSED, JTORCH_TIER=tier, JTORCH_EAGER=eager) == of_torch[0]


def test_what_torch_takes_is_taken(of_torch):
    for line, got, expected in zip(TAKEN.strip().splitlines(), _told("jtorch", TAKEN), of_torch[1], strict=True):
        assert "Error" not in expected
        known = {"nan": float("nan")}
        assert np.allclose(eval(got, known), eval(expected, known), rtol=1e-6, equal_nan=True), line


def _loss(side, x):
    return side.nn.functional.binary_cross_entropy(x, side.tensor([1.0, 0.0]))


def test_eager_mode_raises_at_the_call():
    code = HEAD + "try:\n    F.binary_cross_entropy(of(1.5, .5), half)\nexcept RuntimeError as error:\n    print(error)"
    env = {**os.environ, "JTORCH_EAGER": "1"}
    out = subprocess.run([sys.executable, "-c", code, "jtorch"], capture_output=True, text=True, env=env, check=True)
    assert out.stdout == "all elements of input should be between 0 and 1\n"


@lazy_only
def test_the_note_names_op_and_line():
    chances = jtorch.tensor([1.5] + [0.5] * 10)  # of a length of its own: a path keeps the line of its first recording
    x = jtorch.nn.functional.binary_cross_entropy(chances, jtorch.ones(11))
    with pytest.raises(RuntimeError) as caught:
        x.item()
    (note,) = caught.value.__notes__
    assert note.startswith("jtorch: torch.sigmoid(input) first, or binary_cross_entropy_with_logits")
    assert "binary_cross_entropy() recorded at" in note and "test_refused_numbers.py" in note and "is lost" in note


@lazy_only
def test_the_next_value_tells_and_work_goes_on():
    kept = _loss(jtorch, jtorch.tensor([1.5, 0.5]))
    with pytest.raises(RuntimeError, match=WRONG):
        end_of_work()
        jtorch.ones(2).tolist()
    assert _loss(jtorch, jtorch.tensor([1.0, 0.0])).item() == 0
    del kept


def test_a_training_step_tells_of_the_step_that_went_wrong():
    p = jtorch.nn.Parameter(jtorch.tensor([0.5, 0.5]))
    optimizer = jtorch.optim.SGD([p], 0.1)

    def step(factor):
        optimizer.zero_grad()
        _loss(jtorch, p * factor).backward()
        optimizer.step()
        return p.tolist()

    for _ in range(3):
        step(1.0)
    with pytest.raises(RuntimeError, match=WRONG):
        step(4.0)


@pytest.mark.parametrize("needs_grad", [False, True])
def test_a_compiled_function_looks_at_every_call(needs_grad):
    target, factor = jtorch.tensor([1.0, 0.0]), jtorch.nn.Parameter(jtorch.tensor(1.0), requires_grad=needs_grad)

    @jtorch.compile
    def f(x):
        return jtorch.nn.functional.binary_cross_entropy(x * factor, target) + 1

    x = jtorch.tensor([0.5, 0.5])
    for _ in range(3):
        assert f(x).item() == pytest.approx(1.6931472)
    with pytest.raises(RuntimeError, match=WRONG):
        f(x * 4).item()
    with pytest.raises(RuntimeError, match=WRONG):
        f(x * 4).item()


@whole_tier
def test_a_program_that_refuses_nothing_has_no_word():
    x = jtorch.tensor([0.5, 0.5])
    kept = []
    for _ in range(3):
        kept = [jtorch.nn.functional.binary_cross_entropy_with_logits(x, x), jtorch.quantile(x, 0.5)]
        end_of_work()
        assert current().word is None
    assert len(kept) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda lib, f: f.ctc_loss(lib.zeros(5, 2, 3), lib.ones(2, 2), lib.tensor([5, 6]), lib.tensor([2, 2])),
        lambda lib, f: f.ctc_loss(lib.zeros(5, 2, 3), lib.ones(2, 2), (5, 6), (2, 2)),
        lambda lib, f: f.ctc_loss(lib.zeros(5, 2, 3), lib.ones(2, 2), lib.tensor([5, -6]), lib.tensor([2, 2])),
        lambda lib, f: f.ctc_loss(lib.zeros(5, 2, 3), lib.ones(2, 2), lib.tensor([9, 5]), lib.tensor([3, 4])),
        lambda lib, f: f.ctc_loss(lib.zeros(5, 2, 3), lib.ones(2, 2), lib.tensor([5, 5]), lib.tensor([7, -3])),
        lambda lib, f: lib.take_along_dim(lib.arange(4.0), lib.tensor([[4]])),
        lambda lib, f: lib.take_along_dim(lib.arange(4.0), lib.tensor([[-1]])),
        lambda lib, f: lib.masked_select(lib.ones(3), lib.tensor([True, False])),
        lambda lib, f: f.interpolate(lib.ones(1, 1, 2), scale_factor=-1.0),
        lambda lib, f: f.interpolate(lib.ones(1, 1, 2, 2), scale_factor=-1.0),
    ],
)
def test_lengths_and_places_are_refused_at_the_call(call):
    messages = []
    for lib in (torch, jtorch):
        with pytest.raises(RuntimeError) as caught:
            call(lib, lib.nn.functional)
        messages.append((type(caught.value), str(caught.value)))
    assert messages[1] == messages[0]
