"""Places of the autograd graph through which torch has no gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._engine.aval import Aval
from jtorch._engine.backward import Node, accumulator, class_named
from jtorch._engine.handle import Handle
from jtorch._engine.tape import threads


class Underivable(Node):
    """Raises its error when a gradient arrives. It belongs to no epoch, so a backward through it is walked."""

    def __init__(self, aval: Aval, error: Exception, edge: tuple[Any, int]):
        self.aval, self.error, self.edges = aval, error, (edge,)

    def aval_of(self, index: int) -> Aval:
        return self.aval

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        raise self.error


def sever(t: Handle, name: str, error: Exception, source: Handle | None = None) -> None:
    """Gives a tensor of the graph a node of that name which refuses its gradient. `source`: what it was made from
    where the tape did not see it."""
    tape, source = threads.tape, t if source is None else source
    node = class_named(name, Underivable)(t._v.aval, error, (source._node or accumulator(source), source._index))
    node.sequence = tape.sequence
    tape.sequence += 1
    t._node, t._index, t._requires_grad = node, 0, True
