"""How `interpolate` resamples along one dimension after the other: which neighbours, with which weights.

Places and weights depend on sizes only, so they are made with NumPy when the op is traced, in the arithmetic of torch's
kernels: the type they compute in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array
from jtorch._declare.halves import is_half, wide

ANTIALIASED = "compute_index_ranges_weights"  # torch's kernel where antialias=True
Taps = list[tuple[np.ndarray, np.ndarray]]  # for each neighbour its place and its weight, by output


def _step(size: int, out: int, scale: float | None, corners: bool, real: Any) -> Any:
    """Input pixels from one output pixel to the next."""
    if corners:
        return real((size - 1) / (out - 1)) if out > 1 else real(0)
    return real(1 / scale) if scale is not None and scale > 0 else real(size) / real(out)


def _nearest(size: int, out: int, scale: float | None, exact: bool) -> np.ndarray:
    step = _step(size, out, scale, False, np.float32)
    places = np.arange(out, dtype=np.float32)
    return np.minimum(np.floor((places + np.float32(0.5 if exact else 0)) * step).astype(np.int64), size - 1)


def _linear(size: int, out: int, scale: float | None, corners: bool, real: Any) -> Taps:
    step, i = _step(size, out, scale, corners, real), np.arange(out, dtype=real)
    source = i * step if corners else np.maximum(step * (i + real(0.5)) - real(0.5), real(0))
    first = np.minimum(source.astype(np.int64), size - 1)
    weight = np.minimum(np.maximum(source - first.astype(real), real(0)), real(1))
    return [(first, real(1) - weight), (np.minimum(first + 1, size - 1), weight)]


def cubic_weights(t: Any, a: float) -> list:
    """Keys' cubic convolution at distances 1 + t, t, 1 - t and 2 - t."""

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    rest = 1 - t
    return [far(t + 1), near(t), near(rest), far(rest + 1 if is_half(t) else 2 - t)]  # half types round both steps


def _cubic(size: int, out: int, scale: float | None, corners: bool, real: Any) -> Taps:
    step, i = _step(size, out, scale, corners, real), np.arange(out, dtype=real)
    source = i * step if corners else step * (i + real(0.5)) - real(0.5)
    first = np.floor(source)
    weights = cubic_weights((source - first).astype(real), -0.75)
    places = [np.clip(first.astype(np.int64) + k, 0, size - 1) for k in (-1, 0, 1, 2)]
    return [(p, w.astype(real)) for p, w in zip(places, weights, strict=True)]


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _keys(x: np.ndarray) -> np.ndarray:
    """The cubic filter with a = -0.5, which the antialiased modes use."""
    a, x = -0.5, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _antialiased(
    size: int, out: int, scale: float | None, corners: bool, width: int, kernel: Callable, real: Any
) -> np.ndarray:
    """A matrix (out, size) of weights; the filter is as much wider as the image shrinks."""
    step = _step(size, out, scale, corners, real)
    stretch = max(step, real(1))
    support = real(width * 0.5) * stretch
    matrix = np.zeros((out, size), real)
    for i in range(out):
        center = step * real(i + 0.5)
        first = max(int(center - support + real(0.5)), 0)
        last = min(int(center + support + real(0.5)), size)
        weights = kernel((np.arange(first, last, dtype=real) - center + real(0.5)) * (real(1) / stretch))
        matrix[i, first:last] = weights / weights.sum()
    return matrix


def _in_type(taps: Taps, kept: Any) -> Taps:
    """The weights as numbers of a half type; of two, the first is what the rounded second leaves of 1."""
    weights = [w.astype(kept) for _, w in taps]
    if len(taps) == 2:
        weights[0] = (1 - weights[1].astype(np.float32)).astype(kept)
    return [(places, w) for (places, _), w in zip(taps, weights, strict=True)]


def _as_matrix(taps: Taps, size: int) -> np.ndarray:
    places = np.arange(len(taps[0][0]))
    matrix = np.zeros((len(places), size))
    for neighbours, weights in taps:
        np.add.at(matrix, (places, neighbours), weights)
    return matrix


def _in_bytes(x: Array, axis: int, matrix: np.ndarray) -> Array:
    """Bytes with weights of 16 bits, as many of them behind the point as fit: Pillow's way, which torch takes."""
    point = next(p for p in range(22, -1, -1) if p == 0 or int(0.5 + matrix.max() * (1 << p)) < 1 << 15)
    whole = np.trunc(matrix * (1 << point) + np.copysign(0.5, matrix)).astype(np.int32)
    sums = jnp.tensordot(x.astype(np.int32), whole, (axis, 1)) + np.int32(1 << point >> 1)
    return jnp.moveaxis(jnp.clip(sums >> point, 0, 255).astype(np.uint8), -1, axis)


def _combine(x: Array, axis: int, taps: Taps) -> Array:
    shape = [-1 if d == axis else 1 for d in range(x.ndim)]
    terms = [jnp.take(x, places, axis) * weights.astype(x.dtype).reshape(shape) for places, weights in taps]
    return sum(terms[1:], terms[0])


def _along(
    x: Array, axis: int, out: int, scale: float | None, mode: str, corners: bool, antialias: bool, kept: Any
) -> Array:
    size = x.shape[axis]
    if mode.startswith("nearest"):
        if out % size == 0 and scale in (None, out / size):
            return jnp.repeat(x, out // size, axis)  # its gradient is a sum over neighbours, not a scatter
        return jnp.take(x, _nearest(size, out, scale, mode == "nearest-exact"), axis)
    if size == out and (scale is None or scale == 1):
        return x
    real = np.float32 if x.dtype == jnp.float32 else np.float64
    if antialias:
        kernel, width = (_triangle, 2) if mode == "linear" else (_keys, 4)
        matrix = _antialiased(size, out, scale, corners, width, kernel, real)
        if x.dtype == np.uint8:
            return _in_bytes(x, axis, matrix)
        return jnp.moveaxis(jnp.tensordot(x, matrix, (axis, 1)), -1, axis)
    taps = (_linear if mode == "linear" else _cubic)(size, out, scale, corners, real)
    if x.dtype == np.uint8:
        return _in_bytes(x, axis, _as_matrix(taps, size))
    return _combine(x, axis, taps if kept is None else _in_type(taps, kept))


def resample(
    x: Array, size: Sequence[int], scales: Sequence[float | None], mode: str, corners: bool, antialias: bool
) -> Array:
    """(N, C, *space) at another size; `scales` are those the user gave, or None.

    Half types are computed in float32, but with weights of the half type, except by torch's kernel for mode "linear" in
    two dimensions.
    """
    narrow, x = x.dtype, wide(x)
    kept = None if x.dtype == narrow or (mode == "linear" and len(size) == 2) else np.dtype(narrow)
    for axis, (out, scale) in reversed(list(enumerate(zip(size, scales, strict=True), 2))):
        x = _along(x, axis, out, scale, mode, corners, antialias, kept)
    return x.astype(narrow)
