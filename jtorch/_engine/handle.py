"""What a tensor is to the engine, and how an op is applied to tensors.

A `Handle` is (storage, view) plus its place in the autograd graph. `Tensor` derives from it and adds
the public methods; the engine makes results through `tensor_class`, which `_tensor.py` installs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jtorch._engine import grad
from jtorch._engine.aval import Aval, aval_of
from jtorch._engine.geometry import (
    AsComplex,
    AsReal,
    Chain,
    Conj,
    Geometry,
    Negative,
    Permute,
    Reinterpreting,
    Reshape,
    Verb,
    extended,
    follow,
    is_contiguous,
    strides_in,
)
from jtorch._engine.parts import HalfComplex, Parted, answer
from jtorch._engine.storage import Cell, Counter, Place
from jtorch._engine.tape import (
    BaseOp,
    Tape,
    Value,
    enter,
    flush,
    force,
    forward_mode,
    graph_watch,
    pending,
    record,
    threads,
)
from jtorch._engine.tape import Node as TrieNode
from jtorch._engine.watched import Watched, carried
from jtorch._types.dtype import from_numpy


class Handle:
    """Fields of a tensor. All but `_v` have class defaults, so a result costs two stores."""

    _v: Value
    _cell: Cell | None = None  # shared storage, if any
    _chain: Chain = ()  # the view from the storage's root to here
    _base: Handle | None = None  # the tensor this is an autograd view of
    _at = 0  # serial of the cell at which `_v` was read
    _own_version = 0
    _counter: Counter | None = None  # of versions, where it does not count with all who share the storage
    _made: str | tuple | None = None  # how a view was made that may not be written: see `autograd_errors.view_inplace`
    _stale = False  # it may not be written (`_made`), and its storage was: see `overtaken`
    _geometry: Geometry | None = None  # computed when asked for
    _order: tuple[int, ...] | None = None  # of dimensions in memory, for one alone that is not row-major: see order.py
    _bent = False  # its dimensions may lie in another order than row by row
    _requires_grad = False
    _node: Any = None  # the grad node that made it
    _index = 0  # which result of that node it is
    _grad: Any = None
    _accumulator: Any = None
    _hooks: Any = None
    _post_hooks: Any = None
    _inference = False
    _retains = False  # retain_grad was called
    _tangent: Handle | None = None  # in forward mode: see forward.py


class Writes:
    """How often any tensor was written: a graph made since the last write needs no look at versions."""

    count = 0


writes = Writes()
_new = object.__new__
tensor_class: type = Handle


def install_tensor(cls: type) -> None:
    """Given by `_tensor.py`, which stands above this file."""
    global tensor_class
    tensor_class = cls


def wrap(value: Value) -> Any:
    """A new tensor, alone on its storage."""
    t = _new(tensor_class)
    t._v = value
    return t


def read(h: Handle) -> Value:
    """The value a tensor shows now."""
    cell = h._cell
    if cell is None or (h._at == cell.serial and cell.host is None):
        return h._v
    return refresh(h, cell)


def refresh(h: Handle, cell: Cell) -> Value:
    """Reads a tensor again after its storage was written through another one."""
    rows = threads.tape.rows
    if rows is not None and not rows.has(cell._value):
        with rows.outside():
            return refresh(h, cell)
    base = h._base
    if base is not None and base._requires_grad and cell.host is None and cell.counted > h._at and h._made is None:
        replay_history(h, base)
    else:
        if h._made is not None and base is not None and base._requires_grad and cell.counted > h._at:
            overtaken(h)
        part = cell.part(geometry(h)) if cell.host is not None and h._chain and moves_only(h._chain) else None
        h._v = part or read_chain(cell.value, h._chain)
    h._at = cell.serial
    if threads.tape.capture is not None and cell.host is not None:
        threads.tape.capture.snapshot(h._v, h)
    return h._v


def overtaken(h: Handle) -> None:
    """A view whose graph torch would have to make anew, and cannot: who asks for it, an op included, is told so."""
    h._stale = h._requires_grad = True
    h._node = None


def moves_only(chain: Chain) -> bool:
    """True for a view that strides describe in full: of shared memory only that part is read."""
    return not any(isinstance(verb, Reinterpreting) for verb, _ in chain)


def replay_history(h: Handle, base: Handle) -> None:
    """Makes a stale view's value and grad node anew from its base."""
    tape = threads.tape
    mode, tape.grad_enabled = tape.grad_enabled, True
    try:
        t: Any = base
        for verb, numbers in relative_chain(h, base) or ((Reshape(h._v.aval.shape), ()),):
            (t,) = apply(_REPLAYED.get(verb.__class__, VIEW), (t, *numbers), (verb,))
        h._v, h._node, h._index, h._requires_grad = t._v, t._node, t._index, t._requires_grad
    finally:
        tape.grad_enabled = mode


