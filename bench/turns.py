"""Two processes that take turns: PyTorch's OpenMP threads and XLA's would fight in one.

``python -m bench.turns SIDE CASE`` is one of them: it warms up, then times a block for every line it reads.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.cases import CASES

ROOT = Path(__file__).parents[1]
SIDES = ("torch", "jtorch")
PAUSE_S = 0.02  # lets the other side's threads go to sleep


class Turn:
    """One side of a case, in a process of its own."""

    def __init__(self, side: str, case: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.turns", side, case],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
        return line

    def seconds(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self.process.communicate()


def take_turns(case: str, rounds: int) -> dict[str, list[float]]:
    """The seconds of each block of each side, in turns."""
    turns = {side: Turn(side, case) for side in SIDES}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    try:
        for _ in range(rounds):
            for side, turn in turns.items():
                time.sleep(PAUSE_S)
                seconds[side].append(turn.seconds())
    finally:
        for turn in turns.values():
            turn.close()
    return seconds


def ratio(seconds: dict[str, list[float]]) -> float:
    """jtorch's time over PyTorch's: the median over rounds, because what else runs on the machine drifts."""
    return median(ours / theirs for theirs, ours in zip(seconds["torch"], seconds["jtorch"], strict=True))


def main() -> None:
    side, case = sys.argv[1:]
    torch = importlib.import_module(side)
    torch.manual_seed(0)
    block = CASES[case][0](torch)
    for _ in range(3):
        block()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(block(), flush=True)


if __name__ == "__main__":
    main()
