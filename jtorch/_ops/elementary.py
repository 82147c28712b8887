"""Pointwise ops, functions of numbers: exponentials, logarithms, trigonometry, error and gamma functions.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jss
from jax import lax

from jtorch._declare import Array, Operand, Scalar, composite, errors, op, pointwise
from jtorch._declare.halves import once, wide
from jtorch._declare.types import from_numpy
from jtorch._ops.division import underivable
from jtorch._ops.pointwise import abs, is_integral, is_number, needs_tensor
from jtorch._ops.refusals import (
    BOOL,
    COMPLEX,
    FLOAT,
    INT,
    both,
    broadcasts,
    first,
    kind_of,
    no_kernel,
    refused,
    without_kernel,
)


def _unary(name: str, fn: Callable, doc: str, **given: Any) -> Callable:
    """Declares a function of one array, computed in floating point."""

    def body(input: Operand) -> Array:
        return fn(input)

    body.__name__ = name
    body.__doc__ = doc
    return pointwise(**{"kind": "float", **given})(body)


exp = _unary("exp", jnp.exp, "e to the power of the input.", saves_result=True)
exp2 = _unary("exp2", jnp.exp2, "2 to the power of the input.", alias=("special.exp2",), saves_result=True)
expm1 = _unary("expm1", jnp.expm1, "`exp(input) - 1`, exact near 0.", alias=("special.expm1",), saves_result=True)
log = _unary("log", jnp.log, "The natural logarithm.")
log2 = _unary("log2", jnp.log2, "The logarithm to base 2.")
log10 = _unary("log10", jnp.log10, "The logarithm to base 10.")
log1p = _unary("log1p", jnp.log1p, "`log(1 + input)`, exact near 0.", alias=("special.log1p",), grad="Log1PBackward0")
sqrt = _unary("sqrt", jnp.sqrt, "The square root.", saves_result=True)
rsqrt = _unary("rsqrt", lax.rsqrt, "`1 / sqrt(input)`.", saves_result=True)
sin = _unary("sin", jnp.sin, "The sine.")
cos = _unary("cos", jnp.cos, "The cosine.")
tan = _unary("tan", jnp.tan, "The tangent.", saves_result=True)
asin = _unary("asin", jnp.arcsin, "The angle with this sine.", alias=("arcsin",))
acos = _unary("acos", jnp.arccos, "The angle with this cosine.", alias=("arccos",))
atan = _unary("atan", jnp.arctan, "The angle with this tangent.", alias=("arctan",))
sinh = _unary("sinh", jnp.sinh, "The hyperbolic sine.")
cosh = _unary("cosh", jnp.cosh, "The hyperbolic cosine.")
tanh = _unary("tanh", jnp.tanh, "The hyperbolic tangent.", saves_result=True)
asinh = _unary("asinh", jnp.arcsinh, "The inverse of `sinh`.", alias=("arcsinh",))
acosh = _unary("acosh", jnp.arccosh, "The inverse of `cosh`.", alias=("arccosh",))
atanh = _unary("atanh", jnp.arctanh, "The inverse of `tanh`.", alias=("arctanh",))
sinc = _unary("sinc", jnp.sinc, "`sin(pi x) / (pi x)`, 1 at 0.", alias=("special.sinc",))


def _i0(x: Array) -> Array:
    found = jnp.exp(jnp.sign(x) * x) * lax.bessel_i0e(x)  # the derivative of `abs` at 0 would be 1
    return found + lax.stop_gradient(jnp.where(x == 0, 1 - found, 0))  # fused it is not exactly 1 at 0


@jax.custom_jvp
def _lgamma(x: Array) -> Array:
    """`lax.lgamma` with derivatives that are right below 0 too, and exact where the result is 0."""
    return jnp.where((x == 1) | (x == 2), jnp.zeros_like(x), lax.lgamma(x))


@_lgamma.defjvp
def _lgamma_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _lgamma(*primals), digamma.body(*primals) * tangents[0]


@jax.custom_jvp
def _erfinv(x: Array) -> Array:
    """XLA's float32 is off by some units in the last place: one step of Newton's, by `erfc` where `erf` would be."""
    found = lax.erf_inv(x)
    if x.dtype != jnp.float32:
        return found
    size, place = jnp.abs(x), jnp.abs(found)
    off = jnp.where(size > 0.5, 1 - size - lax.erfc(place), lax.erf(place) - size)
    step = off * jnp.exp(place * place) * (math.sqrt(math.pi) / 2)
    return jnp.where(jnp.isfinite(found), jnp.copysign(place - step, x), found)


@_erfinv.defjvp
def _erfinv_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    found = _erfinv(*primals)
    return found, jnp.exp(found * found) * (math.sqrt(math.pi) / 2) * tangents[0]


def _real(name: str, fn: Callable, doc: str, **given: Any) -> Callable:
    """Declares a function of one real array."""
    return _unary(name, fn, doc, refuse=no_kernel(f"{name}_vml_cpu", COMPLEX), **given)


erf = _real("erf", lax.erf, "The error function.", alias=("special.erf",))
erfc = _real("erfc", lax.erfc, "`1 - erf(input)`.", alias=("special.erfc",))
erfinv = _real("erfinv", _erfinv, "The inverse of `erf`.", alias=("special.erfinv",))
lgamma = _real("lgamma", _lgamma, "The logarithm of the gamma function.", alias=("special.gammaln",), saves="input")
i0 = _real("i0", _i0, "The modified Bessel function of order 0.", alias=("special.i0",))


def _turned(name: str, fn: Callable, doc: str, grad: str) -> Callable:
    no_complex = refused(RuntimeError, f"{name} is not supported for complex tensors.", COMPLEX)
    return _unary(name, fn, doc, grad=grad, refuse=no_complex)


deg2rad = _turned("deg2rad", jnp.deg2rad, "Degrees to radians.", "Deg2RadBackward0")
rad2deg = _turned("rad2deg", jnp.rad2deg, "Radians to degrees.", "Rad2DegBackward0")


@pointwise(kind="float", alias=("special.expit",), saves_result=True)
def sigmoid(input: Operand) -> Array:
    """`1 / (1 + exp(-input))`.

    >>> import jtorch as torch
    >>> torch.sigmoid(torch.tensor([0., 100.]))
    tensor([0.5000, 1.0000])
    """
    return jax.nn.sigmoid(input) if not jnp.iscomplexobj(input) else 1 / (1 + jnp.exp(-input))


@pointwise(kind="float", steps=True, alias=("special.logit",), refuse=first(no_kernel("logit_cpu", COMPLEX)))
def logit(input: Operand, eps: Scalar | None = None) -> Array:
    """The inverse of `sigmoid`; with `eps` the input is first held in [eps, 1 - eps]."""
    if eps is not None:
        input = jnp.where(input < eps, eps, jnp.where(input > 1 - eps, 1 - eps, input))
    odds = wide(input) / wide(1 - input)
    return once(jnp.log, odds.astype(input.dtype))


def _from_pole(x: Array) -> Array:
    """`pi` times the way from the nearest whole number: its tangent is that of `pi x`, without the error of that."""
    return jnp.pi * (x - lax.stop_gradient(jnp.round(x)))


@pointwise(kind="float", alias=("special.digamma", "special.psi"), refuse=no_kernel("digamma", COMPLEX),
    saves="input")  # fmt: skip
def digamma(input: Operand) -> Array:
    """The derivative of `lgamma`."""
    negative = input < 0
    positive = jnp.where(input == 0, 1, jnp.where(negative, 1 - input, input))
    turned = jnp.pi / jnp.tan(_from_pole(jnp.where(negative, input, 0.25)))  # psi(1 - x) - psi(x) = pi / tan(pi x)
    value = lax.digamma(positive) - jnp.where(negative, turned, 0)
    pole = negative & (input == jnp.round(input))
    return jnp.where(input == 0, jnp.copysign(jnp.inf, -input), jnp.where(pole, jnp.nan, value))


@jax.custom_jvp
def _trigamma(x: Array) -> Array:
    """The derivative of `digamma`, which JAX has for positive numbers."""
    low = x < 0.5
    value = jss.polygamma(1, jnp.where(low, 1 - x, x))
    turned = (jnp.pi / jnp.sin(jnp.pi * jnp.where(low, x, 0.25))) ** 2
    return jnp.where(low, turned - value, value)


@_trigamma.defjvp
def _trigamma_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """Near a pole the sine's own derivative would lose digits that the sum keeps."""
    return _trigamma(*primals), _polygamma_high(2, *primals) * tangents[0]


