"""`python -m jtorch script.py [arguments]`: runs a script in which `import torch` gives jtorch."""

from __future__ import annotations

import os
import runpy
import sys

import jtorch

_USAGE = "usage: python -m jtorch [-m module | script.py] [arguments]"


def main() -> None:
    """Installs the alias and runs the script or module given."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        raise SystemExit(0 if arguments else 2)
    jtorch.install()
    if arguments[0] == "-m":
        if len(arguments) < 2:
            raise SystemExit(_USAGE)
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    runpy.run_path(arguments[0], run_name="__main__")


main()
