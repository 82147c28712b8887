"""One row on a tape of its own, run for every row of a batch: what `torch.vmap` is made of.

The function runs once. Its arguments are rows: values of a row's shape that are never computed. What it records goes
to a tape of its own, and the stretch that its results need becomes one op on the tape outside, whose body is `jax.vmap`
of those steps. Values from outside enter the rows' tape as its inputs, mapped or whole.

The rows have an autograd graph of their own, which ends where it would lead outside. Outside, the results' grad node
(`RowsNode`) walks it on the same tape and makes what was recorded the next op, so that gradients of every order, hooks
and custom functions are those of eager code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from jtorch._engine.aval import Aval, aval_of
from jtorch._engine.backward import ADD, AccumulateGrad, Node, class_named, run_backward
from jtorch._engine.compiled import Steps
from jtorch._engine.grad import shape_of
from jtorch._engine.handle import Handle, accumulator, alias, apply, read, wrap
from jtorch._engine.program import avals_by_slot, needed, path
from jtorch._engine.reach import nodes_behind
from jtorch._engine.tape import BaseOp, Epoch, NoTape, Tape, Value, force, put, record, root, threads
from jtorch._engine.tape import Node as TrieNode
from jtorch._types import autograd_errors, vmap_errors

Axis = int | str  # of a result: where its rows lie, or "once" (no row differs), or "sum" over the rows


class ByRow(RuntimeError):
    """Something needs a row's numbers, or a form of tensor that rows do not have: the function must be called for each
    row by itself."""


class _Dropped(list):
    """What the epoch of rows keeps of its values: nothing, because it never runs."""

    def append(self, value: Any) -> None:
        pass

    def __iadd__(self, values: Any) -> _Dropped:
        return self


class RowsOp(BaseOp):
    """Steps recorded for one row, as one op for all rows: its operands are the tape's inputs, then its numbers."""

    name = "vmap"
    differentiable = False

    def __init__(self, nodes: list[TrieNode], inputs: tuple, axes: tuple, size: int, outs: tuple, modes: tuple):
        self.steps = Steps(nodes, indices=True)
        self.inputs, self.axes, self.size = inputs, axes, size
        self.outs, self.modes = outs, modes
        self.faults = self.steps.faults
        self.avals: tuple[Aval, ...] = ()

    @property
    def origin(self) -> tuple:
        return (self.steps.describe(), self.inputs, self.axes, self.size, self.outs, self.modes)

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        return self.avals

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        places = tuple(m if isinstance(m, int) else None if m == "once" else 0 for m in self.modes)
        found = self._mapped(lambda env, word: tuple(env[s] for s in self.outs), arrays, places)
        return tuple(x.sum(0) if m == "sum" else x for x, m in zip(found, self.modes, strict=True))

    def out_of_range(self, specs: tuple, statics: tuple, arrays: list) -> Any:
        return self._mapped(lambda env, word: jnp.asarray(word), arrays, 0).max()

    def _mapped(self, result: Callable, arrays: list, places: Any) -> Any:
        """`result` of each row's values by slot, and of the number of the fault that was found in it."""
        n = len(self.inputs)

        def row(_: Any, *given: Any) -> Any:
            env = dict(zip(self.inputs, given, strict=True))
            return result(env, self.steps.run(env, arrays[n:]))

        # JAX maps nothing without an array that has rows, and a function may not use its argument.
        return jax.vmap(row, in_axes=(0, *self.axes), out_axes=places)(jnp.zeros(self.size), *arrays[:n])


_ops: dict[tuple, RowsOp] = {}


def _graph(tensors: Sequence[Handle]) -> Iterator[Any]:
    """The nodes of the graph that some tensors lead to."""
    return nodes_behind([t._node or accumulator(t) for t in tensors])


def _mode(mapped: bool, axis: Axis, as_it_is: bool) -> Axis:
    """How a result leaves the rows."""
    return axis if mapped or (isinstance(axis, int) and not as_it_is) else "once"


def _try(op: RowsOp, specs: tuple) -> None:
    """Traces an op once: what JAX cannot map must be called for each row."""
    try:
        shape_of(lambda *arrays: op.trace(specs, (), list(arrays)), specs)
    except NotImplementedError as error:
        raise ByRow(str(error)) from error


