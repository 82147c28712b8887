"""torch.torch_version: a version that compares as one.

>>> import jtorch as torch
>>> torch.__version__ >= "2.9", torch.__version__ > (2, 9, 1)
(True, True)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

_PARTS = re.compile(r"v?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|rc|alpha|beta|dev)[-_.]?(\d*))?(?:\+(.*))?$")
_BEFORE = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "rc": -1}


def _key(version: Any) -> tuple[Any, ...] | None:
    """What orders a version (PEP 440, as far as torch's own versions go); None for what is none."""
    text = ".".join(map(str, version)) if isinstance(version, tuple) else str(version)
    found = _PARTS.match(text)
    if found is None:
        return None
    numbers, phase, count, local = found.groups()
    release = [int(n) for n in numbers.split(".")]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), _BEFORE.get(phase, 0), int(count or 0), (local is not None, local or "")


class TorchVersion(str):
    """A version string that is compared by its numbers, with strings and with tuples of numbers."""

    __slots__ = ()


def _comparison(name: str) -> Callable[[TorchVersion, Any], Any]:
    as_text: Any = getattr(str, name)

    def compare(self: TorchVersion, other: Any) -> Any:
        if not isinstance(other, str) and not isinstance(other, Iterable):
            return NotImplemented
        mine, theirs = _key(self), _key(other)
        if mine is None or theirs is None:
            return as_text(str(self), other)
        return getattr(mine, name)(theirs)

    compare.__name__ = name
    return compare


for _name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
    setattr(TorchVersion, _name, _comparison(_name))
TorchVersion.__hash__ = str.__hash__  # type: ignore[method-assign]  # setting __eq__ above must not take it away
