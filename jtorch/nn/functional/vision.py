"""Vision: resampling, pixel shuffles, affine grids.

https://docs.pytorch.org/docs/stable/nn.functional.html#vision-functions
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, as_int, composite, op
from jtorch._declare.once import warn
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import BOOL, BUT_BYTE, COMPLEX, HALF, no_kernel, without_kernel
from jtorch.nn.functional._common import listed
from jtorch.nn.functional.pooling_mean import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from jtorch.nn.functional.resampling import ANTIALIASED, resample
from jtorch.nn.functional.sampling import warn_of_corners


def _check_pixels(function: str, input: Array, name: str, factor: int) -> None:
    if input.ndim < 3:
        raise RuntimeError(
            f"{function} expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{function} expects a positive {name}, but got {factor}")


@op(namespace="torch", method=False, alias=("nn.functional.pixel_shuffle",))
def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """Channels become space: (*, C r r, H, W) gives (*, C, H r, W r). Shi et al., 2016."""
    r = upscale_factor
    _check_pixels("pixel_shuffle", input, "upscale_factor", r)
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={c} is not divisible by {r * r}"
        )
    x = input.reshape(math.prod(lead), c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(*lead, c // (r * r), h * r, w * r)


@op(namespace="torch", method=False, alias=("nn.functional.pixel_unshuffle",), order="images")
def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """Space becomes channels: the inverse of `pixel_shuffle`."""
    r = downscale_factor
    _check_pixels("pixel_unshuffle", input, "downscale_factor", r)
    *lead, c, h, w = input.shape
    for name, size, at in (("height", h, -2), ("width", w, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({at})={size} is "
                f"not divisible by {r}"
            )
    x = input.reshape(math.prod(lead), c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(*lead, c * r * r, h // r, w // r)


@op(
    namespace="torch", method=False, grad="ChannelShuffleBackward0",
    alias=("nn.functional.channel_shuffle", "native_channel_shuffle", "nn.functional.native_channel_shuffle"),
    order="images",
)  # fmt: skip
def channel_shuffle(input: Array, groups: int) -> Array:
    """Interleaves groups of channels (dim 1). Zhang et al., 2018."""
    if input.ndim < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {listed(input.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    n, c, *space = input.shape
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    return input.reshape(n, groups, c // groups, *space).swapaxes(1, 2).reshape(input.shape)


def _declare_resampling(mode: str, n: int, grad: str) -> Any:
    plain = f"compute_indices_weights_{mode.partition('-')[0]}"
    kernel = f"upsample_{'bilinear' if mode == 'linear' else 'nearest'}2d_channels_last" if n == 2 else plain
    bytes_too = ["uint8"] if mode == "linear" and n != 2 else []
    refuse = no_kernel(plain if mode == "cubic" else kernel, BOOL, COMPLEX, *BUT_BYTE, *bytes_too)

    @op(function=False, method=False, name=f"upsample_{mode.replace('-', '_')}{n}d", grad=grad, order="images",
        refuse=refuse)  # fmt: skip
    def upsample(input: Array, size: tuple, scales: tuple, align_corners: bool, antialias: bool) -> Array:
        if antialias:
            without_kernel(ANTIALIASED, from_numpy(input.dtype), HALF)
        return resample(input, size, scales, mode, align_corners, antialias)

    return upsample


_UPSAMPLE = {
    ("nearest", n): _declare_resampling("nearest", n, f"UpsampleNearest{n}DBackward0") for n in (1, 2, 3)
} | {
    ("nearest-exact", n): _declare_resampling("nearest-exact", n, f"UpsampleNearestExact{n}DBackward0")
    for n in (1, 2, 3)
} | {
    (name, n): _declare_resampling(mode, n, f"Upsample{name.capitalize()}{n}DBackward0")
    for name, mode, n in (
        ("linear", "linear", 1), ("bilinear", "linear", 2), ("trilinear", "linear", 3), ("bicubic", "cubic", 2)
    )
}  # fmt: skip
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
_MODES = ("nearest", "area", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear")


def _target(
    space: Sequence[int], size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The size to resample to, and the scales the user gave, which place the samples."""
    n = len(space)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        sizes = tuple(size) if isinstance(size, (tuple, list)) else (size,) * n
        if len(sizes) != n:
            raise ValueError(
                f"Input and output must have the same number of spatial dimensions, but got input with spatial "
                f"dimensions of {list(space)} and output size of {size}. Please provide input tensor in (N, C, d1, d2, "
                "...,dK) format and output size in (o1, o2, ...,oK) format."
            )
        return tuple(as_int(s) or 0 for s in sizes), (None,) * n
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * n
    if len(factors) != n:
        raise ValueError(
            f"Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(space)} and scale_factor of shape {scale_factor}. Please provide input tensor in "
            "(N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
        )
    sizes = tuple(math.floor(float(s) * float(f)) for s, f in zip(space, factors, strict=True))
    return sizes, (None,) * n if recompute else tuple(float(f) for f in factors)


