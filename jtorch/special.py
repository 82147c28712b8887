"""torch.special: functions of mathematics. Those that are in torch too are declared there and only named here.

https://docs.pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jss
from jax import lax
from jax.custom_derivatives import SymbolicZero

from jtorch import _ops as _ops
from jtorch._declare import Array, Operand, composite, errors, pointwise, registry
from jtorch._declare.halves import wide
from jtorch._ops import bessel
from jtorch._ops.elementary import i0
from jtorch._ops.pointwise import needs_tensor
from jtorch._ops.refusals import COMPLEX, HALF, both, no_kernel

_OF_X = frozenset({"airy_ai", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "spherical_bessel_j0"})
_NOT_HALF = frozenset("erfcx log_ndtr modified_bessel_i0 modified_bessel_i1 ndtri spherical_bessel_j0".split())


def _function(name: str, fn: Callable, doc: str, grad: str = "", **given: Any) -> Callable:
    """Declares a function of one real array, which torch calls `x` in some of the newer ones."""

    def of_input(input: Operand) -> Array:
        return fn(input)

    def of_x(x: Array) -> Array:
        return fn(x)

    body = of_x if name in _OF_X else of_input
    body.__name__ = name
    body.__doc__ = doc
    options: dict[str, Any] = {"kind": "float", "method": False, "inplace": False, "name": f"special_{name}"}
    if grad:
        options["grad"] = grad
    refuse = no_kernel(f"{name}_cpu", COMPLEX, *([HALF] if name in _NOT_HALF else []))
    return pointwise(**{**options, "public": name, "refuse": refuse, **given})(body)


@jax.custom_jvp
def _entropy(x: Array) -> Array:
    value = -x * jnp.log(jnp.where(x > 0, x, 1))
    return jnp.where(x > 0, value, jnp.where(x == 0, 0 * x, jnp.where(x < 0, -jnp.inf, x)))


@_entropy.defjvp
def _entropy_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return _entropy(x), -(1 + jnp.log(x)) * dx  # torch's: nan below 0, infinite at 0


def _erfcx(x: Array) -> Array:
    """`exp(x ** 2) * erfc(x)`: as it stands below 0, through the logarithm up to `limit`, by the series beyond."""
    limit = 5.0 if x.dtype == jnp.float32 else 26.0
    low, high = jnp.minimum(x, 0), jnp.maximum(x, limit)
    middle = jnp.clip(x, 0, limit)
    by_log = 2 * jnp.exp(middle * middle + jss.log_ndtr(-math.sqrt(2) * middle))
    term = total = jnp.ones_like(x)
    for k in range(1, 9):
        term = -term * (2 * k - 1) / (2 * high * high)
        total = total + term
    series = total / (high * math.sqrt(math.pi))
    return jnp.where(x < 0, jnp.exp(low * low) * lax.erfc(low), jnp.where(x < limit, by_log, series))


def _spherical(x: Array) -> Array:
    near = jnp.abs(x) < 0.5
    square = x * x
    series = 1 + square * (-1 / 6 + square * (1 / 120 + square * (-1 / 5040 + square * (1 / 362880))))
    apart = jnp.where(near, 1, x)
    return jnp.where(near, series, jnp.where(jnp.isinf(x), 0, jnp.sin(apart) / apart))


def _i1(x: Array) -> Array:
    return jnp.exp(jnp.sign(x) * x) * lax.bessel_i1e(x)  # the derivative of `abs` at 0 would be 1


entr = _function("entr", _entropy, "`-x log(x)`, 0 at 0 and -inf below.")
erfcx = _function("erfcx", _erfcx, "`exp(x ** 2) * erfc(x)`.", saves="input result")
i0e = _function("i0e", lax.bessel_i0e, "`exp(-|x|) * i0(x)`.", "SpecialI0EBackward0", saves="input result")
i1 = _function("i1", _i1, "The modified Bessel function of order 1.", saves="input result")
i1e = _function("i1e", lax.bessel_i1e, "`exp(-|x|) * i1(x)`.", "SpecialI1EBackward0", saves="input result")


def _ndtr(x: Array) -> Array:
    """Half types in torch's steps; float32 and float64 by `erfc` where those would lose digits."""
    return jss.ndtr(x) if x.dtype.itemsize > 2 else (1 + lax.erf((wide(x) * math.sqrt(0.5)).astype(x.dtype))) * 0.5


