"""Products of sparse matrices.

https://docs.pytorch.org/docs/stable/sparse.html#linear-algebra-operations
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare import composite, errors
from jtorch._ops import matmul
from jtorch._parted import linked, named
from jtorch._types import sparse_coo, sparse_csr, strided
from jtorch.autograd.modes import no_grad
from jtorch.nn.functional.linear import linear as linear_op
from jtorch.sparse._construct import empty
from jtorch.sparse._convert import kind_of
from jtorch.sparse._graph import (
    flat_values,
    gathered,
    host_index,
    made,
    refusing,
    restricted,
    segment_extreme,
    segment_sum,
    values_of,
)
from jtorch.sparse._pattern import COMPRESSED, compressed, coo, flat_places, pairs, product_places, word
from jtorch.sparse._tensor import is_sparse, sparse, stands_for

_NAMESPACE = "torch.sparse"


def _adjoint(t: Any) -> Any:
    turned = t.t()
    return torch.conj_physical(turned) if t.is_complex() else turned


def _check_matrices(a: Any, b: Any) -> None:
    for name, t in (("self", a), ("mat2", b)):
        if t.ndim != 2:
            raise errors.not_a_matrix(name)
    if a.shape[1] != b.shape[0]:
        raise errors.mat_shapes(tuple(a.shape), tuple(b.shape))
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {_type(a)} != {_type(b)}")


def _type(t: Any) -> Any:
    return {"Float": "float", "Double": "double", "Long": "long int"}.get(t.dtype.type_name, t.dtype.type_name)


def _times_dense(a: Any, b: Any) -> Any:
    """A sparse matrix times a dense one: each value times a row, added up."""
    rows, columns = a._pattern.coordinates
    return segment_sum(flat_values(a)[:, None] * b[host_index(columns)], rows, a.shape[0])


def _product(a: Any, b: Any) -> Any:
    """Sparse times dense, dense times sparse, or sparse times sparse, differentiable by the values."""
    _check_matrices(a, b)
    for t in (a, b):
        if is_sparse(t) and t._pattern.dense_dim:
            raise RuntimeError(f"sparse matrix with 2 sparse dimensions expected, got {t._pattern.sparse_dim}")
    if not is_sparse(b):
        return _times_dense(a, b)
    if not is_sparse(a):
        return _times_dense(b.t(), a.t()).t()
    if kind_of(a) is not kind_of(b):
        kinds = word(kind_of(a)), word(kind_of(b))
        raise RuntimeError(f"addmm: computation on CPU is not implemented for {kinds[0]} + {kinds[0]} @ {kinds[1]}")
    return _sparse_times_sparse(a, b)


def _sparse_times_sparse(a: Any, b: Any) -> Any:
    kind, shape = kind_of(a), (a.shape[0], b.shape[1])
    if kind is sparse_coo:
        a, b = a.coalesce(), b.coalesce()
    left, right = pairs(a._pattern, b._pattern)
    where = np.stack([a._pattern.coordinates[0][left], b._pattern.coordinates[1][right]])
    places, segments = np.unique(flat_places(where, shape), return_inverse=True)
    products = flat_values(a)[host_index(left)] * flat_values(b)[host_index(right)]
    values = segment_sum(products, segments.astype(np.int64), places.size)
    found = coo(shape, np.stack(np.unravel_index(places, shape)) if places.size else where, coalesced=True)
    whole = made(found, values, "SparseSparseMatmulBackward0")
    if kind is sparse_coo:
        return whole
    kept = compressed(kind, shape, found.coordinates)
    return made(kept, gathered(whole, kept), "SparseSparseMatmulBackward0")


# torch.mm and its kin: the gradient of a sparse factor is dense


def _mm_linked(found: Any, name: str, a: Any, b: Any) -> Any:
    return linked(found, name, (a, lambda g: g @ _adjoint(b)), (b, lambda g: _adjoint(a) @ g))


@stands_for(torch.mm)
def mm(input: Any, mat2: Any, out_dtype: Any = None) -> Any:
    """The product of two matrices of which one is sparse, or both."""
    if is_sparse(input) and is_sparse(mat2):
        return named(_product(input, mat2), "MmBackward0")
    with no_grad():
        found = _product(input, mat2)
    return _mm_linked(found, "MmBackward0", input, mat2)


@stands_for(torch.mv)
def mv(input: Any, vec: Any) -> Any:
    """A sparse matrix times a vector."""
    if is_sparse(vec):
        raise NotImplementedError("mv takes a dense vector: use .to_dense() first")
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {vec.ndim}, {input.ndim}, {vec.ndim}")
    return named(mm(input, vec[:, None]).squeeze(1), "MvBackward0")


@stands_for(matmul._row_times)
def row_times(input: Any, other: Any) -> Any:
    """A vector times a sparse matrix."""
    return mv(other.t(), input)


@stands_for(linear_op)
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """`input @ weight.T + bias` with a sparse weight."""
    if is_sparse(input):
        raise NotImplementedError("linear takes a dense input: use .to_dense() first")
    rows = mm(input.reshape(-1, input.shape[-1]), weight.t()).reshape(*input.shape[:-1], weight.shape[0])
    return rows if bias is None else rows + bias


@stands_for(torch.bmm)
def bmm(input: Any, mat2: Any, out_dtype: Any = None) -> Any:
    """A batch of COO matrices times one of dense matrices."""
    if not is_sparse(input) or is_sparse(mat2) or kind_of(input) is not sparse_coo:
        raise NotImplementedError("bmm takes a COO batch and a dense one: use .to_dense() first")
    found = [mm(input.select(0, i), mat2[i]) for i in range(input.shape[0])]
    return named(torch.stack(found), "BmmBackward0")


@stands_for(torch.addmm)
def addmm(input: Any, mat1: Any, mat2: Any, beta: Any = None, alpha: Any = None, *rest: Any) -> Any:
    """beta * input + alpha * mat1 @ mat2."""
    _check_addmm(input, mat1, mat2)
    return named(_scaled(input, mm(mat1, mat2), beta, alpha), "AddmmBackward0")


def _scaled(input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    product = product if alpha is None or alpha == 1 else product * alpha
    if beta is not None and beta == 0:
        return product
    return (input if beta is None or beta == 1 else input * beta).expand(product.shape) + product


def _check_addmm(input: Any, mat1: Any, mat2: Any) -> None:
    if is_sparse(input):
        raise RuntimeError(
            f"addmm_sparse_dense: expected strided result tensor, got tensor with layout {word(kind_of(input))}"
        )
    if is_sparse(mat1) and is_sparse(mat2):
        raise RuntimeError(
            "addmm_sparse_dense: expected either 'mat1' to have sparse layout and 'mat2' to have strided layout, got "
            f"'mat1' with layout {word(kind_of(mat1))} and 'mat2' with layout {word(kind_of(mat2))}"
        )


@stands_for(torch.addmv)
def addmv(input: Any, mat: Any, vec: Any, beta: Any = None, alpha: Any = None) -> Any:
    """beta * input + alpha * mat @ vec, of a compressed matrix."""
    if kind_of(mat) not in COMPRESSED:
        raise NotImplementedError("addmv takes a compressed matrix: use .to_sparse_csr() first")
    return named(_scaled(input, mv(mat, vec), beta, alpha), "AddmvBackward0")


# torch.sparse: the gradient of a sparse factor is specified where the factor is


_REDUCTIONS = {"sum": "sum", "mean": "mean", "amax": "amax", "amin": "amin", "max": "amax", "min": "amin"}


@composite(namespace=_NAMESPACE, method=False, public="mm")
def sparse_mm(mat1: Any, mat2: Any, reduce: str | None = None) -> Any:
    """The product of two matrices; the gradient of a sparse one is specified where it is.

    `reduce` ("sum", "mean", "amax", "amin") says how the products of a row of a CSR matrix are put together.

    >>> import jtorch as torch
    >>> torch.sparse.mm(torch.eye(2).to_sparse(), torch.ones(2, 1))
    tensor([[1.],
            [1.]])
    """
    if reduce is not None:
        return _reduced(mat1, mat2, reduce)
    if not is_sparse(mat1) and not is_sparse(mat2):
        return torch.mm(mat1, mat2)
    both = is_sparse(mat1) and is_sparse(mat2)
    return named(_product(mat1, mat2), "SparseSparseMatmulBackward0" if both else "SparseAddmmBackward0")


def _reduced(a: Any, b: Any, reduce: str) -> Any:
    if kind_of(a) is not sparse_csr or is_sparse(b):
        raise NotImplementedError("sparse.mm with reduce= takes a CSR and a dense matrix: use .to_sparse_csr() first")
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"sparse_mm_reduce: reduce type of {reduce} has not been enabled.")
    _check_matrices(a, b)
    rows, columns = a._pattern.coordinates
    products = values_of(a)[:, None] * b[host_index(columns)]
    how, lines = _REDUCTIONS[reduce], a.shape[0]
    if how in ("sum", "mean"):
        found = segment_sum(products, rows, lines)
        if how == "mean":
            counts = np.maximum(np.bincount(rows, minlength=lines), 1)[:, None]
            found = found / host_index(counts).to(found.dtype)
    else:
        found = _extreme(products, rows, lines, how)
    return named(found, "SparseMmReduceImplBackward0")


def _extreme(products: Any, rows: np.ndarray, lines: int, how: str) -> Any:
    """The largest or smallest of each segment, whose gradient goes to the first that is it; 0 where there is none."""
    if not rows.size:
        return products.new_zeros((lines, products.shape[1]))
    best = segment_extreme(products, rows, lines, how)
    place = torch.arange(rows.size)[:, None].expand(products.shape)
    hit = torch.where(products.detach() == best[host_index(rows)], place, rows.size - 1)
    found = products.gather(0, segment_extreme(hit, rows, lines, "amin"))
    filled = host_index(np.bincount(rows, minlength=lines) > 0)[:, None]
    return torch.where(filled, found, found.new_zeros(()))


@composite(namespace=_NAMESPACE, method=False, public="addmm")
def sparse_addmm(mat: Any, mat1: Any, mat2: Any, *, beta: Any = 1.0, alpha: Any = 1.0) -> Any:
    """beta * mat + alpha * mat1 @ mat2, whose gradient by a sparse `mat1` is specified where that is."""
    if not any(map(is_sparse, (mat, mat1, mat2))):
        return torch.addmm(mat, mat1, mat2, beta=beta, alpha=alpha)
    _check_addmm(mat, mat1, mat2)
    return named(_scaled(mat, sparse_mm(mat1, mat2), beta, alpha), "SparseAddmmBackward0")


@composite(namespace=_NAMESPACE, method=False)
def sampled_addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1.0, alpha: Any = 1.0, out: Any = None) -> Any:
    """beta * input + alpha * (mat1 @ mat2), computed only where the CSR matrix `input` is specified.

    >>> import jtorch as torch
    >>> torch.sparse.sampled_addmm(torch.eye(2).to_sparse_csr(), torch.ones(2, 3), torch.ones(3, 2)).values()
    tensor([4., 4.])
    """
    _check_sampled(input, mat1, mat2, out)
    pattern = input._pattern

    def at_places(x: Any, y: Any) -> Any:
        rows, columns = pattern.places
        return (x[rows] * y.t()[columns]).sum(-1)

    with no_grad():
        values = at_places(mat1, mat2) * alpha
        if beta != 0:
            values = values + input._held * beta
        found = sparse(pattern, values)
    found = linked(
        found, "SparseSampledAddmmBackward0", (input, lambda g: g * _conj(beta)),
        (mat1, lambda g: sparse_mm(_conj_scaled(g, pattern, alpha), _adjoint(mat2))),
        (mat2, lambda g: sparse_mm(_adjoint(mat1), _conj_scaled(g, pattern, alpha))),
    )  # fmt: skip
    return _given(found, out)


def _conj(number: Any) -> Any:
    return number.conjugate() if isinstance(number, complex) else number


def _conj_scaled(g: Any, pattern: Any, alpha: Any) -> Any:
    """The gradient where the pattern is, times alpha."""
    kept = restricted(g, pattern)
    return kept if alpha == 1 else kept * _conj(alpha)


def _check_sampled(input: Any, mat1: Any, mat2: Any, out: Any) -> None:
    if kind_of(input) in (strided, sparse_coo):
        raise NotImplementedError(
            f"sampled_addmm does not take tensors with layout {input.layout}: use .to_sparse_csr() first"
        )
    for t in (input, out):
        if t is not None and kind_of(t) is not sparse_csr:
            raise RuntimeError(f"sampled_addmm: Expected result to have sparse csr layout, but got {word(kind_of(t))}")
    if input.ndim > 2:
        raise NotImplementedError("sampled_addmm takes one matrix here: loop over the batch")
    for name, t in (("mat1", mat1), ("mat2", mat2)):
        if is_sparse(t):
            raise RuntimeError(f"sampled_addmm: Expected {name} to have strided layout, but got {word(kind_of(t))}")
    if mat1.dtype is not mat2.dtype:
        raise RuntimeError("sampled_addmm: Expected mat1 and mat2 to have the same dtype, but got "
                           f"{mat1.dtype.type_name} and {mat2.dtype.type_name}")  # fmt: skip
    if mat1.dtype is not input.dtype:
        raise RuntimeError("sampled_addmm: Expected input and mat1 to have the same dtype, but got "
                           f"{input.dtype.type_name} and {mat1.dtype.type_name}")  # fmt: skip
    for name, t in (("mat1", mat1), ("mat2", mat2)):
        if t.ndim < 2:
            raise RuntimeError(f"sampled_addmm: Expected {name} to be a matrix, got {t.ndim}-D tensor")
    if mat1.shape[1] != mat2.shape[0]:
        sizes = "x".join(map(str, mat1.shape)), "x".join(map(str, mat2.shape))
        raise RuntimeError(f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied ({sizes[0]} and {sizes[1]})")
    if input.shape[0] != mat1.shape[0]:
        raise RuntimeError("sampled_addmm: self.shape[-2] must match mat1.shape[-2]")
    if input.shape[1] != mat2.shape[1]:
        raise RuntimeError("sampled_addmm: self.shape[-1] must match mat2.shape[-1]")


def _given(found: Any, out: Any) -> Any:
    """The result, in the sparse tensor given as `out`."""
    if out is None:
        return found
    if kind_of(out) is not kind_of(found):
        raise RuntimeError(f"Expected out tensor to have layout {word(kind_of(found))}, but got {word(kind_of(out))}")
    out._take(found)
    return out


# Older names


def _rows_with_values(t: Any) -> np.ndarray:
    return np.unique(t._pattern.coordinates[0])[None]


@composite(namespace="torch")
def sspaddmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * mat1 @ mat2 as a COO matrix, of sparse `input` and `mat1` and dense `mat2`."""
    for t in (input, mat1):
        if kind_of(t) is not sparse_coo:
            raise RuntimeError("sspaddmm takes a sparse input and a sparse first matrix: call .to_sparse() first")
    with no_grad():
        product = _times_dense(mat1, mat2)
        shape = tuple(product.shape)
        places = coo(shape, product_places(shape, _rows_with_values(mat1)), coalesced=False)
        where = np.concatenate([input._pattern.coordinates, places.coordinates], 1)
        values = torch.cat([input._held * beta, gathered(product, places) * alpha])
        found = sparse(coo(shape, where, coalesced=False), values)
    return _given(refusing(found, "sspaddmm", input, mat1, mat2), out)


