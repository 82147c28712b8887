"""Norms of all elements or along dimensions, and the distance of two tensors.

https://docs.pytorch.org/docs/stable/generated/torch.norm.html
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from jtorch._declare import (
    Array,
    Dims,
    DType,
    Operand,
    composite,
    reduction,
)
from jtorch._ops.pointwise import abs, no_bool_difference
from jtorch._ops.reduction import axes, extremum, root
from jtorch._ops.refusals import BOOL, INT, both, inexact_matrix, inexact_norm, refused


def vector_norm(x: Array, p: float, over: tuple[int, ...], keepdim: bool) -> Array:
    """The p-norm over axes. Its gradient at 0 is 0, as torch's is."""
    if (p < 0 or p == math.inf) and not math.prod(x.shape[d] for d in over):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p:g} norm on an empty tensor because the operation does not have "
            "an identity"
        )
    size = magnitude(x)
    if p in (math.inf, -math.inf):
        return extremum(jnp.max if p > 0 else jnp.min, size, over, keepdim)
    if p == 0:
        return jnp.sum(x != 0, over, keepdims=keepdim).astype(size.dtype)
    if p == 1:
        return jnp.sum(size, over, keepdims=keepdim)
    if p == 2:
        return root(jnp.sum(size * size, over, keepdims=keepdim))
    zero = size == 0
    powers = jnp.where(zero, 0 if p > 0 else jnp.inf, jnp.where(zero, 1, size) ** p)
    total = jnp.sum(powers, over, keepdims=keepdim)
    none = (total == 0) | jnp.isinf(total)
    return jnp.where(none, total if p > 0 else 1 / total, jnp.where(none, 1, total) ** (1 / p))


def magnitude(x: Array) -> Array:
    """The absolute value, real for complex numbers too, with gradient 0 at 0."""
    return root(x.real * x.real + x.imag * x.imag) if jnp.iscomplexobj(x) else abs.body(x)


def only_counted(specs: tuple, statics: tuple) -> tuple[int, ...]:
    """The input of a norm of order 0, which is the first static argument."""
    return (0,) if statics[0] == 0 else ()


@reduction(name="norm", public="_vector_norm", kind="complex_to_real", grad="LinalgVectorNormBackward0",
           undefined=only_counted, function=False, method=False,
           refuse=inexact_norm, saves="input result")  # fmt: skip
def _vector_norm(input: Array, p: float, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    return vector_norm(input, p, axes(input, dim), keepdim)


@reduction(name="norm", public="_nuclear_norm", kind="complex_to_real", residuals=True, function=False, method=False,
           grad="SumBackward1", refuse=inexact_matrix("linalg.matrix_norm"))  # fmt: skip
def _nuclear_norm(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    pair = axes(input, dim)
    if len(pair) != 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    values = jnp.linalg.svd(jnp.moveaxis(input, pair, (-2, -1)), compute_uv=False)
    total = jnp.sum(values, -1)
    return jnp.expand_dims(total, pair) if keepdim else total


@composite(method=False)
def norm(
    input: Any, p: float | str | None = "fro", dim: Any = None, keepdim: bool = False, out: Any = None,
    dtype: Any = None,
) -> Any:  # fmt: skip
    """The p-norm of all elements, or along dimensions; "fro" is the 2-norm, "nuc" the sum of singular values.

    >>> import jtorch as torch
    >>> torch.norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    if p == "nuc":
        return _nuclear_norm(input, dim, keepdim, dtype=dtype, out=out)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    order = 2.0 if p is None or p == "fro" else float(p)
    return _vector_norm(input, order, dim, keepdim, dtype=dtype, out=out)


INEXACT = "norm(): input dtype should be either floating point or complex. Got {} instead."


@reduction(kind="complex_to_real", out=False,
           refuse=both(no_bool_difference, refused(RuntimeError, INEXACT, BOOL, INT)),
           saves="input other result")  # fmt: skip
def dist(input: Operand, other: Operand, p: float = 2) -> Array:
    """The p-norm of `input - other`."""
    off = input - other
    return vector_norm(off, p, axes(off, None), False)
