"""The decomposition `A = L D L^T` (or `L D L^H`) of Bunch and Kaufman: D has blocks of one or two rows on its diagonal.

XLA has no kernel for it, so the recurrence is written out column by column, with LAPACK's pivots (sytf2, hetf2: lower).
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, composite, named_results, op
from jtorch._declare.return_types import return_type
from jtorch.linalg.checks import (
    check_inexact,
    check_info,
    check_kernel,
    check_rank,
    check_square,
    check_tensor,
    lead_broadcast,
    mH,
    mT,
    word,
)

_GROWTH = (1 + math.sqrt(17)) / 8  # Bunch and Kaufman's bound on what counts as large beside the column's largest


def _size(x: Any) -> Any:
    """What LAPACK compares: |re| + |im|."""
    return jnp.abs(x.real) + jnp.abs(x.imag) if jnp.iscomplexobj(x) else jnp.abs(x)


def _swapped(A: Any, i: Any, j: Any, within: Any) -> Any:
    """Rows and columns i and j exchanged, in the part that `within` marks on both axes."""
    index = jnp.arange(A.shape[-1])
    order = jnp.where(index == i, j, jnp.where(index == j, i, index))
    return jnp.where(within[:, None] & within, A[order][:, order], A)


def _pivot(A: Any, k: Any) -> tuple[Any, Any, Any]:
    """Which row comes to the front of what is left, whether it takes a block of two, and whether the column is zero."""
    index = jnp.arange(A.shape[-1])
    own = _size(A[k, k])
    below = jnp.where(index > k, _size(A[:, k]), -1)
    largest = jnp.argmax(below)
    column = jnp.maximum(below[largest], 0)
    row = jnp.where((index >= k) & (index != largest), _size(A[largest]), 0).max()
    keep = (own >= _GROWTH * column) | (own * row >= _GROWTH * column * column)
    one = keep | (_size(A[largest, largest]) >= _GROWTH * row)
    nothing = ~(jnp.maximum(own, column) > 0)
    return jnp.where(keep | nothing, k, largest), ~one & ~nothing, nothing


def _step(state: tuple, hermitian: bool) -> tuple:
    k, A, pivots, info = state
    index = jnp.arange(A.shape[-1])
    row, two, nothing = _pivot(A, k)
    last = k + two
    A = _swapped(A, last, row, index >= k)
    rest = index > last
    columns = jnp.where(rest[:, None], jnp.stack([A[:, k], A[:, last]], 1), 0)
    diagonal, low = A[k, k], A[last, k]
    high = jnp.conj(low) if hermitian else low
    block = jnp.where(two, jnp.array([[diagonal, high], [low, A[last, last]]]), jnp.diag(jnp.stack([diagonal, 1])))
    block = jnp.where(nothing, jnp.eye(2, dtype=A.dtype), block)
    determinant = block[0, 0] * block[1, 1] - block[0, 1] * block[1, 0]
    inverse = jnp.array([[block[1, 1], -block[0, 1]], [-block[1, 0], block[0, 0]]]) / determinant
    columns = jnp.where(two | (jnp.arange(2) == 0), columns, 0)
    factors = columns @ inverse
    update = factors @ (jnp.conj(columns.T) if hermitian else columns.T)
    A = jnp.where(nothing, A, A - update)
    factors = jnp.where(nothing, columns, factors)
    A = A.at[:, k].set(jnp.where(rest, factors[:, 0], A[:, k]))
    A = jnp.where(two, A.at[:, last].set(jnp.where(rest, factors[:, 1], A[:, last])), A)
    said = jnp.where(two, -(row + 1), row + 1).astype(np.int32)
    pivots = jnp.where((index == k) | (index == last), said, pivots)
    return last + 1, A, pivots, jnp.where(nothing & (info == 0), k + 1, info).astype(np.int32)


def _factor(A: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    """LD, pivots and info of one matrix, read from its lower triangle."""
    n = A.shape[-1]
    strict = jnp.tril(A, -1)
    A = strict + (mH(strict) if hermitian else mT(strict)) + jnp.diag(jnp.diag(A).real if hermitian else jnp.diag(A))
    start = (jnp.asarray(0), A, jnp.zeros(n, np.int32), jnp.asarray(0, np.int32))
    _, A, pivots, info = lax.while_loop(lambda state: state[0] < n, lambda state: _step(state, hermitian), start)
    return jnp.tril(A), pivots, info


def _no_gradient(name: str) -> tuple[type[Exception], str]:
    return RuntimeError, f"derivative for aten::{name} is not implemented"


def _batched(one: Any, rank: int) -> Any:
    for _ in range(rank):
        one = jax.vmap(one)
    return one


@op(name="linalg_ldl_factor_ex", method=False, function=False, out=True, returns=("LD", "pivots", "info"),
    order=("columns", None, None), grad="torch::autograd::NotImplemented",
    no_gradient=_no_gradient("linalg_ldl_factor_ex"))  # fmt: skip
def _ldl_factor(input: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    name = "torch.linalg.ldl_factor_ex"
    check_square(name, input)
    if not jnp.issubdtype(input.dtype, jnp.inexact):
        check_inexact(name, input)
    check_kernel("ldl_factor_kernel_cpu", input)
    hermitian = hermitian and jnp.iscomplexobj(input)
    if not input.size:
        return input, jnp.zeros(input.shape[:-1], np.int32), jnp.zeros(input.shape[:-2], np.int32)
    return _batched(lambda A: _factor(A, hermitian), input.ndim - 2)(input)


_FACTORS = return_type("linalg_ldl_factor", ("LD", "pivots"))
_ZERO_COLUMN = "The factorization could not be completed because column {code} is zero."


@composite(method=False)
def ldl_factor_ex(input: Any, *, hermitian: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """L and D in one matrix, LAPACK's pivots, and an error code: 0 where no column is zero."""
    found = _ldl_factor(input, hermitian, out=out)
    if check_errors:
        check_info("torch.linalg.ldl_factor_ex", found[2], _ZERO_COLUMN)
    return found


