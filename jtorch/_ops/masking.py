"""Masks: where, nonzero, masked_fill and their relatives.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import (
    Array,
    Fault,
    Handle,
    Operand,
    Scalar,
    broadcast,
    columns,
    composite,
    cured,
    errors,
    from_host,
    op,
    pointwise,
    to_host,
    write_out,
)
from jtorch._declare.once import warn, warn_once
from jtorch._declare.types import bool_, uint8
from jtorch._ops.arguments import check_single, whole
from jtorch._ops.creation import fitting_number

_C_TYPES = {
    "int64": "long int", "int32": "int", "uint8": "unsigned char", "int16": "short int", "int8": "signed char",
    "float32": "float", "float64": "double",
}  # fmt: skip


@pointwise(name="where", method=False, function=False, inplace=False, grad="WhereBackward0")
def _where(condition: Array, chosen: Operand, other: Operand) -> Array:
    return jnp.where(condition, chosen, other)


@composite(method=False)
def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """Elements of `input` where `condition` is true, else of `other`; alone: the places where it is true.

    >>> import jtorch as torch
    >>> x = torch.tensor([1., -2.])
    >>> torch.where(x > 0, x, 0.)
    tensor([1., 0.])
    """
    if input is None and other is None:
        if not isinstance(condition, Handle):
            raise errors.argument_type("where", "condition", 1, "Tensor", condition)
        return nonzero(condition, as_tuple=True)
    return _chosen(condition, input, other, out)


def _chosen(condition: Any, input: Any, other: Any, out: Any = None) -> Any:
    if not isinstance(condition, Handle):
        raise errors.argument_type("where", "condition", 1, "Tensor", condition)
    aval = condition._v.aval
    if aval.dtype is uint8:
        warn(
            "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future "
            "version of PyTorch. Use a boolean condition instead."
        )
        condition = condition.to(bool_)
    elif aval.dtype is not bool_:
        raise cured(
            RuntimeError(
                f"where expected condition to be a boolean tensor, but got a tensor with dtype {aval.dtype.type_name}"
            ),
            "a condition is a comparison: torch.where(x > 0, a, b)",
        )
    return _where(condition, input, other, out=out)


@composite(public="where", function=False)
def _where_method(self: Any, condition: Any, other: Any) -> Any:
    """This tensor's elements where `condition` is true, else those of `other`."""
    return _chosen(condition, self, other)


@composite
def nonzero(input: Any, *, as_tuple: bool = False, out: Any = None) -> Any:
    """The indices of all elements that are not zero: one row each, or a tuple with one tensor a dimension.

    Their number is data, so this runs what is pending.

    >>> import jtorch as torch
    >>> torch.nonzero(torch.tensor([0, 3, 0, 4]))
    tensor([[1],
            [3]])
    """
    if as_tuple and isinstance(out, Handle):
        raise RuntimeError("nonzero does not support the out kwarg when as_tuple is True")
    array = to_host(input)
    if as_tuple and out is None:
        return tuple(from_host(i, place=input._v.aval.device) for i in np.nonzero(np.atleast_1d(array)))
    found = np.argwhere(array).astype(np.int64) if array.ndim else np.zeros((int(bool(array)), 0), np.int64)
    t = columns(from_host(found, place=input._v.aval.device))
    return t if out is None else write_out("nonzero", out, t, (input,))


