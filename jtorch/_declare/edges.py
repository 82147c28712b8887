"""Which operands torch shows as edges of an op's grad node: those its formula could give a gradient.

Source: https://github.com/pytorch/pytorch/blob/main/tools/autograd/derivatives.yaml
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._engine.aval import Aval
from jtorch._engine.grad import differentiable

# torch makes tensors of these ops' numbers, others have a form for numbers.
_NUMBERS_ARE_TENSORS = frozenset({"add", "div", "mul", "sub", "where"})
# Floating-point tensors that have no gradient: statistics, random numbers, and the weights of losses.
_CONSTANTS = frozenset({"numbers", "running_mean", "running_var", "samples", "slopes"})
_LOSSES = ("loss", "entropy", "margin")
_MASK_OF_DROPOUT = "keep"  # a bool here, in torch a number it multiplies by


def edges_of(name: str, params: Sequence[Any], specs: tuple) -> tuple[int, ...]:
    """The operands, by number, that are edges, whether or not they need a gradient. `params` are those of operands."""
    if any(p.kind == "arrays" for p in params):
        # Beside another tensor a list is one of indices.
        return tuple(i for i, s in enumerate(specs) if isinstance(s, Aval) and (len(params) == 1 or differentiable(s)))
    of_tensors = any(p.kind == "operand" and isinstance(s, Aval) for p, s in list(zip(params, specs, strict=True))[1:])
    return tuple(i for i, (p, s) in enumerate(zip(params, specs, strict=True)) if _is_edge(name, p, s, of_tensors))


def _is_edge(name: str, param: Any, spec: Any, of_tensors: bool) -> bool:
    """`of_tensors`: it is the form of the op whose second operand is no number."""
    if param.name in _CONSTANTS or (param.name in ("weight", "pos_weight") and any(word in name for word in _LOSSES)):
        return False
    if isinstance(spec, Aval):
        return param.kind == "operand" or param.name == _MASK_OF_DROPOUT or differentiable(spec)
    if spec is None:
        return param.name in ("weight", "bias") or (param.kind == "operand" and of_tensors)
    return param.kind == "operand" and name in _NUMBERS_ARE_TENSORS
