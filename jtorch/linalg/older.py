"""The names of linear algebra under `torch.*` and as methods, where `torch.linalg` came later.

https://docs.pytorch.org/docs/stable/torch.html#blas-and-lapack-operations
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import named_results, registry, write_out
from jtorch._declare.once import warn_once
from jtorch._declare.return_types import return_type
from jtorch._ops import matmul, views
from jtorch._ops.refusals import BOOL, INT, inexact_matrix, without_kernel
from jtorch.linalg import decompositions, inverses, products, properties


def det(input: Any) -> Any:
    """The determinant."""
    return properties.det(input)


_SLOGDET = return_type("slogdet", ("sign", "logabsdet"))


def slogdet(input: Any, *, out: Any = None) -> Any:
    """Sign and logarithm of the absolute value of the determinant."""
    return named_results(_SLOGDET, "slogdet", properties.slogdet(input), out)


def logdet(input: Any) -> Any:
    """The logarithm of the determinant; nan where it is negative."""
    inexact_matrix("logdet")((input._v.aval,))
    sign, logabsdet = properties.slogdet(input)
    return logabsdet + sign.log()


def inverse(input: Any, *, out: Any = None) -> Any:
    """The inverse."""
    return inverses.inv(input, out=out)


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The Moore-Penrose inverse; singular values up to `rcond` times the largest count as 0."""
    return inverses.pinv(input, rcond)


def matrix_power(input: Any, n: int, *, out: Any = None) -> Any:
    """The matrix multiplied `n` times with itself."""
    return products.matrix_power(input, n, out=out)


def matrix_exp(input: Any) -> Any:
    """The matrix exponential."""
    return products.matrix_exp(input)


def cholesky(input: Any, upper: bool = False, *, out: Any = None) -> Any:
    """The Cholesky factor."""
    warn_once(
        "torch.cholesky is deprecated in favor of torch.linalg.cholesky and will be removed in a future PyTorch "
        "release.\nL = torch.cholesky(A)\nshould be replaced with\nL = torch.linalg.cholesky(A)\nand\n"
        "U = torch.cholesky(A, upper=True)\nshould be replaced with\nU = torch.linalg.cholesky(A).mH\nThis transform "
        "will produce equivalent results for all valid (symmetric positive definite) inputs."
    )
    if input.numel():
        without_kernel("cholesky_cpu", input.dtype, BOOL, INT)
    found = decompositions.cholesky(input, upper=upper)
    return found if out is None else write_out("cholesky", out, found)


_QR = return_type("qr", ("Q", "R"))
_SVD = return_type("svd", ("U", "S", "V"))


def qr(input: Any, some: bool = True, *, out: Any = None) -> Any:
    """The QR decomposition; all columns of Q without `some`."""
    warn_once(
        "torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future PyTorch release.\nThe "
        "boolean parameter 'some' has been replaced with a string parameter 'mode'.\nQ, R = torch.qr(A, some)\nshould "
        "be replaced with\nQ, R = torch.linalg.qr(A, 'reduced' if some else 'complete')"
    )
    return named_results(_QR, "qr", decompositions.qr(input, "reduced" if some else "complete"), out)


def svd(input: Any, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """The singular value decomposition `input = U diag(S) V^H`; zeros for U and V without `compute_uv`.

    >>> import jtorch as torch
    >>> torch.svd(torch.eye(2)).S
    tensor([1., 1.])
    """
    shape = input._v.aval.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"linalg.svd: input should have at least 2 dimensions, but has {len(shape)} dimensions instead"
        )
    if compute_uv:
        U, S, Vh = decompositions.svd(input, not some)
        found = (U, S, views.adjoint(Vh))
    else:
        m, n = shape[-2:]
        S = decompositions.svdvals(input)
        found = (input.new_zeros((*shape[:-2], m, m)), S, input.new_zeros((*shape[:-2], n, n)))
    return named_results(_SVD, "svd", found, out)


registry.add_function("torch.linalg", "matmul", matmul.matmul)
for _fn in (det, slogdet, logdet, inverse, pinverse, matrix_power, matrix_exp, cholesky, qr, svd):
    registry.add_function("torch", _fn.__name__, _fn)
    registry.add_method(_fn.__name__, _fn)


# Removed from torch: what remains is their parameters and an error that says what to use.


def _removed(instead: str) -> Exception:
    return RuntimeError(f"This function was deprecated since version 1.9 and is now removed.{instead}")


def eig(self: Any, eigenvectors: bool = False, *, e: Any = None, v: Any = None) -> Any:
    """Removed: use `torch.linalg.eig`."""
    raise _removed(
        " `torch.linalg.eig` returns complex tensors of dtype `cfloat` or `cdouble` rather than real tensors "
        "mimicking complex tensors."
    )


def lstsq(input: Any, A: Any, *, out: Any = None) -> Any:
    """Removed: use `torch.linalg.lstsq`."""
    raise _removed(" `torch.lstsq` is deprecated in favor of `torch.linalg.lstsq`.")


def solve(input: Any, A: Any, *, out: Any = None) -> Any:
    """Removed: use `torch.linalg.solve`."""
    raise _removed(" `torch.solve` is deprecated in favor of `torch.linalg.solve`.")


def symeig(input: Any, eigenvectors: bool = False, upper: bool = True, *, out: Any = None) -> Any:
    """Removed: use `torch.linalg.eigh`."""
    raise _removed(
        " The default behavior has changed from using the upper triangular portion of the matrix by default to using "
        "the lower triangular portion."
    )


def matrix_rank(input: Any, tol: Any = None, symmetric: bool = False, *, out: Any = None) -> Any:
    """Removed: use `torch.linalg.matrix_rank`."""
    raise _removed("\nPlease use the `torch.linalg.matrix_rank` function instead.")


for _fn in (eig, lstsq, solve, symeig, matrix_rank):
    registry.add_function("torch", _fn.__name__, _fn)


def _removed_method(fn: Callable, of_two: bool) -> Callable:
    def with_other(self: Any, other: Any) -> Any:
        return fn(self, other)

    def alone(self: Any, eigenvectors: bool = False) -> Any:
        return fn(self, eigenvectors)

    method = with_other if of_two else alone
    method.__name__ = method.__qualname__ = fn.__name__
    method.__doc__ = fn.__doc__
    return method


for _fn, _of_two in ((eig, False), (lstsq, True), (solve, True), (symeig, False)):
    registry.add_method(_fn.__name__, _removed_method(_fn, _of_two))
