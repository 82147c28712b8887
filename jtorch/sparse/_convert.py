"""Between layouts, and the parts of a sparse tensor.

https://docs.pytorch.org/docs/stable/sparse.html#tensor-methods-and-sparse
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare import composite, registry, to_host, write_out
from jtorch._declare.variants import COPY, TO
from jtorch._parted import linked
from jtorch._types import layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from jtorch.sparse._graph import flat_values, gathered, host_index, made, once, restricted, segment_sum, values_of
from jtorch.sparse._pattern import BLOCKED, BY_ROWS, COMPRESSED, Pattern, compressed, coo, word
from jtorch.sparse._tensor import is_sparse, sparse, stands_for

_KINDS = {sparse_csr: "csr", sparse_csc: "csc", sparse_bsr: "bsr", sparse_bsc: "bsc"}


def kind_of(t: Any) -> layout:
    """The layout of any tensor."""
    return t._pattern.kind if is_sparse(t) else strided


# Parts


def _expect(t: Any, name: str, kinds: tuple, kind: str) -> None:
    if kind_of(t) not in kinds:
        raise RuntimeError(f"{name} expected sparse {kind} tensor layout but got {word(kind_of(t))}")


@composite(namespace="torch", function=False)
def indices(self: Any) -> Any:
    """The indices (sparse_dim, nnz) of a coalesced COO tensor."""
    _expect(self, "indices", (sparse_coo,), "coordinate")
    if not self._pattern.coalesced:
        raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
    return self._pattern.index[0]


@composite(namespace="torch", function=False)
def values(self: Any) -> Any:
    """The values of a sparse tensor, which a COO tensor must have coalesced for it.

    >>> import jtorch as torch
    >>> torch.eye(2).to_sparse().values()
    tensor([1., 1.])
    """
    if not is_sparse(self):
        raise RuntimeError("values expected sparse tensor layout but got Strided")
    if self._pattern.kind is sparse_coo and not self._pattern.coalesced:
        raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
    return values_of(self)


def _raw_indices(self: Any) -> Any:
    """The indices of a COO tensor, coalesced or not."""
    _expect(self, "_indices", (sparse_coo,), "coordinate")
    return self._pattern.index[0]


def _raw_values(self: Any) -> Any:
    """The values of a COO tensor, coalesced or not, outside the graph."""
    if not is_sparse(self):
        raise RuntimeError("_values expected sparse tensor layout but got Strided")
    return self._held


def _nnz(self: Any) -> int:
    """How many elements are specified."""
    if not is_sparse(self):
        raise NotImplementedError("_nnz is for sparse tensors: call .to_sparse() first")
    return self._pattern.nnz


def _index_part(name: str, by_rows: bool, place: int) -> Any:
    kinds = tuple(k for k in COMPRESSED if (k in BY_ROWS) is by_rows)

    def part(self: Any) -> Any:
        _expect(self, name, kinds, f"{'row' if by_rows else 'column'} compressed")
        return self._pattern.index[place]

    part.__name__ = part.__qualname__ = name
    which = ("Where the", "The")[place]
    part.__doc__ = f"{which} {'rows begin' if not place and by_rows else name} of a compressed tensor."
    return part


def _copy_of(name: str, part: Any) -> Any:
    def copied(input: Any, *, out: Any = None) -> Any:
        if is_sparse(input) and input.is_sparse and name in ("indices", "values"):
            raise NotImplementedError(f"{name}_copy does not take tensors with layout torch.sparse_coo: use .{name}()")
        found = part(input).clone()
        return found if out is None else write_out(f"{name}_copy", out, found)

    copied.__name__ = copied.__qualname__ = f"{name}_copy"
    copied.__doc__ = f"A copy of `{name}()`."
    return copied


for _name, _by_rows, _place in (("crow_indices", True, 0), ("col_indices", True, 1), ("ccol_indices", False, 0),
                                ("row_indices", False, 1)):  # fmt: skip
    registry.add_method(_name, _index_part(_name, _by_rows, _place))
for _name in ("indices", "values", "crow_indices", "col_indices", "ccol_indices", "row_indices"):
    registry.add_function("torch", f"{_name}_copy", _copy_of(_name, registry.methods()[_name]))
for _name, _method in {"_indices": _raw_indices, "_values": _raw_values, "_nnz": _nnz}.items():
    registry.add_method(_name, _method)


@composite(namespace="torch", function=False)
def sparse_dim(self: Any) -> int:
    """How many dimensions are indexed; 0 of a strided tensor."""
    return self._pattern.sparse_dim if is_sparse(self) else 0


@composite(namespace="torch", function=False)
def dense_dim(self: Any) -> int:
    """How many dimensions one value has; all of a strided tensor."""
    return self._pattern.dense_dim if is_sparse(self) else self.ndim


registry.add_method("_dimI", sparse_dim)
registry.add_method("_dimV", dense_dim)


@composite(namespace="torch", function=False)
def is_coalesced(self: Any) -> bool:
    """True when a COO tensor is known to have each place once, in order."""
    _expect(self, "is_coalesced", (sparse_coo,), "coordinate")
    return self._pattern.coalesced


@composite(namespace="torch", function=False)
def coalesce(self: Any) -> Any:
    """A COO tensor with each place once, in order: values at one place are added up.

    >>> import jtorch as torch
    >>> torch.sparse_coo_tensor([[1, 1]], [2., 3.], (3,)).coalesce().values()
    tensor([5.])
    """
    _expect(self, "coalesce", (sparse_coo,), "coordinate")
    pattern = self._pattern
    if pattern.coalesced:
        return self
    rows = values_of(self)
    if pattern.distinct:
        found = rows[host_index(pattern.order)] if (np.diff(pattern.order) < 0).any() else rows
    else:
        found = segment_sum(rows[host_index(pattern.order)], pattern.segments, len(pattern.firsts))
    return made(once(pattern), found, "CoalesceBackward0")


# To sparse


@composite(
    namespace="torch",
    function=False,
    forms=("self, *, layout=None, blocksize=None, dense_dim=None", "self, sparse_dim"),
)
def to_sparse(
    self: Any, sparse_dim: int | None = None, *, layout: Any = None, blocksize: Any = None, dense_dim: int | None = None
) -> Any:
    """The tensor in a sparse layout: COO, with as many indexed dimensions as given, or the one `layout` names.

    >>> import jtorch as torch
    >>> torch.tensor([0., 2.]).to_sparse()
    tensor(indices=tensor([[1]]),
           values=tensor([2.]),
           size=(2,), nnz=1, layout=torch.sparse_coo)
    """
    kind = layout
    if sparse_dim is not None:
        if kind is not None or blocksize is not None or dense_dim is not None:
            raise TypeError("to_sparse() takes 0 positional arguments but 1 was given")
        return _with_sparse_dim(self, sparse_dim)
    if kind in COMPRESSED:
        return _to_compressed(self, kind, blocksize, dense_dim)
    if blocksize is not None:
        raise RuntimeError(
            f"to_sparse: conversion from {word(kind_of(self))} to Sparse with blocksize argument given is not supported"
        )
    if (kind is strided and not is_sparse(self)) or (kind is kind_of(self) and kind is not None):
        return self
    if kind is strided:
        return self.to_dense()
    if is_sparse(self):
        return _to_coo(self)
    return _dense_to_coo(self, self.ndim - (dense_dim or 0), "ToSparseBackward1")


def _with_sparse_dim(t: Any, wanted: int) -> Any:
    kind = kind_of(t)
    if kind is strided:
        return _dense_to_coo(t, wanted, "ToSparseBackward0")
    if wanted != t._pattern.sparse_dim:
        if kind is sparse_coo:
            raise RuntimeError(
                "to_sparse: conversion from Sparse to Sparse with sparse_dim argument !=self.sparse_dim() is not "
                "supported"
            )
        raise RuntimeError(
            f"sparse_compressed_to_sparse: conversion from {word(kind)} to Sparse with sparse_dim argument !=2 is not "
            "supported"
        )
    return t if kind is sparse_coo else _to_coo(t)


def _dense_to_coo(t: Any, indexed: int, name: str) -> Any:
    if not 0 <= indexed <= t.ndim:
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{t.ndim}] range, but {indexed} is given"
        )
    if t.ndim and not indexed:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    pattern = coo(tuple(t.shape), _specified(t, indexed), coalesced=True)
    return made(pattern, gathered(t, pattern), name)


def _specified(t: Any, indexed: int) -> np.ndarray:
    """The coordinates, in the leading dimensions, of what is not all zero."""
    found = to_host(t.detach()) != 0
    mask = found.any(tuple(range(indexed, t.ndim))) if indexed < t.ndim else np.asarray(found)
    if not indexed:
        return np.zeros((0, int(mask)), np.int64)
    return np.stack(np.nonzero(mask))


def _to_coo(t: Any) -> Any:
    """A compressed tensor as COO; a COO tensor itself."""
    pattern = t._pattern
    if pattern.kind is sparse_coo:
        return t
    order = np.argsort(pattern.flat, kind="stable")
    rows = flat_values(t)
    if (np.diff(order) < 0).any():
        rows = rows[host_index(order)]
    found = coo(pattern.shape, pattern.coordinates[:, order], coalesced=True)
    return made(found, rows, "ToSparseBackward1")


def _to_compressed(t: Any, kind: layout, blocksize: Any = None, dense_dim: int | None = None) -> Any:
    name = f"{_word_of_source(t)}_to_sparse_{_KINDS[kind]}"
    if is_sparse(t) and t._pattern.kind is kind and (blocksize is None or tuple(blocksize) == t._pattern.blocksize):
        return t
    dense = (t._pattern.dense_dim if is_sparse(t) else 0) if dense_dim is None else dense_dim
    _check_shape(t, name, kind, blocksize, dense)
    block = () if blocksize is None else tuple(blocksize)
    source = t.coalesce() if kind_of(t) is sparse_coo else t
    where = source._pattern.coordinates if is_sparse(source) else _specified(source, t.ndim - dense)
    index_dtype = source._pattern.index[0].dtype if kind_of(source) in COMPRESSED else None
    pattern = compressed(kind, tuple(t.shape), where, block, index_dtype)
    return made(pattern, gathered(source, pattern), f"ToSparse{_KINDS[kind].capitalize()}Backward0")


def _word_of_source(t: Any) -> str:
    return {strided: "dense", sparse_coo: "coo"}.get(kind_of(t), "compressed")


def _check_shape(t: Any, name: str, kind: layout, blocksize: Any, dense: int) -> None:
    if is_sparse(t):
        if kind_of(t) is sparse_coo and t._pattern.sparse_dim != 2:
            raise RuntimeError(
                f"Only tensors with two sparse dimensions can be converted to the {word(kind)} layout, got "
                f"{t._pattern.sparse_dim} sparse dimensions"
            )
    elif not 0 <= dense <= t.ndim - 2:
        raise RuntimeError(f"{name}: dense_dim argument must be in [0,{t.ndim - 2}] range, but {dense} is given")
    if kind not in BLOCKED:
        if kind_of(t) in BLOCKED:
            raise RuntimeError(f"sparse_{name}: expected SparseCsr or SparseCsc layout but got {word(kind_of(t))}")
        if blocksize is not None:
            raise RuntimeError(
                f"{name} for {word(kind_of(t))} to {word(kind)} conversion does not use specified blocksize"
            )
        return
    if blocksize is None:
        raise RuntimeError(f"{name} for {word(kind_of(t))} to {word(kind)} conversion requires blocksize, none given.")
    rows, columns = t.shape[t.ndim - dense - 2 : t.ndim - dense]
    height, width = blocksize
    if height <= 0 or width <= 0:
        raise RuntimeError(f"{name}: blocksize elements must be positive, but got blocksize ({height},{width})")
    if rows % height or columns % width:
        raise RuntimeError(
            f"{name}: tensor sparse size ({rows},{columns}) must be divisible by given blocksize ({height},{width})"
        )


@composite(namespace="torch", function=False)
def to_sparse_coo(self: Any) -> Any:
    """The tensor in COO layout."""
    return to_sparse(self)


@composite(namespace="torch", function=False)
def to_sparse_csr(self: Any, dense_dim: int | None = None) -> Any:
    """The matrix, or batch of matrices, in CSR layout.

    >>> import jtorch as torch
    >>> torch.eye(2).to_sparse_csr().crow_indices()
    tensor([0, 1, 2])
    """
    return _to_compressed(self, sparse_csr, None, dense_dim)


@composite(namespace="torch", function=False)
def to_sparse_csc(self: Any, dense_dim: int | None = None) -> Any:
    """The matrix, or batch of matrices, in CSC layout."""
    return _to_compressed(self, sparse_csc, None, dense_dim)


@composite(namespace="torch", function=False)
def to_sparse_bsr(self: Any, blocksize: Any, dense_dim: int | None = None) -> Any:
    """The matrix, or batch of matrices, in BSR layout with blocks of a size."""
    return _to_compressed(self, sparse_bsr, blocksize, dense_dim)


@composite(namespace="torch", function=False)
def to_sparse_bsc(self: Any, blocksize: Any, dense_dim: int | None = None) -> Any:
    """The matrix, or batch of matrices, in BSC layout with blocks of a size."""
    return _to_compressed(self, sparse_bsc, blocksize, dense_dim)


# To dense


def dense_of(t: Any) -> Any:
    """A sparse tensor's elements as a dense tensor, outside the graph."""
    pattern, rows = t._pattern, flat_values(t.detach())
    if not pattern.indexed:
        return rows.sum(0).to(t.dtype)
    zeros = torch.zeros(pattern.shape, dtype=t.dtype, device=t.device)
    if not math.prod(rows.shape) or not zeros.numel():
        return zeros
    return zeros.index_put(pattern.places, rows, accumulate=True)


