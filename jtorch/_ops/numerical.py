"""Integrals by trapezoids, slices held to a norm.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Dim, Scalar, composite, op
from jtorch._ops.pointwise import is_integral
from jtorch._ops.reduction import vector_norm
from jtorch._types.dtype import get_default_dtype


def _areas(y: Array, x: Array | None, dx: Array, dim: int) -> Array:
    """The area of each trapezoid."""
    if not y.ndim:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    y = jnp.moveaxis(y, dim, -1)
    sums = y[..., 1:] + y[..., :-1]
    if is_integral(sums):
        sums = sums.astype(get_default_dtype().np)  # only now: torch adds in the type of `y`
    width = dx if x is None else jnp.diff(x if x.ndim == 1 else jnp.moveaxis(x, dim, -1))
    return sums * width.astype(sums.dtype) / 2


_inner: dict[str, Any] = {"function": False, "method": False}


@op(name="trapezoid", public="_trapezoid", **_inner)
def _trapezoid(y: Array, x: Array | None, dx: Scalar, dim: Dim) -> Array:
    return jnp.sum(_areas(y, x, dx, dim), -1)


@op(name="cumulative_trapezoid", public="_cumulative_trapezoid", **_inner)
def _cumulative_trapezoid(y: Array, x: Array | None, dx: Scalar, dim: Dim) -> Array:
    return jnp.moveaxis(jnp.cumsum(_areas(y, x, dx, dim), -1), -1, dim)


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
