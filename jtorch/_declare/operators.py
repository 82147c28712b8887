"""Python's operators on tensors, as methods over declared functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch._declare.roles import OPERANDS
from jtorch._declare.variants import write_back
from jtorch._engine import handle
from jtorch._engine.handle import Handle, apply, attach, read
from jtorch._engine.tape import NUMBERS, Value, enter, flush, threads

_NUMBERS = frozenset(NUMBERS)
_new = object.__new__

# dunder: (function, in-place form exists)
BINARY = {
    "add": ("add", True), "sub": ("sub", True), "mul": ("mul", True), "truediv": ("div", True),
    "floordiv": ("floor_divide", True), "mod": ("remainder", True), "pow": ("pow", True), "matmul": ("matmul", False),
    "and": ("bitwise_and", True), "or": ("bitwise_or", True), "xor": ("bitwise_xor", True),
    "lshift": ("bitwise_left_shift", True), "rshift": ("bitwise_right_shift", True),
}  # fmt: skip
COMPARISON = {"eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}
UNARY = {"neg": "neg", "pos": "positive", "abs": "abs", "invert": "bitwise_not"}


def is_operand(x: Any) -> bool:
    """True for what may stand beside a tensor in an expression."""
    return isinstance(x, (Handle, bool, int, float, complex, np.generic))


def operator_methods(functions: dict[str, Callable]) -> dict[str, Callable]:
    """`__add__`, `__radd__`, `__iadd__` and the rest, from the registry's functions."""
    methods: dict[str, Callable] = {}
    for dunder, (name, inplace) in BINARY.items():
        fn = functions.get(name)
        if fn is None:
            continue
        methods[f"__{dunder}__"] = _forward(fn)
        methods[f"__r{dunder}__"] = _reflected(fn)
        if inplace:
            methods[f"__i{dunder}__"] = _inplace(f"{name}_", fn)
    for dunder, name in COMPARISON.items():
        if name in functions:
            methods[f"__{dunder}__"] = _forward(functions[name])
    for dunder, name in UNARY.items():
        if name in functions:
            methods[f"__{dunder}__"] = _unary(functions[name])
    for dunder, method in methods.items():
        method.__name__ = method.__qualname__ = dunder
    return methods


def _defaults(fn: Any) -> tuple[Any, tuple, tuple]:
    """A function's op, its operands after the first two (all absent) and its static defaults."""
    params = fn.op.params
    rest = tuple(None for p in params[2:] if p.kind in OPERANDS)
    return fn.op, rest, tuple(p.default for p in params if p.kind not in OPERANDS)


def _forward(fn: Callable) -> Callable:
    """`a + b`. The hottest path of all: `apply` and `record` written out for two operands, one result
    and a step already known; whatever else goes to the general way."""
    if not hasattr(fn, "op"):
        return _forward_any(fn)
    op, rest, statics = _defaults(fn)
    absent = len(rest)

    def method(self: Any, other: Any) -> Any:
        tape = threads.tape
        epoch = tape.epoch
        a = self._v if self._cell is None else read(self)
        if a.epoch is not epoch:
            a = enter(tape, a)
        if isinstance(other, Handle):
            b = other._v if other._cell is None else read(other)
            if b.epoch is not epoch:
                b = enter(tape, b)
            place = b.slot
        elif other.__class__ in _NUMBERS:
            b = other
            place = other.__class__
        else:
            return fn(self, other) if is_operand(other) else NotImplemented
        parent = epoch.node
        node = parent.children.get(
            (op, statics, a.slot, place, None) if absent else (op, statics, a.slot, place)
        )
        if node is None:
            return apply(op, (self, other, *rest), statics)[0]
        v = Value()
        v.array = None
        v.aval = node.avals[0]
        v.epoch = epoch
        v.slot = node.slot
        t = _new(handle.tensor_class)
        t._v = v
        if tape.epoch is not epoch or epoch.node is not parent:
            return apply(op, (self, other, *rest), statics)[0]
        epoch.node = node
        epoch.values.append(v)
        if node.cut:
            flush(tape)
        if b is other:
            epoch.numbers.append(b)
            needs = (0,) if self._requires_grad else None
        elif self._requires_grad:
            needs = (0, 1) if other._requires_grad else (0,)
        else:
            needs = (1,) if other._requires_grad else None
        if needs is not None and tape.grad_enabled and op.differentiable:
            attach(tape, node, (self, other), (a, b), needs, (t,))
        return t

    return method


def _forward_any(fn: Callable) -> Callable:
    def method(self: Any, other: Any) -> Any:
        return fn(self, other) if is_operand(other) else NotImplemented

    return method


def _reflected(fn: Callable) -> Callable:
    """`2 - x`: the number is the first operand."""
    if not hasattr(fn, "op"):
        return lambda self, other: fn(other, self) if is_operand(other) else NotImplemented
    op, rest, statics = _defaults(fn)

    def method(self: Any, other: Any) -> Any:
        if not is_operand(other):
            return NotImplemented
        return apply(op, (other.item() if isinstance(other, np.generic) else other, self, *rest), statics)[0]

    return method


def _inplace(name: str, fn: Callable) -> Callable:
    def method(self: Any, other: Any) -> Any:
        return write_back(name, self, fn(self, other)) if is_operand(other) else NotImplemented

    return method


def _unary(fn: Callable) -> Callable:
    def method(self: Any) -> Any:
        return fn(self)

    return method
