"""The same call on real torch and on jtorch: equal results, or the same error in the same words."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare


def agree(call: Callable[[Any], Any], **tolerances: float) -> None:
    """``call(side)`` gives the same on both sides: types, dtypes, shapes, values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(call(jtorch), call(torch), **tolerances)


def agree_on_gradients(call: Callable[..., Any], *values: list) -> None:
    """The gradients of the sum of ``call(side, *leaves)`` are the same."""

    def gradients(side: Any) -> list:
        leaves = [side.tensor(value, dtype=side.float64).requires_grad_() for value in values]
        return list(side.autograd.grad(call(side, *leaves).sum(), leaves))

    agree(gradients)


def agree_on_error(call: Callable[[Any], Any]) -> None:
    """``call(side)`` raises the same type of error with the same sentence on both sides."""
    with pytest.raises(Exception) as expected:
        call(torch)
    with pytest.raises(type(expected.value)) as got:
        call(jtorch)
    assert str(got.value) == str(expected.value)
