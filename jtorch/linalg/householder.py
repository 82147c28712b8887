"""Products of Householder reflectors `I - tau v v^H`, as LAPACK's QR keeps them.

`H_1 ... H_k = I - V T V^H` with `T = (I + D S)^-1 D`, where `D` has tau on its diagonal and `S` is the part of `V^H V`
above the diagonal: two matrix products and one triangular solve, differentiable as they stand.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, composite, op, registry
from jtorch.linalg.checks import check_kernel, check_rank, mH, mT, word


def _reflectors(A: Any, tau: Any) -> tuple[Any, Any]:
    """V, and T of the product of all reflectors."""
    k = tau.shape[-1]
    V = jnp.tril(A[..., :k], -1) + jnp.eye(A.shape[-2], k, dtype=A.dtype)
    D = tau[..., None] * jnp.eye(k, dtype=A.dtype)
    S = jnp.triu(mH(V) @ V, 1)
    return V, lax.linalg.triangular_solve(tau[..., None] * S, D, left_side=True, lower=False, unit_diagonal=True)


def _check_tau(name: str, input: Any, tau: Any) -> None:
    if input.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.ndim} and "
            f"input.ndim is equal to {input.ndim}"
        )
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )


def _without_reflectors(specs: tuple, statics: tuple) -> tuple[int, ...]:
    """Both operands where there is no reflector or no matrix."""
    return (0, 1) if any(s.size == 0 for s in specs) else ()


@op(name="linalg_householder_product", public="householder_product", method=False, out=True, order="columns",
    undefined=_without_reflectors, saves="input tau result")  # fmt: skip
def householder_product(input: Array, tau: Array) -> Array:
    """The first columns of the product of the reflectors below the diagonal of `input`, with scales `tau`.

    >>> import jtorch as torch
    >>> torch.linalg.householder_product(torch.tensor([[3.], [1.]]), torch.tensor([1.]))
    tensor([[ 0.],
            [-1.]])
    """
    name = "torch.linalg.householder_product"
    check_rank(name, input, "input must")
    m, n = input.shape[-2:]
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    _check_tau(name, input, tau)
    if input.dtype != tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {word(tau)} does not match input dtype {word(input)}")
    check_kernel("orgqr_cpu", input)
    V, triangle = _reflectors(input, tau)
    return jnp.eye(m, n, dtype=input.dtype) - V @ (triangle @ mH(V[..., :n, :]))


def _orgqr(input: Any, input2: Any, *, out: Any = None) -> Any:
    """`torch.linalg.householder_product` under its older name."""
    return householder_product(input, input2, out=out)


_orgqr.__name__ = _orgqr.__qualname__ = "orgqr"
registry.add_function("torch", "orgqr", _orgqr)
registry.add_method("orgqr", _orgqr)


def _check_ormqr(input: Any, tau: Any, other: Any, left: bool) -> None:
    name = "torch.ormqr"
    check_rank(name, input, "input must")
    check_rank(name, other, "other must")
    side = -2 if left else -1
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] != min(other.shape[side], input.shape[-1]):
        raise RuntimeError(f"{name}: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])")
    _check_tau(name, input, tau)
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"{name}: Expected other to have the same number of dimensions as input, but got other.ndim equal to "
            f"{other.ndim} and input.ndim is equal to {input.ndim}"
        )
    if input.shape[:-2] != other.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of other to be equal to input.shape[:-2], but got "
            f"{list(other.shape[:-2])}"
        )
    for what, array in (("tau", tau), ("other", other)):
        if array.dtype != input.dtype:
            raise RuntimeError(
                f"{name}: Expected input and {what} to have the same dtype, but input has dtype{word(input)} and "
                f"{what} has dtype {word(array)}"
            )
    check_kernel("ormqr_cpu", input)


@op(name="ormqr", function=False, method=False, out=True, order="columns", saves="input input2 input3 result")
def _ormqr(input: Array, input2: Array, input3: Array, left: bool, transpose: bool) -> Array:
    _check_ormqr(input, input2, input3, left)
    V, triangle = _reflectors(input, input2)
    inner = mH(triangle) if transpose else triangle
    if left:
        return input3 - V @ (inner @ (mH(V) @ input3))
    return input3 - ((input3 @ V) @ inner) @ mH(V)


@composite(namespace="torch")
def ormqr(input: Any, input2: Any, input3: Any, left: bool = True, transpose: bool = False, *, out: Any = None) -> Any:
    """`input3` multiplied with the product of the reflectors in `input`, scales `input2`, or with its adjoint.

    >>> import jtorch as torch
    >>> torch.ormqr(torch.tensor([[3.], [1.]]), torch.tensor([1.]), torch.eye(2))
    tensor([[ 0., -1.],
            [-1.,  0.]])
    """
    if not input2._v.aval.size:  # no reflectors: torch gives them no gradient, not even an empty one
        input, input2 = input.detach(), input2.detach()
    return _ormqr(input, input2, input3, left, transpose, out=out)


_NO_GRADIENT = NotImplementedError, "the derivative for 'geqrf' is not implemented."


@op(name="geqrf", namespace="torch", out=True, real_gradient="geqrf", returns=("a", "tau"), no_gradient=_NO_GRADIENT,
    order=("columns", None))  # fmt: skip
def geqrf(input: Array) -> tuple[Array, Array]:
    """LAPACK's form of the QR decomposition: R above the diagonal, reflectors below, and their scales.

    >>> import jtorch as torch
    >>> torch.geqrf(torch.eye(2)).tau
    tensor([0., 0.])
    """
    check_rank("torch.geqrf", input, "input must")
    check_kernel("geqrf_cpu", input)
    h, tau = jnp.linalg.qr(input, mode="raw")
    return mT(h), tau
