"""Windows: weights of the samples that a Fourier transform sees at once.

https://docs.pytorch.org/docs/stable/torch.html#spectral-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, Fill, composite, dtype_of, errors, fill
from jtorch._declare.types import get_default_dtype
from jtorch._ops.arguments import whole


def _kind(name: str, weight: Callable) -> Fill:
    """A window: `weight(place, span, *numbers)` of the samples 0, 1, 2..., of which the last has the place `span`."""

    def body(aval: Any, span: Array, *numbers: Array) -> Array:
        if aval.shape[0] < 2:
            return jnp.ones(aval.shape)
        place = jnp.arange(aval.shape[0], dtype=jnp.promote_types(aval.dtype.np, jnp.float32))
        return weight(place, *(jnp.asarray(x, place.dtype) for x in (span, *numbers)))

    return Fill(name, body)


def _cosines(place: Array, span: Array, *weights: Array) -> Array:
    turn, total = 2 * math.pi / span * place, jnp.zeros_like(place)
    for k, weight in enumerate(weights):
        total = total + (-1) ** k * weight * jnp.cos(k * turn)
    return total


def _kaiser(place: Array, span: Array, beta: Array) -> Array:
    bent = beta * jnp.sqrt(jnp.maximum(1 - (2 * place / span - 1) ** 2, 0))
    return lax.bessel_i0e(bent) / lax.bessel_i0e(beta) * jnp.exp(bent - beta)


def _bell(place: Array, span: Array, std: Array) -> Array:
    return jnp.exp(-0.5 * jnp.square((place - span / 2) / std))


COSINES = _kind("general_cosine", _cosines)
BARTLETT = _kind("bartlett", lambda place, span: 1 - jnp.abs(2 * place / span - 1))
KAISER = _kind("kaiser", _kaiser)
EXPONENTIAL = _kind("exponential", lambda place, span, tau, center: jnp.exp(-jnp.abs(place - center) / tau))
GAUSSIAN = _kind("gaussian", _bell)
SINE = _kind("cosine", lambda place, span: jnp.sin(math.pi / (span + 1) * (place + 0.5)))

BLACKMAN_WEIGHTS = (0.42, 0.5, 0.08)


def _window(
    name: str, kind: Fill, length: Any, periodic: bool, numbers: tuple, to: Any, options: dict[str, Any]
) -> Any:
    size = whole(name, "window_length", 1, length)
    found = get_default_dtype() if to is None else dtype_of(name, to)
    if found.is_complex:
        raise errors.not_implemented_for("arange_cpu", found.type_name)
    if not found.is_floating_point:
        raise RuntimeError(
            f"{name} expects floating point dtypes, got: TensorOptions(dtype={errors.c_name(found.type_name)}, "
            "device=cpu, layout=Strided (default), requires_grad=false (default), pinned_memory=false, "
            "memory_format=(nullopt))"
        )
    if size < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={size}")
    span = float(size if periodic else size - 1)
    return fill(kind, (span, *map(float, numbers)), (size,), found, **options)


@composite(method=False)
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, **options: Any) -> Any:
    """A raised cosine that is 0 at its ends; `periodic` leaves out the last of one sample more.

    >>> import jtorch as torch
    >>> torch.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("hann_window", COSINES, window_length, periodic, (0.5, 0.5), dtype, options)


@composite(method=False)
def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
    **options: Any,
) -> Any:  # fmt: skip
    """`alpha - beta cos`: a raised cosine that does not reach 0."""
    return _window("hamming_window", COSINES, window_length, periodic, (alpha, beta), dtype, options)


@composite(method=False)
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, **options: Any) -> Any:
    """The sum of three cosines after Blackman."""
    return _window("blackman_window", COSINES, window_length, periodic, BLACKMAN_WEIGHTS, dtype, options)


@composite(method=False)
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, **options: Any) -> Any:
    """A triangle that is 0 at its ends."""
    return _window("bartlett_window", BARTLETT, window_length, periodic, (), dtype, options)


@composite(method=False)
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, **options: Any
) -> Any:
    """Kaiser's window, by the modified Bessel function of order 0; a larger `beta` makes it narrower."""
    return _window("kaiser_window", KAISER, window_length, periodic, (beta,), dtype, options)