def _polygamma_high(n: int, x: Array) -> Array:
    """Order 2 and more. JAX's sum is right for positive numbers, so others are first moved up by whole steps. It loses
    four units in the last place in float32, torch's none: hence float64."""
    kind, x = x.dtype, x.astype(jnp.float64)
    low, steps = x < 1, 32

    def add(i: Any, total: Array) -> Array:
        return total + lax.integer_pow(jnp.where(low, x, 1) + i, -(n + 1))

    passed = (-1) ** (n + 1) * math.factorial(n) * lax.fori_loop(0, steps, add, jnp.zeros_like(x))
    return (jss.polygamma(n, jnp.where(low, x + steps, x)) + jnp.where(low, passed, 0)).astype(kind)


@pointwise(kind="float", name="polygamma", public="_polygamma", function=False, method=False, inplace=False)
def _polygamma(input: Operand, n: int) -> Array:
    without_kernel({0: "digamma", 1: "trigamma"}.get(n, "polygamma"), from_numpy(input.dtype), COMPLEX)
    return digamma.body(input) if n == 0 else _trigamma(input) if n == 1 else _polygamma_high(n, input)


@composite(method=False, alias=("special.polygamma",))
def polygamma(n: int, input: Any, *, out: Any = None) -> Any:
    """The derivative of order `n` of `digamma`.

    >>> import jtorch as torch
    >>> torch.polygamma(1, torch.tensor([1.]))
    tensor([1.6449])
    """
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _polygamma(input, n, out=out)


