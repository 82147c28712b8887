"""Runs statements with torch or jtorch and keeps what they print: `python -m compat_tests.docs.run LIBRARY SEED`.

Reads and writes JSON: statements by name in, outcomes by name out. Each docstring starts with the seed and an empty
folder, and is stopped after some seconds.
"""

import contextlib
import importlib
import io
import json
import os
import re
import signal
import sys
import tempfile
import warnings
from typing import Any

SECONDS = 60
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class TooLong(BaseException):
    """Not an Exception: no example may catch it."""


def stop(signum: int, frame: Any) -> None:
    raise TooLong


def library(name: str) -> Any:
    """torch, or jtorch under its name."""
    if name == "jtorch":
        importlib.import_module("jtorch").install()
    return importlib.import_module("torch")


def run_statement(source: str, scope: dict) -> dict[str, str]:
    """What it prints, or what it raises."""
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            exec(compile(source, "<example>", "single"), scope)
    except TooLong:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever an example raises is its outcome, SystemExit too
        return {"error": f"{type(error).__name__}: {error}"}
    return {"text": ADDRESS.sub("0x", text.getvalue())}


def run_docstring(torch: Any, statements: list[str], seed: int) -> list[dict[str, str]]:
    scope = {"__name__": "__main__", "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "optim": torch.optim}
    torch.manual_seed(seed)
    found = []
    signal.alarm(SECONDS)
    try:
        for source in statements:
            found.append(run_statement(source, scope))
    except TooLong:
        pass
    finally:
        signal.alarm(0)
    return found + [{"error": f"not done after {SECONDS} seconds"}] * (len(statements) - len(found))


def put_back(torch: Any) -> None:
    """What an example may have set for the whole process."""
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.set_printoptions(profile="default")


def main() -> None:
    name, seed = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGALRM, stop)
    warnings.simplefilter("ignore")
    torch = library(name)
    given, found = json.load(sys.stdin), {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for one, statements in given.items():
            found[one] = run_docstring(torch, statements, seed)
            put_back(torch)
        os.chdir("/")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
