"""Convolutions over one, two and three spatial dimensions, and their transposes.

https://docs.pytorch.org/docs/stable/nn.functional.html#convolution-functions
Inputs are (N, C, *space) or, unbatched, (C, *space); weights (out, in / groups, *kernel), those of the transposes
(in, out / groups, *kernel).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, as_int, cured, errors, op, platform
from jtorch._declare.halves import is_half
from jtorch._declare.once import warn_once
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import BOOL, BUT_LONG, without_kernel
from jtorch.nn.functional._common import is_floating, listed, type_name, wide
from jtorch.nn.functional._conv_forms import convolution

_AXES = "DHW"


def _per_dim(name: str, value: Any, count: int) -> tuple[int, ...]:
    items = value if isinstance(value, (tuple, list)) else (value,)
    found = tuple(as_int(v) for v in items)
    if None in found:
        raise errors.argument_type("convolution", name, None, "tuple of ints", value)
    if len(found) not in (1, count):
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {count} values to match the convolution "
            f"dimensions, but got {name}={list(found)}"
        )
    return found * count if len(found) == 1 else found  # type: ignore[return-value]  # None was refused above


def _check_padding(padding: tuple[int, ...]) -> None:
    if min(padding) < 0:
        raise RuntimeError("negative padding is not supported")


def _check_types(input: Array, weight: Array, bias: Array | None) -> None:
    if bias is not None and bias.dtype != input.dtype:
        kinds = (errors.c_name(type_name(x)) for x in (input, bias))
        raise cured(
            RuntimeError("Input type ({}) and bias type ({}) should be the same".format(*kinds)),
            "the layer's weights are float32: x.float() of bytes (x.float() / 255 of an image) and of NumPy's float64",
        )
    if input.dtype != weight.dtype:
        raise RuntimeError(f"expected scalar type {type_name(input)} but found {type_name(weight)}")


def _check(
    name: str, n: int, input: Array, weight: Array, bias: Array | None, stride: tuple, dilation: tuple, groups: int,
    transposed: bool,
) -> None:  # fmt: skip
    if input.ndim not in (n + 1, n + 2):
        raise cured(
            RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: "
                f"{listed(input.shape)}"
            ),
            "images are (N, C, H, W): x.unsqueeze(1) of grey images (N, H, W), x[None, None] of one (H, W)",
        )
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    _check_types(input, weight, bias)
    size = listed(weight.shape)
    if weight.ndim < 3:
        raise RuntimeError("weight should have at least three dimensions")
    if weight.ndim != n + 2:
        raise RuntimeError(
            f"Expected {weight.ndim}-dimensional input for {weight.ndim}-dimensional weight{size}, but got "
            f"{n + 2}-dimensional input of size {listed(input.shape)} instead"
        )
    batched = input.shape if input.ndim == n + 2 else (1, *input.shape)
    if weight.shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
            f"{size} instead"
        )
    if weight.shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size [{size}] instead"
        )
    given, channels = (f"transposed={groups}", weight.shape[0]) if transposed else (
        f"groups={groups}", weight.shape[1] * groups)  # fmt: skip
    if batched[1] != channels:
        raise cured(
            RuntimeError(
                f"Given {given}, weight of size {size}, expected input{listed(batched)} to have {channels} channels, "
                f"but got {batched[1]} channels instead"
            ),
            f"images are (N, C, H, W): x.permute(0, 3, 1, 2) of (N, H, W, C), or a layer for {batched[1]} channels",
        )
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (outputs,):
        raise RuntimeError(
            f"Given {'transposed=1, ' if transposed else ''}weight of size {size}, expected bias to be 1-dimensional "
            f"with {outputs} elements, but got bias of size {listed(bias.shape)} instead"
        )


def _pads(padding: Any, n: int, kernel: tuple, stride: tuple, dilation: tuple) -> list[tuple[int, int]]:
    if isinstance(padding, str):
        if padding == "valid":
            return [(0, 0)] * n
        if padding != "same":
            raise RuntimeError(f"Invalid padding string: '{padding}'")
        if max(stride) > 1:
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    return [(p, p) for p in _per_dim("padding", padding, n)]


def _check_fits(space: tuple, pads: list, kernel: tuple, dilation: tuple) -> None:
    padded = [s + low + high for s, (low, high) in zip(space, pads, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(r > p for r, p in zip(reach, padded, strict=True)):
        raise cured(
            RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). "
                f"Kernel size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size"
            ),
            "the image has become smaller than the kernel: padding=, a smaller kernel, or one layer fewer",
        )


def _numbers(n: int) -> tuple[str, str, str]:
    space = _AXES[-n:]
    return f"NC{space}", f"OI{space}", f"NC{space}"


def _check_kernel(n: int, input: Array, dilation: tuple) -> None:
    kind = from_numpy(input.dtype)
    if max(dilation) > 1:
        without_kernel("slow_conv_dilated<>", kind, BOOL, *BUT_LONG)
    without_kernel("compute_columns3d" if n == 3 else "slow_conv2d_cpu", kind, BOOL)


def _convolution(
    name: str, n: int, input: Array, weight: Array, bias: Array | None, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Array:  # fmt: skip
    stride, dilation = _per_dim("stride", stride, n), _per_dim("dilation", dilation, n)
    if not isinstance(padding, str):
        _check_padding(_per_dim("padding", padding, n))
    _check(name, n, input, weight, bias, stride, dilation, groups, False)
    kernel = weight.shape[2:]
    pads = _pads(padding, n, kernel, stride, dilation)
    x = wide(input if input.ndim == n + 2 else input[None])
    _check_fits(x.shape[2:], pads, kernel, dilation)
    w = wide(weight)
    if x.size and w.size:
        _check_kernel(n, input, dilation)
    if platform() == "cpu" and is_floating(x) and x.size and w.size:
        out = convolution(x, w, stride, pads, dilation, groups)
    else:
        out = lax.conv_general_dilated(
            x, w, stride, pads, rhs_dilation=dilation, dimension_numbers=_numbers(n), feature_group_count=groups
        )
    if bias is not None:
        out = out + wide(bias).reshape(-1, *[1] * n)
    return (out if input.ndim == n + 2 else out[0]).astype(input.dtype)


def _scattered(
    x: Array, weight: Array, stride: tuple, padding: tuple, extra: tuple, dilation: tuple, groups: int
) -> Array:
    """The transposed convolution of half types as torch's own CPU kernel rounds it: products, then each sum of them.

    Those of bfloat16 mostly go to a library, which does not take an output padding as large as the stride.
    """
    batch, inputs, *space = x.shape
    outputs, kernel = weight.shape[1], weight.shape[2:]
    columns = jnp.einsum(
        "bgi...,giok->kbgo...", wide(x).reshape(batch, groups, inputs // groups, *space),
        wide(weight).reshape(groups, inputs // groups, outputs, -1),
    ).astype(x.dtype).reshape(-1, batch, groups * outputs, *space)  # fmt: skip
    total: Any = 0
    for place, part in zip(np.ndindex(*kernel), columns, strict=True):
        pads = [(0, 0, 0)] * 2
        for at, size, reach, s, p, e, d in zip(place, space, kernel, stride, padding, extra, dilation, strict=True):
            whole = (size - 1) * s + d * (reach - 1) + 1 + e
            pads.append((at * d - p, whole - p - p - (at * d - p) - ((size - 1) * s + 1), s - 1))
        total = total + lax.pad(part, jnp.zeros((), x.dtype), pads)
    return total


def _transposed(
    name: str, n: int, input: Array, weight: Array, bias: Array | None, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any,
) -> Array:  # fmt: skip
    stride, dilation = _per_dim("stride", stride, n), _per_dim("dilation", dilation, n)
    padding, extra = _per_dim("padding", padding, n), _per_dim("output_padding", output_padding, n)
    _check_padding(padding)
    _check(name, n, input, weight, bias, stride, dilation, groups, True)
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError("output padding must be smaller than either stride or dilation")
    if input.size and weight.size:
        dims = max(n, 2)
        without_kernel(f"slow_conv_transpose{dims}d_out_cpu", from_numpy(input.dtype), BOOL, *BUT_LONG)
    scatters = input.dtype == jnp.float16 or any(e >= s for e, s in zip(extra, stride, strict=True))
    if scatters and is_half(input) and platform() == "cpu" and input.size and weight.size:
        x = input if input.ndim == n + 2 else input[None]
        out = _scattered(x, weight, stride, padding, extra, dilation, groups)
        if bias is not None:  # in float32, so that its gradient is summed there
            out = (wide(out) + wide(bias).reshape(-1, *[1] * n)).astype(out.dtype)
        return out if input.ndim == n + 2 else out[0]
    x = wide(input if input.ndim == n + 2 else input[None])
    inputs, outputs, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
    w = wide(weight).reshape(groups, inputs // groups, outputs, *kernel).swapaxes(1, 2)
    w = jnp.flip(w.reshape(groups * outputs, inputs // groups, *kernel), range(2, n + 2))
    pads = []
    for k, d, p, e in zip(kernel, dilation, padding, extra, strict=True):
        pads.append((d * (k - 1) - p, d * (k - 1) - p + e))
    out = lax.conv_general_dilated(
        x, w, (1,) * n, pads, lhs_dilation=stride, rhs_dilation=dilation, dimension_numbers=_numbers(n),
        feature_group_count=groups,
    )  # fmt: skip
    if bias is not None:
        out = out + wide(bias).reshape(-1, *[1] * n)
    return (out if input.ndim == n + 2 else out[0]).astype(input.dtype)


def _warn_of_uneven_padding(*, weight: Any, padding: Any, dilation: Any, **_: Any) -> None:
    if padding != "same":
        return
    kernel = weight.shape[2:]
    steps = dilation if isinstance(dilation, (tuple, list)) else (dilation,) * len(kernel)
    if any(step * (n - 1) % 2 for step, n in zip(steps, kernel, strict=False)):
        warn_once(
            "Using padding='same' with even kernel lengths and odd dilation may require a zero-padded copy of the "
            "input be created"
        )


@op(namespace="torch", method=False, alias=("nn.functional.conv1d",), grad="ConvolutionBackward0",
    warns=_warn_of_uneven_padding)  # fmt: skip
def conv1d(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    """Convolution over (N, C, L) or (C, L); `padding` is a number or "same" or "valid"."""
    return _convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@op(namespace="torch", method=False, alias=("nn.functional.conv2d",), grad="ConvolutionBackward0",
    warns=_warn_of_uneven_padding, order="images")  # fmt: skip
def conv2d(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    """Convolution over (N, C, H, W) or (C, H, W); `padding` is a number, one for each dimension, "same" or "valid".

    >>> import jtorch as torch
    >>> image, kernel = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)
    >>> torch.nn.functional.conv2d(image, kernel)
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@op(namespace="torch", method=False, alias=("nn.functional.conv3d",), grad="ConvolutionBackward0",
    warns=_warn_of_uneven_padding, order="images")  # fmt: skip
