"""Pooling: maxima and means over windows.

https://docs.pytorch.org/docs/stable/nn.functional.html#pooling-functions

Pools are chains of comparisons (or additions) of strided slices. Fused, a chain is read once, and its gradient needs no
scatter: that of 3x3 maxima with stride 2 of (64, 64, 16, 16) takes 0.2 ms on two CPU cores, the select-and-scatter of
`lax.reduce_window` 20 ms. Small windows go place by place (`_max_windows.py`), large ones dimension by dimension.
Going row by row keeps torch's choice among equal values: the first in row-major order, and of NaNs the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, composite, cured, op, platform
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import BOOL, COMPLEX, INT, without_kernel
from jtorch.nn.functional._common import listed, per_dim
from jtorch.nn.functional._max_windows import MOST_PLACES, lowest, max_and_place
from jtorch.nn.functional._windows import Shape


class Windows(NamedTuple):
    """The windows along one dimension."""

    size: int
    stride: int
    pad: int
    dilation: int
    count: int  # how many there are: the size of the result

    @property
    def reach(self) -> int:
        """Length from the first window's start to the last one's end."""
        return (self.count - 1) * self.stride + self.dilation * (self.size - 1) + 1


def windows(name: str, space: Sequence[int], kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> list:
    n = len(space)
    kernel = per_dim(name, "kernel_size", kernel, n)
    stride = kernel if stride is None or stride == () else per_dim(name, "stride", stride, n)
    padding, dilation = per_dim(name, "padding", padding, n), per_dim(name, "dilation", dilation, n)
    found = []
    for length, k, s, p, d in zip(space, kernel, stride, padding, dilation, strict=True):
        if name == "max_pool1d":
            _check_positive(k, s, d)
        if s == 0:
            raise RuntimeError("stride should not be zero")
        if d <= 0:
            raise RuntimeError(f"dilation should be greater than zero, but got {listed(dilation)}")
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )
        room = length + 2 * p - d * (k - 1) - 1
        count = (room + (s - 1 if ceil else 0)) // s + 1
        if ceil and (count - 1) * s >= length + p:
            count -= 1  # the last window must start inside the input or its left padding
        found.append(Windows(k, s, p, d, count))
    return found


def check_counts(name: str, n: int, input: Array, found: Sequence[Windows]) -> None:
    if any(w.count < 1 for w in found):
        if name == "max_pool1d":
            raise RuntimeError(f"max_pool1d() Invalid computed output size: {found[0].count}")
        planes = "x".join(str(v) for v in input.shape[-n - 1 :])
        out = "x".join(str(v) for v in (input.shape[-n - 1], *(w.count for w in found)))
        raise cured(
            RuntimeError(f"Given input size: ({planes}). Calculated output size: ({out}). Output size is too small"),
            "the image has become smaller than the window: a smaller kernel_size, or one pooling layer fewer",
        )


def check_rank(name: str, n: int, input: Array) -> None:
    if input.ndim in (n + 1, n + 2):
        return
    raise RuntimeError(f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")


def fitted(x: Array, axis: int, w: Windows, fill: Any) -> Array:
    """Padded with `fill`, or cut, to just what the windows reach."""
    after = w.reach - w.pad - x.shape[axis]
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (w.pad, after, 0)
    return x if w.pad == after == 0 else lax.pad(x, jnp.asarray(fill, x.dtype), config)


def parts(x: Array, axis: int, w: Windows) -> list[Array]:
    """What each place of the kernel sees in all windows, of an array that fits them."""
    if w.stride == w.size and w.dilation == 1:
        blocks = x.reshape(*x.shape[:axis], w.count, w.size, *x.shape[axis + 1 :])
        return [lax.index_in_dim(blocks, i, axis + 1, keepdims=False) for i in range(w.size)]
    span = (w.count - 1) * w.stride + 1
    starts = (i * w.dilation for i in range(w.size))
    return [lax.slice_in_dim(x, i, i + span, w.stride, axis) for i in starts]


def _larger(a: tuple, b: tuple) -> tuple:
    """Of two (value, place) the larger value, of equal ones the first, of NaNs the last."""
    second = (b[0] > a[0]) | (b[0] != b[0])
    return tuple(jnp.where(second, y, x) for x, y in zip(a, b, strict=True))


def first_maximum(parts: Sequence[tuple]) -> tuple:
    best = parts[0]
    for part in parts[1:]:
        best = _larger(best, part)
    return best


def _check_filled(name: str, n: int, input: Array) -> None:
    """Max pools take an empty batch, but neither empty channels nor an empty space."""
    plane = input.shape[-n - 1 :]
    if n == 3 and input.ndim in (4, 5) and 0 in plane:
        raise RuntimeError(
            "max_pool3d_with_indices_out_cpu_template(): Expected input's non-batch dimensions to have positive "
            f"length, but input has a shape of {listed(input.shape)} and non-batch dimension 0 has length zero!"
        )
    if (n == 1 and (input.ndim not in (2, 3) or 0 in plane)) or (n == 2 and input.ndim in (3, 4) and 0 in plane):
        front = f"{name}: Expected" if n == 1 else "Expected"
        raise RuntimeError(
            f"{front} {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, "
            f"but got:{listed(input.shape)}"
        )


def _check_positive(kernel: int, stride: int, dilation: int) -> None:
    """What max_pool1d refuses in words of its own."""
    for word, value in (("kernel_size", kernel), ("stride", stride), ("dilation", dilation)):
        if value <= 0:
            raise RuntimeError(f"max_pool1d() {word} must be greater than zero, but got {value}")


def places(shape: Sequence[int], n: int) -> np.ndarray:
    """The flat place of each element within its plane."""
    space = shape[-n:]
    return np.arange(math.prod(space), dtype=np.int64).reshape(*[1] * (len(shape) - n), *space)


def _max_pool(
    name: str, n: int, input: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, indices: bool
) -> tuple:
    """Maxima, and if asked for their flat places within the plane."""
    if n == 1:
        _check_filled(name, n, input)
    check_rank(name, n, input)
    if n == 1 and not indices:
        without_kernel("max_pool1d_impl", from_numpy(input.dtype), BOOL, INT, COMPLEX)
    without_kernel("max_pool2d" if n == 1 else name, from_numpy(input.dtype), BOOL, COMPLEX)
    found = windows(name, input.shape[-n:], kernel, stride, padding, dilation, ceil)
    _check_filled(name, n, input)
    check_counts(name, n, input, found)
    if platform() == "cpu" and input.size and math.prod(w.size for w in found) <= MOST_PLACES:
        return _small_windows(input, n, found, indices)
    state: tuple = (input, jnp.asarray(places(input.shape, n))) if indices else (input,)
    for axis, w in reversed(list(enumerate(found, input.ndim - n))):
        inside = [fitted(x, axis, w, fill) for x, fill in zip(state, (lowest(input.dtype), 0), strict=False)]
        state = first_maximum(list(zip(*(parts(x, axis, w) for x in inside), strict=True)))
    if not indices:
        return state
    return state[0], jnp.broadcast_to(state[1], state[0].shape)


def _small_windows(input: Array, n: int, found: Sequence[Windows], indices: bool) -> tuple:
    x = input if input.ndim == n + 2 else input[None]
    space, channels = x.shape[2:], x.shape[1]
    pads = [(w.pad, w.reach - w.pad - length) for w, length in zip(found, space, strict=True)]
    sizes, strides, _, dilations, _ = zip(*found, strict=True)
    shape = Shape(space, sizes, channels, channels, strides, tuple(pads), dilations, channels)
    results = max_and_place(jnp.moveaxis(x, 1, -1), shape, indices)
    moved = (jnp.moveaxis(r, -1, 1) for r in results)
    return tuple(r if input.ndim == n + 2 else r[0] for r in moved)


def _declare_max_pool(n: int, grad: str) -> tuple:
    """The op without indices and the one with them."""
    name = f"max_pool{n}d"

    @op(function=False, method=False, name=name, grad=grad, order="images", saves="input")
    def plain(
        input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Array:
        return _max_pool(name, n, input, kernel_size, stride, padding, dilation, ceil_mode, False)[0]

    @op(function=False, method=False, name=f"{name}_with_indices", grad=grad, order="images", saves="input result1")
    def with_indices(
        input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> tuple[Array, Array]:
        return _max_pool(name, n, input, kernel_size, stride, padding, dilation, ceil_mode, True)

    return plain, with_indices


_PLAIN, _INDEXED = {}, {}
for _n, _grad in ((1, "SqueezeBackward1"), (2, "MaxPool2DWithIndicesBackward0"), (3, "MaxPool3DWithIndicesBackward0")):
    _PLAIN[_n], _INDEXED[_n] = _declare_max_pool(_n, _grad)


def _pool_or_both(n: int, arguments: tuple, return_indices: bool) -> Any:
    return (_INDEXED if return_indices else _PLAIN)[n](*arguments)


@composite(method=False)
def max_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Maxima over windows of (N, C, L) or (C, L); with `return_indices` also where each is in its plane."""
    return _pool_or_both(1, (input, kernel_size, stride, padding, dilation, ceil_mode), return_indices)


