"""What the engine did in this process: programs, recompiles and their cause, time, memory."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from jtorch._engine import backend, options

if TYPE_CHECKING:
    from jtorch._engine.program import Program
    from jtorch._engine.tape import Node

clock = time.perf_counter
counts = {"flushes": 0, "whole_programs": 0, "draft_programs": 0, "op_programs": 0, "whole_runs": 0, "ops_executed": 0}
_op_seconds: dict[str, float] = {}


class Record:
    """One whole program's line in the report; it outlives the program."""

    def __init__(self, program: Program, node: Node, effort: str):
        self.effort = effort
        self.steps = program.steps
        self.outs = len(program.outs)
        self.donated = len(program.donated)
        self.compile_seconds = program.compile_seconds
        self.runs = 0
        self.seconds = 0.0
        self.peak_bytes = backend.peak_bytes(program.compiled)
        self.end = node.where
        self.cause = cause(node)


_records: list[Record] = []


def program_compiled(program: Program, node: Node, effort: str) -> Record:
    """Notes a whole program or the draft of one, and returns its record."""
    counts["draft_programs" if effort == options.DRAFT else "whole_programs"] += 1
    record = Record(program, node, effort)
    _records.append(record)
    return record


def op_compiled(name: str, seconds: float) -> None:
    """Notes a per-op program."""
    counts["op_programs"] += 1
    _op_seconds[name] = _op_seconds.get(name, 0.0) + seconds


def counters() -> dict[str, int]:
    """Counts since import: flushes, programs compiled, runs, ops executed."""
    return dict(counts)


def parting(node: Node) -> Node | None:
    """The nearest place at which this path left another one recorded before."""
    child, parent = node, node.parent
    while parent is not None:
        if len(parent.children) > 1 and next(iter(parent.children.values())) is not child:
            return parent
        child, parent = parent, parent.parent
    return None


def cause(node: Node) -> str:
    """Why this path needed a program of its own: the op and the user's line where it parted."""
    place = parting(node)
    if place is None:
        return "recompiled for another set of live results" if node.programs else "first"
    child = node
    while child.parent is not place:
        assert child.parent is not None
        child = child.parent
    step = child.step
    assert step is not None
    before = next(iter(place.children.values()))
    input_of = "input " if step.op is None and child.avals else ""
    was = "" if before.step is None else f", before: {_step_of(before)}"
    return f"parted at {input_of}{_step_of(child)} ({child.where}{was})"


def _step_of(node: Node) -> str:
    """A step as the report names it: its op, the input that enters, or that autocast is switched."""
    if node.step is not None and node.step.op is not None:
        return node.step.op.name
    return str(node.avals[0]) if node.avals else "autocast"


def explain(file: TextIO | None = None) -> None:
    """Prints the programs of this process: steps, runs, compile and run time, peak memory, and for
    every recompile the op and the user's line at which the recorded path left the known one.

    >>> import jtorch as torch
    >>> float((torch.ones(2) + 1).sum())
    4.0
    >>> torch.explain()  # doctest: +ELLIPSIS
    jtorch: ...
    """
    out = sys.stdout if file is None else file
    print(
        f"jtorch: {counts['flushes']} flushes, {counts['whole_programs']} whole programs, "
        f"{counts['draft_programs']} drafts of some "
        f"({sum(r.compile_seconds for r in _records):.2f} s to compile), {counts['op_programs']} per-op programs "
        f"({sum(_op_seconds.values()):.2f} s), {counts['ops_executed']} ops executed",
        file=out,
    )
    if _records:
        print("  steps   runs  compile s     run s    peak MB  ends at; effort; cause", file=out)
    for r in _records:
        print(
            f"  {r.steps:5d}  {r.runs:5d}  {r.compile_seconds:9.3f} {r.seconds:9.3f} {r.peak_bytes / 1e6:10.2f}"
            f"  {r.end}; {r.effort}; {r.cause}",
            file=out,
        )
    for option in options.refused():
        print(f"  compile option not known to this XLA, dropped: {option}", file=out)
