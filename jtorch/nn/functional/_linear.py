"""Linear and bilinear maps that bring a transpose of their own.

JAX derives the transpose of each step of a formulation. Where the transpose of the whole is cheaper (a gather for a
scatter, a product with ones for a reduction), the map is a primitive, and its transpose another. Both differentiate
to any order, forward and backward, as `lax.conv_general_dilated` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir


def _primitive(body: Callable) -> Primitive:
    name = body.__name__.strip("_")
    primitive = Primitive(name)

    def shape(*avals: Any, **params: Any) -> Any:
        out = jax.eval_shape(partial(body, **params), *(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals))
        return jax.core.ShapedArray(out.shape, out.dtype)

    def batched(args: tuple, dims: tuple, **params: Any) -> tuple:
        return jax.vmap(partial(body, **params), tuple(None if d is None else int(d) for d in dims))(*args), 0

    primitive.def_impl(body)
    primitive.def_abstract_eval(shape)
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, mlir.lower_fun(body, multiple_results=False))
    return primitive


def _linear(primitive: Primitive, transpose: Primitive) -> None:
    """In the first operand; the others are held fixed."""

    def jvp(primals: tuple, tangents: tuple, **params: Any) -> tuple:
        out, tangent = primitive.bind(*primals, **params), tangents[0]
        if isinstance(tangent, ad.Zero):
            return out, ad.Zero(jax.typeof(out).to_tangent_aval())
        return out, primitive.bind(tangent, *primals[1:], **params)

    def transposed(cotangent: Any, operand: Any, *fixed: Any, **params: Any) -> list:
        if isinstance(cotangent, ad.Zero):
            return [None] * (1 + len(fixed))
        return [transpose.bind(cotangent, *fixed, **params), *[None] * len(fixed)]

    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transposed


def linear_pair(there: Callable, back: Callable) -> tuple[Callable, Callable]:
    """Two bodies `(operand, *fixed arrays, **statics)`, each linear in its operand and the other's transpose in it."""
    one, other = _primitive(there), _primitive(back)
    _linear(one, other)
    _linear(other, one)
    return one.bind, other.bind


def bilinear_triple(product: Callable, for_left: Callable, for_right: Callable) -> tuple[Callable, Callable, Callable]:
    """`product(left, right)` and its transposes `for_left(out, right)` and `for_right(left, out)`, differentiable.

    Each of the three is bilinear, and its transposes are the other two.
    """
    out, left, right = _primitive(product), _primitive(for_left), _primitive(for_right)
    ad.defbilinear(
        out,
        lambda ct, _, y, **params: left.bind(ct, y, **params),
        lambda ct, x, _, **params: right.bind(x, ct, **params),
    )
    ad.defbilinear(
        left,
        lambda ct, _, y, **params: out.bind(ct, y, **params),
        lambda ct, g, _, **params: right.bind(ct, g, **params),
    )
    ad.defbilinear(
        right,
        lambda ct, _, g, **params: left.bind(g, ct, **params),
        lambda ct, x, _, **params: out.bind(x, ct, **params),
    )
    return out.bind, left.bind, right.bind
