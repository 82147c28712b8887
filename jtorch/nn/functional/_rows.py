"""Softmax of rows, in the form XLA's CPU backend runs fast.

A maximum as maxima of halves is pointwise, and vectorised. As a reduction it also keeps the whole program from the
kernel library's sums: of a step of a GPT it costs 10 of 126 ms.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, platform
from jtorch._declare.halves import rounded, wide
from jtorch._ops.reduction import by_halves


def row_max(x: Array) -> Array:
    """The maximum over the last axis, which stays with length 1; without a gradient."""
    x = lax.stop_gradient(x)
    if platform() != "cpu" or not x.shape[-1]:
        return jnp.max(x, -1, keepdims=True, initial=-jnp.inf)
    return by_halves(jnp.maximum, x, x.ndim - 1)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def row_softmax(x: Array, zeros: bool = False) -> Array:
    """Softmax over the last axis. A row of which everything is -inf gives nan; zeros, if `zeros`."""
    top = row_max(x)
    e = jnp.exp(x - (jnp.where(top == -jnp.inf, 0, top) if zeros else top))
    total = jnp.sum(e, -1, keepdims=True)
    return e / (jnp.where(total == 0, 1, total) if zeros else total)


@row_softmax.defjvp
def _softmax_jvp(zeros: bool, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    y = row_softmax(*primals, zeros)
    weighted = y * tangents[0]
    return y, weighted - y * jnp.sum(weighted, -1, keepdims=True)


@jax.custom_jvp
def row_log_softmax(x: Array) -> Array:
    """The logarithm of softmax over the last axis, without overflow. Of a half type torch rounds the sum and its
    logarithm."""
    shifted = wide(x) - row_max(wide(x))
    total = rounded(jnp.sum(jnp.exp(shifted), -1, keepdims=True), x)
    return (shifted - rounded(jnp.log(total), x)).astype(x.dtype)


@row_log_softmax.defjvp
def _log_softmax_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    y = row_log_softmax(*primals)
    share = wide(tangents[0])
    return y, (share - jnp.sum(jnp.exp(wide(y)) * share, -1, keepdims=True)).astype(y.dtype)
