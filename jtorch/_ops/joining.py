"""Joining: tensors put side by side.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import (
    Array,
    Arrays,
    Dim,
    Handle,
    NewDim,
    common_format,
    composite,
    errors,
    from_host,
    laid,
    lay,
    op,
    order_of,
    to_host,
    wrap_dim,
)
from jtorch._declare.types import contiguous_format
from jtorch._ops import views


@op(name="cat", method=False, function=False, out=True, kind="default", grad="CatBackward0")
def _cat(tensors: Arrays, dim: Dim = 0) -> Array:
    first = tensors[0]
    if first.ndim != 1:
        tensors = [t for t in tensors if t.shape != (0,)]
    _check_joined([(i, t.shape) for i, t in enumerate(tensors)], dim)
    return jnp.concatenate(tensors, dim)


def _check_joined(shapes: Sequence[tuple[int, tuple[int, ...]]], dim: int) -> None:
    """torch's errors about shapes and their places in the list."""
    first = shapes[0][1]
    for i, shape in shapes:
        if len(shape) != len(first):
            raise errors.cat_rank(len(first), len(shape))
        for d, (a, b) in enumerate(zip(first, shape, strict=True)):
            if a != b and d != dim:
                raise errors.cat_size(dim, a, b, i)


def _listed(name: str, tensors: Any) -> list:
    if isinstance(tensors, Handle) or not isinstance(tensors, (tuple, list)):
        raise errors.argument_type(name, "tensors", 1, "tuple of Tensors", tensors)
    for i, t in enumerate(tensors):
        if not isinstance(t, Handle):
            raise errors.tensor_list_item(0, i, t)
    return list(tensors)


@composite(method=False, alias=("concat", "concatenate"))
def cat(tensors: Any, dim: int = 0, *, axis: int | None = None, out: Any = None) -> Any:
    """Tensors one behind the other along an existing dimension.

    >>> import jtorch as torch
    >>> torch.cat([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([1, 2, 3])
    """
    found = _listed("cat", tensors)
    if not found:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    kept, given = found, [t._v.aval.shape for t in found]
    if () in given:
        raise RuntimeError(f"zero-dimensional tensor (at position {given.index(())}) cannot be concatenated")
    if (0,) in given:
        # A tensor of shape [0] joins with anything: it has a gradient, and a part in the dtype. The first says rank.
        shapes = [(i, shape) for i, shape in enumerate(given) if shape != (0,)]
        if shapes:
            _check_joined(shapes, wrap_dim(dim if axis is None else axis, len(shapes[0][1])))
        kept = [t for t in found if t._v.aval.shape != (0,)]
        found = [*kept, *(t for t in found if t._v.aval.shape == (0,))]
        kept = kept or found
    t = _cat(found, dim if axis is None else axis, out=out)
    return t if out is not None else laid(t, common_format(kept))


@op(name="stack", method=False, function=False, out=True, kind="default", grad="StackBackward0")
def _stack(tensors: Arrays, dim: NewDim = 0) -> Array:
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise errors.stack_size(tensors[0].shape, t.shape, i)
    return jnp.stack(tensors, dim)


_MANY = 8  # from here on tensors that are already on the host are stacked there: a program has a cost per input


@composite(method=False)
def stack(tensors: Any, dim: int = 0, *, out: Any = None) -> Any:
    """Tensors of one shape along a new dimension.

    >>> import jtorch as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    found = _listed("stack", tensors)
    if not found:
        raise RuntimeError("stack expects a non-empty TensorList")
    if len(found) >= _MANY and out is None and dim == 0 and _on_host(found):
        return from_host(np.stack([to_host(t) for t in found]), found[0]._v.aval.dtype)
    t = _stack(found, dim, out=out)
    return t if out is not None or common_format(found) is contiguous_format else _laid_by_cat(t, found, dim)


def _laid_by_cat(t: Any, tensors: list, dim: int) -> Any:
    """Lays a stack as torch does: joined along `dim` in the tensors' format, then that dimension split in two."""
    ndim = t._v.aval.ndim
    new = wrap_dim(dim, ndim)
    if new == ndim - 1:
        return t
    order = order_of(common_format(tensors), ndim - 1)
    return lay(t, [e for d in order for e in ((new, new + 1) if d == new else (d + (d > new),))])


