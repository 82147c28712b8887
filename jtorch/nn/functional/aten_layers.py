"""Layers under the names and arguments ATen gives them in the torch namespace.

https://docs.pytorch.org/docs/stable/torch.compiler_ir.html
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Scalar, composite, errors, from_host, op, wrap_dim
from jtorch._declare.draws import keep_mask
from jtorch._ops.older_norms import check_floating
from jtorch.nn.functional import conv
from jtorch.nn.functional._common import number, wide
from jtorch.nn.functional.embedding import embedding_bag as embedding_bag_of_functional
from jtorch.nn.functional.normalization import write_statistics

_CONVOLUTIONS = (conv.conv1d, conv.conv2d, conv.conv3d)
_TRANSPOSED = (conv.conv_transpose1d, conv.conv_transpose2d, conv.conv_transpose3d)


@composite(namespace="torch", method=False)
def convolution(
    input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, output_padding: Any,
    groups: int,
) -> Any:  # fmt: skip
    """Convolution in 1, 2 or 3 dimensions, as many as the weight has beside its two of channels, or its transpose.

    >>> import jtorch as torch
    >>> x, w = torch.ones(1, 1, 3), torch.ones(1, 1, 2)
    >>> torch.convolution(x, w, None, [1], [0], [1], False, [0], 1)
    tensor([[[2., 2.]]])
    """
    dims, rank = weight._v.aval.ndim - 2, input._v.aval.ndim
    if rank != dims + 2:
        raise RuntimeError(
            f"Expected {dims + 2}-dimensional input for {dims + 2}-dimensional weight {list(weight.shape)}, but got "
            f"{rank}-dimensional input of size {list(input.shape)} instead"
        )
    if transposed:
        return _TRANSPOSED[dims - 1](input, weight, bias, stride, padding, output_padding, groups, dilation)
    return _CONVOLUTIONS[dims - 1](input, weight, bias, stride, padding, dilation, groups)


@composite(namespace="torch", method=False)
def mkldnn_convolution(
    input: Any, weight: Any, bias: Any, padding: Any, stride: Any, dilation: Any, groups: int
) -> Any:
    """`convolution` as oneDNN has it: of floats of 32 bits or fewer."""
    kind = input._v.aval.dtype
    if kind.name not in ("float32", "bfloat16", "float16"):
        raise RuntimeError(f"itensor_view_from_dense expects float/bfloat16/half/int8/fp8 tensor input{kind.type_name}")
    return convolution(input, weight, bias, stride, padding, dilation, False, 0, groups)


# Dropout


@op(function=False, method=False, name="native_dropout", order="pointwise")
def _dropped(input: Array, keep: Array, scale: Scalar) -> Array:
    x = wide(input)
    return ((x * keep).astype(input.dtype).astype(x.dtype) * number(scale, x)).astype(input.dtype)


@composite(namespace="torch", method=False)
def native_dropout(input: Any, p: float, train: bool | None) -> tuple:
    """Dropout, and the mask of what was kept; None for `train` means that it is on.

    >>> import jtorch as torch
    >>> torch.native_dropout(torch.ones(2), 0.5, False)
    (tensor([1., 1.]), tensor([True, True]))
    """
    shape, place = tuple(input.shape), input.device
    if not input.numel():
        return input, input.clone()
    if train is not None and not train:
        return input.clone(), from_host(np.ones(shape, bool), place=place)
    if not 0 <= 1 - p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={1 - p:g}")
    kind = input._v.aval.dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise errors.cast("Float", kind.type_name)
    keep = keep_mask(input, shape, 1 - p)
    return _dropped(input, keep, 0.0 if p == 1 else 1 / (1 - p)), keep


# Norms


@composite(namespace="torch", method=False)
def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norm over all dimensions but one, which keeps its place; over all with dim -1.

    >>> import jtorch as torch
    >>> torch.norm_except_dim(torch.tensor([[3., 4.], [6., 8.]]))
    tensor([[ 5.],
            [10.]])
    """
    rank = v._v.aval.ndim
    check_floating(v)
    if dim == -1:
        return v.norm(pow)
    wrap_dim(dim, rank)
    if dim == 0:
        return v.contiguous().view(v.shape[0], -1).norm(pow, 1).view(v.shape[0], *[1] * (rank - 1))
    if dim == rank - 1:
        return v.contiguous().view(-1, v.shape[-1]).norm(pow, 0).view(*[1] * (rank - 1), v.shape[-1])
    return norm_except_dim(v.transpose(0, dim), pow, 0).transpose(0, dim)


