"""torch.linalg: norms, decompositions, solvers.

https://docs.pytorch.org/docs/stable/linalg.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
from jax import lax

from jtorch._declare import Array, Dim, composite, op, reduction, registry, to_host, write_out
from jtorch._declare.types import from_numpy
from jtorch._ops import distance, matmul, views
from jtorch._ops.reduction import axes
from jtorch._ops.reduction import vector_norm as _norm_of


def _check_square(name: str, A: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )
    _check_inexact(name, A)


def _check_inexact(name: str, A: Any) -> None:
    if not jnp.issubdtype(A.dtype, jnp.inexact):
        kind = from_numpy(np.dtype(A.dtype)).type_name
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {kind}")
    if A.dtype.itemsize < 4:
        kind = from_numpy(np.dtype(A.dtype)).type_name
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {kind}")


def _check_regular(name: str, info: Any) -> None:
    """The error LAPACK's code stands for. Looking at it runs what is pending, as torch's CPU does at once."""
    codes = np.atleast_1d(to_host(info))
    bad = np.flatnonzero(codes)
    if not bad.size:
        return
    batch = f"(Batch element {bad[0]}): " if codes.size > 1 else ""
    code = int(codes.reshape(-1)[bad[0]])
    if name.endswith("cholesky"):
        raise LinAlgError(
            f"{name}: {batch}The factorization could not be completed because the input is not positive-definite (the "
            f"leading minor of order {code} is not positive-definite)."
        )
    raise LinAlgError(
        f"{name}: {batch}The diagonal element {code} is zero, the inversion could not be completed because the input "
        "matrix is singular."
        if name.endswith("inv")
        else f"{name}: {batch}The solver failed because the input matrix is singular."
    )


class LinAlgError(RuntimeError):
    """A matrix that a decomposition cannot take: singular, or not positive-definite."""


LinAlgError.__module__ = "torch._C"

_T = (-2, -1)


def _mH(A: Any) -> Any:
    return jnp.conj(jnp.swapaxes(A, -1, -2))


# Norms


@reduction(kind="complex_to_real", name="vector_norm", method=False, function=False, grad="LinalgVectorNormBackward0")
def _vector_norm(x: Array, ord: float, dim: tuple | None, keepdim: bool) -> Array:
    return _norm_of(x, ord, axes(x, dim), keepdim)


@composite(method=False)
def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """The norm of all elements as one vector, or along dimensions.

    >>> import jtorch as torch
    >>> torch.linalg.vector_norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    found = x._v.aval.dtype
    if not (found.is_floating_point or found.is_complex):
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {found.type_name}"
        )
    return _vector_norm(x if dtype is None else x.to(dtype), float(ord), _dims(dim), keepdim, out=out)


def _dims(dim: Any) -> tuple[int, ...] | None:
    return None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)


@op(name="matrix_norm", method=False, function=False, grad="LinalgVectorNormBackward0")
def _matrix_norm(A: Array, ord: float | str, dim: tuple, keepdim: bool) -> Array:
    _check_inexact("linalg.matrix_norm", A)
    pair = axes(A, dim)
    if len(pair) != 2:
        raise RuntimeError("linalg.matrix_norm: dim must be a 2-tuple. Got " + " ".join(map(str, dim)))
    last = jnp.moveaxis(A, pair, _T)
    if ord == "fro":
        found = _norm_of(last, 2.0, axes(last, _T), False)
    elif ord in ("nuc", 2, -2):
        values = jnp.linalg.svd(last, compute_uv=False)
        found = values.sum(-1) if ord == "nuc" else values.max(-1) if ord == 2 else values.min(-1)
    elif ord in (1, -1, np.inf, -np.inf):
        size = jnp.abs(last) if jnp.iscomplexobj(last) else jnp.sign(last) * last
        sums = size.sum(-2 if abs(ord) == 1 else -1)
        found = sums.max(-1) if ord > 0 else sums.min(-1)
    else:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    return jnp.expand_dims(found, pair) if keepdim else found


