"""The part of a generated binder that records a step the trie already knows.

It is `handle.apply` and `tape.record` written out for one op: no lists, no loops over operands. When
the step is new, when something recorded in between or when the op has several results, the general
way is taken instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._declare.roles import OPERANDS, Param
from jtorch._engine import handle, order
from jtorch._engine.handle import attach, read
from jtorch._engine.parts import Parted
from jtorch._engine.tape import Value, enter, flush, threads

_MOST_OPERANDS = 4

NAMES: dict[str, Any] = {
    "_threads": threads, "_read": read, "_enter": enter, "_flush": flush, "_Value": Value, "_new": object.__new__,
    "_handle": handle, "_attach": attach, "_kept": order.kept, "_columns": order.columns,
    "_laid_by": order.laid_by, "_as_images": order.as_images, "_Parted": Parted,
}  # fmt: skip


def fast_lines(
    params: tuple[Param, ...], statics: str, differentiable: bool, out: bool, layout: str | Sequence[str | None] | None
) -> list[str]:
    """Source of the fast path, to stand between a binder's checks and its general call."""
    data = [p for p in params if p.kind in OPERANDS]
    if not 0 < len(data) <= _MOST_OPERANDS or any(p.kind == "arrays" for p in data):
        return []
    lines = ["tape = _threads.tape", "epoch = tape.epoch"]
    for p in data:
        lines += _place(p)
    keys = ", ".join(f"k_{p.name}" for p in data)
    known = "node is not None and out is None" if out else "node is not None"
    lines += [
        "parent = epoch.node",
        f"node = parent.children.get((_op, {statics}, {keys}))",
        f"if {known}:",
        "    v = _Value()",
        "    v.array = None",
        "    v.aval = node.avals[0]",
        "    v.epoch = epoch",
        "    v.slot = node.slot",
        "    t = _new(_handle.tensor_class)",
        "    t._v = v",
        "    if tape.epoch is epoch and epoch.node is parent:",
        "        epoch.node = node",
        "        epoch.values.append(v)",
    ]
    for p in data:
        if _certain(p):
            continue
        lines.append(f"        if k_{p.name}.__class__ is type: epoch.numbers.append({p.name})")
    lines.append("        if node.cut: _flush(tape)")
    if differentiable:
        lines += _graph(data)
    if layout in ("pointwise", "images"):
        bent = " or ".join(f"{_is_tensor(p)}{p.name}._bent" for p in data)
        given = f"({', '.join(p.name for p in data)},)"
        lines.append(f"        if {bent}: {'_kept' if layout == 'pointwise' else '_as_images'}([t], {given})")
    elif layout == "columns":
        lines.append("        _columns(t)")
    lines.append("        return t")
    # A tensor made of parts ends the fast path: the general one finds the op's stand-in.
    return ["    try:", *(f"        {line}" for line in lines), "    except _Parted: pass"]


def _certain(p: Param) -> bool:
    """True for an operand that is a tensor whenever the checks have passed."""
    return not p.optional and (p.kind == "array" or (p.kind == "operand" and p.name == "input"))


def _is_tensor(p: Param) -> str:
    """The test that an operand is a tensor, where it may be something else."""
    return "" if _certain(p) else f"k_{p.name}.__class__ is int and "


def _place(p: Param) -> list[str]:
    n = p.name
    lines = [
        f"v_{n} = {n}._v if {n}._cell is None else _read({n})",
        f"if v_{n}.epoch is not epoch: v_{n} = _enter(tape, v_{n})",
        f"k_{n} = v_{n}.slot",
    ]
    if _certain(p):
        return lines
    return [
        f"if {n} is None: v_{n} = k_{n} = None",
        f"elif {n}.__class__ in _NUMBERS: v_{n}, k_{n} = {n}, {n}.__class__",
        "else:",
        *(f"    {line}" for line in lines),
    ]


def _graph(data: list[Param]) -> list[str]:
    lines = ["        if tape.grad_enabled:", "            needs = ()"]
    for i, p in enumerate(data):
        lines.append(f"            if {_is_tensor(p)}{p.name}._requires_grad: needs += ({i},)")
    operands = ", ".join(p.name for p in data)
    values = ", ".join(f"v_{p.name}" for p in data)
    lines.append(f"            if needs: _attach(tape, node, ({operands},), ({values},), needs, (t,))")
    return lines
