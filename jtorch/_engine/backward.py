"""The autograd graph and the walk through it.

A grad node holds values, never tensors, and the edges to what made its operands. Running backward
records the gradient ops on the same tape as the forward, so that forward, backward and update become
one program; with `create_graph` the recorded ops are themselves differentiable.

Order is torch's: a node runs when everything above it has, the latest of the forward first.
"""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._engine import anomaly, grad, replay
from jtorch._engine.aval import Aval
from jtorch._engine.flush import stable_point
from jtorch._engine.handle import EngineOp, Handle, apply, assign, install_graph, read, wrap
from jtorch._engine.parts import Parted
from jtorch._engine.replay import Watch
from jtorch._engine.tape import forward_mode, record, threads
from jtorch._types import autograd_errors

ADD = EngineOp("accumulate", "AddBackward0", lambda _, a, b: a + b)
ZEROS = EngineOp("zeros", "", lambda statics: jnp.zeros(statics[0].shape, statics[0].dtype.np))
ONES = EngineOp("ones", "", lambda statics: jnp.ones(statics[0].shape, statics[0].dtype.np))

_LAST = 1 << 62  # leaves accumulate as soon as they can, before any other node
_ids = itertools.count()


class RemovableHandle:
    """Takes a hook out again: `handle.remove()`, or at the end of a `with` block."""

    def __init__(self, hooks: dict, *others: dict):
        self.id = next(_ids)
        self._dicts = (hooks, *others)

    def remove(self) -> None:
        for hooks in self._dicts:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Node:
    """A node of the autograd graph. `edges` has one `(node, result index)` per gradient it returns."""

    edges: Sequence[tuple[Any, int] | None] = ()
    sequence = 0
    outputs = 1  # how many results the node has
    epoch: Any = None  # where it was recorded, and its number there: see replay.py
    ordinal = -1
    hooked = False  # something is to run before the node
    saved: Any = None
    checks: tuple = ()
    kept: tuple = ()  # the result, where torch's gradient uses it
    own: Any = None  # the value an in-place operation itself replaced
    _pre: OrderedDict | None = None
    _post: OrderedDict | None = None
    tensor_hooks: dict[int, OrderedDict] | None = None
    retained: dict[int, Any] | None = None

    @property
    def next_functions(self) -> tuple:
        """The nodes that made the operands, each with the result's index."""
        return tuple((None, 0) if e is None else e for e in self.edges)

    @property
    def metadata(self) -> dict:
        """A dictionary for the user's notes."""
        return self.__dict__.setdefault("_metadata", {})

    def name(self) -> str:
        """torch's name of the node."""
        return type(self).__name__

    def register_hook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn(grad_inputs, grad_outputs)` after the node ran; what it returns replaces the first."""
        if self._post is None:
            self._post = OrderedDict()
        handle = RemovableHandle(self._post)
        self._post[handle.id] = fn
        return handle

    def register_prehook(self, fn: Callable) -> RemovableHandle:
        """Calls `fn(grad_outputs)` before the node runs; what it returns replaces them."""
        if self._pre is None:
            self._pre = OrderedDict()
            self.hooked = True
        handle = RemovableHandle(self._pre)
        self._pre[handle.id] = fn
        return handle

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        """Gradients for `edges`, given those of the results (None where nothing flowed)."""
        raise NotImplementedError

    def shown_gradients(self, results: Sequence) -> tuple:
        """Gradients in the order of `next_functions`, as hooks see them."""
        return tuple(results)

    def sent_gradients(self, shown: Sequence) -> Sequence:
        """The gradients to send on, from what a hook returned."""
        return shown

    def release(self) -> None:
        """Frees what was saved."""

    def __repr__(self) -> str:
        return f"<{self.name()} object at {hex(id(self))}>"


class OpNode(Node):
    """The gradient of a recorded op."""

    plan: Any
    tangents: Any = None  # of the operands, in forward mode

    @property
    def needs(self) -> tuple[int, ...]:
        """Which operands need a gradient, one for each edge."""
        return self.plan.needs

    @property
    def outputs(self) -> int:  # type: ignore[override]  # of other nodes a constant
        """How many results the node has."""
        return len(self.plan.outs)

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        plan, cotangents = self.plan, self._cotangents(grads)
        if create_graph or forward_mode.active:
            return apply(plan.pullback, (*self._operands(plan.used, self.saved), *cotangents), ())
        values = [*self.saved, *[g._v if g._cell is None else read(g) for g in cotangents]]
        return [wrap(v) for v in record(threads.tape, plan.pullback, values, ())[1]]

    def _cotangents(self, grads: list) -> list:
        """Gradients of the results, zeros where none arrived; what was saved must still be there, unwritten."""
        if self.saved is None:
            raise autograd_errors.second_backward()
        self.check_versions()
        plan = self.plan
        return [g if (g := grads[i]) is not None else zeros(plan.outs[i]) for i in plan.cotangents]

    def _operands(self, used: Sequence[int], saved: list) -> list:
        """Saved values as tensors, with their history so that gradients of gradients flow."""
        edges = dict(zip(self.needs, self.edges, strict=True))
        found = [with_history(v, edges.get(i)) for i, v in zip(used, saved, strict=True)]
        if forward_mode.active and self.tangents is not None:
            found = forward_mode.passer.saved(found, [self.tangents[i] for i in used])
        return found

    @property
    def next_functions(self) -> tuple:
        """The nodes that made the operands, `(None, 0)` for one without gradient."""
        found = dict(zip(self.needs, self.edges, strict=True))
        return tuple(found.get(i, (None, 0)) for i in self.plan.shown)

    def shown_gradients(self, results: Sequence) -> tuple:
        """Gradients in the order of `next_functions`, as hooks see them."""
        found = dict(zip(self.needs, results, strict=True))
        return tuple(found.get(i) for i in self.plan.shown)

    def sent_gradients(self, shown: Sequence) -> tuple:
        """The gradients to send on, from what a hook returned."""
        return tuple(g for i, g in zip(self.plan.shown, shown, strict=False) if i in self.needs)

    def check_versions(self) -> None:
        """Raises when a saved value was written since."""
        for cell, at, value in self.checks:
            if cell.version != at and value is not self.own:
                raise _modified(value.aval, cell.version, at)
        for v in self.kept if self.plan.saves_result else self.saved:
            holder = getattr(v, "counter", None)
            if holder is not None and v is not self.own:
                now = holder._own_version if holder._cell is None else holder._cell.version
                raise _modified(v.aval, now, v.version)

    def release(self) -> None:
        if self.plan.saved_tensors:
            self.saved = None
        self.tangents = None
        if self.checks or self.kept:
            self.checks = self.kept = ()


class ResidualNode(OpNode):
    """The gradient of an op that kept residuals: see `grad.ForwardWithResiduals`."""

    hidden: Any
    inputs: Any
    origin: tuple[Any, tuple, tuple]

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        plan, cotangents = self.plan, self._cotangents(grads)
        if not (create_graph or forward_mode.active):
            values = [*self.saved, *self.hidden, *map(read, cotangents)]
            return [wrap(v) for v in record(threads.tape, plan.pullback, values, ())[1]]
        # A residual has no history of its own: gradients of gradients go through the plain pullback.
        op, specs, statics = self.origin
        pullback = grad.pullback(op, specs, statics, self.needs)
        saved = self._operands(pullback.used, [self.inputs[i] for i in pullback.used])
        return apply(pullback, (*saved, *cotangents), ())

    def release(self) -> None:
        self.saved = self.hidden = self.inputs = None
        self.checks = self.kept = ()


def with_history(value: Any, edge: tuple[Any, int] | None) -> Any:
    """A saved value as a tensor that stands where its original stood in the graph."""
    if value.__class__ in (float, int, bool, complex) or value is None:
        return value
    if edge is None:
        return wrap(value)
    node, index = edge
    if isinstance(node, AccumulateGrad):
        return node.variable
    t = wrap(value)
    t._requires_grad = True
    t._node = node
    t._index = index
    return t


def zeros(aval: Aval) -> Any:
    """A tensor of zeros."""
    return apply(ZEROS, (), (aval,))[0]


def ones(aval: Aval) -> Any:
    """A tensor of ones."""
    return apply(ONES, (), (aval,))[0]


class AccumulateGrad(Node):
    """Adds what arrives into a leaf's `.grad`."""

    sequence = _LAST

    def __init__(self, variable: Handle):
        self.variable = variable

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        leaf, new = self.variable, grads[0]
        if new is None:
            return ()
        old = leaf._grad
        try:
            if old is None:
                leaf._grad = new if create_graph else wrap(read(new))
            elif create_graph:
                leaf._grad = apply(ADD, (old, new), ())[0]
            else:
                new = apply(ADD, (old, new), ())[0]
                assign(old, new)
        except Parted:
            leaf._grad = new.detach()
        if leaf._post_hooks:
            for hook in list(leaf._post_hooks.values()):
                hook(leaf)
        return ()


def accumulator(leaf: Handle) -> AccumulateGrad:
    """The one accumulating node of a leaf."""
    node = leaf._accumulator
    if node is None:
        node = leaf._accumulator = AccumulateGrad(leaf)
    return node


_classes: dict[tuple[str, bool], type] = {}


def node_class(name: str, residuals: bool = False) -> type:
    """The class of grad nodes with torch's name."""
    found = _classes.get((name, residuals))
    if found is None:
        found = _classes.setdefault((name, residuals), type(name, (ResidualNode if residuals else OpNode,), {}))
    return found


install_graph(node_class, accumulator)


def _modified(aval: Aval, now: int, expected: int) -> RuntimeError:
    return autograd_errors.saved_modified(aval.dtype.type_name, aval.shape, "", 0, now, expected)


class Walk:
    """One run of backward from some roots."""

    def __init__(self, retain_graph: bool, create_graph: bool, wanted: dict[tuple[int, int], int] | None):
        self.retain_graph = retain_graph
        self.create_graph = create_graph
        self.wanted = wanted  # (id of node, result index) -> position, for autograd.grad
        self.captured: dict[int, Any] = {}
        self.buffers: dict[Any, list] = {}
        self.waiting: dict[Any, int] = {}
        self.useful: set[int] | None = None
        self.watch: Watch | None = None
        self.looks_for_nan = anomaly.state.enabled and anomaly.state.check_nan

    def discover(self, roots: Sequence[Any]) -> None:
        """Counts how many gradients each node waits for; with `wanted`, marks the nodes on the way."""
        order: list[Any] = []
        stack = list(dict.fromkeys(roots))
        seen = set(map(id, stack))
        waiting = self.waiting
        while stack:
            node = stack.pop()
            order.append(node)
            for edge in node.edges:
                if edge is not None:
                    to = edge[0]
                    waiting[to] = waiting.get(to, 0) + 1
                    if id(to) not in seen:
                        seen.add(id(to))
                        stack.append(to)
        if self.wanted is not None:
            self.useful = self._on_the_way(order)

    def _on_the_way(self, nodes: list[Any]) -> set[int]:
        targets = {node for node, _ in self.wanted or ()}
        parents: dict[int, list[Any]] = {}
        for node in nodes:
            for edge in node.edges:
                if edge is not None:
                    parents.setdefault(id(edge[0]), []).append(node)
        useful, stack = set(), [n for n in nodes if id(n) in targets]
        while stack:
            node = stack.pop()
            if id(node) not in useful:
                useful.add(id(node))
                stack += parents.get(id(node), ())
        return useful

    def add(self, node: Any, index: int, g: Any) -> None:
        """Adds one gradient of a node's result."""
        buffer = self.buffers.setdefault(node, [])
        while len(buffer) <= index:
            buffer.append(None)
        if g is not None:
            buffer[index] = g if buffer[index] is None else apply(ADD, (buffer[index], g), ())[0]

    def run(self, roots: Sequence[Any]) -> None:
        """Runs every node once all its gradients have arrived."""
        ready = [(-n.sequence, i, n) for i, n in enumerate(dict.fromkeys(roots)) if not self.waiting.get(n)]
        heapq.heapify(ready)
        ties = itertools.count(len(ready))
        waiting, buffers = self.waiting, self.buffers
        while ready:
            _, _, node = heapq.heappop(ready)
            results = self._visit(node) or itertools.repeat(None)
            for edge, g in zip(node.edges, results, strict=False):
                if edge is None:
                    continue
                to, index = edge
                if g is not None:
                    if index == 0 and to not in buffers:
                        buffers[to] = [g]
                    else:
                        self.add(to, index, g)
                left = waiting[to] = waiting[to] - 1
                if not left:
                    heapq.heappush(ready, (-to.sequence, next(ties), to))

    def _visit(self, node: Any) -> Sequence | None:
        grads = self.buffers.pop(node, None)
        if grads is None or (self.useful is not None and id(node) not in self.useful):
            return None
        if len(grads) < node.outputs:
            grads += [None] * (node.outputs - len(grads))
        if node.hooked:
            run_pre_hooks(node, grads)
        if self.wanted is not None:
            self._capture(node, grads)
            if isinstance(node, AccumulateGrad):
                return None
        if self.watch is not None and node.sequence is not _LAST:
            self.watch.visit(node)
        results = node.apply(grads, self.create_graph)
        if self.looks_for_nan:
            anomaly.check(node, results)
        if node._post:
            results = run_post_hooks(node, results, grads)
        if not self.retain_graph:
            node.release()
        return results

    def _capture(self, node: Any, grads: list) -> None:
        for index, g in enumerate(grads):
            position = (self.wanted or {}).get((id(node), index))
            if position is not None and g is not None:
                self.captured[position] = g


def run_pre_hooks(node: Node, grads: list) -> None:
    """Hooks of the node's results as tensors, then `retain_grad`, then the node's own."""
    for index, hooks in (node.tensor_hooks or {}).items():
        if index < len(grads) and grads[index] is not None:
            for hook in list(hooks.values()):
                changed = hook(grads[index])
                if changed is not None:
                    grads[index] = changed
    for index, keep in (node.retained or {}).items():
        if index < len(grads) and grads[index] is not None:
            keep(grads[index])
    for hook in list((node._pre or {}).values()):
        changed = hook(tuple(grads))
        if changed is not None:
            grads[:] = changed if isinstance(changed, tuple) else (changed,)


def run_post_hooks(node: Node, results: Sequence, grads: list) -> Sequence:
    """Hooks registered on a node; each may replace the gradients it sends on."""
    shown = node.shown_gradients(results)
    for hook in list((node._post or {}).values()):
        changed = hook(shown, tuple(grads))
        if changed is not None:
            shown = changed if isinstance(changed, tuple) else (changed,)
    return node.sent_gradients(shown)


def run_backward(
    tensors: Sequence[Any],
    grads: Sequence[Any],
    retain_graph: bool,
    create_graph: bool,
    inputs: Sequence[Any] | None = None,
    accumulate: bool = True,
) -> list:
    """Walks back from `tensors` with the gradients `grads`.

    With `inputs` and not `accumulate` returns the gradients that reached them, None where none did;
    with both, only those leaves accumulate.
    """
    tape = threads.tape
    roots = [t._node or accumulator(t) for t in tensors]
    watch = None
    plain = inputs is None and not create_graph and not retain_graph and not anomaly.state.enabled
    if len(roots) == 1 and plain and not forward_mode.active:
        key = replay.key_of(tape.epoch, roots[0], tensors[0]._index, grads[0])
        if key is not None:
            if replay.replay(tape.epoch, key):
                stable_point()
                return []
            watch = Watch(tape.epoch, key)
    wanted = None if inputs is None else {edge_key(x): i for i, x in reversed(list(enumerate(inputs)))}
    walk = Walk(retain_graph, create_graph, wanted)
    walk.watch = watch
    mode, tape.grad_enabled = tape.grad_enabled, create_graph
    try:
        walk.discover(roots)
        for t, node, g in zip(tensors, roots, grads, strict=True):
            walk.add(node, t._index, g)
        walk.run(roots)
        found = [walk.captured.get((wanted or {}).get(edge_key(x), -1)) for x in inputs or ()]
        if accumulate:
            for x, g in zip(inputs or (), found, strict=True):
                (accumulator(x) if x._node is None else _Keep(x)).apply([g], create_graph)
    finally:
        tape.grad_enabled = mode
    if walk.watch is not None:
        walk.watch.remember(tape)
    stable_point()
    return found


class _Keep(Node):
    """Accumulates into the `.grad` of a tensor that is not a leaf, for `backward(inputs=...)`."""

    def __init__(self, variable: Handle):
        self.variable = variable

    apply = AccumulateGrad.apply


def edge_key(t: Any) -> tuple[int, int]:
    """Where a tensor's gradient arrives."""
    return id(t._node or accumulator(t)), t._index
