"""torch.autograd.graph: the nodes of the graph, what they save, and hooks on several gradients.

https://docs.pytorch.org/docs/stable/autograd.html#saved-tensors-default-hooks
"""

from __future__ import annotations

import abc
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jtorch._engine import backward as walk
from jtorch._engine.backward import GradientEdge as GradientEdge
from jtorch._engine.handle import read, wrap
from jtorch._engine.tape import graph_watch, threads
from jtorch._engine.writing import written
from jtorch._tensor import Tensor


class Node(abc.ABC):
    """A node of the autograd graph; every `grad_fn` is an instance.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> isinstance((x * 2).grad_fn, torch.autograd.graph.Node)
    True
    """

    @abc.abstractmethod
    def name(self) -> str:
        """torch's name of the node."""

    @property
    @abc.abstractmethod
    def next_functions(self) -> tuple:
        """The nodes that made the operands, each with the result's index."""

    @abc.abstractmethod
    def metadata(self) -> dict:
        """A dictionary for the user's notes."""

    @property
    @abc.abstractmethod
    def _input_metadata(self) -> list:
        """What is known of the node's results."""

    @abc.abstractmethod
    def _register_hook_dict(self, tensor: Any) -> None:
        """Takes over a tensor's hooks."""

    @abc.abstractmethod
    def _sequence_nr(self) -> int:
        """When the node was made, counted."""

    @abc.abstractmethod
    def register_hook(self, fn: Callable) -> walk.RemovableHandle:
        """Calls `fn(grad_inputs, grad_outputs)` after the node ran."""

    @abc.abstractmethod
    def register_prehook(self, fn: Callable) -> walk.RemovableHandle:
        """Calls `fn(grad_outputs)` before the node runs."""


Node.register(walk.Node)


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place where a tensor's gradient arrives; `grad` and `backward` take it in the tensor's stead.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> edge = torch.autograd.graph.get_gradient_edge(x * 3)
    >>> torch.autograd.grad(edge, x, torch.ones(2))
    (tensor([3., 3.]),)
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*walk.place_of(tensor))


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Counts a write to a tensor, or to several, that autograd did not see.

    >>> import jtorch as torch
    >>> x = torch.ones(2)
    >>> torch.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    if not isinstance(tensor, Iterable):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        written(t)


class saved_tensors_hooks:
    """Inside, `pack_hook` is called with each tensor that is saved for backward, and `unpack_hook` with what it
    returned when backward needs the tensor.

    An operation whose gradient torch takes from its result saves its operand here, and the hook is given that.

    >>> import jtorch as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        tape = threads.tape
        if tape.saving_refused is not None:
            raise RuntimeError(tape.saving_refused)
        tape.saving.append((self.pack_hook, self.unpack_hook))
        graph_watch.active += 1

    def __exit__(self, *exc: object) -> None:
        threads.tape.saving.pop()
        graph_watch.active -= 1


class save_on_cpu(saved_tensors_hooks):
    """What is saved for backward inside lies in the memory of the host.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.save_on_cpu():
    ...     y = (x * x).sum()
    >>> y.backward()
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(t: Tensor) -> tuple[Any, Tensor]:
            return t.device, t.cpu()

        def unpack(packed: tuple[Any, Tensor]) -> Tensor:
            device, t = packed
            return t.to(device)

        super().__init__(pack, unpack)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside, no hooks on saved tensors may be in force: RuntimeError with this sentence.

    >>> import jtorch as torch
    >>> with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
    ...     with torch.autograd.graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
    RuntimeError: not here
    """
    tape = threads.tape
    if tape.saving:
        raise RuntimeError(error_message)
    before, tape.saving_refused = tape.saving_refused, error_message
    try:
        yield
    finally:
        tape.saving_refused = before


class _MultiHandle(walk.RemovableHandle):
    """Takes out the hooks on all tensors together."""

    def __init__(self, handles: Sequence[walk.RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all"
) -> walk.RemovableHandle:
    """Calls `fn` once in each backward: with the gradients of all tensors when the last of those it computes is there,
    None for the others; or, `mode="any"`, with the first gradient that is there.

    >>> import jtorch as torch
    >>> x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    >>> handle = torch.autograd.graph.register_multi_grad_hook((x, y), lambda gradients: print(*gradients))
    >>> (x * 2 + y * 3).sum().backward()
    tensor([2., 2.]) tensor([3., 3.])
    >>> handle.remove()
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "all":
        return _MultiHandle(_hooks_on_all(tensors, fn))
    seen: weakref.WeakSet = weakref.WeakSet()

    def first(gradient: Tensor) -> None:
        running = threads.tape.walk
        if running not in seen:
            seen.add(running)
            fn(gradient)

    return _MultiHandle([t.register_hook(first) for t in tensors if t.requires_grad])


def _hooks_on_all(tensors: Sequence[Tensor], fn: Callable[[Any], None]) -> list[walk.RemovableHandle]:
    nodes = []
    for t in tensors:
        assert t.requires_grad, "Expected gradient function to be set"
        nodes.append(walk.place_of(t)[0])
    found: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

    def hook(place: int, gradient: Tensor) -> None:
        running = threads.tape.walk
        state = found.get(running)
        if state is None:
            state = found[running] = [[None] * len(nodes), sum(map(running.executes, nodes))]
        state[0][place] = gradient
        state[1] -= 1
        if not state[1]:
            fn(found.pop(running)[0])

    def at(place: int) -> Callable[[Tensor], None]:
        return lambda gradient: hook(place, gradient)

    return [t.register_hook(at(i)) for i, t in enumerate(tensors)]


_OUTSIDE = (
    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
    "in which the graph was originally recorded."
)


class _AllowMutationOnSavedContext:
    """What the block keeps of tensors saved inside."""

    def __init__(self) -> None:
        self.kept: dict[int, Any] = {}

    def clear(self) -> None:
        """Forgets all: a backward after this is refused."""
        self.kept.clear()


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutationOnSavedContext]:
    """Inside, tensors saved for backward may be written: the backward, inside too, sees what they were.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x * 1
    ...     z = (y * y).sum()
    ...     y.zero_()
    ...     z.backward()
    tensor([0., 0.], grad_fn=<ZeroBackward0>)
    >>> x.grad
    tensor([2., 2.])
    """
    tape = threads.tape
    if tape.mutation is not None:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = tape.mutation = _AllowMutationOnSavedContext()

    def pack(t: Tensor) -> int:
        value = read(t)
        context.kept[id(value)] = value
        return id(value)

    def unpack(name: int) -> Tensor:
        assert name in context.kept, _OUTSIDE
        return wrap(context.kept[name])

    try:
        with saved_tensors_hooks(pack, unpack):
            yield context
    finally:
        context.clear()
        tape.mutation = None


__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip
