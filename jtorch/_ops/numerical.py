"""Integrals by trapezoids, slices held to a norm.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Dim, Scalar, composite, errors, op
from jtorch._declare.types import get_default_dtype
from jtorch._ops.pointwise import is_integral
from jtorch._ops.reduction import vector_norm


def _last(y: Array, dim: int) -> Array:
    if not y.ndim:
        raise errors.dim_of_scalar(-1)
    return jnp.moveaxis(y, dim, -1)


def _as_float(x: Array) -> Array:
    """Integers as floats; done only after the additions, which torch does in the integers' type."""
    return x.astype(get_default_dtype().np) if is_integral(x) else x


def _products(y: Array, x: Array, dim: int) -> Array:
    """Twice the area of each trapezoid."""
    return jnp.diff(x if x.ndim == 1 else _last(x, dim)) * (y[..., 1:] + y[..., :-1])


_inner: dict[str, Any] = {"function": False, "method": False}


@op(name="trapezoid", public="_trapezoid", **_inner)
def _trapezoid(y: Array, x: Array | None, dx: Scalar, dim: Dim) -> Array:
    y = _last(y, dim)
    if x is not None:
        return _as_float(jnp.sum(_products(y, x, dim), -1)) / 2
    if not y.shape[-1]:
        return _as_float(jnp.zeros(y.shape[:-1], y.dtype))
    total, ends = _as_float(jnp.sum(y, -1)), _as_float(y[..., 0] + y[..., -1])
    return (total - ends / 2) * dx.astype(total.dtype)


@op(name="cumulative_trapezoid", public="_cumulative_trapezoid", **_inner)
def _cumulative_trapezoid(y: Array, x: Array | None, dx: Scalar, dim: Dim) -> Array:
    y = _last(y, dim)
    areas = _as_float(y[..., 1:] + y[..., :-1] if x is None else _products(y, x, dim))
    areas = areas * dx.astype(areas.dtype) if x is None else areas
    return jnp.moveaxis(jnp.cumsum(areas, -1) / 2, -1, dim)


@composite(method=False, alias=("trapz",))
def trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    """The area under a line through points `dx`, or the steps of `x`, apart.

    >>> import jtorch as torch
    >>> torch.trapezoid(torch.tensor([1., 5., 10.]))
    tensor(10.5000)
    """
    return _trapezoid(y, x, dx, dim)


@composite(method=False)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    """`trapezoid` up to each point.

    >>> import jtorch as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1., 5., 10.]))
    tensor([ 3.0000, 10.5000])
    """
    return _cumulative_trapezoid(y, x, dx, dim)


@op(upcast=True, out=True, inplace=True)
def renorm(input: Array, p: float, dim: Dim, maxnorm: Scalar) -> Array:
    """Slices along `dim` whose p-norm is above `maxnorm` are scaled down to it."""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    norm = vector_norm(input, p, tuple(d for d in range(input.ndim) if d != dim), True)
    return input * jnp.where(norm > maxnorm, maxnorm / (norm + 1e-7), 1)
