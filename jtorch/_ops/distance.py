"""Distances between rows, and the cross product.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from jtorch._declare import Array, Dim, broadcast, composite, op, wrap_dim
from jtorch._declare.autocast import under_autocast
from jtorch._declare.once import warn_once
from jtorch._ops.refusals import BOOL, HALF, no_kernel, without_kernel


def _root_of_squares(squares: Any) -> Any:
    """A square root whose gradient at 0 is 0, as torch's."""
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)


def distances(off: Any, p: float) -> Any:
    """The p-norms of the last dimension; gradients at 0 are 0."""
    size = jnp.sign(off) * off
    if p == 0:
        return (off != 0).sum(-1).astype(off.dtype)
    if p == 1:
        return size.sum(-1)
    if p == 2:
        return _root_of_squares((off * off).sum(-1))
    if p == float("inf"):
        return size.max(-1) if off.shape[-1] else jnp.zeros(off.shape[:-1], off.dtype)
    apart = size > 0
    total = jnp.where(apart, jnp.where(apart, size, 1) ** p, 0).sum(-1)
    return jnp.where(total > 0, jnp.where(total > 0, total, 1) ** (1 / p), 0)


_MANY_ROWS = 25  # from here on torch, too, finds Euclidean distances by a matrix product


@op(name="cdist", method=False, function=False, kind="float", grad="CdistBackward0", saves="x1 x2 result")
def _cdist(x1: Array, x2: Array, p: float, by_product: bool) -> Array:
    if not by_product:
        return distances(x1[..., :, None, :] - x2[..., None, :, :], p)
    return (_with_exact_slopes if x1[..., :, None, :].size * x2.shape[-2] <= _FEW else _by_product)(x1, x2)


_FEW = 1 << 20  # differences: the gradient of more is left to matrix products too, at the cost of digits


def _by_product(x1: Array, x2: Array) -> Array:
    first, second = ((x * x).sum(-1, keepdims=True) for x in (x1, x2))
    left = jnp.concatenate([-2 * x1, first, jnp.ones_like(first)], -1)  # one product, which torch sums in this order
    right = jnp.concatenate([x2, jnp.ones_like(second), second], -1)
    return _root_of_squares(jnp.matmul(left, jnp.swapaxes(right, -1, -2)))


_with_exact_slopes = jax.custom_jvp(_by_product)


@_with_exact_slopes.defjvp
def _by_differences(points: tuple, tangents: tuple) -> tuple:
    """The slopes are the differences over the distance: those of near points would cancel in products."""
    found = _with_exact_slopes(*points)
    off, moved = (a[..., :, None, :] - b[..., None, :, :] for a, b in (points, tangents))
    zero = found == 0
    return found, jnp.where(zero, 0, (off * moved).sum(-1) / jnp.where(zero, 1, found))


@composite(method=False)
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """The p-norm distances between all rows of two matrices, or of batches of them.

    >>> import jtorch as torch
    >>> torch.cdist(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.]]))
    tensor([[5.]])
    """
    x1, x2 = under_autocast("cdist", x1, x2)
    a, b = x1._v.aval, x2._v.aval
    for name, aval in (("X1", a), ("X2", b)):
        if not aval.dtype.is_floating_point:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {aval.dtype.type_name}")
        if aval.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {aval.ndim}D")
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {a.shape[-1]} X2: {b.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    broadcast(a.shape[:-2], b.shape[:-2])
    many = max(a.shape[-2], b.shape[-2]) > _MANY_ROWS
    necessary = compute_mode in (None, "use_mm_for_euclid_dist_if_necessary", 0)
    forced = compute_mode in ("use_mm_for_euclid_dist", 1)
    by_product = p == 2 and (forced or (necessary and many))
    if math.prod(a.shape) and math.prod(b.shape) and not by_product:
        without_kernel("cdist", a.dtype, HALF)
    return _cdist(x1, x2, float(p), by_product)


@op(name="cross", method=False, function=False, kind="default", steps=True, grad="LinalgCrossBackward0", out=True,
    refuse=no_kernel("cross", BOOL))  # fmt: skip
def cross_op(input: Array, other: Array, dim: Dim = -1) -> Array:
    """The cross product along a dimension of size 3."""
    shape = broadcast(input.shape, other.shape)
    a, b = jnp.broadcast_to(input, shape), jnp.broadcast_to(other, shape)
    return jnp.cross(a, b, axis=dim)


@composite(tensors="other")
def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """The cross product of vectors of three elements along `dim`, else along the first dimension of size 3.

    >>> import jtorch as torch
    >>> torch.cross(torch.tensor([1., 0., 0.]), torch.tensor([0., 1., 0.]), dim=0)
    tensor([0., 0., 1.])
    """
    mine, theirs = input._v.aval.shape, other._v.aval.shape
    if len(mine) != len(theirs):
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is None:
        warn_once(
            "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly or "
            "simply use torch.linalg.cross.\nThe default value of dim will change to agree with that of linalg.cross "
            "in a future release."
        )
        if 3 not in mine:
            raise RuntimeError("no dimension of size 3 in input")
        dim = mine.index(3)
    assert dim is not None
    d = wrap_dim(dim, len(mine))
    if mine and (mine[d] != 3 or theirs[d] != 3):
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {mine[d]} and {theirs[d]}")
    return cross_op(input, other, dim, out=out)
