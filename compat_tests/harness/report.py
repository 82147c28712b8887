"""What a sweep found, as one table and as the numbers that are promised of it.

A row is what ``sweep.py`` writes of an entry: for each dtype and check how many samples are equal and how many differ.
What is missing, refused by the harness or never compared counts as failing.
"""

import collections
from collections.abc import Callable
from typing import Any

import torch

from compat_tests.harness.gaps import read_gaps, read_missing, read_tolerances
from compat_tests.harness.opdb import database, dtypes_of

COLUMNS = ("forward", "grad", "gradgrad", "forward_mode", "out", "inplace", "saved", "error", "strides", "random")
Rows = dict[str, dict[str, Any]]


def label(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def counted(row: dict | None, check: str, dtypes: set[str] | None = None) -> tuple[int, int]:
    """Equal and differing samples of a check, of all dtypes or of some."""
    equal = differing = 0
    for dtype, checks in (row or {"checks": {}})["checks"].items():
        if dtypes is None or dtype in dtypes:
            found = checks.get(check, (0, 0))
            equal, differing = equal + found[0], differing + found[1]
    return equal, differing


def passes(row: dict | None, check: str, dtypes: set[str] | None = None) -> bool:
    equal, differing = counted(row, check, dtypes)
    return equal > 0 and differing == 0 and (check != "forward" or counted(row, "unsupported", dtypes)[1] == 0)


def forward_passes(row: dict | None, info: Any) -> bool:
    """float32 and int64, or all dtypes where an entry has neither."""
    taken = {label(dtype) for dtype in dtypes_of(info)}
    wanted = {"float32", "int64"} & taken or taken
    return all(passes(row, "forward", {dtype}) for dtype in wanted)


def strides_pass(row: dict | None) -> bool:
    return row is not None and counted(row, "forward")[0] > 0 and counted(row, "strides")[1] == 0


def saved_pass(row: dict | None) -> bool:
    """Nothing differs; of some entries nothing may be written."""
    return row is not None and counted(row, "grad")[0] > 0 and counted(row, "saved")[1] == 0


def has_grad(info: Any) -> bool:
    return info.supports_autograd


# name: which entries count, when one of them passes
ENTRY_VALUES: dict[str, tuple[Callable[[Any], bool], Callable[[dict | None, Any], bool]]] = {
    "forward_entries": (lambda info: True, forward_passes),
    "strides": (lambda info: True, lambda row, info: strides_pass(row)),
    "gradients": (has_grad, lambda row, info: passes(row, "grad")),
    "gradgrad": (
        lambda info: has_grad(info) and info.supports_gradgrad,
        lambda row, info: passes(row, "gradgrad"),
    ),
    "forward_mode": (
        lambda info: has_grad(info) and info.supports_forward_ad,
        lambda row, info: passes(row, "forward_mode"),
    ),
    "out": (lambda info: info.supports_out, lambda row, info: passes(row, "out")),
    "saved": (has_grad, lambda row, info: saved_pass(row)),
    "inplace": (lambda info: info.inplace_variant is not None, lambda row, info: passes(row, "inplace")),
}
IN_PERCENT = {"strides", "forward_mode", "saved"}


def entries_passing(rows: Rows, name: str, within: set[str]) -> tuple[int, int]:
    """How many of the entries that count pass, and how many count, among the entries ``within``."""
    counts, passing = ENTRY_VALUES[name]
    looked = [(rows.get(one), info) for one, info in database().items() if one in within and counts(info)]
    return sum(passing(row, info) for row, info in looked), len(looked)


def pairs_passing(rows: Rows, within: set[str]) -> tuple[int, int]:
    looked = [(name, label(dtype)) for name, info in database().items() for dtype in dtypes_of(info) if name in within]
    return sum(passes(rows.get(name), "forward", {dtype}) for name, dtype in looked), len(looked)


def errors_passing(rows: Rows) -> tuple[int, int]:
    """Samples, of the entries swept; what the harness cannot carry over counts as differing."""
    equal = differing = 0
    for row in rows.values():
        found = counted(row, "error")
        equal, differing = equal + found[0], differing + found[1] + counted(row, "unsupported", {""})[1]
    return equal, equal + differing


def random_differing(rows: Rows) -> list[str]:
    """Entries that draw numbers and whose results are not torch's bit for bit."""
    return [name for name, row in rows.items() if counted(row, "random")[1]]


def values(rows: Rows) -> dict[str, float]:
    """The numbers of targets.toml that a sweep of everything says."""
    everything = set(database())
    found: dict[str, float] = {}
    for name in ENTRY_VALUES:
        passing, of = entries_passing(rows, name, everything)
        found[name] = round(100 * passing / of, 2) if name in IN_PERCENT else passing
    passing, of = pairs_passing(rows, everything)
    found["pairs"] = round(100 * passing / of, 2)
    passing, of = errors_passing(rows)
    found["errors"] = round(100 * passing / max(of, 1), 2)
    found["random"] = len(random_differing(rows))
    found["gaps"] = len(read_gaps()) + len(read_missing()) + len(read_tolerances())
    found["core_minutes"] = round(sum(row["seconds"] for row in rows.values()) / 60, 1)
    return found


def cell(row: dict, check: str) -> str:
    equal, differing = counted(row, check)
    return "-" if equal + differing == 0 else str(equal) if not differing else f"{equal}/{equal + differing}"


def table(rows: Rows) -> str:
    """One line an entry: samples compared, or equal ones of those compared where some differ."""
    lines = [f"{'entry':44} dtypes " + " ".join(f"{one[:8]:>9}" for one in COLUMNS)]
    for name, info in sorted(database().items()):
        if name not in rows:
            continue
        taken = dtypes_of(info)
        good = sum(passes(rows[name], "forward", {label(dtype)}) for dtype in taken)
        cells = " ".join(f"{cell(rows[name], check):>9}" for check in COLUMNS)
        lines.append(f"{name:44} {good:2}/{len(taken):<3} {cells}")
    return "\n".join(lines)


def totals(rows: Rows) -> str:
    """The promised numbers over all of the database, and over the entries swept so far."""
    everything, swept = set(database()), set(rows)
    lines = [f"{len(swept)} of {len(everything)} entries swept; the rest counts as failing"]

    def line(name: str, count: Callable[[set[str]], tuple[int, int]]) -> None:
        (passing, of), (some, some_of) = count(everything), count(swept)
        share = 100 * passing / of
        lines.append(f"{name:16} {passing:5} of {of:5} = {share:6.2f} %, of those swept {some} of {some_of}")

    for name in ENTRY_VALUES:
        line(name, lambda within, name=name: entries_passing(rows, name, within))
    line("pairs", lambda within: pairs_passing(rows, within))
    passing, of = errors_passing(rows)
    lines.append(f"{'errors':16} {passing:5} of {of:5} = {100 * passing / max(of, 1):6.2f} % of samples")
    differing = random_differing(rows)
    drawing = [name for name, row in rows.items() if sum(counted(row, "random"))]
    lines.append(f"{'random':16} {len(differing)} of {len(drawing)} entries that draw differ: {', '.join(differing)}")
    kinds = collections.Counter(
        failure["kind"] for row in rows.values() for failure in {f["kind"]: f for f in row["failures"]}.values()
    )
    lines.append("entries by kind of difference: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))
    lines.append(f"{sum(row['seconds'] for row in rows.values()):.0f} seconds of one core")
    return "\n".join(lines)
