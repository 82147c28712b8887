"""Index tensors inside a program: in 32 bits where the dimension fits, clipped, and what tells of those outside.

An index is int64 to the user, but accelerators have no 64-bit integers: a TPU computes with pairs of words. So a body
narrows an index before it looks at it. One that does not fit 32 bits is out of range; what it turns into does not
matter, because it is clipped and an error word tells of it.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._engine.forward import traces_tangents

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


def overwritten(x: Any, where: tuple, new: Any) -> Any:
    """`x` with `new` at `where`: slices and arrays of indices, which are in range.

    Where a place is named twice the last element stays, and each has the gradient of that place: torch's formulas hand
    it out by looking it up. JAX's gives it to the one that stays, as a tangent does.
    """
    new = jnp.asarray(new).astype(x.dtype)
    if traces_tangents():
        return x.at[where].set(new, mode=IN_BOUNDS)
    new = jnp.broadcast_to(new, jax.eval_shape(lambda: x.at[where].get(mode=IN_BOUNDS)).shape)
    arrays = tuple(i for i in where if not isinstance(i, slice))
    return _overwritten(tuple(i if isinstance(i, slice) else None for i in where), x, arrays, new)


def _filled(slices: tuple, arrays: tuple) -> tuple:
    left = iter(arrays)
    return tuple(next(left) if i is None else i for i in slices)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _overwritten(slices: tuple, x: Any, arrays: tuple, new: Any) -> Any:
    return x.at[_filled(slices, arrays)].set(new, mode=IN_BOUNDS)


def _overwrite(slices: tuple, x: Any, arrays: tuple, new: Any) -> tuple:
    return _overwritten(slices, x, arrays, new), arrays


def _handed_out(slices: tuple, arrays: tuple, grad: Any) -> tuple:
    spot = grad.at[_filled(slices, arrays)]
    return spot.set(0, mode=IN_BOUNDS), None, spot.get(mode=IN_BOUNDS)


_overwritten.defvjp(_overwrite, _handed_out)
