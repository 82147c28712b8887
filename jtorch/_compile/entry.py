"""One captured call: where its inputs come from, what it changes, and how it is done again.

Without gradients to follow, a replay runs the path's program at once and puts the results where the call put them,
most calls by the short way (`direct.py`). With gradients it is one recorded op (`_engine/compiled.py`), so that loss,
backward and update join it in one program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from jtorch._compile.direct import Direct
from jtorch._compile.guards import SIMPLE, Scene
from jtorch._engine.backward import OpNode
from jtorch._engine.capture import Capture
from jtorch._engine.compiled import Broken, Differentiable
from jtorch._engine.flush import flusher
from jtorch._engine.handle import Handle, geometry, read, wrap
from jtorch._engine.order import Order, common, lay
from jtorch._engine.program import avals_by_slot, needed, path
from jtorch._engine.reach import nodes_behind
from jtorch._engine.tape import Tape, Value, concrete, force
from jtorch._engine.writing import replace_value, write_value


class Before(NamedTuple):
    """What a tensor was when the call began."""

    value: Value | None  # None: its memory is shared with NumPy
    version: int
    grad: Handle | None
    grad_value: Value | None
    requires_grad: bool
    node: Any


def look(h: Handle) -> Before:
    """A tensor's state; memory shared with NumPy is not read."""
    cell = h._cell
    shared = cell is not None and cell.host is not None
    version = h._own_version if cell is None else cell.version
    g = h._grad
    return Before(None if shared else read(h), version, g, None if g is None else read(g), h._requires_grad, h._node)


class Inputs(NamedTuple):
    """Where the inputs of a path come from, by slot."""

    given: list[tuple[int, int]]  # an argument
    found: list[tuple[int, Handle]]  # a tensor of the scene
    grads: list[tuple[int, int]]  # the gradient of a tensor, by its index
    draws: list[tuple[int, int]]  # random numbers
    constants: list[tuple[int, Value]]


