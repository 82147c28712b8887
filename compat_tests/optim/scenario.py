"""Optimizers of both sides led through the same gradients."""

from typing import Any

import numpy as np
import torch

import jtorch
from compat_tests.harness.compare import compare

SHAPES = [(3, 4), (5,), ()]


def parameters(side: Any, dtype: str = "float32") -> list:
    draws = np.random.default_rng(0)
    kind = getattr(side, dtype)
    return [side.nn.Parameter(side.from_numpy(np.asarray(draws.standard_normal(shape))).to(kind)) for shape in SHAPES]


def set_grads(side: Any, params: list, step: int, skip: tuple = ()) -> None:
    """The same pseudo-random gradients for every side; parameters in ``skip`` have none."""
    draws = np.random.default_rng(step + 1)
    for index, param in enumerate(params):
        grad = np.asarray(draws.standard_normal(tuple(param.shape)))
        param.grad = None if index in skip else side.from_numpy(grad).to(param.dtype)


def trained(side: Any, name: str, steps: int = 20, dtype: str = "float32", **options: Any) -> tuple[list, Any]:
    params = parameters(side, dtype)
    optimizer = getattr(side.optim, name)(params, **options)
    for step in range(steps):
        set_grads(side, params, step)
        optimizer.step()
    return params, optimizer


def assert_trained_alike(name: str, options: dict, **how: Any) -> None:
    """Parameters within float32's rounding, state and options of the same structure and values."""
    wanted_params, wanted = trained(torch, name, **how, **options)
    params, optimizer = trained(jtorch, name, **how, **options)
    compare([param.detach() for param in params], [param.detach() for param in wanted_params], where="parameters")
    compare(optimizer.state_dict(), wanted.state_dict(), where="state_dict")


def answer(call: Any, side: Any) -> tuple[str, str]:
    """What a call says: its repr, or its error's type and sentence."""
    try:
        return "value", repr(call(side))
    except (TypeError, ValueError, KeyError, RuntimeError, AttributeError, NotImplementedError) as error:
        return type(error).__name__, str(error)
