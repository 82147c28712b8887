"""`python -m compat_tests.docs [NAME ...] [--json FILE]`: the docstrings whose examples print something else, and the
share of those that print the same. A NAME takes every docstring that begins with it; `value` alone means all of them
and prints the share alone."""

import argparse
import json
from pathlib import Path

from compat_tests.docs.collect import collect
from compat_tests.docs.compared import compare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    everything = collect()
    only_value = options.names == ["value"]
    starts = ("",) if only_value else tuple(options.names or [""])
    wanted = {name: statements for name, statements in everything.items() if name.startswith(starts)}
    found = compare(wanted)
    for name, differences in ({} if only_value else found).items():
        for one in differences[:1]:
            print(f"{name}: {one['statement'].strip()[:100]}\n    {one['words'][:300]}")
    equal = sum(not differences for differences in found.values())
    print(f"{len(wanted)} docstrings with examples, {len(found)} of them run and deterministic, {equal} print the same")
    print("value:", round(100 * equal / max(len(found), 1), 2))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