def _on_host(tensors: list) -> bool:
    first = tensors[0]._v.aval
    return first.device.type == "cpu" and all(
        t._v.aval is first and t._v.array is not None and not t._requires_grad for t in tensors
    )


@composite(method=False)
def hstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors side by side: along dimension 1, vectors along 0."""
    found = [atleast_1d(t) for t in _listed("hstack", tensors)]
    _check_any("hstack", found)
    return cat(found, 0 if found[0]._v.aval.ndim == 1 else 1, out=out)


@composite(method=False, alias=("row_stack",))
def vstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors on top of each other: along dimension 0, vectors as rows."""
    found = [atleast_2d(t) for t in _listed("vstack", tensors)]
    _check_any("vstack", found)
    return cat(found, 0, out=out)


@composite(method=False)
def dstack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors behind each other: along dimension 2."""
    found = [atleast_3d(t) for t in _listed("dstack", tensors)]
    _check_any("dstack", found)
    return cat(found, 2, out=out)


@composite(method=False)
def column_stack(tensors: Any, *, out: Any = None) -> Any:
    """Tensors side by side, vectors as columns."""
    found = [t.reshape(t._v.aval.size, 1) if t._v.aval.ndim <= 1 else t for t in _listed("column_stack", tensors)]
    _check_any("column_stack", found)
    return cat(found, 1, out=out)


def _check_any(name: str, tensors: list) -> None:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")


def _each(fn: Any, tensors: tuple) -> Any:
    """One tensor, or several, or a sequence of them."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    elif len(tensors) == 1:
        return fn(tensors[0])
    return tuple(fn(t) for t in tensors)


@composite(method=False)
def atleast_1d(*tensors: Any) -> Any:
    """Tensors with at least one dimension."""
    return _each(lambda t: t if t._v.aval.ndim else t.reshape(1), tensors)


@composite(method=False)
def atleast_2d(*tensors: Any) -> Any:
    """Tensors with at least two dimensions; vectors become rows."""

    def one(t: Any) -> Any:
        rank = t._v.aval.ndim
        return t if rank >= 2 else t.reshape(1, 1) if not rank else views.unsqueeze(t, 0)

    return _each(one, tensors)


@composite(method=False)
def atleast_3d(*tensors: Any) -> Any:
    """Tensors with at least three dimensions; matrices get a last one."""

    def one(t: Any) -> Any:
        rank = t._v.aval.ndim
        if rank >= 3:
            return t
        if rank == 2:
            return views.unsqueeze(t, -1)
        return t.reshape(1, 1, 1) if not rank else t.reshape(1, -1, 1)

    return _each(one, tensors)


@op(method=False, out=True, differentiable=False)
def _chunk_cat(tensors: Arrays, dim: int, num_chunks: int) -> Array:
    """Each tensor cut into chunks along `dim`, the last ones filled up with zeros, and the chunks side by side: what
    sharded training gathers. The result has a dimension of chunks and one of all their elements."""
    if not tensors:
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    first = tensors[0]
    if dim < 0 and any(t.ndim != first.ndim for t in tensors):
        raise RuntimeError("_chunk_cat expects non-negative dim when input tensors have different ndims")
    along = wrap_dim(dim, first.ndim) if dim < 0 else dim
    rows = []
    for t in tensors:
        if not t.size:
            raise RuntimeError("_chunk_cat expects non-empty tensor")
        if t.dtype != first.dtype:
            raise RuntimeError("_chunk_cat expects all input tensors with the same dtype")
        if t.ndim <= along:
            raise RuntimeError("_chunk_cat expects dim < ndim for all input tensors")
        if t.shape[:along] != first.shape[:along]:
            raise RuntimeError("_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors")
        filling = [(0, 0)] * t.ndim
        filling[along] = (0, -t.shape[along] % num_chunks)
        rows.append(jnp.pad(t, filling).reshape(*t.shape[:along], num_chunks, -1))
    return jnp.concatenate(rows, along + 1)