ndtr = _function("ndtr", _ndtr, "The area under the normal density up to x.", "MulBackward1", steps=True,
                 refuse=no_kernel("erf_vml_cpu", COMPLEX), saves="")  # fmt: skip
ndtri = _function("ndtri", jss.ndtri, "The inverse of `ndtr`.", saves="result")
log_ndtr = _function("log_ndtr", jss.log_ndtr, "The logarithm of `ndtr`.", saves="input result")
modified_bessel_i0 = _function("modified_bessel_i0", i0.body, "`i0`.", differentiable=False)
modified_bessel_i1 = _function("modified_bessel_i1", _i1, "`i1`.", differentiable=False)
spherical_bessel_j0 = _function("spherical_bessel_j0", _spherical, "`sin(x) / x`, 1 at 0.", differentiable=False)


def _bessel(name: str, fn: Callable, doc: str) -> Callable:
    """Declares a function that torch has for float32 and float64 alone, without a derivative."""
    return _function(name, fn, doc, differentiable=False, refuse=no_kernel(f"{name}_cpu", COMPLEX, HALF))


airy_ai = _bessel("airy_ai", bessel.airy_ai, "Airy's function Ai.")
bessel_j0 = _bessel("bessel_j0", bessel.bessel_j0, "Bessel's function of the first kind of order 0.")
bessel_j1 = _bessel("bessel_j1", bessel.bessel_j1, "Bessel's function of the first kind of order 1.")
bessel_y0 = _bessel("bessel_y0", bessel.bessel_y0, "Bessel's function of the second kind of order 0.")
bessel_y1 = _bessel("bessel_y1", bessel.bessel_y1, "Bessel's function of the second kind of order 1.")
for _order in (0, 1):
    _of = f"Bessel function of the second kind of order {_order}"
    _bessel(f"modified_bessel_k{_order}", functools.partial(bessel.modified_k, order=_order), f"The modified {_of}.")
    _bessel(f"scaled_modified_bessel_k{_order}", functools.partial(bessel.scaled_modified_k, order=_order),
            f"`exp(x)` times the modified {_of}.")  # fmt: skip


_of_two: dict[str, Any] = {"kind": "float", "function": False, "method": False, "inplace": False}


@pointwise(name="special_xlog1py", public="_xlog1py", grad="SpecialXlog1PyBackward0",
           refuse=no_kernel("xlog1py_cpu", COMPLEX), **_of_two)  # fmt: skip
def _xlog1py(self: Operand, other: Operand) -> Array:
    nothing = (self == 0) & ((other <= -1) | jnp.isinf(other))
    return self * jnp.log1p(jnp.where(nothing, 0, other))


@composite(method=False)
def xlog1py(input: Any, other: Any, *, out: Any = None) -> Any:
    """`input * log1p(other)`, 0 where `input` is 0; one of them may be a number.

    >>> import jtorch as torch
    >>> torch.special.xlog1py(torch.tensor([0., 2.]), torch.tensor([-1., 0.]))
    tensor([0., 0.])
    """
    needs_tensor("special_xlog1py", "other", input, other)
    return _xlog1py(input, other, out=out)


_NO_SLOPE = NotImplementedError, "the derivative for 'zeta' is not implemented."


@jax.custom_jvp
def _hurwitz(s: Array, q: Array) -> Array:
    return lax.zeta(s, q)


def _hurwitz_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (s, q), (ds, dq) = primals, tangents
    if not isinstance(ds, SymbolicZero):
        raise _NO_SLOPE[0](_NO_SLOPE[1])
    return _hurwitz(s, q), -s * _hurwitz(s + 1, q) * dq


_hurwitz.defjvp(_hurwitz_jvp, symbolic_zeros=True)


def _zeta_node(specs: tuple, statics: tuple) -> str:
    numbers = [isinstance(s, type) for s in specs]
    return f"SpecialZetaBackward{1 if numbers[0] else 2 if numbers[1] else 0}"


@pointwise(name="special_zeta", public="_zeta", refuse=no_kernel("zeta_cpu", COMPLEX, HALF), grad=_zeta_node,
           no_gradient=(*_NO_SLOPE, 0), **_of_two)  # fmt: skip
def _zeta(self: Operand, other: Operand) -> Array:
    s, q = jnp.broadcast_arrays(self, other)
    found = _hurwitz(s, q)
    below = jnp.where(q == jnp.floor(q), jnp.inf, jnp.where(s == jnp.floor(s), found, jnp.nan))
    return jnp.where(s == 1, jnp.inf, jnp.where(s < 1, jnp.nan, jnp.where(q <= 0, below, found)))


