"""Random tensors of a dtype's usual range."""

from __future__ import annotations

import math
from typing import Any

from jtorch import _root as torch

_FLOATS, _BYTES, _INTEGERS, _BOOLS = (-9, 9), (0, 10), (-9, 10), (0, 2)


def _limits(dtype: Any) -> tuple[float, float]:
    """What low and high may be at most."""
    if dtype is torch.bool:
        return _BOOLS
    if dtype.is_floating_point or dtype.is_complex:
        found = torch.finfo(dtype)
        return found.min, found.max
    found = torch.iinfo(dtype)
    return found.min, found.max + 1


def _usual(dtype: Any) -> tuple[float, float]:
    if dtype is torch.bool:
        return _BOOLS
    if dtype is torch.uint8:
        return _BYTES
    return _FLOATS if dtype.is_floating_point or dtype.is_complex else _INTEGERS


def _interval(dtype: Any, low: float | None, high: float | None) -> tuple[Any, Any]:
    usual, (lowest, highest) = _usual(dtype), _limits(dtype)
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if any(isinstance(one, float) and math.isnan(one) for one in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low!r} and high={high!r}")
    if low > high or (low == high and not (dtype.is_floating_point or dtype.is_complex)):
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    if low >= highest or high <= lowest:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only supports "
            f"[{lowest}, {highest})"
        )
    low, high = max(low, lowest), min(high, highest)
    if dtype.is_floating_point or dtype.is_complex:
        return low, high
    return math.ceil(low), math.ceil(high)


def make_tensor(
    *shape: Any, dtype: Any, device: Any = None, low: float | None = None, high: float | None = None,
    requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False, memory_format: Any = None,
) -> torch.Tensor:  # fmt: skip
    """A tensor of random numbers between `low` and `high`: by default -9 and 9, 0 and 9 for bytes, False and True.

    `exclude_zero` puts the smallest positive number in the place of zeros; `noncontiguous` leaves gaps in memory.

    >>> import jtorch as torch
    >>> torch.testing.make_tensor(2, 3, dtype=torch.int64, device="cpu", low=4, high=5)
    tensor([[4, 4, 4],
            [4, 4, 4]])
    """
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    floating = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    low, high = _interval(dtype, low, high)
    noncontiguous = noncontiguous and math.prod(shape) > 1
    size = (*shape[:-1], 2 * shape[-1]) if noncontiguous else shape
    found = _drawn(size, dtype, device, low, high, floating)
    if noncontiguous:
        found = found[..., 1::2]
    elif memory_format is not None:
        found = found.clone(memory_format=memory_format)
    if exclude_zero:
        found[found == 0] = torch.finfo(dtype).tiny if floating else 1
    return found.requires_grad_(requires_grad) if floating else found


def _drawn(size: tuple, dtype: Any, device: Any, low: Any, high: Any, floating: bool) -> torch.Tensor:
    if not floating:
        return torch.randint(low, high, size, dtype=dtype, device=device)
    if dtype.is_complex:
        part = torch.empty(0, dtype=dtype).real.dtype
        return torch.view_as_complex(torch.empty((*size, 2), dtype=part, device=device).uniform_(low, high))
    # high - low may be more than the largest number: half of it is not
    return torch.empty(size, dtype=dtype, device=device).uniform_(low / 2, high / 2).mul_(2)