def relative_chain(h: Handle, base: Handle) -> Chain:
    """The verbs from a view's base to the view."""
    return h._chain[len(base._chain) :]


def read_chain(root: Value, chain: Chain) -> Value:
    """Records the reads of a chain of verbs."""
    tape = threads.tape
    for verb, numbers in chain:
        _, (root,) = record(tape, VIEW, (root, *numbers), (verb,))
    return root


def own_cell(h: Handle) -> Cell:
    """The tensor's cell, made now if it was alone."""
    cell = h._cell
    if cell is None:
        root, order = h._v, h._order
        rows = threads.tape.rows
        if order is not None and rows is not None and not rows.has(root):
            with rows.outside():
                return own_cell(h)
        if order is not None:
            turn = Permute(order)
            root = carried(root, read_chain(root, ((turn, ()),)))
            h._order, h._chain = None, ((turn.inverse(), ()),)
        cell = h._cell = Cell(root, h._own_version)
        if order is not None and getattr(h._v, "counter", None) is None:
            h._v.counter, h._v.version = Place(cell, cell.version, cell, h._chain, 0), cell.version
        h._at = 0
    return cell


def geometry(h: Handle) -> Geometry:
    """Size, stride and offset of a tensor."""
    found = h._geometry
    if found is None:
        cell, order = h._cell, h._order
        if order is not None:
            size = h._v.aval.shape
            found = Geometry(size, strides_in(order, size), 0)
        else:
            found = follow(h._v.aval.shape if cell is None else cell.root_shape, h._chain)
        h._geometry = found
    return found


def version(h: Handle) -> int:
    """torch's version counter."""
    if h._counter is not None:
        return h._counter.version
    return h._own_version if h._cell is None else h._cell.version


class ViewOp(BaseOp):
    """Reads one verb. Ops declared as views have their own, named for their grad node."""

    def __init__(self, name: str, grad_name: str):
        self.name = name
        self.grad_name = grad_name

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        out = grad.shape_of(lambda *arrays: self.trace(specs, statics, list(arrays)), specs)
        return tuple(aval_of(o.shape, from_numpy(o.dtype), specs[0].device) for o in out)

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        return (statics[0].read(*arrays),)

    def saved_by_torch(self, specs: tuple, statics: tuple, needs: tuple[int, ...]) -> Any:
        """Nothing: a view's gradient is told by sizes."""
        return (), ()


class EngineOp(BaseOp):
    """An op the engine itself needs, given by a function of arrays."""

    def __init__(self, name: str, grad_name: Any, body: Any):
        self.name = name
        self.grad_name = grad_name
        self.body = body

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        if not specs:
            if statics[0].dtype.np is None:
                raise HalfComplex
            return (statics[0],)
        out = grad.shape_of(lambda *arrays: self.trace(specs, statics, list(arrays)), specs)
        return tuple(aval_of(o.shape, from_numpy(o.dtype), specs[0].device) for o in out)

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        return (self.body(statics, *arrays),)


VIEW = ViewOp("view", "AsStridedBackward0")
# Views that strides do not describe are replayed under names of their own.
_REPLAYED = {
    Conj: ViewOp("conj", "ConjBackward0"),
    Negative: ViewOp("_neg_view", "NegViewBackward0"),
    AsReal: ViewOp("view_as_real", "ViewAsRealBackward0"),
    AsComplex: ViewOp("view_as_complex", "ViewAsComplexBackward0"),
}


def apply(op: Any, operands: tuple, statics: tuple) -> list:
    """Records an op on tensors, numbers and None, and links its results into the autograd graph."""
    tape = threads.tape
    if tape.autocast is not None:
        operands = tape.autocast(op, operands)
    values = []
    needs = None
    try:
        for i, x in enumerate(operands):
            if isinstance(x, Handle):
                cell = x._cell
                values.append(x._v if cell is None else read(x))
                if x._requires_grad:
                    needs = (i,) if needs is None else (*needs, i)
            else:
                values.append(x)
        if needs is None or not tape.grad_enabled or not op.differentiable:
            _, outs = record(tape, op, values, statics)
            results = [wrap(v) for v in outs]
        elif op.residuals and not tape.saving:
            results = _apply_keeping_residuals(tape, op, operands, values, statics, needs)
        else:
            node, outs = record(tape, op, values, statics)
            results = [wrap(v) for v in outs]
            attach(tape, node, operands, values, needs, results)
    except Parted as met:
        found = answer(met, op, (*operands, *statics), {})
        return list(found) if found.__class__ is tuple else [found]
    if forward_mode.active and op.differentiable:
        forward_mode.passer.push(op, operands, values, statics, results)
    return results


