"""What grad nodes saved, compared with what its memory holds now.

torch's backward reads memory: after a write that raised the version counter it is an error, after one that did not, as
through `.data`, it computes with what stands there now. Here a value never changes, so who writes leaves a mark on the
value that was replaced, or has raised the count of a storage. Where neither is found, nothing of this runs.
"""

from __future__ import annotations

from typing import Any

from jtorch._engine import anomaly
from jtorch._engine.aval import Aval
from jtorch._engine.handle import Handle, ViewOp, read_chain, version
from jtorch._engine.storage import Place
from jtorch._engine.tape import Value, threads
from jtorch._types import autograd_errors


def modified(aval: Aval, now: int, expected: int, maker: str = "", index: int = 0) -> RuntimeError:
    """The error when what was saved was written since; it was result `index` of the node named `maker`."""
    return autograd_errors.saved_modified(
        aval.dtype.type_name, aval.shape, maker, index, now, expected, anomaly.state.enabled
    )  # fmt: skip


def renewed(node: Any) -> dict[Value, Value]:
    """What to take instead of values that a node saved; RuntimeError when one was written since. What an operation in
    place replaced may be that once, as what it wrote into: where it is another operand too (`x *= x`) torch lost it."""
    found: dict[Value, Value] = {}
    own = node.own
    for value, place in node.checks:
        if value is own:
            own = None
        else:
            _follow(node, found, value, place, place.version)
    asked = [value for value, _ in node.checks]
    result = node.plan.saves_result
    for v in node.kept if result else node.saved:
        mark = getattr(v, "counter", None)
        if v is own:
            own = None
            continue
        if mark is None or any(v is other for other in asked):
            continue
        if mark.__class__ is Place:
            _follow(node, {} if result else found, v, mark, v.version)
        else:
            raise _written(node, v, mark)
    if found and threads.tape.walk is not None and threads.tape.walk.watch is not None:
        threads.tape.walk.watch.key = None
    return found


def _follow(node: Any, found: dict[Value, Value], value: Value, place: Place, expected: int) -> None:
    if place.counter.version != expected:
        raise modified(value.aval, place.counter.version, expected, *_maker(node, value))
    cell = place.cell
    if cell.puts != place.puts:
        new = read_chain(cell.value, place.chain)
        if new.aval == value.aval:
            found[value] = new


def _written(node: Any, value: Value, holder: Handle) -> RuntimeError:
    """The error for a value that `holder` wrote over."""
    own = node.plan.saves_result or holder._node is None
    maker = _maker(node, value) if own else (_named(holder._node), holder._index)
    return modified(value.aval, version(holder), value.version, *maker)


def _maker(node: Any, value: Value) -> tuple[str, int]:
    """The name of the node that made what was saved, "" of a leaf, and which of its results it was."""
    if node.plan.saves_result:
        return _named(node), 0
    operand = node.plan.used[next(i for i, v in enumerate(node.saved) if v is value)]
    maker, index = dict(zip(node.needs, node.edges, strict=True)).get(operand, (None, 0))
    if not hasattr(maker, "plan"):
        return "", 0
    # torch makes a view's node anew to ask it for its name.
    view = isinstance(maker.plan.pullback.origin[0], ViewOp)
    return ("AsStrided", 0) if view else (_named(maker), index)


def _named(maker: Any) -> str:
    """A node's name as the message has it: PowBackward1 is Pow1 there, MulBackward0 Mul."""
    stem, _, number = ("" if maker is None else maker.name()).rpartition("Backward")
    return stem + number.removeprefix("0")
