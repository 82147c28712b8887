"""The one-cycle policy; more of its rates are in test_base.py."""

import pytest
import torch

import jtorch
from compat_tests.optim.lr_scheduler.schedules import answer, course, make_optimizer

LONG = {"max_lr": [0.3, 0.2], "epochs": 4, "steps_per_epoch": 9, "pct_start": 0.4}
OPTIONS = [
    LONG,
    {**LONG, "anneal_strategy": "linear"},
    {**LONG, "three_phase": True},
    {**LONG, "cycle_momentum": False},
    {**LONG, "base_momentum": 0.5, "max_momentum": [0.9, 0.8], "div_factor": 3.0, "final_div_factor": 7.0},
]


def make(**options):
    return lambda side: side.optim.lr_scheduler.OneCycleLR(make_optimizer(side), **options)


SAYS = {
    "no length": make(max_lr=0.1),
    "total_steps": make(max_lr=0.1, total_steps=0),
    "total_steps no integer": make(max_lr=0.1, total_steps=1.5),
    "epochs": make(max_lr=0.1, epochs=0, steps_per_epoch=1),
    "steps_per_epoch": make(max_lr=0.1, epochs=1, steps_per_epoch=0),
    "pct_start": make(max_lr=0.1, total_steps=3, pct_start=2),
    "anneal_strategy": make(max_lr=0.1, total_steps=3, anneal_strategy="x"),
    "three rates for two groups": make(max_lr=[0.1, 0.2, 0.3], total_steps=3),
    "a step too many": lambda side: course(side, lambda s, o: s.OneCycleLR(o, 0.1, total_steps=3), [None] * 4),
}


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    kind, sentence = answer(call, torch)
    assert kind == "ValueError"
    assert answer(call, jtorch) == (kind, sentence)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_rates_and_momenta(options, optimizer):
    def one(schedulers, chosen):
        return schedulers.OneCycleLR(chosen, **options)

    assert course(jtorch, one, [None] * 36, optimizer) == course(torch, one, [None] * 36, optimizer)
