"""Layers as ATen itself calls them: all results of a norm, the gradients of a pool and of dropout, modes as numbers.

https://docs.pytorch.org/docs/stable/torch.compiler_ir.html
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Dim, DType, Handle, composite, from_host, op, reduction, write_outs
from jtorch._ops.refusals import BOOL, BUT_BYTE, COMPLEX, HALF, floats_only, no_kernel
from jtorch.nn.functional._common import number, wide
from jtorch.nn.functional.activation import softmax_input, softmax_op
from jtorch.nn.functional.normalization import batch_norm_op, group_norm, saved_statistics, write_statistics
from jtorch.nn.functional.resampling import ANTIALIASED, resample
from jtorch.nn.functional.sampling import INTERPOLATIONS, PADDINGS, grid_sample

_ATEN = "torch.ops.aten"


@op(function=False, method=False, name="batch_norm_statistics", differentiable=False)
def _batch_statistics(input: Array, eps: float, mixed: bool) -> tuple[Array, Array]:
    """The mean of each channel and the reciprocal of its standard deviation, as training uses them.

    `mixed`: the parameters of a half type's batch are float32, and so are these.
    """
    x = wide(input)
    axes = (0, *range(2, x.ndim))
    mean, rstd = saved_statistics(jnp.mean(x, axes), jnp.var(x, axes), eps, x if mixed else input)
    if mixed:
        return mean, rstd
    return mean.astype(input.dtype), rstd.astype(input.dtype)


def _native_batch_norm(
    name: str, input: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, momentum: float, eps: float,
    out: Any,
) -> tuple:  # fmt: skip
    found, *new = batch_norm_op(input, mean, var, weight, bias, momentum, eps, bool(training))
    if training:
        write_statistics((mean, var), tuple(new))
        mixed = any(t is not None and t.dtype != input.dtype for t in (weight, bias, mean, var))
        saved = _batch_statistics(input, eps, mixed)
    else:
        saved = tuple(from_host(np.zeros(0, np.float32), input.dtype, input.device) for _ in range(2))
    results = (found, *saved)
    if not training and out is not None and any(t.ndim != 1 for t in out[1:]):
        raise RuntimeError(f"TensorAccessor expected 1 dims but tensor has {out[1].ndim}")
    return results if out is None else tuple(write_outs(name, out, results))


@composite(namespace="torch", method=False)
def native_batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float,
    eps: float, *, out: Any = None,
) -> tuple:  # fmt: skip
    """`batch_norm`, and in training the mean and the reciprocal standard deviation it used.

    >>> import jtorch as torch
    >>> torch.native_batch_norm(torch.tensor([[1.], [3.]]), None, None, None, None, True, 0.1, 0.)[1:]
    (tensor([2.]), tensor([1.]))
    """
    return _native_batch_norm(
        "native_batch_norm", input, weight, bias, running_mean, running_var, training, momentum, eps, out
    )


@composite(namespace="torch", method=False)
def _native_batch_norm_legit(input: Any, weight: Any, bias: Any, *rest: Any, out: Any = None, **named: Any) -> tuple:
    """`native_batch_norm`; without running statistics `training` follows `bias` at once."""
    words = ("running_mean", "running_var", "training", "momentum", "eps")
    bare = isinstance(rest[0], bool) if rest else "running_mean" not in named
    given = dict(zip(words[2:] if bare else words, rest, strict=False)) | named
    mean, var = given.get("running_mean"), given.get("running_var")
    training, momentum, eps = (given[w] for w in words[2:])
    return _native_batch_norm("_native_batch_norm_legit", input, weight, bias, mean, var, training, momentum, eps, out)


@composite(namespace="torch", method=False)
def _native_batch_norm_legit_no_training(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, momentum: float, eps: float
) -> tuple:
    """`native_batch_norm` in evaluation mode."""
    return native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)


@composite(namespace=_ATEN, method=False)
def _batch_norm_with_update(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, momentum: float, eps: float, *,
    out: Any = None, save_mean: Any = None, save_invstd: Any = None, reserve: Any = None,
) -> tuple:  # fmt: skip
    """`native_batch_norm` in training, and an empty tensor in which other backends keep what they reserve."""
    outs = (out, save_mean, save_invstd, reserve)
    if out is not None and not all(isinstance(t, Handle) for t in outs):
        raise RuntimeError("Overloaded torch operator invoked from Python failed to match any schema")
    found = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    results = (*found, from_host(np.zeros(0, np.uint8), place=input.device))
    return results if out is None else tuple(write_outs("_batch_norm_with_update", outs, results))


@op(
    namespace="torch",
    method=False,
    order="images",
    refuse=floats_only("GroupNormKernelImpl"),
    saves="input weight result1 result2",
)
def native_group_norm(
    input: Array, weight: Array | None, bias: Array | None, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Array, Array, Array]:
    """`group_norm`, and each group's mean and reciprocal standard deviation."""
    x = wide(input).reshape(N, group, C * HxW // group)
    rstd = lax.rsqrt(jnp.var(x, 2) + number(eps, x))
    out = group_norm.body(input, group, weight, bias, eps)
    return out, jnp.mean(x, 2).astype(input.dtype), rstd.astype(input.dtype)


@op(namespace="torch", method=False, saves="grad_output output")
def _softmax_backward_data(grad_output: Array, output: Array, dim: Dim, input_dtype: DType) -> Array:
    """The gradient of `softmax` from that of its result and the result."""
    softmax_input(output, dim, "softmax_backward")
    product = wide(grad_output) * wide(output)
    total = jnp.sum(product, dim, keepdims=True) if product.ndim else product
    return (product - wide(output) * total).astype(input_dtype.np)


@reduction(namespace="torch", method=False, out=False, saves="result")
def _safe_softmax(input: Array, dim: Dim, dtype: DType = None) -> Array:
    """`softmax` that gives zeros where all elements along `dim` are minus infinity."""
    softmax_input(input, dim, "softmax")
    hidden = jnp.all(input == -jnp.inf, dim if input.ndim else None, keepdims=True)
    return jnp.where(hidden, 0, softmax_op.body(jnp.where(hidden, 0, input), dim))


@composite(namespace=_ATEN, method=False)
def native_dropout_backward(grad_output: Any, mask: Any, scale: float) -> Any:
    """The gradient of dropout: that of its result where the mask is true, times `scale`.

    >>> import jtorch as torch
    >>> torch.ops.aten.native_dropout_backward(torch.tensor([1., 1.]), torch.tensor([True, False]), 2.)
    tensor([2., 0.])
    """
    return _dropout_gradient(grad_output, mask.type_as(grad_output) * float(scale))


@op(function=False, method=False, name="native_dropout_backward", kind="default", order="pointwise",
    real_gradient="native_dropout_backward")  # fmt: skip
def _dropout_gradient(grad_output: Array, share: Array) -> Array:
    return grad_output * share


@op(namespace=_ATEN, method=False, refuse=floats_only("max_pool2d_backward"))
def max_pool2d_with_indices_backward(
    grad_output: Array, input: Array, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    indices: Array,
) -> Array:  # fmt: skip
    """The gradient of `max_pool2d`: each window's goes to the place its maximum had."""
    planes = math.prod(input.shape[:-2])
    places = indices.reshape(planes, -1).astype(jnp.int32)
    rows = jnp.arange(planes, dtype=jnp.int32)[:, None]
    zeros = jnp.zeros((planes, math.prod(input.shape[-2:])), grad_output.dtype)
    return zeros.at[rows, places].add(grad_output.reshape(planes, -1)).reshape(input.shape)


@composite(namespace="torch", method=False)
def grid_sampler(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
    """`torch.nn.functional.grid_sample` with its modes as numbers."""
    return grid_sample(input, grid, INTERPOLATIONS[interpolation_mode], PADDINGS[padding_mode], bool(align_corners))


def _sampler(n: int) -> Any:
    def sampler(input: Any, grid: Any, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Any:
        return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)

    sampler.__name__ = sampler.__qualname__ = f"grid_sampler_{n}d"
    sampler.__doc__ = f"`grid_sampler` in {n} dimensions."
    return composite(namespace="torch", method=False)(sampler)


grid_sampler_2d, grid_sampler_3d = _sampler(2), _sampler(3)


@op(function=False, method=False, name="_upsample_bilinear2d_aa", grad="UpsampleBilinear2DAaBackward0",
    order="images", refuse=no_kernel(ANTIALIASED, BOOL, COMPLEX, HALF, *BUT_BYTE))  # fmt: skip
def _upsample_op(input: Array, size: tuple, scales: tuple, align_corners: bool) -> Array:
    return resample(input, size, scales, "linear", align_corners, True)


@composite(namespace=_ATEN, method=False)
def _upsample_bilinear2d_aa(
    input: Any, output_size: Any, align_corners: bool, scales_h: float | None = None, scales_w: float | None = None, *,
    scale_factors: Any = None,
) -> Any:  # fmt: skip
    """`interpolate` with mode "bilinear" and antialiasing, to a size or by factors."""
    scales = (scales_h, scales_w) if scale_factors is None else tuple(scale_factors)
    if output_size is None:
        output_size = [math.floor(n * s) for n, s in zip(input.shape[2:], scales, strict=True)]
    return _upsample_op(input, tuple(output_size), scales, bool(align_corners))