@composite(namespace="torch", function=False)
def to_dense(self: Any, dtype: Any = None, *, masked_grad: bool | None = None) -> Any:
    """The tensor in strided layout. Its gradient is specified where the tensor is, with `masked_grad=False` everywhere.

    >>> import jtorch as torch
    >>> torch.sparse_coo_tensor([[1]], [2.], (3,)).to_dense()
    tensor([0., 2., 0.])
    """
    if not is_sparse(self):
        return self if dtype is None else self.to(dtype)
    if dtype is not None:
        raise RuntimeError("dtype argument is not supported by sparse_to_dense")
    pattern = self._pattern

    def gradient(g: Any) -> Any:
        if masked_grad is None or masked_grad:
            return restricted(g, pattern)
        return _like(g, pattern)

    return linked(dense_of(self), "ToDenseBackward0", (self, gradient))


def _like(g: Any, pattern: Pattern) -> Any:
    """A gradient in the layout of a pattern, specified wherever it is not zero."""
    if is_sparse(g):
        return g
    if pattern.kind is sparse_coo:
        return _dense_to_coo(g, pattern.indexed, "ToSparseBackward0")
    return _to_compressed(g, pattern.kind, pattern.blocksize or None, pattern.dense_dim)


@stands_for(COPY)
def clone(input: Any) -> Any:
    """A copy of a sparse tensor."""
    return linked(sparse(input._pattern, input._held.clone()), "CloneBackward0", (input, lambda g: g))


