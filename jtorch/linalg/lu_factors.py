"""The LU decomposition `A = P L U` with partial pivoting, and what is solved with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import (
    Array,
    Fault,
    columns,
    composite,
    errors,
    named_results,
    op,
    registry,
    write_out,
    write_outs,
)
from jtorch._declare.once import warn_once
from jtorch._declare.return_types import return_type
from jtorch.linalg.checks import (
    ZERO_PIVOT,
    check_equation,
    check_inexact,
    check_info,
    check_kernel,
    check_rank,
    check_square,
    check_tensor,
    first_zero,
    lead_broadcast,
    mH,
    word,
)


def _check_matrix(name: str, A: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")


@op(name="linalg_lu_factor_ex", method=False, function=False, out=True, returns=("LU", "pivots", "info"),
    order=("columns", None, None), residuals=True, saves="result0 result1")  # fmt: skip
def _lu_factor(A: Array, pivot: bool, name: str = "torch.lu_factor") -> tuple[Array, Array, Array]:
    _check_matrix(name, A)
    check_kernel("lu_cpu", A)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    LU, pivots, _ = lax.linalg.lu(A)
    return LU, pivots + 1, first_zero(LU)


_FACTORS = return_type("linalg_lu_factor", ("LU", "pivots"))


@composite(method=False)
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """L and U in one matrix, LAPACK's row interchanges, and an error code: 0 where U has no zero on its diagonal."""
    found = _lu_factor(A, pivot, out=out)
    if check_errors:
        check_info("torch.linalg.lu_factor_ex", found[2], ZERO_PIVOT, RuntimeError)
    return found


