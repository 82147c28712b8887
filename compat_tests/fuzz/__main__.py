"""`python -m compat_tests.fuzz --programs N --seed S [--json FILE]`: runs programs and prints what differed, shrunk.

`python -m compat_tests.fuzz merge FILE...` makes one report of several (`--first` tells a process where to begin), and
`python -m compat_tests.fuzz value differences|programs|statements|ops|rarest` prints a number of the last one.
"""

import argparse
import collections
import json
import math
import os
import sys
from pathlib import Path

# Most programs run once: compiling each op's program in haste costs least.
os.environ.setdefault("JTORCH_TIER", "op")

from bench.record import replace
from compat_tests.fuzz.running import reports

REPORT = Path("out/fuzz.json")


def merged(reports: list[dict]) -> dict:
    """Several runs as one."""
    total: dict = {"programs": 0, "statements": 0, "seconds": 0, "kinds": collections.Counter(),
                   "ops": collections.Counter(), "known": collections.Counter(), "differences": {}}  # fmt: skip
    for report in reports:
        for key in ("programs", "statements", "seconds"):
            total[key] += report[key]
        for key in ("kinds", "ops", "known"):
            total[key].update(report[key])
        for key, one in report["differences"].items():
            known = total["differences"].setdefault(key, {**one, "programs": []})
            known["programs"] = [*known["programs"], *one["programs"]]
    return {**total, "kinds": dict(sorted(total["kinds"].items())), "ops": dict(total["ops"].most_common())}


VALUES = {
    "differences": lambda report: len(report["differences"]),
    "programs": lambda report: report["programs"],
    "statements": lambda report: report["statements"],
    "ops": lambda report: len(report["ops"]),
    "rarest": lambda report: min(report["kinds"].values()),  # programs that have the rarest kind of statement
}


def run(options: argparse.Namespace) -> None:
    """Runs programs. What is found stands in the file from time to time, should the run be stopped."""
    held = json.loads(options.json.read_text()) if options.json.exists() and (options.add or options.again) else None
    if held is not None and options.again:
        numbers = sorted({number for one in held["differences"].values() for number in one["programs"]})
        *_, again = reports(numbers, options.seed)
        report = {**held, "differences": again["differences"]}
        replace(options.json, json.dumps(report, indent=1))
    else:
        report = {}
        for fresh in reports(range(options.first, options.first + options.programs), options.seed, options.seconds):
            report = merged([held, fresh]) if held is not None else fresh
            replace(options.json, json.dumps(report, indent=1))
    for key, value in report.items():
        if key not in ("differences", "ops", "known"):
            print(f"{key}: {value}")
    print("ops:", len(report["ops"]))
    print("value:", len(report["differences"]))


def main() -> None:
    if sys.argv[1:2] == ["merge"]:
        found = merged([json.loads(Path(name).read_text()) for name in sys.argv[2:]])
        replace(REPORT, json.dumps(found, indent=1))
        print("value:", found["programs"])
        return
    if sys.argv[1:2] == ["value"]:
        print("value:", VALUES[sys.argv[2]](json.loads(REPORT.read_text())))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first program")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no program after that many")
    parser.add_argument("--json", type=Path, default=REPORT)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--add", action="store_true", help="to what the file holds")
    how.add_argument("--again", action="store_true", help="only the programs that differed, after a mend")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