def _check_corners(mode: str, align_corners: bool | None) -> bool:
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                "trilinear"
            )
        return False
    return bool(align_corners)


@composite(method=False)
def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Any:  # fmt: skip
    """Resamples (N, C, *space) to `size`, or to the input's size times `scale_factor`.

    Modes: nearest, nearest-exact, linear (3-d), bilinear and bicubic (4-d), trilinear (5-d), area.

    >>> import jtorch as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    if mode not in _MODES and mode != "lanczos":
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: nearest | "
            f"linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    corners = _check_corners(mode, align_corners)
    n = input.ndim - 2
    if antialias and not (mode in ("bilinear", "bicubic") and n == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    space = tuple(input.shape)[2:]
    sizes, scales = _target(space, size, scale_factor, recompute_scale_factor)
    if mode == "area" and n in _AREA:
        return _AREA[n](input, sizes)
    found = _UPSAMPLE.get((mode, n))
    if found is None:
        raise _wrong_mode(mode, input.ndim)
    if min(sizes) <= 0 or min(space) <= 0:
        names = "HW" if n == 2 else "DHW"[-n:]
        link = "and output" if n == 1 else "output"
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({_sized(names, space)}) {link} "
            f"({_sized(names, sizes)})"
        )
    return found(input, sizes, scales, corners, bool(antialias))


def _sized(names: str, sizes: Sequence[int]) -> str:
    return ", ".join(f"{name}: {size}" for name, size in zip(names, sizes, strict=True))


_WANTED_RANK = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}


def _wrong_mode(mode: str, rank: int) -> Exception:
    if rank in (3, 4, 5) and mode in ("linear", "bilinear", "trilinear"):
        return NotImplementedError(f"Got {rank}D input, but {mode} mode needs {_WANTED_RANK[mode]}D input")
    return NotImplementedError(
        f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {rank}D) for the modes: nearest | linear | "
        f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
    )


def _warn_upsample(name: str) -> None:
    warn(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.")


@composite(method=False)
def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """The older name of `interpolate`."""
    _warn_upsample("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(method=False)
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """`interpolate` with mode "nearest"."""
    _warn_upsample("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


@composite(method=False)
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """`interpolate` with mode "bilinear" and aligned corners."""
    _warn_upsample("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _base(size: int, align_corners: bool, dtype: Any) -> np.ndarray:
    """Places from -1 to 1, of the first and last pixels' centres or of their outer edges."""
    if size <= 1:
        return np.zeros(size, dtype)
    places = np.linspace(-1, 1, size)
    return (places if align_corners else places * (size - 1) / size).astype(dtype)


@op(namespace="torch", method=False)
def affine_grid_generator(theta: Array, size: tuple, align_corners: bool) -> Array:
    """Where an affine map samples: (N, 2, 3) with size (N, C, H, W) gives (N, H, W, 2); likewise in 3-d."""
    n = len(size) - 2
    axes = [_base(s, align_corners, np.dtype(theta.dtype)) for s in size[2:]]
    grid = np.meshgrid(*axes, indexing="ij")[::-1]
    homogeneous = np.stack([*grid, np.ones_like(grid[0])], -1).reshape(-1, n + 1)
    out = jnp.einsum("pk,nik->npi", homogeneous, theta)
    return out.reshape(size[0], *size[2:], n)


@composite(method=False)
def affine_grid(theta: Any, size: Sequence[int], align_corners: bool | None = None) -> Any:
    """Where an affine map samples: (N, 2, 3) with size (N, C, H, W) gives (N, H, W, 2). Jaderberg et al., 2015."""
    warn_of_corners(align_corners)
    if not theta.dtype.is_floating_point:
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    sizes = tuple(int(s) for s in size)
    rank = {4: (2, 3), 5: (3, 4)}.get(len(sizes))
    if rank is None:
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{sizes}."
        )
    if tuple(theta.shape)[1:] != rank or theta.ndim != 3:
        raise ValueError(
            f"Expected a batch of {rank[0]}D affine matrices of shape Nx{rank[0]}x{rank[1]} for size {sizes}. Got "
            f"{theta.shape}."
        )
    return affine_grid_generator(theta, sizes, bool(align_corners))
