"""Normalizations: batch, layer, group, instance, RMS, local response, and `normalize`.

https://docs.pytorch.org/docs/stable/nn.functional.html#normalization-functions
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Dim, Scalar, Size, composite, cured, errors, op, platform
from jtorch._declare.halves import is_half, rounded
from jtorch._declare.once import warn_once
from jtorch._declare.variants import read, write_out, write_value
from jtorch._ops.refusals import BOOL, BUT_LONG, COMPLEX, floats_only, inexact_norm, no_kernel
from jtorch.nn.functional._common import listed, number, p_norm, require_floating, wide
from jtorch.nn.functional._conv_forms import placed_gradient
from jtorch.nn.functional._sums import channel_scaled, channel_spread, channel_sum, channel_sum_of_product

_MIXED = "mixed dtype (CPU): all inputs must share same datatype."


def _check_mixed(input: Array, *others: Array | None) -> None:
    """Parameters have the input's type, or are float32 beside a half type."""
    for x in others:
        if x is not None and x.dtype != input.dtype and not (input.dtype.itemsize == 2 and x.dtype == jnp.float32):
            raise RuntimeError(_MIXED)


def _channelwise(x: Array | None, rank: int) -> Any:
    """A vector over channels, shaped to meet (N, C, *space)."""
    return None if x is None else wide(x).reshape(1, -1, *[1] * (rank - 2))


def _scaled(x: Array, weight: Array | None, bias: Array | None) -> Array:
    if weight is not None:
        x = x * weight
    return x if bias is None else x + bias


def _moments(x: Array, axes: tuple[int, ...], keepdims: bool = True) -> tuple[Array, Array]:
    """Mean and variance (divided by the count), in two passes so that a large mean costs no digits."""
    mean = jnp.mean(x, axes, keepdims=True)
    var = jnp.mean(jnp.square(x - mean), axes, keepdims=True)
    return (mean, var) if keepdims else (jnp.squeeze(mean, axes), jnp.squeeze(var, axes))


def _updated(running: Array | None, new: Array, momentum: Scalar) -> Array:
    """A running statistic after one more batch; without one, nothing that anybody reads."""
    if running is None:
        return jnp.zeros((), new.dtype)
    share = number(momentum, new)
    return lax.stop_gradient((1 - share) * wide(running) + share * new).astype(running.dtype)


def _check_batch_norm(input: Array, weight: Any, bias: Any, mean: Any, var: Any, training: bool) -> None:
    if input.ndim < 2:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    if not training:
        for name, x in (("running_mean", mean), ("running_var", var)):
            if x is None:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
    for name, x in (("running_mean", mean), ("running_var", var), ("weight", weight), ("bias", bias)):
        if x is not None and x.size != input.shape[1]:
            raise cured(
                RuntimeError(f"{name} should contain {input.shape[1]} elements not {x.size}"),
                f"the layer is made for {x.size} channels, dimension 1 of the input has {input.shape[1]}",
            )
    require_floating(input, "batch_norm")
    _check_mixed(input, weight, bias, mean, var)


@jax.custom_jvp
def _normalized(x: Array, weight: Array, bias: Array, eps: Array) -> tuple[Array, Array, Array]:
    """The batch normalization of (N, *space, C) and the mean and variance it used.

    The derivative is written out: it needs two sums over the batch, where what JAX derives needs four.
    """
    lead, count = x.shape[:-1], x.size // x.shape[-1]
    mean = channel_sum(x) / count
    centered = x - channel_spread(mean, lead)
    var = channel_sum_of_product(centered, centered) / count
    scale = lax.rsqrt(var + eps) * weight
    return channel_scaled(centered, scale) + channel_spread(bias, lead), mean, var


@_normalized.defjvp
def _normalized_jvp(primals: tuple, tangents: tuple) -> tuple:
    (x, weight, _, eps), (dx, dweight, dbias, _) = primals, tangents
    lead, count = x.shape[:-1], x.size // x.shape[-1]
    out = _normalized(*primals)
    mean, var = out[1:]
    rstd = lax.rsqrt(var + eps)
    centered = x - channel_spread(mean, lead)
    unit, scale = channel_scaled(centered, rstd), rstd * weight
    shift, stretch = channel_sum(dx) / count, channel_sum_of_product(unit, dx) / count
    change = channel_scaled(dx, scale) + channel_spread(dbias - scale * shift, lead)
    change = change + channel_scaled(unit, dweight - scale * stretch)
    return out, (change, shift, 2 * stretch / rstd)


def _saved_of_batch_norm(specs: tuple, statics: tuple, needs: tuple) -> str:
    training = statics[-1]  # the statistics of before are saved too, but training itself writes those
    return "input weight" if training else "input weight running_mean running_var"


