"""Comparison ops: eq and its like, tests for nan and infinity, maximum and minimum of two, closeness.

https://docs.pytorch.org/docs/stable/torch.html#comparison-ops
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, Handle, Operand, Scalar, composite, errors, from_host, op, pointwise
from jtorch._ops.pointwise import is_integral, is_number
from jtorch._ops.refusals import COMPLEX, both, broadcasts, no_kernel, refused


def _comparison(name: str, fn: Callable, doc: str, ordered: bool, *alias: str) -> Callable:
    def body(input: Operand, other: Operand) -> Array:
        return fn(input, other)

    body.__name__ = name
    body.__doc__ = doc
    refuse = no_kernel(f"{name}_cpu", COMPLEX) if ordered else None
    return pointwise(kind="bool", differentiable=False, alias=alias, refuse=refuse)(body)


eq = _comparison("eq", jnp.equal, "True where equal.", False)
ne = _comparison("ne", jnp.not_equal, "True where not equal.", False, "not_equal")
lt = _comparison("lt", jnp.less, "True where `input < other`.", True, "less")
le = _comparison("le", jnp.less_equal, "True where `input <= other`.", True, "less_equal")
gt = _comparison("gt", jnp.greater, "True where `input > other`.", True, "greater")
ge = _comparison("ge", jnp.greater_equal, "True where `input >= other`.", True, "greater_equal")


def _test(name: str, fn: Callable, doc: str, out: bool = False, **given: Any) -> Callable:
    def body(input: Array) -> Array:
        return fn(input)

    body.__name__ = name
    body.__doc__ = doc
    return pointwise(kind=None, inplace=False, out=out, differentiable=False, **given)(body)


def _infinity(sign: int) -> Callable:
    return lambda x: jnp.zeros(x.shape, bool) if is_integral(x) else x == sign * jnp.inf


def _no_complex(name: str) -> Callable:
    return refused(RuntimeError, f"{name} does not support complex inputs.", COMPLEX)


isnan = _test("isnan", lambda x: x != x, "True where nan.")
isfinite = _test("isfinite", jnp.isfinite, "True where neither nan nor infinite.")
isinf = _test("isinf", jnp.isinf, "True where infinite.")
isreal = _test("isreal", lambda x: jnp.imag(x) == 0, "True where the imaginary part is 0.")
isposinf = _test("isposinf", _infinity(1), "True where plus infinity.", True, refuse=_no_complex("isposinf"))
isneginf = _test("isneginf", _infinity(-1), "True where minus infinity.", True, refuse=_no_complex("isneginf"))


def _extremum(name: str) -> dict[str, Any]:
    complex_error = refused(RuntimeError, f"{name} not implemented for complex tensors.", COMPLEX)
    return {"inplace": False, "refuse": both(complex_error, broadcasts)}


@pointwise(**_extremum("maximum"))
def maximum(input: Array, other: Array) -> Array:
    """The larger of two, nan if one is nan. A tie shares the gradient evenly.

    >>> import jtorch as torch
    >>> torch.maximum(torch.tensor([1., 5.]), torch.tensor([3., 4.]))
    tensor([3., 5.])
    """
    return jnp.maximum(input, other)


@pointwise(**_extremum("minimum"))
def minimum(input: Array, other: Array) -> Array:
    """The smaller of two, nan if one is nan. A tie shares the gradient evenly."""
    return jnp.minimum(input, other)


@pointwise(**_extremum("fmax"), saves="input other")
def fmax(input: Array, other: Array) -> Array:
    """The larger of two, a number rather than nan. At a tie the gradient is the first's."""
    return jnp.where((input >= other) | (other != other), input, other)


@pointwise(**_extremum("fmin"))
def fmin(input: Array, other: Array) -> Array:
    """The smaller of two, a number rather than nan. At a tie the gradient is the first's."""
    return jnp.where((input <= other) | (other != other), input, other)


def _same_dtype(specs: tuple) -> None:
    if specs[0].dtype is not specs[1].dtype:
        raise RuntimeError(f"{specs[0].dtype.type_name} did not match {specs[1].dtype.type_name}")


def _tolerances(rtol: Any, atol: Any) -> None:
    for name, value in (("rtol", rtol), ("atol", atol)):
        if is_number(value) and value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")


@op(name="isclose", public="_isclose", function=False, method=False, differentiable=False,
    refuse=both(_same_dtype, broadcasts))  # fmt: skip
def _isclose(input: Array, other: Array, rtol: Scalar, atol: Scalar, equal_nan: bool) -> Array:
    equal = input == other
    if equal_nan:
        equal |= (input != input) & (other != other)
    if is_integral(input):
        input, other = input.astype(jnp.float64), other.astype(jnp.float64)
    near = jnp.abs(input - other) <= atol + jnp.abs(rtol * other)
    return equal | (near & jnp.isfinite(input) & jnp.isfinite(other))


@composite(tensors="input other")
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """True where `|input - other| <= atol + rtol * |other|`.

    >>> import jtorch as torch
    >>> torch.isclose(torch.tensor([1., 2.]), torch.tensor([1. + 1e-7, 2.1]))
    tensor([ True, False])
    """
    _tolerances(rtol, atol)
    return _isclose(input, other, rtol, atol, equal_nan)


@composite(tensors="input other")
def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """True when all elements are close, as `isclose` says."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@composite(tensors="other")
def equal(input: Any, other: Any) -> bool:
    """True when two tensors have the same size and elements.

    >>> import jtorch as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    return input.shape == other.shape and bool(eq(input, other).all())


def _real_only(specs: tuple) -> None:
    for s in specs:
        if not isinstance(s, type) and s.dtype.is_complex:
            raise RuntimeError(f"Unsupported input type encountered for isin(): {s.dtype.type_name}")


@op(name="isin", public="_isin", function=False, method=False, out=True, differentiable=False, refuse=_real_only)
def _isin(elements: Operand, test_elements: Operand, invert: bool) -> Array:
    return jnp.isin(elements, test_elements, invert=invert)


_ISIN = "*, assume_unique=False, invert=False, out=None"


@composite(
    method=False,
    forms=(f"elements, test_elements, {_ISIN}", f"element, test_elements, {_ISIN}", f"elements, test_element, {_ISIN}"),
)
def isin(
    elements: Any = None, test_elements: Any = None, *, assume_unique: bool = False, invert: bool = False,
    out: Any = None, element: Any = None, test_element: Any = None,
) -> Any:  # fmt: skip
    """True where an element is one of `test_elements`; one of the two may be a number.

    >>> import jtorch as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 3]))
    tensor([False,  True,  True])
    """
    first: Any = element if elements is None else elements
    second: Any = test_element if test_elements is None else test_elements
    misplaced = any(isinstance(x, Handle) for x in (element, test_element))
    if misplaced or not any(isinstance(x, Handle) for x in (first, second)):
        given = [x for x in (first, second) if x is not None]
        raise errors.invalid_combination("isin", given, {}, [
            f"{a}, {b}, *, bool assume_unique = False, bool invert = False, Tensor out = None"
            for a, b in (("Tensor elements", "Tensor test_elements"), ("Number element", "Tensor test_elements"),
                         ("Tensor elements", "Number test_element"))
        ])  # fmt: skip
    for x in (first, second):
        if not is_number(x) and (x.dtype.is_complex or x.dtype.name == "bool"):
            raise RuntimeError(f"Unsupported input type encountered for isin(): {x.dtype.type_name}")
    if is_number(first):
        first = from_host(np.asarray(first), place=second.device)
    return _isin(first, second, invert, out=out)