@stands_for(TO)
def converted(input: Any, to: Any) -> Any:
    """A sparse tensor in another dtype."""
    found = sparse(input._pattern, input._held.to(to))
    return linked(found, "ToCopyBackward0", (input, lambda g: g))


@composite(namespace="torch", function=False)
def sparse_mask(self: Any, mask: Any) -> Any:
    """The tensor's elements at the places a sparse tensor specifies.

    >>> import jtorch as torch
    >>> torch.ones(2, 2).sparse_mask(torch.eye(2).to_sparse()).values()
    tensor([1., 1.])
    """
    if not is_sparse(mask):
        raise NotImplementedError("sparse_mask takes a sparse mask: use torch.where with a strided one")
    if self.shape != mask.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask has size "
            f"{list(mask.shape)}"
        )
    if kind_of(self) in COMPRESSED and kind_of(mask) is kind_of(self):
        common = self._pattern.positions(mask._pattern.coordinates)[1]
        kept = compressed(kind_of(self), tuple(self.shape), mask._pattern.coordinates[:, common])
        return made(kept, gathered(self, kept), "SparseMaskBackward0")
    pattern = mask._pattern
    return made(pattern, gathered(self, pattern), "SparseMaskBackward0")


def parts_of(t: Any) -> tuple:
    """What a sparse tensor is pickled as."""
    size = torch.Size(t.shape)
    if t.is_sparse:
        return *t._pattern.index, t._held, size, t._pattern.coalesced
    return *t._pattern.index, t._held, size