class Rows(Tape):
    """The tape of one row, of `size`. `randomness` is vmap's; `draws` is called before random numbers are drawn."""

    def __init__(self, size: int, randomness: str, draws: Callable[[], None]):
        super().__init__()
        self.size, self.randomness, self.draws = size, randomness, draws
        self.around = threads.tape
        self.inputs: dict[int, tuple[Value, int | None]] = {}  # by slot: the value outside and its mapped dimension
        self._taken: dict[int, Handle] = {}  # by slot: the tensor outside
        self._known: dict[int, tuple[Value, Value]] = {}  # whole values that entered, by id
        self._ends: dict[tuple[int, int], Handle] = {}  # leaves in the stead of places of the graph outside
        self._places: dict[AccumulateGrad, tuple[tuple[Any, int], int | None]] = {}  # what each leaf stands for
        self._take_modes(self.around)
        self.rows = self
        self.epoch = Epoch(_NOWHERE, root(self))  # type: ignore[arg-type]  # values that never run have no tape
        self.rows = None
        self.epoch.values = _Dropped()
        self.epoch.links = None  # type: ignore[assignment]  # no walk is remembered

    def __del__(self) -> None:
        for end in self._places:
            end.variable._accumulator = None  # a cycle that would keep arrays

    def _take_modes(self, tape: Tape) -> None:
        for name in ("autocast", "casting", "capture", "inference", "mutation", "saving", "saving_refused", "walk"):
            setattr(self, name, getattr(tape, name))
        self.grad_enabled, self.sequence = tape.grad_enabled, tape.sequence

    @contextmanager
    def running(self) -> Iterator[None]:
        """What is recorded here is recorded for one row."""
        before, outer = (self.rows, self.around), threads.tape
        self.rows, self.around = self, outer
        self._take_modes(outer)
        threads.tape = self
        try:
            yield
        finally:
            threads.tape = outer
            self.rows, self.around = before
            outer.sequence = self.sequence
            if self.capture is None:
                outer.capture = None

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What is recorded here is recorded on the tape outside, for all rows."""
        outer = self.around
        mode, outer.grad_enabled = outer.grad_enabled, self.grad_enabled
        outer.sequence, outer.capture = self.sequence, self.capture
        threads.tape = outer
        try:
            yield
        finally:
            threads.tape = self
            outer.grad_enabled = mode
            self.sequence, self.capture = outer.sequence, outer.capture

    # Values

    def has(self, value: Value) -> bool:
        """Whether a value is a row's."""
        return value.epoch is self.epoch

    def stand_in(self, value: Value) -> Value:
        """A whole value from outside as an input of the rows' tape."""
        pair = self._known.get(id(value))
        if pair is None:
            pair = self._known[id(value)] = (value, self._input(value, value.aval, None))
        return pair[1]

    def _input(self, value: Value, aval: Aval, dim: int | None) -> Value:
        found = Value()
        found.array, found.aval = None, aval
        put(self, found)
        self.inputs[found.slot] = (value, dim)
        return found

    def take(self, t: Handle, dim: int | None) -> Any:
        """A tensor from outside as rows along a dimension, or whole. Called outside."""
        value = read(t)
        aval = value.aval
        if value.array is not None and value.aval.dtype.np is None:
            raise ByRow("jtorch: tensors of complex32 have no rows; use complex64")
        if dim is not None:
            dim %= aval.ndim
            aval = aval_of((*aval.shape[:dim], *aval.shape[dim + 1 :]), aval.dtype, aval.device)
        row = wrap(self._input(value, aval, dim))
        self._taken[row._v.slot] = t
        if t._requires_grad:
            self._stands_for(row, (t._node or accumulator(t), t._index), dim)
        return row

    # The graph

    def _stands_for(self, leaf: Handle, place: tuple[Any, int], dim: int | None) -> None:
        leaf._requires_grad = True
        self._places[self.own_leaf(leaf)] = (place, dim)

    def own_leaf(self, leaf: Handle) -> AccumulateGrad:
        """The accumulating node of a leaf that the rows made for themselves."""
        end = accumulator(leaf)
        end.epoch = self.epoch
        return end

    def edge(self, x: Handle) -> tuple[Any, int]:
        """Where a gradient of `x` goes: a place in the rows' graph."""
        return self.gate(x._node or accumulator(x), x._index, x._v)

    def gate(self, node: Any, index: int, value: Value) -> tuple[Any, int]:
        """A place of the rows' graph: for one outside, the leaf that stands for it."""
        if node.epoch is self.epoch:
            return node, index
        leaf = self._ends.get((id(node), index))
        if leaf is None:
            leaf = self._ends[id(node), index] = wrap(value)
            self._stands_for(leaf, (node, index), None)
        return accumulator(leaf), 0

    def differentiates(self, x: Handle) -> bool:
        """Whether a transform inside asks for a gradient that reaches `x`."""
        return x._requires_grad and any(
            isinstance(n, AccumulateGrad) and n.epoch is self.epoch and n not in self._places for n in _graph([x])
        )

    def _reached(self, tensors: Sequence[Handle]) -> list[AccumulateGrad]:
        """The leaves for places outside that the graph of some tensors leads to."""
        return [node for node in _graph(tensors) if node in self._places]

    # Results

    def mapped(self) -> set[int]:
        """The slots whose values differ by row."""
        found = {slot for slot, (_, dim) in self.inputs.items() if dim is not None}
        for node in path(self.epoch.node):
            step = node.step
            if (
                step is not None
                and step.op is not None
                and not found.isdisjoint(x for x in step.operands if x.__class__ is int)
            ):
                found.update(range(node.slot, node.end))
        return found

    def results(self, tensors: Sequence[Handle], axes: Sequence[Axis] | None = None) -> list:
        """Tensors of rows as tensors outside, each with whether it has rows. Called outside.

        With `axes` each gets rows along its axis, or their sum. A tensor from outside is returned itself."""
        inner = [i for i, t in enumerate(tensors) if self.has(t._v)]
        mapped = self.mapped()
        modes = [_mode(tensors[i]._v.slot in mapped, 0 if axes is None else axes[i], axes is None) for i in inner]
        values = self._record([tensors[i]._v.slot for i in inner], modes)
        found = [(t, False) for t in tensors]
        for i, mode, value in zip(inner, modes, values, strict=True):
            found[i] = (wrap(value), mode != "once")
        return found

    def _record(self, slots: list[int], modes: list) -> list[Value]:
        node = self.epoch.node
        if not slots:
            return []
        nodes, inputs = needed(path(node), slots)
        entering = [self.inputs[s] for s in inputs]
        axes = tuple(dim for _, dim in entering)
        key = (node, tuple(slots), tuple(inputs), axes, self.size, tuple(modes))
        op = _ops.get(key)
        if op is None:
            op = RowsOp(nodes, tuple(inputs), axes, self.size, tuple(slots), tuple(modes))
            avals = avals_by_slot(path(node))
            if len({avals[s].device for s in slots}) > 1:
                raise ByRow("jtorch: results of one function on several devices; map a function for each device")
            op.avals = tuple(self._aval_outside(avals[s], m) for s, m in zip(slots, modes, strict=True))
        numbers = [self.epoch.numbers[i] for i in op.steps.numbers]
        if key not in _ops:
            _try(op, (*(v.aval for v, _ in entering), *(x.__class__ for x in numbers)))
            op = _ops.setdefault(key, op)
        return record(threads.tape, op, [*(v for v, _ in entering), *numbers], ())[1]

    def _aval_outside(self, aval: Aval, mode: Axis) -> Aval:
        if not isinstance(mode, int):
            return aval
        return aval_of((*aval.shape[:mode], self.size, *aval.shape[mode:]), aval.dtype, aval.device)

    def link(self, tensors: Sequence[Handle], found: list) -> None:
        """Gives tensors outside, made of `tensors` of rows, their grad node."""
        outer = threads.tape
        roots = [i for i, t in enumerate(tensors) if t._requires_grad and self.has(t._v)]
        if not roots or not outer.grad_enabled:
            return
        inner = [tensors[i] for i in roots]
        ends = self._reached(inner)
        name = next((type(t._node).__name__ for t in inner if t._node is not None), "AliasBackward0")
        node = class_named(name, RowsNode)()
        node.level, node.ends = self, ends
        node.roots = [(t, found[i][1]) for i, t in zip(roots, inner, strict=True)]
        node.avals = [found[i][0]._v.aval for i in roots]
        node.edges = [self._places[end][0] for end in ends]
        if outer.rows is not None:
            node.epoch = outer.epoch
            node.edges = [outer.rows.gate(*place, end.variable._v) for place, end in zip(node.edges, ends, strict=True)]
        node.sequence = outer.sequence
        outer.sequence += 1
        for place, i in enumerate(roots):
            t = found[i][0]
            t._requires_grad, t._node, t._index = True, node, place

    def pull(self, node: RowsNode, grads: list, create_graph: bool) -> list:
        """Gradients of the places outside, given those of results."""
        sums: list = [None] * len(node.ends)
        leaves = [end.variable for end in node.ends]
        axes = [("sum" if dim is None else dim) for _, dim in map(self._places.__getitem__, node.ends)]
        for mapped in (True, False):
            pairs = [(t, g) for (t, is_mapped), g in zip(node.roots, grads, strict=True)
                     if g is not None and is_mapped is mapped]  # fmt: skip
            if not pairs:
                continue
            rows = [self.take(g, 0 if mapped else None) for _, g in pairs]
            with self.running():
                found = run_backward([t for t, _ in pairs], rows, True, create_graph, leaves, accumulate=False)
                for g in found:
                    if g is not None:
                        read(g)
            given = [i for i, g in enumerate(found) if g is not None]
            tensors = [found[i] for i in given]
            made = self.results(tensors, axes=[axes[i] for i in given])
            if create_graph:
                self.link(tensors, made)
            for i, (t, _) in zip(given, made, strict=True):
                sums[i] = t if sums[i] is None else apply(ADD, (sums[i], t), ())[0]
        return sums

    def outer(self, tensors: Sequence[Handle]) -> list:
        """Tensors of rows as tensors outside, each with where its rows lie: what was taken is what it was. Called
        outside."""
        made = self.results(tensors)
        self.link(tensors, made)
        found = [(t, 0 if has_rows else None) for t, has_rows in made]
        for i, x in enumerate(tensors):
            slot = x._v.slot
            if self.has(x._v) and slot in self._taken:
                t = self._taken[slot]
                found[i] = (t if x._requires_grad else alias(t), self.inputs[slot][1])
        return found

    # Numbers, writes and pictures

    def differs(self, value: Value) -> bool:
        """Whether a value may be another for each row."""
        return self.has(value) and value.slot in self.mapped()

    def whole(self, value: Value) -> Value:
        """The value outside of one that is the same for each row."""
        if not self.has(value):
            return value
        if self.differs(value):
            raise ByRow(str(vmap_errors.item()))
        entered = self.inputs.get(value.slot)
        return entered[0] if entered is not None else self._record([value.slot], ["once"])[0]

    def force(self, value: Value) -> Any:
        """The array of a value that is the same for each row."""
        with self.outside():
            return force(self.whole(value))

    def shown(self, t: Handle) -> tuple[Any, int | None]:
        """A tensor of rows as one outside, to look at, and where its rows lie. Called outside."""
        value = read(t)
        entered = self.inputs.get(value.slot)
        if entered is not None:
            return wrap(entered[0]), entered[1]
        found, has_rows = self.results([t])[0]
        return found, 0 if has_rows else None

    def check_history(self, h: Handle, new: Handle) -> None:
        """Refuses a write that would give a tensor from outside a history inside."""
        target = h._v if h._cell is None else h._cell._value
        flows = new._requires_grad or (h._base is not None and h._base._requires_grad)
        if flows and self.grad_enabled and not self.has(target):
            raise vmap_errors.outer_graph()

    def write_outside(self, write: Callable, h: Handle, value: Value) -> None:
        """Writes a value into a tensor from outside, which must be the same for each row."""
        if self.differs(value):
            raise vmap_errors.inplace()
        with self.outside():
            write(h, self.whole(value))

    def depth(self) -> int:
        """How many functions are being mapped, this one included."""
        return 1 if self.around.rows is None else 1 + self.around.rows.depth()


