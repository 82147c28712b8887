"""Properties of matrices: norms, determinants, condition, rank.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-properties
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, composite, op, reduction, write_out
from jtorch._ops import views
from jtorch._ops.norms import magnitude, only_counted
from jtorch._ops.norms import vector_norm as _norm_of
from jtorch._ops.reduction import axes
from jtorch._ops.refusals import NO_NORM
from jtorch.linalg.checks import T, check_inexact, check_rank, check_square
from jtorch.linalg.inverses import inverse_and_info

# Norms


@reduction(kind="complex_to_real", name="linalg_vector_norm", undefined=only_counted, method=False, function=False,
    saves="input result")  # fmt: skip
def _vector_norm(input: Array, ord: float, dim: tuple | None, keepdim: bool) -> Array:
    return _norm_of(input, ord, axes(input, dim), keepdim)


@composite(method=False)
def vector_norm(
    input: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """The norm of all elements as one vector, or along dimensions.

    >>> import jtorch as torch
    >>> torch.linalg.vector_norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    found = input._v.aval.dtype
    if not (found.is_floating_point or found.is_complex):
        raise RuntimeError(NO_NORM.format(found.type_name))
    return _vector_norm(input if dtype is None else input.to(dtype), float(ord), _dims(dim), keepdim, out=out)


def _dims(dim: Any) -> tuple[int, ...] | None:
    return None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)


def _norm(last: Any, ord: float | str) -> Any:
    """The norm of the matrices in the last two dimensions."""
    if ord == "fro":
        return _norm_of(last, 2.0, axes(last, T), False)
    if ord in ("nuc", 2, -2):
        values = jnp.linalg.svd(last, compute_uv=False)
        return values.sum(-1) if ord == "nuc" else values.max(-1) if ord == 2 else values.min(-1)
    if ord in (1, -1, np.inf, -np.inf):
        size = magnitude(last)
        sums = size.sum(-2 if abs(ord) == 1 else -1)
        return sums.max(-1) if ord > 0 else sums.min(-1)
    raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")


def _saved_of_matrix_norm(specs: tuple, statics: tuple, needs: tuple) -> str:
    return {"nuc": "", 2: "result", -2: "result"}.get(statics[0], "input result")


@op(name="linalg_matrix_norm", method=False, function=False, grad="LinalgVectorNormBackward0",
    saves=_saved_of_matrix_norm)  # fmt: skip
def _matrix_norm(input: Array, ord: float | str, dim: tuple, keepdim: bool) -> Array:
    check_rank("linalg.matrix_norm", input)
    half = input.dtype.itemsize < 4 and ord not in ("nuc", 2, -2)
    x = input.astype(jnp.float32) if half and jnp.issubdtype(input.dtype, jnp.floating) else input
    check_inexact("linalg.matrix_norm", x)
    pair = axes(input, dim)
    if len(pair) != 2:
        raise RuntimeError("linalg.matrix_norm: dim must be a 2-tuple. Got " + " ".join(map(str, dim)))
    found = _norm(jnp.moveaxis(x, pair, T), ord)
    found = found.astype(input.dtype) if x is not input else found
    return jnp.expand_dims(found, pair) if keepdim else found


@composite(method=False)
def matrix_norm(
    input: Any, ord: float | str = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None,
    out: Any = None,
) -> Any:  # fmt: skip
    """The norm of a matrix: "fro", "nuc", 1, -1, 2, -2, inf or -inf.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_norm(torch.eye(2), 1)
    tensor(1.)
    """
    found = _matrix_norm(input if dtype is None else input.to(dtype), ord, tuple(dim), keepdim)
    return found if out is None else write_out("linalg_matrix_norm", out, found)


