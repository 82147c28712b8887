"""Schedules made of schedules."""

import pytest
import torch

import jtorch
from compat_tests.optim.lr_scheduler.schedules import answer, course, make_optimizer, resumed


def four(milestones):
    def make(s, o):
        parts = [s.ConstantLR(o, 0.5, 2), s.CosineAnnealingWarmRestarts(o, 2), s.StepLR(o, 2)]
        first = s.SequentialLR(o, parts, [2, 5])
        rest = [s.LinearLR(o, 0.1, total_iters=3), s.CosineAnnealingLR(o, 6), s.ExponentialLR(o, 0.9)]
        return s.SequentialLR(o, [first, *rest], milestones)

    return make


MAKE = {
    "two": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1), s.CosineAnnealingLR(o, 9)], [4]),
    "nested": four([3, 8, 16]),
    "crowded": four([1, 2, 3]),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 4), s.ExponentialLR(o, 0.9)]),
}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_rates_states_and_warnings(make):
    assert course(jtorch, make, [None] * 25) == course(torch, make, [None] * 25)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_resumes_from_saved_states(make):
    assert resumed(jtorch, make) == resumed(torch, make)


def of(*kinds, milestones, other=False):
    def make(side):
        schedulers = side.optim.lr_scheduler
        chosen = make_optimizer(side)
        last = make_optimizer(side) if other else chosen
        parts = [kind(schedulers, last if kind is kinds[-1] else chosen) for kind in kinds]
        return schedulers.SequentialLR(chosen, parts, milestones)

    return make


def step_lr(schedulers, optimizer):
    return schedulers.StepLR(optimizer, 1)


def plateau(schedulers, optimizer):
    return schedulers.ReduceLROnPlateau(optimizer)


def number(schedulers, optimizer):
    return 3


SAYS = {
    "none": of(milestones=[]),
    "too many milestones": of(step_lr, milestones=[3]),
    "another optimizer": of(number, step_lr, milestones=[3], other=True),
    "another optimizer's last": of(plateau, step_lr, milestones=[3], other=True),
    "no schedule": of(step_lr, number, milestones=[3]),
    "plateau": of(step_lr, plateau, milestones=[3]),
    "chained none": lambda side: side.optim.lr_scheduler.ChainedScheduler([]),
    "chained plateau": lambda side: side.optim.lr_scheduler.ChainedScheduler(
        [plateau(side.optim.lr_scheduler, make_optimizer(side))]
    ),
}


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    kind, sentence = answer(call, torch)
    assert kind in ("ValueError", "TypeError")
    assert answer(call, jtorch) == (kind, sentence)
