"""Tensors that are not one array: a sparse tensor is made of others.

Such a tensor has a value that says its shape, dtype and device and holds no array. Whoever asks for its storage meets
`Parted`. `handle.apply` then looks here for the op's stand-in: a function of tensors that takes the op's operands
and static arguments and returns its result. Ops without one refuse. Tensors of one array pay nothing for this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._engine.aval import Aval
from jtorch._engine.tape import Epoch, Node, Value


class Parted(NotImplementedError):
    """A tensor has no storage of its own."""

    def __init__(self, layout: Any):
        super().__init__(f"this operation does not take tensors with layout {layout}: use .to_dense() first")
        self.layout = layout

    def refusal(self, name: str) -> NotImplementedError:
        """The error of an op that has no stand-in."""
        return NotImplementedError(
            f"{name.strip('_')} does not take tensors with layout {self.layout}: use .to_dense() first"
        )


_nowhere = Epoch(None, Node(None, None, (), ""))
stand_ins: dict[Any, Callable] = {}  # by op
sparse_fills: dict[Any, Callable] = {}  # by op without tensors: what makes its result in a sparse layout
sparse_gradients: dict[Any, Callable] = {}  # by op: what computes the same and has a sparse gradient


def described(aval: Aval) -> Value:
    """The value of a tensor made of parts: it is not to be had."""
    value = Value()
    value.array = None
    value.aval = aval
    value.epoch = _nowhere
    value.slot = -1
    return value


def answer(met: Parted, op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What an op's stand-in returns; the op's refusal when there is none."""
    stand_in = stand_ins.get(op)
    if stand_in is None:
        raise met.refusal(op.name) from None
    return stand_in(*args, **kwargs)