class Plan:
    """How one step's gradient is recorded for one set of operands that need it."""

    __slots__ = (
        "cotangents", "declares", "needs", "node_class", "outs", "pullback", "saved_tensors", "saves_result",
        "shown", "used", "watched",
    )  # fmt: skip

    def __init__(
        self, op: Any, specs: tuple, statics: tuple, needs: tuple, pullback: Any, outs: tuple[Aval, ...],
        residuals: bool = False,
    ):  # fmt: skip
        self.needs = needs
        self.node_class = node_class(grad_name(op, specs, statics), residuals)
        self.shown = needs if self.node_class.__name__ == "NotImplemented" else op.graph_operands(specs)
        self.saves_result = op.saves_result
        self.pullback = pullback
        self.used = pullback.used
        self.saved_tensors = tuple(i for i in pullback.used if isinstance(specs[i], Aval))
        declared = op.saved_by_torch(specs, statics, needs)
        if declared is None or declared == (self.saved_tensors, ()):
            self.watched = None
        else:
            self.watched = Watched(declared[0], declared[1], self.used)
        self.declares = self.saves_result or self.watched is not None
        self.cotangents = pullback.cotangents
        self.outs = outs


def grad_name(op: Any, specs: tuple, statics: tuple) -> str:
    """torch's name of an op's grad node; some depend on the overload, seen in the call's specs and statics."""
    name = op.grad_name
    return name if name.__class__ is str else name(specs, statics)


def attach(tape: Tape, node: TrieNode, operands: tuple, values: list, needs: tuple, results: list) -> None:
    """Gives results their grad node."""
    plan = node.plans.get(needs)
    if plan is None:
        step = node.step
        assert step is not None and step.op is not None
        pullback = grad.pullback(step.op, step.specs, step.statics, needs)
        plan = node.plans[needs] = Plan(step.op, step.specs, step.statics, pullback.needs, pullback, node.avals)
    g = plan.node_class()
    g.plan = plan
    g.saved = [values[i] for i in plan.used] if plan.used else ()
    link(tape, g, operands, plan, results)
    if graph_watch.active:
        graph_watch.made(tape, g, operands)


def link(tape: Tape, g: Any, operands: tuple, plan: Plan, results: list) -> None:
    """Links a node into the graph, between its operands and its results."""
    epoch = g.epoch = tape.epoch
    links = epoch.links
    if links is None:
        g.edges = [tape.rows.edge(operands[i]) for i in plan.needs]
    else:
        edges = []
        links.append(plan)
        for i in plan.needs:
            x = operands[i]
            to = x._node
            if to is None:
                to = accumulator(x)
                links.append(-1 - epoch.leaves.setdefault(to, len(epoch.leaves)))
            elif to.epoch is epoch:
                links += (to.ordinal, x._index)
            else:
                epoch.plain = False
            edges.append((to, x._index))
        g.edges = edges
        graph = epoch.graph
        if not graph:
            epoch.writes = writes.count
        g.ordinal = len(graph)
        graph.append(g)
    if plan.declares:
        if plan.watched is None:
            g.kept = (results[0]._v,)
        else:
            plan.watched.note(g, operands, results)
    else:
        for i in plan.saved_tensors:
            x = operands[i]
            if x._cell is not None:
                g.checks = (*g.checks, (x._v, Place.of(x), i))
    if forward_mode.active:
        g.tangents = [x._tangent if isinstance(x, Handle) else None for x in operands]
    g.sequence = tape.sequence
    tape.sequence += 1
    for i in plan.cotangents:
        t = results[i]
        t._requires_grad = True
        t._node = g
        t._index = i


def _apply_keeping_residuals(tape: Tape, op: Any, operands: tuple, values: list, statics: tuple, needs: tuple) -> list:
    specs = tuple(x.aval if x.__class__ is Value else None if x is None else x.__class__ for x in values)
    forward, pullback = grad.with_residuals(op, specs, statics, needs)
    node, outs = record(tape, forward, values, ())
    visible = outs[: forward.visible]
    results = [wrap(v) for v in visible]
    plan = node.plans.get(needs)
    if plan is None:
        outs_seen = node.avals[: forward.visible]
        plan = node.plans[needs] = Plan(op, specs, statics, pullback.needs, pullback, outs_seen, residuals=True)
    g = plan.node_class()
    g.plan = plan
    g.saved = [values[i] for i in plan.used]
    g.hidden = outs[forward.visible :]
    g.inputs = values
    g.origin = (op, specs, statics)
    link(tape, g, operands, plan, results)
    if graph_watch.active:
        graph_watch.made(tape, g, operands)
    return results


