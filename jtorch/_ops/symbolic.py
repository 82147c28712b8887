"""Functions of sizes: torch's compilers give them symbols, eager code plain numbers.

https://docs.pytorch.org/docs/stable/torch.html#symbolic-numbers
"""

from __future__ import annotations

import builtins
import math
from typing import Any

from jtorch._declare import composite


@composite(method=False)
def sym_float(a: Any) -> float:
    """The number as a float."""
    return float(a)


@composite(method=False)
def sym_int(a: Any) -> int:
    """The number without its fraction."""
    return math.trunc(a)


@composite(method=False)
def sym_not(a: Any) -> bool:
    """The opposite truth value."""
    return not a


@composite(method=False)
def sym_ite(b: Any, t: Any, f: Any) -> Any:
    """`t` where `b` is true, else `f`."""
    return t if b else f


@composite(method=False)
def sym_sqrt(a: Any) -> float:
    """The square root."""
    return math.sqrt(a)


@composite(method=False)
def sym_fresh_size(expr: Any) -> Any:
    """The size itself: only symbols can be renewed."""
    return expr


@composite(method=False)
def sym_max(a: Any, b: Any) -> Any:
    """The larger of two numbers, a float when one of them is.

    >>> import jtorch as torch
    >>> torch.sym_max(3, 2.0)
    3.0
    """
    return _joined(builtins.max(a, b), a, b)


@composite(method=False)
def sym_min(a: Any, b: Any) -> Any:
    """The smaller of two numbers, a float when one of them is."""
    return _joined(builtins.min(a, b), a, b)


def _joined(found: Any, a: Any, b: Any) -> Any:
    return float(found) if isinstance(a, float) or isinstance(b, float) else found


@composite(method=False)
def sym_sum(*args: Any) -> Any:
    """The sum of numbers, given one by one or as a sequence."""
    return sum(args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args)


_LARGEST = 2**63 - 1


@composite(method=False)
def sym_constrain_range(size: Any, *, min: int | None = None, max: int | None = None) -> None:
    """RuntimeError when a number does not lie between two others.

    >>> import jtorch as torch
    >>> torch.sym_constrain_range(3, min=1, max=5)
    """
    low, high = (-_LARGEST - 1 if min is None else min), (_LARGEST if max is None else max)
    if high < low:
        raise RuntimeError(f"Max must be greater than or equal to min. Got min={low} max={high}")
    if not low <= size <= high:
        raise RuntimeError(f"Invalid value range for {size} between [{low}, {high}].")


@composite(method=False)
def sym_constrain_range_for_size(size: Any, *, min: int | None = None, max: int | None = None) -> None:
    """RuntimeError when a size does not lie between two others; a largest size must be more than 2."""
    if max is not None and max <= 2:
        raise RuntimeError(f"Max value to constrain_range_for_size must be greater than 2. got: {max}")
    sym_constrain_range(size, min=0 if min is None else min, max=max)
