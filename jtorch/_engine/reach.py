"""What the autograd graph holds behind some of its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def nodes_behind(starts: Iterable[Any]) -> Iterator[Any]:
    """These nodes and all that their edges lead to, each once."""
    stack = list(dict.fromkeys(starts))
    seen = set(map(id, stack))
    while stack:
        node = stack.pop()
        yield node
        for edge in node.edges:
            if edge is not None and id(edge[0]) not in seen:
                seen.add(id(edge[0]))
                stack.append(edge[0])