def conv3d(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    """Convolution over (N, C, D, H, W) or (C, D, H, W)."""
    return _convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@op(namespace="torch", method=False, alias=("nn.functional.conv_transpose1d",), grad="ConvolutionBackward0")
def conv_transpose1d(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Array:  # fmt: skip
    """The gradient of `conv1d` with respect to its input, as a layer."""
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@op(namespace="torch", method=False, alias=("nn.functional.conv_transpose2d",), grad="ConvolutionBackward0",
    order="images")  # fmt: skip
def conv_transpose2d(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Array:  # fmt: skip
    """The gradient of `conv2d` with respect to its input, as a layer."""
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@op(namespace="torch", method=False, alias=("nn.functional.conv_transpose3d",), grad="ConvolutionBackward0",
    order="images")  # fmt: skip
def conv_transpose3d(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Array:  # fmt: skip
    """The gradient of `conv3d` with respect to its input, as a layer."""
    return _transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


@op(namespace="torch", method=False, alias=("nn.functional.conv_tbc",))
def conv_tbc(input: Array, weight: Array, bias: Array, pad: int = 0) -> Array:
    """Convolution over (time, batch, channels) with a weight (width, in, out)."""
    out = lax.conv_general_dilated(
        wide(input), wide(weight), (1,), [(pad, pad)], dimension_numbers=("WNC", "WIO", "WNC")
    )
    return (out + wide(bias)).astype(input.dtype)
