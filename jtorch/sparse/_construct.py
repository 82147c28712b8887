"""Sparse tensors from their parts: `torch.sparse_coo_tensor`, `torch.sparse_csr_tensor` and their kin.

https://docs.pytorch.org/docs/stable/sparse.html#construction
"""

from __future__ import annotations

from typing import Any

from jtorch import _root as torch
from jtorch._declare import composite, errors, size_of
from jtorch._declare.placement import check_requires_grad
from jtorch._engine.parts import sparse_fills
from jtorch._ops import creation
from jtorch._types import layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from jtorch.sparse import _invariants
from jtorch.sparse._graph import made
from jtorch.sparse._pattern import BLOCKED, BY_ROWS, COMPRESSED, Pattern, word
from jtorch.sparse._tensor import SparseTensor, is_sparse

_COO_FORMS = (  # what torch takes: the size alone, too
    "indices, values, size=None, *, dtype=None, device=None, requires_grad=False, check_invariants=None, "
    "is_coalesced=None",
    "size, *, dtype=None, device=None, requires_grad=False, check_invariants=None",
)
_COO_SIGNATURES = [
    "object indices, object values, *, torch.dtype dtype = None, torch.device device = None, bool pin_memory = False, "
    "bool requires_grad = False, bool check_invariants = None",
    "object indices, object values, tuple of ints size, *, torch.dtype dtype = None, torch.device device = None, bool "
    "pin_memory = False, bool requires_grad = False, bool check_invariants = None, bool is_coalesced = None",
    "tuple of ints size, *, torch.dtype dtype = None, torch.device device = None, bool requires_grad = False, bool "
    "check_invariants = None",
]


