"""Tensors made of other tensors, and their place in the autograd graph: what sparse and complex32 tensors share.

A node of theirs holds one formula for each operand, in tensors, so gradients of gradients need nothing more.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare.dispatch import disabled
from jtorch._engine.backward import Node, OpNode, accumulator
from jtorch._engine.tape import threads
from jtorch._tensor import Tensor
from jtorch._types import autograd_errors, strided

Formula = Callable[[Any], Any]


class PartedTensor(Tensor):
    """A tensor whose numbers another one holds."""

    __torch_function__ = disabled
    _held: Tensor  # outside the graph, in which the tensor made of it stands itself

    def _like(self, held: Tensor) -> Any:
        """The same tensor with other numbers, in no graph."""
        raise NotImplementedError

    def _take(self, other: Any) -> None:
        """Shows from now on what another tensor holds."""
        raise NotImplementedError

    @property
    def grad_fn(self) -> Any:
        """The node that made this tensor."""
        return self._node

    @property
    def data(self) -> Any:
        """The same data, unknown to autograd."""
        return self.detach()

    @data.setter
    def data(self, new: Any) -> None:
        self._take(new)

    def detach(self) -> Any:
        """The same data outside the autograd graph."""
        return self._like(self._held)

    def __deepcopy__(self, memo: dict) -> Any:
        if not self.is_leaf:
            raise autograd_errors.deepcopy_of_result()
        t = self._like(copy.deepcopy(self._held, memo)).requires_grad_(self._requires_grad)
        memo[id(self)] = t
        t._grad = copy.deepcopy(self._grad, memo)
        return t


class PartedNode(Node):
    """The gradient of one operation on such tensors."""

    formulas: Sequence[Formula] | None = ()
    kinds: Sequence[Any] = ()  # dtypes of the operands

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        if self.formulas is None:
            raise autograd_errors.second_backward()
        (g,) = grads
        if g is None:
            return [None] * len(self.edges)
        found = zip(self.formulas, self.kinds, self.edges, strict=True)
        return [_fit(formula(g), kind, edge) for formula, kind, edge in found]

    def release(self) -> None:
        self.formulas = None


def _fit(g: Any, kind: Any, edge: Any) -> Any:
    """A gradient in the operand's dtype; a dense one where the next node computes with arrays."""
    if g is None:
        return None
    if g.dtype is not kind:
        g = (g.real if g.is_complex() and not kind.is_complex else g).to(kind)
    return g.to_dense() if g.layout is not strided and isinstance(edge[0], OpNode) else g


_classes: dict[str, type] = {}


def linked(result: Any, name: str, *operands: tuple[Any, Formula]) -> Any:
    """Puts a result that is in no graph above its operands, each given with the formula of its gradient."""
    tape = threads.tape
    if not tape.grad_enabled or not (result.is_floating_point() or result.is_complex()):
        return result
    needing = [(t, formula) for t, formula in operands if isinstance(t, Tensor) and t._requires_grad]
    if not needing:
        return result
    if name not in _classes:
        _classes[name] = type(name, (PartedNode,), {})
    node = _classes[name]()
    node.edges = [(t.grad_fn or accumulator(t), t._index) for t, _ in needing]
    node.formulas = [formula for _, formula in needing]
    node.kinds = [t.dtype for t, _ in needing]
    node.sequence = tape.sequence
    tape.sequence += 1
    result._requires_grad, result._node, result._index = True, node, 0
    return result


def named(result: Any, name: str) -> Any:
    """A result of ordinary ops under the name that torch gives the whole operation's grad node."""
    if not result._requires_grad or not threads.tape.grad_enabled:
        return result
    return linked(result.detach(), name, (result, lambda g: g))
