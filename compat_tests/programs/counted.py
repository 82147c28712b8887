"""Runs a script on jtorch as ``python script.py words`` would, then prints what the engine counted as a line of JSON.

``python -m compat_tests.programs.counted SCRIPT WORDS``
"""

import json
import runpy
import sys

from jtorch._engine import explain


def main() -> None:
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
    explain.explain()
    print(json.dumps(explain.counters()))


if __name__ == "__main__":
    main()
