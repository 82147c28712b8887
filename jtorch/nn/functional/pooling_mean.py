"""Pooling continued: means over windows, powers, pools to a given size, and the inverse of max pooling.

https://docs.pytorch.org/docs/stable/nn.functional.html#pooling-functions
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, as_int, composite, errors, op, traces_tangents
from jtorch._declare.checks import check_bounds
from jtorch._declare.halves import is_half
from jtorch._declare.types import from_numpy
from jtorch._ops.refusals import BOOL, BUT_LONG, COMPLEX, HALF, INT, kind_of, without_kernel
from jtorch.nn.functional._common import is_floating, listed, per_dim, require_floating, wide
from jtorch.nn.functional.pooling import (
    Windows,
    check_counts,
    check_rank,
    first_maximum,
    fitted,
    parts,
    places,
    windows,
)


def _divisors(length: int, w: Windows, count_pad: bool) -> np.ndarray:
    """How many places of each window count, along one dimension."""
    start = np.arange(w.count) * w.stride - w.pad
    end = np.minimum(start + w.size, length + w.pad)
    return end - start if count_pad else np.minimum(end, length) - np.maximum(start, 0)


def _sum_pool(x: Array, first: int, found: Sequence[Windows]) -> Array:
    for axis, w in reversed(list(enumerate(found, first))):
        terms = parts(fitted(x, axis, w, 0), axis, w)
        x = sum(terms[1:], terms[0])
    return x


def _avg_pool(
    name: str, n: int, input: Array, kernel: Any, stride: Any, padding: Any, ceil: bool, count_pad: bool, divisor: Any
) -> Array:
    if n == 1 and input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' "
            "(while checking arguments for avg_pool1d)"
        )
    check_rank(name, n, input)
    if n == 3:
        without_kernel("avg_pool3d_out_frame", from_numpy(input.dtype), BOOL, COMPLEX, HALF, *BUT_LONG)
    without_kernel("avg_pool2d", from_numpy(input.dtype), BOOL, COMPLEX, *BUT_LONG)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    space, first = input.shape[-n:], input.ndim - n
    found = windows(name, space, kernel, stride, padding, 1, ceil)
    check_counts(name, n, input, found)
    total = _sum_pool(wide(input), first, found)
    count = np.ones((), np.int64)
    for length, w in zip(space, found, strict=True):
        count = count[..., None] * _divisors(length, w, count_pad)
    if divisor is not None:
        count = np.asarray(divisor)
    elif (count == count.flat[0]).all():
        count = count.reshape(-1)[0]
    if is_floating(total) or jnp.iscomplexobj(total):
        return (total / count.astype(total.real.dtype)).astype(input.dtype)
    return jnp.trunc(total / count).astype(input.dtype)


@op(namespace="torch", method=False, alias=("nn.functional.avg_pool1d",), grad="SqueezeBackward1", saves="input")
def avg_pool1d(
    input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:  # fmt: skip
    """Means over windows of (N, C, L) or (C, L)."""
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@op(method=False, out=True, grad="AvgPool2DBackward0", order="images", saves="input")
def avg_pool2d(
    input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """Means over windows of (N, C, H, W) or (C, H, W).

    >>> import jtorch as torch
    >>> torch.nn.functional.avg_pool2d(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2)
    tensor([[[2.5000]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@op(method=False, out=True, grad="AvgPool3DBackward0", saves="input")
def avg_pool3d(
    input: Array, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Array:  # fmt: skip
    """Means over windows of (N, C, D, H, W) or (C, D, H, W)."""
    return _avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _lp_pool(n: int, input: Array, norm_type: float, kernel: Any, stride: Any, ceil: bool) -> Array:
    count = math.prod(per_dim(f"lp_pool{n}d", "kernel_size", kernel, n))
    mean = _avg_pool(f"lp_pool{n}d", n, input**norm_type, kernel, stride, 0, ceil, True, None)
    size = jnp.abs(mean)
    return (jnp.sign(mean) * jnp.where(size > 0, size, 0) * count) ** (1 / norm_type)


@op(method=False, upcast=True, grad="PowBackward0")
def lp_pool1d(input: Array, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Array:
    """The p-norm of windows of (N, C, L) or (C, L), `p` being `norm_type`."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@op(method=False, upcast=True, grad="PowBackward0", order="images")
def lp_pool2d(input: Array, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Array:
    """The p-norm of windows of (N, C, H, W) or (C, H, W), `p` being `norm_type`."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@op(method=False, upcast=True, grad="PowBackward0")
def lp_pool3d(input: Array, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Array:
    """The p-norm of windows of (N, C, D, H, W) or (C, D, H, W), `p` being `norm_type`."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def _wanted_size(name: str, n: int, input: Array, output_size: Any) -> tuple[int, ...]:
    """A size for each spatial dimension, where None keeps the input's."""
    _check_adaptive_rank(name, n, input)
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    if n == 1 and len(given) != 1:
        raise RuntimeError(f"{name}() argument 'output_size' should contain one int (got {len(given)})")
    if len(given) != n:
        wrong = "(): internal error: output_size.size() must be" if "max" in name else ": output_size must be"
        raise RuntimeError(f"{name}{wrong} {n}")
    wanted = zip(input.shape[-n:], given, strict=True)
    found: Any = tuple(have if want is None else as_int(want) for have, want in wanted)
    if None in found:
        raise errors.argument_type(name, "output_size", None, "tuple of ints", output_size)
    if min(found) < 0:
        raise _negative_size(name, n, input, found)
    return found


def _negative_size(name: str, n: int, input: Array, size: tuple[int, ...]) -> Exception:
    if "max" in name:
        lead = input.shape[: input.ndim - n]
        lead = (*lead, 1) if n == 1 else lead  # torch counts a one-dimensional pool as a row
        return errors.negative_dimension(min(size), (*lead, *size))
    shown = {1: "1, {}", 2: "{}, {}", 3: "{}, {},{}"}[n].format(*size)
    return RuntimeError(
        f"adaptive_avg_pool{max(n, 2)}d: elements of output_size must be greater than or equal to 0 "
        f"but received {{{shown}}}"
    )


def _check_adaptive_rank(name: str, n: int, input: Array) -> None:
    if input.ndim in (n + 1, n + 2):
        return
    if n == 1:
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' "
            f"(while checking arguments for {name})"
        )
    if input.ndim < n + 1:
        raise ValueError(f"Input dimension should be at least {n + 1}")
    colon = ":" if "max" in name else ""
    raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got{colon} {listed(input.shape)}")


def _bins(size: int, count: int) -> list[tuple[int, int]]:
    """Start and end of windows that cover an axis evenly; they overlap where the sizes do not divide."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _even(size: int, count: int) -> Windows | None:
    """The windows as those of a plain pool, where all have one size and none overlap."""
    return Windows(size // count, size // count, 0, 1, count) if count and size and size % count == 0 else None


def _mean_bins(x: Array, axis: int, count: int) -> Array:
    size = x.shape[axis]
    even = _even(size, count)
    if even is not None:
        terms = parts(x, axis, even)
        return sum(terms[1:], terms[0]) / len(terms) if len(terms) < size else jnp.mean(x, axis, keepdims=True)
    pieces = [jnp.mean(lax.slice_in_dim(x, a, b, axis=axis), axis, keepdims=True) for a, b in _bins(size, count)]
    return jnp.concatenate(pieces, axis) if pieces else lax.slice_in_dim(x, 0, 0, axis=axis)


def _means(input: Array, sizes: tuple[int, ...]) -> Array:
    n, x = len(sizes), wide(input)
    for axis, count in reversed(list(enumerate(sizes, input.ndim - n))):
        x = _mean_bins(x, axis, count)
    return x.astype(input.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _means_in_steps(x: Array, sizes: tuple[int, ...]) -> Array:
    """The means of half types as torch finds them in three dimensions: each addition rounds."""
    bins = [np.asarray(_bins(size, count)) for size, count in zip(x.shape[-3:], sizes, strict=True)]
    lengths = [each[:, 1] - each[:, 0] for each in bins]
    most = [int(each.max()) for each in lengths]

    def add(step: Array, total: Array) -> Array:
        offsets = (step // (most[1] * most[2]), step // most[2] % most[1], step % most[2])
        places = jnp.ix_(*(jnp.minimum(b[:, 0] + o, b[:, 1] - 1) for b, o in zip(bins, offsets, strict=True)))
        inside = [o < each for each, o in zip(np.ix_(*lengths), offsets, strict=True)]
        return jnp.where(inside[0] & inside[1] & inside[2], total + x[(..., *places)], total)

    total = lax.fori_loop(0, math.prod(most), add, jnp.zeros((*x.shape[:-3], *sizes), x.dtype))
    return (wide(total) / math.prod(np.ix_(*lengths)).astype(np.float32)).astype(x.dtype)


@_means_in_steps.defjvp
def _means_in_steps_jvp(sizes: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return _means_in_steps(primals[0], sizes), _means(tangents[0], sizes)


def _check_adaptive_type(n: int, input: Array, sizes: tuple[int, ...]) -> None:
    """A mean over everything is `mean`; in three dimensions the kernel is asked for nothing too."""
    kind = from_numpy(input.dtype)
    if all(size == 1 for size in sizes):
        if kind_of(kind) in (BOOL, INT):
            raise errors.reduction_float_only("mean", kind.type_name)
    elif n == 3:
        without_kernel("adaptive_avg_pool3d_cpu", kind, BOOL, INT, COMPLEX)
    elif input.size and math.prod(sizes):
        without_kernel("adaptive_avg_pool2d", kind, BOOL, INT, COMPLEX)


def _real_gradient(n: int) -> Callable:
    def refused_by(statics: tuple, outs: tuple) -> str:
        return "" if all(size == 1 for size in outs[0].shape[-n:]) else "_adaptive_avg_pool2d"

    return refused_by


def _adaptive_avg(n: int, input: Array, output_size: Any) -> Array:
    name = f"adaptive_avg_pool{n}d"
    sizes = _wanted_size(name, n, input, output_size)
    _check_adaptive_type(n, input, sizes)
    if n == 3 and is_half(input) and math.prod(sizes) > 1 and input.size:
        return _means_in_steps(input, sizes)
    return _means(input, sizes)


def _saved_of_means(specs: tuple, statics: tuple, needs: tuple) -> str:
    """To one element torch takes the mean, which saves nothing."""
    sizes = statics[0] if isinstance(statics[0], (tuple, list)) else (statics[0],)
    return "" if all(n == 1 for n in sizes) else "input"


@op(namespace="torch", method=False, alias=("nn.functional.adaptive_avg_pool1d",), grad="SqueezeBackward1",
    real_gradient=_real_gradient(1), saves=_saved_of_means)  # fmt: skip
def adaptive_avg_pool1d(input: Array, output_size: Any) -> Array:
    """Means over as many windows of (N, C, L) or (C, L) as `output_size` says."""
    return _adaptive_avg(1, input, output_size)


@op(
    method=False,
    grad="AdaptiveAvgPool2DBackward0",
    order="images",
    real_gradient=_real_gradient(2),
    saves=_saved_of_means,
)
def adaptive_avg_pool2d(input: Array, output_size: Any) -> Array:
    """Means over as many windows of (N, C, H, W) or (C, H, W) as `output_size` says; None keeps a dimension's size.

    >>> import jtorch as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), (1, None))
    tensor([[[2., 3.]]])
    """
    return _adaptive_avg(2, input, output_size)


@op(method=False, grad="AdaptiveAvgPool3DBackward0", saves=_saved_of_means)
def adaptive_avg_pool3d(input: Array, output_size: Any) -> Array:
    """Means over as many windows of (N, C, D, H, W) or (C, D, H, W) as `output_size` says."""
    return _adaptive_avg(3, input, output_size)


def _max_bins(state: tuple, axis: int, count: int) -> tuple:
    size = state[0].shape[axis]
    even = _even(size, count)
    if even is not None:
        return first_maximum(list(zip(*(parts(x, axis, even) for x in state), strict=True)))
    bins = _bins(size, count)
    longest = max((b - a for a, b in bins), default=1)
    # A short window sees its last place again, which never changes the first maximum.
    rows = [np.array([min(a + i, b - 1) for a, b in bins], np.int64) for i in range(longest)]
    return first_maximum([tuple(jnp.take(x, row, axis) for x in state) for row in rows])


def _adaptive_max(n: int, input: Array, output_size: Any) -> tuple[Array, Array]:
    name = f"adaptive_max_pool{n}d"
    sizes = _wanted_size(name, n, input, output_size)
    require_floating(input, "adaptive_max_pool3d_cpu" if n == 3 else "adaptive_max_pool2d")
    state: tuple = (input, jnp.broadcast_to(places(input.shape, n), input.shape))
    for axis, count in reversed(list(enumerate(sizes, input.ndim - n))):
        state = _max_bins(state, axis, count)
    return state  # type: ignore[return-value]  # two arrays, as they came in


@op(namespace="torch", name="adaptive_max_pool1d", method=False, grad="SqueezeBackward1", saves="input result1")
def adaptive_max_pool1d_op(input: Array, output_size: Any) -> tuple[Array, Array]:
    """Maxima over as many windows of (N, C, L) or (C, L) as `output_size` says, and where they are."""
    return _adaptive_max(1, input, output_size)


@op(function=False, method=False, grad="AdaptiveMaxPool2DBackward0", order="images", saves="input result1")
def adaptive_max_pool2d_op(input: Array, output_size: Any) -> tuple[Array, Array]:
    return _adaptive_max(2, input, output_size)


@op(function=False, method=False, grad="AdaptiveMaxPool3DBackward0", saves="input result1")
def adaptive_max_pool3d_op(input: Array, output_size: Any) -> tuple[Array, Array]:
    return _adaptive_max(3, input, output_size)


@composite(method=False)
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over as many windows of (N, C, L) or (C, L) as `output_size` says."""
    both = adaptive_max_pool1d_op(input, output_size)
    return both if return_indices else both[0]


@composite(method=False)
def adaptive_max_pool1d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool1d` and where each maximum is in its plane."""
    return adaptive_max_pool1d_op(input, output_size)


@composite(method=False)
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over as many windows of (N, C, H, W) or (C, H, W) as `output_size` says."""
    both = adaptive_max_pool2d_op(input, output_size)
    return both if return_indices else both[0]


@composite(method=False)
def adaptive_max_pool2d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` and where each maximum is in its plane."""
    return adaptive_max_pool2d_op(input, output_size)


@composite(method=False)
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over as many windows of (N, C, D, H, W) or (C, D, H, W) as `output_size` says."""
    both = adaptive_max_pool3d_op(input, output_size)
    return both if return_indices else both[0]


@composite(method=False)
def adaptive_max_pool3d_with_indices(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool3d` and where each maximum is in its plane."""
    return adaptive_max_pool3d_op(input, output_size)


def _unpooled_size(space: Sequence[int], kernel: Any, stride: Any, padding: Any, output_size: Any) -> tuple[int, ...]:
    n = len(space)
    kernel = per_dim("max_unpool", "kernel_size", kernel, n)
    stride = kernel if stride is None else per_dim("max_unpool", "stride", stride, n)
    padding = per_dim("max_unpool", "padding", padding, n)
    default = tuple((d - 1) * s - 2 * p + k for d, k, s, p in zip(space, kernel, stride, padding, strict=True))
    if output_size is None:
        return default
    wanted = tuple(output_size)[-n:]
    if len(output_size) not in (n, n + 2):
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
            f"'{len(output_size)}'"
        )
    for d, (have, size, s) in enumerate(zip(default, wanted, stride, strict=True)):
        if not have - s < size < have + s:
            raise ValueError(f'invalid output_size "{wanted}" (dim {d} must be between {have - s} and {have + s})')
    return wanted


@op(function=False, method=False, grad="MaxUnpool2DBackward0", order="images", saves="indices")
def max_unpool_op(input: Array, indices: Array, space: tuple) -> Array:
    require_floating(input, f"max_unpool{max(len(space), 2)}d")
    lead = input.shape[: input.ndim - len(space)]
    rows = math.prod(lead)
    flat = jnp.zeros((rows, math.prod(space)), input.dtype)
    at = (jnp.arange(rows)[:, None], indices.reshape(rows, math.prod(input.shape[len(lead) :])))
    values = input.reshape(at[1].shape)
    if traces_tangents():
        return flat.at[at].set(values).reshape(*lead, *space)
    fixed = lax.stop_gradient(values)
    # torch hands the gradient of a place to every value that named it, also to those that were overwritten.
    change = flat.at[at].add(jnp.where(jnp.isfinite(values), values - fixed, 0))
    return (flat.at[at].set(fixed) + change).reshape(*lead, *space)


def _max_unpool(n: int, input: Any, indices: Any, kernel: Any, stride: Any, padding: Any, output_size: Any) -> Any:
    if indices.dtype.name != "int64":
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype.type_name}")
    if tuple(indices.shape) != tuple(input.shape):
        have, got = ([*t.shape, *[1] * (n == 1)] for t in (input, indices))  # torch adds a dimension to a row
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({have}) but got indices tensor with "
            f"shape: {got}"
        )
    space = _unpooled_size(tuple(input.shape)[-n:], kernel, stride, padding, output_size)

    def wrong(index: int) -> Exception:
        volume = "x".join(map(str, space))
        return RuntimeError(f"Found an invalid max index: {index} (output volumes are of size {volume})")

    check_bounds(indices, 0, math.prod(space), wrong)
    return max_unpool_op(input, indices, space)


@composite(method=False)
def max_unpool1d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Puts maxima back where `max_pool1d` found them, zeros elsewhere."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@composite(method=False)
def max_unpool2d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Puts maxima back where `max_pool2d` found them, zeros elsewhere."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@composite(method=False)
def max_unpool3d(
    input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Any:
    """Puts maxima back where `max_pool3d` found them, zeros elsewhere."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
