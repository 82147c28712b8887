"""Runs the commands of ``targets.toml`` and writes their values, dates and README's table. A row that is not
met yet says with ``short`` what stands in the way; a test holds that it is still so.

``python -m compat_tests.targets`` runs every row, ``python -m compat_tests.targets chain mlp20`` the rows named, and
``python -m compat_tests.targets --table`` only writes README's table again.
"""

import argparse
import datetime
import operator
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from bench.record import replace

ROOT = Path(__file__).parents[1]
ROWS = Path(__file__).with_name("targets.toml")
README = ROOT / "README.md"
TABLE_START = "<!-- targets: written by python -m compat_tests.targets -->\n"
TABLE_END = "<!-- end of targets -->\n"
COMPARISONS = {">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt}
SECONDS_A_ROW = 1800


def read_rows(text: str) -> list[dict]:
    return tomllib.loads(text)["target"]


def is_met(row: dict) -> bool:
    comparison, bound = row["threshold"].split()
    return row["value"] != "" and COMPARISONS[comparison](row["value"], float(bound))


def value_in(output: str) -> float | int | None:
    """The number of the last line that starts with ``value:``."""
    found = re.findall(r"^value: *(\S+)\s*$", output, flags=re.MULTILINE)
    if not found:
        return None
    return int(found[-1]) if re.fullmatch(r"-?\d+", found[-1]) else float(found[-1])


def measure(row: dict) -> float | int | None:
    """Runs the row's command from the repository's root; None when it fails or prints no number."""
    words = shlex.split(row["command"])
    if words[0] == "python":
        words[0] = sys.executable
    try:
        done = subprocess.run(
            words,
            check=False,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_A_ROW,
        )
    except subprocess.TimeoutExpired:
        print(f"{row['id']}: no end after {SECONDS_A_ROW} s")
        return None
    value = value_in(done.stdout) if done.returncode == 0 else None
    if value is None:
        print(f"{row['id']}: exit code {done.returncode}, no value\n{done.stdout[-2000:]}")
    return value


def with_value(text: str, row_id: str, value: float | int, date: str) -> str:
    """The text of targets.toml with one row's value and date replaced and every other line as it was."""
    blocks = re.split(r"(?m)^(?=\[\[target\]\])", text)
    for index, block in enumerate(blocks):
        if f'\nid = "{row_id}"\n' in block:
            block = re.sub(r"(?m)^value = .*$", f"value = {value!r}", block)
            blocks[index] = re.sub(r"(?m)^date = .*$", f'date = "{date}"', block)
            return "".join(blocks)
    raise KeyError(row_id)


def table(rows: list[dict]) -> str:
    lines = ["| what | target | measured | on |", "|---|---|---|---|"]
    for row in rows:
        number = row["value"]
        value = "not yet" if number == "" else str(number) if isinstance(number, int) else f"{number:.4g}"
        missed = " (short)" if row["value"] != "" and not is_met(row) else ""
        lines.append(f"| {row['sentence']} (`{row['id']}`) | {row['threshold']} | {value}{missed} | {row['date']} |")
    return "\n".join(lines) + "\n"


def with_table(readme: str, rows: list[dict]) -> str:
    head, rest = readme.split(TABLE_START)
    _, tail = rest.split(TABLE_END)
    return head + TABLE_START + table(rows) + TABLE_END + tail


def write_table() -> None:
    replace(README, with_table(README.read_text(), read_rows(ROWS.read_text())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", help="rows to run; none: all")
    parser.add_argument("--table", action="store_true", help="run nothing, write README's table")
    options = parser.parse_args()
    rows = {row["id"]: row for row in read_rows(ROWS.read_text())}
    unknown = set(options.ids) - rows.keys()
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    missed = []
    for row_id in [] if options.table else options.ids or rows:
        value = measure(rows[row_id])
        if value is not None:
            rows[row_id]["value"] = value
            today = datetime.date.today().isoformat()
            replace(ROWS, with_value(ROWS.read_text(), row_id, value, today))
            print(f"{row_id}: {value} (target {rows[row_id]['threshold']})", flush=True)
        if value is None or not is_met(rows[row_id]):
            missed.append(row_id)
    write_table()
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
