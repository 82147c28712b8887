"""Python's operators on tensors, as methods over declared functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch._declare.bind import binder, is_operand
from jtorch._declare.dispatch import met
from jtorch._declare.roles import OPERANDS
from jtorch._declare.variants import refuse_write, write_back
from jtorch._engine.handle import apply
from jtorch._engine.order import kept
from jtorch._types.dtype import FLOAT

# dunder: (function, in-place form exists)
BINARY = {
    "add": ("add", True), "sub": ("sub", True), "mul": ("mul", True), "truediv": ("div", True),
    "floordiv": ("floor_divide", True), "mod": ("remainder", True), "pow": ("pow", True), "matmul": ("matmul", False),
    "and": ("bitwise_and", True), "or": ("bitwise_or", True), "xor": ("bitwise_xor", True),
    "lshift": ("bitwise_left_shift", True), "rshift": ("bitwise_right_shift", True),
}  # fmt: skip
_TURNED = {"add": "add", "mul": "mul", "sub": "rsub"}  # what `2 + x` is of `x` and 2
COMPARISON = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}
UNARY = {"neg": "neg", "pos": "positive", "abs": "abs", "invert": "bitwise_not"}


def operator_methods(functions: dict[str, Callable]) -> dict[str, Callable]:
    """`__add__`, `__radd__`, `__iadd__` and the rest, from the registry's functions."""
    methods: dict[str, Callable] = {}
    for dunder, (name, inplace) in BINARY.items():
        fn = functions.get(name)
        if fn is None:
            continue
        methods[f"__{dunder}__"] = _forward(fn)
        methods[f"__r{dunder}__"] = _reflected(fn, functions.get(_TURNED.get(name, "")))
        if inplace:
            methods[f"__i{dunder}__"] = _inplace(f"{name}_", fn)
    methods["__div__"], methods["__idiv__"] = methods["__truediv__"], methods["__itruediv__"]
    methods["__rtruediv__"] = _divides(functions["reciprocal"], functions["mul"])
    methods["__rdiv__"] = lambda self, other: self.reciprocal() * other
    for dunder, name in COMPARISON.items():
        if name in functions:
            methods[f"__{dunder}__"] = _forward(functions[name])
    for dunder, name in UNARY.items():
        if name in functions:
            methods[f"__{dunder}__"] = _unary(functions[name])
    methods["__invert__"] = _inverts(functions["bitwise_not"])
    for dunder, method in methods.items():
        method.__name__ = method.__qualname__ = dunder
    return methods


def _defaults(fn: Any) -> tuple[Any, tuple, tuple]:
    """A function's op, its operands after the first two (all absent) and its static defaults."""
    params = fn.op.params
    rest = tuple(None for p in params[2:] if p.kind in OPERANDS)
    return fn.op, rest, tuple(p.default for p in params if p.kind not in OPERANDS)


def _forward(fn: Callable) -> Callable:
    """`a + b`; a declared op has a binder of its own for it, which is the hottest path of all."""
    if hasattr(fn, "op"):
        return binder(fn.op, operator=True)

    def method(self: Any, other: Any) -> Any:
        return fn(self, other) if is_operand(other) else _refused(method, self, other)

    return method


def _refused(method: Callable, self: Any, other: Any) -> Any:
    """The answer to what is no operand: it may know one itself."""
    return method(self, other) if met((other,)) else NotImplemented


def _reflected(fn: Callable, turned_fn: Any = None) -> Callable:
    """`2 - x`: the number is the first operand, or the second of `turned_fn`."""
    if not hasattr(fn, "op"):

        def turned(self: Any, other: Any) -> Any:
            return fn(other, self) if is_operand(other) else _refused(turned, self, other)

        return turned
    op, rest, statics = _defaults(turned_fn or fn)

    def method(self: Any, other: Any) -> Any:
        if not is_operand(other):
            return _refused(method, self, other)
        number = other.item() if isinstance(other, np.generic) else other
        found = apply(op, (self, number, *rest) if turned_fn else (number, self, *rest), statics)
        return kept(found, (self,))[0]

    return method


def _divides(reciprocal: Callable, mul: Callable) -> Callable:
    """`2 / x`, which torch computes, and rounds, as `x.reciprocal() * 2`."""

    def method(self: Any, other: Any) -> Any:
        return mul(reciprocal(self), other) if is_operand(other) else _refused(method, self, other)

    return method


def _inplace(name: str, fn: Callable) -> Callable:
    def method(self: Any, other: Any) -> Any:
        if not is_operand(other):
            return _refused(method, self, other)
        try:
            result = fn(self, other)
        except (RuntimeError, NotImplementedError) as error:
            refuse_write(name, self, (other,), error)
            raise
        return write_back(name, self, result, (other,), pointwise=True)

    return method


def _inverts(fn: Callable) -> Callable:
    def method(self: Any) -> Any:
        if self.dtype.category >= FLOAT:
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
        return fn(self)

    return method


def _unary(fn: Callable) -> Callable:
    def method(self: Any) -> Any:
        return fn(self)

    return method
