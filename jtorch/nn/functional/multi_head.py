"""The function behind nn.MultiheadAttention.

Source: Vaswani et al., "Attention Is All You Need" (2017).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, composite, op
from jtorch._declare.draws import keep_mask
from jtorch._ops.matmul import MM
from jtorch._ops.refusals import BOOL, COMPLEX, both, first, no_kernel
from jtorch.nn.functional._common import number, wide
from jtorch.nn.functional._rows import row_softmax


def _projected(x: Array, weight: Array | None, bias: Array | None) -> Array:
    out = x @ wide(weight).T
    return out if bias is None else out + wide(bias)


def _additive(mask: Array, like: Array) -> Array:
    """A mask as what is added to scores; here a bool says where not to look."""
    return jnp.where(mask, -jnp.inf, 0).astype(like.dtype) if mask.dtype == bool else wide(mask)


def _joined_mask(attn: Array | None, padding: Array | None, shape: tuple, extra: int, like: Array) -> Array | float:
    """Both masks as one, (N, heads, L, S) or what broadcasts to it; `extra` keys at the end are always seen."""
    n, heads, rows, _ = shape
    total: Any = 0.0
    if attn is not None:
        attn = _additive(attn, like)
        total = attn if attn.ndim == 2 else attn.reshape(n, heads, rows, attn.shape[-1])
    if padding is not None:
        total = total + _additive(padding, like)[:, None, None, :]
    if extra and not isinstance(total, float):
        total = jnp.pad(total, [(0, 0)] * (total.ndim - 1) + [(0, extra)])
    return total


def _heads(x: Array, heads: int) -> Array:
    """(S, N, E) as (N, heads, S, E / heads)."""
    s, n, e = x.shape
    return x.reshape(s, n, heads, e // heads).transpose(1, 2, 0, 3)


@op(function=False, method=False, name="multi_head_attention", grad="ViewBackward0",
    refuse=first(both(no_kernel(MM, BOOL), no_kernel("softmax_lastdim_kernel_impl", COMPLEX))),
    saves="query key value q_weight k_weight v_weight in_weight out_weight")  # fmt: skip
def multi_head_op(
    query: Array, key: Array, value: Array, q_weight: Array | None, k_weight: Array | None, v_weight: Array | None,
    in_weight: Array | None, in_bias: Array | None, bias_k: Array | None, bias_v: Array | None, out_weight: Array,
    out_bias: Array | None, padding: Array | None, mask: Array | None, keep: Array | None, share: float, heads: int,
    add_zero: bool, need_weights: bool,
) -> tuple[Array, Array]:  # fmt: skip
    """The output (L, N, E) and the weights (N, heads, L, S) as they were before dropout."""
    rows, n, width = query.shape
    matrices = jnp.split(in_weight, 3) if in_weight is not None else (q_weight, k_weight, v_weight)
    biases = (None, None, None) if in_bias is None else jnp.split(in_bias, 3)
    q, k, v = (_projected(wide(x), w, b) for x, w, b in zip((query, key, value), matrices, biases, strict=True))
    extra = 0
    if bias_k is not None and bias_v is not None:
        k, v = (jnp.concatenate([x, jnp.broadcast_to(wide(b), (1, n, width))]) for x, b in ((k, bias_k), (v, bias_v)))
        extra = 1
    if add_zero:
        k, v = (jnp.pad(x, ((0, 1), (0, 0), (0, 0))) for x in (k, v))
        extra += 1
    q, k, v = (_heads(x, heads) for x in (q, k, v))
    scores = (q * (width // heads) ** -0.5) @ jnp.swapaxes(k, -1, -2)
    scores = scores + _joined_mask(mask, padding, scores.shape, extra, scores)
    weights = row_softmax(scores, zeros=not need_weights)
    dropped = weights if keep is None else weights * jnp.where(keep, 1 / number(share, weights), 0)
    out = (dropped @ v).transpose(2, 0, 1, 3).reshape(rows, n, width)
    return _projected(out, out_weight, out_bias).astype(query.dtype), dropped.astype(query.dtype)


def _check(query: Any, key: Any, value: Any, embed_dim: int, heads: int, attn_mask: Any, is_causal: bool) -> None:
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    if key.ndim != query.ndim or value.ndim != query.ndim:
        kind = "batched (3-D)" if query.ndim == 3 else "unbatched (2-D)"
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {query.ndim}-D but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {query.shape[-1]}")
    if embed_dim % heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {heads}")


@composite(method=False)
def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple:  # fmt: skip
    """Attention in several heads: query (L, N, E) or (L, E), key and value (S, ...); gives the output and the weights.

    A bool mask says where not to look. The weights are (N, L, S), with `average_attn_weights=False` one for each head.
    """
    if static_k is not None or static_v is not None:
        raise NotImplementedError("multi_head_attention_forward takes no static_k, static_v: use key, value")
    _check(query, key, value, embed_dim_to_check, num_heads, attn_mask, is_causal)
    batched = query.ndim == 3
    if not batched:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    rows, n = query.shape[:2]
    keep = None
    if training and dropout_p > 0:
        columns = key.shape[0] + (bias_k is not None) + bool(add_zero_attn)
        keep = keep_mask(query, (n, num_heads, rows, columns), 1 - dropout_p)
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else (None, None, None)
    out, weights = multi_head_op(
        query, key, value, *separate, None if use_separate_proj_weight else in_proj_weight, in_proj_bias, bias_k,
        bias_v, out_proj_weight, out_proj_bias, key_padding_mask, attn_mask, keep, 1 - dropout_p, num_heads,
        bool(add_zero_attn), bool(need_weights),
    )  # fmt: skip
    out = out if batched else out.squeeze(1)
    if not need_weights:
        return out, None
    weights = weights.mean(1) if average_attn_weights else weights
    return out, weights if batched else weights.squeeze(0)
