"""Decompositions: Cholesky, QR, eigenvalues, singular values.

https://docs.pytorch.org/docs/stable/linalg.html#decompositions
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Fault, composite, op, write_out
from jtorch._engine.forward import traces_tangents
from jtorch.linalg.checks import (
    NOT_DEFINITE,
    check_inexact,
    check_info,
    check_kernel,
    check_rank,
    check_square,
    check_tensor,
    mH,
    nothing,
    word,
)


def half(A: Any, UPLO: str) -> Any:
    """The Hermitian matrix that one triangle stands for."""
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    lower = UPLO.upper() == "L"
    strict = jnp.tril(A, -1) if lower else jnp.triu(A, 1)
    full = strict + mH(strict) + jnp.eye(A.shape[-1], dtype=A.dtype) * A.real  # LAPACK takes the diagonal as real
    # torch's gradient is that of a matrix whose two triangles move together; its tangent is taken as it comes.
    both = A if traces_tangents() else (A + mH(A)) / 2
    return lax.stop_gradient(full - both) + both


# Cholesky


@op(name="linalg_cholesky_ex", method=False, function=False, out=True, returns=("L", "info"), order=("columns", None),
    saves="result0")  # fmt: skip
def _cholesky(input: Array, upper: bool) -> tuple[Array, Array]:
    check_square("linalg.cholesky", input)
    check_inexact("linalg.cholesky", input, "cholesky_cpu")
    full = half(input, "U" if upper else "L")
    factor = jnp.linalg.cholesky(full, symmetrize_input=False)
    failed = jnp.isnan(lax.stop_gradient(factor)).any((-2, -1))
    if not input.size:
        return factor, failed.astype(np.int32)
    order = lax.cond(failed.any(), _failing_minor, lambda A: jnp.zeros(A.shape[:-2], np.int32), lax.stop_gradient(full))
    return (mH(factor) if upper else factor), order


def _failing_minor(A: Any) -> Any:
    """The order of the first leading minor that is not positive, 0 if none: elimination by columns."""

    def eliminate(k: Any, state: tuple) -> tuple:
        A, order = state
        pivot = A[..., k, k].real
        order = jnp.where((order == 0) & ~(pivot > 0), k + 1, order)
        return A - A[..., :, k, None] * A[..., k, None, :] / A[..., k, k, None, None], order

    return lax.fori_loop(0, A.shape[-1], eliminate, (A, jnp.zeros(A.shape[:-2], np.int32)))[1]


@composite(method=False)
def cholesky_ex(input: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """The Cholesky factor and an error code: 0 where the matrix is positive-definite."""
    found = _cholesky(input, upper, out=out)
    if check_errors:
        check_info("linalg.cholesky_ex", found[1], NOT_DEFINITE)
    return found


@composite(method=False)
def cholesky(input: Any, *, upper: bool = False, out: Any = None) -> Any:
    """The Cholesky factor; LinAlgError when the matrix is not positive-definite.

    >>> import jtorch as torch
    >>> torch.linalg.cholesky(torch.tensor([[4., 0.], [0., 9.]]))
    tensor([[2., 0.],
            [0., 3.]])
    """
    check_tensor("linalg_cholesky", "input", input)
    factor, info = _cholesky(input, upper)
    check_info("linalg.cholesky", info, NOT_DEFINITE)
    return factor if out is None else write_out("linalg_cholesky", out, factor)


# QR


@op(name="linalg_qr", public="qr", method=False, out=True, returns=("Q", "R"), order=("columns", "columns"),
    saves="result0 result1")  # fmt: skip
def qr(A: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """The QR decomposition; `mode` is reduced, complete or r.

    >>> import jtorch as torch
    >>> torch.linalg.qr(torch.ones(2, 1)).R.abs()
    tensor([[1.4142]])
    """
    check_rank("linalg.qr", A)
    check_inexact("linalg.qr", A, "geqrf_cpu")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    if mode == "r":
        return jnp.zeros((0,), A.dtype), jnp.linalg.qr(A, mode="r")
    q, r = jnp.linalg.qr(A, mode=mode)
    return q, r


# Eigenvalues


def _check_general(name: str, A: Any) -> None:
    check_square(name, A)
    if not jnp.issubdtype(A.dtype, jnp.inexact):
        raise RuntimeError(f"Unknown Complex ScalarType for {word(A)}")
    check_kernel("linalg_eig_out_cpu", A)


_NOT_FINITE = Fault(
    lambda A: ~jnp.all(jnp.isfinite(A)),
    lambda: RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs."),
)


def _complex(A: Any) -> Any:
    return jnp.result_type(A.dtype, jnp.complex64)


@op(name="linalg_eig", public="eig", method=False, out=True, residuals=True, returns=("eigenvalues", "eigenvectors"),
    order=(None, "columns"), saves="result0 result1", faults=(_NOT_FINITE,))  # fmt: skip
def eig(input: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of a square matrix, complex.

    >>> import jtorch as torch
    >>> torch.linalg.eig(torch.tensor([[2., 0.], [0., 3.]])).eigenvalues
    tensor([2.+0.j, 3.+0.j])
    """
    _check_general("linalg.eig", input)
    if not input.size:
        return tuple(nothing(input, shape, _complex(input)) for shape in (input.shape[:-1], input.shape))
    values, vectors = lax.linalg.eig(input, compute_left_eigenvectors=False, enable_eigvec_derivs=True)
    return values, vectors


