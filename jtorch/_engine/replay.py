"""A backward that was walked before is one transition of the trie.

Walking the graph in Python costs microseconds a node. But where the tape stands, which results got
grad nodes and how those are linked determine what the walk records. So the first walk from a place
is remembered: which steps it recorded and where each leaf's gradient ended. The next time those steps
are put on the tape at once.

This holds only for the plain case: the whole graph made since the last flush, no hooks, no custom
functions, leaves without a gradient yet. Whatever is not plain is walked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jtorch._engine.handle import wrap, writes
from jtorch._engine.tape import Epoch, Node, Value, flush, pending


class Recalled(NamedTuple):
    """What one walk did."""

    end: Node  # the trie node it reached
    avals: tuple  # of the values it recorded
    numbers: tuple[tuple[int, int], ...]  # Python numbers it used: (grad node, place among what it saved)
    visited: tuple[int, ...]  # grad nodes, in the order they ran
    leaves: tuple[tuple[int, int], ...]  # (leaf, slot of its gradient)


def key_of(epoch: Epoch, root: Any, index: int, gradient: Any) -> tuple | None:
    """Names a backward from a tensor at this place of the tape; None when it must be walked."""
    start = gradient._v
    if not epoch.plain or root.epoch is not epoch or start.epoch is not epoch or epoch.node.cut:
        return None
    return (root.ordinal, index, start.slot, *epoch.links)


def replay(epoch: Epoch, key: tuple) -> bool:
    """Does again what was remembered under `key`; False when nothing is or something has changed."""
    parent = epoch.node
    memo: Recalled | None = None if parent.walks is None else parent.walks.get(key)
    if memo is None:
        return False
    graph, accumulators = epoch.graph, list(epoch.leaves)
    nodes = [graph[i] for i in memo.visited]
    for g in nodes:
        if g.hooked or g._post or g.saved is None:
            return False
    if epoch.writes != writes.count and any(g.usable() is not g.saved for g in nodes):
        return False
    for k, _ in memo.leaves:
        a = accumulators[k]
        leaf = a.variable
        if a.hooked or a._post or leaf._grad is not None or leaf._post_hooks or not leaf._requires_grad:
            return False
    start = parent.end
    # Of all that the walk records only the gradients of leaves can be held by anybody.
    values: list[Value | None] = [None] * (memo.end.end - start)
    for _, place in memo.leaves:
        values[place - start] = pending(epoch, (memo.avals[place - start],), place)[0]
    numbers = [graph[i].saved[at] for i, at in memo.numbers]
    if epoch.tape is None or epoch.tape.epoch is not epoch or epoch.node is not parent:
        return False
    epoch.node = memo.end
    epoch.values += values
    epoch.numbers += numbers
    for k, place in memo.leaves:
        accumulators[k].variable._grad = wrap(epoch.values[place])
    for g in nodes:
        g.release()
    if memo.end.cut:
        flush(epoch.tape)
    return True


class Watch:
    """Follows one walk so that it can be remembered."""

    def __init__(self, epoch: Epoch, key: tuple | None):
        self.epoch = epoch
        self.key = key
        self.start = epoch.node
        self.first_number = len(epoch.numbers)
        self.visited: list[int] = []
        self.numbers: list[tuple[int, int]] = []
        self.used: list = []
        if key is not None and any(a.variable._grad is not None for a in epoch.leaves):
            self.key = None

    def visit(self, g: Any) -> None:
        """A grad node is about to run."""
        if g.epoch is not self.epoch or g.hooked or g._post or g.saved is None:
            self.key = None
            return
        self.visited.append(g.ordinal)
        for at, v in enumerate(g.saved):
            if v is not None and v.__class__ is not Value:
                self.numbers.append((g.ordinal, at))
                self.used.append(v)

    def remember(self, tape: Any) -> None:
        """Keeps what the walk did, if it was plain to its end."""
        epoch, start = self.epoch, self.start
        if self.key is None or tape.epoch is not epoch or epoch.numbers[self.first_number :] != self.used:
            return
        steps = []
        node = epoch.node
        while node is not start:
            if node.parent is None or node.step is None or node.step.op is None:
                return
            steps.append(node)
            node = node.parent
        avals = tuple(a for n in reversed(steps) for a in n.avals)
        leaves = []
        for k, a in enumerate(epoch.leaves):
            found = a.variable._grad
            # A leaf that asks for none any more would have got a gradient.
            if a.hooked or a._post or a.variable._post_hooks or not a.variable._requires_grad:
                return
            if found is not None:
                if found._cell is not None or found._v.epoch is not epoch:
                    return
                leaves.append((k, found._v.slot))
        memo = Recalled(epoch.node, avals, tuple(self.numbers), tuple(self.visited), tuple(leaves))
        if start.walks is None:
            start.walks = {}
        start.walks[self.key] = memo
