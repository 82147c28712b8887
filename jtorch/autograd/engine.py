"""`torch.autograd.backward` and `torch.autograd.grad`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._engine import backward as walk
from jtorch._tensor import Tensor, backward_of, root_gradients
from jtorch._types import autograd_errors


def _listed(x: Any) -> tuple:
    return (x,) if isinstance(x, Tensor) else tuple(x)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulates the gradients of `tensors` into the leaves they were made from.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import jtorch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    roots = _listed(tensors)
    given = grad_variables if grad_tensors is None else grad_tensors
    grads = (None,) * len(roots) if given is None else _listed(given)
    backward_of(roots, grads, retain_graph, create_graph, inputs)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of `outputs` with respect to `inputs`, returned instead of accumulated.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import jtorch as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> (g,) = torch.autograd.grad(x**3, x, create_graph=True)
    >>> torch.autograd.grad(g, x)
    (tensor(18.),)
    """
    if is_grads_batched:
        raise NotImplementedError("jtorch: is_grads_batched is not supported yet; call grad once per row instead")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    roots, wanted = _listed(outputs), _listed(inputs)
    for x in wanted:
        if not x.requires_grad:
            raise autograd_errors.input_without_grad()
    given = (None,) * len(roots) if grad_outputs is None else _listed(grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    found = walk.run_backward(roots, root_gradients(roots, given), keep, create_graph, wanted, accumulate=False)
    pairs = enumerate(zip(wanted, found, strict=True))
    return tuple(_filled(i, x, g, allow_unused, materialize_grads) for i, (x, g) in pairs)


def _filled(index: int, x: Tensor, g: Any, allow_unused: bool | None, materialize: bool) -> Any:
    if g is not None:
        return g
    if materialize:
        return walk.zeros(x._v.aval)
    if not allow_unused:
        raise autograd_errors.input_unused(index)
    return None
