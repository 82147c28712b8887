"""SGD led through the same gradients as torch.optim.SGD."""

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare
from compat_tests.optim.scenario import assert_trained_alike, parameters, set_grads

OPTIONS = [
    {},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "weight_decay": 0.1},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    {"lr": 0.1, "momentum": 0.5, "maximize": True},
    {"lr": 0.1, "foreach": True},
    {"lr": 0.1, "fused": True, "momentum": 0.9},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_trains_as_torch_does(options, dtype):
    assert_trained_alike("SGD", options, dtype=dtype)


def late_gradient(side):
    params = parameters(side)
    optimizer = side.optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5)
    for step in range(6):
        set_grads(side, params, step, skip=(1,) if step < 3 else (0,))
        optimizer.step()
    return [param.detach() for param in params], optimizer.state_dict()


def test_parameters_without_gradient_are_left_out():
    compare(late_gradient(jtorch), late_gradient(torch))


def changing_options(side):
    params = parameters(side)
    optimizer = side.optim.SGD(
        [{"params": params[:1]}, {"params": params[1:], "lr": 0.5, "momentum": 0.8}], lr=side.tensor(0.1)
    )
    for step in range(6):
        set_grads(side, params, step)
        optimizer.step()
        optimizer.param_groups[0]["lr"].mul_(0.5)
        optimizer.param_groups[1]["lr"] *= 0.7
        optimizer.param_groups[1]["momentum"] *= 0.9
    return [param.detach() for param in params]


def test_groups_and_options_changed_on_the_way():
    compare(changing_options(jtorch), changing_options(torch))
