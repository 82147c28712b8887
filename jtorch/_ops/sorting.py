"""Ops that order: sort, topk, median, mode, unique, searchsorted.

Their bodies hold a sort, which XLA does not share between a forward and its backward, so the indices are kept.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import (
    Array,
    Dim,
    Fault,
    Handle,
    Operand,
    composite,
    errors,
    from_host,
    op,
    overload,
    reduction,
    to_host,
    without_gradient,
    wrap_dim,
)
from jtorch._declare.indices import index_type, outside
from jtorch._declare.once import warn_once
from jtorch._declare.types import from_numpy
from jtorch._ops.pointwise import is_integral, is_number
from jtorch._ops.reduction import take
from jtorch._ops.refusals import BOOL, COMPLEX, no_kernel, refused, without_kernel

_no_complex = refused(RuntimeError, " Sort does not support complex dtypes on CPU", COMPLEX)
_pair: dict[str, Any] = {"returns": ("values", "indices"), "out": True, "residuals": True}
_hidden: dict[str, Any] = {"function": False, "method": False}


def ordered(x: Array, dim: int, descending: bool = False) -> tuple[Array, Array]:
    """Stable sort with the indices; nan counts as larger than all."""
    if not x.ndim:
        return x, jnp.zeros((), jnp.int64)
    keys = x.astype(jnp.uint8) if x.dtype == bool else x
    place = lax.broadcasted_iota(index_type(x.shape[dim]), x.shape, dim)
    if descending:
        keys = jnp.flip(keys, dim)
    values, indices = lax.sort((keys, place), dimension=dim, is_stable=True, num_keys=1)
    if descending:
        values, indices = jnp.flip(values, dim), x.shape[dim] - 1 - jnp.flip(indices, dim)
    return values.astype(x.dtype), indices.astype(jnp.int64)


@op(refuse=_no_complex, order="pointwise", saves="result1", **_pair)
def sort(input: Array, dim: Dim = -1, descending: bool = False, *, stable: bool = False) -> tuple[Array, Array]:
    """Elements in order along a dimension, and where they stood. The order of equal ones is kept.

    >>> import jtorch as torch
    >>> torch.sort(torch.tensor([3., 1., 2.]))
    torch.return_types.sort(
    values=tensor([1., 2., 3.]),
    indices=tensor([1, 2, 0]))
    """
    return ordered(input, dim, descending)


@op(differentiable=False, out=True, refuse=_no_complex, order="pointwise")
def argsort(input: Array, dim: Dim = -1, descending: bool = False, *, stable: bool = False) -> Array:
    """The indices that sort a dimension.

    >>> import jtorch as torch
    >>> torch.argsort(torch.tensor([3., 1., 2.]))
    tensor([1, 2, 0])
    """
    return ordered(input, dim, descending)[1]


@op(out=True, residuals=True, grad="SortBackward0", refuse=_no_complex, order="pointwise", saves="")
def msort(input: Array) -> Array:
    """Sorted along the first dimension."""
    return ordered(input, 0)[0]


def _top_keys(x: Array, largest: bool) -> Array:
    """Keys whose largest are wanted; nan, of either sign, counts as larger than all numbers."""
    if is_integral(x):
        return x if largest else ~x
    nan = jnp.isnan(x)
    return jnp.where(nan, jnp.nan, x) if largest else jnp.where(nan, -jnp.inf, -x)


@op(saves="result1", **_pair)
def topk(input: Array, k: int, dim: Dim = -1, largest: bool = True, sorted: bool = True) -> tuple[Array, Array]:
    """The `k` largest (or smallest) elements along a dimension, in order, and where they stand.

    >>> import jtorch as torch
    >>> torch.topk(torch.tensor([3., 1., 2.]), 2)
    torch.return_types.topk(
    values=tensor([3., 2.]),
    indices=tensor([0, 2]))
    """
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError("selected index k out of range")
    if input.dtype == bool:
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if jnp.iscomplexobj(input):
        raise RuntimeError(" topk does not support complex dtypes on CPU")
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    keys = jnp.moveaxis(_top_keys(lax.stop_gradient(input), largest), dim, -1)
    indices = jnp.moveaxis(lax.top_k(keys, k)[1], -1, dim)
    return jnp.take_along_axis(input, indices, dim), indices.astype(jnp.int64)


def _at(x: Array, indices: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """Values at one index along a dimension, and the indices."""
    if not x.ndim:
        return x, indices.astype(jnp.int64)
    values = take(x, indices, dim)
    if keepdim:
        return values, jnp.expand_dims(indices, dim).astype(jnp.int64)
    return jnp.squeeze(values, dim), indices.astype(jnp.int64)


def _nonempty(name: str, x: Array, dim: int) -> None:
    if x.ndim and x.shape[dim] == 0:
        raise errors.reduction_empty_dim(name, dim)


@op(real_gradient="kthvalue", saves="result1", **_pair)
def kthvalue(input: Array, k: int, dim: Dim = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The `k`-th smallest element along a dimension, from 1, and where it stands."""
    _nonempty("kthvalue", input, dim)
    if not 1 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    if input.ndim and (input.dtype == bool or jnp.iscomplexobj(input)):
        raise errors.not_implemented_for("kthvalue_cpu", from_numpy(input.dtype).type_name)
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    indices = ordered(lax.stop_gradient(input), dim)[1]
    return _at(input, lax.index_in_dim(indices, k - 1, dim, False), dim, keepdim)


