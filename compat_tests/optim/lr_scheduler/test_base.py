"""The base of the schedules: warnings, errors, resuming, in torch's words. Rates are equal bit for bit."""

import copy
import warnings

import pytest
import torch

import jtorch
from compat_tests.optim.lr_scheduler.schedules import answer, course, make_optimizer, resumed, with_tensor_rate

MAKE = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.3),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [5, 2, 5, 9], 0.3),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.93),
    "ConstantLR": lambda s, o: s.ConstantLR(o),
    "ConstantLR short": lambda s, o: s.ConstantLR(o, 0.2, 1),
    "LinearLR": lambda s, o: s.LinearLR(o),
    "LinearLR down": lambda s, o: s.LinearLR(o, 0.7, 0.1, 8),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 7, 2.0),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9 + 0.01 * epoch),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 5),
    "CosineAnnealingLR long": lambda s, o: s.CosineAnnealingLR(o, 30, 0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3),
    "CosineAnnealingWarmRestarts longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=31),
}
SAYS = {
    "no optimizer": lambda s: s.optim.lr_scheduler.StepLR(3, 1),
    "resumed without initial_lr": lambda s: s.optim.lr_scheduler.StepLR(make_optimizer(s), 1, last_epoch=3),
    "verbose": lambda s: s.optim.lr_scheduler.StepLR(make_optimizer(s), 1, verbose=True),
    "no rule": lambda s: s.optim.lr_scheduler.LRScheduler(make_optimizer(s)),
}


@pytest.mark.parametrize("steps", [[None] * 25, [None, None, 7, None, 0, None, None, 3, 11, None]], ids=["on", "about"])
@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_rates_states_and_warnings(make, steps):
    assert course(jtorch, make, steps) == course(torch, make, steps)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_resumes_from_saved_states(make):
    assert resumed(jtorch, make) == resumed(torch, make)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_rate_as_a_tensor(make):
    rates, *rest = with_tensor_rate(jtorch, make)
    wanted, *wanted_rest = with_tensor_rate(torch, make)
    # Float32 arithmetic on tensors: one program may fuse what are several roundings in torch.
    assert [*rates, rest[0]] == pytest.approx([*wanted, wanted_rest[0]], rel=3e-7)
    assert rest[1:] == wanted_rest[1:]


@pytest.mark.parametrize(
    "name", ["StepLR", "ExponentialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "LinearLR"]
)
def test_last_epoch(name):
    def rates(side):
        chosen = make_optimizer(side)
        kind = getattr(side.optim.lr_scheduler, name)
        argument = {"ExponentialLR": 0.5, "LinearLR": 0.5}.get(name, 2)
        first = kind(chosen, argument)
        for _ in range(3):
            chosen.step()
            first.step()
        second = kind(chosen, argument, last_epoch=first.last_epoch)
        seen = [second.get_last_lr()]
        for _ in range(4):
            chosen.step()
            second.step()
            seen.append(second.get_last_lr())
        return seen

    assert rates(jtorch) == rates(torch)


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    assert answer(call, jtorch) == answer(call, torch)


def warned(action, side):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        chosen = make_optimizer(side)
        action(chosen, side.optim.lr_scheduler.StepLR(chosen, 1))
    return [(w.category, str(w.message)) for w in seen]


def replace_step(optimizer, schedule):
    optimizer.step = lambda: None
    optimizer.step()
    schedule.step()


@pytest.mark.parametrize(
    "action",
    [lambda o, s: s.step(), lambda o, s: s.get_lr(), replace_step, lambda o, s: (o.step(), s.step(), s.step())],
    ids=["too early", "get_lr", "replaced", "in order"],
)
def test_warns_as_torch_does(action):
    assert warned(action, jtorch) == warned(action, torch)


def test_the_optimizer_can_still_be_copied():
    chosen = make_optimizer(jtorch)
    jtorch.optim.lr_scheduler.StepLR(chosen, 1)
    twin = copy.deepcopy(chosen)
    twin.param_groups[0]["params"][0].grad = jtorch.ones(2)
    twin.step()
    assert twin.param_groups[0]["params"][0].tolist() == pytest.approx([0.9, 0.9])
    assert chosen.param_groups[0]["params"][0].tolist() == [1.0, 1.0]


def test_a_schedule_of_the_users_own():
    def rates(side):
        class Halve(side.optim.lr_scheduler.LRScheduler):
            def get_lr(self):
                return [base / (1 + self.last_epoch) for base in self.base_lrs]

        return course(side, lambda s, o: Halve(o), [None] * 3)

    assert rates(jtorch) == rates(torch)