@composite(method=False)
def matrix_norm(
    A: Any, ord: float | str = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """The norm of a matrix: "fro", "nuc", 1, -1, 2, -2, inf or -inf.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_norm(torch.eye(2), 1)
    tensor(1.)
    """
    if A._v.aval.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    found = _matrix_norm(A if dtype is None else A.to(dtype), ord, tuple(dim), keepdim)
    return found if out is None else write_out("linalg.matrix_norm", out, found)


@composite(method=False)
def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, out: Any = None, dtype: Any = None) -> Any:
    """A vector norm or, with two dimensions and an order, a matrix norm.

    >>> import jtorch as torch
    >>> torch.linalg.norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    rank = A._v.aval.ndim
    as_matrix = ord is not None and (
        isinstance(ord, str) or (dim is None and rank == 2) or (isinstance(dim, (tuple, list)) and len(dim) == 2)
    )
    if not as_matrix:
        if ord is not None and dim is None and rank > 2:
            raise RuntimeError(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {rank}D."
            )
        return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype, out=out)
    return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)


# Determinants and inverses


@op(method=False, out=True, grad="LinalgDetBackward0")
def det(A: Array) -> Array:
    """The determinant.

    >>> import jtorch as torch
    >>> torch.linalg.det(torch.eye(2))
    tensor(1.)
    """
    _check_square("linalg.det", A)
    return jnp.linalg.det(A) if A.shape[-1] else jnp.ones(A.shape[:-2], A.dtype)


@op(method=False, out=True, returns=("sign", "logabsdet"), grad="LinalgSlogdetBackward0")
def slogdet(A: Array) -> tuple[Array, Array]:
    """Sign and logarithm of the absolute value of the determinant."""
    _check_square("linalg.slogdet", A)
    sign, logabsdet = jnp.linalg.slogdet(A)
    return lax.stop_gradient(sign) if not jnp.iscomplexobj(sign) else sign, logabsdet


def _lapack_info(factor: Any) -> Any:
    """The first diagonal element that is zero, from 1; 0 when there is none: what LAPACK's getrf returns."""
    zero = jnp.diagonal(factor, axis1=-2, axis2=-1) == 0
    return jnp.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(np.int32)


@op(name="inv_ex", method=False, function=False, out=True, returns=("inverse", "info"), grad="LinalgInvExBackward0")
def _inv(A: Array) -> tuple[Array, Array]:
    _check_square("linalg.inv", A)
    if not A.size:
        return A, jnp.zeros(A.shape[:-2], np.int32)
    return jnp.linalg.inv(A), _lapack_info(lax.stop_gradient(lax.linalg.lu(A)[0]))


@composite(method=False)
def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    """The inverse and an error code: 0 where the matrix can be inverted."""
    found = _inv(A, out=out)
    if check_errors:
        _check_regular("linalg.inv", found[1])
    return found


