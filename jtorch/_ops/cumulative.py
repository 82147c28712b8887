"""Running sums, products and extrema along a dimension, and differences of neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Dim, DType, composite, op, reduction, wrap_dim, write_out
from jtorch._declare.indices import index_type
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import BOOL, COMPLEX, INT, no_kernel, without_kernel


@reduction(kind="integers_to_int64", inplace=True)
def cumsum(input: Array, dim: Dim, *, dtype: DType = None) -> Array:
    """Running sums; integers and bools are summed as int64.

    >>> import jtorch as torch
    >>> torch.cumsum(torch.tensor([1., 2., 3.]), dim=0)
    tensor([1., 3., 6.])
    """
    return jnp.cumsum(input, dim) if input.ndim else input


@reduction(kind="integers_to_int64", inplace=True, residuals=True, saves="input result")
def cumprod(input: Array, dim: Dim, *, dtype: DType = None) -> Array:
    """Running products; integers and bools are multiplied as int64."""
    return jnp.cumprod(input, dim) if input.ndim else input


@reduction(residuals=True, refuse=no_kernel("logcumsumexp_out_cpu", BOOL, INT), saves="input result")
def logcumsumexp(input: Array, dim: Dim) -> Array:
    """The logarithm of running sums of exponentials."""
    if not input.ndim:
        return input
    found = lax.cumlogsumexp(input, dim)
    return found + _turns(lax.stop_gradient(input), lax.stop_gradient(found), dim) if jnp.iscomplexobj(input) else found


def _turns(x: Array, found: Array, dim: int) -> Array:
    """Whole turns torch has on top of logarithms of complex sums: it adds a logarithm's phase at each step, and brings
    none back into a circle."""

    def step(sum: Array, x: Array) -> tuple[Array, Array]:
        small, large = (jnp.where((x.real < sum.real) == first, x, sum) for first in (True, False))
        ratio = jnp.where(jnp.isneginf(small.real), 0, jnp.exp(small - large))
        sum = large + jnp.log1p(ratio)
        return sum, sum

    along = jnp.moveaxis(x, dim, 0)
    _, sums = lax.scan(step, jnp.full(along.shape[1:], -jnp.inf, x.dtype), along)
    turns = jnp.round((jnp.moveaxis(sums, 0, dim) - found).imag / (2 * np.pi)) * (2 * np.pi)
    return lax.complex(jnp.zeros_like(turns), jnp.where(jnp.isfinite(turns), turns, 0))


def _running(name: str, reaches: Callable, doc: str) -> Callable:
    def later(a: tuple, b: tuple) -> tuple:
        take = (b[0] != b[0]) | reaches(b[0], a[0])  # nan outdoes all; of equal ones the last is kept
        return jnp.where(take, b[0], a[0]), jnp.where(take, b[1], a[1])

    def body(input: Array, dim: Dim) -> tuple[Array, Array]:
        if not input.ndim or not input.size:
            return input, jnp.zeros(input.shape, jnp.int64)
        without_kernel(f"{name}_cpu", from_numpy(input.dtype), COMPLEX)
        place = lax.broadcasted_iota(index_type(input.shape[dim]), input.shape, dim)
        _, indices = lax.associative_scan(later, (lax.stop_gradient(input), place), axis=dim)
        return jnp.take_along_axis(input, indices, dim), indices.astype(jnp.int64)

    body.__name__ = name
    body.__doc__ = doc
    options: dict[str, Any] = {"returns": ("values", "indices"), "out": True, "residuals": True}
    return op(real_gradient=name, saves="input result1", **options)(body)


cummax = _running("cummax", jnp.greater_equal, "Running maxima and where they stand, the last of equal ones.")
cummin = _running("cummin", jnp.less_equal, "Running minima and where they stand, the last of equal ones.")


def _left_out(specs: tuple, statics: tuple) -> tuple[int, ...]:
    """`prepend` and `append` where no difference is taken."""
    return (1, 2) if statics[0] == 0 else ()


@op(name="diff", grad="SubBackward0", undefined=_left_out, order="pointwise", function=False, method=False)
def _diff(input: Array, n: int = 1, dim: Dim = -1, prepend: Array = None, append: Array = None) -> Array:
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return input
    parts = [x for x in (prepend, input, append) if x is not None]
    x = jnp.concatenate(parts, dim) if len(parts) > 1 else input
    return jnp.diff(x, min(n, x.shape[dim]), dim)


@composite
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, out: Any = None) -> Any:
    """Differences of neighbours along a dimension, `n` times over.

    >>> import jtorch as torch
    >>> torch.diff(torch.tensor([1., 4., 9.]))
    tensor([3., 5.])
    """
    shape = input._v.aval.shape
    if n > 0 and prepend is append is out is None and shape and shape[wrap_dim(dim, len(shape))] == 0:
        return input
    found = _diff(input, n, dim, prepend, append)
    return found if out is None else write_out("diff" if n else "diff_of_order_0", out, found)
