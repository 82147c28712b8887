"""Ops without tensors: shape, dtype and device are static, their numbers are data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jtorch._declare.op import _cast
from jtorch._declare.placement import check_layout, check_requires_grad, placed
from jtorch._declare.variants import write_out
from jtorch._engine.aval import Aval, aval_of
from jtorch._engine.handle import Handle, apply
from jtorch._engine.parts import HalfComplex, sparse_fills
from jtorch._engine.tape import BaseOp
from jtorch._types import errors
from jtorch._types.dtype import PYTHON_DTYPES, dtype, get_default_dtype
from jtorch._types.layout import strided


class Fill(BaseOp):
    """An op whose one static says shape, dtype and device of the result. The body takes it and the
    numbers, and returns an array that is cast and broadcast to it."""

    differentiable = False

    def __init__(self, name: str, body: Callable):
        self.name = name
        self.body = body

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        if statics[0].dtype.np is None:
            raise HalfComplex
        return statics

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        (aval,) = statics
        return (jnp.broadcast_to(_cast(self.body(aval, *arrays), aval.dtype), aval.shape),)


def fill(
    op: Fill, numbers: tuple, shape: tuple, to: Any, *, layout: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None, pin_memory: bool = False,
) -> Any:  # fmt: skip
    """Records a fill and does what every factory function promises; `pin_memory` has no meaning here."""
    if layout is not None and op in sparse_fills and layout is not strided:
        t = sparse_fills[op](layout, shape, to, placed(device))
        return t.requires_grad_() if requires_grad else t
    check_layout(layout)
    if out is not None and not isinstance(out, Handle):
        raise errors.argument_type(op.name, "out", None, "Tensor", out)
    if to is None:
        found = get_default_dtype() if out is None else out._v.aval.dtype
    else:
        found = dtype_of(op.name, to)
    check_requires_grad(requires_grad, found)
    t = apply(op, numbers, (aval_of(shape, found, placed(device)),))[0]
    if out is not None:
        return write_out(op.name, out, t)
    return t.requires_grad_() if requires_grad else t


def dtype_of(name: str, given: Any) -> dtype:
    """What `dtype=` means: also Python's own `float`, `int`, `bool` and `complex`."""
    found = given if isinstance(given, dtype) else PYTHON_DTYPES.get(given)
    if found is None:
        raise errors.argument_type(name, "dtype", None, "torch.dtype", given)
    return found
