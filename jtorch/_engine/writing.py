"""Writing to a tensor in place: the value, its version, and its history in the autograd graph."""

from __future__ import annotations

from sys import getrefcount

from jtorch._engine.geometry import (
    write_through,
)
from jtorch._engine.handle import (
    EngineOp,
    Handle,
    apply,
    overtaken,
    own_cell,
    read,
    relative_chain,
    replay_history,
    version,
    writes,
)
from jtorch._engine.storage import Cell, Counter, Place, SharedCounter
from jtorch._engine.tape import (
    Tape,
    Value,
    forward_mode,
    record,
    threads,
)
from jtorch._types import autograd_errors

WRITE = EngineOp(
    "write", "CopySlices", lambda verbs, root, new, *numbers: write_through(verbs, list(numbers), root, new)
)


def check_inplace(h: Handle, tape: Tape) -> None:
    """torch's rules on what may be written while gradients are recorded."""
    base = h._base
    if tape.grad_enabled and (h._requires_grad or (base is not None and base._requires_grad)):
        if h._made is not None:
            raise autograd_errors.view_inplace(h._made)
        if base is not None and base._node is None:
            raise autograd_errors.leaf_inplace(view=True)
        if h._requires_grad and h._node is None:
            raise autograd_errors.leaf_inplace()
    if h._inference and not tape.inference:
        raise autograd_errors.inference_inplace()


def own_write(target: Handle, result: Handle) -> None:
    """Tells the node that made `result` that writing it into `target` is part of its own operation:
    what it saved of the target's old value stays valid."""
    if result._node is not None:
        result._node.own = read(target)


def assign(h: Handle, new: Handle) -> None:
    """Writes the value of `new`, of the same shape and dtype, into `h`: the end of every in-place op.

    `new` brings the history: `h` becomes what `new` is in the graph. A view is written through its
    base, whose history then includes the write.
    """
    tape = threads.tape
    value = read(new)
    cell = h._cell
    if tape.rows is not None:
        tape.rows.check_history(h, new)
    if forward_mode.active:
        forward_mode.passer.assign(h, new)
    if cell is None:
        replace_value(h, value)
        _take_history(h, new, tape)
        return
    base = h._base
    if base is None:
        write_value(h, value)
        _take_history(h, new, tape)
        return
    if tape.grad_enabled and (new._requires_grad or base._requires_grad):
        if h._made is not None:
            raise autograd_errors.view_inplace(h._made)
        relative = relative_chain(h, base)
        verbs = tuple(v for v, _ in relative)
        numbers = tuple(n for _, ns in relative for n in ns)
        (whole,) = apply(WRITE, (base, new, *numbers), verbs)
        write_value(base, read(whole))
        _take_history(base, whole, tape)
        replay_history(h, base)
        h._at = cell.serial
    else:
        write_value(h, value)


def write_value(h: Handle, value: Value) -> None:
    """Writes a value through a tensor's view into its storage, outside the autograd graph."""
    cell = h._cell
    if cell is None:
        replace_value(h, value)
        return
    rows = threads.tape.rows
    if rows is not None and not rows.has(cell._value):
        rows.write_outside(write_value, h, value)
        return
    root = value
    old = cell.value
    if h._chain:
        numbers = [n for _, ns in h._chain for n in ns]
        verbs = tuple(v for v, _ in h._chain)
        _, (root,) = record(threads.tape, WRITE, (old, value, *numbers), verbs)
    _count(old, h, cell)
    cell.put(root)
    h._v = value
    h._at = cell.serial
    if h._base is not None and h._base._requires_grad:
        if h._made is not None:
            overtaken(h)
        else:
            h._at = _NEVER
    if not h._chain and cell.plain and getrefcount(cell) <= _ALONE and (h._counter is None or h._counter.seen):
        h._cell = None
        h._own_version = cell.version


_NEVER = -1  # of a view written outside the graph: its node is made anew from its base


def _calibrate() -> int:
    """Reference count of a cell that one handle holds, seen from a function like `write_value`."""
    h = Handle()
    h._cell = Cell.__new__(Cell)
    cell = h._cell
    return getrefcount(cell)


_ALONE = _calibrate()  # a cell with one sharer left is given up: the tensor is its own storage again


def replace_value(h: Handle, value: Value) -> None:
    """Writes a tensor that is alone on its storage."""
    old = h._v
    rows = threads.tape.rows
    if rows is not None and not rows.has(old):
        rows.write_outside(replace_value, h, value)
        return
    old.counter = h
    old.version = version(h)
    if hasattr(old, "mark"):
        old.mark.written(h, old.version)
    h._own_version += 1
    if h._counter is not None:
        h._counter.version += 1
    writes.count += 1
    h._v = value


def written(h: Handle) -> None:
    """Counts a write that the engine did not see."""
    if h._cell is None:
        replace_value(h, h._v)
    else:
        _count(h._cell.value, h, h._cell)


def _count(old: Value, h: Handle, cell: Cell) -> None:
    """Counts a write through `h`, which is still to come, and lets a backward that saved `old` see it."""
    counter = h._counter
    if counter is None or counter.seen:
        old.counter = h
        old.version = version(h)
        if hasattr(old, "mark"):
            old.mark.written(h, old.version)
    elif getattr(old, "counter", None) is None:
        old.counter, old.version = Place(cell, cell.version, cell, (), cell.puts), cell.version
    writes.count += 1
    if counter is not None:
        counter.version += 1
    else:
        cell.version += 1
        cell.counted = cell.serial + 1


def _take_history(h: Handle, new: Handle, tape: Tape) -> None:
    if tape.grad_enabled and new._requires_grad:
        h._requires_grad = True
        h._node = new._node
        h._index = new._index
        if new._node is not None and new._hooks is None and h._hooks is not None:
            h._hooks = None
    elif h._node is not None and tape.grad_enabled:
        h._node = None
        h._requires_grad = False


def rebind(h: Handle, other: Handle) -> None:
    """`h.data = other`: `h` shows the other's storage from now on; its old aliases keep theirs, and count with it."""
    cell = own_cell(other)
    held, old, counter = h._cell, h._v, h._counter
    if counter is None or not counter.seen:
        counter = Counter(version(h), True) if held is None else SharedCounter(held)
    h._counter = counter
    if held is None and getattr(old, "counter", None) is None:
        old.counter, old.version = Place(counter, counter.version, cell, other._chain, _NEVER), version(h)
        writes.count += 1
    h._v = read(other)
    h._chain, h._order, h._bent = other._chain, None, other._bent
    h._geometry = other._geometry
    h._cell = cell
    h._at = cell.serial
    h._base = h._made = None