@op(name="linalg_eigvals", public="eigvals", method=False, out=True, residuals=True, grad="LinalgEigBackward0",
    saves="result")  # fmt: skip
def eigvals(input: Array) -> Array:
    """The eigenvalues of a square matrix, complex.

    >>> import jtorch as torch
    >>> torch.linalg.eigvals(torch.tensor([[0., -1.], [1., 0.]]))
    tensor([0.+1.j, 0.-1.j])
    """
    _check_general("linalg.eigvals", input)
    if not input.size:
        return nothing(input, input.shape[:-1], _complex(input))
    options: dict[str, Any] = {
        "compute_right_eigenvectors": False,
        "enable_eigvec_derivs": True,
    }  # the latter for second gradients
    return lax.linalg.eig(input, compute_left_eigenvectors=False, **options)[0]


def _check_hermitian(A: Any) -> None:
    check_square("linalg.eigh", A)
    check_kernel("linalg_eigh_cpu", A)


@op(name="linalg_eigh", public="eigh", method=False, out=True, residuals=True, returns=("eigenvalues", "eigenvectors"),
    order=(None, "columns"), saves="result0 result1")  # fmt: skip
def eigh(input: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """Eigenvalues, smallest first, and eigenvectors of a symmetric matrix."""
    _check_hermitian(input)
    values, vectors = jnp.linalg.eigh(half(input, UPLO), symmetrize_input=False)
    return values, vectors


@op(name="linalg_eigvalsh", public="eigvalsh", method=False, out=True, residuals=True, grad="LinalgEighBackward0",
    saves="result")  # fmt: skip
def eigvalsh(input: Array, UPLO: str = "L") -> Array:
    """Eigenvalues, smallest first, of a symmetric matrix."""
    _check_hermitian(input)
    return jnp.linalg.eigh(half(input, UPLO), symmetrize_input=False)[0]


# Singular values


def _check_svd(A: Any, driver: str | None) -> None:
    check_rank("linalg.svd", A)
    check_inexact("linalg.svd", A, "linalg_svd_cpu")
    if driver is not None:
        raise RuntimeError("torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with "
                           "cuSOLVER backend.")  # fmt: skip


@op(name="linalg_svd", public="svd", method=False, out=True, returns=("U", "S", "Vh"),
    order=("columns", None, "columns"), saves="result0 result1 result2")  # fmt: skip
def svd(A: Array, full_matrices: bool = True, *, driver: str | None = None) -> tuple[Array, Array, Array]:
    """The singular value decomposition `A = U diag(S) Vh`.

    >>> import jtorch as torch
    >>> torch.linalg.svd(torch.eye(2)).S
    tensor([1., 1.])
    """
    _check_svd(A, driver)
    U, S, Vh = jnp.linalg.svd(A, full_matrices=False)
    k = S.shape[-1]
    if full_matrices and (A.shape[-2] > k or A.shape[-1] > k):
        # JAX differentiates the reduced form only; what completes the bases has no gradient of its own
        full_U, _, full_Vh = lax.stop_gradient(jnp.linalg.svd(lax.stop_gradient(A), full_matrices=True))
        U = jnp.concatenate([U, full_U[..., k:]], -1)
        Vh = jnp.concatenate([Vh, full_Vh[..., k:, :]], -2)
    return U, S, Vh


@op(name="linalg_svdvals", public="svdvals", method=False, out=True, grad="LinalgSvdBackward0", saves="result")
def svdvals(A: Array, *, driver: str | None = None) -> Array:
    """The singular values, largest first."""
    _check_svd(A, driver)
    if not A.size:
        return nothing(A, (*A.shape[:-2], min(A.shape[-2:])), jnp.finfo(A.dtype).dtype)
    return jnp.linalg.svd(A, compute_uv=False)