@composite(namespace="torch", method=False, forms=_COO_FORMS)
def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> Any:  # fmt: skip
    """A COO tensor of indices (sparse_dim, nnz) and values (nnz, *dense); values at one place count as their sum.

    The size is inferred when it is not given. `sparse_coo_tensor(size)` is an empty one.

    >>> import jtorch as torch
    >>> torch.sparse_coo_tensor([[0, 1], [2, 0]], [3., 4.], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if values is None:
        return _empty_coo(indices, size, dtype, device, requires_grad)
    for name, given in (("indices", indices), ("values", values)):
        if isinstance(given, SparseTensor):
            raise RuntimeError(f"expected {name} to be a dense tensor, but got {name} of layout {word(given.layout)}")
    if isinstance(size, str):
        raise errors.invalid_combination("sparse_coo_tensor", (indices, values, size), {}, _COO_SIGNATURES)
    index = torch.as_tensor(indices, device=device).detach().to(torch.int64)
    held = _values(values, dtype, device)
    if held.ndim == 0:
        held = held.expand(1)
    if index.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(index.shape)}")
    shape = _invariants.inferred_size(index, held) if size is None else _shape("sparse_coo_tensor", size)
    _invariants.check_coo_shapes(shape, index, held)
    checked = _invariants.enabled(check_invariants)
    if checked and size is not None:
        _invariants.check_indices(shape, index)
    pattern = Pattern(sparse_coo, shape, (index,), held.ndim - 1, coalesced=bool(is_coalesced) or index.shape[1] < 2)
    if checked and is_coalesced and not (pattern.flat[1:] > pattern.flat[:-1]).all():
        raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    return _finished(made(pattern, held, "SparseCooTensorWithDimsAndTensorsBackward0"), requires_grad)


def _empty_coo(size: Any, given: Any, dtype: Any, device: Any, requires_grad: bool) -> Any:
    size = given if size is None else size
    if size is None:
        raise errors.invalid_combination("sparse_coo_tensor", (), {}, _COO_SIGNATURES)
    if isinstance(size, torch.Tensor):
        raise errors.argument_type("sparse_coo_tensor", "size", 1, "tuple of ints", size)
    return _finished(empty(sparse_coo, _shape("sparse_coo_tensor", size), dtype, device), requires_grad)


def _shape(function: str, size: Any) -> tuple[int, ...]:
    found = size_of(function, "size", 3, size)
    if any(n < 0 for n in found):
        raise RuntimeError("numel: integer multiplication overflow")
    return found


def _values(values: Any, dtype: Any, device: Any) -> Any:
    """Values as given, or of the dtype asked for; a tensor keeps its place in the graph."""
    found = values if isinstance(values, torch.Tensor) else torch.tensor(values, dtype=dtype, device=device)
    return found if dtype is None and device is None else found.to(dtype=dtype or found.dtype, device=device)


def _finished(t: Any, requires_grad: bool) -> Any:
    check_requires_grad(requires_grad, t.dtype)
    return t.requires_grad_() if requires_grad else t


def empty(kind: layout, shape: tuple[int, ...], dtype: Any = None, device: Any = None, like: Any = None) -> Any:
    """A sparse tensor of nothing but zeros, in the blocks and dense dimensions of a pattern `like` it."""
    dense_dim = 0 if like is None else like.dense_dim
    indexed = len(shape) - dense_dim
    if kind is sparse_coo:
        index: tuple[Any, ...] = (torch.zeros(indexed, 0, dtype=torch.int64, device=device),)
        batch, block = (), ()
    else:
        if indexed < 2:
            raise RuntimeError(
                "torch.empty: Only batched sparse compressed (non-block) tensors are supported, but got size "
                f"{list(shape)}"
            )
        batch, block = shape[: indexed - 2], () if like is None else like.blocksize
        lines = shape[indexed - 2] // (block or (1,))[0]
        if kind not in BY_ROWS:
            lines = shape[indexed - 1] // (block or (1,))[-1]
        to = torch.int64 if like is None else like.index[0].dtype
        index = (
            torch.zeros(*batch, lines + 1, dtype=to, device=device),
            torch.zeros(*batch, 0, dtype=to, device=device),
        )
    pattern = Pattern(kind, shape, index, dense_dim, block, coalesced=True)
    return made(pattern, torch.zeros(pattern.values_shape, dtype=dtype, device=device), "ZerosBackward0")


sparse_fills[creation.ZEROS] = empty


def _compressed(
    wanted: Any, indices: tuple, values: Any, size: Any, asked: Any, dtype: Any, device: Any, requires_grad: bool,
    check_invariants: bool | None,
) -> Any:  # fmt: skip
    """What the five constructors of compressed tensors do; `wanted` is None for the one that takes any layout."""
    name = "sparse_compressed_tensor" if wanted is None else str(wanted).removeprefix("torch.") + "_tensor"
    if wanted is None and asked not in COMPRESSED:
        said = "none" if asked is None else word(asked)
        raise RuntimeError(f"{name} expected sparse compressed tensor layout but got {said}")
    if wanted is not None and asked not in (None, wanted, strided):
        raise RuntimeError(f"{name}: layout must be {word(wanted)} but got {word(asked)}")
    kind: Any = wanted or asked
    index = tuple(torch.as_tensor(i, device=device).detach() for i in indices)
    held = _values(values, dtype, device)
    for part, name_of in ((held, "values"), *zip(index, _invariants.names(kind), strict=True)):
        if is_sparse(part):
            raise RuntimeError(f"expected {name_of} to be a strided tensor but got {word(part.layout)} tensor")
    shape = _invariants.compressed_size(kind, index, held) if size is None else _shape(name, size)
    if _invariants.enabled(check_invariants):
        _invariants.check_compressed(kind, index, held, shape)
    lead = max(index[1].ndim, 1)
    block = tuple(held.shape[lead : lead + 2]) if kind in BLOCKED else ()
    pattern = Pattern(kind, shape, index, held.ndim - lead - len(block), block, coalesced=True)
    return _finished(made(pattern, held, "SparseCompressedTensorBackward0"), requires_grad)


_OPTIONS = "values, size=None, *, dtype=None, device=None, requires_grad=False, check_invariants=None"


@composite(
    namespace="torch",
    method=False,
    forms=(
        "compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None, "
        "requires_grad=False, check_invariants=None",
    ),
)
def sparse_compressed_tensor(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
    layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    check_invariants: bool | None = None,
) -> Any:  # fmt: skip
    """A tensor in one of the four compressed layouts, which `layout=` names.

    >>> import jtorch as torch
    >>> torch.sparse_compressed_tensor([0, 1, 2], [1, 0], [3., 4.], layout=torch.sparse_csc).to_dense()
    tensor([[0., 4.],
            [3., 0.]])
    """
    return _compressed(
        None, (compressed_indices, plain_indices), values, size, layout, dtype, device, requires_grad, check_invariants
    )


@composite(namespace="torch", method=False, forms=(f"crow_indices, col_indices, {_OPTIONS}",))
def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
) -> Any:  # fmt: skip
    """A CSR tensor: row i holds the values from `crow_indices[i]` to `crow_indices[i + 1]`.

    >>> import jtorch as torch
    >>> torch.sparse_csr_tensor([0, 1, 2], [1, 0], [3., 4.]).to_dense()
    tensor([[0., 3.],
            [4., 0.]])
    """
    return _compressed(
        sparse_csr, (crow_indices, col_indices), values, size, layout, dtype, device, requires_grad, check_invariants
    )


@composite(namespace="torch", method=False, forms=(f"ccol_indices, row_indices, {_OPTIONS}",))
def sparse_csc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
) -> Any:  # fmt: skip
    """A CSC tensor: CSR with rows and columns exchanged."""
    return _compressed(
        sparse_csc, (ccol_indices, row_indices), values, size, layout, dtype, device, requires_grad, check_invariants
    )


@composite(namespace="torch", method=False, forms=(f"crow_indices, col_indices, {_OPTIONS}",))
def sparse_bsr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
) -> Any:  # fmt: skip
    """A BSR tensor: CSR of blocks, values (nnz, height, width)."""
    return _compressed(
        sparse_bsr, (crow_indices, col_indices), values, size, layout, dtype, device, requires_grad, check_invariants
    )


@composite(namespace="torch", method=False, forms=(f"ccol_indices, row_indices, {_OPTIONS}",))
def sparse_bsc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
) -> Any:  # fmt: skip
    """A BSC tensor: CSC of blocks, values (nnz, height, width)."""
    return _compressed(
        sparse_bsc, (ccol_indices, row_indices), values, size, layout, dtype, device, requires_grad, check_invariants
    )
