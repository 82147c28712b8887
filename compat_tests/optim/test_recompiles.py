"""Numbers are data: no option that changes from step to step compiles anything."""

import pytest

import jtorch
from compat_tests.optim.scenario import parameters, set_grads
from jtorch._engine.explain import counters


def compiled():
    counts = counters()
    return counts["whole_programs"], counts["op_programs"]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_schedule_compiles_nothing(name):
    params = parameters(jtorch)
    optimizer = getattr(jtorch.optim, name)(params, lr=0.1)
    schedule = jtorch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for step in range(104):
        if step == 4:
            before = compiled()
        set_grads(jtorch, params, step)
        optimizer.step()
        schedule.step()
    assert compiled() == before


@pytest.mark.parametrize(
    ("name", "options"),
    [("SGD", {"momentum": 0.9, "dampening": 0.5}), ("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {})],
    ids=str,
)
def test_the_first_step_is_the_program_of_all_steps(name, options):
    taken = []
    for _ in range(2):
        params = parameters(jtorch)
        optimizer = getattr(jtorch.optim, name)(params, lr=0.1, **options)
        for step in range(3):
            set_grads(jtorch, params, step)
            params[0].sum().item()
            before = counters()["ops_executed"]
            optimizer.step()
            taken.append(counters()["ops_executed"] - before)
    assert taken == [1] * 6


def test_a_rate_that_equals_the_momentum_compiles_nothing():
    params = parameters(jtorch)
    optimizer = jtorch.optim.SGD(params, lr=0.1, momentum=0.9)
    for step in range(12):
        if step == 4:
            before = compiled()
        optimizer.param_groups[0]["lr"] = [0.9, 0.5, 0.9, 0.1][step % 4]
        optimizer.param_groups[0]["momentum"] = [0.9, 0.9, 0.5, 0.5][step % 4]
        set_grads(jtorch, params, step)
        optimizer.step()
    assert compiled() == before
    assert before != (0, 0)
