"""`torch.autograd.backward` and `torch.autograd.grad`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jtorch._declare.dispatch import handle, seen
from jtorch._engine import backward as walk
from jtorch._engine.backward import GradientEdge
from jtorch._engine.handle import read
from jtorch._engine.rows import Rows
from jtorch._engine.tape import forward_mode
from jtorch._ops.joining import stack
from jtorch._tensor import Tensor, backward_of, root_gradients
from jtorch._types import autograd_errors, graph_errors
from jtorch._types.user_frame import warn


def _listed(x: Any) -> tuple:
    alone = isinstance(x, (Tensor, GradientEdge)) or hasattr(type(x), "__torch_function__")
    found: Any = (x,) if alone else x
    return tuple(found)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulates the gradients of `tensors`, or what arrives at edges, into the leaves they were made from.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.backward.html

    >>> import jtorch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    if grad_variables is not None:
        warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only "
                "use `grad_tensors`."
            )
        grad_tensors = grad_variables
    roots = _listed(tensors)
    grads = (None,) * len(roots) if grad_tensors is None else _listed(grad_tensors)
    if isinstance(inputs, dict):
        inputs = tuple(inputs.values())
    backward_of(roots, grads, retain_graph, create_graph, inputs)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`, returned instead of accumulated.

    Of a dictionary of inputs it returns one of gradients. With `is_grads_batched` each of `grad_outputs` holds many
    along its first dimension, and so does each result.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad.html

    >>> import jtorch as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> (g,) = torch.autograd.grad(x**3, x, create_graph=True)
    >>> torch.autograd.grad(g, x)
    (tensor(18.),)
    """
    if seen((*_listed(outputs), *_listed(inputs.values() if isinstance(inputs, dict) else inputs))):
        options = {
            "grad_outputs": grad_outputs, "retain_graph": retain_graph, "create_graph": create_graph,
            "only_inputs": only_inputs, "allow_unused": bool(allow_unused), "is_grads_batched": is_grads_batched,
            "materialize_grads": materialize_grads,
        }  # fmt: skip
        given = (_listed(outputs), _listed(inputs))
        return handle(grad, "torch.autograd.grad", (*given[0], *given[1]), given, options)
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if isinstance(inputs, dict):
        named = grad(
            outputs, tuple(inputs.values()), grad_outputs, retain_graph, create_graph, only_inputs, allow_unused,
            is_grads_batched, materialize_grads,
        )  # fmt: skip
        return dict(zip(inputs, named, strict=True))
    if not only_inputs:
        warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for "
            "other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
        )
    roots, wanted = _listed(outputs), _listed(inputs)
    given = (None,) * len(roots) if grad_outputs is None else _listed(grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    if not is_grads_batched:
        found = _gradients(roots, root_gradients(roots, given), keep, create_graph, wanted)
    else:
        found = _of_rows(roots, given, keep, create_graph, wanted)
    pairs = enumerate(zip(wanted, found, strict=True))
    return tuple(_filled(i, x, g, allow_unused, materialize_grads) for i, (x, g) in pairs)


def _gradients(roots: Sequence, grads: Sequence, keep: bool, create_graph: bool, wanted: Sequence) -> list:
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    for x in wanted:
        if not isinstance(x, GradientEdge) and not x.requires_grad:
            raise autograd_errors.input_without_grad()
    return walk.run_backward(roots, grads, keep, create_graph, wanted, accumulate=False)


def _of_rows(roots: Sequence, given: Sequence, keep: bool, create_graph: bool, wanted: Sequence) -> list:
    """One walk for all rows of the gradients given; within forward mode, one for each."""
    for i, (t, g) in enumerate(zip(roots, given, strict=False)):
        if g is not None and g.shape[1:] != walk.aval_of_root(t).shape:
            raise graph_errors.batched_grad_shape(i, g.shape[2:], walk.aval_of_root(t).shape)
    size = next((g.shape[0] for g in given if g is not None), 0)
    if size and forward_mode.level < 0:
        return _of_rows_at_once(size, roots, given, keep, create_graph, wanted)
    rows = [[None] * len(given)] if all(g is None for g in given) else _rows(given)
    found = [
        _gradients(roots, root_gradients(roots, row), keep or at < len(rows) - 1, create_graph, wanted)
        for at, row in enumerate(rows)
    ]
    return [None if column[0] is None else stack(column) for column in zip(*found, strict=True)]


def _of_rows_at_once(
    size: int, roots: Sequence, given: Sequence, keep: bool, create_graph: bool, wanted: Sequence
) -> list:
    rows = Rows(size, "error", lambda: None)
    taken = [None if g is None else rows.take(g, 0) for g in given]
    with rows.running():
        found = _gradients(roots, root_gradients(roots, taken), keep, create_graph, wanted)
        tensors = [g for g in found if g is not None]
        for g in tensors:
            read(g)
    made = rows.results(tensors, axes=[0] * len(tensors))
    if create_graph:
        rows.link(tensors, made)
    results = iter(made)
    return [None if g is None else next(results)[0] for g in found]


def _rows(given: Sequence) -> list[list]:
    """The gradients of each row; of none, as of one of zeros."""
    size = next(g.shape[0] for g in given if g is not None)
    columns = [[None] * size if g is None else [g[i] for i in range(max(size, 1))] for g in given]
    return [list(row) for row in zip(*columns, strict=True)]


def _filled(index: int, x: Any, g: Any, allow_unused: bool | None, materialize: bool) -> Any:
    if g is not None:
        return g
    if materialize:
        return walk.zeros(walk.aval_of_root(x))
    if not allow_unused:
        raise autograd_errors.input_unused(index)
    return None


def clear_gradients(tensors: Iterable[Tensor], set_to_none: bool) -> None:
    """Forgets the gradients of tensors, or sets them to zero in place and outside the graph: `zero_grad`."""
    for t in tensors:
        g = t.grad
        if g is None:
            continue
        if set_to_none:
            t.grad = None
            continue
        if g.grad_fn is None:
            g.requires_grad_(False)
        else:
            g.detach_()
        g.zero_()