@op(function=False, method=False, name="batch_norm_update_stats", differentiable=False)
def _updated(
    input: Array, running_mean: Array | None, running_var: Array | None, momentum: float
) -> tuple[Array, Array, Array, Array]:
    """Mean and variance of each channel, and the running ones moved towards them."""
    x = wide(input)
    axes = (0, *range(2, x.ndim))
    mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
    count = x.size // max(x.shape[1], 1)
    unbiased = variance * count / max(count - 1, 1)
    pairs = ((running_mean, mean), (running_var, unbiased))
    moved = [new if old is None else (1 - momentum) * wide(old) + momentum * new for old, new in pairs]
    kinds = [input.dtype if old is None else old.dtype for old, _ in pairs]
    return mean.astype(input.dtype), variance.astype(input.dtype), moved[0].astype(kinds[0]), moved[1].astype(kinds[1])


@composite(namespace="torch", method=False)
def batch_norm_update_stats(input: Any, running_mean: Any, running_var: Any, momentum: float) -> tuple[Any, Any]:
    """Mean and variance of each channel (dim 1); the running ones are moved towards them, in place, by `momentum`.

    >>> import jtorch as torch
    >>> torch.batch_norm_update_stats(torch.tensor([[1.], [3.]]), None, None, 0.1)
    (tensor([2.]), tensor([1.]))
    """
    mean, variance, new_mean, new_variance = _updated(input, running_mean, running_var, float(momentum))
    if running_mean is not None:
        write_statistics((running_mean, running_var), (new_mean, new_variance))
    return mean, variance


# Bags of rows

_MODES = ("sum", "mean", "max")


@op(function=False, method=False, name="embedding_bag_facts", differentiable=False)
def _facts(
    weight: Array, indices: Array, offsets: Array, bags: int, mode: str, padding: int | None
) -> tuple[Array, Array, Array]:
    """The bag of each index, the size of each bag, and for maxima the row each was found in."""
    kind = indices.dtype
    bag = jnp.searchsorted(offsets, jnp.arange(indices.size), side="right") - 1
    bag = jnp.minimum(bag, max(bags - 1, 0))
    kept = jnp.ones(indices.size, bool) if padding is None else indices != padding
    sizes = jnp.zeros(bags, kind).at[bag].add(kept.astype(kind))
    if mode != "max":
        return bag.astype(kind), sizes, sizes
    rows = jnp.where(kept[:, None], weight[indices], -jnp.inf)
    best = jnp.full((bags, weight.shape[1]), -jnp.inf, weight.dtype).at[bag].max(rows)
    place = jnp.where((rows == best[bag]) & kept[:, None], jnp.arange(indices.size)[:, None], indices.size)
    first = jnp.full(best.shape, indices.size, place.dtype).at[bag].min(place)
    found = jnp.where(first < indices.size, indices[jnp.minimum(first, max(indices.size - 1, 0))], 0)
    return bag.astype(kind), sizes, lax.convert_element_type(found, kind)


@composite(
    namespace="torch",
    method=False,
    public="embedding_bag",
    forms=(
        "weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset, "
        "padding_idx",
        "weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None, "
        "include_last_offset=False",
    ),
)
def embedding_bag_of_torch(
    weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
    per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> tuple:  # fmt: skip
    """`torch.nn.functional.embedding_bag` with its mode (sum, mean, max) as a number.

    Beside the bags: which bag each index is in, the size of each bag, and for maxima the row each was found in.
    """
    word = _MODES[mode]
    padding = None if padding_idx is None or padding_idx < 0 else padding_idx
    out = embedding_bag_of_functional(
        indices, weight, offsets, None, 2, scale_grad_by_freq, word, sparse, per_sample_weights, include_last_offset,
        padding,
    )  # fmt: skip
    bags = out.shape[0]
    bag, sizes, rows = _facts(weight.detach(), indices, offsets, bags, word, padding)
    if word == "sum":
        zeros = sizes * 0
        plain = padding is None and weight.dtype.name in ("float32", "float16", "bfloat16")
        return out, (bag[:0] if plain else bag), zeros, zeros.clone()
    return out, bag, sizes, (rows if word == "max" else sizes.clone())
