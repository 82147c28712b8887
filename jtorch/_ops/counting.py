"""Histograms.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Scalar, composite, errors, op
from jtorch._ops.pointwise import is_number
from jtorch._ops.refusals import BOOL, COMPLEX, INT, first, kind_of, no_kernel


@op(out=True, differentiable=False, refuse=first(no_kernel("histogram_cpu", BOOL, INT, COMPLEX)))
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
    place = jnp.floor((x - low) / (high - low) * bins)
    place = jnp.where(place == bins, bins - 1, place)
    inside = (x >= low) & (x <= high)
    return jnp.zeros(bins, x.dtype).at[jnp.where(inside, place, bins).astype(jnp.int64)].add(1, mode="drop")


@op(name="histogram", public="_histogram", returns=("hist", "bin_edges"), out=True, differentiable=False,
    function=False, method=False, refuse=no_kernel("histogramdd", BOOL, INT, COMPLEX))  # fmt: skip
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
    input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False, out: Any = None
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
    if kind_of(input.dtype) != "float":
        raise errors.not_implemented_for("histogramdd", input.dtype.type_name)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    low, high = (None, None) if range is None else range
    if low is not None and high is not None and low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension 0"
        )
    return _histogram(input, _edges(input, bins, low, high), weight, density, out=out)
