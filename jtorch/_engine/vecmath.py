"""Elementary functions with the roundings of torch's CPU random kernels.

torch turns float32 uniforms into normals eight at a time with the single-precision logarithm, sine and cosine of the
Cephes library (Moshier, https://www.netlib.org/cephes/), compiled so that a product feeding a sum is one fused
multiply-add. The last bit of the result depends on every one of those roundings, so they are made one by one here.
The functions that take ``xp``, ``numpy`` or ``jax.numpy`` (inside ``jax.enable_x64()``), give the same bits with both.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_SQRT_HALF_BITS = 0x3F3504F3
_LOG_COEFFICIENTS = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_FOUR_OVER_PI = 1.27323954473516
_QUARTER_PI_PARTS = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
_COS_COEFFICIENTS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN_COEFFICIENTS = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)


def _single(value: float) -> float:
    """``value`` as the float32 constant of a kernel, kept in a double."""
    return float(np.float32(value))


def fma_f32(a: Any, b: Any, c: Any, xp: Any) -> Any:
    """``a * b + c`` of float64 arrays that hold float32 values, rounded once to float32.

    The product of two 24-bit numbers is exact in a double. Its sum with ``c`` is rounded to 53 bits before it is
    rounded to 24, so the last bit of about one result in 2**29 can differ from a true fused operation.
    """
    return (a * b + c).astype(xp.float32)


def fma_f64(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """``a * b + c`` of doubles with one rounding (Dekker's exact product, Knuth's exact sum)."""
    product = a * b
    a_high, b_high = _high_half(a), _high_half(np.float64(b))
    a_low, b_low = a - a_high, b - b_high
    product_error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    total = product + c
    shift = total - product
    total_error = (product - (total - shift)) + (c - shift)
    exact = total + (total_error + product_error)
    return np.where(np.isfinite(exact), exact, total)


def _high_half(x: Any) -> Any:
    scaled = x * 134217729.0
    return scaled - (scaled - x)


def _polynomial_f32(x: Any, coefficients: tuple[float, ...], xp: Any) -> Any:
    """Horner's rule at float64 ``x``, each step rounded to float32."""
    y = _single(coefficients[0])
    for coefficient in coefficients[1:]:
        y = fma_f32(y if isinstance(y, float) else y.astype(xp.float64), x, _single(coefficient), xp)
    return y


def log_f32(x: Any, xp: Any) -> Any:
    """Natural logarithm of positive normal float32 numbers, in Cephes' order of operations."""
    bits = x.view(xp.int32)
    exponent = (bits - _SQRT_HALF_BITS) >> 23
    fraction = (bits - (exponent << 23)).view(xp.float32) - xp.float32(1)
    exponent = exponent.astype(xp.float32)
    wide, wide_exponent = fraction.astype(xp.float64), exponent.astype(xp.float64)
    square = fraction * fraction
    wide_square = square.astype(xp.float64)
    y = _polynomial_f32(wide, _LOG_COEFFICIENTS, xp) * fraction
    low = exponent * xp.float32(_LN2_LOW)
    y = fma_f32(y.astype(xp.float64), wide_square, low.astype(xp.float64), xp)
    y = y - square * xp.float32(0.5)
    return fma_f32(wide_exponent, _LN2_HIGH, (fraction + y).astype(xp.float64), xp)


def sincos_f32(x: Any, xp: Any) -> tuple[Any, Any]:
    """Sine and cosine of float32 angles from 0 to 8192, in Cephes' order of operations."""
    octant = ((x * xp.float32(_FOUR_OVER_PI)).astype(xp.int32) + 1) & ~1
    wide_octant = octant.astype(xp.float64)
    for part in _QUARTER_PI_PARTS:
        x = fma_f32(wide_octant, _single(part), x.astype(xp.float64), xp)
    square = x * x
    wide, wide_square = x.astype(xp.float64), square.astype(xp.float64)
    cosine = (_polynomial_f32(wide_square, _COS_COEFFICIENTS, xp) * square).astype(xp.float64)
    cosine = fma_f32(cosine, wide_square, wide_square * -0.5, xp) + xp.float32(1)
    sine = (_polynomial_f32(wide_square, _SIN_COEFFICIENTS, xp) * square).astype(xp.float64)
    sine = fma_f32(sine, wide, wide, xp)
    # Exchanging by bits instead of `where`: NumPy's `where` costs as much as four fused operations.
    sine, cosine = sine.view(xp.int32), cosine.view(xp.int32)
    exchange = (sine ^ cosine) & -((octant >> 1) & 1)
    sine = sine ^ exchange ^ ((octant & 4) << 29)
    cosine = cosine ^ exchange ^ ((~(octant - 2) & 4) << 29)
    return sine.view(xp.float32), cosine.view(xp.float32)


def normals_f32(radius: Any, angle: Any, mean: Any, std: Any, xp: Any) -> tuple[Any, Any]:
    """Box-Muller: two float32 normals from each pair of float32 uniforms in [0, 1).

    ``mean`` and ``std`` are doubles that hold float32 values.
    """
    radius = xp.sqrt(log_f32(xp.float32(1) - radius, xp) * xp.float32(-2))
    sine, cosine = sincos_f32(angle * xp.float32(2 * math.pi), xp)
    first, second = radius * cosine, radius * sine
    if isinstance(mean, float) and mean == 0.0 and std == 1.0:
        return first + xp.float32(0), second + xp.float32(0)
    return fma_f32(first.astype(xp.float64), std, mean, xp), fma_f32(second.astype(xp.float64), std, mean, xp)


def map_f64(function: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    """Applies a function of the ``math`` module, hence of the C library, to every double: slow, but torch's bits."""
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)
