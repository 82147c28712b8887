"""Quantization as training simulates it: numbers rounded to a grid of integers, gradients passed straight through.

Tensors of quantized dtypes do not exist here: see other_kernels.py.

https://docs.pytorch.org/docs/stable/quantization-support.html
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Handle, composite, errors, from_host, op, to_host, wrap_dim, write_back
from jtorch._declare.types import float32, int32


def _on_grid(input: Array, scale: Array, zero_point: Array, low: int, high: int, exact: bool = True) -> Array:
    """The nearest points of the grid `(n - zero_point) * scale`, n from `low` to `high`; nan goes to the lowest.

    Its gradient is that of `input` where `n` is within the grid, else 0. Between the rounding and the sum, or after it
    where the zero point is no integer, torch computes in float32.
    """
    x = input.astype(np.float32) if input.dtype.itemsize < 4 else input
    inverse = (1 / scale).astype(x.dtype)
    zero_point = zero_point.astype(x.dtype)
    place = jnp.round(x * inverse) + zero_point if exact else jnp.round(x * inverse + zero_point)
    place = jnp.where(jnp.isnan(place), -jnp.inf, place)
    inside = (place >= low) & (place <= high)
    found = ((jnp.clip(place, low, high) - zero_point) * scale.astype(x.dtype)).astype(input.dtype)
    straight = jnp.where(inside, input - lax.stop_gradient(input), 0)
    return lax.stop_gradient(found) + straight


_PER_TENSOR = "FakeQuantizePerTensorAffineCachemaskBackward0"


@op(name="fake_quantize_per_tensor_affine", function=False, method=False, grad=_PER_TENSOR)
def _by_numbers(input: Array, scale: float, zero_point: int, quant_min: int, quant_max: int) -> Array:
    return _on_grid(input, jnp.float32(scale), jnp.float32(zero_point), quant_min, quant_max)


@op(
    name="fake_quantize_per_tensor_affine", function=False, method=False,
    grad="FakeQuantizePerTensorAffineCachemaskTensorQparamsBackward0",
)  # fmt: skip
def _by_tensors(input: Array, scale: Array, zero_point: Array, quant_min: int, quant_max: int) -> Array:
    return _on_grid(input, scale.reshape(()), zero_point.reshape(()), quant_min, quant_max)


def _check(kernel: str, input: Any, quant_min: int, quant_max: int) -> None:
    if not isinstance(input, Handle):
        raise errors.argument_type(kernel, "input", 1, "Tensor", input)
    if quant_min > quant_max:
        raise RuntimeError("`quant_min` should be less than or         equal to `quant_max`.")
    if not input._v.aval.dtype.is_floating_point:
        raise errors.not_implemented_for(
            "fake_quantize_tensor_cachemask_kernel_type_handling", input._v.aval.dtype.type_name
        )


@composite(method=False)
def fake_quantize_per_tensor_affine(input: Any, scale: Any, zero_point: Any, quant_min: int, quant_max: int) -> Any:
    """`input` rounded to `(n - zero_point) * scale` with n from `quant_min` to `quant_max`. Jacob et al., 2018.

    >>> import jtorch as torch
    >>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.14, 9.0]), 0.1, 0, -8, 7)
    tensor([0.1000, 0.7000])
    """
    _check("fake_quantize_per_tensor_affine", input, quant_min, quant_max)
    if isinstance(scale, Handle):
        return _by_tensors(input, scale, zero_point, quant_min, quant_max)
    if not quant_min <= zero_point <= quant_max:
        raise RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.")
    return _by_numbers(input, float(scale), int(zero_point), quant_min, quant_max)


@op(
    name="fake_quantize_per_channel_affine", function=False, method=False,
    grad="FakeQuantizePerChannelAffineCachemaskBackward0",
)  # fmt: skip
def _by_channel(input: Array, scale: Array, zero_point: Array, axis: int, quant_min: int, quant_max: int) -> Array:
    shape = tuple(-1 if d == axis else 1 for d in range(input.ndim))
    exact = jnp.issubdtype(zero_point.dtype, jnp.integer)
    return _on_grid(input, scale.reshape(shape), zero_point.reshape(shape), quant_min, quant_max, exact)


@composite(method=False)
def fake_quantize_per_channel_affine(
    input: Any, scale: Any, zero_point: Any, axis: int, quant_min: int, quant_max: int
) -> Any:
    """As `fake_quantize_per_tensor_affine`, with a scale and a zero point for each index of dimension `axis`.

    >>> import jtorch as torch
    >>> x, zero = torch.tensor([[0.14], [0.14]]), torch.zeros(2, dtype=torch.int32)
    >>> torch.fake_quantize_per_channel_affine(x, torch.tensor([0.1, 0.2]), zero, 0, -8, 7)
    tensor([[0.1000],
            [0.2000]])
    """
    kind, of_zero = scale._v.aval.dtype, zero_point._v.aval.dtype
    if kind.name not in ("float32", "bfloat16"):
        raise RuntimeError(f"Scale must be Float or BFloat16, found {kind.type_name}")
    if of_zero.name not in ("int32", "float32", "float16"):
        raise RuntimeError(f"Zero-point must be Int32, Float or Half, found {of_zero.type_name}")
    _check("fake_quantize_per_channel_affine", input, quant_min, quant_max)
    shape = input._v.aval.shape
    d = wrap_dim(axis, len(shape))
    if scale._v.aval.size != shape[d] or zero_point._v.aval.size != shape[d]:
        raise RuntimeError("dimensions of scale and zero-point are not consistent with input tensor")
    zeros = to_host(zero_point)
    if of_zero is int32 and zeros.size and not quant_min <= zeros.min() <= zeros.max() <= quant_max:
        raise RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.")
    return _by_channel(input, scale, zero_point, d, quant_min, quant_max)


# Observed ranges


def _grid_of(low: np.ndarray, high: np.ndarray, quant_min: int, quant_max: int, symmetric: bool) -> tuple:
    """Scale and zero point of the grid that holds the range `low` to `high` and 0."""
    low, high = np.minimum(low, 0).astype(np.float64), np.maximum(high, 0).astype(np.float64)
    if symmetric:
        reach = np.maximum(np.abs(low / quant_min), np.abs(high / quant_max))
        low, high = quant_min * reach, quant_max * reach
    scale = ((high - low) / (quant_max - quant_min)).astype(np.float32)
    scale = np.where((scale == 0) | np.isinf(1 / np.where(scale == 0, 1, scale)), np.float32(0.1), scale)
    if symmetric:
        return scale, np.zeros(scale.shape, np.int32)
    wide = scale.astype(np.float64)
    from_low, from_high = quant_min - low / wide, quant_max - high / wide
    closer = abs(quant_min) + np.abs(low / wide) < abs(quant_max) + np.abs(high / wide)
    return scale, np.clip(np.rint(np.where(closer, from_low, from_high)), quant_min, quant_max).astype(np.int32)


@op(name="fused_moving_avg_obs_fq_helper", function=False, method=False, grad="FusedMovingAvgObsFqHelperBackward0")
def _observed(input: Array, scale: Array, zero_point: Array, axis: int | None, low: int, high: int) -> Array:
    if axis is None:
        return _on_grid(input, scale.reshape(-1)[0], zero_point.reshape(-1)[0], low, high)
    shape = tuple(-1 if d == axis else 1 for d in range(input.ndim))
    return _on_grid(input, scale.reshape(shape), zero_point.reshape(shape), low, high)


@composite(method=False)
def fused_moving_avg_obs_fake_quant(
    input: Any, observer_on: Any, fake_quant_on: Any, running_min: Any, running_max: Any, scale: Any, zero_point: Any,
    averaging_const: float, quant_min: int, quant_max: int, ch_axis: int, per_row_fake_quant: bool = False,
    symmetric_quant: bool = False,
) -> Any:  # fmt: skip
    """Updates running minima and maxima, the scale and the zero point from `input`, and rounds it to their grid.

    `observer_on` and `fake_quant_on` are tensors of one element that switch the two halves; what is learnt is written
    into the tensors given. The values are needed at once.
    """
    axis = wrap_dim(ch_axis, input._v.aval.ndim) if per_row_fake_quant else None
    if observer_on.item():
        _observe(input, running_min, running_max, averaging_const, axis)
        low, high = to_host(running_min), to_host(running_max)
        new_scale, new_zero = _grid_of(low, high, quant_min, quant_max, symmetric_quant)
        scale.copy_(from_host(new_scale))
        zero_point.copy_(from_host(new_zero))
    if not fake_quant_on.item():
        return input.view_as(input)
    return _observed(input, scale, zero_point, axis, quant_min, quant_max)


def _observe(input: Any, running_min: Any, running_max: Any, share: float, axis: int | None) -> None:
    values = to_host(input).astype(np.float32)
    around = None if axis is None else tuple(d for d in range(values.ndim) if d != axis)
    for running, found in ((running_min, values.min(around)), (running_max, values.max(around))):
        before = to_host(running)
        found = np.broadcast_to(found, before.shape)
        with np.errstate(invalid="ignore"):
            after = np.where(np.isinf(before), found, before + np.float32(share) * (found - before))
        write_back("copy_", running, from_host(after.astype(before.dtype)))


def _loss_of(values: np.ndarray, low: np.float32, high: np.float32, levels: int) -> np.float32:
    """How far values lie from the grid of `levels` steps between two bounds: the 2-norm."""
    scale = (high - low) / np.float32(levels)
    inverse = np.float32(1) if scale == 0 else np.float32(1) / scale
    place = np.clip(np.rint((values - low) * inverse), 0, levels)
    off = values - (place * scale + low)
    return np.float32(np.sqrt(np.sum(off * off, dtype=np.float32)))


@composite(method=False)
def choose_qparams_optimized(input: Any, numel: int, n_bins: int, ratio: float, bit_width: int) -> tuple:
    """The bounds (largest, smallest) of a grid of `2 ** bit_width` points that loses least of a vector.

    From the whole range, the bound whose step inward loses less moves by 1 / n_bins, until 1 - ratio of it is left.

    >>> import jtorch as torch
    >>> torch.choose_qparams_optimized(torch.tensor([-1., 2.]), 2, 200, 0.16, 8)
    (tensor([2.]), tensor([-1.]))
    """
    if numel > input._v.aval.size:
        raise RuntimeError("numel is out of the bound of input tensor")
    values = to_host(input).reshape(-1)[:numel].astype(np.float32)
    low, high, levels = values.min(), values.max(), 2**bit_width - 1
    step = (high - low) / np.float32(n_bins)
    narrowest = np.float32(n_bins * (1 - np.float32(ratio))) * step
    best, least = (low, high), _loss_of(values, low, high, levels)
    loss = least
    while low + narrowest < high:
        from_below, from_above = _loss_of(values, low + step, high, levels), _loss_of(values, low, high - step, levels)
        if loss < min(from_below, from_above) and loss < least:
            best, least = (low, high), loss
        if from_below < from_above:
            low, loss = low + step, from_below
        else:
            high, loss = high - step, from_above
    return tuple(from_host(np.array([bound], np.float32), float32) for bound in reversed(best))
