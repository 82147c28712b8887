"""Notes of what a function does on the tape, so that `torch.compile` can do it again without its Python.

The first call runs as any other code does, on a tape that was flushed before. Where its inputs come from is known by
identity: values of tensors that will be there at the next call, random numbers with the way to draw the next ones,
constants, and Python numbers with the way to compute the next ones (an optimizer's step). Whatever needs a value in
Python ends the notes, and the call goes on as the eager code it was all along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jtorch._engine.tape import Tape, Value
from jtorch._types.user_frame import user_line


class Capture:
    """Notes of one call. It sits on the tape as `tape.capture`."""

    def __init__(self, refuse: Callable[[str], None]):
        self.refuse = refuse  # called when the notes end early; may raise
        self.broken = ""  # why they ended early
        self.constants: dict[int, Value] = {}
        self.draws: list[tuple[Value, Callable[[], Any]]] = []
        self.numbers: list[tuple[int, int, Callable[[], Sequence[float]]]] = []
        self.checks: list[tuple[Value, Callable[[Value], None]]] = []
        self.snapshots: list[tuple[Value, Any]] = []
        self.drawing = False

    def stop(self, tape: Tape, reason: str) -> None:
        """Ends the notes: what follows is eager code."""
        tape.capture = None
        where = user_line()
        self.broken = f"{reason} ({where})" if where else reason
        self.refuse(self.broken)

    def constant(self, value: Value) -> None:
        """A value made from Python data: the same at every call."""
        self.constants[id(value)] = value

    def draw(self, make: Callable[[], Any]) -> Any:
        """A tensor of random numbers; the next call draws others in their place."""
        self.drawing = True
        try:
            t = make()
        finally:
            self.drawing = False
        self.constants.pop(id(t._v), None)
        self.draws.append((t._v, make))
        return t

    def computed(self, first: int, count: int, compute: Callable[[], Sequence[float]]) -> None:
        """`count` Python numbers of the tape, from `first` on, are at the next call what `compute` returns then."""
        self.numbers.append((first, count, compute))

    def checked(self, value: Value, check: Callable[[Value], None]) -> None:
        """A value was looked at on the host, and must be again at the next call."""
        self.checks.append((value, check))

    def snapshot(self, value: Value, h: Any) -> None:
        """A tensor on memory shared with NumPy was read."""
        self.snapshots.append((value, h))
