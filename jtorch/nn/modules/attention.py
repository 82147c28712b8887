"""Attention in several heads. torch keeps it in `nn.modules.activation`, which also offers it."""

from __future__ import annotations

from jtorch import _root as torch
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn
from jtorch.nn import functional as F
from jtorch.nn import init
from jtorch.nn.modules.linear import NonDynamicallyQuantizableLinear
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


def additive_mask(mask, name, other, other_name, dtype):
    """`mask` as floating-point numbers to add to scores: -inf where a bool mask says not to look. Warns where the type
    of `other` differs."""
    if mask is None:
        return None
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and other.dtype != mask.dtype:
        warn(f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.")
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, float("-inf")) if mask.dtype == torch.bool else mask


class MultiheadAttention(Module):
    """Attention in `num_heads` heads: query (L, N, E), key (S, N, kdim), value (S, N, vdim) give (L, N, E) and weights.

    Without a batch N is absent, with ``batch_first`` it comes first. A bool mask says where not to look. The weights
    are (N, L, S), one for each head with ``average_attn_weights=False``. Vaswani et al., 2017.

    >>> import jtorch as torch
    >>> x = torch.ones(3, 2, 4)
    >>> output, weights = torch.nn.MultiheadAttention(4, 2)(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([3, 2, 4]), torch.Size([2, 3, 3]))
    """

    __module__ = "jtorch.nn.modules.activation"  # where torch's pickles look for it
    __constants__ = ["batch_first"]

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} "
                "instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise cured(
                AssertionError("embed_dim must be divisible by num_heads"), "embed_dim = num_heads * size of a head"
            )
        made = {"device": device, "dtype": dtype}
        widths = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        joined = self._joined
        if joined:
            self.in_proj_weight = Parameter(torch.empty((3 * embed_dim, embed_dim), **made))
        for name, width in widths.items():
            self.register_parameter(name, None if joined else Parameter(torch.empty((embed_dim, width), **made)))
        if not joined:
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", Parameter(torch.empty(3 * embed_dim, **made)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **made)
        self.bias_k = Parameter(torch.empty((1, 1, embed_dim), **made)) if add_bias_kv else None
        self.bias_v = Parameter(torch.empty((1, 1, embed_dim), **made)) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    @property
    def _joined(self):
        """One matrix projects query, key and value."""
        return self.kdim == self.embed_dim and self.vdim == self.embed_dim

    def _reset_parameters(self) -> None:
        projections = (self.in_proj_weight,) if self._joined else (
            self.q_proj_weight, self.k_proj_weight, self.v_proj_weight,
        )  # fmt: skip
        for weight in projections:
            init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        key_padding_mask = additive_mask(key_padding_mask, "key_padding_mask", attn_mask, "attn_mask", query.dtype)
        attn_mask = additive_mask(attn_mask, "attn_mask", None, "", query.dtype)
        swapped = self.batch_first and query.dim() == 3
        if swapped:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        output, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._joined, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return (output.transpose(0, 1) if swapped else output), weights
