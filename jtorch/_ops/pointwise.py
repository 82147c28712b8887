"""Pointwise ops, arithmetic: sums, products, quotients, powers, rounding, signs, bounds.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, Handle, Operand, Scalar, cast_to, composite, errors, pointwise, traces_tangents
from jtorch._declare.checks import has_zero
from jtorch._declare.halves import rounded, wide
from jtorch._declare.out_rules import check_type
from jtorch._declare.types import float64, from_numpy, get_default_dtype, int64
from jtorch._ops.refusals import (
    BOOL,
    COMPLEX,
    INT,
    both,
    broadcasts,
    common,
    kind_of,
    no_kernel,
    refused,
    without_kernel,
)


def is_number(x: Any) -> bool:
    """True for Python and NumPy numbers, bools included."""
    return isinstance(x, numbers.Number)


def is_integral(x: Any) -> bool:
    """True for an array of integers or bools."""
    return jnp.issubdtype(x.dtype, jnp.integer) or x.dtype == bool


def as_float(x: Array) -> Array:
    """Integers in the default dtype; others as they are."""
    return x.astype(get_default_dtype().np) if is_integral(x) else x


def needs_tensor(function: str, second: str, a: Any, b: Any) -> None:
    """torch's error for two numbers, where one operand must be a tensor."""
    if is_number(a) and is_number(b):
        pairs = [("Tensor input", f"Tensor {second}"), ("Number self", f"Tensor {second}"),
                 ("Tensor input", f"Number {second}")]  # fmt: skip
        signatures = [f"{one}, {other}, *, Tensor out = None" for one, other in pairs]
        raise errors.invalid_combination(function, [a, b], {}, signatures)


def names(tensor: str, number: str) -> Callable:
    """The grad node's name by whether the second operand is a tensor or a number."""
    return lambda specs, statics: number if isinstance(specs[1], type) else tensor


def _alpha(specs: tuple) -> None:
    if len(specs) > 2 and specs[2] is float and kind_of(common(specs[:2])) in (INT, BOOL):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")


def no_two_bools(specs: tuple) -> None:
    if all(_is_bool(s) for s in specs):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )


def _is_bool(spec: Any) -> bool:
    return spec is bool or (not isinstance(spec, type) and spec.dtype.name == "bool")


def no_bool_difference(specs: tuple) -> None:
    if len(specs) > 1:
        no_two_bools(specs[:2])
    if any(_is_bool(s) for s in specs[:2]):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )


@pointwise(steps=True, refuse=_alpha, older=("alpha",))
def add(input: Operand, other: Operand, *, alpha: Scalar = 1) -> Array:
    """`input + alpha * other`.

    >>> import jtorch as torch
    >>> torch.add(torch.tensor([1., 2.]), 3, alpha=10)
    tensor([31., 32.])
    """
    return input + alpha * other


_SUB_FORMS = ("input, other, *, alpha=1, out=None", "input, other, alpha=1")


def _difference(specs: tuple, statics: tuple) -> str:
    return "RsubBackward1" if isinstance(specs[0], type) else "SubBackward0"


@pointwise(
    steps=True, grad=_difference, alias=("subtract",), refuse=both(no_bool_difference, _alpha), older=("alpha",),
    forms=_SUB_FORMS,
)  # fmt: skip
def sub(input: Operand, other: Operand, *, alpha: Scalar = 1) -> Array:
    """`input - alpha * other`.

    >>> import jtorch as torch
    >>> torch.sub(torch.tensor([5, 6]), torch.tensor([1, 2]))
    tensor([4, 4])
    """
    return input - alpha * other


@pointwise(
    steps=True,
    method=False,
    inplace=False,
    out=False,
    refuse=both(no_bool_difference, _alpha),
    grad=names("RsubBackward0", "RsubBackward1"),
    older=("alpha",),
)
def rsub(input: Operand, other: Operand, *, alpha: Scalar = 1) -> Array:
    """`other - alpha * input`."""
    return other - alpha * input