class Entry:
    """A captured call. It may read its arguments, counted first, and the tensors of its scene."""

    def __init__(self, tape: Tape, scene: Scene, notes: Capture, arguments: list[Handle], before: list[Before],
                 result: Any):  # fmt: skip
        self.scene = scene
        self.count = len(arguments)
        self.found = scene.handles
        self.kinds = [(h, h._requires_grad, h._v.aval) for h in self.found]
        self.draws = [make for _, make in notes.draws]
        self.computed = list(notes.numbers)
        self.numbers = list(tape.epoch.numbers)
        self.node = tape.epoch.node
        reader = Reader(tape, notes, [*arguments, *self.found], before, self.count)
        self.written = reader.written
        self.new_grads = reader.new_grads
        self.changed_grads = reader.changed_grads
        self.shape = reader.shape_of(result)
        self.results = reader.results
        slots = [r.slot for r in reader.results if isinstance(r, Made)]
        slots += [slot for _, slot in (*self.written, *self.new_grads, *self.changed_grads) if slot is not None]
        self.outs = tuple(sorted(set(slots)))
        self.slots = needed(path(self.node), self.outs)[1]
        self.inputs = reader.inputs(self.slots)
        self.avals = avals_by_slot(path(self.node))
        self.checks = reader.checks(notes)
        self.direct: Direct | None = None
        self.op: Differentiable | None = None
        if reader.live:
            self._differentiate(tape, reader)
        touched = {i for i, _ in (*self.new_grads, *self.changed_grads)} | {i for _, i in self.inputs.grads}
        self.has_grad = [(i, before[i].grad is not None) for i in touched if i < self.count]
        self.found_grads = [
            (self.found[i - self.count], before[i].grad is not None) for i in touched if i >= self.count
        ]

    def _differentiate(self, tape: Tape, reader: Reader) -> None:
        place = {s: i for i, s in enumerate(self.outs)}
        roots = [(place[slot], h) for slot, h in reader.live]
        leaves = [(slot, h) for slot in self.slots if (h := reader.tensor_at(slot)) is not None and h._requires_grad]
        self.op = Differentiable(tape, self.outs, roots, leaves)
        self.inputs = reader.inputs(self.op.inputs)

    def holds(self, arguments: list[Handle]) -> bool:
        """True when nothing that the function reads has changed."""
        for h, requires_grad, aval in self.kinds:
            if h._requires_grad is not requires_grad or h._v.aval is not aval:
                return False
        for h, had in self.found_grads:
            if (h._grad is not None) is not had:
                return False
        for i, had in self.has_grad:
            if (arguments[i]._grad is not None) is not had:
                return False
        return self.scene.holds()

    def tensor(self, i: int, arguments: list[Handle]) -> Handle:
        """A tensor by its index: an argument, or one found in the scene."""
        return arguments[i] if i < self.count else self.found[i - self.count]

    def replay(self, tape: Tape, arguments: list[Handle]) -> Any:
        """The call, done again on other arguments."""
        for at, check in self.checks:
            check(read(arguments[at] if at.__class__ is int else at))
        drawn = [make() for make in self.draws]
        numbers = self.numbers
        if self.computed:
            numbers = list(numbers)
            for first, count, compute in self.computed:
                numbers[first : first + count] = compute()
        if self.direct is not None:
            results = self.direct.call(self, tape, arguments, drawn, numbers)
            if results is not None:
                return filled(self.shape, self.direct.outcome(self, arguments, results))
        values: list = [None] * self.node.end
        self._read(arguments, [t._v for t in drawn], values)
        if self.op is None:
            del drawn  # so that their memory can be overwritten
            return self._run(arguments, values, numbers)
        return self._record(tape, self.op, arguments, values, numbers)

    def _read(self, arguments: list[Handle], draws: list[Value], values: list) -> None:
        """Puts the values of all inputs into their slots."""
        given, found, grads, drawn, constants = self.inputs
        for slot, at in given:
            h = arguments[at]
            values[slot] = h._v if h._cell is None else read(h)
        for slot, h in found:
            values[slot] = h._v if h._cell is None else read(h)
        for slot, i in grads:
            values[slot] = read(self.tensor(i, arguments)._grad)
        for slot, at in drawn:
            values[slot] = draws[at]
        for slot, value in constants:
            values[slot] = value

    def _run(self, arguments: list[Handle], values: list, numbers: list) -> Any:
        """Runs the path's program now. Tensors that are alone on their storage get their new values before these exist,
        so that the old ones can be overwritten."""
        for slot in self.slots:
            if values[slot].array is None:
                force(values[slot])
        program = flusher.program_for(self.node, self.outs, values)
        self.direct = Direct(self, program) if Direct.fits(self, program) else None
        avals = self.avals
        for slot in program.outs:
            values[slot] = concrete(None, avals[slot])
        later = []
        for i, slot in self.written:
            h = self.tensor(i, arguments)
            if h._cell is None:
                replace_value(h, values[slot])
            else:
                later.append((h, values[slot]))
        flusher.run_program(program, self.node, values, numbers)
        for h, value in later:
            write_value(h, value)
        return self._finish(arguments, values, {})

    def _record(self, tape: Tape, op: Differentiable, arguments: list[Handle], values: list, numbers: list) -> Any:
        """Records the path as one op with a gradient."""
        tensors: dict[int, Any] = dict(self.inputs.found)
        for slot, at in self.inputs.given:
            tensors[slot] = arguments[at]
        operands = [tensors[s] if s in tensors else wrap(values[s]) for s in op.inputs]
        made = op.record(tape, tuple(operands), [values[s] for s in op.inputs], numbers)
        linked = dict(zip(self.outs, made, strict=True))
        for slot, t in linked.items():
            values[slot] = t._v
        for i, slot in self.written:
            write_value(self.tensor(i, arguments), values[slot])
        return self._finish(arguments, values, linked)

    def _finish(self, arguments: list[Handle], values: list, linked: dict[int, Any]) -> Any:
        """Sets gradients and builds the result."""
        for i, slot in self.changed_grads:
            write_value(self.tensor(i, arguments)._grad, values[slot])
        for i, slot in self.new_grads:
            self.tensor(i, arguments)._grad = None if slot is None else wrap(values[slot])
        results = []
        for r in self.results:
            if r.__class__ is int:
                results.append(self.tensor(r, arguments))
            else:
                results.append(r.laid(linked[r.slot]) if r.slot in linked else r.tensor(values[r.slot]))
        return filled(self.shape, results)


class Made(NamedTuple):
    """A tensor of the result that the call made."""

    slot: int
    spent: type | None  # the class of its grad node when its graph was walked already
    order: Order | None  # of its dimensions in memory, where it is not row-major

    def tensor(self, value: Value) -> Any:
        """The tensor of a replay; walking its graph again fails as it does in eager code."""
        t = wrap(value)
        if self.spent is not None:
            t._requires_grad = True
            t._node = self.spent()
        return self.laid(t)

    def laid(self, t: Handle) -> Handle:
        """Gives a new tensor the order in memory that the first call's had."""
        return t if self.order is None else lay(t, self.order)


class Hole(NamedTuple):
    """Stands for a tensor in the shape of a result."""

    index: int


