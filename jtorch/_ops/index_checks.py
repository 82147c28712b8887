"""What functions of index tensors have in common: the length of a dimension, and the errors for those outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp


def length(shape: tuple[int, ...], dim: int) -> int:
    """The size of a dimension; a 0-dim tensor counts as having one of size 1."""
    return shape[dim] if shape else 1


def bounds_error(kind: type[Exception], dim: int, size: int, prefix: str = "") -> Callable[[int], Exception]:
    """Makes the error for an index that is out of bounds."""
    return lambda i: kind(f"{prefix}index {i} is out of bounds for dimension {dim} with size {size}")


def at_least_1d(*arrays: Any) -> list:
    """The arrays, 0-dim ones with one dimension."""
    return [jnp.reshape(a, (1,)) if jnp.ndim(a) == 0 else a for a in arrays]
