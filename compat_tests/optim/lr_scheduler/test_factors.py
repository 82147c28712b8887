"""Errors of the schedules that multiply, and saving of the user's functions; their rates are in test_base.py."""

import pytest
import torch

import jtorch
from compat_tests.optim.lr_scheduler.schedules import answer, make_optimizer


def make(name, **options):
    return lambda side: getattr(side.optim.lr_scheduler, name)(make_optimizer(side), **options)


SAYS = {
    "one function too few": make("LambdaLR", lr_lambda=[lambda epoch: 1]),
    "start 0": make("LinearLR", start_factor=0),
    "start above 1": make("LinearLR", start_factor=1.5),
    "end above 1": make("LinearLR", end_factor=1.5),
    "constant above 1": make("ConstantLR", factor=1.5),
    "constant below 0": make("ConstantLR", factor=-1),
}


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    kind, sentence = answer(call, torch)
    assert kind == "ValueError"
    assert answer(call, jtorch) == (kind, sentence)


class Decay:
    def __init__(self, base):
        self.base = base

    def __call__(self, epoch):
        return self.base**epoch


@pytest.mark.parametrize("name", ["LambdaLR", "MultiplicativeLR"])
def test_callable_objects_are_saved_and_functions_are_not(name):
    def saved(side):
        kind = getattr(side.optim.lr_scheduler, name)
        schedule = kind(make_optimizer(side), [Decay(0.5), lambda epoch: 1.0])
        state = schedule.state_dict()
        other = kind(make_optimizer(side), [Decay(0.1), lambda epoch: 2.0])
        other.load_state_dict(state)
        return state, other.lr_lambdas[0].base, other.lr_lambdas[1](0), list(state)

    assert saved(jtorch) == saved(torch)


def test_milestones():
    def milestones(side):
        return side.optim.lr_scheduler.MultiStepLR(make_optimizer(side), [3, 1, 3]).milestones

    assert milestones(jtorch) == milestones(torch)
