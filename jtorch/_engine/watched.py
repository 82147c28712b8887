"""What torch's formula of an op saves, where that is not what our pullback uses.

Values are immutable, so a gradient of ours is right whatever is written later. But torch refuses a backward after a
write to what it saved, and users' tests rely on it. An op whose formula saves something else than ours uses says so
(`saves=`), and that alone is looked at. What the pullback does not use is not kept for this: a node holds a mark of
its value.
"""

from __future__ import annotations

from typing import Any

from jtorch._engine.aval import Aval
from jtorch._engine.storage import Place


class Mark:
    """Stands for a value that nobody may hold any more: whether a tensor that held it was written, which, and when."""

    __slots__ = ("aval", "counter", "version")

    def __init__(self, aval: Aval):
        self.aval = aval
        self.counter: Any = None
        self.version = 0

    def written(self, holder: Any, version: int) -> None:
        """The value's tensor, of this version so far, is about to be written."""
        self.counter, self.version = holder, version


def mark_of(value: Any) -> Mark:
    """The one mark of a value."""
    try:
        return value.mark
    except AttributeError:
        value.mark = Mark(value.aval)
        return value.mark


def carried(old: Any, new: Any) -> Any:
    """`new`, which takes the place of `old` in the tensor that held it, with its mark."""
    if hasattr(old, "mark"):
        new.mark = old.mark
    return new


class Watched:
    """Which operands and results of a step are looked at before its backward."""

    __slots__ = ("places", "results", "saved", "unsaved")

    def __init__(self, operands: tuple[int, ...], results: tuple[int, ...], used: tuple[int, ...]):
        self.saved = tuple(i for i in operands if i in used)
        self.places = tuple(used.index(i) for i in self.saved)
        self.unsaved = tuple(i for i in operands if i not in used)
        self.results = results

    def of(self, saved: Any) -> list:
        """Those of the values a node saved."""
        return [saved[place] for place in self.places]

    def note(self, node: Any, operands: tuple, results: list) -> None:
        """Lets a new node see writes to them."""
        checks = []
        for i in (*self.saved, *self.unsaved):
            x = operands[i]
            if x._cell is not None:
                checks.append((x._v if i in self.saved else mark_of(x._v), Place.of(x), i))
        node.checks = tuple(checks)
        marks = [(mark_of(operands[i]._v), None) for i in self.unsaved]
        node.marks = (*marks, *((mark_of(results[i]._v), i) for i in self.results))