@composite(method=False)
def inv(A: Any, *, out: Any = None) -> Any:
    """The inverse; LinAlgError for a singular matrix.

    >>> import jtorch as torch
    >>> torch.linalg.inv(torch.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    inverse, info = _inv(A)
    _check_regular("linalg.inv", info)
    return inverse if out is None else write_out("linalg.inv", out, inverse)


@op(name="pinv", method=False, function=False, out=True, grad="LinalgPinvBackward0")
def _pinv(A: Array, atol: float, rtol: float, hermitian: bool) -> Array:
    if hermitian:
        A = lax.stop_gradient(_half(A, "L") - A) + A
    bound: Any = rtol
    if atol and A.size:
        largest = jnp.linalg.norm(lax.stop_gradient(A), 2, axis=_T)
        bound = jnp.maximum(atol / jnp.where(largest > 0, largest, 1), rtol)
    # not hermitian=True, whose gradient is symmetric: torch differentiates as for any matrix
    return jnp.linalg.pinv(A, rtol=bound)


@composite(method=False)
def pinv(
    A: Any, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
    rtol: float | None = None, out: Any = None,
) -> Any:  # fmt: skip
    """The Moore-Penrose inverse: singular values up to `max(atol, rtol * the largest)` count as 0.

    >>> import jtorch as torch
    >>> torch.linalg.pinv(torch.tensor([[2.], [0.]]))
    tensor([[0.5000, 0.0000]])
    """
    shape, kind = A._v.aval.shape, A._v.aval.dtype
    if len(shape) < 2 or kind.name not in ("float32", "float64", "complex64", "complex128"):
        raise RuntimeError(
            f"linalg.pinv({kind.type_name}{{{list(shape)}}}): expected a tensor with 2 or more dimensions of float, "
            "double, cfloat or cdouble types"
        )
    wish = rtol if rcond is None else rcond
    if wish is None:
        wish = 0.0 if atol else max(shape[-2:]) * float(jnp.finfo(kind.np).eps)
    return _pinv(A, float(atol or 0.0), float(wish), hermitian, out=out)


# Decompositions


@op(name="svd", method=False, function=False, out=True, returns=("U", "S", "Vh"), grad="LinalgSvdBackward0")
def _svd(A: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
    _check_inexact("linalg.svd", A)
    U, S, Vh = jnp.linalg.svd(A, full_matrices=False)
    k = S.shape[-1]
    if full_matrices and (A.shape[-2] > k or A.shape[-1] > k):
        # JAX differentiates the reduced form only; what completes the bases has no gradient of its own
        full_U, _, full_Vh = lax.stop_gradient(jnp.linalg.svd(lax.stop_gradient(A), full_matrices=True))
        U = jnp.concatenate([U, full_U[..., k:]], -1)
        Vh = jnp.concatenate([Vh, full_Vh[..., k:, :]], -2)
    return U, S, Vh


@composite(method=False)
def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None, out: Any = None) -> Any:
    """The singular value decomposition `A = U diag(S) Vh`. `driver` has no meaning here.

    >>> import jtorch as torch
    >>> torch.linalg.svd(torch.eye(2)).S
    tensor([1., 1.])
    """
    if A._v.aval.ndim < 2:
        raise RuntimeError("linalg.svd: The input tensor A must have at least 2 dimensions.")
    return _svd(A, full_matrices, out=out)


@op(method=False, out=True, grad="LinalgSvdBackward0")
def svdvals(A: Array) -> Array:
    """The singular values, largest first."""
    _check_inexact("linalg.svdvals", A)
    return jnp.linalg.svd(A, compute_uv=False)


@op(method=False, out=True, returns=("Q", "R"), grad="LinalgQrBackward0")
def qr(A: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """The QR decomposition; `mode` is reduced, complete or r.

    >>> import jtorch as torch
    >>> torch.linalg.qr(torch.ones(2, 1)).R.abs()
    tensor([[1.4142]])
    """
    _check_inexact("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    if mode == "r":
        return jnp.zeros((0,), A.dtype), jnp.linalg.qr(A, mode="r")
    q, r = jnp.linalg.qr(A, mode=mode)
    return q, r


def _half(A: Any, UPLO: str) -> Any:
    """The Hermitian matrix that one triangle stands for."""
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    lower = UPLO.upper() == "L"
    triangle, strict = (jnp.tril(A), jnp.tril(A, -1)) if lower else (jnp.triu(A), jnp.triu(A, 1))
    both = (A + _mH(A)) / 2  # torch's gradient is that of a matrix whose two triangles move together
    return lax.stop_gradient(triangle + _mH(strict) - both) + both


@op(method=False, out=True, returns=("eigenvalues", "eigenvectors"), residuals=True, grad="LinalgEighBackward0")
def eigh(A: Array, UPLO: str = "L") -> tuple[Array, Array]:
    """Eigenvalues, smallest first, and eigenvectors of a symmetric matrix."""
    _check_square("linalg.eigh", A)
    values, vectors = jnp.linalg.eigh(_half(A, UPLO), symmetrize_input=False)
    return values, vectors


@op(method=False, out=True, residuals=True, grad="LinalgEighBackward0")
def eigvalsh(A: Array, UPLO: str = "L") -> Array:
    """Eigenvalues, smallest first, of a symmetric matrix."""
    _check_square("linalg.eigvalsh", A)
    return jnp.linalg.eigh(_half(A, UPLO), symmetrize_input=False)[0]


@op(name="cholesky_ex", method=False, function=False, out=True, returns=("L", "info"), grad="LinalgCholeskyExBackward0")
def _cholesky(A: Array, upper: bool) -> tuple[Array, Array]:
    _check_square("linalg.cholesky", A)
    full = _half(A, "U" if upper else "L")
    factor = jnp.linalg.cholesky(full, symmetrize_input=False)
    info = jnp.isnan(lax.stop_gradient(factor)).any(_T).astype(np.int32)
    return (_mH(factor) if upper else factor), info


@composite(method=False)
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """The Cholesky factor and an error code: 0 where the matrix is positive-definite."""
    found = _cholesky(A, upper, out=out)
    if check_errors:
        _check_regular("linalg.cholesky", found[1])
    return found


@composite(method=False)
def cholesky(A: Any, *, upper: bool = False, out: Any = None) -> Any:
    """The Cholesky factor; LinAlgError when the matrix is not positive-definite.

    >>> import jtorch as torch
    >>> torch.linalg.cholesky(torch.tensor([[4., 0.], [0., 9.]]))
    tensor([[2., 0.],
            [0., 3.]])
    """
    factor, info = _cholesky(A, upper)
    _check_regular("linalg.cholesky", info)
    return factor if out is None else write_out("linalg.cholesky", out, factor)


# Solvers


def _is_vector(A: Any, B: Any) -> bool:
    """torch's rule for when a right side is a vector, or a batch of them."""
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and A.shape[:-1] == B.shape)