def node_class(name: str, residuals: bool = False) -> type:
    """The class of grad nodes with torch's name, such as AddBackward0."""
    raise NotImplementedError("installed by backward.py")


def accumulator(leaf: Handle) -> Any:
    """The node that adds gradients into a leaf."""
    raise NotImplementedError("installed by backward.py")


def rename_node(h: Handle, name: str) -> None:
    """Gives the node that made a tensor torch's name of another form of the op."""
    h._node.__class__ = node_class(name, hasattr(h._node, "hidden"))


def install_graph(make_class: Any, make_accumulator: Any) -> None:
    """Given by backward.py, which stands above this file."""
    global node_class, accumulator
    node_class = make_class
    accumulator = make_accumulator


class ViewPlan:
    """One more verb on tensors of one aval and chain: what taking it records, and the view's chain."""

    __slots__ = ("bent", "chain", "kinds", "numbers", "statics")

    def __init__(self, h: Handle, verb: Verb, numbers: tuple):
        root = own_cell(h).root_shape
        self.statics = (verb,)
        self.numbers = numbers
        self.kinds = tuple(n.__class__ for n in numbers)
        self.chain = extended(h._chain, verb, numbers, len(h._chain if h._base is None else h._base._chain))
        self.bent = not is_contiguous(*follow(root, self.chain)[:2])


def plan_key(h: Handle, args: tuple) -> tuple:
    """What a plan for `h` depends on, beside the function that takes the view."""
    if h._order is not None:
        own_cell(h)
    chain, cell = h._chain, h._cell
    if not chain or cell is None:
        return h._v.aval, args
    return h._v.aval, args, chain, cell.root_shape, -1 if h._base is None else len(h._base._chain)


def make_view(op: ViewOp, h: Handle, verb: Verb, numbers: tuple = ()) -> Any:
    """A tensor that shares `h`'s storage through one more verb."""
    return take_view(op, h, ViewPlan(h, verb, numbers))


def take_view(op: ViewOp, h: Handle, plan: ViewPlan) -> Any:
    """The view a plan describes. A step the trie knows is recorded at once, as in `_declare/fastpath.py`."""
    cell = own_cell(h)
    tape = threads.tape
    epoch = tape.epoch
    v = read(h)
    if v.epoch is not epoch:
        v = enter(tape, v)
    parent = epoch.node
    node = parent.children.get((op, plan.statics, v.slot, *plan.kinds))
    t = None
    if node is not None:
        (out,) = pending(epoch, node.avals, node.slot)
        t = wrap(out)
        if tape.epoch is epoch and epoch.node is parent:
            epoch.node = node
            epoch.values.append(out)
            epoch.numbers += plan.numbers
            if node.cut:
                flush(tape)
            if h._requires_grad and tape.grad_enabled:
                attach(tape, node, (h, *plan.numbers), [v, *plan.numbers], (0,), [t])
        else:
            t = None
    if t is None:
        (t,) = apply(op, (h, *plan.numbers), plan.statics)
    share(t, h, cell, plan.chain)
    t._bent = plan.bent
    descend(t, h, op)
    return t


def descend(t: Handle, h: Handle, op: Any) -> None:
    """Notes that `t` is a view of `h`, and how it was made if it may not be written later (`view_inplace`)."""
    base = t._base = h if h._base is None else h._base
    if not threads.tape.grad_enabled:
        t._made = "A view was"
        t._requires_grad = base._requires_grad
    elif h._made is not None:
        name = op.grad_name.removesuffix("Backward0")
        if h._made.__class__ is str:
            t._made = f"Output 0 of {name} is a view of a view which was" if h._requires_grad else None
        else:
            t._made = (None if h._made[0] is None else 0), name


def share(t: Handle, h: Handle, cell: Cell, chain: Chain) -> None:
    """Puts `t`, which already shows the right value, onto the storage of `h`."""
    t._cell = cell
    t._chain = chain
    t._at = cell.serial
    t._inference = h._inference
    t._bent = h._bent
    if h._counter is not None:
        t._counter = h._counter
    if forward_mode.active and h._tangent is not None:
        forward_mode.passer.share(t, h, chain)


def alias(h: Handle) -> Any:
    """A tensor on the same storage and view, outside the autograd graph: `detach`."""
    cell = own_cell(h)
    t = wrap(read(h))
    share(t, h, cell, h._chain)
    return t


def data_of(h: Handle) -> Any:
    """A tensor on the same storage and view whose writes autograd does not see."""
    t = alias(h)
    t._counter = Counter(0, False)
    return t


def to_numpy(value: Value) -> Any:
    """A value's contents as a read-only NumPy array."""
    return np.asarray(force(value))