@op(function=False, method=False, name="batch_norm", grad="NativeBatchNormBackward0", order="images",
    constant={"running_mean": "native_batch_norm", "running_var": "native_batch_norm"},
    saves=_saved_of_batch_norm)  # fmt: skip
def batch_norm_op(
    input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None, bias: Array | None,
    momentum: Scalar, eps: float, training: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """The normalized input and the running statistics after it."""
    if input.ndim == 1 and not input.size:
        return input, input if running_mean is None else running_mean, input if running_var is None else running_var
    _check_batch_norm(input, weight, bias, running_mean, running_var, training)
    x = wide(input)
    if not training:
        mean, var = _channelwise(running_mean, x.ndim), _channelwise(running_var, x.ndim)
        scale = lax.rsqrt(var + number(eps, x))
        if weight is not None:
            scale = scale * _channelwise(weight, x.ndim)
        out = _scaled((x - mean) * scale, None, _channelwise(bias, x.ndim))
        return out.astype(input.dtype), jnp.zeros((), x.dtype), jnp.zeros((), x.dtype)
    given = [p for p in (weight, bias, running_mean, running_var) if p is not None]
    keeps = is_half(input) and all(p.dtype == input.dtype for p in given)
    if platform() == "cpu" and x.size and not keeps:
        w = jnp.ones(x.shape[1], x.dtype) if weight is None else wide(weight).reshape(-1)
        b = jnp.zeros(x.shape[1], x.dtype) if bias is None else wide(bias).reshape(-1)
        out, mean, var = _normalized(jnp.moveaxis(x, 1, -1), w, b, number(eps, x))
        out = jnp.moveaxis(placed_gradient(out), -1, 1)
    else:
        mean, var = _moments(x, (0, *range(2, x.ndim)))
        middle, scale = saved_statistics(mean, var, eps, input) if keeps else (mean, lax.rsqrt(var + number(eps, x)))
        if weight is not None:
            scale = scale * _channelwise(weight, x.ndim)
        out = _scaled((x - middle) * scale, None, _channelwise(bias, x.ndim))
    count = x.size // max(x.shape[1], 1)
    unbiased = var.reshape(-1) * (count / max(count - 1, 1))
    new_mean = _updated(running_mean, mean.reshape(-1), momentum)
    return out.astype(input.dtype), new_mean, _updated(running_var, unbiased, momentum)


def saved_statistics(mean: Array, var: Array, eps: float, input: Array) -> tuple[Array, Array]:
    """Means and reciprocal deviations as torch keeps them for parameters of a half type: numbers of that type.

    Of bfloat16 it rounds the sum of squares and the variance as well.
    """
    if input.dtype == jnp.bfloat16:
        count = input.size // max(var.size, 1)
        var = rounded(rounded(var * count, input) / max(count, 1), input)
    return rounded(mean, input), rounded(lax.rsqrt(var + number(eps, var)), input)


def write_statistics(targets: tuple, new: tuple) -> None:
    """Running statistics are buffers: they change outside the graph."""
    for target, value in zip(targets, new, strict=True):
        if target is not None:
            write_value(target, read(value))


def _batch_norm(
    input: Any, mean: Any, var: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> Any:
    out, new_mean, new_var = batch_norm_op(input, mean, var, weight, bias, momentum, eps, bool(training))
    if training:
        write_statistics((mean, var), (new_mean, new_var))
    return out


@composite(method=False)
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalizes each channel (dim 1) over the batch; in training updates the running statistics in place.

    Ioffe and Szegedy, 2015.

    >>> import jtorch as torch
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> torch.nn.functional.batch_norm(x, None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    if training:
        if math.prod((*input.shape[:1], *input.shape[2:])) == 1:
            raise cured(
                ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}"),
                "a batch of one sample has no variance: drop_last=True in the DataLoader, or "
                "model.eval() for prediction",
            )
        if (running_mean is None) != (running_var is None):
            raise ValueError("running_mean and running_var must either both be None or neither be None")
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@composite(method=False, namespace="torch", public="batch_norm")
def batch_norm_of_torch(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float,
    eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    """`torch.nn.functional.batch_norm` with the arguments in another order."""
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@op(function=False, method=False, name="instance_norm", grad="ViewBackward0", refuse=floats_only("batch_norm"),
    constant={"running_mean": "native_batch_norm", "running_var": "native_batch_norm"}, saves="input")  # fmt: skip
def instance_norm_op(
    input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None, bias: Array | None,
    momentum: Scalar, eps: float, use_input_stats: bool,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """The normalized input and the running statistics after it, which average over the batch."""
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    x = wide(input)
    new_mean = new_var = jnp.zeros((), x.dtype)
    if use_input_stats:
        mean, var = _moments(x, tuple(range(2, x.ndim)))
        count = math.prod(x.shape[2:])
        new_mean = _averaged(running_mean, mean.reshape(x.shape[:2]), momentum)
        new_var = _averaged(running_var, var.reshape(x.shape[:2]), momentum, count / max(count - 1, 1))
    else:
        mean, var = _channelwise(running_mean, x.ndim), _channelwise(running_var, x.ndim)
    given = [p for p in (weight, bias, running_mean, running_var) if p is not None]
    if use_input_stats and is_half(input) and all(p.dtype == input.dtype for p in given):
        mean, scale = saved_statistics(mean, var, eps, input)
    else:
        scale = lax.rsqrt(var + number(eps, x))
    if weight is not None and is_half(input):
        out = (x - mean) * (scale * _channelwise(weight, x.ndim))
    else:
        out = _scaled((x - mean) * scale, _channelwise(weight, x.ndim), None)
    return _scaled(out, None, _channelwise(bias, x.ndim)).astype(input.dtype), new_mean, new_var


def _averaged(running: Array | None, new: Array, momentum: Scalar, factor: float = 1) -> Array:
    """A running statistic after the (N, C) statistics of a batch; in a half type torch updates it with each, and
    averages what comes of that."""
    if running is not None and is_half(running):
        return jnp.mean(_updated(running, new * factor, momentum), 0)
    return _updated(running, new.mean(0) * factor, momentum)


def _instance_norm(
    input: Any, mean: Any, var: Any, weight: Any, bias: Any, use_input_stats: bool, momentum: float, eps: float
) -> Any:
    out, *new = instance_norm_op(input, mean, var, weight, bias, momentum, eps, bool(use_input_stats))
    if use_input_stats:
        write_statistics((mean, var), tuple(new))
    return out


@composite(method=False)
def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Normalizes each channel of each sample over its space. Ulyanov et al., 2016."""
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    return _instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


@composite(method=False, namespace="torch", public="instance_norm")
def instance_norm_of_torch(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool, momentum: float,
    eps: float, cudnn_enabled: bool,
) -> Any:  # fmt: skip
    """`torch.nn.functional.instance_norm` with the arguments in another order."""
    return _instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def _normalized_axes(input: Array, normalized_shape: tuple, star: str, weight: Any, bias: Any) -> tuple[int, ...]:
    shape, size = tuple(normalized_shape), listed(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
            "but got normalized_shape = []"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{listed(x.shape)} and normalized_shape = {size}"
            )
    if input.shape[-len(shape) :] != shape or input.ndim < len(shape):
        raise cured(
            RuntimeError(
                f"Given normalized_shape={size}, expected input with shape [*{star}{size[1:]}, "
                f"but got input of size{listed(input.shape)}"
            ),
            "nn.LayerNorm takes the sizes of the last dimensions of its input",
        )
    return tuple(range(input.ndim - len(shape), input.ndim))


def _layer_norm(input: Array, shape: tuple, weight: Any, bias: Any, eps: Any) -> tuple[Array, Array, Array]:
    axes = _normalized_axes(input, shape, ", ", weight, bias)
    require_floating(input, "LayerNormKernelImpl")
    _check_mixed(input, weight, bias)
    x = wide(input)
    mean, var = _moments(x, axes)
    rstd = lax.rsqrt(var + number(eps, x))
    out = _scaled((x - mean) * rstd, wide(weight), wide(bias))
    keeps = all(p is None or p.dtype == input.dtype for p in (weight, bias))
    kind = input.dtype if keeps else x.dtype
    return out.astype(input.dtype), mean.astype(kind), rstd.astype(kind)


@op(method=False, grad="NativeLayerNormBackward0", saves="input weight bias")
def layer_norm(
    input: Array, normalized_shape: Size, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Normalizes over the last dimensions, those of `normalized_shape`. Ba et al., 2016.

    >>> import jtorch as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([1.0, 3.0]), (2,))
    tensor([-1.0000,  1.0000])
    """
    return _layer_norm(input, normalized_shape, weight, bias, eps)[0]


@op(namespace="torch", method=False, public="layer_norm", name="layer_norm", grad="NativeLayerNormBackward0")
def layer_norm_of_torch(
    input: Array, normalized_shape: Size, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Array:  # fmt: skip
    """`torch.nn.functional.layer_norm` with one more flag, for CUDA."""
    return _layer_norm(input, normalized_shape, weight, bias, eps)[0]


@op(function=False, method=False, name="native_layer_norm", saves="input weight bias result1 result2")
def _native_layer_norm(
    input: Array, normalized_shape: Size, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array]:
    return _layer_norm(input, normalized_shape, weight, bias, eps)


@composite(namespace="torch", method=False)
def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> tuple:
    """`layer_norm`, its mean and the reciprocal of its standard deviation; only the first has a gradient."""
    out, mean, rstd = _native_layer_norm(input, normalized_shape, weight, bias, eps)
    return out, mean.detach(), rstd.detach()


@op(method=False, grad="NativeGroupNormBackward0", order="images", refuse=floats_only("GroupNormKernelImpl"))
def group_norm(
    input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    """Normalizes groups of channels (dim 1) of each sample. Wu and He, 2018."""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    channels = input.shape[1]
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{listed(input.shape)} and num_groups={num_groups}"
        )
    if input.size and math.prod((input.shape[0] * channels // num_groups, *input.shape[2:])) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {listed(input.shape)}")
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.shape != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {listed(x.shape)} and input of shape {listed(input.shape)}"
            )
    _check_mixed(input, weight, bias)
    x = wide(input).reshape(input.shape[0], num_groups, channels // num_groups * math.prod(input.shape[2:]))
    mean, var = _moments(x, (2,))
    out = ((x - mean) * lax.rsqrt(var + number(eps, x))).reshape(input.shape)
    return _scaled(out, _channelwise(weight, input.ndim), _channelwise(bias, input.ndim)).astype(input.dtype)


@op(namespace="torch", method=False, name="group_norm", grad="NativeGroupNormBackward0", order="images",
    refuse=floats_only("GroupNormKernelImpl"))  # fmt: skip
def group_norm_of_torch(
    input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Array:  # fmt: skip
    """`torch.nn.functional.group_norm` with one more flag, for CUDA."""
    return group_norm.body(input, num_groups, weight, bias, eps)


def _warn_of_types(*, input: Any, weight: Any, **_: Any) -> None:
    if weight is not None and weight.dtype is not input.dtype:
        kinds = [errors.c_name(t.dtype.type_name) for t in (input, weight)]
        warn_once(
            "Mismatch dtype between input and weight: input dtype = {}, weight dtype = {}, Cannot dispatch to fused "
            "implementation.".format(*kinds),
            key="rms_norm",
        )


@op(namespace="torch", method=False, alias=("nn.functional.rms_norm",), grad="MulBackward0", warns=_warn_of_types)
def rms_norm(input: Array, normalized_shape: Size, weight: Array | None = None, eps: float | None = None) -> Array:
    """Divides by the root of the mean square over the last dimensions. Zhang and Sennrich, 2019.

    Without `eps` the machine epsilon of the type it computes in.
    """
    axes = _normalized_axes(input, normalized_shape, "", weight, None)
    require_floating(input, "rms_norm", complex_too=True)
    x = wide(input)
    small = jnp.finfo(x.dtype).eps if eps is None else number(eps, x.real)
    out = x * lax.rsqrt(jnp.mean(jnp.square(x), axes, keepdims=True) + small)
    return _scaled(out, wide(weight), None).astype(input.dtype)


@op(function=False, method=False, kind="float", steps=True, grad="DivBackward0", order="images",
    refuse=no_kernel("avg_pool2d", BOOL, COMPLEX, *BUT_LONG))  # fmt: skip
def response_norm_op(input: Array, size: int, alpha: float, beta: float, k: float, whole: bool) -> Array:
    before, channels = size // 2, input.shape[1]
    pads = [(before, (size - 1) // 2) if d == 1 else (0, 0) for d in range(input.ndim)]
    squares = wide(jnp.pad(jnp.square(input), pads))
    mean = sum(lax.slice_in_dim(squares, i, i + channels, axis=1) for i in range(size)) / size
    mean = alpha * rounded(jnp.floor(mean) if whole else mean, input)
    power = float(np.asarray(beta, input.dtype)) if is_half(input) else beta
    return input / (wide(k + mean.astype(input.dtype)) ** power).astype(input.dtype)


@composite(method=False)
def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """Divides by a power of the mean square over `size` neighbouring channels (dim 1), which of integers is an integer.
    Krizhevsky et al., 2012."""
    if input.ndim < 3:
        gap = " " * 26  # torch's sentence has them
        raise ValueError(f"Expected 3D or higher dimensionality{gap}input (got {input.ndim} dimensions)")
    if not input.numel():
        return input
    whole = not (input.is_floating_point() or input.is_complex())
    return response_norm_op(input, size, alpha, beta, k, whole)


@op(function=False, method=False, upcast=True, grad="DivBackward0", order="images", refuse=inexact_norm)
def normalize_op(input: Array, eps: float, p: float, dim: Dim) -> Array:
    norm = p_norm(input, p, dim, True)
    return input / jnp.where(norm < eps, eps, norm)


@composite(method=False)
def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """Divides by the p-norm along `dim`, by `eps` where that is smaller.

    >>> import jtorch as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    result = normalize_op(input, eps, float(p), dim)
    return result if out is None else write_out("normalize", out, result)
