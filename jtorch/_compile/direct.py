"""The short way to replay a captured call: arrays go from its tensors into the program and back.

What `Entry` works out by slots is laid out here once, by the places of the program's inputs and results. A call in
which somebody else holds what the program overwrites takes the long way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from sys import getrefcount
from typing import TYPE_CHECKING, Any

from jtorch._engine import backend
from jtorch._engine.flush import flusher
from jtorch._engine.handle import Handle, read, wrap, writes
from jtorch._engine.program import Program
from jtorch._engine.tape import Tape, Value, concrete, force
from jtorch._engine.writing import replace_value, write_value

if TYPE_CHECKING:
    from jtorch._compile.entry import Entry


class Targets:
    """Tensors that results go to: those found in the scene, and arguments."""

    def __init__(self, entry: Entry, pairs: Iterable[tuple[int, int | None]], place: dict[int, int]):
        at = [(i, None if slot is None else place[slot]) for i, slot in pairs]
        self.found = [(entry.found[i - entry.count], out) for i, out in at if i >= entry.count]
        self.given = [(i, out) for i, out in at if i < entry.count]

    def of(self, arguments: list[Handle]) -> list[tuple[Handle, Any]]:
        """Each tensor and the place of its result; None for nothing."""
        return [*self.found, *((arguments[i], out) for i, out in self.given)] if self.given else self.found


class Direct:
    """The layout of one entry's replay by one program."""

    def __init__(self, entry: Entry, program: Program):
        at = {slot: i for i, slot in enumerate(program.inputs)}
        given, found, grads, drawn, constants = entry.inputs
        self.program = program
        self.tensors: list[Any] = [None] * len(at)  # in the order of the inputs; None for what is not known yet
        for slot, h in found:
            self.tensors[at[slot]] = h
        for slot, value in constants:
            self.tensors[at[slot]] = wrap(value)
        self.given = [(at[slot], i) for slot, i in given]
        self.grads = [(at[slot], i) for slot, i in grads]
        self.drawn = [(at[slot], i) for slot, i in drawn]
        place = {slot: i for i, slot in enumerate(program.order)}
        self.written = Targets(entry, entry.written, place)
        self.new_grads = Targets(entry, entry.new_grads, place)
        self.changed_grads = Targets(entry, entry.changed_grads, place)
        self.results = [(r, None) if r.__class__ is int else (r, place[r.slot]) for r in entry.results]

    @staticmethod
    def fits(entry: Entry, program: Program) -> bool:
        """True for a program that takes what the entry knows and overwrites only what it replaces."""
        if list(program.inputs) != entry.slots:
            return False
        replaced = {id(entry.found[i - entry.count]) for i, _ in entry.written if i >= entry.count}
        overwritten = {program.inputs[p] for p in program.donated}
        return overwritten <= {slot for slot, h in entry.inputs.found if id(h) in replaced}

    def call(self, entry: Entry, tape: Tape, arguments: list[Handle], drawn: list[Handle], numbers: list) -> Any:
        """Runs the program on what its inputs are now; None when the long way must be taken."""
        program = self.program
        tensors = self._inputs(entry, arguments, drawn)
        if program not in flusher.programs:
            return None
        args = _arrays(tensors)
        for p in program.donated:
            h = tensors[p]
            alone = h._cell is None and getrefcount(h._v) <= _VALUE_REFS and getrefcount(args[p]) <= _ARRAY_REFS
            if not alone or backend.is_tracer(args[p]):
                return None
        results = flusher.call(program, args, numbers)
        self._place(arguments, results)
        flusher.watch(tape, program, results)
        return results

    def _inputs(self, entry: Entry, arguments: list[Handle], drawn: list[Handle]) -> list:
        tensors = self.tensors
        if self.given or self.grads or self.drawn:
            tensors = tensors.copy()
            for p, i in self.given:
                tensors[p] = arguments[i]
            for p, i in self.grads:
                tensors[p] = entry.tensor(i, arguments)._grad
            for p, i in self.drawn:
                tensors[p] = drawn[i]
        return tensors

    def _place(self, arguments: list[Handle], results: tuple) -> None:
        """Puts results into tensors and gradients. A value that only its tensor holds is filled anew."""
        written = self.written.of(arguments)
        for h, out in written:
            if h._cell is None and getrefcount(h._v) <= _VALUE_REFS:
                h._v.array = results[out]
                h._own_version += 1
            else:
                _write(h, results[out])
        writes.count += len(written)
        for h, out in self.changed_grads.of(arguments):
            _write(h._grad, results[out])
        for h, out in self.new_grads.of(arguments):
            h._grad = None if out is None else wrap(concrete(results[out], h._v.aval))

    def outcome(self, entry: Entry, arguments: list[Handle], results: tuple) -> list:
        """The tensors that the call returns."""
        return [
            entry.tensor(r, arguments) if out is None else r.tensor(concrete(results[out], entry.avals[r.slot]))
            for r, out in self.results
        ]


def _arrays(tensors: list[Handle]) -> list:
    """What tensors hold now; what is pending runs."""
    args = []
    for h in tensors:
        v = h._v if h._cell is None else read(h)
        args.append(force(v) if v.array is None else v.array)
    return args


def _write(h: Handle, array: Any) -> None:
    value = concrete(array, h._v.aval)
    if h._cell is None:
        replace_value(h, value)
    else:
        write_value(h, value)


def _calibrate() -> tuple[int, int]:
    """Reference counts, seen from `Direct.call`, of a value that one tensor holds and of its array: they differ by
    Python version."""
    h = Handle()
    h._v = Value()
    h._v.array = object()
    tensors, args = [h], [h._v.array]
    return getrefcount(tensors[0]._v), getrefcount(args[0])


_VALUE_REFS, _ARRAY_REFS = _calibrate() if sys.implementation.name == "cpython" else (-1, -1)
