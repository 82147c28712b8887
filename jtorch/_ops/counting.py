"""Histograms.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Arrays, Scalar, composite, errors, op
from jtorch._declare.halves import rounded, wide
from jtorch._declare.return_types import return_type
from jtorch._ops.pointwise import is_number
from jtorch._ops.refusals import BOOL, COMPLEX, HALF, INT, no_kernel, without_kernel


def _refuse_histc(specs: tuple) -> None:
    """torch looks for the range first where none is given, and bins are made before anything is counted."""
    input, low, high = specs
    without_kernel("linspace_cpu", input.dtype, BOOL)
    if low is high is None and math.prod(input.shape):
        without_kernel("aminmax_cpu", input.dtype, COMPLEX)
    without_kernel("histogram_cpu", input.dtype, INT, COMPLEX)


@op(out=True, differentiable=False, refuse=_refuse_histc)
def histc(input: Array, bins: int = 100, min: Scalar = 0, max: Scalar = 0) -> Array:
    """How many elements fall in each of `bins` equal parts of [min, max]; both 0: of the data's own range.

    >>> import jtorch as torch
    >>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    if bins <= 0:
        raise RuntimeError("torch.histogram(): bins must be > 0")
    x = input.reshape(-1)
    low, high = (jnp.asarray(v).astype(x.dtype) for v in (min, max))
    if x.size:
        own = low == high
        low, high = jnp.where(own, jnp.min(x), low), jnp.where(own, jnp.max(x), high)
    flat = low == high
    low, high = jnp.where(flat, low - 1, low), jnp.where(flat, high + 1, high)
    place = jnp.floor(rounded(wide((x - low) * bins) / wide(high - low), x))  # by the reciprocal XLA divides half types
    place = jnp.where(place == bins, bins - 1, place)
    inside = (x >= low) & (x <= high)
    return jnp.zeros(bins, x.dtype).at[jnp.where(inside, place, bins).astype(jnp.int64)].add(1, mode="drop")


@op(name="histogram", public="_histogram", returns=("hist", "bin_edges"), out=True, differentiable=False,
    function=False, method=False, refuse=no_kernel("histogram_cpu", BOOL, INT, COMPLEX))  # fmt: skip
def _histogram(input: Array, bins: Array, weight: Array | None, density: bool) -> tuple[Array, Array]:
    """Counts between given edges; the last edge belongs to the last bin."""
    x, count = input.reshape(-1), bins.size - 1
    place = jnp.searchsorted(bins, x, side="right") - 1
    place = jnp.where(x == bins[-1], count - 1, place)
    inside = (x >= bins[0]) & (x <= bins[-1])
    amount = 1 if weight is None else weight.reshape(-1)
    hist = jnp.zeros(count, x.dtype).at[jnp.where(inside, place, count)].add(amount, mode="drop")
    return hist / (jnp.sum(hist) * jnp.diff(bins)) if density else hist, bins


@op(name="histogram", public="_edges", differentiable=False, function=False, method=False)
def _edges(input: Array, bins: int, low: Scalar | None = None, high: Scalar | None = None) -> Array:
    """Edges of equal bins, between the data's own limits if none are given."""
    if low is None:
        low, high = (jnp.min(input), jnp.max(input)) if input.size else (0.0, 0.0)
    low, high = (jnp.asarray(v).astype(input.dtype) for v in (low, high))
    flat = low == high
    return jnp.linspace(jnp.where(flat, low - 0.5, low), jnp.where(flat, high + 0.5, high), bins + 1)


