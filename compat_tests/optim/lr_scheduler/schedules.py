"""Schedules of both sides led through the same steps."""

import warnings
from typing import Any

from compat_tests.optim.scenario import answer

__all__ = ["answer", "course", "make_optimizer", "resumed", "with_tensor_rate"]


def make_optimizer(side: Any, name: str = "SGD", lr: Any = 0.1, **options: Any) -> Any:
    """An optimizer with two groups of different rates."""
    groups = [{"params": [side.nn.Parameter(side.ones(2))]}, {"params": [side.nn.Parameter(side.ones(1))], "lr": 0.37}]
    if name == "SGD":
        options = {"momentum": 0.9, **options}
    return getattr(side.optim, name)(groups, lr=lr, **options)


def course(side: Any, make: Any, steps: list, optimizer: str = "SGD") -> tuple:
    """Rates and momenta after each step, then the states and what was warned of; ``steps`` holds None or an epoch."""
    chosen = make_optimizer(side, optimizer)
    seen = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        schedule = make(side.optim.lr_scheduler, chosen)
        seen.append(schedule.get_last_lr())
        for epoch in steps:
            chosen.step()
            schedule.step(*([] if epoch is None else [epoch]))
            seen.append([(g["lr"], g.get("momentum"), g.get("betas")) for g in chosen.param_groups])
            seen.append(schedule.get_last_lr())
    messages = [(w.category, str(w.message)) for w in warned]
    return seen, schedule.state_dict(), list(schedule.state_dict()), chosen.state_dict()["param_groups"], messages


def resumed(side: Any, make: Any) -> tuple:
    """A new schedule and optimizer that take over saved states in the middle."""
    seen = []
    states = None
    for _ in range(2):
        chosen = make_optimizer(side)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a sequence that begins with a sequence warns, on both sides
            schedule = make(side.optim.lr_scheduler, chosen)
        if states is not None:
            chosen.load_state_dict(states[0])
            schedule.load_state_dict(states[1])
        for _ in range(5):
            chosen.step()
            schedule.step()
            seen.append(schedule.get_last_lr())
        states = chosen.state_dict(), schedule.state_dict()
    return seen, states[1]


def with_tensor_rate(side: Any, make: Any) -> tuple:
    """A rate given as a tensor is written in place: the rates, then what is left in the tensor and whether it is it."""
    rate = side.tensor(0.1)
    chosen = side.optim.SGD([side.nn.Parameter(side.ones(1))], lr=rate, momentum=0.9)
    schedule = make(side.optim.lr_scheduler, chosen)
    seen = []
    for _ in range(8):
        chosen.step()
        schedule.step()
        seen.append(float(schedule.get_last_lr()[0]))
    return seen, rate.item(), chosen.param_groups[0]["lr"] is rate, type(schedule.get_last_lr()[0]).__name__
