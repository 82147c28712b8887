"""How far the digits example on jtorch is from PyTorch with the same seed, over the first epoch.

``python -m compat_tests.programs.digits_losses`` prints the largest relative difference of a step's loss, with
``initial`` how many elements of the initial parameters differ, with ``draws`` how many shuffle indices and dropout mask
elements do.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from compat_tests.programs.runs import SIDES, digits, python


def losses() -> float:
    theirs, ours = (np.array(digits(side, epochs=1)["losses"]) for side in SIDES)
    assert len(theirs) == len(ours) == 24
    relative = np.abs(ours - theirs) / np.abs(theirs)
    for step, values in enumerate(zip(theirs, ours, relative, strict=True)):
        print("step {:2d}  torch {:.7f}  jtorch {:.7f}  relative {:.1e}".format(step, *values))
    return float(relative.max())


def initial() -> int:
    theirs, ours = (digits(side, epochs=0)["initial"] for side in SIDES)
    assert list(theirs) == list(ours)
    differing = {name: int(np.sum(np.array(theirs[name]) != np.array(ours[name]))) for name in theirs}
    for name, count in differing.items():
        print(f"{name:16} {count:5d} of {np.size(theirs[name])}")
    return sum(differing.values())


def draws() -> int:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{side}.npz") for side in SIDES]
        for side, file in zip(SIDES, files, strict=True):
            python("-m", "compat_tests.programs.digits_draws", side, file)
        theirs, ours = (np.load(file) for file in files)
        differing = {name: int(np.sum(theirs[name] != ours[name])) for name in ("order", "masks")}
        assert theirs["order"].shape == (1500,)
        assert 0.7 < theirs["masks"].mean() < 0.8, "these are no masks of dropout at 0.25"
        for name, count in differing.items():
            print(f"{name:8} {count:7d} of {theirs[name].size}")
    return sum(differing.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="losses", choices=["losses", "initial", "draws"])
    value = {"losses": losses, "initial": initial, "draws": draws}[parser.parse_args().what]()
    print(f"value: {value:.3g}" if isinstance(value, float) else f"value: {value}")


if __name__ == "__main__":
    main()
