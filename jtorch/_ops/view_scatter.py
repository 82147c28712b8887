"""Scatters into views: a copy of a tensor with one of its views replaced.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jtorch._declare import Array, Dim, Scalar, composite, op, traces_tangents, wrap_dim
from jtorch._declare.verbs import AsStrided, Diagonal, Select, Slice, check_reach
from jtorch._ops.arguments import wholes


def _check_src(src: tuple[int, ...], part: tuple[int, ...]) -> None:
    if src != part:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src)}, slice size = {list(part)}"
        )


def _length(shape: tuple[int, ...], dim: int, view: str) -> int:
    """The size of a dimension that a view takes a part of."""
    if not shape:
        raise IndexError(f"{view}() cannot be applied to a 0-dim tensor.")
    return shape[wrap_dim(dim, len(shape))]


@op(name="select_scatter", method=False, function=False, grad="SelectScatterBackward0", order="pointwise",
    real_gradient="select_scatter")  # fmt: skip
def _select_scatter(input: Array, src: Array, dim: Dim, index: Scalar) -> Array:
    _check_src(src.shape, (*input.shape[:dim], *input.shape[dim + 1 :]))
    return Select(dim).write(input, src.astype(input.dtype), index)


@composite
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """`input` with `src` at one index of a dimension.

    >>> import jtorch as torch
    >>> torch.zeros(2, 2).select_scatter(torch.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    shape = input._v.aval.shape
    n = _length(shape, dim, "select")
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return _select_scatter(input, src, dim, index + n if index < 0 else index)


@op(name="slice_scatter", method=False, function=False, out=True, grad="SliceScatterBackward0", order="pointwise",
    real_gradient="slice_scatter")  # fmt: skip
def _slice_scatter(input: Array, src: Array, dim: Dim, start: Scalar, length: int, step: int) -> Array:
    _check_src(src.shape, (*input.shape[:dim], length, *input.shape[dim + 1 :]))
    return Slice(dim, length, step).write(input, src.astype(input.dtype), start)


@composite
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1,
    *, out: Any = None,
) -> Any:  # fmt: skip
    """`input` with `src` in place of a slice of a dimension.

    >>> import jtorch as torch
    >>> torch.zeros(3).slice_scatter(torch.ones(2), 0, 1)
    tensor([0., 1., 1.])
    """
    shape = input._v.aval.shape
    first, stop, step = slice(start, end, step).indices(_length(shape, dim, "slice"))
    return _slice_scatter(input, src, dim, first, max(-((first - stop) // step), 0), step, out=out)


@op(grad="DiagonalScatterBackward0", order="pointwise")
def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: Dim = 0, dim2: Dim = 1) -> Array:
    """`input` with `src` in place of a diagonal.

    >>> import jtorch as torch
    >>> torch.zeros(2, 2).diagonal_scatter(torch.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    verb = Diagonal(offset, dim1, dim2)
    _check_src(src.shape, verb.read(input).shape)
    return verb.write(input, src.astype(input.dtype))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _strided_write(verb: AsStrided, input: Any, src: Any) -> Any:
    """The write with torch's gradient, which `input` has where it is overwritten and nowhere else."""
    return verb.write(input, src)


_strided_write.defvjp(
    lambda verb, input, src: (verb.write(input, src), None),
    lambda verb, _, g: (verb.write(jnp.zeros_like(g), verb.read(g)), verb.read(g)),
)


@op(name="as_strided_scatter", method=False, function=False, grad="AsStridedScatterBackward0")
def _as_strided_scatter(input: Array, src: Array, size: tuple, stride: tuple, offset: int) -> Array:
    _check_src(src.shape, size)
    verb, src = AsStrided(size, stride, offset), src.astype(input.dtype)
    return verb.write(input, src) if traces_tangents() else _strided_write(verb, input, src)


@composite
def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """`input` with `src` written through strides over its elements.

    The gradient of `input` is torch's: that of the elements overwritten, and 0 for those that are kept.

    >>> import jtorch as torch
    >>> torch.zeros(4).as_strided_scatter(torch.ones(2), (2,), (2,))
    tensor([1., 0., 1., 0.])
    """
    sizes, strides = wholes("as_strided_scatter", "size", 3, size), wholes("as_strided_scatter", "stride", 4, stride)
    check_reach(input, sizes, strides, storage_offset or 0)
    return _as_strided_scatter(input, src, sizes, strides, storage_offset or 0)
