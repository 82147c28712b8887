"""Adam and AdamW led through the same gradients as torch.optim's."""

import copy

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare
from compat_tests.optim.scenario import assert_trained_alike, parameters, set_grads, trained

OPTIONS = [
    {},
    {"lr": 1e-2, "amsgrad": True},
    {"lr": 1e-2, "weight_decay": 0.1},
    {"lr": 1e-2, "weight_decay": 0.1, "amsgrad": True, "maximize": True},
    {"lr": 1e-2, "betas": (0.0, 0.9)},
    {"lr": 1e-2, "betas": (0.5, 0.9), "eps": 1e-3},
    {"lr": 1e-2, "foreach": True},
]
NAMES = ["Adam", "AdamW"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_trains_as_torch_does(options, name, dtype):
    assert_trained_alike(name, options, dtype=dtype)


def test_fused():
    assert_trained_alike("Adam", {"lr": 1e-2, "fused": True, "amsgrad": True})


def test_decoupled_weight_decay_of_adam():
    assert_trained_alike("Adam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True})


def late_gradient(side):
    params = parameters(side)
    optimizer = side.optim.Adam(params, lr=0.1)
    for step in range(8):
        set_grads(side, params, step, skip=(1,) if step < 3 else (0,))
        optimizer.step()
    return [param.detach() for param in params], optimizer.state_dict()


def test_each_parameter_counts_its_own_steps():
    compare(late_gradient(jtorch), late_gradient(torch))


def resumed(side, load):
    """Six steps, of which the last three by a new optimizer that was given the first one's state."""
    params, first = trained(side, "Adam", steps=3, lr=0.1, amsgrad=True)
    second = side.optim.Adam(params, lr=0.5)
    load(second, first)
    for step in range(3, 6):
        set_grads(side, params, step)
        second.step()
    return [param.detach() for param in params], second.state_dict()


@pytest.mark.parametrize(
    "load",
    [
        lambda second, first: second.load_state_dict(first.state_dict()),
        lambda second, first: second.load_state_dict(copy.deepcopy(first.state_dict())),
        lambda second, first: second.__setstate__(first.__getstate__()),
    ],
    ids=["shared", "copied", "pickled form"],
)
def test_loaded_state_goes_on(load):
    compare(resumed(jtorch, load), resumed(torch, load))


def step_count_by_hand(side):
    params = parameters(side)
    optimizer = side.optim.Adam(params, lr=0.1)
    set_grads(side, params, 0)
    optimizer.step()
    optimizer.state[params[0]]["step"].fill_(50)
    optimizer.state[params[1]]["step"] = side.tensor(7.0)
    set_grads(side, params, 1)
    optimizer.step()
    return [param.detach() for param in params], optimizer.state_dict()


def test_a_step_count_written_by_the_user_counts():
    compare(step_count_by_hand(jtorch), step_count_by_hand(torch))


def deep_copied(side):
    params, optimizer = trained(side, "Adam", steps=3, lr=0.1)
    twin = copy.deepcopy(optimizer)
    set_grads(side, params, 3)
    optimizer.step()
    return optimizer.state_dict(), twin.state_dict()


def test_a_deep_copy_is_apart():
    compare(deep_copied(jtorch), deep_copied(torch))


def test_old_state_dicts_with_plain_step_counts():
    def loaded(side):
        params = parameters(side)
        optimizer = side.optim.AdamW(params)
        state = {"step": 3, "exp_avg": side.zeros(3, 4), "exp_avg_sq": side.ones(3, 4, dtype=side.float64)}
        group = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0, "params": [0, 1, 2]}
        optimizer.load_state_dict({"state": {0: state}, "param_groups": [group]})
        return optimizer.state_dict()

    compare(loaded(jtorch), loaded(torch))
