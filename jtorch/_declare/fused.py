"""One recorded op over many tensors, written back in place: an optimizer's whole step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jtorch._engine.aval import Aval
from jtorch._engine.grad import shape_of
from jtorch._engine.handle import Handle, read
from jtorch._engine.tape import BaseOp, record, threads
from jtorch._engine.writing import replace_value, write_value


class _SeveralDevices(Exception):
    """Parameters of one group are on several devices."""


class FusedOp(BaseOp):
    """An update of lists of tensors. Its statics are the lengths of the lists and the body's own."""

    differentiable = False

    def __init__(self, name: str, body: Callable):
        self.name = name
        self.body = body
        self.written: dict[tuple, tuple[int, ...]] = {}  # by statics: positions of the operands it replaces

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        lengths = statics[0]
        if len({s.device for s in specs if isinstance(s, Aval)}) > 1:
            raise _SeveralDevices
        replaced: list[int] = []

        def run(*arrays: Any) -> None:
            starts = [sum(lengths[:i]) for i in range(len(lengths))]
            results = self._call(list(arrays), statics)
            replaced.extend(
                at for new, start, n in zip(results, starts, lengths, strict=True) if new is not None
                for at in range(start, start + n)
            )  # fmt: skip

        shape_of(run, specs)
        self.written[statics] = tuple(replaced)
        return tuple(specs[i] for i in replaced)

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        return tuple(x for new in self._call(arrays, statics) if new is not None for x in new)

    def _call(self, arrays: list, statics: tuple) -> Sequence:
        lengths, own = statics
        lists, at = [], 0
        for n in lengths:
            lists.append(arrays[at : at + n])
            at += n
        return self.body(lists, arrays[at:], own)


_ops: dict[tuple[str, Callable], FusedOp] = {}


def fused_update(
    name: str, body: Callable, tensors: Sequence[Sequence[Handle]], numbers: Sequence[float], statics: tuple = (),
    again: Callable[[], Sequence[float]] | None = None,
) -> None:  # fmt: skip
    """Records `body(tensors as lists of arrays, numbers, statics)` as one op and writes its results.

    The body returns one entry per list: the new arrays, which are written in place outside the
    autograd graph, or None for a list that is only read. Numbers are data and arrive as 0-d float64
    arrays: a new value never recompiles. `again` computes those of the next step: a compiled function calls it.
    """
    op = _ops.get((name, body))
    if op is None:
        op = _ops.setdefault((name, body), FusedOp(name, body))
    flat = [t for ts in tensors for t in ts]
    values = [t._v if t._cell is None else read(t) for t in flat]
    shape = (tuple(map(len, tensors)), statics)
    tape = threads.tape
    if tape.capture is not None and again is not None:
        tape.capture.computed(len(tape.epoch.numbers), len(numbers), again)
    try:
        _, results = record(tape, op, (*values, *map(float, numbers)), shape)
    except _SeveralDevices:
        for part in _by_device(tensors):
            fused_update(name, body, part, numbers, statics)
        return
    for at, value in zip(op.written[shape], results, strict=True):
        t = flat[at]
        if t._cell is None:
            replace_value(t, value)
        else:
            write_value(t, value)


def _by_device(tensors: Sequence[Sequence[Handle]]) -> list[list[list[Handle]]]:
    """Lists that belong together, one for each device of the first list's tensors."""
    places = [t._v.aval.device for t in tensors[0]]
    return [
        [[t for t, at in zip(ts, places, strict=True) if at == place] if ts else [] for ts in tensors]
        for place in dict.fromkeys(places)
    ]


__all__ = ["FusedOp", "fused_update"]
