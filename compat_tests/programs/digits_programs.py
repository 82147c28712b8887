"""Programs compiled in a 20-epoch run of the digits example with empty caches.

``python -m compat_tests.programs.digits_programs`` prints the whole programs, with ``per_op`` those of
single operations.
"""

import argparse
import json
import tempfile

from compat_tests.programs.runs import EXAMPLES, empty_caches, python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="whole", choices=["whole", "per_op"])
    parser.add_argument("--epochs", default="20")
    options = parser.parse_args()
    words = ["-m", "compat_tests.programs.counted", EXAMPLES / "digits.py", "--epochs", options.epochs]
    with empty_caches() as environment, tempfile.TemporaryDirectory() as out:
        printed = python(*words, "--out", out, **environment)
    print(printed, end="")
    counts = json.loads(printed.splitlines()[-1])
    print(f"value: {counts['whole_programs' if options.what == 'whole' else 'op_programs']}")


if __name__ == "__main__":
    main()