@composite(method=False)
def ldl_factor(input: Any, *, hermitian: bool = False, out: Any = None) -> Any:
    """L and D of a symmetric (or Hermitian) matrix in one matrix, and LAPACK's pivots.

    >>> import jtorch as torch
    >>> torch.linalg.ldl_factor(torch.tensor([[4., 2.], [2., 3.]])).LD
    tensor([[4.0000, 0.0000],
            [0.5000, 2.0000]])
    """
    check_tensor("linalg_ldl_factor", "input", input)
    LD, pivots, info = _ldl_factor(input, hermitian)
    check_info("torch.linalg.ldl_factor", info, _ZERO_COLUMN)
    return named_results(_FACTORS, "linalg_ldl_factor", (LD, pivots), out)


def _check_solve(LD: Any, pivots: Any, B: Any) -> None:
    name = "torch.linalg.ldl_solve"
    check_rank(name, LD)
    check_square(name, LD)
    if B.ndim < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, but it has {B.ndim} dimensions instead")
    if pivots.shape != LD.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{list(pivots.shape)} instead"
        )
    if not jnp.issubdtype(pivots.dtype, jnp.integer):
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {word(pivots)}")
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {LD.shape[-1]} by {LD.shape[-1]} but each b "
            f"matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    if LD.dtype != B.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {word(B)} and A of type {word(LD)} instead."
        )


def _unpacked(LD: Any, pivots: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    """L, D and the order of rows: LAPACK exchanges rows of later columns only, here earlier ones follow."""
    index = jnp.arange(LD.shape[-1])
    _, leads = lax.scan(lambda before, p: ((p < 0) & ~before,) * 2, jnp.asarray(False), pivots)
    seconds = (pivots < 0) & ~leads
    low = jnp.where(leads[:-1], jnp.diag(LD, -1), 0)

    def exchange(k: Any, state: tuple) -> tuple:
        L, order = state
        other = jnp.where(leads[k], k, jnp.abs(pivots[k]) - 1)
        rows = jnp.where(index == k, other, jnp.where(index == other, k, index))
        return jnp.where(index < k - seconds[k], L[rows], L), order[rows]

    strict = jnp.tril(LD, -1) - jnp.diag(low, -1)
    L, order = lax.fori_loop(0, LD.shape[-1], exchange, (strict, index))
    D = jnp.diag(jnp.diag(LD)) + jnp.diag(low, -1) + jnp.diag(jnp.conj(low) if hermitian else low, 1)
    return L, D, order


@op(name="linalg_ldl_solve", public="ldl_solve", method=False, out=True, order="columns",
    grad="torch::autograd::NotImplemented", no_gradient=_no_gradient("linalg_ldl_solve"))  # fmt: skip
def ldl_solve(LD: Array, pivots: Array, B: Array, *, hermitian: bool = False) -> Array:
    """The solution of `A X = B` from what `ldl_factor` returned.

    >>> import jtorch as torch
    >>> LD, pivots = torch.linalg.ldl_factor(torch.tensor([[2., 0.], [0., 4.]]))
    >>> torch.linalg.ldl_solve(LD, pivots, torch.tensor([[2.], [4.]]))
    tensor([[1.],
            [1.]])
    """
    check_inexact("torch.linalg.ldl_solve", LD, half=True)
    _check_solve(LD, pivots, B)
    hermitian = hermitian and jnp.iscomplexobj(LD)
    lead = jnp.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    LD, B, order = lead_broadcast(LD, B, pivots[..., None])
    if not B.size:
        return B
    check_kernel("ldl_solve_kernel_cpu", LD)
    L, D, order = _batched(lambda A, p: _unpacked(A, p, hermitian), len(lead))(LD, order[..., 0])
    options: dict[str, Any] = {"left_side": True, "lower": True, "unit_diagonal": True}
    Y = lax.linalg.triangular_solve(L, jnp.take_along_axis(B, order[..., None], -2), **options)
    Y = jnp.linalg.solve(D, Y)
    X = lax.linalg.triangular_solve(L, Y, transpose_a=True, conjugate_a=hermitian, **options)
    return jnp.take_along_axis(X, jnp.argsort(order, -1)[..., None], -2)