@composite(method=False)
def max_pool1d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool1d` and where each maximum is."""
    return _pool_or_both(1, (input, kernel_size, stride, padding, dilation, ceil_mode), True)


@composite(namespace="torch", method=False, public="max_pool1d")
def max_pool1d_of_torch(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """`torch.nn.functional.max_pool1d` without indices."""
    return _PLAIN[1](input, kernel_size, stride, padding, dilation, ceil_mode)


@composite(method=False)
def max_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Maxima over windows of (N, C, H, W) or (C, H, W); with `return_indices` also where each is in its plane.

    >>> import jtorch as torch
    >>> torch.nn.functional.max_pool2d(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2)
    tensor([[[4.]]])
    """
    return _pool_or_both(2, (input, kernel_size, stride, padding, dilation, ceil_mode), return_indices)


@composite(method=False)
def max_pool2d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool2d` and where each maximum is."""
    return _pool_or_both(2, (input, kernel_size, stride, padding, dilation, ceil_mode), True)


@composite(namespace="torch", method=False, public="max_pool2d")
def max_pool2d_of_torch(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """`torch.nn.functional.max_pool2d` without indices."""
    return _PLAIN[2](input, kernel_size, stride, padding, dilation, ceil_mode)


@composite(method=False)
def max_pool3d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Maxima over windows of (N, C, D, H, W) or (C, D, H, W); with `return_indices` also where each is in its plane."""
    return _pool_or_both(3, (input, kernel_size, stride, padding, dilation, ceil_mode), return_indices)


@composite(method=False)
def max_pool3d_with_indices(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool3d` and where each maximum is."""
    return _pool_or_both(3, (input, kernel_size, stride, padding, dilation, ceil_mode), True)


@composite(namespace="torch", method=False, public="max_pool3d")
def max_pool3d_of_torch(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """`torch.nn.functional.max_pool3d` without indices."""
    return _PLAIN[3](input, kernel_size, stride, padding, dilation, ceil_mode)


@composite(namespace="torch", method=False, public="max_pool1d_with_indices")
def max_pool1d_with_indices_of_torch(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """`max_pool1d` and where each maximum is."""
    return _INDEXED[1](input, kernel_size, stride, padding, dilation, ceil_mode)
