"""Indices that are out of range: XLA cannot raise, so what is known on the host is looked at before the call."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np

from jtorch._engine.handle import Handle, read
from jtorch._engine.tape import Value, threads

# What was found in range, so that labels used again and again are looked at once. A value never changes.
_passed: weakref.WeakKeyDictionary[Value, set[tuple | str]] = weakref.WeakKeyDictionary()


def check_bounds(
    index: Handle, low: int, high: int, error: Callable[[int], Exception], ignore: int | None = None
) -> None:
    """Raises `error(i)` for the first index outside [low, high) that is not `ignore`.

    Only an index tensor that is concrete on the CPU is looked at; a pending one would have to be waited for.
    """
    value = read(index)
    capture = threads.tape.capture
    if capture is not None:
        capture.checked(value, lambda again: _check_value(again, low, high, error, ignore))
    _check_value(value, low, high, error, ignore)


def _check_value(value: Value, low: int, high: int, error: Callable[[int], Exception], ignore: int | None) -> None:
    if value.array is None or value.aval.device.type != "cpu":
        return
    question = (low, high, ignore)
    passed = _passed.get(value)
    if passed is not None and question in passed:
        return
    found = np.asarray(value.array)
    if found.size and not (found.min() >= low and found.max() < high):
        outside = (found < low) | (found >= high)
        if ignore is not None:
            outside &= found != ignore
        if outside.any():
            raise error(int(found[outside][0]))
    _passed.setdefault(value, set()).add(question)


def has_zero(t: Handle) -> bool:
    """True when a tensor that is concrete on the CPU holds a 0; what is pending is not waited for."""
    value = read(t)
    tape = threads.tape
    if tape.capture is not None and value.array is not None:
        tape.capture.stop(tape, "integers are divided by a tensor, which must be looked at")
    if value.array is None or value.aval.device.type != "cpu" or "nonzero" in _passed.get(value, ()):
        return False
    if not np.asarray(value.array).all():
        return True
    _passed.setdefault(value, set()).add("nonzero")
    return False
