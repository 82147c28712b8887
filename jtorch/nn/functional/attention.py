"""Scaled dot-product attention and the function behind nn.MultiheadAttention.

https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, composite, errors, op
from jtorch._declare.draws import keep_mask
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import COMPLEX, without_kernel
from jtorch.nn.functional._common import number, wide
from jtorch.nn.functional._rows import row_softmax


def _check_types(query: Any, key: Any, value: Any, mask: Any) -> None:
    kinds = [t.dtype.name for t in (query, key, value)]
    if len(set(kinds)) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: {} key.dtype: {} and "
            "value.dtype: {} instead.".format(*(_type_name(t) for t in (query, key, value)))
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is not None and not (mask.dtype.name == "bool" or mask.dtype is query.dtype):
        raise RuntimeError(
            f"Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{_type_name(mask)} and  query.dtype: {_type_name(query)} instead."
        )


def _type_name(t: Any) -> str:
    """The C++ name of a tensor's type."""
    return errors.c_name(t.dtype.type_name)


def _scores(query: Array, key: Array, mask: Array | None, is_causal: bool, scale: Any) -> Array:
    rows, columns = query.shape[-2], key.shape[-2]
    scores = (query @ jnp.swapaxes(key, -1, -2)) * scale
    if is_causal:
        seen = lax.broadcasted_iota(jnp.int32, (rows, columns), 0) >= lax.broadcasted_iota(
            jnp.int32, (rows, columns), 1
        )
        return jnp.where(seen, scores, -jnp.inf)
    if mask is None:
        return scores
    return jnp.where(mask, scores, -jnp.inf) if mask.dtype == bool else scores + wide(mask)


def _saved_of_attention(specs: tuple, statics: tuple, needs: tuple) -> str:
    """torch's fused kernel saves what it is given and its result, the sum of other ops only the values."""
    query, key, value, _, keep = specs
    fused = query.ndim == key.ndim == value.ndim == 4 and query.shape[-1] == value.shape[-1] and keep is None
    return "query key value mask result" if fused and 3 not in needs else "value"


@op(function=False, method=False, name="attention", grad="ScaledDotProductFlashAttentionForCpuBackward0",
    saves=_saved_of_attention)  # fmt: skip
def attention_op(
    query: Array, key: Array, value: Array, mask: Array | None, keep: Array | None, share: float, scale: float,
    is_causal: bool, enable_gqa: bool,
) -> Array:  # fmt: skip
    """`scale` and `share` are constants, so that what the gradient computes again is seen to be the same."""
    if query.size and key.size:
        without_kernel("softmax_lastdim_kernel_impl", from_numpy(query.dtype), COMPLEX)
    q, k, v = wide(query), wide(key), wide(value)
    if enable_gqa and q.shape[-3] != k.shape[-3]:
        k, v = (jnp.repeat(x, q.shape[-3] // x.shape[-3], -3) for x in (k, v))
    weights = row_softmax(_scores(q, k, mask, is_causal, number(scale, q)), zeros=True)
    if keep is not None:
        weights = weights * jnp.where(keep, 1 / number(share, q), 0)
    return (weights @ v).astype(query.dtype)


@composite(method=False)
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """`softmax(query @ key.T * scale + mask) @ value`: (..., L, E), (..., S, E), (..., S, Ev) gives (..., L, Ev).

    A bool mask says where to look, any other is added. `scale` is 1 / sqrt(E) unless given. With `enable_gqa` key and
    value may have fewer heads (dim -3) than the query. A row that sees nothing gives zeros.

    >>> import jtorch as torch
    >>> x = torch.ones(1, 2, 4)
    >>> torch.nn.functional.scaled_dot_product_attention(x, x, x).shape
    torch.Size([1, 2, 4])
    """
    _check_types(query, key, value, attn_mask)
    if is_causal and attn_mask is not None:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None and query.shape[-1] else scale
    keep = None
    if dropout_p > 0:
        lead = jnp.broadcast_shapes(tuple(query.shape)[:-2], () if enable_gqa else tuple(key.shape)[:-2])
        keep = keep_mask(query, (*lead, query.shape[-2], key.shape[-2]), 1 - dropout_p)
    return attention_op(
        query, key, value, attn_mask, keep, 1 - dropout_p, 1.0 if scale is None else float(scale), bool(is_causal),
        bool(enable_gqa),
    )  # fmt: skip
