"""Fractional max pooling: windows at places drawn at random. Graham, 2014.

https://docs.pytorch.org/docs/stable/nn.functional.html#pooling-functions
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, composite, errors, op
from jtorch._declare.draws import drawn, source
from jtorch._ops.refusals import BOOL, COMPLEX, INT, floats_only, without_kernel
from jtorch.nn.functional._common import listed

_AXES = {2: ("height", "width"), 3: ("time", "height", "width")}
_SAMPLES = {2: (1, 0), 3: (0, 1, 2)}  # which of a plane's random numbers is for which dimension


def _starts(sample: Array, size: int, out: int, kernel: int) -> Array:
    """Where the windows of each plane begin; arithmetic in the type of the samples, as torch's."""
    kind = np.dtype(sample.dtype).type
    whole = jnp.int32
    if out == 1:
        return jnp.full((*sample.shape, 1), size - kernel, whole)
    step = kind(kind(size - kernel) / kind(out - 1))
    u = sample[..., None]
    found = ((jnp.arange(out).astype(sample.dtype) + u) * step).astype(whole) - (u * step).astype(whole)
    return found.at[..., -1].set(size - kernel)


def _check(name: str, input: Array, kernel: Sequence[int], out: Sequence[int], samples: Array) -> None:
    n = len(kernel)
    if input.ndim > n + 2:
        raise RuntimeError(
            f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got: [{listed(input.shape).strip('[]')}]"
        )
    plane = input.shape[-n - 1 :]
    if 0 in plane:
        at = plane.index(0) + input.ndim - n - 1
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but got"
            f"[{listed(input.shape).strip('[]')}] with dimension {at} being empty."
        )
    if samples.ndim != 3:
        raise RuntimeError(f"Expect _random_samples to have 3 dimensions, got {samples.ndim}")
    if samples.shape[0] < (input.shape[0] if input.ndim > n + 1 else 1):
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.")
    if samples.shape[1] != plane[0]:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.")
    if samples.shape[2] != n:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {n}; got {samples.shape[2]}.")
    say = name if n == 2 else f"{name}_out"
    for axis, size, k, o in zip(_AXES[n], plane[1:], kernel, out, strict=True):
        if o + k - 1 > size:
            raise RuntimeError(f"{say}(): pool {axis} {k} too large relative to input {axis} {size}")


def _first_maximum(values: Array) -> Array:
    """Of equal values the first, of NaNs the last."""
    nan = jnp.isnan(values)
    last = values.shape[-1] - 1 - jnp.argmax(jnp.flip(nan, -1), -1)
    return jnp.where(nan.any(-1), last, jnp.argmax(values, -1))


def _declare(n: int) -> Any:
    name = f"fractional_max_pool{n}d"

    @op(function=False, method=False, name=name, grad=f"FractionalMaxPool{n}DBackward0",
        refuse=floats_only(f"{name}_out_frame"), constant={"samples": name}, saves="input result1")  # fmt: skip
    def pool(input: Array, samples: Array, kernel: tuple, out: tuple) -> tuple[Array, Array]:
        """The maximum of each window and its place in the plane."""
        _check(name, input, kernel, out, samples)
        space = input.shape[-n:]
        x = input.reshape(-1, int(np.prod(space)))
        draws = samples.reshape(-1, n)[: len(x)]
        places = jnp.zeros((len(x), *[1] * 2 * n), jnp.int32)
        for d in range(n):
            starts = _starts(draws[:, _SAMPLES[n][d]], space[d], out[d], kernel[d])
            along = starts[:, :, None] + jnp.arange(kernel[d], dtype=jnp.int32)
            shape = [1] * (2 * n)
            shape[d], shape[n + d] = out[d], kernel[d]
            places = places * space[d] + along.reshape(len(x), *shape)
        places = places.reshape(len(x), -1, int(np.prod(kernel)))
        values = jnp.take_along_axis(x[:, None], places, -1)
        chosen = _first_maximum(values)[..., None]
        shape = (*input.shape[:-n], *out)
        best, at = (jnp.take_along_axis(a, chosen, -1).reshape(shape) for a in (values, places))
        return best, at.astype(np.int64)

    return pool


_POOL = {n: _declare(n) for n in (2, 3)}


def _sizes(n: int, what: str, value: Any) -> tuple[int, ...]:
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
    if len(found) != n:
        raise RuntimeError(f"fractional_max_pool{n}d: {what} must either be a single Int or tuple of Ints")
    return tuple(int(v) for v in found)


def _pooled(n: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any) -> tuple:
    if output_size is None and output_ratio is None:
        raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
    if input.ndim <= n:
        raise errors.dim_out_of_range(-n - 1, input.ndim)
    if output_size is None:
        if len(output_ratio) > n:
            raise ValueError(
                f"fractional_max_pool{n}d requires output_ratio to either be a single Int or tuple of Ints."
            )
        output_size = [int(size * ratio) for size, ratio in zip(input.shape[-n:], output_ratio, strict=True)]
    if samples is None:
        without_kernel("check_uniform_bounds", input.dtype, BOOL, INT)
        without_kernel(f"fractional_max_pool{n}d_out_frame", input.dtype, COMPLEX)
        shape = (input.shape[0] if input.ndim > n + 1 else 1, input.shape[-n - 1], n)
        kind = input.dtype
        samples = drawn(lambda: source(None).uniform(shape, kind.np), kind, input.device, shape)
    return _POOL[n](input, samples, _sizes(n, "kernel_size", kernel_size), _sizes(n, "output_size", output_size))


@composite(method=False)
def fractional_max_pool2d(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    """Maxima over windows of (N, C, H, W) or (C, H, W), as many as `output_size` or `output_ratio` of the input says.

    Where the windows begin is drawn, or given: `_random_samples` has (N, C, 2) numbers from [0, 1).

    >>> import jtorch as torch
    >>> torch.nn.functional.fractional_max_pool2d(torch.ones(1, 5, 5), 2, output_size=3).shape
    torch.Size([1, 3, 3])
    """
    found = _pooled(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


@composite(method=False)
def fractional_max_pool2d_with_indices(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    """`fractional_max_pool2d` and where each maximum is."""
    return _pooled(2, input, kernel_size, output_size, output_ratio, _random_samples)


@composite(method=False)
def fractional_max_pool3d(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    """`fractional_max_pool2d` over (N, C, D, H, W) or (C, D, H, W)."""
    found = _pooled(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


@composite(method=False)
def fractional_max_pool3d_with_indices(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    """`fractional_max_pool3d` and where each maximum is."""
    return _pooled(3, input, kernel_size, output_size, output_ratio, _random_samples)