@composite(public="polygamma", function=False, inplace=True)
def _polygamma_method(input: Any, n: int) -> Any:
    """The derivative of order `n` of `digamma`."""
    return polygamma(n, input)


@pointwise(
    kind="float",
    alias=("special.multigammaln",),
    refuse=both(
        refused(RuntimeError, "The input tensor may not be a boolean tensor.", BOOL), no_kernel("arange_cpu", COMPLEX)
    ),
)
def mvlgamma(input: Operand, p: int) -> Array:
    """The logarithm of the multivariate gamma function of dimension `p`."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    terms = [lax.lgamma(input - j / 2) for j in range(p)]
    return sum(terms[1:], terms[0]) + p * (p - 1) / 4 * math.log(math.pi)


@pointwise(kind="float", alias=("arctan2",), refuse=both(no_kernel("atan2_cpu", COMPLEX), broadcasts))
def atan2(input: Array, other: Array) -> Array:
    """The angle of the point (other, input); its gradient at (0, 0) is 0.

    >>> import jtorch as torch
    >>> torch.atan2(torch.tensor([1.]), torch.tensor([-1.]))
    tensor([2.3562])
    """
    zero = (input == 0) & (other == 0)
    at_zero = lax.stop_gradient(lax.atan2(*jnp.broadcast_arrays(input, other)))
    return jnp.where(zero, at_zero, lax.atan2(*jnp.broadcast_arrays(input, jnp.where(zero, 1, other))))


def _saved_of_hypot(specs: tuple, statics: tuple, needs: tuple) -> str:
    return " ".join(("input", "other")[i] for i in needs) + " result"


@pointwise(refuse=both(no_kernel("hypot_cpu", BOOL, INT, COMPLEX), broadcasts), saves=_saved_of_hypot)
def hypot(input: Array, other: Array) -> Array:
    """`sqrt(input ** 2 + other ** 2)`; its gradient at (0, 0) is nan, as in torch."""
    largest = lax.stop_gradient(jnp.maximum(jnp.abs(input), jnp.abs(other)))
    scale = jnp.where((largest == 0) | ~jnp.isfinite(largest), 1, largest)
    a, b = input / scale, other / scale
    length = scale * jnp.sqrt(a * a + b * b)
    return jnp.where(jnp.isinf(input) | jnp.isinf(other), jnp.inf, length)


@pointwise(kind="float", refuse=no_kernel("copysign_cpu", COMPLEX),
           grad=lambda specs, statics: f"CopysignBackward{int(isinstance(specs[1], type))}",
           saves=lambda specs, statics, needs: "input result" if 0 in needs else "result")  # fmt: skip
def copysign(input: Operand, other: Operand) -> Array:
    """The size of `input` with the sign of `other`; the gradient where `input` is 0 is 0."""
    size = abs.body(input)
    return jnp.where(jnp.signbit(other), -size, size)


_next = jax.custom_jvp(jnp.nextafter)
_next.defjvp(lambda at, along: (_next(*at), jnp.where(at[0] != at[1], along[0], 0)))


@pointwise(refuse=both(no_kernel("nextafter_cpu", BOOL, INT, COMPLEX), broadcasts))
def nextafter(input: Array, other: Array) -> Array:
    """The number next to `input` in the direction of `other`; its gradient is the input's where they differ."""
    return _next(input, other)