@composite(namespace="torch")
def smm(input: Any, mat2: Any) -> Any:
    """A COO matrix times a dense one, as a COO matrix."""
    if kind_of(input) is not sparse_coo:
        raise RuntimeError("tensor.sspaddmm(...) can only be called on sparse tensors")
    with no_grad():
        nothing = empty(sparse_coo, (input.shape[0], mat2.shape[1]), input.dtype, input.device)
        found = sspaddmm(nothing, input, mat2)
    return refusing(found, "sspaddmm", input, mat2)


@composite(namespace="torch", method=False)
def hspmm(mat1: Any, mat2: Any, *, out: Any = None) -> Any:
    """A COO matrix times a dense one, as a hybrid tensor that indexes the rows."""
    if kind_of(mat1) is not sparse_coo:
        raise NotImplementedError("hspmm takes a COO matrix: call .to_sparse() first")
    with no_grad():
        product = _times_dense(mat1, mat2)
        rows = coo(tuple(product.shape), _rows_with_values(mat1), coalesced=False)
        found = sparse(rows, gathered(product, rows))
    return _given(refusing(found, "hspmm", mat1, mat2), out)


@composite(namespace="torch", method=False)
def hsmm(input: Any, mat2: Any) -> Any:
    """`hspmm` under its older name."""
    return hspmm(input, mat2)


@composite(namespace="torch", method=False)
def spmm(input: Any, mat2: Any) -> Any:
    """`mm` under its older name."""
    return torch.mm(input, mat2)


@composite(namespace="torch", method=False)
def saddmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """`sspaddmm` under its older name."""
    return sspaddmm(input, mat1, mat2, beta=beta, alpha=alpha, out=out)


@composite(namespace=_NAMESPACE, method=False)
def spsolve(input: Any, other: Any, *, left: bool = True) -> Any:
    """Not on the CPU, as in torch: use `torch.linalg.solve` of the dense matrix."""
    raise NotImplementedError("sparse.spsolve has no CPU kernel: use torch.linalg.solve(input.to_dense(), other)")
