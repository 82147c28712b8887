"""Sparse tensors turned, picked from, joined and resized.

https://docs.pytorch.org/docs/stable/sparse.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare import composite, errors, size_of, to_host, wrap_dim
from jtorch._ops import creation, indexing, joining, splitting, views
from jtorch._types import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from jtorch.sparse._construct import empty
from jtorch.sparse._convert import kind_of, to_sparse
from jtorch.sparse._graph import flat_values, host_index, made, values_of
from jtorch.sparse._invariants import check_dims
from jtorch.sparse._pattern import COMPRESSED, Pattern, coo
from jtorch.sparse._tensor import is_sparse, stands_for

_TURNED = {sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr}


# Turned


@stands_for(torch.transpose, torch.swapaxes)
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped: indexed ones of a COO tensor, the matrix of a compressed one."""
    return _transposed(input, dim0, dim1, "TransposeBackward0")


def _transposed(t: Any, dim0: int, dim1: int, name: str) -> Any:
    a, b = wrap_dim(dim0, t.ndim), wrap_dim(dim1, t.ndim)
    pattern: Pattern = t._pattern
    if a == b:
        return t
    shape = list(t.shape)
    shape[a], shape[b] = shape[b], shape[a]
    if pattern.kind is sparse_coo:
        if max(a, b) >= pattern.indexed:
            raise RuntimeError(
                f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {pattern.sparse_dim}, d0: "
                f"{a}, d1: {b}"
            )
        order = list(range(pattern.indexed))
        order[a], order[b] = b, a
        index = pattern.index[0][torch.tensor(order)] if order else pattern.index[0]
        found = Pattern(sparse_coo, tuple(shape), (index,), pattern.dense_dim, coalesced=pattern.nnz < 2)
        return made(found, values_of(t), name)
    matrix = (pattern.indexed - 2, pattern.indexed - 1)
    if (min(a, b), max(a, b)) != matrix:
        raise NotImplementedError("transpose of a compressed tensor swaps rows and columns only: use .to_dense() first")
    values = values_of(t)
    if pattern.blocksize:
        values = values.transpose(len(pattern.batch) + 1, len(pattern.batch) + 2)
    turned = Pattern(
        _TURNED[pattern.kind], tuple(shape), pattern.index, pattern.dense_dim, pattern.blocksize[::-1], coalesced=True
    )
    return made(turned, values, name)


@stands_for(torch.t)
def t(input: Any) -> Any:
    """A matrix turned; a vector as it is."""
    if kind_of(input) is sparse_coo and (input._pattern.sparse_dim > 2 or input._pattern.dense_dim):
        raise RuntimeError(
            f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {input._pattern.sparse_dim} sparse "
            f"and {input._pattern.dense_dim} dense dimensions"
        )
    return input if input.ndim < 2 else _transposed(input, 0, 1, "TBackward0")


@stands_for(views._matrix_transposed)
def matrix_transposed(input: Any) -> Any:
    """The last two dimensions swapped."""
    return _transposed(input, -2, -1, "TransposeBackward0")


@stands_for(torch.permute)
def permute(input: Any, dims: Any) -> Any:
    """The dimensions of a COO tensor in another order; dense ones stay behind the indexed ones."""
    pattern = input._pattern
    if pattern.kind is not sparse_coo:
        raise NotImplementedError("permute does not take compressed tensors: use .transpose() or .to_dense()")
    order = [wrap_dim(d, input.ndim) for d in dims]
    n = pattern.indexed
    if len(order) != input.ndim:
        raise errors.permute_rank(input.ndim, len(order))
    if any(d >= n for d in order[:n]):
        raise RuntimeError("permute(sparse_coo): sparse and dense dimensions cannot be exchanged")
    index = (pattern.index[0][torch.tensor(order[:n])],)
    values = values_of(input)
    if pattern.dense_dim:
        values = values.permute(0, *(d - n + 1 for d in order[n:]))
    found = Pattern(
        sparse_coo, tuple(input.shape[d] for d in order), index, pattern.dense_dim, coalesced=pattern.nnz < 2
    )
    return made(found, values, "PermuteBackward0")


@stands_for(views._reversed_dims)
def reversed_dims(input: Any) -> Any:
    """`T`."""
    if input.ndim == 2:
        return _transposed(input, 0, 1, "PermuteBackward0")
    return permute(input, tuple(reversed(range(input.ndim))))