def _no_bool_exponent(specs: tuple) -> None:
    if kind_of(specs[0].dtype) is FLOAT:  # torch raises 2 to the power of others
        no_kernel("ldexp_cpu_exp", BOOL)(specs[1:])


def _saved_of_ldexp(specs: tuple, statics: tuple, needs: tuple) -> str:
    return "other result" if 0 in needs else "result"


@pointwise(kind="float", refuse=both(_no_bool_exponent, broadcasts), saves=_saved_of_ldexp)
def ldexp(input: Array, other: Array) -> Array:
    """`input * 2 ** other`."""
    return input * jnp.exp2(other)


@op(returns=("mantissa", "exponent"), out=True, order="pointwise", refuse=refused(
    RuntimeError, "torch.frexp() only supports floating-point dtypes", BOOL, INT, COMPLEX),
    saves="result1")  # fmt: skip
def frexp(input: Array) -> tuple[Array, Array]:
    """The mantissa, from 0.5 to 1, and the exponent of 2.

    >>> import jtorch as torch
    >>> torch.frexp(torch.tensor([8.]))
    torch.return_types.frexp(
    mantissa=tensor([0.5000]),
    exponent=tensor([4], dtype=torch.int32))
    """
    x = input.astype(jnp.float32) if input.dtype.itemsize == 2 else input
    _, exponent = jnp.frexp(lax.stop_gradient(x))
    half = exponent // 2  # in two steps, so that no power of 2 overflows
    mantissa = x * jnp.exp2(-half.astype(x.dtype)) * jnp.exp2((half - exponent).astype(x.dtype))
    return jnp.where(jnp.isfinite(x), mantissa, x).astype(input.dtype), exponent.astype(jnp.int32)


def _xlogy_name(specs: tuple, statics: tuple) -> str:
    if isinstance(specs[1], type):
        return "XlogyBackward2"
    return "XlogyBackward1" if isinstance(specs[0], type) else "XlogyBackward0"


@pointwise(kind="float", name="xlogy", public="_xlogy", function=False, method=False, inplace=False,
           grad=_xlogy_name, refuse=no_kernel("xlogy_cpu", COMPLEX))  # fmt: skip
def _xlogy(a: Operand, b: Operand) -> Array:
    nothing = (a == 0) & ((b <= 0) | jnp.isinf(b))
    return a * jnp.log(jnp.where(nothing, 1, b))


