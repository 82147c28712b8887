"""The geometry of windows over (N, *space, C): what each place of a kernel sees, and the way back.

Channels are innermost: what a place sees is then a slice of whole rows of memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

Array = Any
_MOST_PHASES = 8


class Shape(NamedTuple):
    """What is static about a convolution, or about a pool of its outputs."""

    space: tuple[int, ...]  # of the input
    kernel: tuple[int, ...]
    inputs: int
    outputs: int
    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def counts(self) -> tuple[int, ...]:
        """Size of the result's space."""
        return tuple(
            (n + sum(p) - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(self.space, self.pads, self.dilation, self.kernel, self.stride, strict=True)
        )

    @property
    def has_phases(self) -> bool:
        """True where `by_phases` applies: few phases, none of them empty."""
        overlapping = all(k >= s for k, s in zip(self.kernel, self.stride, strict=True)) and max(self.kernel) > 1
        return overlapping and max(self.dilation) == 1 and math.prod(self.stride) <= _MOST_PHASES

    @property
    def strided(self) -> bool:
        return max(self.stride) > 1


def places(shape: Shape) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, shape.kernel))


def padded(x: Array, pads: Sequence[tuple[int, int]], fill: Any = 0) -> Array:
    """Padded in space, or cut where a pad is negative."""
    config = [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)]
    return lax.pad(x, jnp.asarray(fill, x.dtype), config) if any(map(any, pads)) else x


def seen(x: Array, shape: Shape, fill: Any = 0) -> Iterator[Array]:
    """What each place of the kernel sees, (N, counts, C), row by row."""
    x = padded(x, shape.pads, fill)
    for place in places(shape):
        start = [i * d for i, d in zip(place, shape.dilation, strict=True)]
        end = [a + (c - 1) * s + 1 for a, c, s in zip(start, shape.counts, shape.stride, strict=True)]
        yield lax.slice(x, (0, *start, 0), (x.shape[0], *end, x.shape[-1]), (1, *shape.stride, 1))


def unseen(parts: Sequence[Array], shape: Shape) -> Array:
    """The transpose of `seen`."""
    total: Any = 0
    for part, place in zip(parts, places(shape), strict=True):
        config = [
            (i * d - low, n + low - i * d - (c - 1) * s - 1, s - 1)
            for i, d, (low, _), n, c, s in zip(
                place, shape.dilation, shape.pads, shape.space, shape.counts, shape.stride, strict=True
            )
        ]
        total = total + lax.pad(part, jnp.zeros((), part.dtype), [(0, 0, 0), *config, (0, 0, 0)])
    return total


def by_phases(g: Array, w: Array, shape: Shape, one: Callable) -> Array:
    """Transposes of windows: each residue of the input's places modulo the stride by itself, then interleaved.

    Place h = s u + r takes g[u + (r + low - i) / s] at those kernel places i for which that is whole: windows of stride
    1, so that nothing is done with the zeros between strides. `one(g, w, kernel places, pads, shape)` is one residue.
    """
    sizes = [-(-n // s) for n, s in zip(shape.space, shape.stride, strict=True)]
    phases = []
    for residues in itertools.product(*map(range, shape.stride)):
        taps, pads = [], []
        for r, (low, _), k, s, n, c in zip(
            residues, shape.pads, shape.kernel, shape.stride, sizes, shape.counts, strict=True
        ):
            taken = range((r + low) % s, k, s)[::-1]  # the last place sees the first g
            first = (r + low - taken[0]) // s
            taps.append(taken)
            pads.append((-first, n + first + len(taken) - 1 - c))
        phases.append(one(g, w, taps, pads, shape))
    return _interleaved(phases, shape.stride, shape.space)


def _interleaved(phases: Sequence[Array], stride: Sequence[int], space: Sequence[int]) -> Array:
    if len(phases) == 1:
        return phases[0]
    n, sizes = len(space), phases[0].shape[1:-1]
    x = jnp.stack(phases, n + 1).reshape(phases[0].shape[0], *sizes, *stride, phases[0].shape[-1])
    order = [a for d in range(n) for a in (1 + d, 1 + n + d)]
    x = x.transpose(0, *order, 2 * n + 1)
    x = x.reshape(x.shape[0], *(a * s for a, s in zip(sizes, stride, strict=True)), x.shape[-1])
    return lax.slice(x, (0,) * x.ndim, (x.shape[0], *space, x.shape[-1]))


def of_taps(w: Array, taps: Sequence[range]) -> Array:
    """The places of a kernel that `by_phases` names, in its order."""
    for axis, taken in enumerate(taps):
        w = lax.rev(lax.slice_in_dim(w, taken[-1], taken[0] + 1, -taken.step, axis), (axis,))
    return w
