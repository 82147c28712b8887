"""Seconds the digits example takes from process start with empty caches, compiles included, on two cores.

``python -m compat_tests.programs.digits_seconds`` runs it once; ``--side torch`` runs PyTorch.
"""

import argparse
import os
import tempfile
import time

from compat_tests.programs.runs import EXAMPLES, SIDES, empty_caches, python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", default="jtorch", choices=SIDES)
    side = parser.parse_args().side
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # the child inherits it
    with empty_caches() as environment, tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        words = ["--torch"] if side == "torch" else []
        print(python(EXAMPLES / "digits.py", *words, "--out", out, **environment), end="")
        seconds = time.perf_counter() - began
    print(f"value: {seconds:.1f}")


if __name__ == "__main__":
    main()
