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
    exempt = [node.own, getattr(node.own, "mark", None)]
    for seen, place, operand in node.checks:
        if not _taken(exempt, seen):
            _follow(found, seen, place, place.version, _maker(node, operand))
    checked = [seen for seen, *_ in node.checks]
    exempt = [node.own, getattr(node.own, "mark", None)]
    for value, operand in _unchecked(node):
        by = getattr(value, "counter", None)
        if _taken(exempt, value) or by is None or any(value is other for other in checked):
            continue
        if by.__class__ is Place:
            _follow({} if operand is None else found, value, by, value.version, _maker(node, operand))
        else:
            raise _written(node, value, by, operand)
    for mark, result in node.marks:
        if not _taken(exempt, mark) and mark.counter is not None:
            raise _written(node, mark, mark.counter, None, result)
    if found and threads.tape.walk is not None and threads.tape.walk.watch is not None:
        threads.tape.walk.watch.key = None
    return found


def _taken(exempt: list, seen: Any) -> bool:
    """Whether something is exempt; it is so once."""
    for i, one in enumerate(exempt):
        if one is not None and seen is one:
            exempt[i] = None
            return True
    return False


def _unchecked(node: Any) -> list[tuple[Any, int | None]]:
    """What a node saved, as torch's formula does, and which operand it was, None of the result."""
    plan = node.plan
    if plan.saves_result:
        return [(v, None) for v in node.kept]
    if plan.watched is not None:
        return list(zip(plan.watched.of(node.saved), plan.watched.saved, strict=True))
    return list(zip(node.saved, plan.used, strict=True))


def _follow(found: dict, seen: Any, place: Place, expected: int, maker: tuple[str, int]) -> None:
    if place.counter.version != expected:
        raise modified(seen.aval, place.counter.version, expected, *maker)
    cell = place.cell
    if cell.puts != place.puts and seen.__class__ is Value:
        new = read_chain(cell.value, place.chain)
        if new.aval == seen.aval:
            found[seen] = new


def _written(node: Any, seen: Any, by: Handle, operand: int | None, result: int | None = None) -> RuntimeError:
    """The error for what the tensor `by` wrote over: an operand, or a result."""
    if result is not None:
        maker = named(node), result
    elif operand is None and node.plan.saves_result:
        maker = named(node), 0
    elif by._node is not None:
        maker = named(by._node), by._index
    else:
        maker = _maker(node, operand)
    return modified(seen.aval, version(by), seen.version, *maker)


def _maker(node: Any, operand: int | None) -> tuple[str, int]:
    """The name of the node that made an operand, "" of a leaf, and which of its results it was; of None the node."""
    if operand is None:
        return named(node), 0
    maker, index = dict(zip(node.needs, node.edges, strict=True)).get(operand, (None, 0))
    if not hasattr(maker, "plan"):
        return "", 0
    # torch makes a view's node anew to ask it for its name.
    view = isinstance(maker.plan.pullback.origin[0], ViewOp)
    return ("AsStrided", 0) if view else (named(maker), index)


def named(maker: Any) -> str:
    """A node's name as the message has it: PowBackward1 is Pow1 there, MulBackward0 Mul."""
    name = "" if maker is None else maker.name()
    stem, found, number = name.rpartition("Backward")
    return stem + number.removeprefix("0") if found and number.isdigit() else name
