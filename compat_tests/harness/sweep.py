"""Prints how far every op agrees with torch: ``python -m compat_tests.harness.sweep [names]``.

A name without a variant takes all variants of the op. ``--full`` takes every sample, up to 40 a dtype, and every
check. ``--json FILE`` keeps what was found, written after each entry; ``--resume`` leaves out entries found there.
``--jobs 2 --part 1/8 --seconds 600`` cut the work. ``sweep value pairs`` prints one number of targets.toml, ``sweep
table`` all that the file holds. A full sweep of everything is kept in ``out/sweep.json`` where no file is named.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from pathlib import Path
from typing import Any

# A program runs once or twice here: compiling each op's in haste costs least, and samples share them.
os.environ.setdefault("JTORCH_TIER", "op")

from bench.record import replace
from compat_tests.harness import report, signatures
from compat_tests.harness.check import check_entry
from compat_tests.harness.gaps import gaps_of
from compat_tests.harness.opdb import CAP, entries

ENTRIES_A_PROCESS = 20  # programs are never freed: a process that lives on grows by some MB an entry
FAILURES_KEPT = 40
LAST = Path(__file__).parents[2] / "out" / "sweep.json"


def wanted(names: list[str], part: str) -> list[str]:
    everything = {name: one.info.name for name, one in entries().items()}
    unknown = [name for name in names if name not in everything and name not in everything.values()]
    if unknown:
        raise SystemExit(f"not declared by jtorch, or not in torch's database: {', '.join(unknown)}")
    found = [name for name, op in sorted(everything.items()) if not names or name in names or op in names]
    number, of = map(int, part.split("/"))
    return found[number - 1 :: of]


def swept(name: str, most: int) -> dict[str, Any]:
    """The row of one entry; a dtype of "" is that of the error samples."""
    began = time.perf_counter()
    checks: dict[str, dict[str, list[int]]] = {}
    failures = []
    for one in check_entry(entries()[name], most):
        counts = checks.setdefault(one.dtype, {}).setdefault(one.check, [0, 0])
        counts[one.failure is not None] += 1
        if one.failure is not None:
            failures.append(asdict(one.failure) | {"text": one.failure.text[:500]})
    kept = []
    for kind in {one["kind"] for one in failures}:
        kept += [one for one in failures if one["kind"] == kind][:FAILURES_KEPT]
    return {"name": name, "seconds": round(time.perf_counter() - began, 2), "checks": checks, "failures": kept}


def results(names: list[str], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows of entries as they are done, until the time is over."""
    end, most = time.monotonic() + options.seconds, options.samples if options.full else 0
    if options.jobs == 1:
        for name in names:
            if time.monotonic() > end:
                return
            yield swept(name, most)
        return
    left = iter(names)
    while broken := (yield from _side_by_side(left, most, options.jobs, end)):
        for name in broken:
            yield _alone(name, most)


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=ENTRIES_A_PROCESS)


def _side_by_side(left: Iterator[str], most: int, jobs: int, end: float) -> Generator[dict[str, Any], None, list[str]]:
    """Returns the entries under way when a process died; none when all are done or the time is over."""
    running: dict[Future, str] = {}
    with _pool(jobs) as pool:
        while True:
            while len(running) < jobs and time.monotonic() < end and (name := next(left, None)):
                running[pool.submit(swept, name, most)] = name
            if not running:
                return []
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                if isinstance(one.exception(), BrokenProcessPool):
                    return list(running.values())
                del running[one]
                yield one.result()


def _alone(name: str, most: int) -> dict[str, Any]:
    """The row of an entry that may end its process: it then differs in everything."""
    try:
        with _pool(1) as pool:
            return pool.submit(swept, name, most).result()
    except BrokenProcessPool:
        crash = {"kind": "crash", "dtype": "", "sample": 0, "text": "the process ended"}
        return {"name": name, "seconds": 0, "checks": {}, "failures": [crash]}


def show(row: dict[str, Any], most: int) -> None:
    known = gaps_of(row["name"])
    checks = [one for one in (*report.COLUMNS, "unsupported") if any(report.counted(row, one))]
    cells = ", ".join(f"{one} {report.cell(row, one)}" for one in checks)
    print(f"{row['name']:40} {row['seconds']:6.1f} s  {cells}", flush=True)
    shown: dict[str, int] = {}
    for failure in row["failures"]:
        shown[failure["kind"]] = shown.get(failure["kind"], 0) + 1
        if failure["kind"] not in known and shown[failure["kind"]] <= most:
            text = " ".join(failure["text"].split())
            print(f"    {failure['kind']} ({failure['dtype']}, sample {failure['sample']}): {text[:300]}")


def read(file: Path | None) -> report.Rows:
    return json.loads(file.read_text()) if file and file.exists() else {}


def write(file: Path, rows: report.Rows) -> None:
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(rows.items()))
    replace(file, f"{{\n{lines}\n}}\n")


def sweep(options: argparse.Namespace) -> None:
    rows = read(options.json) if options.resume else {}
    names = [name for name in wanted(options.names, options.part) if name not in rows]
    began = time.perf_counter()
    for row in results(names, options):
        rows[row["name"]] = row
        show(row, options.show)
        if options.json:
            write(options.json, rows)
    print(report.table(rows), report.totals(rows), sep="\n\n")
    print(f"with {options.jobs} jobs, in minutes\nvalue: {(time.perf_counter() - began) / 60:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="entries; or `value NAME`, or `table`")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--samples", type=int, default=CAP, help="with --full: of each dtype at most so many")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no entry begins after that")
    parser.add_argument("--show", type=int, default=2, help="differences shown of each kind")
    options = parser.parse_args()
    if options.json is None and (options.names[:1] in (["table"], ["value"]) or (options.full and not options.names)):
        options.json = LAST
    if options.names[:1] == ["table"]:
        print(report.table(read(options.json)), report.totals(read(options.json)), sep="\n\n")
    elif options.names[:1] == ["value"]:
        (name,) = options.names[1:]
        print("value:", signatures.share() if name == "signatures" else report.values(read(options.json))[name])
    else:
        sweep(options)


if __name__ == "__main__":
    main()
