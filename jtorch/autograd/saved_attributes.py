"""`grad_fn._saved_self` and its kin: what a node saved, under torch's names.

An op's node has what jtorch saved for it: tensors and numbers its gradient uses, and the op's static arguments. Where
torch saves a result it has the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jtorch._declare.bind import SINGLE_OVERLOAD
from jtorch._declare.roles import OPERANDS
from jtorch._engine.backward import OpNode, install_attributes, placed, with_history
from jtorch._engine.saved import Packed, pack_with
from jtorch._engine.tape import Value
from jtorch._ops.creation import tensor
from jtorch._types import autograd_errors, graph_errors

_PREFIX, _RAW = "_saved_", "_raw_saved_"


class SavedTensor:
    """A tensor that a node saved; `register_hooks` keeps it in another form.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> y = x * x
    >>> y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t * 10)
    >>> torch.autograd.grad(y.sum(), x)
    (tensor([11., 11.]),)
    """

    def __init__(self, node: OpNode, place: int, operand: int):
        self._node, self._place, self._operand = node, place, operand

    def register_hooks(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        """Calls `pack_hook` now with the tensor, and `unpack_hook` with what it returned when backward needs it."""
        node = self._node
        if node.saved is None:
            raise graph_errors.hooks_on_freed()
        if isinstance(node.saved[self._place], Packed):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of "
                "hooks is allowed at a time."
            )
        pack_with(node, (pack_hook, unpack_hook), self._place, self._operand)


def _names(node: OpNode) -> Iterator[tuple[str, str, int]]:
    """Names of an op's arguments: each with "operand" or "static" and its place among those."""
    origin = node.plan.pullback.origin
    op, specs, statics = origin[:3]
    params = getattr(op, "params", ())
    if any(p.kind == "arrays" for p in params):
        return
    operands = [p for p in params if p.kind in OPERANDS]
    fixed = [p for p in params if p.kind not in OPERANDS]
    if len(operands) == len(specs) and len(fixed) == len(statics):
        for i, p in enumerate(operands):
            yield "self" if p.name == "input" else p.name, "operand", i
        for i, p in enumerate(fixed):
            yield p.name, "static", i


def attribute(node: OpNode, name: str) -> Any:
    """`_saved_...` or `_raw_saved_...` of a node; AttributeError when it saved nothing of that name."""
    raw = name.startswith(_RAW)
    wanted = name.removeprefix(_RAW if raw else _PREFIX)
    op, _, statics = node.plan.pullback.origin[:3]
    if node.plan.saves_result and wanted == "result":
        return _result(node, raw)
    for found, kind, i in _names(node):
        if found == wanted and kind == "static" and not raw:
            return statics[i]
        if found == wanted and kind == "operand" and not node.plan.saves_result and i in node.plan.used:
            return _operand(node, op, node.plan.used.index(i), i, raw)
    raise AttributeError(f"{type(node).__name__!r} object has no attribute {name!r}")


def _operand(node: OpNode, op: Any, place: int, operand: int, raw: bool) -> Any:
    if raw:
        return SavedTensor(node, place, operand)
    if node.saved is None:
        raise autograd_errors.second_backward()
    value = node.saved[place]
    if isinstance(value, Packed):
        return value.unpack()
    if value.__class__ is not Value:
        return tensor(value) if op.name in SINGLE_OVERLOAD else value
    return with_history(node.usable()[place], dict(zip(node.needs, node.edges, strict=True)).get(operand))


def _result(node: OpNode, raw: bool) -> Any:
    if raw:
        return SavedTensor(node, 0, node.plan.used[0])
    if node.saved is None:
        raise autograd_errors.second_backward()
    if not node.kept:
        raise NotImplementedError("jtorch: a result saved under hooks is not kept; read it before the hooks are set")
    return placed(node.kept[0], (node, 0))


def attributes(node: OpNode) -> list[str]:
    """The names that `attribute` answers, for `dir`."""
    tensors, others = (["result"], []) if node.plan.saves_result else ([], [])
    for name, kind, i in _names(node):
        if kind == "static":
            others.append(name)
        elif not node.plan.saves_result and i in node.plan.used:
            (tensors if i in node.plan.saved_tensors else others).append(name)
    return [_PREFIX + n for n in (*tensors, *others)] + [_RAW + n for n in tensors]


install_attributes(attribute, attributes)
