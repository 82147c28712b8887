"""Whole programs: written as they run, and what many of them found."""

from __future__ import annotations

import collections
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compat_tests.fuzz.choosing import Chooser, Seeded
from compat_tests.fuzz.lines import next_line
from compat_tests.fuzz.programs import Difference, Line, Run, seen, shrunk

EACH = 250  # programs between two reports of a long run


@dataclass
class Program:
    """What was run, and what differed."""

    lines: list[Line]
    lazy: bool
    found: list[Difference]


def written(choose: Chooser) -> Program:
    """A program of 5 to 40 lines; it ends early where the sides part."""
    run, found = Run(lazy=choose.integer(0, 3) == 0), []
    for _ in range(choose.integer(5, 40)):
        one = run.step(next_line(run, choose))
        if one is not None:
            found.append(one)
            if one.fatal:
                return Program(run.lines, run.lazy, found)
        run.drop_large()
    one = run.end()
    return Program(run.lines, run.lazy, [*found, one] if one is not None else found)


class Finds:
    """What many programs found."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[int]] = collections.defaultdict(set)
        self.ops: collections.Counter = collections.Counter()
        self.differences: dict[str, dict] = {}
        self.statements = 0

    def add(self, number: int, program: Program) -> None:
        self.statements += len(program.lines)
        for line in program.lines:
            self.kinds[line.kind].add(number)
            self.ops[line.name] += 1
        for one in program.found:
            if one.key not in self.differences:
                self.differences[one.key] = self.shown(program, one)
            self.differences[one.key]["programs"].append(number)

    def shown(self, program: Program, one: Difference) -> dict:
        text = [line.text for line in shrunk(program.lines, program.lazy, one)]
        print(f"\n#{' lazy:' * program.lazy} {one.key}\n# {one.words[:400]}", *text, sep="\n", flush=True)
        return {"lazy": program.lazy, "words": one.words, "lines": text, "programs": []}

    def report(self, programs: int, seconds: float) -> dict:
        return {
            "programs": programs, "statements": self.statements,
            "kinds": {kind: len(found) for kind, found in sorted(self.kinds.items())},
            "ops": dict(self.ops.most_common()), "differences": self.differences, "known": dict(seen.most_common()),
            "seconds": round(seconds),
        }  # fmt: skip


def reports(programs: Iterable[int], seed: int, seconds: float = math.inf) -> Iterator[dict]:
    """What programs found, told now and then and at the end."""
    finds, began, done = Finds(), time.perf_counter(), 0
    for number in programs:
        if done and time.perf_counter() - began > seconds:
            break
        finds.add(number, written(Seeded(f"{seed}/{number}")))
        done += 1
        if done % EACH == 0:
            yield finds.report(done, time.perf_counter() - began)
    yield finds.report(done, time.perf_counter() - began)


def fuzz(programs: Iterable[int], seed: int) -> dict:
    """What programs found."""
    *_, last = reports(programs, seed)
    return last
