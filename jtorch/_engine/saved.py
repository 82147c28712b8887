"""What grad nodes save, kept in another form: the engine's side of `torch.autograd.graph.saved_tensors_hooks`.

While a pair of functions stands on `tape.saving`, each new node gives its saved tensors to the first and gets them back
from the second when it runs. An op whose body holds a loop then keeps its operands only, and its backward computes the
forward again: what `jax.vjp` kept would be hidden from the hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax import lax

from jtorch._engine import anomaly
from jtorch._engine.aval import Aval, Spec
from jtorch._engine.backward import OpNode, ResidualNode, class_named, placed, with_history
from jtorch._engine.handle import Handle, apply, read, version, wrap
from jtorch._engine.tape import BaseOp, Tape, forward_mode, graph_watch, record, threads
from jtorch._types import graph_errors


class Packed:
    """A saved tensor in the form that a hook gave it."""

    __slots__ = ("aval", "edge", "kept", "unpack_hook")

    def __init__(self, hooks: tuple[Callable, Callable], t: Handle, edge: tuple[Any, int] | None):
        pack, self.unpack_hook = hooks
        self.aval, self.edge = t._v.aval, edge
        tape, at = threads.tape, version(t)
        mode, tape.grad_enabled = tape.grad_enabled, False
        try:
            self.kept = pack(t)
        finally:
            tape.grad_enabled = mode
        if version(t) != at:
            raise graph_errors.pack_in_place()

    def unpack(self) -> Any:
        """The tensor, at its place in the graph."""
        tape = threads.tape
        mode, tape.grad_enabled = tape.grad_enabled, False
        try:
            found = self.unpack_hook(self.kept)
        finally:
            tape.grad_enabled = mode
        if not isinstance(found, Handle):
            raise graph_errors.unpacked_type(type(found).__name__)
        if found._v.aval != self.aval:
            raise NotImplementedError(
                f"jtorch: an unpack hook must return what was packed, {self.aval}, but returned {found._v.aval}; "
                "convert it in the hook"
            )
        return found if self.edge is None else placed(read(found), self.edge)


def pack(tape: Tape, x: Handle, value: Any, edge: tuple[Any, int] | None) -> Packed:
    """Packs what a node saves of `x`: a leaf itself, of what an operation made the value."""
    shown = x if x._node is None else wrap(value) if edge is None else placed(value, edge)
    return Packed(tape.saving[-1], shown, edge)


class PackedNode(OpNode):
    """The gradient of a recorded op some of whose saved tensors are packed."""

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        plan, cotangents = self.plan, self._cotangents(grads)
        saved = self._operands(plan.used, self.usable())
        if create_graph or forward_mode.active:
            return apply(plan.pullback, (*saved, *cotangents), ())
        values = [read(x) if isinstance(x, Handle) else x for x in (*saved, *cotangents)]
        return [wrap(v) for v in record(threads.tape, plan.pullback, values, ())[1]]

    def _operands(self, used: Sequence[int], saved: list) -> list:
        plain = [None if x.__class__ is Packed else x for x in saved]
        found = super()._operands(used, plain)
        return [x.unpack() if x.__class__ is Packed else f for x, f in zip(saved, found, strict=True)]


def made(tape: Tape, g: Any, operands: Sequence) -> None:
    """Called with each new grad node while anybody watches."""
    if anomaly.state.enabled:
        anomaly.note(tape, g)
    if not tape.saving:
        return
    g.marks = ()
    if not g.saved:
        return
    plan, edges = g.plan, dict(zip(g.needs, g.edges, strict=True))
    packed = {
        place: pack(tape, operands[i], g.saved[place], edges.get(i))
        for place, i in enumerate(plan.used)
        if i in plan.saved_tensors
    }
    if packed:
        _keep(g, packed)


graph_watch.made = made


def pack_with(g: OpNode, hooks: tuple[Callable, Callable], place: int, operand: int) -> None:
    """Packs one tensor that a node has saved."""
    if isinstance(g, ResidualNode):
        raise NotImplementedError(
            f"jtorch: {g.name()} saved more than the tensors users see; run the operation inside saved_tensors_hooks"
        )
    edge = dict(zip(g.needs, g.edges, strict=True)).get(operand)
    shown = with_history(g.saved[place], edge)
    _keep(g, {place: Packed(hooks, shown, edge)})


def _keep(g: OpNode, packed: dict[int, Packed]) -> None:
    """Puts packed tensors in the place of a node's own. Versions are not looked at any more: the hooks answer."""
    g.saved = [packed.get(place, x) for place, x in enumerate(g.saved)]
    g.__class__ = class_named(type(g).__name__, PackedNode)
    g.checks = g.kept = g.marks = ()
    if g.epoch is not None:
        g.epoch.plain = False


class Barrier(BaseOp):
    """Its operands, which XLA may neither take for the same values as before nor compute with before all are there."""

    name = "barrier"

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        return specs  # type: ignore[return-value]  # they are all tensors

    def trace(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> tuple:
        return lax.optimization_barrier(tuple(arrays))


BARRIER = Barrier()


def again(tensors: Sequence[Handle], after: Sequence[Handle]) -> list:
    """The tensors for computing something from them a second time, once the values of `after` are there.

    Without this XLA would find that it was computed before, and keep it from then on.
    """
    values = [read(t) for t in (*tensors, *after)]
    return [wrap(v) for v in record(threads.tape, BARRIER, values, ())[1][: len(tensors)]] if tensors else []


def snapshot(t: Handle) -> Any:
    """A tensor's value as a new tensor outside the graph, on memory of its own."""
    return wrap(read(t))
