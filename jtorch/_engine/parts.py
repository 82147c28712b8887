"""Tensors that are not one array: a sparse tensor is made of others, and so is one of complex32, which XLA lacks.

Such a tensor has a value that says its shape, dtype and device and holds no array. Whoever asks for its storage meets
`Parted`. `handle.apply` then looks here for the op's stand-in: a function of tensors that takes the op's operands
and static arguments and returns its result. Ops without one refuse. Tensors of one array pay nothing for this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from jtorch._engine.aval import Aval
from jtorch._engine.tape import Epoch, Node, Value

stand_ins: dict[Any, Callable] = {}  # by op
half_stand_ins: dict[Any, Callable] = {}  # by op, where complex32 is taken or made
sparse_fills: dict[Any, Callable] = {}  # by op without tensors: what makes its result in a sparse layout
sparse_gradients: dict[Any, Callable] = {}  # by op: what computes the same and has a sparse gradient


class Parted(NotImplementedError):
    """A tensor has no storage of its own."""

    stand_ins: ClassVar = stand_ins

    def __init__(self, layout: Any):
        super().__init__(f"this operation does not take tensors with layout {layout}: use .to_dense() first")
        self.layout = layout

    def refusal(self, name: str) -> NotImplementedError:
        """The error of an op that has no stand-in."""
        return NotImplementedError(
            f"{name.strip('_')} does not take tensors with layout {self.layout}: use .to_dense() first"
        )


class HalfComplex(Parted):
    """A tensor of complex32 is met, or one would be the result."""

    stand_ins: ClassVar = half_stand_ins

    def __init__(self) -> None:
        NotImplementedError.__init__(
            self, "this operation neither takes nor makes torch.complex32 tensors: use .to(torch.complex64)"
        )

    def refusal(self, name: str) -> NotImplementedError:
        return NotImplementedError(
            f"{name.strip('_')} neither takes nor makes torch.complex32 tensors: use .to(torch.complex64)"
        )


_nowhere = Epoch(None, Node(None, None, (), ""))


def described(aval: Aval) -> Value:
    """The value of a tensor made of parts: it is not to be had."""
    value = Value()
    value.array = None
    value.aval = aval
    value.epoch = _nowhere
    value.slot = -1
    return value


def answer(met: Parted, op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What an op's stand-in returns; the op's refusal when there is none. `op` may be a function of the engine."""
    stand_in = met.stand_ins.get(op)
    if stand_in is None:
        raise met.refusal(getattr(op, "name", "this operation")) from None
    return stand_in(*args, **kwargs)