@op(name="solve_ex", method=False, function=False, out=True, returns=("result", "info"), grad="LinalgSolveExBackward0")
def _solve(A: Array, B: Array, left: bool) -> tuple[Array, Array]:
    _check_square("linalg.solve", A)
    vector = _is_vector(A, B)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case "
            "linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    right = B[..., None] if vector else B
    if not left:
        A, right = jnp.swapaxes(A, -1, -2), jnp.swapaxes(right, -1, -2)
    if A.shape[-1] != right.shape[-2]:
        raise RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and {right.shape[-2]}x{right.shape[-1]})"
        )
    found = jnp.linalg.solve(A, right)
    found = found[..., 0] if vector else found if left else jnp.swapaxes(found, -1, -2)
    return found, _lapack_info(lax.stop_gradient(lax.linalg.lu(A)[0])) if A.size else jnp.zeros(A.shape[:-2], np.int32)


@composite(method=False)
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """The solution and an error code: 0 where the matrix is regular."""
    found = _solve(A, B, left, out=out)
    if check_errors:
        _check_regular("linalg.solve", found[1])
    return found


@composite(method=False)
def solve(A: Any, B: Any, *, left: bool = True, out: Any = None) -> Any:
    """The solution of `A X = B`, or of `X A = B`; LinAlgError for a singular matrix.

    >>> import jtorch as torch
    >>> torch.linalg.solve(torch.tensor([[2., 0.], [0., 4.]]), torch.tensor([2., 4.]))
    tensor([1., 1.])
    """
    found, info = _solve(A, B, left)
    _check_regular("linalg.solve", info)
    return found if out is None else write_out("linalg.solve", out, found)


@op(method=False, out=True, grad="LinalgSolveTriangularBackward0")
def solve_triangular(A: Array, B: Array, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Array:
    """The solution of `A X = B` for a triangular `A`."""
    _check_square("linalg.solve_triangular", A)
    lead = jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = jnp.broadcast_to(A, (*lead, *A.shape[-2:])), jnp.broadcast_to(B, (*lead, *B.shape[-2:]))
    return lax.linalg.triangular_solve(A, B, left_side=left, lower=not upper, unit_diagonal=unitriangular)


# Products


@composite(method=False)
def matrix_power(A: Any, n: int, *, out: Any = None) -> Any:
    """The matrix multiplied `n` times with itself; negative powers are those of the inverse.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1, 1], [0, 1]]), 3)
    tensor([[1, 3],
            [0, 1]])
    """
    shape = A._v.aval.shape
    if len(shape) < 2:
        raise RuntimeError("linalg.matrix_power: The input tensor A must have at least 2 dimensions.")
    if shape[-1] != shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} "
            "matrices"
        )
    found = _power(inv(A) if n < 0 else A, abs(n))
    return found if out is None else write_out("linalg.matrix_power", out, found)


