"""Pointwise ops, division: quotients and what is left over.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, Handle, Operand, composite, errors, pointwise, traces_tangents
from jtorch._declare.checks import has_zero
from jtorch._declare.halves import rounded, wide
from jtorch._ops.pointwise import is_integral, is_number, names, needs_tensor
from jtorch._ops.refusals import (
    BOOL,
    COMPLEX,
    INT,
    both,
    broadcasts,
    kind_of,
    no_kernel,
)


def _divided(x: Array, y: Array) -> Array:
    """`x / y` where XLA does not see that `y` is broadcast: it would multiply by `1 / y`, rounded twice."""
    return x / jnp.where(x != x, lax.stop_gradient(x), y)


# torch's formulas: the gradient of `x` needs `y` alone.
_derivable = jax.custom_vjp(_divided)
_derivable.defvjp(
    lambda x, y: (_divided(x, y), (x, y)),
    lambda kept, g: (_derivable(g, kept[1]), -g * _derivable(_derivable(*kept), kept[1])),
)


def quotient(x: Array, y: Array) -> Array:
    """`x / y`, each element divided and rounded once."""
    if y.shape == jnp.broadcast_shapes(x.shape, y.shape) or not jnp.issubdtype(x.dtype, jnp.floating):
        return x / y
    x, y = jnp.broadcast_arrays(x, y)
    return _divided(x, y) if traces_tangents() else _derivable(x, y)


@pointwise(kind="float", name="div", public="true_divide")
def true_divide(input: Operand, other: Operand) -> Array:
    """`input / other` in floating point."""
    return quotient(input, other)


def _saved_of_div(specs: tuple, statics: tuple, needs: tuple) -> str:
    return "input other" if 1 in needs else "other"


@pointwise(name="div", public="_div_floor", function=False, method=False, inplace=False, grad="DivBackward2",
           refuse=both(no_kernel("div_floor_cpu", BOOL, COMPLEX), broadcasts), saves=_saved_of_div)  # fmt: skip
def _div_floor(input: Operand, other: Operand) -> Array:
    if is_integral(input):
        return jnp.floor_divide(input, other)
    rest = lax.rem(*jnp.broadcast_arrays(input, other))
    whole = (input - rest) / other
    whole = jnp.where((rest != 0) & ((rest < 0) != (other < 0)), whole - 1, whole)
    nearest = jnp.floor(whole)
    nearest = jnp.where(whole - nearest > 0.5, nearest + 1, nearest)
    nearest = jnp.where(whole == 0, jnp.copysign(jnp.zeros_like(whole), input / other), nearest)
    return lax.stop_gradient(jnp.where(other == 0, input / other, nearest))


def _by_tensor(specs: tuple) -> bool:
    """True where the second operand has elements of its own; torch's kernels take a 0-dim tensor as a number."""
    return not isinstance(specs[1], type) and specs[1].ndim > 0


@pointwise(name="div", public="_div_trunc", function=False, method=False, inplace=False, grad="DivBackward2",
           steps=_by_tensor, refuse=both(no_kernel("div_trunc_cpu", BOOL, COMPLEX), broadcasts),
    saves=_saved_of_div)  # fmt: skip
def _div_trunc(input: Operand, other: Operand) -> Array:
    if is_integral(input):
        return lax.div(*jnp.broadcast_arrays(input, other))
    found = rounded(wide(input) / wide(other), input)
    return lax.stop_gradient(jnp.trunc(found).astype(input.dtype))


def _is_whole(x: Any) -> bool:
    return not isinstance(x, (float, complex)) if is_number(x) else kind_of(x.dtype) in (INT, BOOL)


def _refuse_zero(input: Any, other: Any) -> None:
    """torch's error for whole-number division by 0."""
    if _is_whole(input) and _is_whole(other) and (other == 0 if is_number(other) else has_zero(other)):
        broadcasts(tuple(x._v.aval for x in (input, other) if isinstance(x, Handle)))
        raise RuntimeError("ZeroDivisionError")


