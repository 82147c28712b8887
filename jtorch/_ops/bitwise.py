"""Pointwise ops on bits and truth values.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, Dims, Operand, op, pointwise
from jtorch._ops.refusals import BOOL, COMPLEX, FLOAT, both, broadcasts, no_kernel


def _bitwise(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Operand, other: Operand) -> Array:
        return fn(input, other)

    body.__name__ = name
    body.__doc__ = doc
    refuse = both(broadcasts, no_kernel(f"{name}_cpu", FLOAT, COMPLEX))
    return pointwise(differentiable=False, refuse=refuse)(body)


bitwise_and = _bitwise("bitwise_and", jnp.bitwise_and, "Bits set in both.")
bitwise_or = _bitwise("bitwise_or", jnp.bitwise_or, "Bits set in either.")
bitwise_xor = _bitwise("bitwise_xor", jnp.bitwise_xor, "Bits set in one of the two.")


@pointwise(differentiable=False, refuse=no_kernel("bitwise_not_cpu", FLOAT, COMPLEX))
def bitwise_not(input: Operand) -> Array:
    """All bits turned over; for bools, not.

    >>> import jtorch as torch
    >>> ~torch.tensor([0, 5])
    tensor([-1, -6])
    """
    return ~input


def _width(x: Any) -> int:
    return jnp.iinfo(x.dtype).bits


@pointwise(differentiable=False, refuse=no_kernel("lshift_cpu", BOOL, FLOAT, COMPLEX))
def bitwise_left_shift(input: Operand, other: Operand) -> Array:
    """Bits moved up by `other` places; 0 when they are moved out or `other` is negative."""
    outside = (other < 0) | (other >= _width(input))
    return jnp.where(outside, 0, input << jnp.where(outside, 0, other))


@pointwise(differentiable=False, refuse=no_kernel("rshift_cpu", BOOL, FLOAT, COMPLEX))
def bitwise_right_shift(input: Operand, other: Operand) -> Array:
    """Bits moved down by `other` places, the sign kept."""
    last = _width(input) - (1 if jnp.issubdtype(input.dtype, jnp.signedinteger) else 0)
    outside = (other < 0) | (other >= last)
    moved = input >> jnp.where(outside, 0, other)
    return jnp.where(outside, jnp.where(input < 0, -1, 0).astype(input.dtype), moved)


def _logical(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Array, other: Array) -> Array:
        return fn(input != 0, other != 0)

    body.__name__ = name
    body.__doc__ = doc
    return pointwise(kind="bool", differentiable=False, refuse=broadcasts)(body)


logical_and = _logical("logical_and", jnp.logical_and, "True where both are not 0.")
logical_or = _logical("logical_or", jnp.logical_or, "True where one is not 0.")
logical_xor = _logical("logical_xor", jnp.logical_xor, "True where exactly one is not 0.")


@pointwise(kind="bool", differentiable=False)
def logical_not(input: Array) -> Array:
    """True where 0."""
    return input == 0


@op(out=True, differentiable=False, refuse=no_kernel("xor_sum_cpu", COMPLEX))
def hash_tensor(input: Array, dim: Dims = (), *, keepdim: bool = False, mode: int = 0) -> Array:
    """All elements as 64-bit words, floats as doubles, joined by exclusive or.

    >>> import jtorch as torch
    >>> torch.hash_tensor(torch.tensor([1, 2]))
    tensor(3, dtype=torch.uint64)
    """
    if mode:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    over = dim or tuple(range(input.ndim)) if input.ndim else ()
    if not input.size and not dim:
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
            "with the 'dim' argument."
        )
    wide = jnp.float64 if jnp.issubdtype(input.dtype, jnp.floating) else jnp.int64
    words = lax.bitcast_convert_type(input.astype(wide), jnp.uint64)
    found = lax.reduce(words, jnp.uint64(0), lax.bitwise_xor, over)
    return jnp.expand_dims(found, over) if keepdim else found
