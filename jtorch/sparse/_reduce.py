"""Sums, norms and softmax of sparse tensors.

https://docs.pytorch.org/docs/stable/sparse.html#torch-functions-specific-to-sparse-tensors
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare import composite, wrap_dim, wrap_dims
from jtorch._ops import norms
from jtorch._parted import linked, named
from jtorch._types import sparse_coo, sparse_csr
from jtorch.autograd.modes import no_grad
from jtorch.sparse._convert import kind_of
from jtorch.sparse._graph import flat_values, host_index, made, segment_extreme, segment_sum, values_of
from jtorch.sparse._pattern import COMPRESSED, compressed, coo, flat_places, word
from jtorch.sparse._tensor import stands_for

_NAMESPACE = "torch.sparse"


@composite(namespace=_NAMESPACE, method=False, public="sum")
def sparse_sum(input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of a COO tensor's elements, or along dimensions, whose gradient is specified where the tensor is.

    >>> import jtorch as torch
    >>> torch.sparse.sum(torch.eye(2).to_sparse(), 0).to_dense()
    tensor([1., 1.])
    """
    if dim is None:
        return input.coalesce().values().sum(dtype=dtype)
    if kind_of(input) is not sparse_coo:
        raise NotImplementedError("sparse.sum along a dimension takes a COO tensor: call .to_sparse() first")
    dims = wrap_dims((dim,) if isinstance(dim, int) else tuple(dim), input.ndim)
    return named(_summed(input if dtype is None else input.to(dtype), dims), "SparseSumBackward0")


def _summed(t: Any, dims: tuple[int, ...]) -> Any:
    """The sum over some dimensions: sparse while one that is indexed stays."""
    t = t.coalesce()
    pattern = t._pattern
    kept = [d for d in range(pattern.indexed) if d not in dims]
    over = tuple(d - pattern.indexed + 1 for d in dims if d >= pattern.indexed)
    rows = values_of(t)
    if over:
        rows = rows.sum(over, dtype=rows.dtype)
    if not kept:
        return rows.sum(0, dtype=rows.dtype)
    shape = tuple(n for d, n in enumerate(t.shape) if d not in dims)
    where = pattern.coordinates[kept]
    if len(kept) == pattern.indexed:
        return made(coo(shape, where, coalesced=True), rows, "SparseSumBackward0")
    flat = flat_places(where, shape)
    _, firsts, segments = np.unique(flat, return_index=True, return_inverse=True)
    values = segment_sum(rows, segments.astype(np.int64), firsts.size)
    return made(coo(shape, where[:, firsts], coalesced=True), values, "SparseSumBackward0")


@stands_for(torch.sum)
def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """`torch.sum` of a sparse tensor: the gradient of the sum of all elements is dense."""
    to = dtype or (input.dtype if input.is_floating_point() or input.is_complex() else torch.int64)
    if dim is None:
        with no_grad():
            found = input._held.sum(dtype=dtype)
        return linked(found, "SumBackward0", (input, lambda g: g.expand(input.shape)))
    dims = wrap_dims((dim,) if isinstance(dim, int) else tuple(dim), input.ndim)
    if kind_of(input) in COMPRESSED:
        return _compressed_sum(input.to(to), dims, keepdim)
    if not dims:
        dims = tuple(range(input.ndim))
    found = _summed(input.to(to), dims)
    if keepdim:
        for d in sorted(dims):
            found = found.unsqueeze(d)
    return named(found, "SumBackward1")


def _compressed_sum(t: Any, dims: tuple[int, ...], keepdim: bool) -> Any:
    if kind_of(t) is not sparse_csr:
        raise RuntimeError("Currently the only compressed sparse format supported for sum.dim_IntList is CSR, but got "
                           f"layout {word(kind_of(t))}")  # fmt: skip
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    if t.ndim > 2:
        raise NotImplementedError("sum along a dimension takes one CSR matrix here: use .to_dense() first")
    where = t._pattern.coordinates.copy()
    where[list(dims)] = 0
    shape = tuple(1 if d in dims else n for d, n in enumerate(t.shape))
    places, segments = np.unique(flat_places(where, shape), return_inverse=True)
    found = compressed(sparse_csr, shape, np.stack(np.unravel_index(places, shape)))
    return made(found, segment_sum(flat_values(t), segments.astype(np.int64), places.size), "SumBackward1")


@stands_for(norms._vector_norm)
def norm(input: Any, p: float = 2.0, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The norm of all elements of a COO tensor."""
    if kind_of(input) is not sparse_coo or dim is not None:
        raise NotImplementedError("norm takes a whole COO tensor: use .to_dense() first")
    return named(torch.norm(input.coalesce().values(), p, dtype=dtype), "NormBackward0")


@stands_for(torch.any)
def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """True where an element of a COO tensor is not zero."""
    if kind_of(input) is not sparse_coo or dim is not None:
        raise NotImplementedError("any takes a whole COO tensor: use .to_dense() first")
    return input.coalesce().values().any()


# Softmax


def _softmax(name: str, log: bool, input: Any, dim: int, dtype: Any) -> Any:
    if kind_of(input) is not sparse_coo:
        raise NotImplementedError(f"sparse.{name} takes a COO tensor: call .to_sparse() first")
    axis = wrap_dim(dim, input.ndim)
    t = (input if dtype is None else input.to(dtype)).coalesce()
    if not t.is_floating_point():
        raise NotImplementedError(f"\"{name}\" not implemented for '{t.dtype.type_name}'")
    pattern, values = t._pattern, values_of(t)
    if axis >= pattern.indexed:
        along = axis - pattern.indexed + 1
        found = torch.log_softmax(values, along) if log else torch.softmax(values, along)
    else:
        found = _over_segments(values, _groups(pattern, axis), log)
    return named(made(pattern, found, "SparseSoftmaxBackward0"), f"Sparse{'Log' * log}SoftmaxBackward0")


def _groups(pattern: Any, axis: int) -> np.ndarray:
    """Which values stand in one line along an indexed dimension."""
    rest = [d for d in range(pattern.indexed) if d != axis]
    flat = flat_places(pattern.coordinates[rest], tuple(pattern.shape[d] for d in rest))
    return np.unique(flat, return_inverse=True)[1].astype(np.int64)


def _over_segments(values: Any, groups: np.ndarray, log: bool) -> Any:
    if not groups.size:
        return values
    count, index = int(groups.max()) + 1, host_index(groups)
    shifted = values - segment_extreme(values, groups, count, "amax")[index]
    exponentials = shifted.exp()
    total = segment_sum(exponentials, groups, count)[index]
    return shifted - total.log() if log else exponentials / total


@composite(namespace=_NAMESPACE, method=False)
def softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Softmax of a COO tensor, in which what is not specified counts as minus infinity.

    >>> import jtorch as torch
    >>> torch.sparse.softmax(torch.eye(2).to_sparse(), 1).values()
    tensor([1., 1.])
    """
    return _softmax("softmax", False, input, dim, dtype)


@composite(namespace=_NAMESPACE, method=False)
def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The logarithm of `softmax`."""
    return _softmax("log_softmax", True, input, dim, dtype)