@pointwise(alias=("multiply",))
def mul(input: Operand, other: Operand) -> Array:
    """`input * other`.

    >>> import jtorch as torch
    >>> torch.mul(torch.tensor([[1.], [2.]]), torch.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return input & other if input.dtype == bool else input * other


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


def _refuse_zero(input: Any, other: Any) -> None:
    """torch's error for whole-number division by 0."""
    if kind_of(input.dtype) not in (INT, BOOL):
        return
    if is_number(other):
        zero = not isinstance(other, (float, complex)) and other == 0
    else:
        zero = kind_of(other.dtype) in (INT, BOOL) and has_zero(other)
    if zero:
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
    if not is_number(input):
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
    if not is_number(input):
        _refuse_zero(input, other)
        return _floor_divide(input, other, out=out)
    if not isinstance(input, (float, complex)) and kind_of(other.dtype) in (INT, BOOL) and has_zero(other):
        raise RuntimeError("ZeroDivisionError")
    return _reflected_floor(other, input)


def underivable(name: str) -> dict[str, Any]:
    """Options of an op whose results require grad, and whose gradient torch refuses."""
    return {"grad": "NotImplemented", "no_gradient": (RuntimeError, f"derivative for aten::{name} is not implemented")}


@pointwise(name="floor_divide", public="_floor_divide", function=False, method=False, inplace=False,
           refuse=both(no_kernel("div_floor_cpu", BOOL, COMPLEX), broadcasts),
           **underivable("floor_divide"))  # fmt: skip
def _floor_divide(input: Operand, other: Operand) -> Array:
    return _div_floor.body(input, other)


@pointwise(name="floor_divide", public="_reflected_floor", function=False, method=False, inplace=False, out=False,
           **underivable("floor_divide"))  # fmt: skip
def _reflected_floor(input: Operand, other: Operand) -> Array:
    return _div_floor.body(other, input)


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
           **underivable("remainder"))  # fmt: skip
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


# Exponents that are part of the program. Others are data: `x ** step` must not compile at every step.
STATIC_EXPONENTS = frozenset({0.5, -0.5, *map(float, range(-8, 9))})


@pointwise(
    name="pow", public="_pow_fixed", function=False, method=False, inplace=False, steps=True, grad="PowBackward0"
)
def _pow_fixed(input: Operand, exponent: float) -> Array:
    x = wide(input)
    if input.dtype == jnp.bfloat16 and exponent in (3, -2):  # which torch makes of two steps in bfloat16
        square = rounded(x * x, input)
        found = square * x if exponent == 3 else 1 / square
    elif exponent in (0.5, -0.5):
        found = jnp.sqrt(x) if exponent > 0 else lax.rsqrt(x)
    else:
        found = lax.integer_pow(x, int(exponent))
    return found.astype(input.dtype)


def _pow_name(specs: tuple, statics: tuple) -> str:
    if isinstance(specs[0], type):
        return "PowBackward2"
    return "PowBackward0" if isinstance(specs[1], type) else "PowBackward1"


def _saved_of_pow(specs: tuple, statics: tuple, needs: tuple) -> str:
    return "base" if isinstance(specs[1], type) else "base exponent result"


def _no_negative_power(specs: tuple) -> None:
    found = common(specs)
    if kind_of(found) == BOOL:
        raise errors.not_implemented_for("pow", found.type_name)


@pointwise(name="pow", public="_pow", function=False, method=False, inplace=False, steps=True, grad=_pow_name,
           refuse=_no_negative_power, saves=_saved_of_pow)  # fmt: skip
def _pow(base: Operand, exponent: Operand) -> Array:
    if is_integral(base):
        odd = exponent % 2 != 0
        inverse = jnp.where(base == 1, 1, jnp.where(base == -1, jnp.where(odd, -1, 1), 0))
        return jnp.where(exponent < 0, inverse, jnp.power(base, jnp.maximum(exponent, 0)))
    # At 0 ** 0 torch's gradients are 0; JAX's are nan.
    both_zero = (base == 0) & (exponent == 0)
    powers = jnp.power(wide(jnp.where(both_zero, 1, base)), wide(jnp.where(both_zero, 1, exponent)))
    return powers.astype(base.dtype)