@composite(alias=("divide",), inplace=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    """`input / other`; `rounding_mode` is None, "trunc" (towards zero) or "floor".

    >>> import jtorch as torch
    >>> torch.div(torch.tensor([-7., 7.]), 2, rounding_mode="floor")
    tensor([-4.,  3.])
    """
    if rounding_mode is None:
        return true_divide(input, other, out=out)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    divide = _div_floor if rounding_mode == "floor" else _div_trunc
    _refuse_zero(input, other)
    return divide(input, other, out=out)


div.op = true_divide.op  # the operator `/` records it without this function's choices


@composite(inplace=True)
def floor_divide(input: Any, other: Any, *, out: Any = None) -> Any:
    """`input // other`, rounded down.

    >>> import jtorch as torch
    >>> torch.tensor([-7, 7]) // 2
    tensor([-4,  3])
    """
    _refuse_zero(input, other)
    return _floor_divide(input, other, out=out)


def underivable(name: str) -> dict[str, Any]:
    """Options of an op whose results require grad, and whose gradient torch refuses."""
    return {"grad": "NotImplemented", "no_gradient": (RuntimeError, f"derivative for aten::{name} is not implemented")}


@pointwise(name="floor_divide", public="_floor_divide", function=False, method=False, inplace=False,
           refuse=both(no_kernel("div_floor_cpu", BOOL, COMPLEX), broadcasts),
           **underivable("floor_divide"))  # fmt: skip
def _floor_divide(input: Operand, other: Operand) -> Array:
    return _div_floor.body(input, other)


@jax.custom_jvp
def _modulo(x: Array, y: Array) -> Array:
    """`x % y`. The gradient of `x` is what arrives: neither operand is kept for it, as in torch."""
    return jnp.remainder(x, y)


@_modulo.defjvp
def _modulo_slope(primals: tuple, tangents: tuple) -> tuple:
    found = _modulo(*primals)
    return found, jnp.broadcast_to(tangents[0], found.shape) - jnp.floor(primals[0] / primals[1]) * tangents[1]


@pointwise(name="remainder", public="_remainder", function=False, method=False, inplace=False,
           grad=names("RemainderBackward1", "RemainderBackward0"),
           refuse=both(no_kernel("remainder_cpu", BOOL, COMPLEX), broadcasts))  # fmt: skip
def _remainder(input: Operand, other: Operand) -> Array:
    return _modulo(input, other)


@pointwise(name="remainder", public="_reflected_remainder", function=False, method=False, inplace=False, out=False,
           refuse=no_kernel("remainder_cpu", BOOL, COMPLEX), **underivable("remainder"))  # fmt: skip
def _reflected_remainder(input: Operand, other: Operand) -> Array:
    return jnp.remainder(other, input)


@composite(inplace=True)
def remainder(input: Any, other: Any, *, out: Any = None) -> Any:
    """`input % other` with the sign of `other`.

    >>> import jtorch as torch
    >>> torch.remainder(torch.tensor([-3, 3]), 2)
    tensor([1, 1])
    """
    needs_tensor("remainder", "other", input, other)
    if is_number(input):
        return _reflected_remainder(other, input)
    _refuse_zero(input, other)
    return _remainder(input, other, out=out)


@pointwise(name="fmod", public="_fmod", function=False, method=False, inplace=False,
           grad=names("FmodBackward1", "FmodBackward0"),
           refuse=both(no_kernel("fmod_cpu", BOOL, COMPLEX), broadcasts))  # fmt: skip
def _fmod(input: Operand, other: Operand) -> Array:
    return lax.rem(*jnp.broadcast_arrays(input, other))


@composite(inplace=True)
def fmod(input: Any, other: Any, *, out: Any = None) -> Any:
    """The rest of `input / other` with the sign of `input`.

    >>> import jtorch as torch
    >>> torch.fmod(torch.tensor([-3., 3.]), 2)
    tensor([-1.,  1.])
    """
    if is_number(input):
        signatures = [f"Tensor input, {kind} other, *, Tensor out = None" for kind in ("Tensor", "Number")]
        raise errors.invalid_combination("fmod", [input, other], {}, signatures)
    _refuse_zero(input, other)
    return _fmod(input, other, out=out)
