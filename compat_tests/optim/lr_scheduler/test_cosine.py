"""Errors and fractions of epochs of the cosine schedules; their rates are in test_base.py."""

import pytest
import torch

import jtorch
from compat_tests.optim.lr_scheduler.schedules import answer, course, make_optimizer


def restarts(*args):
    return lambda side: side.optim.lr_scheduler.CosineAnnealingWarmRestarts(make_optimizer(side), *args)


SAYS = {
    "T_0": restarts(0),
    "T_mult": restarts(3, 0),
    "T_mult no integer": restarts(3, 1.5),
    "epoch": lambda side: restarts(3)(side).step(-1),
}


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    kind, sentence = answer(call, torch)
    assert kind == "ValueError"
    assert answer(call, jtorch) == (kind, sentence)


@pytest.mark.parametrize("args", [(3,), (2, 2, 0.01), (1, 3)])
def test_fractions_of_epochs(args):
    steps = [index / 7 for index in range(60)]

    def make(schedulers, optimizer):
        return schedulers.CosineAnnealingWarmRestarts(optimizer, *args)

    assert course(jtorch, make, steps) == course(torch, make, steps)
