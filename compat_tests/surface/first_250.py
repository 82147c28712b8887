"""Writes ``first_250.txt``: the callable names most used by real code under torch.*, Tensor.* and F.*.

``python -m compat_tests.surface.first_250 --demand api_demand.csv`` reads a table with the columns ``name`` and
``clients`` (how many clients of torch use the name). A name counts when real torch answers it with a function or a
method. Classes are left out but for the gradient-mode switches, which code calls the way it calls functions.
"""

import argparse
import csv
from pathlib import Path

import torch

LIST = Path(__file__).with_name("first_250.txt")
COUNT = 250
GRAD_MODES = (torch.no_grad, torch.enable_grad, torch.inference_mode, torch.set_grad_enabled)
OWNERS = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn.functional": torch.nn.functional,
}


def is_wanted(name: str) -> bool:
    owner, _, leaf = name.rpartition(".")
    if owner not in OWNERS:
        return False
    value = getattr(OWNERS[owner], leaf, None)
    if isinstance(value, type):
        return value in GRAD_MODES
    return callable(value)


def most_used(demand: Path) -> list[str]:
    """The names of the table that are wanted, most clients first; ties keep the table's order."""
    with demand.open(newline="") as lines:
        rows = [(row["name"], int(row["clients"])) for row in csv.DictReader(lines)]
    rows.sort(key=lambda row: -row[1])
    return [name for name, _ in rows if is_wanted(name)][:COUNT]


def read_list() -> list[str]:
    return LIST.read_text().split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demand", type=Path, required=True, help="table of names and clients (CSV)")
    names = most_used(parser.parse_args().demand)
    if len(names) < COUNT:
        raise SystemExit(f"only {len(names)} of {COUNT} names found")
    LIST.write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    main()
