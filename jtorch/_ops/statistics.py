"""Covariance, correlation, quantiles.

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jtorch._declare import (
    Array,
    Dim,
    Fault,
    Scalar,
    composite,
    op,
    reduction,
    to_host,
)
from jtorch._ops.pointwise import as_float, is_integral, is_number
from jtorch._ops.reduction import type_name
from jtorch._ops.refusals import BOOL, refused


def _matrix(name: str, x: Array) -> None:
    if x.ndim > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with {x.ndim} dimensions"
        )


def _weights(name: str, kind: str, weights: Array | None, x: Array) -> None:
    """torch's checks of the weights of observations."""
    if weights is None:
        return
    count = x.shape[-1] if x.ndim else 1
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions"
        )
    if is_integral(weights) is not (kind == "integral") or weights.dtype == bool:
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with {type_name(weights)} dtype"
        )
    if weights.size != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{weights.size} != {count}"
        )


@op(name="cov", grad="SqueezeBackward0", function=False, method=False,
    saves=lambda specs, statics, needs: "input fweights aweights" if 2 in needs else "fweights aweights")  # fmt: skip
def _cov(input: Array, *, correction: int = 1, fweights: Array = None, aweights: Array = None) -> Array:
    _matrix("cov", input)
    if input.dtype == bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    _weights("fweights", "integral", fweights, input)
    _weights("aweights", "floating point", aweights, input)
    x = as_float(jnp.atleast_2d(input))
    weights = [w.reshape(-1) for w in (fweights, aweights) if w is not None]
    each = math.prod(weights) if weights else 1
    total = jnp.sum(each) if weights else x.shape[1]  # in the weights' own precision
    lost = 1 if aweights is None else jnp.sum(each * weights[-1]) / total
    x = x - jnp.sum(x * each, 1, keepdims=True) / total
    return jnp.squeeze(x @ (x * each).conj().T / jnp.maximum(total - correction * lost, 0))


@composite
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of variables, which are rows. Weights of observations are read: none may be negative.

    >>> import jtorch as torch
    >>> torch.cov(torch.tensor([[1., 2., 3.], [3., 2., 1.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    found = _cov(input, correction=correction, fweights=fweights, aweights=aweights)
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is not None and (to_host(weights) < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")
    return found


def _corrcoef_name(specs: tuple, statics: tuple) -> str:
    return "ComplexBackward0" if specs[0].dtype.is_complex else "ClampBackward1"


@reduction(kind="float", out=False, grad=_corrcoef_name,
           refuse=refused(RuntimeError, "cov(): bool dtype is not supported for input", BOOL), saves="")  # fmt: skip
def corrcoef(input: Array) -> Array:
    """The correlation matrix of variables, which are rows."""
    _matrix("corrcoef", input)
    return jnp.corrcoef(input)


QUANTILE_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Array, q: Scalar | Array, dim: Dim | None, keepdim: bool, interpolation: str) -> Array:
        if not input.size:
            raise RuntimeError(f"{name}() input tensor must be non-empty")
        q = jnp.asarray(q).astype(input.dtype)
        return fn(input, q, axis=dim if input.ndim else None, method=interpolation, keepdims=keepdim and input.ndim > 0)

    def no_share(input: Array, q: Array, *rest: Any) -> Array:
        return ~jnp.all((q >= 0) & (q <= 1))

    body.__name__ = f"_{name}"
    wrong = Fault(no_share, lambda: RuntimeError("quantile() q values must be in the range [0, 1]"))
    by_number, by_tensor = (
        op(name=name, public=f"_{name}", out=True, residuals=True, grad="SqueezeBackward4", function=False,
           method=False, undefined=_only_chooses, faults=faults)(body)
        for faults in ((), (wrong,))
    )  # fmt: skip

    def call(
        input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
        out: Any = None,
    ) -> Any:  # fmt: skip
        _check_quantile(name, input, q, interpolation)
        inner = by_number if is_number(q) else by_tensor
        return inner(input, q, dim, keepdim, interpolation, out=out)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composite(call)


def _only_chooses(specs: tuple, statics: tuple) -> tuple[int, ...]:
    """`q` where it decides which elements are taken and weighs none: it does by linear interpolation alone."""
    return () if statics[-1] == "linear" else (1,)


def _check_quantile(name: str, input: Any, q: Any, interpolation: str) -> None:
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if interpolation not in QUANTILE_METHODS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if is_number(q):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q:g}")
        return
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")


quantile = _quantile("quantile", jnp.quantile, "The value below which a share `q` of the elements lies.")
nanquantile = _quantile("nanquantile", jnp.nanquantile, "`quantile` of the elements that are not nan.")
