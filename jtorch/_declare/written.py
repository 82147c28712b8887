"""The graph of ops in place where torch's nodes are not those of the plain op.

Comparisons have no gradient, but in place they count as functions of what they overwrite, whose gradient is zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jtorch._engine.handle import EngineOp, Handle, apply, rename_node
from jtorch._engine.tape import threads
from jtorch._engine.underivable import sever

_OWN_NODES = {
    "acosh_": "AcoshBackward1", "arccosh_": "AcoshBackward1", "asinh_": "AsinhBackward1", "arcsinh_": "AsinhBackward1",
    "atanh_": "AtanhBackward1", "arctanh_": "AtanhBackward1", "conj_physical_": "ConjPhysicalBackward1",
}  # fmt: skip
_NO_GRADIENT = {"AcoshBackward1": "acosh", "AsinhBackward1": "asinh", "AtanhBackward1": "atanh"}
_COMPARISONS = {
    "eq_": "Eq", "ne_": "Ne", "not_equal_": "Ne", "lt_": "Lt", "less_": "Lt", "le_": "Le", "less_equal_": "Le",
    "gt_": "Gt", "greater_": "Gt", "ge_": "Ge", "greater_equal_": "Ge",
}  # fmt: skip
# torch neither looks whether a gradient may flow through what these write nor changes its history.
UNTRACKED = frozenset({"logical_and_", "logical_or_", "logical_xor_", "logical_not_"})
_OVER = EngineOp("over", lambda specs, statics: statics[0], lambda statics, *arrays: arrays[-1])


def in_graph(name: str, target: Any, result: Any, reads: Iterable) -> Any:
    """The result of an op in place with torch's node, given the tensors it reads beside `target`."""
    if result._node is not None:
        if name in _OWN_NODES:
            rename_node(result, _OWN_NODES[name])
            if (plain := _NO_GRADIENT.get(_OWN_NODES[name])) is not None:
                words = f"the derivative for 'inplace version of {plain}' is not implemented."
                sever(result, _OWN_NODES[name], NotImplementedError(words))
        return result
    if name not in _COMPARISONS:
        return result
    others = [x for x in reads if isinstance(x, Handle) and x is not target]
    found = target._v.aval.dtype
    if not threads.tape.grad_enabled or not (found.is_floating_point or found.is_complex):
        return result
    if not any(x._requires_grad for x in (target, *others)):
        return result
    by_tensor = any(isinstance(x, Handle) for x in reads)  # beside a number torch has another overload
    return apply(_OVER, (target, *others, result), (f"{_COMPARISONS[name]}Backward{int(by_tensor)}",))[0]
