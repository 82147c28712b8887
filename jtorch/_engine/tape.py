"""The tape: eager operations are recorded as one straight line of steps.

The engine walks a trie of everything recorded before. A step whose key is known costs one
dictionary lookup; the child node already knows the shapes of the results. Only a new step does
shape inference and remembers the user's line.

Per thread there is one `Tape`; the trie is shared. What was recorded since the last flush is an
`Epoch`: its values, its Python numbers and the trie node it has reached.

Every commit is two plain stores without a Python call between them, made after everything that
can allocate: a garbage collection may run user code that records, so the commit first checks that
the epoch is where it was and starts again when it is not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from jtorch._engine.aval import Aval, Spec
from jtorch._types.dtype import get_default_dtype
from jtorch._types.user_frame import user_line

NUMBERS = (float, int, bool, complex)


class Fault(NamedTuple):
    """Numbers that an op refuses, and torch's error for them."""

    found: Callable[..., Any]  # of the body's arguments: a boolean scalar
    error: Callable[[], Exception]
    cure: str = ""  # what to write instead, for the note


class BaseOp:
    """What the engine asks of an op. It knows no op by name."""

    name: str
    grad_name = "Backward"  # the class name of its grad nodes
    differentiable = True
    residuals = False  # its body holds a loop or kernel: see grad.ForwardWithResiduals
    checks: Any = None  # a function of the body's arguments: some index points nowhere
    faults: tuple[Fault, ...] = ()  # looked at in the program whether or not the operands are concrete
    undefined: Any = None  # a function of specs and statics: the operands that torch gives no gradient, not zeros
    saves_result = False  # torch's gradient uses the result, so an input may be written afterwards

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        """Shapes and dtypes of the results; wrong arguments raise errors in torch's words."""
        raise NotImplementedError

    def trace(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> tuple:
        """The results, computed while a program is traced."""
        raise NotImplementedError

    def graph_operands(self, specs: tuple[Spec, ...]) -> tuple[int, ...]:
        """Operands that are edges of the grad node, whether or not they need a gradient."""
        kinds = [s.dtype if isinstance(s, Aval) else None for s in specs]
        return tuple(i for i, k in enumerate(kinds) if k is not None and (k.is_floating_point or k.is_complex))

    def check_gradient(self, statics: tuple, needs: tuple[int, ...], outs: tuple[Aval, ...]) -> None:
        """Raises where torch refuses to record the call for a gradient by these operands, with these results."""

    def saved_by_torch(self, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]) -> Any:
        """The operands and the results that torch's formula saves; None where they are what the pullback uses."""
        return None

    def out_of_range(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> Any:
        """A scalar: True when `checks` found an index that points nowhere, or the number, from 1 on, of the first of
        `faults` that was found."""
        raise NotImplementedError


class Value:
    """One immutable array: a slot of an open epoch, or concrete.

    `counter` and `version` are set when a tensor that held this value is written in place, so that
    a backward that saved it can tell; `mark` is told too, for a backward that did not.
    """

    __slots__ = ("__weakref__", "array", "aval", "counter", "epoch", "mark", "slot", "version")

    aval: Aval
    array: Any
    epoch: Epoch
    slot: int


class Step:
    """An op with its static arguments and where its operands come from: a slot, the type of a
    Python number, or None. An input that enters the tape is a step without an op."""

    __slots__ = ("op", "operands", "specs", "statics")

    def __init__(self, op: BaseOp | None, operands: tuple, statics: tuple, specs: tuple[Spec, ...]):
        self.op = op
        self.operands = operands
        self.statics = statics
        self.specs = specs


class Node:
    """A place in the trie: everything recorded from the root to here."""

    __slots__ = (
        "across", "avals", "children", "cut", "depth", "end", "numbers", "parent", "places", "plans", "programs",
        "slot", "state", "step", "walks", "where",
    )  # fmt: skip

    def __init__(self, parent: Node | None, step: Step | None, avals: tuple[Aval, ...], where: str):
        self.parent = parent
        self.step = step
        self.avals = avals
        self.where = where
        # By an op's key, or by the aval of an input that enters.
        self.children: dict[Any, Node] = {} if parent is None else parent.children.__class__()
        self.plans: dict[Any, Any] = {}  # gradients of this step, by which operands need one
        self.walks: dict | None = None  # backward walks that started here: see replay.py
        self.programs: list = []
        self.state: Any = None  # what flush knows of runs that ended here
        self.cut = False
        self.places: frozenset = frozenset()  # the devices of all that was recorded up to here
        self.across = False  # a step read from another device than its result's
        if parent is None:
            self.depth = self.slot = self.end = self.numbers = 0
        else:
            assert step is not None
            self.places = parent.places.union(a.device for a in avals)
            if len(self.places) == len(parent.places):
                self.places = parent.places
            if len(self.places) > 1:
                met = {s.device for s in (*step.specs, *avals) if isinstance(s, Aval)}
                self.across = parent.across or len(met) > 1
            self.depth = parent.depth + 1
            self.slot = parent.end
            self.end = self.slot + len(avals)
            self.numbers = parent.numbers + sum(isinstance(x, type) for x in step.operands)


class Epoch:
    """What one thread has recorded since its last flush."""

    __slots__ = ("error", "graph", "leaves", "links", "lock", "node", "numbers", "plain", "tape", "values", "writes")

    def __init__(self, tape: Tape | None, node: Node):
        self.tape = tape
        self.node = node
        self.values: list[Value] = []  # None for one that nobody could hold
        self.numbers: list = []
        self.lock = threading.Lock()
        self.error: BaseException | None = None
        # What replay.py knows of the autograd graph made since the last flush.
        self.graph: list = []  # its nodes
        self.links: list = []  # how each was made and what it is linked to; None on the tape of a row
        self.leaves: dict = {}  # accumulating nodes, numbered
        self.plain = True  # no edge leads out of it
        self.writes = -1  # writes to any tensor, counted when the first of the graph's nodes was made


class Tape:
    """The recording state of one thread, and its autograd modes."""

    def __init__(self) -> None:
        self.rows: Any = None  # the tape itself, while one row is recorded on it: see rows.py
        self.autocast: Any = None  # gives the operands an op takes instead, while autocast is on
        self.casting: Any = None  # autocast's settings: see _declare/autocast.py
        self.epoch = Epoch(self, root(self))
        self.aliases: dict[int, tuple[Value, Value]] = {}
        self.grad_enabled = True
        self.inference = False
        self.sequence = 0  # numbers grad nodes in the order of the forward
        self.capture: Any = None  # what torch.compile notes of the function that runs: see capture.py
        self.word: Any = None  # the last program's indexing steps and error word, not looked at yet
        self.saving: list = []  # pairs of functions that keep what grad nodes save in another form: see saved.py
        self.saving_refused: str | None = None  # why there may be none
        self.mutation: Any = None  # keeps what is saved while saved tensors may be written
        self.walk: Any = None  # the backward that runs
        self.shadow: Any = None  # the program under way, when what it computes is checked: see shadow.py


class NoTape:
    """In the place of a tape: that of values which are recorded and never computed, see rows.py."""

    def __init__(self, error: Callable[[], Exception]):
        self.error = error


class _Threads(threading.local):
    def __init__(self) -> None:
        self.tape = Tape()


class ForwardMode:
    """Whether ops pass tangents on: see forward.py. One for the process, as torch's level is."""

    level = -1
    active = False
    passer: Any = None  # forward.py, once a level was entered


class Unseen(dict):
    """Children of a node that `get`, and so no fast path, finds; `setdefault` does."""

    def get(self, key: Any, default: Any = None) -> Any:
        return default


class GraphWatch:
    """Who wants to see each new grad node: hooks on what nodes save, anomaly detection. One for the process."""

    active = 0  # how many there are
    made: Any = None  # called with the tape, the node and its operands: see saved.py


forward_mode = ForwardMode()
graph_watch = GraphWatch()
_roots: dict[str, Node] = {}


def root(tape: Tape) -> Node:
    """The trie's root. Result dtypes depend on the default dtype, so each has its own trie; so have forward mode and
    autocast."""
    name = get_default_dtype().name
    if forward_mode.level >= 0:
        name = f"{name}, forward mode"
    if tape.autocast is not None:
        name = f"{name}, autocast"
    if tape.rows is not None:
        name = f"{name}, rows"
    found = _roots.get(name)
    if found is None:
        found = Node(None, None, (), "")
        found.children = _children(tape)
        found = _roots.setdefault(name, found)
    return found


def _children(tape: Tape) -> dict:
    """Where steps are looked for by the fast paths only if nothing is to be done beside recording them."""
    return Unseen() if forward_mode.level >= 0 or tape.autocast is not None or tape.rows is not None else {}


def switch_autocast(tape: Tape, casting: Any) -> None:
    """Says what casts the operands of this thread's ops from now on, or None: in the trie, a place without a step."""
    tape.autocast = casting
    epoch = tape.epoch
    parent = epoch.node
    if parent.parent is None:
        tape.epoch = Epoch(tape, root(tape))
        return
    key = "autocast" if casting is not None else "no autocast"
    node = dict.get(parent.children, key)
    if node is None:
        node = Node(parent, Step(None, (), (), ()), (), user_line())
        node.children = _children(tape)
        node = parent.children.setdefault(key, node)
    epoch.node = node


class Settings:
    """Process-wide switches, read from the environment once. `jtorch.config` shows them."""

    __slots__ = ("check", "eager", "max_bytes", "max_steps", "tier")

    def __init__(self) -> None:
        self.check = os.environ.get("JTORCH_CHECK", "") not in ("", "0")
        self.eager = os.environ.get("JTORCH_EAGER", "") not in ("", "0")
        self.tier = os.environ.get("JTORCH_TIER", "")
        self.max_steps = 8192
        self.max_bytes = 2 << 30


settings = Settings()
threads = _Threads()


def current() -> Tape:
    """The tape of this thread."""
    return threads.tape


_done = Epoch(None, Node(None, None, (), ""))


def concrete(array: Any, aval: Aval) -> Value:
    """A value that already exists as a `jax.Array`."""
    v = Value()
    v.array = array
    v.aval = aval
    v.epoch = _done
    v.slot = -1
    return v


def enter(tape: Tape, value: Value) -> Value:
    """Makes a concrete value an input of the open epoch and returns it, or its stand-in on this tape.

    A value belongs to the thread that first used it: another thread never writes its slot.
    """
    if tape.rows is not None:
        return tape.rows.stand_in(value)
    owner = value.epoch.tape
    if owner is not None and owner is not tape:
        pair = tape.aliases.get(id(value))
        if pair is None:
            force(value)
            pair = (value, concrete(value.array, value.aval))
            pair[1].epoch = Epoch(tape, _done.node)
            tape.aliases[id(value)] = pair
        value = pair[1]
        if value.epoch is tape.epoch:
            return value
    if value.array is None:
        force(value)
    return put(tape, value)


def put(tape: Tape, value: Value) -> Value:
    """Makes a value an input of the open epoch."""
    while True:
        epoch = tape.epoch
        parent = epoch.node
        node = dict.get(parent.children, value.aval)
        if node is None:
            node = _extend(parent, value.aval, None, (), (), (), (value.aval,))
        if tape.epoch is epoch and epoch.node is parent:
            value.slot = node.slot
            value.epoch = epoch
            epoch.node = node
            epoch.values.append(value)
            return value


def record(tape: Tape, op: BaseOp, operands: Sequence, statics: tuple) -> tuple[Node, list[Value]]:
    """Records one step and returns its node and the pending results.

    `operands` are values, Python numbers or None. Numbers are data: the key holds their type only.
    """
    while True:
        epoch = tape.epoch
        key = [op, statics]
        numbers = None
        for x in operands:
            if x.__class__ is Value:
                if x.epoch is not epoch:
                    x = enter(tape, x)
                key.append(x.slot)
            elif x is None:
                key.append(None)
            else:
                key.append(x.__class__)
                numbers = [x] if numbers is None else [*numbers, x]
        key = tuple(key)
        parent = epoch.node
        node = parent.children.get(key)
        if node is None:
            node = grow(tape, parent, key, op, operands, statics)
        outs = pending(epoch, node.avals, node.slot)
        if tape.epoch is epoch and epoch.node is parent:
            epoch.node = node
            epoch.values += outs
            if numbers:
                epoch.numbers += numbers
            if node.cut:
                flush(tape)
            return node, outs


def pending(epoch: Epoch, avals: tuple[Aval, ...], slot: int) -> list[Value]:
    """Values to come for consecutive slots of an epoch, not yet put on it."""
    values = []
    for aval in avals:
        v = Value()
        v.array = None
        v.aval = aval
        v.epoch = epoch
        v.slot = slot
        slot += 1
        values.append(v)
    return values


def grow(tape: Tape, parent: Node, key: tuple, op: BaseOp, operands: Sequence, statics: tuple) -> Node:
    """The slow path of `record`: a step never seen after this node, or one hidden from the fast paths."""
    found = dict.get(parent.children, key)
    if found is not None:
        return found
    if parent.depth >= settings.max_steps and tape.rows is None:
        flush(tape)
        return parent  # the caller's check fails, and it starts again from the root
    specs = tuple(x.aval if x.__class__ is Value else None if x is None else x.__class__ for x in operands)
    return _extend(parent, key, op, key[2:], statics, specs, infer(op, specs, statics))


def _extend(
    parent: Node, key: Any, op: BaseOp | None, operands: tuple, statics: tuple, specs: tuple, avals: tuple
) -> Node:
    node = Node(parent, Step(op, operands, statics, specs), avals, user_line())
    node.cut = settings.eager and op is not None
    return parent.children.setdefault(key, node)


_shapes: dict[tuple, tuple[Aval, ...]] = {}


def infer(op: BaseOp, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
    """Shapes and dtypes of an op's results, memoised; errors are the op's own, in torch's words."""
    key = (op, specs, statics, get_default_dtype())
    found = _shapes.get(key)
    if found is None:
        found = _shapes.setdefault(key, op.infer(specs, statics))
    return found


def force(value: Value) -> Any:
    """The concrete `jax.Array` of a value, running what is pending."""
    if threads.tape.capture is not None:
        threads.tape.capture.stop(threads.tape, "a value is needed in Python")
    if value.array is None:
        epoch = value.epoch
        owner = epoch.tape
        assert owner is not None
        if owner.__class__ is NoTape:
            rows = threads.tape.rows
            if rows is None or not rows.has(value):
                raise owner.error()
            return rows.force(value)
        if owner is threads.tape:
            if owner.epoch is epoch:
                flush(owner)
        else:
            _flusher.run_foreign(epoch, value)
        if value.array is None:
            if epoch.error is not None:
                raise epoch.error
            raise RuntimeError("jtorch: the program that was to compute this value did not finish")
    owner = value.epoch.tape or threads.tape
    if owner.word is not None:
        _flusher.look(owner)
    return value.array


class _Flusher(Protocol):
    def run(self, tape: Tape) -> None: ...

    def run_foreign(self, epoch: Epoch, value: Value) -> None: ...

    def look(self, tape: Tape) -> None: ...


_flusher: _Flusher


def install_flusher(flusher: _Flusher) -> None:
    """Given by flush.py, which stands above this file."""
    global _flusher
    _flusher = flusher


def flush(tape: Tape) -> None:
    """Runs everything pending on a tape."""
    _flusher.run(tape)