@composite(method=False)
def zeta(input: Any, other: Any, *, out: Any = None) -> Any:
    """Hurwitz's zeta function: the sum of `(k + other) ** -input` over k from 0; one of them may be a number.

    >>> import jtorch as torch
    >>> torch.special.zeta(torch.tensor([2.]), 1)
    tensor([1.6449])
    """
    needs_tensor("special_zeta", "other", input, other)
    return _zeta(input, other, out=out)


def _recurrence(name: str, first: Callable, step: Callable, doc: str) -> Callable:
    """Declares a family of polynomials: 1, `first(x)`, then `step(x, k, p_k, p_(k-1))`; 0 for negative degrees."""

    def body(x: Operand, n: Operand) -> Array:
        x, degree = jnp.broadcast_arrays(x, jnp.trunc(n))

        def advance(state: tuple) -> tuple:
            k, before, now, found = state
            after = step(x, k, now, before)
            return k + 1, now, after, jnp.where(degree == k + 1, after, found)

        one, linear = jnp.ones_like(x), first(x)
        found = jnp.where(degree == 0, one, jnp.where(degree == 1, linear, 0))
        highest = jnp.max(degree, initial=0)
        state = (jnp.ones((), x.dtype), one, linear, found)
        return lax.while_loop(lambda s: s[0] < highest, advance, state)[3]

    body.__name__ = name
    body.__doc__ = doc
    return pointwise(kind="float", method=False, inplace=False, differentiable=False, name=f"special_{name}",
                     public=name, refuse=both(_two_numbers(f"special_{name}"), no_kernel(f"{name}_cpu", COMPLEX, HALF))
                     )(body)  # fmt: skip


def _two_numbers(function: str) -> Callable:
    """Refuses two numbers: one of them must be a tensor."""
    pairs = (("Tensor", "Tensor"), ("Number", "Tensor"), ("Tensor", "Number"))

    def refuse(specs: tuple) -> None:
        if all(isinstance(s, type) for s in specs):
            signatures = [f"{x} x, {n} n, *, Tensor out = None" for x, n in pairs]
            raise errors.invalid_combination(function, [s() for s in specs], {}, signatures)

    return refuse


def _chebyshev(x: Array, k: Array, now: Array, before: Array) -> Array:
    return 2 * x * now - before


def _shifted(x: Array, k: Array, now: Array, before: Array) -> Array:
    return 2 * (2 * x - 1) * now - before


_KINDS: dict[str, Callable] = {
    "t": lambda x: x,
    "u": lambda x: 2 * x,
    "v": lambda x: 2 * x - 1,
    "w": lambda x: 2 * x + 1,
}
for _kind, _first in _KINDS.items():
    _doc = f"Chebyshev's polynomial of the kind {_kind.upper()} and degree n"
    _recurrence(f"chebyshev_polynomial_{_kind}", _first, _chebyshev, f"{_doc}.")
    _recurrence(f"shifted_chebyshev_polynomial_{_kind}", lambda x, first=_first: first(2 * x - 1), _shifted,
                f"{_doc}, at 2 x - 1.")  # fmt: skip
_recurrence("hermite_polynomial_h", lambda x: 2 * x, lambda x, k, now, before: 2 * x * now - 2 * k * before,
            "Hermite's polynomial of degree n, as physicists write it.")  # fmt: skip
_recurrence("hermite_polynomial_he", lambda x: x, lambda x, k, now, before: x * now - k * before,
            "Hermite's polynomial of degree n, as statisticians write it.")  # fmt: skip
_recurrence("laguerre_polynomial_l", lambda x: 1 - x,
            lambda x, k, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1),
            "Laguerre's polynomial of degree n.")  # fmt: skip
_recurrence("legendre_polynomial_p", lambda x: x,
            lambda x, k, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1),
            "Legendre's polynomial of degree n.")  # fmt: skip


@composite(method=False)
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """`torch.softmax`.

    >>> import jtorch as torch
    >>> torch.special.softmax(torch.zeros(2), 0)
    tensor([0.5000, 0.5000])
    """
    return input.softmax(dim, dtype)


@composite(method=False)
def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """`torch.log_softmax`."""
    return input.log_softmax(dim, dtype)


globals().update(registry.namespace("torch.special"))