def _power(A: Any, n: int) -> Any:
    if n == 0:
        return A.new_ones(A._v.aval.shape[-1]).diag().expand(A._v.aval.shape).clone()
    found = None
    while n:
        if n & 1:
            found = A if found is None else matmul.matmul(found, A)
        n >>= 1
        A = matmul.matmul(A, A) if n else A
    assert found is not None  # n is positive
    return found.clone() if found is A else found


@op(name="matrix_exp", method=False, function=False, residuals=True, grad="LinalgMatrixExpBackward0")
def _matrix_exp(A: Array) -> Array:
    _check_square("linalg.matrix_exp", A)
    return jsl.expm(A)


@composite(method=False)
def matrix_exp(A: Any) -> Any:
    """The matrix exponential."""
    return _matrix_exp(A)


@composite(method=False)
def multi_dot(tensors: Sequence, *, out: Any = None) -> Any:
    """The product of several matrices in the cheapest order; the first and last may be vectors.

    >>> import jtorch as torch
    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 2), torch.ones(2)])
    tensor([6., 6.])
    """
    found = list(tensors)
    if len(found) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(found)}")
    row, column = found[0]._v.aval.ndim == 1, found[-1]._v.aval.ndim == 1
    if row:
        found[0] = views.unsqueeze(found[0], 0)
    if column:
        found[-1] = views.unsqueeze(found[-1], 1)
    product = matmul.chain_matmul(*found)
    product = product.squeeze(-1) if column else product
    product = product.squeeze(0) if row else product
    return product if out is None else write_out("linalg.multi_dot", out, product)


@op(method=False, kind="default", out=True, grad="SumBackward1")
def vecdot(x: Array, y: Array, *, dim: Dim = -1) -> Array:
    """The sum of products along a dimension, the first factor conjugated."""
    return jnp.sum(jnp.conj(x) * y, dim)


@composite(method=False)
def cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Any:
    """The cross product of vectors of three elements along `dim`."""
    return distance.cross(input, other, dim, out=out)


@composite(method=False)
def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonal of two dimensions, put last."""
    return views.diagonal(A, offset, dim1, dim2)


@op(name="matrix_rank", method=False, function=False, out=True, differentiable=False)
def _matrix_rank(A: Array, atol: float | None, rtol: float | None, hermitian: bool) -> Array:
    _check_inexact("linalg.matrix_rank", A)
    if not A.size:
        return jnp.zeros(A.shape[:-2], np.int64)
    values = jnp.abs(jnp.linalg.eigvalsh(A)) if hermitian else jnp.linalg.svd(A, compute_uv=False)
    default = max(A.shape[-2:]) * jnp.finfo(A.dtype).eps if not atol else 0.0
    bound = jnp.maximum(atol or 0.0, (default if rtol is None else rtol) * values.max(-1, keepdims=True))
    return (values > bound).sum(-1).astype(np.int64)


@composite(method=False)
def matrix_rank(
    A: Any, tol: float | None = None, hermitian: bool = False, *, atol: float | None = None, rtol: float | None = None,
    out: Any = None,
) -> Any:  # fmt: skip
    """How many singular values are not zero within a tolerance.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_rank(torch.eye(3))
    tensor(3)
    """
    return _matrix_rank(A, tol if tol is not None else atol, rtol, hermitian, out=out)


# The same under torch.* and Tensor.*

for _name, _fn in {
    "slogdet": slogdet, "inverse": inv, "matrix_power": matrix_power, "matrix_exp": matrix_exp,
}.items():  # fmt: skip
    registry.add_function("torch", _name, _fn)
    registry.add_method(_name, _fn)


def _det(input: Any) -> Any:
    """The determinant."""
    return det(input)


def _pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The Moore-Penrose inverse; singular values up to `rcond` times the largest count as 0."""
    return pinv(input, rcond)


def _logdet(A: Any) -> Any:
    """The logarithm of the determinant; nan where it is negative."""
    sign, logabsdet = slogdet(A)
    return logabsdet + sign.log()


def _cholesky_old(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The Cholesky factor."""
    return cholesky(input, upper=upper, out=out)


for _name, _fn in {"det": _det, "pinverse": _pinverse, "logdet": _logdet, "cholesky": _cholesky_old}.items():
    _fn.__name__ = _fn.__qualname__ = _name
    registry.add_function("torch", _name, _fn)
    registry.add_method(_name, _fn)
