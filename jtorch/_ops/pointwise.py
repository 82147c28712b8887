"""Pointwise ops, arithmetic: sums, products, powers, rounding, signs, bounds.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, Handle, Operand, Scalar, cast_to, composite, errors, pointwise
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
    if len(specs) < 3:
        return
    alpha, kind = specs[2], kind_of(common(specs[:2]))
    if alpha is bool and kind is not BOOL:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if alpha in (float, complex) and kind in (INT, BOOL):
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    if alpha is complex and kind is not COMPLEX:
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")


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


@pointwise(
    steps=True, alias=("subtract",), refuse=both(no_bool_difference, _alpha), older=("alpha",),
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
    # torch subtracts the other way round, and its errors say so.
    refuse=both(no_bool_difference, _alpha, lambda specs: broadcasts(specs[1::-1])),
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


@pointwise(name="pow", public="_pow_of_bools", function=False, method=False, inplace=False, differentiable=False)
def _pow_of_bools(base: Operand, exponent: Operand) -> Array:
    return base | ~exponent


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
    if kind == BOOL and isinstance(exponent, bool):
        return _pow_of_bools(input, exponent, out=out)
    if whole and kind in (INT, BOOL):
        if kind == BOOL:
            input = cast_to(input, int64)
        if exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
    if exponent not in STATIC_EXPONENTS or isinstance(exponent, complex):
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
