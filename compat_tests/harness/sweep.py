"""Prints how far every declared op agrees with torch: ``python -m compat_tests.harness.sweep [names]``.

A name without a variant takes all variants of the op. ``--full`` takes every sample, ``--json FILE`` also writes the
failures.
"""

import argparse
import collections
import json
import time
from dataclasses import asdict
from pathlib import Path

from compat_tests.harness.check import check_entry
from compat_tests.harness.gaps import gaps_of
from compat_tests.harness.opdb import Entry, database_size, entries


def wanted(names: list[str]) -> list[Entry]:
    everything = entries()
    unknown = [name for name in names if not any(name in (one.name, one.info.name) for one in everything.values())]
    if unknown:
        raise SystemExit(f"not declared by jtorch, or not in torch's database: {', '.join(unknown)}")
    return [one for name, one in sorted(everything.items()) if not names or name in names or one.info.name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--show", type=int, default=2, help="failures shown for each op")
    options = parser.parse_args()
    totals: collections.Counter[str] = collections.Counter()
    rows = []
    for entry in wanted(options.names):
        began = time.perf_counter()
        results = list(check_entry(entry, options.full))
        failures = [one for one in results if one is not None]
        known = gaps_of(entry.name)
        fresh = [one for one in failures if one.kind not in known]
        totals.update(checks=len(results), failed=len(failures), in_gaps=len(failures) - len(fresh))
        totals.update(ops=1, ops_equal=not failures)
        kinds = collections.Counter(one.kind for one in failures)
        told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "equal"
        print(f"{entry.name:45} {len(results):5} checks {time.perf_counter() - began:6.1f} s  {told}", flush=True)
        for failure in fresh[: options.show]:
            print(f"    {str(failure)[:300]}")
        rows.append({"name": entry.name, "checks": len(results), "failures": [asdict(one) for one in failures]})
    print(f"{len(entries())} of the {database_size()} entries of torch's database are declared; {dict(totals)}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
