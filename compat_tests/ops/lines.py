"""Calls as a user writes them, one a line, run on real torch and on jtorch: everything that can be seen is compared."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import jtorch


def names(side: Any) -> dict[str, Any]:
    """What the lines may use."""

    def after_setting(index: Any, value: Any, target: Any = None) -> Any:
        copy = (names_x if target is None else target).clone()
        copy[index] = value
        return copy

    names_x = side.arange(24.0).view(2, 3, 4)
    return {
        "torch": side, "T": side.tensor, "np": np, "setit": after_setting, "x": names_x,
        "xg": side.arange(24.0).view(2, 3, 4).requires_grad_(), "a": side.arange(6.0).view(2, 3),
        "ag": side.arange(6.0).view(2, 3).requires_grad_(), "I": side.tensor([[0, 1, 0]]),
    }  # fmt: skip


def facts(value: Any, strides: bool) -> Any:
    """A result as plain data."""
    if isinstance(value, (torch.Tensor, jtorch.Tensor)):
        node = type(value.grad_fn).__name__
        seen = [str(value.dtype), tuple(value.shape), value.detach().tolist(), value.requires_grad, node]
        return seen + [value.stride()] * strides
    if isinstance(value, (tuple, list)):
        return [facts(item, strides) for item in value]
    return repr(value)


def outcome(side: Any, line: str, strides: bool) -> Any:
    """The result of a line, or its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return facts(eval(line, names(side)), strides)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
            return type(error).__name__, str(error)


def holds(strides: bool = True) -> Callable[[str], None]:
    """The test of one line."""

    def check(line: str) -> None:
        assert outcome(jtorch, line, strides) == outcome(torch, line, strides)

    return check