@op(differentiable=False, out=True)
def nonzero_static(input: Array, *, size: int, fill_value: int = -1) -> Array:
    """The first `size` rows of `nonzero`, followed by rows of `fill_value` where there are fewer.

    >>> import jtorch as torch
    >>> torch.nonzero_static(torch.tensor([0, 3]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if whole("nonzero_static", "size", None, size) < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    if not input.ndim:
        return jnp.zeros((size, 0), jnp.int64)
    return jnp.stack(jnp.nonzero(input, size=size, fill_value=fill_value), 1).astype(jnp.int64)


@composite
def argwhere(input: Any) -> Any:
    """The indices of all elements that are not zero, one row each.

    >>> import jtorch as torch
    >>> torch.argwhere(torch.tensor([0, 3]))
    tensor([[1]])
    """
    return nonzero(input)


def _fill_body(input: Any, mask: Any, value: Any) -> Any:
    return jnp.where(mask, jnp.asarray(value).astype(input.dtype), input)


@op(name="masked_fill", method=False, function=False, grad="MaskedFillBackward0")
def _masked_fill(input: Array, mask: Array, value: Scalar) -> Array:
    return _fill_body(input, mask, value)


@op(name="masked_fill", method=False, function=False, grad="MaskedFillBackward1")
def _masked_fill_tensor(input: Array, mask: Array, value: Array) -> Array:
    return _fill_body(input, mask, value)


@composite(inplace=True)
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """`input` with one value where `mask` is true.

    >>> import jtorch as torch
    >>> torch.tensor([1., 2.]).masked_fill(torch.tensor([True, False]), 0.)
    tensor([0., 2.])
    """
    found = mask._v.aval.dtype
    if found is not bool_:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {_C_TYPES.get(found.name, found.name)}"
        )
    broadcast(mask._v.aval.shape, input._v.aval.shape)
    if isinstance(value, Handle):
        check_single("masked_fill_", value)
        if value._v.aval.dtype.is_complex and not input._v.aval.dtype.is_complex:
            fitting_number(to_host(value).item(), input._v.aval.dtype)
            value = value.real
        return _masked_fill_tensor(input, mask, value)
    return _masked_fill(input, mask, fitting_number(value, input._v.aval.dtype))


@op(name="masked_select", method=False, function=False, grad="MaskedSelectBackward0", saves="input index")
def _masked_select(input: Array, index: Array) -> Array:
    return jnp.reshape(input, (-1,)).at[index].get(mode="promise_in_bounds")


@composite(tensors="mask")
def masked_select(input: Any, mask: Any, *, out: Any = None) -> Any:
    """The elements where `mask` is true, in one dimension. Their number is data: runs what is pending.

    >>> import jtorch as torch
    >>> torch.masked_select(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]))
    tensor([1, 3])
    """
    if mask._v.aval.dtype is not bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast(mask._v.aval.shape, input._v.aval.shape)
    places = np.flatnonzero(np.broadcast_to(to_host(mask), shape)).astype(np.int64)
    wide = input if input._v.aval.shape == shape else input.expand(shape)
    found = _masked_select(wide, from_host(places, place=input._v.aval.device))
    return found if out is None else write_out("masked_select", out, found, (input, mask))


def _too_many(input: Any, mask: Any, source: Any) -> Any:
    return jnp.sum(jnp.broadcast_to(mask, broadcast(input.shape, mask.shape))) > source.size


def _too_few() -> RuntimeError:
    return RuntimeError("Number of elements of source < number of ones in mask")


@op(name="masked_scatter", method=False, function=False, grad="MaskedScatterBackward0",
    faults=(Fault(_too_many, _too_few),))  # fmt: skip
def _masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    shape = broadcast(input.shape, mask.shape)
    mask, input = jnp.broadcast_to(mask, shape), jnp.broadcast_to(input, shape)
    order = jnp.clip(jnp.cumsum(mask.reshape(-1)) - 1, 0, max(source.size - 1, 0)).reshape(shape)
    if not source.size:
        return input
    return jnp.where(mask, source.reshape(-1).at[order].get(mode="promise_in_bounds"), input)


@composite(inplace=True, tensors="mask source")
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """`input` with the elements of `source`, in order, where `mask` is true.

    >>> import jtorch as torch
    >>> torch.zeros(3).masked_scatter(torch.tensor([True, False, True]), torch.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """
    if mask._v.aval.dtype is uint8:
        warn_once(
            "masked_scatter_ received a mask with dtype torch.uint8, this behavior is now deprecated,please use a mask "
            "with dtype torch.bool instead."
        )
    if mask._v.aval.dtype is not bool_:
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask._v.aval.dtype.type_name}"
        )
    if input._v.aval.dtype is not source._v.aval.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{input._v.aval.dtype.type_name} and {source._v.aval.dtype.type_name}"
        )
    shape = broadcast(mask._v.aval.shape, input._v.aval.shape)
    if mask._v.array is not None and np.broadcast_to(to_host(mask), shape).sum() > source._v.aval.size:
        raise _too_few()
    return _masked_scatter(input, mask, source)
