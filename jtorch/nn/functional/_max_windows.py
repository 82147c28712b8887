"""Maxima over small windows of (N, *space, C), on CPU.

The place of the maximum in its window is a small number. The gradient gives each input the gradients of those windows
that named it, which is a gather.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch.nn.functional._linear import linear_pair
from jtorch.nn.functional._windows import Shape, by_phases, padded, places, seen, unseen

Array = Any
MOST_PLACES = 25


def lowest(dtype: Any) -> Any:
    """What no element is below."""
    return -jnp.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min


def _picked(x: Array, place: Array, *, shape: Shape) -> Array:
    """Of each window the element at the place named."""
    best = jnp.zeros(place.shape, x.dtype)
    for i, part in enumerate(seen(x, shape)):
        best = jnp.where(place == i, part, best)
    return best


def _put_back(g: Array, place: Array, *, shape: Shape) -> Array:
    """The transpose: each input adds up what the windows hold that named it."""
    if shape.has_phases:
        return by_phases(g, place, shape, _one_phase)
    zero = jnp.zeros((), g.dtype)
    return unseen([jnp.where(place == i, g, zero) for i, _ in enumerate(places(shape))], shape)


def _one_phase(g: Array, place: Array, taps: Sequence[range], pads: list, shape: Shape) -> Array:
    g, place = padded(g, pads), padded(place, pads, -1)
    counts = [n - len(taken) + 1 for n, taken in zip(g.shape[1:-1], taps, strict=True)]
    total: Any = 0
    for at in itertools.product(*(list(enumerate(taken)) for taken in taps)):
        start = [a for a, _ in at]
        number = np.ravel_multi_index([tap for _, tap in at], shape.kernel)
        end = [a + c for a, c in zip(start, counts, strict=True)]
        cut = partial(lax.slice, start_indices=(0, *start, 0), limit_indices=(g.shape[0], *end, g.shape[-1]))
        total = total + jnp.where(cut(place) == number, cut(g), jnp.zeros((), g.dtype))
    return total


_pick, _ = linear_pair(_picked, _put_back)


def max_and_place(x: Array, shape: Shape, indices: bool) -> tuple:
    """The maxima, and if asked for their flat places in the plane; of equal values the first, of NaNs the last."""

    @jax.custom_jvp
    def maximum(x: Array) -> tuple[Array, Array]:
        parts = seen(x, shape, lowest(x.dtype))
        best = next(parts)
        place = jnp.zeros(best.shape, jnp.int8)
        for i, part in enumerate(parts, 1):
            better = (part > best) | (part != part)
            best, place = jnp.where(better, part, best), jnp.where(better, np.int8(i), place)
        return best, place

    @maximum.defjvp
    def jvp(primals: tuple, tangents: tuple) -> tuple:
        best, place = maximum(*primals)
        change = _pick(tangents[0], place, shape=shape)
        return (best, place), (change, np.zeros(place.shape, jax.dtypes.float0))

    best, place = maximum(x)
    return (best, _flat(place, shape)) if indices else (best,)


def _flat(place: Array, shape: Shape) -> Array:
    flat: Any = 0
    for axis, (index, (low, _)) in enumerate(zip(_coordinates(place, shape.kernel), shape.pads, strict=True), 1):
        starts = lax.broadcasted_iota(np.int64, place.shape, axis) * shape.stride[axis - 1] - low
        flat = flat * shape.space[axis - 1] + starts + index * shape.dilation[axis - 1]
    return flat


def _coordinates(place: Array, kernel: Sequence[int]) -> list[Array]:
    rest, found = place.astype(np.int64), []
    for size in reversed(kernel):
        rest, index = jnp.divmod(rest, size)
        found.append(index)
    return found[::-1]
