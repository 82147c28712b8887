"""Inverses.

https://docs.pytorch.org/docs/stable/linalg.html#inverses
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, composite, op, write_out
from jtorch.linalg.checks import NO_INVERSE, T, check_inexact, check_info, check_square, check_tensor, first_zero, mH
from jtorch.linalg.decompositions import half


@op(name="linalg_inv_ex", method=False, function=False, out=True, returns=("inverse", "info"),
    order=("columns", None), saves="result0")  # fmt: skip
def _inv(A: Array) -> tuple[Array, Array]:
    check_square("linalg.inv", A)
    check_inexact("linalg.inv", A)
    return inverse_and_info(A)


def inverse_and_info(A: Any) -> tuple[Any, Any]:
    """The inverse and 0, or the first zero of U's diagonal."""
    return jnp.linalg.inv(A), first_zero(lax.linalg.lu(lax.stop_gradient(A))[0])


@composite(method=False)
def inv_ex(A: Any, *, check_errors: bool = False, out: Any = None) -> Any:
    """The inverse and an error code: 0 where the matrix can be inverted."""
    found = _inv(A, out=out)
    if check_errors:
        check_info("linalg.inv_ex", found[1], NO_INVERSE)
    return found


@composite(method=False)
def inv(A: Any, *, out: Any = None) -> Any:
    """The inverse; LinAlgError for a singular matrix.

    >>> import jtorch as torch
    >>> torch.linalg.inv(torch.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_tensor("linalg_inv", "A", A)
    inverse, info = _inv(A)
    check_info("linalg.inv", info, NO_INVERSE)
    return inverse if out is None else write_out("linalg_inv", out, inverse)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def pseudo_inverse(A: Any, rtol: Any, hermitian: bool) -> Any:
    """The Moore-Penrose inverse; with `hermitian`, that of the matrix the lower half stands for."""
    return jnp.linalg.pinv(half(A, "L") if hermitian else A, rtol=rtol)


@pseudo_inverse.defjvp
def _pseudo_inverse_jvp(hermitian: bool, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """The derivative at constant rank. torch has one for all matrices, hermitian or not, and so have we."""
    (A, rtol), (dA, _) = primals, tangents
    P = pseudo_inverse(A, rtol, hermitian)
    PH, dH = mH(P), mH(dA)
    left, right = dH - dH @ A @ P, dH - P @ A @ dH
    return P, P @ PH @ left + right @ PH @ P - P @ dA @ P


@op(name="linalg_pinv", method=False, function=False, out=True, saves="input result")
def _pinv(input: Array, atol: float, rtol: float, hermitian: bool) -> Array:
    bound: Any = rtol
    if atol and input.size:
        largest = jnp.linalg.norm(lax.stop_gradient(input), 2, axis=T)
        bound = jnp.maximum(atol / jnp.where(largest > 0, largest, 1), rtol)
    return pseudo_inverse(input, bound, hermitian)


@composite(method=False)
def pinv(
    input: Any, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
    rtol: float | None = None, out: Any = None,
) -> Any:  # fmt: skip
    """The Moore-Penrose inverse: singular values up to `max(atol, rtol * the largest)` count as 0.

    >>> import jtorch as torch
    >>> torch.linalg.pinv(torch.tensor([[2.], [0.]]))
    tensor([[0.5000, 0.0000]])
    """
    check_tensor("linalg_pinv", "input", input)
    shape, kind = input._v.aval.shape, input._v.aval.dtype
    if len(shape) < 2 or kind.name not in ("float32", "float64", "complex64", "complex128"):
        raise RuntimeError(
            f"linalg.pinv({kind.type_name}{{{list(shape)}}}): expected a tensor with 2 or more dimensions of float, "
            "double, cfloat or cdouble types"
        )
    wish = rtol if rcond is None else rcond
    if wish is None:
        wish = 0.0 if atol else max(shape[-2:]) * float(jnp.finfo(kind.np).eps)
    return _pinv(input, float(atol or 0.0), float(wish), hermitian, out=out)


@composite(method=False)
def tensorinv(input: Any, ind: int = 2, *, out: Any = None) -> Any:
    """The inverse of `tensordot` with `input`, whose first `ind` dimensions are the rows.

    >>> import jtorch as torch
    >>> torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4)).shape
    torch.Size([4, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    shape = tuple(input._v.aval.shape)
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{columns} != {rows}"
        )
    inverse, info = _inv(input.reshape(rows, columns))
    check_info("inv", info, NO_INVERSE)
    found = inverse.reshape(*shape[ind:], *shape[:ind])
    return found if out is None else write_out("linalg_tensorinv", out, found)
