"""Integrals by trapezoids, gradients by differences, slices held to a norm.

https://docs.pytorch.org/docs/stable/torch.html#other-operations
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Dim, Handle, Scalar, composite, errors, op, wrap_dims
from jtorch._ops.joining import cat
from jtorch._ops.norms import vector_norm
from jtorch._ops.pointwise import as_float
from jtorch._ops.refusals import first, inexact_norm


def _last(y: Array, dim: int) -> Array:
    if not y.ndim:
        raise errors.dim_of_scalar(-1)
    return jnp.moveaxis(y, dim, -1)


def _products(y: Array, x: Array, dim: int) -> Array:
    """Twice the area of each trapezoid."""
    return jnp.diff(x if x.ndim == 1 else _last(x, dim)) * (y[..., 1:] + y[..., :-1])


_inner: dict[str, Any] = {"function": False, "method": False}


@op(name="trapezoid", public="_trapezoid", **_inner, saves="")
def _trapezoid(y: Array, x: Array | None, dx: Scalar, dim: Dim) -> Array:
    y = _last(y, dim)
    if x is not None:
        return as_float(jnp.sum(_products(y, x, dim), -1)) / 2
    if not y.shape[-1]:
        return as_float(jnp.zeros(y.shape[:-1], y.dtype))
    total, ends = as_float(jnp.sum(y, -1)), as_float(y[..., 0] + y[..., -1])
    return (total - ends / 2) * dx.astype(total.dtype)


@op(name="cumulative_trapezoid", public="_cumulative_trapezoid", **_inner, saves="")
def _cumulative_trapezoid(y: Array, x: Array | None, dx: Scalar, dim: Dim) -> Array:
    y = _last(y, dim)
    areas = as_float(y[..., 1:] + y[..., :-1] if x is None else _products(y, x, dim))
    areas = areas * dx.astype(areas.dtype) if x is None else areas
    return jnp.moveaxis(jnp.cumsum(areas, -1) / 2, -1, dim)


def _check_points(name: str, y: Any, x: Any) -> None:
    given = "`y`" if x is None else "`x` or `y`"
    if name == "trapezoid" and not y.numel():
        return
    if any(t is not None and t.dtype.name == "bool" for t in (y, x)):
        raise RuntimeError(f"{name}: received a bool input for {given}, but bool is not supported")


@composite(method=False, alias=("trapz",))
def trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    """The area under a line through points `dx`, or the steps of `x`, apart.

    >>> import jtorch as torch
    >>> torch.trapezoid(torch.tensor([1., 5., 10.]))
    tensor(10.5000)
    """
    _check_points("trapezoid", y, x)
    return _trapezoid(y, x, dx, dim)


@composite(method=False)
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    """`trapezoid` up to each point.

    >>> import jtorch as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1., 5., 10.]))
    tensor([ 3.0000, 10.5000])
    """
    _check_points("cumulative_trapezoid", y, x)
    return _cumulative_trapezoid(y, x, dx, dim)


def _weighted(parts: list, weights: list) -> Any:
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total = total + part * weight
    return total


def _even_gradient(x: Any, step: Any, dim: int, edge_order: int) -> Any:
    """Differences over equal steps: central ones inside, one-sided ones at the edges."""
    n = x.shape[dim]
    inner = (x.narrow(dim, 2, n - 2) - x.narrow(dim, 0, n - 2)) / (2 * step)
    at = [x.narrow(dim, i, 1) for i in (0, 1, n - 2, n - 1)]
    if edge_order == 1:
        return cat([(at[1] - at[0]) / step, inner, (at[3] - at[2]) / step], dim)
    low = _weighted([at[0], at[1], x.narrow(dim, 2, 1)], [-1.5, 2, -0.5]) / step
    high = _weighted([x.narrow(dim, n - 3, 1), at[2], at[3]], [0.5, -2, 1.5]) / step
    return cat([low, inner, high], dim)


def _uneven_gradient(x: Any, places: Any, dim: int, edge_order: int) -> Any:
    """Differences over the steps between places, weighted so that they are exact for parabolas."""
    n = x.shape[dim]
    steps = places.diff()
    wide = (-1, *(1,) * (x.ndim - dim - 1))
    left, right = steps[:-1].reshape(wide), steps[1:].reshape(wide)
    three = [x.narrow(dim, i, n - 2) for i in range(3)]
    weights = [-right / (left * (left + right)), (right - left) / (left * right), left / (right * (left + right))]
    inner = _weighted(three, weights)
    if edge_order == 1:
        low = (x.narrow(dim, 1, 1) - x.narrow(dim, 0, 1)) / steps[0]
        high = (x.narrow(dim, n - 1, 1) - x.narrow(dim, n - 2, 1)) / steps[-1]
        return cat([low, inner, high], dim)
    a, b = steps[0], steps[1]
    low = _weighted(
        [x.narrow(dim, i, 1) for i in range(3)], [-(2 * a + b) / (a * (a + b)), (a + b) / (a * b), -a / (b * (a + b))]
    )
    a, b = steps[-2], steps[-1]
    high = _weighted(
        [x.narrow(dim, n - 3 + i, 1) for i in range(3)],
        [b / (a * (a + b)), -(a + b) / (a * b), (2 * b + a) / (b * (a + b))],
    )
    return cat([low, inner, high], dim)


def _spacings(spacing: Any, dims: tuple[int, ...], named: bool) -> list:
    """One spacing a dimension: a number, or a vector of places."""
    if not isinstance(spacing, (tuple, list)):
        return [1 if spacing is None else spacing] * len(dims)
    if len(spacing) != len(dims):
        wanted = (
            "a scalar or it's spacing and dim arguments to have the same length, but got a spacing argument of length "
            f"{len(spacing)} and a dim argument of length {len(dims)}."
            if named
            else f"a scalar, or a list of length equal to 'self.dim() = {len(dims)}', since dim argument was not given,"
            f" but got a list of length {len(spacing)}"
        )
        raise RuntimeError(f"torch.gradient expected spacing to be unspecified, {wanted}")
    for one in spacing:
        if isinstance(one, Handle) and one._v.aval.ndim != 1:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one dimension, but got an element with "
                f"{one._v.aval.ndim} dimensions!"
            )
    return list(spacing)


@composite(method=False)
def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple:
    """The derivative along each dimension, by differences over `spacing`: a number or the places of the values.

    >>> import jtorch as torch
    >>> torch.gradient(torch.tensor([1., 4., 9., 16.]))
    (tensor([3., 4., 6., 7.]),)
    """
    aval = input._v.aval
    if aval.dtype.name == "uint8":
        raise RuntimeError("torch.gradient does not support uint8 input.")
    rank = aval.ndim
    dims = wrap_dims(range(rank) if dim is None else (dim,) if isinstance(dim, int) else dim, rank)
    steps = _spacings(spacing, dims, dim is not None)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if any(aval.shape[d] <= edge_order for d in dims):
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    found = []
    for d, step in zip(dims, steps, strict=True):
        if isinstance(step, Handle) and step.device != input.device:
            raise RuntimeError(
                "torch.gradient expected each tensor to be on the same device, but got devices "
                f"{input.device} and {step.device}!"
            )
        uneven = isinstance(step, Handle) and step._v.aval.ndim == 1
        found.append((_uneven_gradient if uneven else _even_gradient)(input, step, d, edge_order))
    return tuple(found)


@op(upcast=True, out=True, inplace=True, refuse=first(inexact_norm))
def renorm(input: Array, p: float, dim: Dim, maxnorm: Scalar) -> Array:
    """Slices along `dim` whose p-norm is above `maxnorm` are scaled down to it."""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    norm = vector_norm(input, p, tuple(d for d in range(input.ndim) if d != dim), True)
    return input * jnp.where(norm > maxnorm, maxnorm / (norm + 1e-7), 1)