@composite(alias=("special.xlogy",), inplace=True)
def xlogy(input: Any, other: Any, *, out: Any = None) -> Any:
    """`input * log(other)`, 0 where `input` is 0.

    >>> import jtorch as torch
    >>> torch.xlogy(torch.tensor([0., 2.]), torch.tensor([0., 1.]))
    tensor([0., 0.])
    """
    needs_tensor("xlogy", "other", input, other)
    return _xlogy(input, other, out=out)


@pointwise(kind=None, real_gradient="nan_to_num", saves="input")
def nan_to_num(
    input: Array, nan: Scalar | None = None, posinf: Scalar | None = None, neginf: Scalar | None = None
) -> Array:
    """nan and the infinities replaced by numbers: by default 0 and the largest and smallest of the type.

    >>> import jtorch as torch
    >>> torch.nan_to_num(torch.tensor([float("nan"), 1.]), nan=-1.)
    tensor([-1.,  1.])
    """
    if is_integral(input):
        return input
    if jnp.iscomplexobj(input):
        return lax.complex(*(nan_to_num.body(part, nan, posinf, neginf) for part in (input.real, input.imag)))
    limits = jnp.finfo(input.dtype)
    high, low = (limits.max if posinf is None else posinf), (limits.min if neginf is None else neginf)
    nan, high, low = (jnp.asarray(x).astype(input.dtype) for x in (0 if nan is None else nan, high, low))
    x = jnp.where(jnp.isnan(input), nan, input)
    return jnp.where(x == jnp.inf, high, jnp.where(x == -jnp.inf, low, x))


def _shared_by_powers(value: Callable, power: Callable) -> Callable:
    """`value` of two numbers, whose gradient goes to each by its share of the sum of their powers; nan where both are
    the same infinity, as torch's."""
    fn = jax.custom_jvp(value)

    @fn.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple:
        (x, y), (dx, dy) = primals, tangents
        return fn(x, y), dx / (1 + power(y - x)) + dy / (1 + power(x - y))

    return fn


_logaddexp = _shared_by_powers(jnp.logaddexp, jnp.exp)
_logaddexp2 = _shared_by_powers(jnp.logaddexp2, jnp.exp2)


@pointwise(inplace=False, refuse=both(no_kernel("logaddexp_cpu", BOOL, INT), broadcasts))
def logaddexp(input: Array, other: Array) -> Array:
    """`log(exp(input) + exp(other))`."""
    if not jnp.iscomplexobj(input):
        return _logaddexp(input, other)
    swap = input.real < other.real
    larger, smaller = jnp.where(swap, other, input), jnp.where(swap, input, other)
    return larger + jnp.log1p(jnp.exp(smaller - larger))


@pointwise(inplace=False, refuse=both(no_kernel("logaddexp2_cpu", BOOL, INT, COMPLEX), broadcasts))
def logaddexp2(input: Array, other: Array) -> Array:
    """`log2(2 ** input + 2 ** other)`."""
    return _logaddexp2(input, other)


@pointwise(differentiable=False, refuse=both(no_kernel("gcd_cpu", BOOL, "float", COMPLEX), broadcasts))
def gcd(input: Array, other: Array) -> Array:
    """The greatest common divisor."""
    return jnp.gcd(input, other)


@pointwise(differentiable=False, refuse=both(no_kernel("lcm_cpu", BOOL, "float", COMPLEX), broadcasts))
def lcm(input: Array, other: Array) -> Array:
    """The least common multiple."""
    return jnp.lcm(input, other)


def _one_dtype(specs: tuple) -> None:
    if any(s.dtype.is_complex for s in specs):
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if specs[0].dtype is not specs[1].dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")


@pointwise(refuse=both(_one_dtype, broadcasts), **underivable("heaviside"))
def heaviside(input: Array, values: Array) -> Array:
    """0 below 0, 1 above, `values` at 0."""
    return jnp.where(input == 0, values, (input > 0).astype(values.dtype))


def _no_lerp(specs: tuple) -> None:
    kernel = "lerp_kernel_scalar" if isinstance(specs[2], type) else "lerp_kernel_tensor"
    no_kernel(kernel, BOOL, INT)(specs[:2])


