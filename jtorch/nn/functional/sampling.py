"""Sampling images at given places, and sliding windows as columns: grid_sample, unfold, fold.

https://docs.pytorch.org/docs/stable/nn.functional.html#vision-functions
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, composite, op
from jtorch._declare.halves import is_half
from jtorch._declare.once import warn
from jtorch._ops.refusals import INT, floats_only, no_kernel
from jtorch.nn.functional._common import listed, per_dim, wide
from jtorch.nn.functional.resampling import cubic_weights

INTERPOLATIONS = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def _pixels(places: Array, size: int, corners: bool) -> Array:
    """From [-1, 1] to pixels."""
    return (places + 1) / 2 * (size - 1) if corners else ((places + 1) * size - 1) / 2


def _reflected(x: Array, size: int, corners: bool) -> Array:
    low, span = (0.0, size - 1.0) if corners else (-0.5, float(size))
    if span == 0:
        return jnp.zeros_like(x)
    offset = x - low
    distance = jnp.where(offset < 0, -offset, offset)
    turns = jnp.floor((wide(distance) / span).astype(x.dtype))
    rest = lax.rem(distance, jnp.full_like(distance, span)) if is_half(x) else distance - turns * span
    return jnp.where(turns % 2 == 0, rest + low, span - rest + low)


def _held(x: Array, size: int) -> Array:
    """Within the image; beyond it the gradient is 0."""
    return jnp.where(x <= 0, 0, jnp.where(x >= size - 1, size - 1, x))


def _inside(x: Array, size: int, corners: bool, padding: str) -> Array:
    if padding == "border":
        return _held(x, size)
    return _held(_reflected(x, size, corners), size) if padding == "reflection" else x


def _read(image: Array, places: list[Array]) -> Array:
    """Pixels (C, ...) of one image at whole places, zero outside."""
    valid, flat = jnp.ones((), bool), jnp.zeros((), jnp.int32)
    for p, size in zip(places, image.shape[1:], strict=True):
        valid = valid & (p >= 0) & (p <= size - 1)
        flat = flat * size + jnp.clip(p, 0, size - 1).astype(jnp.int32)
    return jnp.where(valid, image.reshape(image.shape[0], -1)[:, flat], 0)


def _tap_by_tap(image: Array, at: list[Array], weights: list[Array]) -> Array:
    """`_sum_of_taps` of half types, each of whose products and sums rounds."""
    total: Any = 0
    for taps in itertools.product(range(len(at[0])), repeat=len(at)):
        weight = math.prod(w[k] for w, k in reversed(list(zip(weights, taps, strict=True))))
        total = total + _read(image, [p[k] for p, k in zip(at, taps, strict=True)]) * weight
    return total


def _row_by_row(image: Array, at: list[Array], weights: list[Array]) -> Array:
    """`_tap_by_tap` in two dimensions, each row by itself before the column of them."""
    rows: list[Any] = [sum(_read(image, [y, x]) * w for x, w in zip(at[1], weights[1], strict=True)) for y in at[0]]
    total: Any = sum(row * w for row, w in zip(rows, weights[0], strict=True))
    return total


def _sum_of_taps(image: Array, at: list[Array], weights: list[Array]) -> Array:
    """The weighted sum of the pixels around each place. Along each dimension there are as many taps as the first axis
    of `at` and `weights` is long; all their combinations are read by one gather."""
    n = len(at)
    spread = [[jnp.expand_dims(x, [k for k in range(n) if k != d]) for d, x in enumerate(xs)] for xs in (at, weights)]
    pixels = _read(image, jnp.broadcast_arrays(*spread[0]))
    return (pixels * math.prod(spread[1])).sum(tuple(range(1, n + 1)))


def _sample_linear(image: Array, places: list[Array]) -> Array:
    floors = [jnp.floor(p) for p in places]
    at = [lax.stop_gradient(jnp.stack([f, f + 1])) for f in floors]
    weights = [jnp.stack([f + 1 - p, p - f]) for p, f in zip(places, floors, strict=True)]
    return (_tap_by_tap if is_half(image) else _sum_of_taps)(image, at, weights)


def _sample_cubic(image: Array, places: list[Array], corners: bool, padding: str) -> Array:
    floors = [lax.stop_gradient(jnp.floor(p)) for p in places]
    weights = [jnp.stack(cubic_weights(p - f, -0.75)) for p, f in zip(places, floors, strict=True)]
    at = [jnp.stack([f + k - 1 for k in range(4)]) for f in floors]
    at = [_inside(p, s, corners, padding) for p, s in zip(at, image.shape[1:], strict=True)]
    return (_row_by_row if is_half(image) else _sum_of_taps)(image, at, weights)


def _grid_sample(input: Array, grid: Array, mode: str, padding: str, corners: bool) -> Array:
    space = input.shape[2:]

    def sample(image: Array, points: Array) -> Array:
        places = [_pixels(points[..., -1 - d], size, corners) for d, size in enumerate(space)]
        if mode == "bicubic":
            return _sample_cubic(image, places, corners, padding)
        places = [_inside(p, s, corners, padding) for p, s in zip(places, space, strict=True)]
        return _read(image, [jnp.round(p) for p in places]) if mode == "nearest" else _sample_linear(image, places)

    return jax.vmap(sample)(input, grid)


def _declare(n: int) -> Any:
    kernel = "grid_sampler3d_cpu" if n == 3 else "grid_sampler_2d_cpu_kernel_impl"

    @op(function=False, method=False, name=f"grid_sampler_{n}d", grad=f"GridSampler{n}DBackward0",
        refuse=floats_only(kernel), saves="input grid")  # fmt: skip
    def sampler(input: Array, grid: Array, mode: str, padding_mode: str, align_corners: bool) -> Array:
        return _grid_sample(input, grid, mode, padding_mode, align_corners)

    return sampler


_SAMPLERS = {2: _declare(2), 3: _declare(3)}


def _check_grid(input: Any, grid: Any, mode: str) -> None:
    n = input.ndim - 2
    if n not in (2, 3) or grid.ndim != input.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{listed(input.shape)} and grid with sizes {listed(grid.shape)}"
        )
    if grid.shape[0] != input.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{listed(input.shape)} and grid with sizes {listed(grid.shape)}"
        )
    if grid.shape[-1] != n:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with sizes "
            f"{listed(grid.shape)}"
        )
    if mode == "bicubic" and n != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def warn_of_corners(align_corners: bool | None) -> None:
    """Warns where `align_corners` is not given."""
    if align_corners is None:
        warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please "
            "specify align_corners=True if the old behavior is desired. See the documentation of grid_sample for "
            "details."
        )


@composite(method=False)
def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """Samples (N, C, H, W) at places (N, h, w, 2), x before y, each from -1 to 1; likewise in 3-d."""
    if mode not in INTERPOLATIONS:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    warn_of_corners(align_corners)
    _check_grid(input, grid, mode)
    return _SAMPLERS[input.ndim - 2](input, grid, mode, padding_mode, bool(align_corners))


def _blocks(size: int, k: int, d: int, p: int, s: int) -> int:
    return (size + 2 * p - d * (k - 1) - 1) // s + 1


def _places(name: str, size: tuple, kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple:
    kernel, dilation = per_dim(name, "kernel_size", kernel, 2), per_dim(name, "dilation", dilation, 2)
    padding, stride = per_dim(name, "padding", padding, 2), per_dim(name, "stride", stride, 2)
    for word, values in (("kernel size", kernel), ("dilation", dilation), ("stride", stride)):
        if min(values) <= 0:
            raise RuntimeError(
                f"{word} should be greater than zero, but got {word.replace(' ', '_')}_height: {values[0]} "
                f"{word.replace(' ', '_')}_width: {values[1]}"
            )
    counts = tuple(_blocks(*each) for each in zip(size, kernel, dilation, padding, stride, strict=True))
    return kernel, dilation, padding, stride, counts


def _window(i: int, j: int, dilation: tuple, stride: tuple, counts: tuple) -> tuple[tuple, tuple]:
    """Start and end of the slice that place (i, j) of the kernel sees."""
    start = (i * dilation[0], j * dilation[1])
    return start, tuple(a + (c - 1) * s + 1 for a, c, s in zip(start, counts, stride, strict=True))


@op(method=False, grad="Im2ColBackward0", refuse=no_kernel("im2col_out_cpu", INT))
def unfold(input: Array, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """Windows as columns: (N, C, H, W) gives (N, C kh kw, windows).

    >>> import jtorch as torch
    >>> torch.nn.functional.unfold(torch.ones(1, 1, 3, 3), 2).shape
    torch.Size([1, 4, 4])
    """
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {listed(input.shape)}"
        )
    x = input if input.ndim == 4 else input[None]
    kernel, dilation, padding, stride, counts = _places("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    if min(counts) < 1:
        raise RuntimeError(
            f"Given input with spatial size ({x.shape[2]}, {x.shape[3]}), kernel_size={kernel}, dilation={dilation}, "
            f"padding={padding}, calculated shape of the array of sliding blocks as ({counts[0]}, {counts[1]}), but "
            "its components must be at least one."
        )
    x = jnp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    columns = []
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        start, end = _window(i, j, dilation, stride, counts)
        columns.append(lax.slice(x, (0, 0, *start), (*x.shape[:2], *end), (1, 1, *stride)))
    out = jnp.stack(columns, 2).reshape(x.shape[0], x.shape[1] * math.prod(kernel), math.prod(counts))
    return out if input.ndim == 4 else out[0]


@op(method=False, grad="Col2ImBackward0", refuse=no_kernel("col2im_out_cpu", INT))
def fold(
    input: Array, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Array:
    """Adds columns up to an image, each window where `unfold` took it: (N, C kh kw, windows) gives (N, C, H, W)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {listed(input.shape)}"
        )
    size = per_dim("fold", "output_size", output_size, 2)
    kernel, dilation, padding, stride, counts = _places("fold", size, kernel_size, dilation, padding, stride)
    x = input if input.ndim == 3 else input[None]
    if x.shape[1] % math.prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={x.shape[1]} and kernel_size={kernel}."
        )
    if x.shape[2] != math.prod(counts):
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, "
            f"expected size of input's dimension 2 to match the calculated number of sliding blocks {counts[0]} * "
            f"{counts[1]} = {math.prod(counts)}, but got input.size(2)={x.shape[2]}."
        )
    blocks = wide(x).reshape(x.shape[0], -1, *kernel, *counts)
    whole = tuple(s + 2 * p for s, p in zip(size, padding, strict=True))
    total = jnp.zeros((*blocks.shape[:2], *whole), blocks.dtype)
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        start, end = _window(i, j, dilation, stride, counts)
        config = [(a, w - b, s - 1) for a, b, w, s in zip(start, end, whole, stride, strict=True)]
        total = total + lax.pad(blocks[:, :, i, j], jnp.zeros((), blocks.dtype), [(0, 0, 0), (0, 0, 0), *config])
    out = total[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]].astype(input.dtype)
    return out if input.ndim == 3 else out[0]
