"""Solvers of linear equations.

https://docs.pytorch.org/docs/stable/linalg.html#solvers
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, columns, composite, errors, lay_within, named_results, op, to_host_of_rows, write_out
from jtorch._declare.once import warn_once
from jtorch._declare.return_types import return_type
from jtorch.linalg.checks import (
    NO_INVERSE,
    RANK_DEFICIENT,
    SINGULAR,
    check_equation,
    check_inexact,
    check_info,
    check_kernel,
    check_rank,
    check_square,
    first_zero,
    lead_broadcast,
    mH,
    mT,
    word,
)
from jtorch.linalg.inverses import pseudo_inverse


def _is_vector(A: Any, B: Any) -> bool:
    """torch's rule for when a right side is a vector, or a batch of them."""
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and A.shape[:-1] == B.shape)


@op(name="linalg_solve_ex", method=False, function=False, returns=("result", "info"), saves="A result0")
def _solve(A: Array, B: Array, left: bool) -> tuple[Array, Array]:
    check_square("linalg.solve", A)
    check_inexact("linalg.solve", A, "lu_cpu")
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {word(A)} and B of type "
            f"{word(B)} instead"
        )
    vector = _is_vector(A, B)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case "
            "linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    right = B[..., None] if vector else B
    check_equation("linalg.solve", A, right, left)
    if not left:
        A, right = mT(A), mT(right)
    found = jnp.linalg.solve(A, right)
    found = found[..., 0] if vector else found if left else mT(found)
    return found, first_zero(lax.linalg.lu(lax.stop_gradient(A))[0])


def _lay(found: Any, left: bool) -> Any:
    """Solutions lie by columns, batches of vectors too, as LAPACK leaves them; what was solved transposed by rows."""
    return columns(found) if left else found


@composite(method=False)
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """The solution and an error code: 0 where the matrix is regular."""
    found = _solve(A, B, left)
    _lay(found[0], left)
    if check_errors:
        check_info("torch.linalg.solve_ex", found[1], SINGULAR)
    return named_results(type(found), "linalg_solve_ex", found, out)


@composite(method=False)
def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Any:
    """The solution of `A X = B`, or of `X A = B`; LinAlgError for a singular matrix.

    >>> import jtorch as torch
    >>> torch.linalg.solve(torch.tensor([[2., 0.], [0., 4.]]), torch.tensor([2., 4.]))
    tensor([1., 1.])
    """
    found, info = _solve(A, B, left)
    check_info("torch.linalg.solve", info, SINGULAR)
    _lay(found, left)
    return found if out is None else write_out("linalg_solve", out, found)


@op(name="linalg_solve_triangular", public="solve_triangular", method=False, out=True, order="columns",
    saves="input result")  # fmt: skip
def solve_triangular(input: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Array:
    """The solution of `input X = B` for a triangular matrix."""
    check_square("linalg.solve_triangular", input)
    check_rank("linalg.solve_triangular", B, "The input tensor B must")
    check_equation("linalg.solve_triangular", input, B, left)
    check_kernel("triangular_solve_cpu", input)
    A, B = lead_broadcast(input, B)
    return lax.linalg.triangular_solve(A, B, left_side=left, lower=not upper, unit_diagonal=unitriangular)


@composite(method=False)
def tensorsolve(input: Any, other: Any, dims: Sequence[int] | None = None, *, out: Any = None) -> Any:
    """The solution X of `tensordot(input, X, X.ndim) = other`.

    >>> import jtorch as torch
    >>> torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
    tensor([1., 1., 1., 1.])
    """
    rank = input._v.aval.ndim
    if isinstance(dims, int):
        raise errors.argument_type("linalg_tensorsolve", "dims", 3, "tuple of ints", dims)
    if dims is not None:
        moved = [d % rank for d in dims]
        input = input.permute([d for d in range(rank) if d not in moved] + moved)
    shape, rows, lines = input._v.aval.shape, other._v.aval.ndim, other._v.aval.size
    columns = math.prod(shape[rows:])
    if columns != lines:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {columns} != {lines}"
        )
    found = solve(input.reshape(lines, columns), other.reshape(-1)).reshape(shape[rows:])
    return found if out is None else write_out("linalg_tensorsolve", out, found)


# Least squares