@composite(inplace=True)
def pow(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """`input ** exponent`; one of them may be a number.

    >>> import jtorch as torch
    >>> torch.pow(torch.tensor([1., 2., 3.]), 2)
    tensor([1., 4., 9.])
    >>> 2 ** torch.tensor([1., 2., 3.])
    tensor([2., 4., 8.])
    """
    needs_tensor("pow", "exponent", input, exponent)
    if not is_number(exponent) or is_number(input):
        return _pow(input, exponent, out=out)
    kind = kind_of(input.dtype)
    whole = not isinstance(exponent, (float, complex))
    if whole and kind in (INT, BOOL):
        if kind == BOOL and not isinstance(exponent, bool):
            input = cast_to(input, int64)
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
    if (
        exponent not in STATIC_EXPONENTS
        or isinstance(exponent, complex)
        or (kind == BOOL and isinstance(exponent, bool))
    ):
        return _pow(input, exponent, out=out)
    if not whole and kind in (INT, BOOL):
        input = cast_to(input, get_default_dtype())
    if exponent in (0.5, -0.5) and input.dtype.is_complex:
        return _pow(input, exponent, out=out)
    return _pow_fixed(input, float(exponent), out=out)


@composite(inplace=True)
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """`input ** exponent` computed in float64 (complex128 for complex operands).

    >>> import jtorch as torch
    >>> torch.float_power(torch.tensor([1, 2]), 2)
    tensor([1., 4.], dtype=torch.float64)
    """
    needs_tensor("float_power", "exponent", input, exponent)
    has_complex = any(x.dtype.is_complex if not is_number(x) else isinstance(x, complex) for x in (input, exponent))
    to = float64.to_complex() if has_complex else float64
    base, power = (x if is_number(x) else cast_to(x, to) for x in (input, exponent))
    if isinstance(out, Handle):
        check_type("float_power", to, out._v.aval.dtype)
    number = complex if has_complex else float
    return pow(number(base) if is_number(base) else base, number(power) if is_number(power) else power, out=out)


@composite(inplace=True)
def square(input: Any, *, out: Any = None) -> Any:
    """`input ** 2`."""
    return pow(input, 2, out=out)


def _no_bool(specs: tuple) -> None:
    if kind_of(specs[0].dtype) == BOOL:
        raise errors.bool_negation()


@pointwise(alias=("negative",), refuse=_no_bool)
def neg(input: Operand) -> Array:
    """`-input`."""
    return -input


@composite()
def positive(input: Any) -> Any:
    """`+input`: the tensor itself."""
    if kind_of(input.dtype) == BOOL:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@pointwise(kind="complex_to_real", alias=("absolute",), refuse=no_kernel("abs_cpu", BOOL))
def abs(input: Operand) -> Array:
    """The absolute value; its gradient at 0 is 0.

    >>> import jtorch as torch
    >>> torch.abs(torch.tensor([-1., 2.]))
    tensor([1., 2.])
    """
    return jnp.sign(input) * input if jnp.issubdtype(input.dtype, jnp.floating) else jnp.abs(input)


_SIGN = "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."


@pointwise(refuse=refused(NotImplementedError, _SIGN, COMPLEX))
def sign(input: Operand) -> Array:
    """-1, 0 or 1."""
    return input if input.dtype == bool else jnp.nan_to_num(jnp.sign(input))


@pointwise(saves="input result")
def sgn(input: Operand) -> Array:
    """-1, 0 or 1; for a complex number, the number of length 1 with its angle."""
    return sign.body(input) if not jnp.iscomplexobj(input) else jnp.sign(input)


@pointwise(kind="bool", inplace=False, differentiable=False, refuse=refused(
    NotImplementedError, "signbit is not implemented for complex tensors.", COMPLEX))  # fmt: skip
def signbit(input: Operand) -> Array:
    """True where the sign bit is set, that of -0.0 included."""
    return input < 0 if is_integral(input) else jnp.signbit(input)


def _rounding(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Operand) -> Array:
        return input if is_integral(input) else fn(input)

    body.__name__ = name
    body.__doc__ = doc
    complex_error = refused(NotImplementedError, f"{name} is not supported for complex inputs", COMPLEX)
    alias = ("fix",) if name == "trunc" else ()
    return pointwise(alias=alias, refuse=both(no_kernel(f"{name}_vml_cpu", BOOL), complex_error))(body)


floor = _rounding("floor", jnp.floor, "The largest whole number not above.")
ceil = _rounding("ceil", jnp.ceil, "The smallest whole number not below.")
trunc = _rounding("trunc", jnp.trunc, "The whole number next towards zero.")


@pointwise(alias=("special.round",), grad=lambda specs, statics: f"RoundBackward{int(statics[0] != 0)}")
def round(input: Operand, *, decimals: int = 0) -> Array:
    """To the nearest whole number, halves to the even one; `decimals` moves the place, to the left when negative.

    >>> import jtorch as torch
    >>> torch.round(torch.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    without_kernel("round_cpu" if decimals else "round_vml_cpu", from_numpy(input.dtype), BOOL, COMPLEX)
    if is_integral(input):
        without_kernel("round_cpu", from_numpy(input.dtype), *[INT] * (decimals != 0))
        return input
    power = 10.0 ** (-decimals if decimals < 0 else decimals)
    return jnp.round(input / power) * power if decimals < 0 else jnp.round(input * power) / power


@pointwise(refuse=no_kernel("frac_cpu", BOOL, INT, COMPLEX))
def frac(input: Operand) -> Array:
    """What `trunc` takes away."""
    return input - lax.stop_gradient(jnp.trunc(input))


def _below(x: Any, low: Any) -> Any:
    """`x` raised to `low`; a nan on either side stays. At a tie the gradient is `x`'s."""
    if low is None:
        return x
    replace = x < low if is_integral(x) else (x < low) | (jnp.isnan(low) & ~jnp.isnan(x))
    return jnp.where(replace, low, x)


def _above(x: Any, high: Any) -> Any:
    if high is None:
        return x
    replace = x > high if is_integral(x) else (x > high) | (jnp.isnan(high) & ~jnp.isnan(x))
    return jnp.where(replace, high, x)


no_complex_clamp = refused(NotImplementedError, "clamp is not supported for complex types", COMPLEX)


def _needs_bound(specs: tuple) -> None:
    if specs[1] is None and specs[2] is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")


def _no_bool_bounds(specs: tuple) -> None:
    if None not in specs:
        without_kernel("clamp_cpu", common(specs), BOOL)


def _no_complex_bound(kernel: str) -> Callable:
    """A tensor as the only bound is the operand of another kernel."""
    by_tensor = no_kernel(kernel, COMPLEX)
    return lambda specs: (no_complex_clamp if isinstance(specs[1], type) else by_tensor)(specs)


def _clamp_name(specs: tuple, statics: tuple) -> str:
    return "ClampBackward1" if all(s is None or isinstance(s, type) for s in specs[1:]) else "ClampBackward0"


@pointwise(alias=("clip",), grad=_clamp_name,
           refuse=both(_needs_bound, no_complex_clamp, _no_bool_bounds))  # fmt: skip
def clamp(input: Operand, min: Operand | None = None, max: Operand | None = None) -> Array:
    """Held between `min` and `max`, numbers or tensors. At a bound the gradient is the input's.

    >>> import jtorch as torch
    >>> torch.clamp(torch.tensor([-2., 0.5, 3.]), min=-1, max=1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if not is_integral(input):
        input = jnp.where(input != input, lax.stop_gradient(input), input)  # torch gives nan no gradient
    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in (input, min, max) if x is not None))
    return jnp.broadcast_to(_above(_below(input, min), max), shape)


@pointwise(refuse=both(_no_complex_bound("maximum_cpu"), broadcasts), saves="input min")
def clamp_min(input: Operand, min: Operand) -> Array:
    """Not below `min`."""
    return _below(input, min)


@pointwise(refuse=both(_no_complex_bound("minimum_cpu"), broadcasts), saves="input max")
def clamp_max(input: Operand, max: Operand) -> Array:
    """Not above `max`."""
    return _above(input, max)


@pointwise(kind="float", saves_result=True)
def reciprocal(input: Operand) -> Array:
    """`1 / input`."""
    return 1 / input