def differs(h: Handle) -> bool:
    """Whether a tensor may be another for each row of those that are recorded now."""
    rows = threads.tape.rows
    return rows is not None and rows.differs(read(h))


def differentiated(x: Any) -> bool:
    """Whether a transform inside of the rows recorded now asks for a gradient that reaches `x`."""
    rows = threads.tape.rows
    return rows is not None and isinstance(x, Handle) and rows.differentiates(x)


def refuse(h: Handle, error: Callable[[], Exception]) -> None:
    """Raises where a row's numbers are asked for."""
    if differs(h):
        raise error()


class RowsNode(Node):
    """The gradient of what came of rows."""

    level: Rows
    roots: Any  # tensors of rows, each with whether it has rows outside
    ends: list[AccumulateGrad]
    avals: list[Aval]

    @property
    def outputs(self) -> int:  # type: ignore[override]  # of other nodes a constant
        """How many results the node has."""
        return len(self.avals)

    def aval_of(self, index: int) -> Aval:
        """Shape and dtype of one of the results."""
        return self.avals[index]

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        if self.roots is None:
            raise autograd_errors.second_backward()
        return self.level.pull(self, grads, create_graph)

    def release(self) -> None:
        """Frees what was saved."""
        self.level = self.roots = None


_NOWHERE = NoTape(lambda: ByRow(str(vmap_errors.item())))