@pointwise(name="lerp", public="_lerp", function=False, method=False, inplace=False,
           grad=lambda specs, statics: f"LerpBackward{int(not isinstance(specs[2], type))}",
           refuse=both(_no_lerp, broadcasts))  # fmt: skip
def _lerp(input: Operand, end: Operand, weight: Operand) -> Array:
    step = end - input
    return jnp.where(jnp.abs(weight) < 0.5, input + weight * step, end - step * (1 - weight))


@composite(inplace=True)
def lerp(input: Any, end: Any, weight: Any, *, out: Any = None) -> Any:
    """`input + weight * (end - input)`; `weight` is a number or a tensor.

    >>> import jtorch as torch
    >>> torch.lerp(torch.tensor([0., 10.]), torch.tensor([10., 20.]), 0.5)
    tensor([ 5., 15.])
    """
    others = [("end", end)] + ([] if is_number(weight) else [("weight", weight)])
    for name, other in others:
        if other.dtype is not input.dtype:
            mine, theirs = (errors.c_name(t.dtype.type_name) for t in (input, other))
            raise RuntimeError(f"expected dtype {mine} for `{name}` but got dtype {theirs}")
    return _lerp(input, end, weight, out=out)


def _no_bool_product(specs: tuple) -> None:
    no_kernel("addcmul_cpu_out", BOOL)(specs[:3])


@pointwise(refuse=both(broadcasts, _no_bool_product), older=("value",))
def addcmul(input: Operand, tensor1: Operand, tensor2: Operand, *, value: Scalar = 1) -> Array:
    """`input + value * tensor1 * tensor2`."""
    return input + value * tensor1 * tensor2


_ADDCDIV = (
    "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
    "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
    "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) "
    "for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / "
    "tensor2), for all dtypes."
)


def _no_integer_division(specs: tuple) -> None:
    if all(kind_of(s.dtype) in (INT, BOOL) for s in specs[1:3]):
        raise RuntimeError(_ADDCDIV)


@pointwise(refuse=both(_no_integer_division, broadcasts), older=("value",))
def addcdiv(input: Operand, tensor1: Operand, tensor2: Operand, *, value: Scalar = 1) -> Array:
    """`input + value * tensor1 / tensor2`."""
    return input + value * tensor1 / tensor2


@pointwise(kind="float_to_real", inplace=False, name="angle")
def angle(input: Operand) -> Array:
    """The angle of a complex number; of a real one 0 or pi."""
    if jnp.iscomplexobj(input):
        return atan2.body(input.imag, input.real)
    return jnp.where(jnp.isnan(input), input, lax.stop_gradient(jnp.where(input < 0, jnp.pi, 0.0)) + 0 * input)


@pointwise(kind="default", alias=("special.gammainc",), grad="IgammaBackward0",
           refuse=both(no_kernel("igamma_cpu", BOOL, INT, COMPLEX), broadcasts))  # fmt: skip
def igamma(input: Array, other: Array) -> Array:
    """The regularised lower incomplete gamma function of order `input` at `other`."""
    return lax.igamma(*jnp.broadcast_arrays(lax.stop_gradient(input), other))


@pointwise(kind="default", alias=("special.gammaincc",), grad="IgammacBackward0",
           refuse=both(no_kernel("igammac_cpu", BOOL, INT, COMPLEX), broadcasts))  # fmt: skip
def igammac(input: Array, other: Array) -> Array:
    """The regularised upper incomplete gamma function of order `input` at `other`."""
    return lax.igammac(*jnp.broadcast_arrays(lax.stop_gradient(input), other))


@pointwise(name="conj_physical", public="conjugated", function=False, method=False, inplace=False)
def conjugated(input: Operand) -> Array:
    return jnp.conj(input)


@composite(inplace=True)
def conj_physical(input: Any, *, out: Any = None) -> Any:
    """The complex conjugate; the tensor itself where it has no imaginary part.

    >>> import jtorch as torch
    >>> torch.conj_physical(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return input if out is None and not input.dtype.is_complex else conjugated(input, out=out)
