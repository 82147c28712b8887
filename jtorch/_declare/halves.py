"""Half types in bodies: float16 and bfloat16 are computed in float32, and rounded where torch rounds.

torch's kernels mostly round once, at the end, which is what the families do. A body that torch makes of several kernels
is declared with `steps=True`: it gets the half type itself, and each of its steps rounds. A body that rounds at some of
its steps computes in `wide` types and calls `rounded`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax


def is_half(x: Any) -> bool:
    """True for an array of float16 or bfloat16."""
    return x.dtype.itemsize == 2 and bool(jnp.issubdtype(x.dtype, jnp.floating))


def wide(x: Any) -> Any:
    """Half types as float32, which arithmetic is done in; anything else as it is."""
    return x.astype(jnp.float32) if x is not None and is_half(x) else x


def once(function: Callable[[Any], Any], x: Any) -> Any:
    """A function of half types computed in float32 and rounded once: XLA's own forms of some are less exact."""
    return function(wide(x)).astype(x.dtype) if is_half(x) else function(x)


def rounded(x: Any, like: Any) -> Any:
    """Numbers of a wide type rounded to the type of `like`; XLA would leave out a cast there and back."""
    kind = jnp.finfo(like.dtype)
    return x if x.dtype == like.dtype else lax.reduce_precision(x, kind.nexp, kind.nmant)
