"""Hooks on gradients: how they are run and taken out, and what they may return."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jtorch._engine.handle import Handle

_ids = itertools.count()


class RemovableHandle:
    """Takes a hook out again: `handle.remove()`, or at the end of a `with` block."""

    def __init__(self, hooks: dict, *others: dict):
        self.id = next(_ids)
        self._dicts = (hooks, *others)

    def remove(self) -> None:
        for hooks in self._dicts:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _name(hook: Callable) -> str:
    return getattr(hook, "__name__", "<unknown>")


def check_value(hook: Callable, before: Any, after: Any) -> None:
    """A gradient replaced by a hook keeps its type and size."""
    if not isinstance(after, Handle):
        raise TypeError(f"expected Variable, but hook returned '{type(after).__name__}'")
    if before is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    was, found = before._v.aval, after._v.aval
    if found.dtype is not was.dtype:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value (was torch.{was.dtype.type_name}Tensor got "
            f"torch.{found.dtype.type_name}Tensor)"
        )
    if found.shape != was.shape:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")


def checked_tuple(hook: Callable, before: Sequence, after: Any) -> tuple:
    """Gradients replaced by a node's hook: as many as there were."""
    if not isinstance(after, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(after).__name__}'")
    if len(after) != len(before):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(after)}, but expected "
            f"{len(before)})"
        )
    for old, new in zip(before, after, strict=True):
        if new is not None:
            check_value(hook, old, new)
    return after


def run_after_accumulation(leaf: Handle, hooks: Iterable[Any]) -> None:
    """Hooks on a leaf's accumulated gradient, which return nothing. torch notices a tensor only at the end: the next
    hook is given it."""
    shown = leaf
    for hook in hooks:
        found = hook(shown)
        if found is not None and not isinstance(found, Handle):
            raise TypeError(f"expected Variable, but hook returned '{type(found).__name__}'")
        shown = shown if found is None else found
    if shown is not leaf:
        raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def run_before(node: Any, grads: list) -> None:
    """Hooks of the node's results as tensors, then `retain_grad`."""
    for index, hooks in (node.tensor_hooks or {}).items():
        if index < len(grads) and grads[index] is not None:
            for hook in list(hooks.values()):
                changed = hook(grads[index])
                if changed is not None:
                    check_value(hook, grads[index], changed)
                    grads[index] = changed
    for index, keep in (node.retained or {}).items():
        if index < len(grads) and grads[index] is not None:
            keep(grads[index])


def run_node_before(node: Any, grads: list) -> None:
    """Hooks registered on a node to run before it; each may replace the gradients that arrived."""
    for hook in list((node._pre or {}).values()):
        changed = hook(tuple(grads))
        if changed is not None:
            grads[:] = checked_tuple(hook, grads, changed)


def run_after(node: Any, results: Sequence, grads: list) -> Sequence:
    """Hooks registered on a node; each may replace the gradients it sends on."""
    shown = node.shown_gradients(results)
    for hook in list((node._post or {}).values()):
        changed = hook(shown, tuple(grads))
        if changed is not None:
            shown = checked_tuple(hook, shown, changed)
    return node.sent_gradients(shown)