@composite()
def histogram(
    input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False, out: Any = None
) -> Any:
    """How many elements (or how much weight) fall in each bin, and the edges of the bins.

    >>> import jtorch as torch
    >>> torch.histogram(torch.tensor([1., 2., 1.]), bins=2, range=(0., 3.))
    torch.return_types.histogram(
    hist=tensor([2., 1.]),
    bin_edges=tensor([0.0000, 1.5000, 3.0000]))
    """
    if not is_number(bins):
        return _histogram(input, bins, weight, density, out=out)
    if input.numel():
        without_kernel("histogramdd", input.dtype, BOOL, INT, COMPLEX, HALF)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    low, high = (None, None) if range is None else range
    if low is not None and high is not None and low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension 0"
        )
    return _histogram(input, _edges(input, bins, low, high), weight, density, out=out)


@op(name="histogramdd", public="_histogramdd", differentiable=False, function=False, method=False)
def _histogramdd(bins: Arrays, input: Array, weight: Array | None, density: bool) -> Array:
    """Counts between given edges in every dimension; the last edges belong to the last bins."""
    inside, places = True, []
    for x, edges in zip(jnp.moveaxis(input.reshape(-1, len(bins)), 1, 0), bins, strict=True):
        inside = inside & (x >= edges[0]) & (x <= edges[-1])
        place = jnp.searchsorted(edges, x, side="right") - 1
        places.append(jnp.where(x == edges[-1], edges.size - 2, place))
    sizes = [edges.size - 1 for edges in bins]
    places[0] = jnp.where(inside, places[0], sizes[0])
    amount = 1 if weight is None else weight.reshape(-1)
    hist = jnp.zeros(sizes, input.dtype).at[tuple(places)].add(amount, mode="drop")
    if not density:
        return hist
    hist = hist / jnp.sum(hist)
    for d, edges in enumerate(bins):
        hist = hist / jnp.diff(edges).reshape(-1, *(1,) * (len(bins) - d - 1))
    return hist


_HISTOGRAMDD = return_type("histogramdd", ("hist", "bin_edges"))


def _check_histogramdd(input: Any, bins: Any, range: Any, weight: Any) -> int:
    shape = input._v.aval.shape
    if not shape:
        raise errors.dim_of_scalar(-1)
    count = shape[-1]
    if not is_number(bins) and len(bins) != count:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    if len(shape) < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    if is_number(bins) or is_number(bins[0]):
        without_kernel("histogramdd", input.dtype, BOOL, INT, COMPLEX, HALF)
    without_kernel("histogram_cpu", input.dtype, BOOL, INT, COMPLEX)
    if range is not None and len(range) != 2 * count:
        raise RuntimeError(
            f"torch.histogramdd: for a {count}-dimensional histogram range should have {2 * count} elements, but got "
            f"{len(range)}"
        )
    if weight is not None and weight._v.aval.shape != shape[:-1]:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor "
            f"excluding its innermost dimension, but got input with shape {list(shape)} and weight with shape "
            f"{list(weight._v.aval.shape)}"
        )
    return count


@composite(method=False)
def histogramdd(input: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """How many points fall in each cell of a grid, and the edges of the cells: points are rows of the last dimension.

    `bins` is a number of bins, one for each dimension, or the edges themselves; `range` holds all lower and upper ends.

    >>> import jtorch as torch
    >>> torch.histogramdd(torch.tensor([[0., 1.], [1., 0.], [2., 2.]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    count = _check_histogramdd(input, bins, range, weight)
    edges = []
    for d, size in enumerate([bins] * count if is_number(bins) else bins):
        if not is_number(size):
            _check_edges(input, size, d)
            edges.append(size)
            continue
        if size <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {size} for dimension {d}")
        low, high = (None, None) if range is None else range[2 * d : 2 * d + 2]
        if low is not None and high is not None and low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension {d}"
            )
        edges.append(_edges(input[..., d], size, low, high))
    return _HISTOGRAMDD((_histogramdd(edges, input, weight, density), tuple(edges)))


def _check_edges(input: Any, edges: Any, d: int) -> None:
    found, wish = edges.dtype, input.dtype
    if found is not wish:
        raise RuntimeError(
            "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
            f"{errors.c_name(wish.type_name)} and bins for dimension {d} with dtype {errors.c_name(found.type_name)}"
        )