@composite(method=False)
def lu_factor(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """L and U in one matrix, and LAPACK's row interchanges; LinAlgError when U has a zero on its diagonal.

    >>> import jtorch as torch
    >>> torch.linalg.lu_factor(torch.tensor([[2., 1.], [4., 3.]])).LU
    tensor([[ 4.0000,  3.0000],
            [ 0.5000, -0.5000]])
    """
    check_tensor("linalg_lu_factor", "A", A)
    LU, pivots, info = _lu_factor(A, pivot)
    check_info("torch.linalg.lu_factor", info, ZERO_PIVOT, RuntimeError)
    return named_results(_FACTORS, "linalg_lu_factor", (LU, pivots), out)


def _order(pivots: Any, rows: int) -> Any:
    """Where each row of `P^T A` comes from, given LAPACK's row interchanges, from 1."""
    if not pivots.size:
        return jnp.broadcast_to(jnp.arange(rows, dtype=np.int32), (*pivots.shape[:-1], rows))
    return lax.linalg.lu_pivots_to_permutation(pivots - 1, rows)


def _wrong_pivots(found: Callable, sentence: str) -> Fault:
    return Fault(found, lambda: RuntimeError(f"{sentence}Did you properly pass the result of lu_factor?"))


_UNPACKED_PIVOTS = _wrong_pivots(
    lambda LU, pivots: jnp.any((pivots < 1) | (pivots > LU.shape[-2])),
    "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive.",
)
_SOLVED_PIVOTS = (
    _wrong_pivots(
        lambda LU, pivots, *rest: jnp.any(pivots < 1),
        "Pivots given to lu_solve must all be greater or equal to 1. ",
    ),
    _wrong_pivots(
        lambda LU, pivots, *rest: jnp.any(pivots > LU.shape[-2]),
        "Pivots given to lu_solve must all be smaller or equal to LU.size(-2). ",
    ),
)


@op(name="lu_permutation", method=False, function=False, differentiable=False, faults=(_UNPACKED_PIVOTS,))
def _permutation(LU: Array, pivots: Array) -> Array:
    rows = LU.shape[-2]
    return (_order(pivots, rows)[..., None, :] == jnp.arange(rows)[:, None]).astype(LU.dtype)


def _parts(LU: Any) -> tuple[Any, Any]:
    k = min(LU.shape[-2:])
    eye = jnp.eye(LU.shape[-2], k, dtype=LU.dtype)
    return jnp.tril(LU[..., :k], -1) + eye, jnp.triu(LU[..., :k, :])


@op(name="lu_unpack", method=False, function=False)
def _unpack(LU: Array) -> tuple[Array, Array]:
    return _parts(LU)


@op(name="linalg_lu", method=False, function=False, residuals=True, saves="result0 result1 result2")
def _lu(A: Array, pivot: bool) -> tuple[Array, Array, Array]:
    LU, pivots, _ = _lu_factor.body(A, pivot, "linalg.lu")
    return (*_parts(LU), pivots)


_PLU = return_type("linalg_lu", ("P", "L", "U"))
_UNPACKED = return_type("lu_unpack", ("P", "L", "U"))


@composite(method=False)
def lu(A: Any, *, pivot: bool = True, out: Any = None) -> Any:
    """The LU decomposition `A = P L U`.

    >>> import jtorch as torch
    >>> torch.linalg.lu(torch.tensor([[2., 1.], [4., 3.]])).L
    tensor([[1.0000, 0.0000],
            [0.5000, 1.0000]])
    """
    L, U, pivots = _lu(A, pivot)
    found = (_permutation(A, pivots), L, U)
    return named_results(_PLU, "linalg_lu", found, out)


@composite(method=False, namespace="torch")
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True, *, out: Any = None
) -> Any:
    """P, L and U of what `torch.linalg.lu_factor` returned; empty tensors for what is not asked for.

    >>> import jtorch as torch
    >>> torch.lu_unpack(*torch.linalg.lu_factor(torch.tensor([[2., 1.], [4., 3.]]))).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    _check_matrix("torch.lu_unpack", LU_data._v.aval)
    if unpack_pivots and LU_pivots._v.aval.dtype.name != "int32":
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
            "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    P = _permutation(LU_data, LU_pivots) if unpack_pivots else LU_data.new_empty((0,))
    L, U = _unpack(LU_data) if unpack_data else (LU_data.new_empty((0,)), LU_data.new_empty((0,)))
    found = (P, L, U)
    return named_results(_UNPACKED, "lu_unpack", found, out)


def _check_solve(LU: Any, pivots: Any, B: Any, left: bool) -> None:
    check_inexact("torch.linalg.lu_solve", LU, half=True)
    if LU.dtype != B.dtype:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type "
            f"{word(LU)} and B of type {word(B)} instead"
        )
    if pivots.dtype != np.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    check_square("torch.linalg.lu_solve", LU)
    check_rank("linalg.lu_solve", B, "The input tensor B must")
    check_equation("linalg.lu_solve", LU, B, left)
    if pivots.shape[-1:] != LU.shape[-1:]:
        raise RuntimeError("linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix")
    if pivots.shape[:-1] != LU.shape[:-2]:
        raise RuntimeError("linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots "
                           f"with shape {list(pivots.shape)} instead")  # fmt: skip


@op(name="linalg_lu_solve", method=False, function=False, saves="LU pivots result", faults=_SOLVED_PIVOTS)
def _lu_solve(LU: Array, pivots: Array, B: Array, left: bool, adjoint: bool) -> Array:
    _check_solve(LU, pivots, B, left)
    if LU.size and B.size:
        check_kernel("linalg.lu_solve_cpu", LU)
    order = _order(pivots, LU.shape[-1])[..., None]
    LU, B, order = lead_broadcast(LU, B if left else mH(B), order)
    solve = lax.linalg.triangular_solve
    if left != adjoint:
        B = jnp.take_along_axis(B, order, -2)
        X = solve(LU, solve(LU, B, left_side=True, lower=True, unit_diagonal=True), left_side=True)
    else:
        options = {"left_side": True, "transpose_a": True, "conjugate_a": True}
        X = solve(LU, solve(LU, B, **options), lower=True, unit_diagonal=True, **options)
        X = jnp.take_along_axis(X, jnp.argsort(order, -2), -2)
    return X if left else mH(X)


@composite(method=False)
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False, out: Any = None) -> Any:
    """The solution of `A X = B` (or `X A = B`, or with the adjoint of `A`) from A's LU decomposition.

    >>> import jtorch as torch
    >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[2., 0.], [0., 4.]]))
    >>> torch.linalg.lu_solve(LU, pivots, torch.tensor([[2.], [4.]]))
    tensor([[1.],
            [1.]])
    """
    found = _lu_solve(LU, pivots, B, left, adjoint)
    found = columns(found) if left else found
    return found if out is None else write_out("linalg_lu_solve", out, found, (LU, pivots, B))


# torch.lu and torch.lu_solve, the older names


def _old_lu_solve(input: Any, LU_data: Any, LU_pivots: Any, *, out: Any = None) -> Any:
    """The solution of `A X = input` from A's LU decomposition."""
    warn_once(
        "torch.lu_solve is deprecated in favor of torch.linalg.lu_solveand will be removed in a future PyTorch release."
        "\nNote that torch.linalg.lu_solve has its arguments reversed.\nX = torch.lu_solve(B, LU, pivots)\nshould be "
        "replaced with\nX = torch.linalg.lu_solve(LU, pivots, B)"
    )
    return lu_solve(LU_data, LU_pivots, input, out=out)


_WITH_INFO = return_type("_lu_with_info", ("LU", "pivots", "info"))


def _old_lu(A: Any, pivot: bool = True, get_infos: bool = False, **options: Any) -> Any:
    """L and U in one matrix and the row interchanges; with `get_infos` also LAPACK's error codes. Takes `out`."""
    warn_once(
        "torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and will be removed in "
        "a future PyTorch release.\nLU, pivots = torch.lu(A, compute_pivots)\nshould be replaced with\n"
        "LU, pivots = torch.linalg.lu_factor(A, compute_pivots)\nand\n"
        "LU, pivots, info = torch.lu(A, compute_pivots, get_infos=True)\nshould be replaced with\n"
        "LU, pivots, info = torch.linalg.lu_factor_ex(A, compute_pivots)"
    )
    out = options.pop("out", None)
    if options:
        raise errors.unexpected_keyword("lu", next(iter(options)))
    found = _lu_factor(A, pivot)
    if out is not None:
        return write_outs("lu", out, found if get_infos else found[:2])
    return _WITH_INFO(found) if get_infos else tuple(found[:2])


for _name, _fn in {"lu": _old_lu, "lu_solve": _old_lu_solve}.items():
    _fn.__name__ = _fn.__qualname__ = _name
    registry.add_function("torch", _name, _fn)
    registry.add_method(_name, _fn)
