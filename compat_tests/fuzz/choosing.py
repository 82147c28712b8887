"""Where a program's choices come from: Python's random numbers, or Hypothesis, which can shrink them."""

import random
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies

T = TypeVar("T")


class Chooser(Protocol):
    def integer(self, low: int, high: int) -> int:
        """Both ends are possible."""


class Seeded:
    def __init__(self, seed: Any):
        self.random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self.random.randint(low, high)


class Drawn:
    def __init__(self, data: Any):
        self.data = data

    def integer(self, low: int, high: int) -> int:
        return self.data.draw(strategies.integers(low, high))


def one_of(choose: Chooser, among: Sequence[T]) -> T:
    return among[choose.integer(0, len(among) - 1)]


def chance(choose: Chooser, percent: int) -> bool:
    return choose.integer(1, 100) > 100 - percent
