"""Lowering the rate when a metric stops getting better."""

import random

import pytest
import torch

import jtorch
from compat_tests.optim.lr_scheduler.schedules import answer, make_optimizer

OPTIONS = [
    {"patience": 2},
    {"mode": "max", "patience": 1, "cooldown": 3, "min_lr": [0.01, 0.02]},
    {"threshold_mode": "abs", "patience": 0, "threshold": 0.1},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 3, "factor": 0.5, "eps": 0.01},
]


def plateau(**options):
    return lambda side: side.optim.lr_scheduler.ReduceLROnPlateau(make_optimizer(side), **options)


def with_a_new_group(**options):
    def steps(side):
        schedule = plateau(patience=0, **options)(side)
        schedule.optimizer.add_param_group({"params": [side.nn.Parameter(side.ones(1))]})
        for _ in range(3):
            schedule.step(1.0)
        return schedule.get_last_lr(), schedule.min_lrs

    return steps


SAYS = {
    "factor": plateau(factor=1.0),
    "mode": plateau(mode="x"),
    "threshold_mode": plateau(threshold_mode="x"),
    "min_lr": plateau(min_lr=[1]),
    "no optimizer": lambda side: side.optim.lr_scheduler.ReduceLROnPlateau(3),
    "no metric": lambda side: plateau()(side).step(),
    "a new group": with_a_new_group(),
    "a new group without its lowest rate": with_a_new_group(min_lr=[0.0, 0.0]),
}


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    assert answer(call, jtorch) == answer(call, torch)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_rates_and_states(options):
    def course(side):
        draws = random.Random(3)
        schedule = plateau(**options)(side)
        seen = []
        for _ in range(60):
            schedule.step(side.tensor(draws.random()))
            seen.append((schedule.get_last_lr(), list(schedule.state_dict().items()), schedule.in_cooldown))
        return seen

    assert course(jtorch) == course(torch)