@stands_for(torch.unsqueeze)
def unsqueeze(input: Any, dim: int) -> Any:
    """One more dimension, of size 1: indexed where it stands before the dense ones."""
    pattern = input._pattern
    if pattern.kind is not sparse_coo:
        raise RuntimeError("Sparse CSR tensors do not have strides")
    at = wrap_dim(dim, input.ndim + 1)
    shape = (*input.shape[:at], 1, *input.shape[at:])
    if at > pattern.indexed:
        found = Pattern(sparse_coo, shape, pattern.index, pattern.dense_dim + 1, coalesced=pattern.coalesced)
        return made(found, values_of(input).unsqueeze(at - pattern.indexed + 1), "UnsqueezeBackward0")
    index = pattern.index[0]
    zeros = index.new_zeros((1, pattern.nnz))
    found = Pattern(
        sparse_coo, shape, (torch.cat([index[:at], zeros, index[at:]]),), pattern.dense_dim, coalesced=pattern.nnz < 2
    )
    return made(found, values_of(input), "UnsqueezeBackward0")


# Picked


@stands_for(torch.select, splitting._one)
def select(input: Any, dim: int, index: int) -> Any:
    """One index of a dimension: a sparse tensor while an indexed dimension is left."""
    d = wrap_dim(dim, input.ndim)
    size = input.shape[d]
    if not -size <= index < size:
        raise errors.select_out_of_range(index, tuple(input.shape), d)
    source = to_sparse(input) if kind_of(input) in COMPRESSED else input
    pattern, at = source._pattern, index % size
    shape = (*source.shape[:d], *source.shape[d + 1 :])
    if d >= pattern.indexed:
        values = values_of(source).select(d - pattern.indexed + 1, at)
        found = Pattern(sparse_coo, shape, pattern.index, pattern.dense_dim - 1, coalesced=pattern.nnz < 2)
        return made(found, values, "SelectBackward0")
    chosen = np.flatnonzero(pattern.coordinates[d] == at)
    rows = values_of(source)[host_index(chosen)]
    if pattern.indexed == 1:
        return rows.sum(0).to(source.dtype)
    where = np.delete(pattern.coordinates[:, chosen], d, 0)
    return made(coo(shape, where, coalesced=chosen.size < 2), rows, "SelectBackward0")


def item_of(self: Any, index: Any) -> Any:
    """`s[i]`, `s[i, j]`, `s[:, j]`: integers and whole slices."""
    steps = index if isinstance(index, tuple) else (index,)
    found, dim = self, 0
    for step in steps:
        if isinstance(step, slice) and step == slice(None):
            dim += 1
        elif isinstance(step, int) and not isinstance(step, bool):
            found = found.select(dim, step)
        else:
            raise NotImplementedError(
                f"indexing with {type(step).__name__} does not take sparse tensors: use .to_dense() first"
            )
    return found


@stands_for(indexing._index_select)
def index_select(input: Any, index: Any, dim: int) -> Any:
    """Some indices of a dimension of a COO tensor."""
    if kind_of(input) is not sparse_coo:
        raise NotImplementedError("index_select does not take compressed tensors: call .to_sparse() first")
    pattern, d = input._pattern, wrap_dim(dim, input.ndim)
    wanted = to_host(index).reshape(-1)
    shape = (*input.shape[:d], wanted.size, *input.shape[d + 1 :])
    if d >= pattern.indexed:
        found = Pattern(sparse_coo, shape, pattern.index, pattern.dense_dim, coalesced=pattern.nnz < 2)
        return made(found, values_of(input).index_select(d - pattern.indexed + 1, index), "IndexSelectBackward0")
    row = pattern.coordinates[d]
    new, old = np.nonzero(wanted[:, None] == row)
    where = pattern.coordinates[:, old].copy()
    where[d] = new
    return made(coo(shape, where, coalesced=new.size < 2), values_of(input)[host_index(old)], "IndexSelectBackward0")


def narrow_copy(self: Any, dim: int, start: int, length: int) -> Any:
    """A copy of `length` indices of a dimension."""
    d = wrap_dim(dim, self.ndim)
    found = index_select(self, torch.arange(start, start + length), d)
    source = self._pattern
    if source.coalesced:
        found = found.coalesce()
    return found


# Joined


@stands_for(joining._cat)
def cat(*args: Any) -> Any:
    """COO tensors behind one another."""
    tensors, dim = [t for t in args if isinstance(t, torch.Tensor)], args[-1]
    for i, each in enumerate(tensors):
        if kind_of(each) is not sparse_coo:
            kind = "dense" if not is_sparse(each) else "compressed"
            raise RuntimeError(f"Concatenating sparse tensors, but a {kind} tensor was found at position {i}.")
    d, first = wrap_dim(dim, tensors[0].ndim), tensors[0]._pattern
    for i, each in enumerate(tensors):
        off = [a != b for j, (a, b) in enumerate(zip(each.shape, first.shape, strict=True)) if j != d]
        if any(off) or each._pattern.indexed != first.indexed:
            raise RuntimeError(
                "All tensors must have the same shape: "
                f"{list(first.shape)} (except in the concatenating dimension), but found shape: {list(each.shape)} at "
                f"position {i}."
            )
    shape = (*first.shape[:d], sum(each.shape[d] for each in tensors), *first.shape[d + 1 :])
    if d >= first.indexed:
        raise NotImplementedError("cat joins COO tensors along indexed dimensions only: use .to_dense() first")
    where, start = [], 0
    for each in tensors:
        moved = each._pattern.coordinates.copy()
        moved[d] += start
        where.append(moved)
        start += each.shape[d]
    return made(
        coo(shape, np.concatenate(where, 1), coalesced=False),
        torch.cat([flat_values(x) for x in tensors]),
        "CatBackward0",
    )