def _check_least_squares(A: Any, b: Any, driver: str) -> None:
    name = "torch.linalg.lstsq"
    check_rank(name, A, "input must")
    if b.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype != b.dtype:
        raise RuntimeError(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype {word(A)} and other's "
            f"dtype {word(b)}"
        )
    if not 0 <= A.ndim - b.ndim <= 1:
        raise RuntimeError(
            f"{name}: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1"
        )
    side = -1 if _is_vector(A, b) else -2
    if A.shape[-2] != b.shape[side]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({side})")
    if not jnp.issubdtype(A.dtype, jnp.inexact) or A.dtype.itemsize < 4:
        raise RuntimeError("This function doesn't handle types other than float and double")
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")


@op(name="linalg_lstsq", method=False, function=False, saves="A b result0")
def _least_squares(A: Array, b: Array, rcond: float | None, driver: str) -> tuple[Array, Array]:
    """Solution and squared residuals."""
    _check_least_squares(A, b, driver)
    vector = _is_vector(A, b)
    A, B = lead_broadcast(A, b[..., None] if vector else b)
    bound = _cutoff(A, rcond)
    U, S, Vh = jnp.linalg.svd(lax.stop_gradient(A), full_matrices=False)
    inverse = jnp.where(_kept(S, bound), 1 / S, 0)[..., None]
    through_inverse = pseudo_inverse(A, bound, False) @ B
    # the factors are nearer the solution than the product with the inverse, which has the gradient
    X = lax.stop_gradient(mH(Vh) @ (inverse * (mH(U) @ B)) - through_inverse) + through_inverse
    return (X[..., 0] if vector else X), _squares(A, B, X)


@jax.custom_jvp
def _squares(A: Any, B: Any, X: Any) -> Any:
    residual = A @ X - B
    return (residual * jnp.conj(residual)).real.sum(-2)


@_squares.defjvp
def _squares_jvp(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """X makes the squares least: their derivative with respect to it is zero, and would be rounding errors."""
    (A, B, X), (dA, dB, _) = primals, tangents
    return _squares(A, B, X), 2 * (jnp.conj(A @ X - B) * (dA @ X - dB)).real.sum(-2)


def _cutoff(A: Any, rcond: float | None) -> float:
    return max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps) if rcond is None else rcond


def _kept(S: Any, bound: float) -> Any:
    return bound * S.max(-1, keepdims=True, initial=0) < S


@op(name="linalg_lstsq", method=False, function=False, differentiable=False)
def _rank_and_values(A: Array, rcond: float | None) -> tuple[Array, Array]:
    S = jnp.linalg.svd(A, compute_uv=False)
    return _kept(S, _cutoff(A, rcond)).sum(-1), S


_SOLUTION = return_type("linalg_lstsq", ("solution", "residuals", "rank", "singular_values"))


@composite(method=False)
def lstsq(input: Any, b: Any, rcond: float | None = None, *, driver: str | None = None, out: Any = None) -> Any:
    """The solution of least squares `min |input X - b|`, residuals, rank and singular values, as LAPACK's `driver` has
    them: gelsy (the default), gels (full rank), gelsd, gelss.

    >>> import jtorch as torch
    >>> torch.linalg.lstsq(torch.tensor([[2.], [0.]]), torch.tensor([[4.], [3.]])).solution
    tensor([[2.]])
    """
    driver = driver or "gelsy"
    solution, residuals = _least_squares(input, b, rcond, driver)
    rank, values = _rank_and_values(input, rcond)
    m, n = input._v.aval.shape[-2:]
    last = solution._v.aval.ndim - 1
    matrices = b._v.aval.ndim == input._v.aval.ndim
    if out is not None:
        solution = columns(solution) if matrices else solution
    elif matrices:  # LAPACK solves in the memory of the right sides
        lay_within(solution, (*range(last - 1), last, last - 1), last - 1, max(m, n))
    else:
        lay_within(solution, range(last + 1), last, max(m, n))
    if driver == "gels":
        check_info("torch.linalg.lstsq", (rank < min(m, n)) * n, RANK_DEFICIENT)
    if driver == "gelsy" or m <= n or (to_host_of_rows(rank) < n).any():
        residuals = residuals.reshape(-1)[:0]
    if driver not in ("gelsd", "gelss"):
        values = values.new_empty((0,))
    found = (solution, residuals, rank.new_empty((0,)) if driver == "gels" else rank, values)
    return named_results(_SOLUTION, "linalg_lstsq", found, out)


