"""What the functions of linear algebra refuse, in torch's words, and what LAPACK's error codes stand for."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Handle, errors, to_host_of_rows
from jtorch._declare.types import from_numpy

T = (-2, -1)  # the axes of a matrix in a batch


class LinAlgError(RuntimeError):
    """A matrix that a decomposition cannot take: singular, or not positive-definite."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"
LinAlgError.__module__ = "torch._C"


def mT(A: Any) -> Any:
    """The transposed matrix."""
    return jnp.swapaxes(A, -1, -2)


def mH(A: Any) -> Any:
    """The transposed, conjugated matrix."""
    return jnp.conj(mT(A))


def lead_broadcast(*arrays: Any) -> tuple[Any, ...]:
    """Batches of matrices with one batch shape."""
    lead = jnp.broadcast_shapes(*(A.shape[:-2] for A in arrays))
    return tuple(jnp.broadcast_to(A, (*lead, *A.shape[-2:])) for A in arrays)


def word(A: Any) -> str:
    """An array's type as torch's sentences name it."""
    return from_numpy(np.dtype(A.dtype)).type_name


def check_rank(name: str, A: Any, what: str = "The input tensor A must") -> None:
    """At least one matrix."""
    if A.ndim < 2:
        raise RuntimeError(f"{name}: {what} have at least 2 dimensions.")


def check_square(name: str, A: Any) -> None:
    """Square matrices."""
    check_rank(name, A)
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )


def check_equation(name: str, A: Any, B: Any, left: bool) -> None:
    """Shapes of `A X = B`, or of `X A = B`."""
    if A.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )


def check_tensor(function: str, name: str, value: Any) -> None:
    """A tensor, for functions that hand it on to an op of another name."""
    if not isinstance(value, Handle):
        raise errors.argument_type(function, name, 1, "Tensor", value)


def check_kernel(kernel: str, A: Any) -> None:
    """LAPACK has float, double and their complex numbers."""
    if not jnp.issubdtype(A.dtype, jnp.inexact) or A.dtype.itemsize < 4:
        raise errors.not_implemented_for(kernel, word(A))


def check_inexact(name: str, A: Any, kernel: str = "", half: bool = False) -> None:
    """Floating-point or complex numbers; those of half precision are refused as `kernel` does, if it is named, or
    taken."""
    if not jnp.issubdtype(A.dtype, jnp.inexact):
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {word(A)}")
    if kernel:
        check_kernel(kernel, A)
    if A.dtype.itemsize < 4 and not half:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {word(A)}")


def nothing(A: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A result without elements. It is no linear function of A, so its gradients have gradients, as torch's do."""
    return (jnp.zeros(shape, dtype) + jnp.sum(A * jnp.conj(A)).real).astype(dtype)


def first_zero(factor: Any) -> Any:
    """The first diagonal element that is zero, from 1; 0 when there is none: what LAPACK's getrf returns."""
    factor = lax.stop_gradient(factor)
    zero = jnp.diagonal(factor, axis1=-2, axis2=-1) == 0
    if not zero.shape[-1]:
        return jnp.zeros(zero.shape[:-1], np.int32)
    return jnp.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(np.int32)


SINGULAR = "The solver failed because the input matrix is singular."
NO_INVERSE = (
    "The diagonal element {code} is zero, the inversion could not be completed because the input matrix is singular."
)
NOT_DEFINITE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order "
    "{code} is not positive-definite)."
)
ZERO_PIVOT = (
    "U[{code},{code}] is zero and using it on lu_solve would result in a division by zero. If you still want to "
    "perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
)
RANK_DEFICIENT = (
    "The least squares solution could not be computed because the input matrix does not have full rank (error code: "
    "{code})."
)


def check_info(name: str, info: Any, sentence: str, error: type[RuntimeError] = LinAlgError) -> None:
    """The error LAPACK's codes stand for. Looking at them runs what is pending, as torch's CPU does at once."""
    if info._v.aval.device.type == "meta":
        return
    codes = np.atleast_1d(to_host_of_rows(info))
    bad = np.flatnonzero(codes)
    if bad.size:
        batch = f"(Batch element {bad[0]}): " if codes.size > 1 else ""
        raise error(f"{name}: {batch}{sentence.format(code=int(codes.reshape(-1)[bad[0]]))}")
