"""`python -m compat_tests.fuzz --programs N --seed S [--json FILE]`: runs programs and prints what differed, shrunk.

`python -m compat_tests.fuzz value differences|programs|statements|ops|rarest` prints a number of the last run.
"""

import argparse
import collections
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# Most programs run once: compiling each op's program in haste costs least.
os.environ.setdefault("JTORCH_TIER", "op")

from compat_tests.fuzz.choosing import Chooser, Seeded
from compat_tests.fuzz.lines import next_line
from compat_tests.fuzz.programs import Difference, Line, Run, shrunk

REPORT = Path("out/fuzz.json")


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
            if one.key in self.differences:
                self.differences[one.key]["count"] += 1
            else:
                self.differences[one.key] = self.shown(number, program, one)

    def shown(self, number: int, program: Program, one: Difference) -> dict:
        text = [line.text for line in shrunk(program.lines, program.lazy, one)]
        print(f"\n# {number}{', lazy' * program.lazy}: {one.key}\n# {one.words[:400]}", *text, sep="\n", flush=True)
        return {"program": number, "lazy": program.lazy, "words": one.words, "lines": text, "count": 1}


def fuzz(programs: range, seed: int, seconds: float) -> dict:
    finds, began, done = Finds(), time.perf_counter(), 0
    for number in programs:
        finds.add(number, written(Seeded(f"{seed}/{number}")))
        done += 1
        if time.perf_counter() - began > seconds:
            break
    return {
        "programs": done, "first": programs.start, "seed": seed, "statements": finds.statements,
        "kinds": {kind: len(found) for kind, found in sorted(finds.kinds.items())},
        "ops": dict(finds.ops.most_common()), "differences": finds.differences,
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip


def merged(reports: list[dict]) -> dict:
    """Several runs as one."""
    total: dict = {"programs": 0, "statements": 0, "seconds": 0, "kinds": collections.Counter(),
                   "ops": collections.Counter(), "differences": {}}  # fmt: skip
    for report in reports:
        for key in ("programs", "statements", "seconds"):
            total[key] += report[key]
        total["kinds"].update(report["kinds"])
        total["ops"].update(report["ops"])
        for key, one in report["differences"].items():
            known = total["differences"].setdefault(key, {**one, "count": 0})
            known["count"] += one["count"]
    return {**total, "kinds": dict(sorted(total["kinds"].items())), "ops": dict(total["ops"].most_common())}


VALUES = {
    "differences": lambda report: len(report["differences"]),
    "programs": lambda report: report["programs"],
    "statements": lambda report: report["statements"],
    "ops": lambda report: len(report["ops"]),
    "rarest": lambda report: min(report["kinds"].values()),  # programs that have the rarest kind of statement
}


def run(options: argparse.Namespace) -> None:
    report = fuzz(range(options.first, options.first + options.programs), options.seed, options.seconds)
    if options.add and options.json.exists():
        report = merged([json.loads(options.json.read_text()), report])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1))
    for key, value in report.items():
        if key not in ("differences", "ops"):
            print(f"{key}: {value}")
    print("ops:", len(report["ops"]))
    print("value:", len(report["differences"]))


def main() -> None:
    if sys.argv[1:2] == ["value"]:
        print("value:", VALUES[sys.argv[2]](json.loads(REPORT.read_text())))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first program")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no program after that many")
    parser.add_argument("--json", type=Path, default=REPORT)
    parser.add_argument("--add", action="store_true", help="to what the file holds")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