class Reader:
    """Reads off a captured call what it did and where what it read came from; `Broken` when that is not known."""

    def __init__(self, tape: Tape, notes: Capture, tensors: list[Handle], before: list[Before], count: int):
        self.epoch = tape.epoch
        self.tensors = tensors
        self.count = count
        self.places = {id(h): i for i, h in reversed(list(enumerate(tensors)))}
        self.written: list[tuple[int, int]] = []
        self.new_grads: list[tuple[int, int | None]] = []
        self.changed_grads: list[tuple[int, int]] = []
        self.results: list[Any] = []
        self.live: list[tuple[int, Handle]] = []
        self._returned: list[Any] = []  # storages of the results so far
        self._effects(before)
        self.sources = self._sources(notes, before)

    def _effects(self, before: list[Before]) -> None:
        cells: set[int] = set()
        for i, (h, was) in enumerate(zip(self.tensors, before, strict=True)):
            if self.places[id(h)] != i:
                continue
            if h._requires_grad is not was.requires_grad or h._node is not was.node:
                raise Broken("it changes whether or how a tensor requires a gradient")
            self._gradient(i, h, was)
            now = look(h)
            if now.version == was.version and now.value is was.value:
                continue
            if was.value is None and now.value is None and now.version == was.version:
                continue
            if was.value is None or now.value is None or h._base is not None:
                raise Broken("it writes into a view, or into memory shared with NumPy")
            if h._cell is None or id(h._cell) not in cells:
                cells.add(id(h._cell))
                self.written.append((i, self._slot(now.value)))

    def _gradient(self, i: int, h: Handle, was: Before) -> None:
        g = h._grad
        if g is not was.grad:
            self.new_grads.append((i, None if g is None else self._slot(read(g))))
        elif g is not None and read(g) is not was.grad_value:
            self.changed_grads.append((i, self._slot(read(g))))

    def _slot(self, value: Value) -> int:
        if value.epoch is not self.epoch or value.array is not None:
            raise Broken("it puts a tensor that was there before in the place of another")
        return value.slot

    def shape_of(self, x: Any) -> Any:
        """The result with holes in the place of its tensors."""
        if isinstance(x, Handle):
            self.results.append(self._result(x))
            return Hole(len(self.results) - 1)
        if isinstance(x, SIMPLE):
            return x
        if type(x) in (list, tuple):
            return type(x)(self.shape_of(item) for item in x)
        if isinstance(x, tuple) and hasattr(x, "_fields"):
            return type(x)(*(self.shape_of(item) for item in x))
        if type(x) is dict:
            return {key: self.shape_of(value) for key, value in x.items()}
        raise Broken(f"it returns an object ({type(x).__name__}) that holds more than tensors, numbers and containers")

    def _result(self, h: Handle) -> Any:
        at = self.places.get(id(h))
        if at is not None:
            return at
        if type(h) is not type(wrap(h._v)):
            raise Broken("it returns a new parameter, or a tensor of a class of its own")
        if h._cell is not None and any(h._cell is t._cell for t in self.tensors):
            raise Broken("it returns a view of a tensor that was there before")
        if h._cell is not None and any(h._cell is cell for cell in self._returned):
            raise Broken("it returns two tensors that share memory")
        self._returned.append(h._cell)
        slot = self._slot(read(h))
        order = common(h._v.aval.shape, [geometry(h)]) if h._bent else None
        nodes = list(nodes_behind([h._node] if h._node is not None else ()))
        if any(isinstance(n, OpNode) and n.saved is None for n in nodes):
            return Made(slot, type(h._node), order)
        if any(n.hooked or n._post for n in nodes):
            raise Broken("hooks are registered on what it computes")
        if h._node is not None:
            self.live.append((slot, h))
        return Made(slot, None, order)

    def _sources(self, notes: Capture, before: list[Before]) -> dict[int, tuple[str, Any]]:
        """Every value that was there before, by identity, and how to find it at the next call."""
        sources: dict[int, tuple[str, Any]] = {id(v): ("constants", v) for v in notes.constants.values()}
        for i, was in reversed(list(enumerate(before))):
            if was.grad_value is not None:
                sources[id(was.grad_value)] = ("grads", i)
        for i, was in reversed(list(enumerate(before))):
            if was.value is not None:
                sources[id(was.value)] = self._place(i)
        for value, h in notes.snapshots:
            if id(h) in self.places:
                sources[id(value)] = self._place(self.places[id(h)])
        for i, (value, _) in enumerate(notes.draws):
            sources[id(value)] = ("draws", i)
        return sources

    def _place(self, i: int) -> tuple[str, Any]:
        return ("given", i) if i < self.count else ("found", self.tensors[i])

    def inputs(self, slots: Sequence[int]) -> Inputs:
        """Where the values in these slots come from."""
        found = Inputs([], [], [], [], [])
        for slot in slots:
            source = self.sources.get(id(self.epoch.values[slot]))
            if source is None:
                raise Broken("it reads a tensor or an array that cannot be found again at the next call")
            kind, at = source
            getattr(found, kind).append((slot, at))
        return found

    def tensor_at(self, slot: int) -> Handle | None:
        """The argument or tensor of the scene whose value is in a slot."""
        kind, at = self.sources.get(id(self.epoch.values[slot]), ("", None))
        return self.tensors[at] if kind == "given" else at if kind == "found" else None

    def checks(self, notes: Capture) -> list[tuple[Any, Any]]:
        """Looks at indices that come from outside: they are taken again at every call."""
        found = []
        for value, check in notes.checks:
            kind, at = self.sources.get(id(value), ("", None))
            if kind in ("given", "found"):
                found.append((at, check))
        return found


def filled(shape: Any, tensors: list) -> Any:
    """The shape of a result with tensors in its holes; containers are new ones."""
    if shape.__class__ is Hole:
        return tensors[shape.index]
    if isinstance(shape, (list, tuple)):
        items = [filled(item, tensors) for item in shape]
        return type(shape)(*items) if hasattr(shape, "_fields") else type(shape)(items)
    if isinstance(shape, dict):
        return {key: filled(value, tensors) for key, value in shape.items()}
    return shape
