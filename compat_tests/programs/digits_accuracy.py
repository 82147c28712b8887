"""Test accuracy of the digits example over seeds 0 to 4.

``python -m compat_tests.programs.digits_accuracy`` prints the mean, with ``least`` the worst;
``--side torch`` runs PyTorch.
"""

import argparse
from statistics import mean

from compat_tests.programs.runs import SIDES, digits

SEEDS = range(5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="mean", choices=["mean", "least"])
    parser.add_argument("--side", default="jtorch", choices=SIDES)
    options = parser.parse_args()
    found = []
    for seed in SEEDS:
        found.append(digits(options.side, seed)["accuracy"])
        print(f"seed {seed}  {found[-1]:.4f}", flush=True)
    print(f"value: {(min if options.what == 'least' else mean)(found):.4f}")


if __name__ == "__main__":
    main()