def _middle(x: Array, dim: int, skip_nan: bool) -> Array:
    """Where the lower median along a dimension stands; with a nan, the first nan unless nans are skipped."""
    x = lax.stop_gradient(x)
    order = ordered(x, dim)[1]
    if not x.ndim:
        return order
    nan = x != x
    if skip_nan:
        half = (jnp.maximum(jnp.sum(~nan, dim, keepdims=True), 1) - 1) // 2
        return jnp.squeeze(jnp.take_along_axis(order, half, dim), dim)
    found = lax.index_in_dim(order, (x.shape[dim] - 1) // 2, dim, False)
    return jnp.where(jnp.any(nan, dim), jnp.argmax(nan, dim), found)


def _nan_as(kind: np.dtype) -> Array:
    """What a processor makes of nan: the least number of 32 or 64 bits, of which a shorter type takes the last."""
    if not jnp.issubdtype(kind, jnp.integer):
        return jnp.asarray(jnp.nan, kind)
    return jnp.asarray(jnp.iinfo(kind).min if kind.itemsize >= 4 else 0, kind)


def _median_of_all(x: Array, skip_nan: bool) -> Array:
    """The median; elements equal to it share the gradient."""
    if not x.size:
        return _nan_as(x.dtype)
    flat = x.reshape(-1)
    still = lax.stop_gradient(flat)
    value = still[_middle(flat, 0, skip_nan)]
    if is_integral(x):
        return value
    equal = (still == value) | ((still != still) & (value != value))
    share = jnp.where(equal, flat - still, 0) / jnp.sum(equal).astype(x.dtype)
    return jnp.where(jnp.isfinite(value), value + jnp.sum(share), value)


def _median(name: str, skip_nan: bool, doc: str) -> Any:
    def of_all(input: Array) -> Array:
        return _median_of_all(input, skip_nan)

    def along(input: Array, dim: Dim, keepdim: bool = False) -> tuple[Array, Array]:
        _nonempty("median", input, dim)
        without_kernel("median_out", from_numpy(input.dtype), BOOL, COMPLEX)
        return _at(input, _middle(input, dim, skip_nan), dim, keepdim)

    of_all.__doc__ = along.__doc__ = doc
    grad = name.capitalize()
    return overload(
        name,
        reduction(kind=None, name=name, public=f"_{name}_all", residuals=True, grad=f"{grad}Backward0",
                  refuse=lambda specs: specs[0].size and no_kernel("median_cpu", BOOL, COMPLEX)(specs),
                  saves="input result", real_gradient=name, **_hidden)(of_all),
        op(name=name, public=f"_{name}_dim", grad=f"{grad}Backward1", saves="result1", **_hidden, **_pair)(along),
    )  # fmt: skip


median = _median("median", False, "The lower median of all elements, or along a dimension with its index.")
nanmedian = _median("nanmedian", True, "The lower median of the elements that are not nan.")


@op(real_gradient="mode", saves="result1", **_pair)
def mode(input: Array, dim: Dim = -1, keepdim: bool = False) -> tuple[Array, Array]:
    """The most frequent element along a dimension, the smallest of several, and where it stands last."""
    _nonempty("mode", input, dim)
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    without_kernel("mode_cpu", from_numpy(input.dtype), COMPLEX)
    values, order = ordered(lax.stop_gradient(input), dim)
    place = lax.broadcasted_iota(index_type(input.shape[dim]), input.shape, dim)
    is_first = (values != jnp.roll(values, 1, dim)) | (place == 0)
    start = lax.cummax(jnp.where(is_first, place, 0), axis=dim)
    longest = jnp.argmax(place - start, dim, keepdims=True)
    return _at(input, jnp.squeeze(jnp.take_along_axis(order, longest, dim), dim), dim, keepdim)


def _host(t: Any) -> np.ndarray:
    """A tensor's contents in a type NumPy can sort."""
    found = to_host(t)
    return found.astype(np.float32) if t.dtype.itemsize == 2 and t.dtype.is_floating_point else found


def _wrapped_nonempty(input: Any, dim: int | None) -> int | None:
    """The dimension of which slices are compared, None for elements."""
    if dim is None:
        return None
    shape = input._v.aval.shape
    if not shape:
        raise errors.dim_of_scalar(dim)
    dim = wrap_dim(dim, len(shape))
    if shape[dim] == 0 and shape.count(0) > 1:
        raise RuntimeError("Number of zero sized dimensions is more than one, so unique cannot be applied ")
    if shape[dim] and 0 in shape:
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    return dim


def _results(t: Any, name: str, values: np.ndarray, inverse: Any, counts: Any) -> Any:
    found = [without_gradient(from_host(np.ascontiguousarray(values), t.dtype, t.device), t, name)]
    found += [from_host(np.asarray(x, np.int64), place=t.device) for x in (inverse, counts) if x is not None]
    return found[0] if len(found) == 1 else tuple(found)


@composite()
def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The different elements in order (slices along `dim`), where each input went, how often each occurs.

    >>> import jtorch as torch
    >>> torch.unique(torch.tensor([3, 1, 1]), return_counts=True)
    (tensor([1, 3]), tensor([2, 1]))
    """
    if sorted.__class__ is not bool:
        raise errors.argument_type("_unique2", "sorted", None, "bool", sorted)
    without_kernel("unique" if dim is None else "unique_dim", input.dtype, COMPLEX)
    dim, array = _wrapped_nonempty(input, dim), _host(input)
    values, inverse, counts = np.unique(
        array, return_inverse=True, return_counts=True, axis=dim, equal_nan=False
    )  # fmt: skip
    inverse = inverse.reshape(array.shape if dim is None else -1)
    name = "_unique2" if dim is None else "unique_dim"
    return _results(input, name, values, inverse if return_inverse else None, counts if return_counts else None)


@composite()
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements (slices along `dim`), where each input went, how long each run is.

    >>> import jtorch as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    without_kernel("unique" if dim is None or (dim == 0 and input.ndim == 1) else "unique_dim", input.dtype, COMPLEX)
    dim, array = _wrapped_nonempty(input, dim), _host(input)
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, dim, 0)
    flat = rows.reshape(len(rows), -1) if rows.size else rows.reshape(len(rows), 0)
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (flat[1:] != flat[:-1]).any(1)
    starts = np.flatnonzero(is_first)
    values = rows[starts] if dim is None else np.moveaxis(rows[starts], 0, dim)
    inverse = np.cumsum(is_first) - 1
    counts = np.diff(starts, append=len(rows))
    inverse = inverse.reshape(array.shape) if dim is None else inverse
    name = "unique_consecutive"
    return _results(input, name, values, inverse if return_inverse else None, counts if return_counts else None)


@op(name="searchsorted", public="_searchsorted", out=True, differentiable=False, **_hidden)
def _searchsorted(sequence: Operand, values: Operand, right: bool, out_int32: bool) -> Array:
    if values.size:
        without_kernel("searchsorted_out_cpu", from_numpy(sequence.dtype), BOOL, COMPLEX)
    side = "right" if right else "left"
    if sequence.ndim == 1:
        found = jnp.searchsorted(sequence, values, side=side)
    else:
        rows, wanted = sequence.reshape(-1, sequence.shape[-1]), values.reshape(-1, values.shape[-1])
        found = jax.vmap(lambda s, v: jnp.searchsorted(s, v, side=side))(rows, wanted).reshape(values.shape)
    return found.astype(jnp.int32 if out_int32 else jnp.int64)


@composite(method=False)
def searchsorted(
    sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: Any = None, out: Any = None,
) -> Any:  # fmt: skip
    """Where each value would go into a sequence sorted along its last dimension.

    >>> import jtorch as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    _warn_of_gaps(sorted_sequence, input, sorter)
    if sorter is not None:
        sorted_sequence = _along_last(sorted_sequence, sorter)
    _check_search(sorted_sequence.shape, () if is_number(input) else input.shape)
    return _searchsorted(sorted_sequence, input, right or side == "right", out_int32, out=out)


def _warn_of_gaps(sequence: Any, values: Any, sorter: Any = None) -> None:
    for what, t in (("input value", values), ("boundary", sequence), ("sorter", sorter)):
        if isinstance(t, Handle) and t._bent and not t.is_contiguous():
            warn_once(
                f"torch.searchsorted(): {what} tensor is non-contiguous, this will lower the performance due to "
                "extra data copy when converting non-contiguous tensor to contiguous, please use contiguous "
                f"{what} tensor if possible. This message will only appear once per program."
            )


_SORTER = Fault(
    lambda input, indices: outside(indices, input.shape[-1]),
    lambda: RuntimeError("torch.searchsorted(): sorter index out of range"),
)


@op(name="searchsorted", public="_along_last", differentiable=False, faults=(_SORTER,), **_hidden)
def _along_last(input: Array, indices: Array) -> Array:
    if input.shape != indices.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
            f"{list(input.shape)}and got sorter tensor {list(indices.shape)}"
        )
    return jnp.take_along_axis(input, indices, -1)


def _check_search(sequence: Any, values: Any) -> None:
    if len(sequence) > 1 and not values:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got "
            f"boundaries tensor dim({len(sequence)}) and input value's dim(0) numel(1)"
        )
    if len(sequence) > 1 and sequence[:-1] != values[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(sequence)} and input value "
            f"tensor {list(values)}"
        )


@composite(method=False)
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None) -> Any:
    """The number of the interval between `boundaries` each value lies in.

    >>> import jtorch as torch
    >>> torch.bucketize(torch.tensor([3, 6, 9]), torch.tensor([1, 3, 5, 7, 9]))
    tensor([1, 3, 4])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    _warn_of_gaps(boundaries, input)
    return _searchsorted(boundaries, input, right, out_int32, out=out)
