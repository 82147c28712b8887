"""Expressions of `torch`, evaluated on real torch and on jtorch: equal values, or the same error's first sentence.

Tests of many small calls list them as text, one a line.
"""

import warnings
from typing import Any

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare


def calls(text: str) -> pytest.MarkDecorator:
    """One test for each line of a text."""
    return pytest.mark.parametrize("call", [line.strip() for line in text.strip().splitlines()])


def _outcome(side: Any, call: str, setup: str) -> tuple[Any, Any]:
    side.manual_seed(0)
    names = {"torch": side, "F": side.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(setup, names)
        try:
            return eval(call, names), None
        except Exception as error:  # noqa: BLE001 - the error is what is compared
            return None, error


def first_sentence(error: Exception) -> str:
    return " ".join(str(error).replace("jtorch", "torch").split(". ")[0].removesuffix(".").split())


def same(call: str, setup: str = "", **tolerances: float) -> None:
    """Both give the same: types, dtypes, shapes, values; or errors of one type that begin alike."""
    (expected, raised), (found, mine) = (_outcome(side, call, setup) for side in (torch, jtorch))
    if raised is None:
        assert mine is None, f"torch gives {expected!r}, jtorch raises {mine!r}"
        compare(found, expected, **tolerances)
    else:
        assert mine is not None, f"torch raises {raised!r}, jtorch gives {found!r}"
        assert type(mine).__name__ == type(raised).__name__
        assert first_sentence(mine) == first_sentence(raised)
