"""Processes that take turns: PyTorch's OpenMP threads and XLA's would fight in one.

A process is a module of this package run with ``python -m``; it says that it is ready with one line, then answers each
line it reads with one line (``serve``). The measuring process asks them one after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
PAUSE_S = 0.02  # lets the other side's threads go to sleep


class Turn:
    """One side, in a process of its own, which is killed when an answer takes longer than ``limit`` seconds.

    What it prints on stderr goes to the file ``errors``, if one is given.
    """

    def __init__(
        self, *words: str, limit: float = 600, environment: dict[str, str] | None = None, errors: Path | None = None
    ):
        self.limit, self.errors = limit, errors
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if errors is None else errors.open("w"),
            text=True,
        )
        self.ready = self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        timer = threading.Timer(self.limit, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError(f"ended with {self.process.wait()}: {self._last_words()}")
        return line

    def _last_words(self) -> str:
        """The end of what it printed on stderr."""
        lines = [] if self.errors is None else self.errors.read_text().split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        self.process.kill()  # it has nothing to write, and may be in the middle of a long answer
        self.process.communicate()


def in_turns(turns: dict[str, Turn], rounds: int) -> dict[str, list[float]]:
    """The seconds of each block of each side: each is asked to ``go``, in turns."""
    seconds: dict[str, list[float]] = {side: [] for side in turns}
    for _ in range(rounds):
        for side, turn in turns.items():
            time.sleep(PAUSE_S)
            seconds[side].append(float(turn.ask("go")))
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Our time over theirs: the median over rounds, because what else runs on the machine drifts."""
    return median(mine / other for mine, other in zip(ours, theirs, strict=True))


def serve(answer: Callable[[str], object], ready: object = "ready") -> None:
    """A side's half of the conversation, until nobody asks any more."""
    print(ready, flush=True)
    for line in sys.stdin:
        print(answer(line.strip()), flush=True)
