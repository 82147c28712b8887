"""Decompositions of low rank by random projection (Halko, Martinsson and Tropp, 2009, algorithms 4.4 and 5.1).

https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import composite
from jtorch._ops import random
from jtorch._ops.matmul import matmul
from jtorch._ops.views import adjoint
from jtorch.linalg.decompositions import cholesky, eigh, qr, svd
from jtorch.linalg.solvers import solve_triangular


def _basis(A: Any, q: int, niter: int, M: Any = None) -> Any:
    """`q` orthonormal columns that nearly span the columns of `A - M`."""
    if M is not None:
        A = A - M
    aval = A._v.aval
    Q = qr(matmul(A, random.randn(aval.shape[-1], q, dtype=aval.dtype, device=aval.device)))[0]
    for _ in range(niter):
        Q = qr(matmul(adjoint(A), Q))[0]
        Q = qr(matmul(A, Q))[0]
    return Q


def _svd_lowrank(A: Any, q: int | None, niter: int | None, M: Any) -> tuple[Any, Any, Any]:
    q = 6 if q is None else q
    m, n = A._v.aval.shape[-2:]
    if M is not None:
        A = A - M.broadcast_to(A._v.aval.shape)
    if m < n:
        A = adjoint(A)
    Q = _basis(A, q, 2 if niter is None else niter)
    U, S, Vh = svd(matmul(adjoint(Q), A), False)
    U, V = matmul(Q, U), adjoint(Vh)
    return (V, S, U) if m < n else (U, S, V)


@composite(method=False, namespace="torch")
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> tuple[Any, Any, Any]:
    """The `q` largest singular values of `A - M` and their vectors, nearly: `niter` steps of subspace iteration.

    >>> import jtorch as torch
    >>> [tuple(t.shape) for t in torch.svd_lowrank(torch.ones(5, 4), q=2)]
    [(5, 2), (2,), (4, 2)]
    """
    return _svd_lowrank(A, q, niter, M)


@composite(method=False, namespace="torch")
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Any, Any, Any]:
    """Principal components: `svd_lowrank` of a matrix less the mean of its columns.

    >>> import jtorch as torch
    >>> [tuple(t.shape) for t in torch.pca_lowrank(torch.ones(5, 4), q=2)]
    [(5, 2), (2,), (4, 2)]
    """
    m, n = A._v.aval.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    kind = A._v.aval.dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise ValueError(f"input must be a floating point tensor, got {kind}")
    return _svd_lowrank(A - A.mean(-2, True) if center else A, q, niter, None)


def _check_sizes(m: int, n: int) -> None:
    if m < 3 * n:
        raise ValueError(
            f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of "
            f"requested eigenpairs (={n})"
        )


@composite(method=False, namespace="torch")
def lobpcg(
    A: Any, k: int | None = None, B: Any = None, X: Any = None, n: int | None = None, iK: Any = None,
    niter: int | None = None, tol: float | None = None, largest: bool | None = None, method: str | None = None,
    tracker: Any = None, ortho_iparams: dict | None = None, ortho_fparams: dict | None = None,
    ortho_bparams: dict | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """The `k` largest (or smallest) eigenvalues and eigenvectors of a symmetric matrix, or of `A x = lambda B x`.

    They come from the whole decomposition, to full precision: what steers the iteration (`iK`, `niter`, `tol`,
    `method`, `tracker`, `ortho_*`) has no effect, and of the first guess `X` only the number of columns counts.

    >>> import jtorch as torch
    >>> torch.lobpcg(torch.tensor([1., 2., 3., 4.]).diag(), k=1)[0]
    tensor([4.])
    """
    columns = X._v.aval.shape[-1] if X is not None else None
    wanted: int = k or columns or 1
    _check_sizes(A._v.aval.shape[-2], columns or n or wanted)
    if B is not None:
        factor = cholesky(B)
        half = solve_triangular(factor, A, upper=False)
        A = solve_triangular(adjoint(factor), half, upper=True, left=False)
    values, vectors = eigh(A)
    if largest is None or largest:
        values, vectors = values.flip(-1), vectors.flip(-1)
    values, vectors = values[..., :wanted], vectors[..., :wanted]
    return values, vectors if B is None else solve_triangular(adjoint(factor), vectors, upper=True)