@composite(method=False)
def norm(
    input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Any:
    """A vector norm or, with two dimensions and an order, a matrix norm.

    >>> import jtorch as torch
    >>> torch.linalg.norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    rank = input._v.aval.ndim
    as_matrix = ord is not None and (
        isinstance(ord, str) or (dim is None and rank == 2) or (isinstance(dim, (tuple, list)) and len(dim) == 2)
    )
    if not as_matrix:
        if ord is not None and dim is None and rank > 2:
            raise RuntimeError(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {rank}D."
            )
        return vector_norm(input, 2 if ord is None else ord, dim, keepdim, dtype=dtype, out=out)
    return matrix_norm(input, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype, out=out)


@composite(method=False)
def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonal of two dimensions, put last."""
    return views.diagonal(A, offset, dim1, dim2)


# Determinants


@op(name="linalg_det", public="det", method=False, out=True, saves="A result")
def det(A: Array) -> Array:
    """The determinant.

    >>> import jtorch as torch
    >>> torch.linalg.det(torch.eye(2))
    tensor(1.)
    """
    check_square("linalg.det", A)
    check_inexact("linalg.det", A, "lu_cpu")
    return jnp.linalg.det(A) if A.shape[-1] else jnp.ones(A.shape[:-2], A.dtype)


@op(name="linalg_slogdet", public="slogdet", method=False, out=True, returns=("sign", "logabsdet"), saves="A result0")
def slogdet(A: Array) -> tuple[Array, Array]:
    """Sign and logarithm of the absolute value of the determinant."""
    check_square("linalg.slogdet", A)
    check_inexact("linalg.slogdet", A)
    sign, logabsdet = jnp.linalg.slogdet(A)
    return lax.stop_gradient(sign) if not jnp.iscomplexobj(sign) else sign, logabsdet


# Condition and rank


def _check_condition(input: Any, p: float | str | None) -> None:
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_rank("linalg.cond", input, "The input tensor must")
    if not isinstance(p, str) and p is not None and abs(p) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if p in (None, 2, -2):
        check_inexact("linalg.svd", input, "linalg_svd_cpu")
    else:
        check_square(f"linalg.cond(ord={p})", input)
        check_inexact("linalg.inv", input)


def _saved_of_cond(specs: tuple, statics: tuple, needs: tuple) -> str:
    return "" if statics[0] in (None, 2, -2, "nuc") else "input"


@op(name="linalg_cond", public="cond", method=False, out=True, grad="NanToNumBackward0", saves=_saved_of_cond)
def cond(input: Array, p: float | str | None = None) -> Array:
    """The condition number: the norm of a matrix times that of its inverse; `p` is an order of `matrix_norm`.

    >>> import jtorch as torch
    >>> torch.linalg.cond(torch.tensor([[4., 0.], [0., 2.]]))
    tensor(2.)
    """
    _check_condition(input, p)
    if not input.size:
        return jnp.zeros(input.shape[:-2], jnp.finfo(input.dtype).dtype)
    if p in (None, 2, -2):
        values = jnp.linalg.svd(input, compute_uv=False)
        ratio = values[..., 0] / values[..., -1]
        return values[..., -1] / values[..., 0] if p == -2 else ratio
    assert p is not None  # as the checks made sure
    inverse, info = inverse_and_info(input)
    found = _norm(input, p) * _norm(jnp.where((info > 0)[..., None, None], 1, inverse), p)
    return jnp.where((info > 0) | jnp.isnan(found), jnp.inf, found)


@op(name="linalg_matrix_rank", method=False, function=False, out=True, differentiable=False)
def _matrix_rank(input: Array, atol: float | None, rtol: float | None, hermitian: bool) -> Array:
    check_rank("torch.linalg.matrix_rank", input, "The input tensor input must")
    if not jnp.issubdtype(input.dtype, jnp.inexact) or input.dtype.itemsize < 4:
        raise RuntimeError("This function doesn't handle types other than float and double")
    if not input.size:
        return jnp.zeros(input.shape[:-2], np.int64)
    values = jnp.abs(jnp.linalg.eigvalsh(input)) if hermitian else jnp.linalg.svd(input, compute_uv=False)
    default = max(input.shape[-2:]) * jnp.finfo(input.dtype).eps if not atol else 0.0
    bound = jnp.maximum(atol or 0.0, (default if rtol is None else rtol) * values.max(-1, keepdims=True))
    return (values > bound).sum(-1).astype(np.int64)


@composite(method=False)
def matrix_rank(
    input: Any, tol: float | None = None, hermitian: bool = False, *, atol: float | None = None,
    rtol: float | None = None, out: Any = None,
) -> Any:  # fmt: skip
    """How many singular values are not zero within a tolerance.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_rank(torch.eye(3))
    tensor(3)
    """
    return _matrix_rank(input, tol if tol is not None else atol, rtol, hermitian, out=out)