@stands_for(joining._stack)
def stack(*args: Any) -> Any:
    """COO tensors along a new dimension."""
    tensors, dim = [t for t in args if isinstance(t, torch.Tensor)], args[-1]
    return torch.cat([each.unsqueeze(dim) for each in tensors], dim)


# Resized


def _resized(self: Any, size: Any, sparse_dim: int, dense_dim: int, clear: bool) -> Any:
    if kind_of(self) is not sparse_coo:
        raise NotImplementedError("sparse_resize_ takes COO tensors: call .to_sparse() first")
    shape = size_of("sparse_resize_", "size", 1, size)
    check_dims(shape, sparse_dim, dense_dim)
    pattern: Pattern = self._pattern
    if clear or not pattern.nnz:
        like = Pattern(sparse_coo, shape, pattern.index, dense_dim)
        self._take(empty(sparse_coo, shape, self.dtype, self.device, like))
        return self
    _check_growth(pattern, shape, sparse_dim, dense_dim)
    values = self._held
    if pattern.dense_shape != shape[sparse_dim:]:
        grown = values.new_zeros((pattern.nnz, *shape[sparse_dim:]))
        grown[(slice(None), *(slice(n) for n in pattern.dense_shape))] = values
        values = grown
    found = Pattern(sparse_coo, shape, pattern.index, dense_dim, coalesced=pattern.coalesced)
    self._take(made(found, values, "SparseResizeBackward0"))
    return self


_OPTIONS = """
You could try the following options:
1. If you need an empty sparse tensor of this size, call `x = torch.sparse_coo_tensor(size)`.
2. If you need to resize this tensor, you have the following options:
"""


def _check_growth(pattern: Pattern, shape: tuple[int, ...], sparse_dim: int, dense_dim: int) -> None:
    for word, old, new in (("sparse", pattern.sparse_dim, sparse_dim), ("dense", pattern.dense_dim, dense_dim)):
        if old != new:
            raise RuntimeError(
                f"changing the number of {word} dimensions (from {old} to {new}) on a non-empty sparse tensor is not "
                f"supported.{_OPTIONS}"
            )
    n = pattern.indexed
    for word, part in (("sparse", slice(n)), ("dense", slice(n, None))):
        old_sizes, new_sizes = list(pattern.shape[part]), list(shape[part])
        if any(b < a for a, b in zip(old_sizes, new_sizes, strict=True)):
            raise RuntimeError(
                f"shrinking the size of {word} dimensions (from {old_sizes} to {new_sizes}) on a non-empty sparse "
                f"tensor is not supported.{_OPTIONS}"
            )


@composite(namespace="torch", function=False)
def sparse_resize_(self: Any, size: Any, sparse_dim: int, dense_dim: int) -> Any:
    """Resizes a COO tensor; one with specified elements may only grow."""
    return _resized(self, size, sparse_dim, dense_dim, clear=False)


@composite(namespace="torch", function=False)
def sparse_resize_and_clear_(self: Any, size: Any, sparse_dim: int, dense_dim: int) -> Any:
    """Resizes a COO tensor and removes its elements."""
    return _resized(self, size, sparse_dim, dense_dim, clear=True)


@composite(namespace="torch")
def resize_as_sparse_(input: Any, the_template: Any) -> Any:
    """Resizes a COO tensor to the shape and dimensions of another."""
    if kind_of(the_template) is not sparse_coo:
        raise NotImplementedError("resize_as_sparse_ takes a COO template: call .to_sparse() first")
    pattern = the_template._pattern
    return _resized(input, pattern.shape, pattern.sparse_dim, pattern.dense_dim, clear=False)


@stands_for(creation.ZEROS)
def zeros_like(input: Any, dtype: Any = None) -> Any:
    """A tensor of the same layout and shape in which nothing is specified."""
    return empty(kind_of(input), tuple(input.shape), dtype or input.dtype, input.device, input._pattern)


def new_zeros(self: Any, *size: Any, dtype: Any = None, **options: Any) -> Any:
    shape = size_of("new_zeros", "size", 1, size[0] if len(size) == 1 else size)
    return empty(kind_of(self), shape, dtype or self.dtype, self.device)
