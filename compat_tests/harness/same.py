"""Runs one function with torch and with jtorch and compares what can be seen: result, error, warnings.

Values are compared exactly unless a tolerance is given; types, dtypes, shapes and places in the graph always are.
"""

import cmath
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as oracle

import jtorch

NUMBERS = (int, float, complex)


def plain(value: Any) -> Any:
    """``value`` as plain data that is equal on both sides when the two libraries agree."""
    if isinstance(value, (oracle.Tensor, jtorch.Tensor)):
        facts = str(value.dtype), tuple(value.shape), value.requires_grad, value.is_leaf
        return type(value).__name__, facts, value.detach().tolist()
    if isinstance(value, np.ndarray):
        return "ndarray", str(value.dtype), value.shape, value.tolist()
    if isinstance(value, (oracle.nn.Module, jtorch.nn.Module)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(v) for v in value]
    if isinstance(value, dict):
        return type(value).__name__, [(plain(k), plain(v)) for k, v in value.items()]
    if value is None or isinstance(value, (bool, *NUMBERS)):
        return value
    return re.sub(r"\bjtorch\b", "torch", value if isinstance(value, str) else repr(value))


def attempt(function: Callable, *args: Any) -> Any:
    """The result of a call, or the error as data."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        return type(error).__name__, str(error)


def warned(call: Callable) -> tuple[Any, list[tuple[type, str]]]:
    """The result of a call, and category and text of what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    # Sentences torch writes in C++ end with the file that raised them.
    return result, [(w.category, re.sub(r" ?\(Triggered internally at \S+\)", "", str(w.message))) for w in caught]


def outcome(program: Callable, torch: Any) -> tuple[Any, list]:
    """Result and warnings of ``program(torch)`` as plain data."""
    torch.manual_seed(0)
    result, said = warned(lambda: attempt(program, torch))
    return plain(result), said


def each_program(names: dict[str, Any]) -> pytest.MarkDecorator:
    """One test for each function of a test module, given as its `globals()`, that has a public name."""
    own = [f for f in names.values() if getattr(f, "__module__", None) == names["__name__"]]
    programs = [f for f in own if not f.__name__.startswith(("_", "test_"))]
    return pytest.mark.parametrize("program", programs, ids=lambda f: f.__name__)


def assert_same(program: Callable, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Fails unless both libraries do the same; floating-point numbers may differ by the tolerances."""
    difference = first_difference(outcome(program, jtorch), outcome(program, oracle), rtol, atol)
    assert difference is None, difference


def first_difference(found: Any, expected: Any, rtol: float, atol: float, where: str = "") -> str | None:
    """Where two plain values differ first, and how."""
    if type(found) is not type(expected):
        return f"{where}: {expected!r} expected, got {found!r}"
    if isinstance(expected, (list, tuple)):
        pairs = list(zip(found, expected, strict=False))
        inside = (first_difference(f, e, rtol, atol, f"{where}[{i}]") for i, (f, e) in enumerate(pairs))
        difference = next((d for d in inside if d), None)
        if difference is None and len(found) != len(expected):
            return f"{where}: {len(expected)} items expected, got {len(found)}: {expected!r}, {found!r}"
        return difference
    if found == expected or (isinstance(expected, NUMBERS) and _close(found, expected, rtol, atol)):
        return None
    return f"{where}: {expected!r} expected, got {found!r}"


def _close(found: Any, expected: Any, rtol: float, atol: float) -> bool:
    if isinstance(expected, (bool, int)):
        return False
    if cmath.isnan(expected):
        return cmath.isnan(found)
    return cmath.isclose(found, expected, rel_tol=rtol, abs_tol=atol)
