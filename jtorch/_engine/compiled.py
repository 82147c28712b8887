"""A captured path as one op with a gradient: what a compiled function is on the tape.

Its pullback holds the very steps that an eager backward records, so that detached parts, custom functions and the order
of sums are those of eager code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._engine import backend
from jtorch._engine.aval import Aval
from jtorch._engine.backward import ResidualNode, run_backward
from jtorch._engine.handle import Handle, Plan, link, wrap
from jtorch._engine.program import body, needed, number_range, path
from jtorch._engine.tape import BaseOp, Fault, Node, Tape, Value, concrete, record


class Broken(Exception):
    """A path that cannot be replayed; the text says why."""


class Steps:
    """A stretch of a path as a function of slots. `indices`: those that point nowhere are told as faults."""

    def __init__(self, nodes: list[Node], indices: bool = False):
        self.nodes = nodes
        self.numbers = [i for n in nodes for i in number_range(n)]  # their places among the epoch's
        self.faults_of = [_faults(n, indices) for n in nodes]
        self.faults = tuple(fault for faults in self.faults_of for fault in faults)

    def describe(self) -> tuple:
        """The steps in names and plain values, for the program cache."""
        return tuple((n.slot, s.op, s.operands, s.specs, s.statics) for n in self.nodes if (s := n.step))

    def run(self, env: dict[int, Any], numbers: Sequence) -> Any:
        """Traces the steps; `env` gains their results. Returns the number of a fault found, 0 for none."""
        given, word, before = iter(numbers), 0, 0
        for node, faults in zip(self.nodes, self.faults_of, strict=True):
            step = node.step
            assert step is not None and step.op is not None
            arrays = [None if x is None else env[x] if x.__class__ is int else next(given) for x in step.operands]
            env.update(zip(range(node.slot, node.end), body(step.op, step.specs, step.statics)(*arrays), strict=True))
            if faults:
                found = step.op.out_of_range(step.specs, step.statics, arrays)
                word = jnp.where((word == 0) & (found > 0), found + before, word)
                before += len(faults)
        return word


def _faults(node: Node, indices: bool) -> tuple[Fault, ...]:
    """What a step may find wrong; with `indices` those that point nowhere, too."""
    op = node.step.op if node.step else None
    if op is None or op.faults or op.checks is None or not indices:
        return () if op is None else op.faults
    return (Fault(op.checks, lambda: IndexError(f"index out of range in {op.name}() recorded at {node.where}")),)


class CompiledForward(BaseOp):
    """A whole function as one op: its operands are the path's inputs, then its Python numbers. Results after the
    `visible` ones are kept for the backward."""

    name = "compiled"
    residuals = True

    def __init__(self, steps: Steps, inputs: tuple, outs: tuple, avals: tuple[Aval, ...], visible: int):
        self.steps = steps
        self.inputs = inputs
        self.outs = outs
        self.avals = avals
        self.visible = visible
        self.faults = steps.faults

    @property
    def origin(self) -> tuple:
        return (self.steps.describe(), self.inputs, self.outs)

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        return self.avals

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        env, _ = self._run(arrays)
        return tuple(env[s] for s in self.outs)

    def out_of_range(self, specs: tuple, statics: tuple, arrays: list) -> Any:
        return self._run(arrays)[1]

    def _run(self, arrays: list) -> tuple[dict[int, Any], Any]:
        n = len(self.inputs)
        env = dict(zip(self.inputs, arrays[:n], strict=True))
        return env, self.steps.run(env, arrays[n:])


class CompiledBackward(BaseOp):
    """The steps of the backward: `(inputs used, numbers, what the forward kept, cotangents) -> gradients`."""

    name = "compiled_vjp"

    def __init__(self, steps: Steps, inputs: tuple, rest: tuple, gradients: tuple, avals: tuple[Aval, ...]):
        self.steps = steps
        self.inputs = inputs
        self.rest = rest
        self.gradients = gradients
        self.avals = avals
        self.used: tuple[int, ...] = ()  # operands of the forward that it saves
        self.cotangents: tuple[int, ...] = ()  # results of the forward that have a gradient

    @property
    def origin(self) -> tuple:
        return (self.steps.describe(), self.inputs, self.rest, self.gradients)

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        return self.avals

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        first, count = len(self.inputs), len(self.steps.numbers)
        env = dict(zip(self.inputs, arrays[:first], strict=True))
        env.update(zip(self.rest, arrays[first + count :], strict=True))
        self.steps.run(env, arrays[first : first + count])
        return tuple(env[s] for s in self.gradients)


class CompiledFunctionBackward(ResidualNode):
    """The gradient of a compiled function."""

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        if create_graph:
            raise RuntimeError("torch.compile with aot_autograd does not currently support double backward")
        return super().apply(grads, create_graph)


class Differentiable:
    """What the tape holds, as one op.

    `outs` are the slots of the results; `roots` those results that have a gradient, by their place in `outs`; `leaves`
    the tensors that need one, by slot. A leaf that no gradient reaches is none.
    """

    def __init__(self, tape: Tape, outs: Sequence[int], roots: Sequence[tuple[int, Handle]],
                 leaves: Sequence[tuple[int, Handle]]):  # fmt: skip
        nodes = path(tape.epoch.node)
        walk = _Walk(tape, [h for _, h in roots], [h for _, h in leaves])
        reached = [(slot, g) for (slot, _), g in zip(leaves, walk.gradients, strict=True) if g is not None]
        end, avals = walk.start.end, [a for n in walk.nodes for a in n.avals]
        after, _ = needed(walk.nodes, [g for _, g in reached])
        backward = Steps([n for n in after if n.slot >= end])
        reads = dict.fromkeys(x for n in backward.nodes if n.step for x in n.step.operands if x.__class__ is int)
        reads.update(dict.fromkeys(g for _, g in reached))
        reads = [s for s in reads if s < end]
        forward, entering = needed(nodes, [*outs, *reads])
        self.inputs = tuple(dict.fromkeys([*entering, *(s for s, _ in reached)]))
        place = {s: i for i, s in enumerate(self.inputs)}
        kept = [s for s in reads if s not in place]
        results = (*outs, *kept)
        self.op = CompiledForward(Steps(forward), self.inputs, results, tuple(avals[s] for s in results), len(outs))
        used = tuple(s for s in reads if s in place)
        pullback = CompiledBackward(backward, used, (*kept, *walk.cotangents), tuple(g for _, g in reached),
                                    tuple(avals[s] for s, _ in reached))  # fmt: skip
        pullback.used = tuple(place[s] for s in used)
        pullback.cotangents = tuple(at for at, _ in roots)
        self.needs = tuple(place[s] for s, _ in reached)
        self.backward_numbers = [walk.numbers[i - walk.first_number] for i in backward.numbers]
        specs = (*(avals[s] for s in self.inputs), *(tape.epoch.numbers[i].__class__ for i in self.op.steps.numbers))
        self.plan = Plan(self.op, specs, (), self.needs, pullback, tuple(avals[s] for s in outs))
        self.plan.node_class = CompiledFunctionBackward

    def record(self, tape: Tape, operands: tuple, values: list[Value], numbers: Sequence) -> list:
        """Records the op and links it into the graph. `operands` are the tensors of `inputs`, `values` what they show,
        `numbers` all those of the path."""
        _, outs = record(tape, self.op, [*values, *[numbers[i] for i in self.op.steps.numbers]], ())
        results = [wrap(v) for v in outs[: self.op.visible]]
        if not self.needs:
            return results
        plan = self.plan
        g = plan.node_class()
        g.plan = plan
        g.saved = [*(values[i] for i in plan.used), *self.backward_numbers]
        g.hidden = outs[self.op.visible :]
        link(tape, g, operands, plan, results)
        return results


class _Walk:
    """A backward recorded after the function and taken off the tape again: it is wanted for its steps."""

    def __init__(self, tape: Tape, roots: list[Handle], leaves: list[Handle]):
        epoch = tape.epoch
        self.start = epoch.node
        count, self.first_number = len(epoch.values), len(epoch.numbers)
        given = [_zeros(h._v.aval) for h in roots]
        try:
            found = run_backward(roots, given, True, False, leaves, accumulate=False)
            if tape.epoch is not epoch:
                raise Broken("its backward needs a value in Python")
            if any(t is not None and t._v.epoch is not epoch for t in (*given, *found)):
                raise Broken("its backward does not depend on what flows in")
            self.nodes = path(epoch.node)
            self.numbers = epoch.numbers[self.first_number :]
            self.cotangents = tuple(t._v.slot for t in given)
            self.gradients = [None if g is None else g._v.slot for g in found]
        finally:
            if tape.epoch is epoch:
                epoch.node = self.start
                del epoch.values[count:], epoch.numbers[self.first_number :]


def _zeros(aval: Aval) -> Any:
    return wrap(concrete(backend.adopt(np.zeros(aval.shape, aval.dtype.np), aval.device), aval))
