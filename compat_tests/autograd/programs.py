"""Runs one function on real torch and on jtorch and compares what it returns or raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jtorch
import numpy as np
import torch


def plain(x: Any) -> Any:
    """Results as values that compare: tensors become (array, dtype name, shape)."""
    if isinstance(x, (torch.Tensor, jtorch.Tensor)):
        return x.detach().numpy().copy(), str(x.dtype), tuple(x.shape), x.requires_grad, x.is_leaf
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    return x


def outcome(program: Callable, lib: Any) -> tuple[str, Any]:
    """("returns", result) or ("raises", type name, message)."""
    try:
        return "returns", plain(program(lib))
    except Exception as error:
        return "raises", (type(error).__name__, str(error))


def assert_same(program: Callable, rtol: float = 1e-6) -> None:
    """Both libraries return equal results, or raise errors of one type with one text."""
    expected, found = outcome(program, torch), outcome(program, jtorch)
    _compare(found, expected, rtol)


def _compare(found: Any, expected: Any, rtol: float) -> None:
    if isinstance(expected, np.ndarray):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-7)
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), (found, expected)
        for f, e in zip(found, expected, strict=True):
            _compare(f, e, rtol)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for k in expected:
            _compare(found[k], expected[k], rtol)
    elif isinstance(expected, float):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-7)
    else:
        assert found == expected
