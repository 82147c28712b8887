"""Which docstrings print the same with both libraries."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

CHUNK = 60  # docstrings a process: one that dies takes no more with it

# An example runs once: compiling each op's program in haste costs least.
PLAIN = os.environ | {"JTORCH_TIER": "op"}

Outcomes = dict[str, list[dict[str, str]]]


def run(library: str, statements: dict[str, list[str]], seed: int) -> Outcomes:
    """What the statements print in processes of their own."""
    names, found = list(statements), {}
    for start in range(0, len(names), CHUNK):
        chunk = {name: statements[name] for name in names[start : start + CHUNK]}
        command = [sys.executable, "-m", "compat_tests.docs.run", library, str(seed)]
        given = json.dumps(chunk)
        done = subprocess.run(command, input=given, capture_output=True, text=True, env=PLAIN, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:]
            found |= {name: [{"error": f"the process ended: {last}"}] * len(chunk[name]) for name in chunk}
        else:
            found |= json.loads(done.stdout)
    return found


def differing(expected: list[dict], other_seed: list[dict], actual: list[dict]) -> Iterator[tuple[int, str]]:
    """Places and words of the statements that torch runs, prints the same whatever the seed, and jtorch does not."""
    for place, (one, other, mine) in enumerate(zip(expected, other_seed, actual, strict=True)):
        if "error" in one or one != other or one == mine:
            continue
        yield place, mine.get("error") or f"printed {mine['text']!r}, not {one['text']!r}"


def runnable(expected: list[dict], other_seed: list[dict]) -> bool:
    """Whether real torch runs one of the statements and prints the same with another seed."""
    return any("error" not in one and one == other for one, other in zip(expected, other_seed, strict=True))


def compare(statements: dict[str, list[str]]) -> dict[str, Any]:
    """For each docstring with a runnable, deterministic example: what differs, [] for nothing."""
    expected, other = run("torch", statements, 0), run("torch", statements, 1)
    kept = {name: statements[name] for name in statements if runnable(expected[name], other[name])}
    actual = run("jtorch", kept, 0)
    return {
        name: [
            {"statement": kept[name][place], "words": words}
            for place, words in differing(expected[name], other[name], actual[name])
        ]
        for name in kept
    }
