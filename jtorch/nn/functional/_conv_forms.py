"""Convolutions on CPU: which form each shape takes, forward and for both gradients.

Channels are innermost in every form (XLA's own convolution wants them there, and moves them at every op otherwise), so
that in a network the transposes between layers become layouts and cost nothing. `bench/kernels.py` measures the forms.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint

from jtorch.nn.functional._linear import bilinear_triple, linear_pair
from jtorch.nn.functional._sums import channel_sum_of_product
from jtorch.nn.functional._windows import Shape, by_phases, of_taps, padded, seen, unseen

Array = Any


_FEW_CHANNELS = 4
_MOST_TAPS = 25


def choose(shape: Shape) -> tuple[str, str, str]:
    """The form of the result, of the input's gradient and of the weight's."""
    taps = math.prod(shape.kernel)
    if shape.groups > 1:
        if shape.groups == shape.inputs and taps <= _MOST_TAPS and shape.has_phases:
            return "depthwise", "depthwise", "depthwise"
        return "library", "library", "library"
    if taps == 1 and not any(map(any, shape.pads)):
        return "dot", "dot", "dot"
    if taps > math.prod(shape.space):
        return "columns", "columns", "columns"  # XLA would swap image and kernel, and take a loop 50 times slower
    few = shape.inputs <= _FEW_CHANNELS and taps <= _MOST_TAPS
    if few and not shape.strided:
        return "columns", "columns", "library"
    return "library", ("phases" if not few and shape.strided and shape.has_phases else "library"), "library"


def _convolution(x: Array, w: Array, *, shape: Shape) -> Array:
    """(N, space, C) and (kernel, C / groups, O) to (N, counts, O)."""
    form = choose(shape)[0]
    if form == "dot":
        return _dot(_strides(x, shape), w.reshape(shape.inputs, shape.outputs))
    if form == "columns":
        return _dot(jnp.concatenate(list(seen(x, shape)), -1), w.reshape(-1, shape.outputs))
    if form == "depthwise":
        taps = w.reshape(-1, shape.inputs, shape.outputs // shape.inputs)
        terms = [v[..., None] * tap for v, tap in zip(seen(x, shape), taps, strict=True)]
        return sum(terms[1:], terms[0]).reshape(x.shape[0], *shape.counts, shape.outputs)
    return _library(x, w, shape)


def _convolution_input(g: Array, w: Array, *, shape: Shape) -> Array:
    """The transpose in the input: (N, counts, O) and the weight to (N, space, C)."""
    form = choose(shape)[1]
    if form == "dot":
        return _unstrided(_dot(g, w.reshape(shape.inputs, shape.outputs).T), shape)
    if form == "columns":
        columns = _dot(g, w.reshape(-1, shape.outputs).T)
        parts = columns.reshape(*columns.shape[:-1], -1, shape.inputs)
        return unseen([parts[..., i, :] for i in range(parts.shape[-2])], shape)
    if form == "depthwise":
        return by_phases(g, w, shape, _taps_of_phase)
    if form == "phases":
        return by_phases(g, w, shape, _conv_of_phase)
    x = jax.ShapeDtypeStruct((g.shape[0], *shape.space, shape.inputs), g.dtype)
    return jax.linear_transpose(lambda x: _library(x, w, shape), x)(g)[0]


_CHUNKS = 4  # a product over all places keeps both cores busy only when it is cut


def _convolution_weight(x: Array, g: Array, *, shape: Shape) -> Array:
    """The transpose in the weight: (N, space, C) and (N, counts, O) to (kernel, C / groups, O)."""
    form = choose(shape)[2]
    size = (*shape.kernel, shape.inputs // shape.groups, shape.outputs)
    if form == "dot":
        rows = math.prod(g.shape[:-1])
        chunks = math.gcd(rows, _CHUNKS)
        a, b = _strides(x, shape).reshape(chunks, -1, shape.inputs), g.reshape(chunks, -1, shape.outputs)
        return jnp.sum(lax.dot_general(a, b, (((1,), (1,)), ((0,), (0,)))), 0).reshape(size)
    if form == "columns":
        columns, every = jnp.concatenate(list(seen(x, shape)), -1), tuple(range(g.ndim - 1))
        return lax.dot_general(columns, g, ((every, every), ((), ()))).reshape(size)
    if form == "depthwise":
        return _depthwise_weight(x, g, shape).reshape(size)
    w = jax.ShapeDtypeStruct(size, g.dtype)
    return jax.linear_transpose(lambda w: _library(x, w, shape), w)(g)[0]


def _depthwise_weight(x: Array, g: Array, shape: Shape) -> Array:
    """(taps, C, multiple), sample by sample: all taps read a sample while it is in the cache."""
    multiple = shape.outputs // shape.inputs

    def add(total: Array, sample: tuple[Array, Array]) -> tuple[Array, None]:
        x, g = sample[0][None], sample[1].reshape(1, *shape.counts, shape.inputs, multiple)
        sums = [channel_sum_of_product(part[0], g[0, ..., m]) for part in seen(x, shape) for m in range(multiple)]
        return total + jnp.stack(sums), None

    total, _ = lax.scan(add, jnp.zeros((math.prod(shape.kernel) * multiple, shape.inputs), g.dtype), (x, g))
    return total.reshape(-1, multiple, shape.inputs).swapaxes(1, 2)


def _placed(x: Array) -> Array:
    """`x` stored with its channels innermost: the constraint reaches through transposes and pointwise ops around it.

    Nothing is fused across it, which is meant: XLA would compute a sum of taps again in each loop that reads it.
    """
    return with_layout_constraint(x, Layout(tuple(range(x.ndim))))


def _same(x: Array) -> Array:
    return x


# `x` itself, whose gradient is stored as it stands. Of images, channels innermost, that is XLA's own order; of a weight
# it is torch's: an optimizer's loop that turned the gradient round element by element took four times as long.
placed_gradient, _ = linear_pair(_same, _placed)


def _library(x: Array, w: Array, shape: Shape) -> Array:
    space = "DHW"[-len(shape.space) :]
    return lax.conv_general_dilated(
        x, w, shape.stride, shape.pads, rhs_dilation=shape.dilation, feature_group_count=shape.groups,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
    )  # fmt: skip


def _dot(x: Array, w: Array) -> Array:
    return lax.dot_general(x, w, (((x.ndim - 1,), (0,)), ((), ())))


def _strides(x: Array, shape: Shape) -> Array:
    """What a kernel of one place sees."""
    return lax.slice(x, (0,) * x.ndim, x.shape, (1, *shape.stride, 1)) if shape.strided else x


def _unstrided(g: Array, shape: Shape) -> Array:
    config = [(0, n - (c - 1) * s - 1, s - 1) for n, c, s in zip(shape.space, shape.counts, shape.stride, strict=True)]
    return lax.pad(g, jnp.zeros((), g.dtype), [(0, 0, 0), *config, (0, 0, 0)]) if shape.strided else g


def _conv_of_phase(g: Array, w: Array, taps: Sequence[range], pads: list, shape: Shape) -> Array:
    n = len(shape.space)
    space = "DHW"[-n:]
    return lax.conv_general_dilated(
        g, of_taps(w, taps), (1,) * n, pads, dimension_numbers=(f"N{space}C", f"{space}OI", f"N{space}C")
    )


def _taps_of_phase(g: Array, w: Array, taps: Sequence[range], pads: list, shape: Shape) -> Array:
    multiple = shape.outputs // shape.inputs
    w = of_taps(w, taps).reshape(-1, shape.inputs, multiple)
    size = tuple(map(len, taps))
    g = padded(g, pads)
    counts = [n - k + 1 for n, k in zip(g.shape[1:-1], size, strict=True)]
    total: Any = 0
    for tap, start in zip(w, itertools.product(*map(range, size)), strict=True):
        end = [a + c for a, c in zip(start, counts, strict=True)]
        part = lax.slice(g, (0, *start, 0), (g.shape[0], *end, g.shape[-1]))
        if multiple == 1:
            total = total + part * tap[:, 0]
        else:
            total = total + jnp.sum(part.reshape(*part.shape[:-1], shape.inputs, multiple) * tap, -1)
    return total


def _placed_form(form: Callable, images: int) -> Callable:
    """`form` with its images, and its result if that is one, channels innermost; `images` of its operands are."""

    @functools.wraps(form)
    def placed(*operands: Array, shape: Shape) -> Array:
        x = [_placed(x) if i < images else x for i, x in enumerate(operands)]
        out = form(*x, shape=shape)
        return out if images == 2 else _placed(out)

    return placed


_bilinear, _, _ = bilinear_triple(
    _placed_form(_convolution, 1), _placed_form(_convolution_input, 1), _placed_form(_convolution_weight, 2)
)


def convolution(
    x: Array, w: Array, stride: Sequence[int], pads: Sequence[tuple[int, int]], dilation: Sequence[int], groups: int
) -> Array:
    """The convolution of (N, C, *space) with (O, C / groups, *kernel)."""
    n = x.ndim - 2
    shape = Shape(x.shape[2:], w.shape[2:], x.shape[1], w.shape[0], tuple(stride), tuple(pads), tuple(dilation), groups)
    out = _bilinear(jnp.moveaxis(x, 1, -1), placed_gradient(w).transpose(*range(2, n + 2), 1, 0), shape=shape)
    return jnp.moveaxis(out, -1, 1)
