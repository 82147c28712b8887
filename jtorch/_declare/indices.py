"""Index tensors inside a program: in 32 bits where the dimension fits, clipped, and what tells of those outside.

An index is int64 to the user, but accelerators have no 64-bit integers: a TPU computes with pairs of words. So a body
narrows an index before it looks at it. One that does not fit 32 bits is out of range; what it turns into does not
matter, because it is clipped and an error word tells of it.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

IN_BOUNDS = "promise_in_bounds"  # indices are clipped before, so nothing is left to decide
_MOST = np.iinfo(np.int32).max


def index_type(size: int) -> type[np.integer]:
    """The integers that count up to `size` inside a program."""
    return np.int32 if size <= _MOST else np.int64


def narrow(index: Any, size: int) -> Any:
    """Indices into a dimension of `size`, in 32 bits if it fits."""
    return index.astype(index_type(size)) if index.dtype == np.int64 else index


def clipped(index: Any, size: int) -> Any:
    """Indices moved into range: what is wrong with them is told by an error word."""
    return jnp.clip(narrow(index, size), 0, max(size - 1, 0))


def wrapped(index: Any, size: int) -> Any:
    """Indices counted from the front and moved into range."""
    index = narrow(index, size)
    return clipped(jnp.where(index < 0, index + size, index), size)


def outside(index: Any, size: int, lowest: int = 0, ignored: int | None = None) -> Any:
    """True when some index is neither from `lowest` to `size - 1` nor `ignored`."""
    if index.dtype != np.int64 or index_type(max(size, -lowest, abs(ignored or 0))) is np.int64:
        return jnp.any(_beyond(index, size, lowest, ignored))
    words = lax.bitcast_convert_type(index, np.int32)
    low, high = words[..., 0], words[..., 1]
    return jnp.any((high != low >> 31) | _beyond(low, size, lowest, ignored))


def _beyond(index: Any, size: int, lowest: int, ignored: int | None) -> Any:
    found = (index < lowest) | (index >= size)
    return found if ignored is None else found & (index != ignored)
