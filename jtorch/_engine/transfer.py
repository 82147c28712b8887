"""A tensor's way to another device: a cut between programs, through which gradients flow back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._engine import backend
from jtorch._engine.aval import aval_of
from jtorch._engine.backward import Node, accumulator
from jtorch._engine.handle import Handle, read, wrap
from jtorch._engine.tape import concrete, force, forward_mode, threads
from jtorch._types.device import device, meta


class Move(Node):
    """The gradient of a move: it goes back to where the tensor came from."""

    def __init__(self, origin: device, edge: tuple[Any, int]):
        self.origin = origin
        self.edges = (edge,)

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        """The gradient on the tensor's own device."""
        return (None if grads[0] is None else moved_to(grads[0], self.origin),)


_CLASS = type("ToCopyBackward0", (Move,), {})  # torch's name


def moved_to(t: Any, place: device) -> Any:
    """A copy of a tensor on another device. A program runs on one device, so what is pending runs first; a copy on
    `meta` needs no value."""
    aval = t._v.aval
    array = None if place == meta else force(read(t))
    result = wrap(concrete(backend.moved(array, place), aval_of(aval.shape, aval.dtype, place)))
    tape = threads.tape
    if t._requires_grad and tape.grad_enabled:
        _link(t, result, tape)
    if forward_mode.active and t._tangent is not None:
        result._tangent = moved_to(t._tangent, place)
    return result


def _link(t: Handle, result: Handle, tape: Any) -> None:
    """Makes the copy a result in the autograd graph. It belongs to no epoch, so a backward through it is walked."""
    node = _CLASS(t._v.aval.device, (t._node or accumulator(t), t._index))
    node.sequence = tape.sequence
    tape.sequence += 1
    result._requires_grad, result._node = True, node
