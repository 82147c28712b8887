"""`python -m compat_tests.fuzz --programs N --seed S [--json FILE]`: runs programs and prints what differed, shrunk."""

import argparse
import collections
import json
import os
import time
from pathlib import Path

# Most programs run once: compiling each op's program in haste costs least.
os.environ.setdefault("JTORCH_TIER", "op")

from compat_tests.fuzz.choosing import Chooser, Seeded
from compat_tests.fuzz.lines import next_line
from compat_tests.fuzz.programs import Difference, Line, Run, shrunk


def written(choose: Chooser) -> tuple[list[Line], bool, Difference | None]:
    """A program of 5 to 40 lines, as far as both sides agree."""
    run = Run(lazy=choose.integer(0, 3) == 0)
    for _ in range(choose.integer(5, 40)):
        found = run.step(next_line(run, choose))
        if found is not None:
            return run.lines, run.lazy, found
        run.drop_large()
    return run.lines, run.lazy, run.end()


def fuzz(programs: int, seed: int) -> dict:
    kinds: dict[str, set[int]] = collections.defaultdict(set)
    names: collections.Counter = collections.Counter()
    differences: dict[str, dict] = {}
    statements, began = 0, time.perf_counter()
    for number in range(programs):
        lines, lazy, found = written(Seeded(f"{seed}/{number}"))
        statements += len(lines)
        for line in lines:
            kinds[line.kind].add(number)
            names[line.name] += 1
        if found is not None:
            key = f"{lines[found.line].name}: {found.what}"
            if key in differences:
                differences[key]["count"] += 1
                continue
            text = [line.text for line in shrunk(lines, lazy, found.what)]
            differences[key] = {"program": number, "lazy": lazy, "words": found.words, "lines": text, "count": 1}
            print(f"\n# {number}{', lazy' if lazy else ''}: {key}\n# {found.words[:400]}", *text, sep="\n", flush=True)
    return {
        "programs": programs, "seed": seed, "statements": statements, "names": len(names),
        "programs by kind": {kind: len(found) for kind, found in sorted(kinds.items())},
        "differences": differences, "seconds": round(time.perf_counter() - began),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report = fuzz(options.programs, options.seed)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))
    print("\n" + "\n".join(f"{key}: {value}" for key, value in report.items() if key != "differences"))
    print("value:", len(report["differences"]))


if __name__ == "__main__":
    main()