# The same with the arguments the other way round, under torch.*


def _check_pair(name: str, b: Any, A: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"A should have at least 2 dimensions, but has {A.ndim} dimensions instead")
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if A.dtype != b.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {word(b)} and A of type {word(A)} instead."
        )
    if A.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for {name}: each A matrix is {A.shape[-1]} by {A.shape[-1]} but each b matrix "
            f"is {b.shape[-2]} by {b.shape[-1]}"
        )
    check_kernel(f"{name}_cpu", A)


def _against_factor(B: Any, L: Any, upper: bool) -> Any:
    """The solution of `A X = B` from the Cholesky factor of A.

    torch's derivative is that of `A = L L^H` for any L, not for its triangle alone.
    """
    factor = mH(L) if upper else L
    options = {"left_side": True, "lower": not upper}
    adjoint = {**options, "transpose_a": True, "conjugate_a": True}
    steps = (adjoint, options) if upper else (options, adjoint)

    def solve(_: Any, right: Any) -> Any:
        for step in steps:
            right = lax.linalg.triangular_solve(L, right, **step)
        return right

    return lax.custom_linear_solve(
        lambda X: factor @ (mH(factor) @ X), B, solve, lambda _, right: jnp.conj(solve(_, jnp.conj(right)))
    )


@op(name="cholesky_solve", namespace="torch", out=True, order="columns", saves="input input2 result")
def cholesky_solve(input: Array, input2: Array, upper: bool = False) -> Array:
    """The solution of `A X = input` from the Cholesky factor `input2` of A.

    >>> import jtorch as torch
    >>> torch.cholesky_solve(torch.tensor([[4.], [9.]]), torch.tensor([[2., 0.], [0., 3.]]))
    tensor([[1.],
            [1.]])
    """
    for what, array in (("b", input), ("u", input2)):
        if array.ndim < 2:
            raise RuntimeError(f"{what} should have at least 2 dimensions, but has {array.ndim} dimensions instead")
    _check_pair("cholesky_solve", input, input2)
    B, L = lead_broadcast(input, input2)
    return _against_factor(B, L, upper)


@op(name="cholesky_inverse", method=False, function=False, saves="input result")
def _cholesky_inverse(input: Array, upper: bool) -> tuple[Array, Array]:
    check_square("cholesky_inverse", input)
    check_kernel("cholesky_inverse_out_cpu", input)
    eye = jnp.broadcast_to(jnp.eye(input.shape[-1], dtype=input.dtype), input.shape)
    return _against_factor(eye, input, upper), first_zero(input)


@composite(namespace="torch")
def cholesky_inverse(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The inverse of A from its Cholesky factor `input`; LinAlgError when A is singular.

    >>> import jtorch as torch
    >>> torch.cholesky_inverse(torch.tensor([[2., 0.], [0., 1.]]))
    tensor([[0.2500, 0.0000],
            [0.0000, 1.0000]])
    """
    inverse, info = _cholesky_inverse(input, upper)
    check_info("cholesky_inverse", info, NO_INVERSE)
    columns(inverse)
    return inverse if out is None else write_out("cholesky_inverse", out, inverse)


def _warn_of_triangular_solve(**_: Any) -> None:
    warn_once(
        "torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangularand will be removed in a future "
        "PyTorch release.\ntorch.linalg.solve_triangular has its arguments reversed and does not return a copy of one "
        "of the inputs.\nX = torch.triangular_solve(B, A).solution\nshould be replaced with\n"
        "X = torch.linalg.solve_triangular(A, B)."
    )


@op(name="triangular_solve", namespace="torch", out=True, returns=("solution", "cloned_coefficient"),
    order=("columns", "columns"), warns=_warn_of_triangular_solve, saves="input A result0")  # fmt: skip
def triangular_solve(
    input: Array, A: Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Array, Array]:
    """The solution of `A X = input` for a triangular A, or for its transpose; and A."""
    for what, array in (("b", input), ("A", A)):
        if array.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {what} to have at least 2 dimensions, but it has {array.ndim} "
                "dimensions instead"
            )
    _check_pair("triangular_solve", input, A)
    B, A = lead_broadcast(input, A)
    X = lax.linalg.triangular_solve(
        A, B, left_side=True, lower=not upper, transpose_a=transpose, unit_diagonal=unitriangular
    )
    return X, A
