"""When and how what is pending runs.

A flush happens when a value is needed, at natural ends of work (an optimizer's step, the next
batch, the return of the outermost module without gradients) and when the tape grows past a limit.
Everything alive is computed by the same program, so nothing is computed twice.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from sys import getrefcount

from jtorch._engine import backend, explain, options
from jtorch._engine.aval import NO_DATA
from jtorch._engine.program import (
    MOST_PROGRAMS,
    Program,
    is_told,
    missing_op_programs,
    needed,
    path,
    raise_fault,
    run_op_by_op,
)
from jtorch._engine.shadow import FusedProgramDiffers, shadow_of
from jtorch._engine.tape import Epoch, Node, Tape, Value, current, flush, install_flusher, root, settings, threads
from jtorch._types.device import cpu, device, meta
from jtorch._types.device_errors import as_torch

# What compiling costs, measured: it decides the tier, so it is a constant and never a clock.
_DRAFT_SECONDS = 0.1
_STEP_SECONDS = 0.003
_OP_SECONDS = 0.03
_DRAFT_BYTES_PER_SECOND = 3 << 28  # what a draft's run loses against a full program's, on CPU
_FULL_STEP_SECONDS = 0.01
_MAX_WHOLE_PER_PARTING = 8
_PROGRAM_BYTES_PER_STEP = 110_000  # of resident memory: 60 programs of a small GPT's step took 12.6 MB each
_SHORT_STEPS = 64  # up to here the full program costs little more than a draft and then both
_SOFT_STEPS = 1024  # past this a backward's or a module's end flushes


class State:
    """What is known of runs that ended at one node."""

    __slots__ = ("live", "parted", "seen")

    def __init__(self) -> None:
        self.seen = 0
        self.live: dict[device, set[int]] = {}  # by device: union of the live sets seen here
        self.parted = 0  # whole programs compiled below this node, counted where paths part


class Flusher:
    """Runs epochs. One per process; programs are compiled under its lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.ticks = itertools.count(1)
        self.programs: dict[Program, Node] = {}
        self.bytes = 0
        self.max_bytes = min(3 << 29, _ram() // 10)
        self.drafted: set[tuple] = set()  # keys of per-op programs that drafts stood in for

    def run(self, tape: Tape, whole: bool = False) -> None:
        """Cuts the tape, then runs what was on it; `whole`: as one program even at first sight."""
        if tape.rows is not None:
            return
        if tape.capture is not None:
            tape.capture.stop(tape, "what is recorded must run")
        epoch = tape.epoch
        if epoch.node.parent is None:
            return
        tape.epoch = Epoch(tape, root(tape))
        tape.aliases.clear()
        epoch.graph, epoch.links, epoch.leaves, epoch.plain = [], [], {}, False
        with epoch.lock:
            try:
                self._execute(epoch, whole)
            finally:
                epoch.values = []
                epoch.numbers = []

    def run_foreign(self, epoch: Epoch, value: Value) -> None:
        """Computes one value of another thread's open epoch without disturbing it."""
        if value.aval.device == meta:
            value.array = NO_DATA
            return
        with epoch.lock:
            if value.array is None and epoch.error is None and epoch.values:
                run_op_by_op(epoch.node, (value.slot,), list(epoch.values), list(epoch.numbers))

    def _execute(self, epoch: Epoch, whole: bool) -> None:
        live = _live(epoch.values)
        if not live:
            return
        explain.counts["flushes"] += 1
        if len(epoch.node.places) == 1 and meta not in epoch.node.places:
            self._execute_part(epoch, live, whole)
            return
        parts = _by_device(live, epoch.values)
        # Where one device's program reads another's inputs, only the last may overwrite its own.
        held = [v.array for v in epoch.values if v is not None] if epoch.node.across else []
        for i, part in enumerate(parts):
            if i == len(parts) - 1:
                held.clear()
            self._execute_part(epoch, part, whole)

    def _execute_part(self, epoch: Epoch, live: tuple[int, ...], whole: bool) -> None:
        """Computes values of one device."""
        values, node = epoch.values, epoch.node
        try:
            program = self.program_for(node, live, values) if whole else self._program(node, live, values)
            if program is None:
                run_op_by_op(node, live, values, epoch.numbers)
            else:
                self.run_program(program, node, values, epoch.numbers)
        except FusedProgramDiffers:
            raise
        except Exception as first:  # whatever XLA raises, one more try follows
            if isinstance(first, IndexError) or is_told(first):
                raise
            self._retry(epoch, live, first)

    def _retry(self, epoch: Epoch, live: tuple[int, ...], first: Exception) -> None:
        """One more try, op by op and without donation; then the values are poisoned."""
        try:
            run_op_by_op(epoch.node, live, epoch.values, epoch.numbers)
        except Exception as error:  # noqa: BLE001 - it is raised again, as torch's
            lines = [n.where for n in path(epoch.node) if n.step and n.step.op]
            error.add_note(f"jtorch: while running operations recorded from {lines[0]} to {lines[-1]}")
            epoch.error = as_torch(error)
            raise epoch.error from first

    def run_program(self, program: Program, node: Node, values: list[Value], numbers: list) -> None:
        """Runs a program on the values of its inputs, which stand in `values` by slot, as those of its results do."""
        held = [p for p in program.donated if not _donatable(values, program.inputs[p])]
        if held:
            program.copied += 1
            if program.copied > 1:
                self._forget(program)
                with self.lock:
                    program = self._compile(node, program.outs, None)
            else:
                for p in held:
                    _replace_by_copy(values, program.inputs[p])
        else:
            program.copied = 0
        results = self.call(program, [values[s].array for s in program.inputs], numbers)
        for slot, array in zip(program.order, results, strict=False):
            values[slot].array = array
        self.watch(threads.tape, program, results)

    def call(self, program: Program, args: list, numbers: list) -> tuple:
        """A program's results for the arrays of its inputs and the epoch's numbers."""
        if settings.check:
            threads.tape.shadow = shadow_of(program, args, numbers)
        args.append(program.pack([numbers[i] for i in program.picks]))
        program.last_run = next(self.ticks)
        program.record.runs += 1
        explain.counts["whole_runs"] += 1
        explain.counts["ops_executed"] += program.steps
        started = explain.clock()
        results = program.compiled(*args)
        program.record.seconds += explain.clock() - started
        return results

    def watch(self, tape: Tape, program: Program, results: tuple) -> None:
        """Keeps the program's error word and looks at the one before.

        A word is looked at when the next program is under way or when a value is needed in Python: until then the
        host records while the program runs."""
        earlier, tape.word = tape.word, (program.checked, results[-1]) if program.checked else None
        if earlier is not None:
            raise_fault(*earlier)
        if settings.check and tape.shadow is not None:
            shadow, tape.shadow = tape.shadow, None
            self.look(tape)
            shadow.compare(results)

    def look(self, tape: Tape) -> None:
        """Waits for a tape's last program and raises its error, if an index was out of range or a number refused."""
        found, tape.word = tape.word, None
        if found is not None:
            raise_fault(*found)

    def _program(self, node: Node, live: tuple[int, ...], values: list[Value]) -> Program | None:
        """A program whose outputs include `live`, or None to run op by op."""
        found = _serving(node, live)
        if found is not None:
            return found
        wanted = set(live)
        with self.lock:
            state = node.state
            if state is None:
                state = node.state = State()
            state.seen += 1
            known = state.live.setdefault(values[live[0]].aval.device, set())
            known |= wanted
            effort = self._effort(node, state, live)
            if effort == options.OP:
                return None
            if effort == options.DRAFT:
                return self._draft(node, live, values)
            return self._compile(node, tuple(sorted(known)), values)

    def program_for(self, node: Node, outs: tuple[int, ...], values: list[Value]) -> Program:
        """A program whose outputs include `outs`, compiled if there is none."""
        found = _serving(node, outs)
        if found is None:
            with self.lock:
                found = self._compile(node, outs, values)
        return found

    def _effort(self, node: Node, state: State, live: tuple[int, ...]) -> str:
        """The tier. It depends on this process's history of tapes alone, never on time or disk."""
        if settings.eager or settings.tier == options.OP:
            return options.OP
        if settings.tier == options.DRAFT:
            return options.DRAFT
        if settings.tier == options.FULL or node.programs or state.seen > 1:
            return options.FULL
        steps, _ = needed(path(node), live)
        missing = missing_op_programs(steps)
        whole = _DRAFT_SECONDS + _STEP_SECONDS * len(steps)
        if _OP_SECONDS * len(missing) <= whole or (self._braked(node) and self._recur(missing)):
            return options.OP
        self.drafted |= missing
        if len(steps) <= _SHORT_STEPS and not self._braked(node):
            return options.FULL
        moved = sum(a.nbytes for n in steps for a in n.avals)
        slow = moved / _DRAFT_BYTES_PER_SECOND > _FULL_STEP_SECONDS * len(steps)
        return options.FULL if slow else options.DRAFT

    def _recur(self, missing: set[tuple]) -> bool:
        """True when the steps were mostly met in drafts before: per-op programs will be shared. Where each path has
        shapes of its own they will not."""
        return 2 * len(missing & self.drafted) > len(missing)

    def _braked(self, node: Node) -> bool:
        """True when many paths were already compiled where this one left the others."""
        parting = explain.parting(node)
        return parting is not None and parting.state is not None and parting.state.parted >= _MAX_WHOLE_PER_PARTING

    def _draft(self, node: Node, outs: tuple[int, ...], values: list[Value]) -> Program:
        """A path met for the first time, compiled in haste for one run."""
        _count_parting(node)
        return Program(node, outs, lambda slot: _donatable(values, slot), options.DRAFT)

    def _compile(self, node: Node, outs: tuple[int, ...], values: list[Value] | None) -> Program:
        program = Program(node, outs, lambda slot: values is not None and _donatable(values, slot))
        node.programs.insert(0, program)
        _count_parting(node)
        self.programs[program] = node
        self.bytes += program.steps * _PROGRAM_BYTES_PER_STEP
        while (self.bytes > self.max_bytes or len(self.programs) > MOST_PROGRAMS) and len(self.programs) > 1:
            self._forget(min((p for p in self.programs if p is not program), key=lambda p: p.last_run))
        return program

    def _forget(self, program: Program) -> None:
        node = self.programs.pop(program, None)
        if node is not None:
            node.programs.remove(program)
            self.bytes -= program.steps * _PROGRAM_BYTES_PER_STEP


def _serving(node: Node, outs: tuple[int, ...]) -> Program | None:
    """A program of a node whose outputs include `outs`."""
    for program in node.programs:
        if program.outs == outs:
            return program
    wanted = set(outs)
    for program in node.programs:
        if wanted <= program.outset:
            return program
    return None


def _count_parting(node: Node) -> None:
    """Notes at the place where a path left the others that it was compiled whole."""
    parting = explain.parting(node)
    if parting is not None:
        if parting.state is None:
            parting.state = State()
        parting.state.parted += 1


def _live(values: list[Value]) -> tuple[int, ...]:
    """Slots of pending values somebody outside the tape holds."""
    return tuple([v.slot for v in values if v is not None and v.array is None and getrefcount(v) > _VALUE_REFS])


def _by_device(live: tuple[int, ...], values: list[Value]) -> list[tuple[int, ...]]:
    """Live slots by device, the CPU's last. Those on `meta` are done with."""
    groups: dict[device, list[int]] = {}
    for slot in live:
        groups.setdefault(values[slot].aval.device, []).append(slot)
    for slot in groups.pop(meta, ()):
        values[slot].array = NO_DATA
    return [tuple(groups[place]) for place in sorted(groups, key=lambda place: (place == cpu, str(place)))]


def _donatable(values: list[Value], slot: int) -> bool:
    """True for an input whose value and array nobody but the tape holds."""
    return (
        getrefcount(values[slot]) <= _DONOR_REFS
        and getrefcount(values[slot].array) <= _ARRAY_REFS
        and not backend.is_tracer(values[slot].array)
    )


def _replace_by_copy(values: list[Value], slot: int) -> None:
    """Puts a copy in the place of an input that is to be donated but turns out to be held."""
    held = values[slot]
    stand_in = Value()
    stand_in.aval, stand_in.epoch, stand_in.slot = held.aval, held.epoch, held.slot
    stand_in.array = backend.copy_of(held.array)
    values[slot] = stand_in


def _calibrate() -> tuple[int, int, int]:
    """Reference counts of a value that only the tape holds: they differ by Python version."""
    values = [Value()]
    values[0].array = None
    in_loop = [getrefcount(v) for v in values][0]
    values[0].array = object()
    return in_loop, getrefcount(values[0]), getrefcount(values[0].array)


def _ram() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 << 30


def end_of_work() -> None:
    """A natural end: an optimizer's step, the next batch, a module's return without gradients."""
    tape = current()
    if tape.capture is None:
        flush(tape)


def stable_point() -> None:
    """The end of a backward or of a module: a long tape is cut here, so that the cut is found again."""
    tape = current()
    if tape.epoch.node.depth > _SOFT_STEPS and tape.capture is None:
        flush(tape)


_VALUE_REFS, _DONOR_REFS, _ARRAY_REFS = _calibrate() if sys.implementation.name == "cpython" else (-1, -1, -1)
flusher = Flusher()
install_flusher(flusher)
