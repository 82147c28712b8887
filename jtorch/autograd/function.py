"""User-defined gradients: `torch.autograd.Function`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from jtorch._engine import backward as walk
from jtorch._engine.handle import Handle, alias, version
from jtorch._engine.tape import threads
from jtorch._tensor import Tensor
from jtorch._types import autograd_errors
from jtorch.autograd.modes import no_grad


class FunctionCtx:
    """What `forward` leaves for `backward`."""

    _to_save: tuple = ()
    _non_differentiable: tuple = ()
    _dirty: tuple = ()
    _materialize = True
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps inputs or outputs for `backward`, where they are `ctx.saved_tensors`."""
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keeps tensors for `jvp`."""
        self._to_save = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Says which inputs `forward` changed in place."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Says which outputs have no gradient."""
        self._non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients reach `backward` as zeros (the default) or as None."""
        self._materialize = value


class FunctionNode(FunctionCtx, walk.Node):
    """The grad node of one call, and its `ctx`."""

    _function: Any
    _outputs: tuple = ()

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept."""
        if self.saved is None:
            raise autograd_errors.second_backward()
        return tuple(x if x is None or not isinstance(x, _Saved) else x.unpack(self) for x in self.saved)

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        if self._freed:
            raise autograd_errors.second_backward()
        grads = grads + [None] * (len(self._outputs) - len(grads))
        if self._materialize:
            grads = [walk.zeros(a) if g is None and d else g for g, (a, d) in zip(grads, self._outputs, strict=True)]
        found = self._function.backward(self, *grads)
        found = found if isinstance(found, tuple) else (found,)
        return self._checked(found)

    def _checked(self, found: tuple) -> list:
        expected = len(self.edges)
        extra = found[expected:]
        if len(found) < expected or any(x is not None for x in extra):
            raise RuntimeError(
                f"function {type(self).__name__} returned an incorrect number of gradients "
                f"(expected {expected}, got {len(found)})"
            )
        return [
            None if edge is None or g is None else _fit(type(self).__name__, i, g, aval)
            for i, (g, edge, aval) in enumerate(zip(found, self.edges, self._inputs, strict=False))
        ]

    _freed = False
    _inputs: tuple = ()

    def release(self) -> None:
        if self.saved:
            self.saved = None
            self._freed = True


def _fit(name: str, index: int, g: Any, aval: Any) -> Any:
    if not isinstance(g, Handle):
        raise TypeError(f"expected Variable or None (got {type(g).__name__})")
    if g._v.aval.shape != aval.shape:
        if g._v.aval.ndim >= len(aval.shape) and _reducible(g._v.aval.shape, aval.shape):
            return g.sum_to_size(aval.shape)
        raise RuntimeError(
            f"Function {name} returned an invalid gradient at index {index} - got {list(g._v.aval.shape)} "
            f"but expected shape compatible with {list(aval.shape)}"
        )
    return g


def _reducible(shape: tuple, to: tuple) -> bool:
    return all(a == b or b == 1 for a, b in zip(reversed(shape), reversed(to), strict=False))


class _Saved:
    """A saved tensor: its value, its place in the graph and its version when it was saved."""

    def __init__(self, t: Any, own: int | None):
        self.value = t._v if t._cell is None else alias(t)._v
        self.holder = t if t._node is None and own is None else None
        self.edge = None if not t._requires_grad else (t._node or walk.accumulator(t), t._index)
        self.own = own  # which output of the function itself, if it is one
        self.counter = t
        self.version = version(t)

    def unpack(self, node: FunctionNode) -> Any:
        if version(self.counter) != self.version:
            aval = self.value.aval
            raise autograd_errors.saved_modified(
                aval.dtype.type_name, aval.shape, "", 0, version(self.counter), self.version
            )
        if self.own is not None:
            return walk.with_history(self.value, (node, self.own))
        return self.holder if self.holder is not None else walk.with_history(self.value, self.edge)


class Function:
    """A differentiable operation with a gradient of its own: subclass it with static `forward` and `backward`.

    https://docs.pytorch.org/docs/stable/autograd.html#function

    >>> import jtorch as torch
    >>> class Cube(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return 3 * x**2 * grad
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    _node_class: type = FunctionNode

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._node_class = type(f"{cls.__name__}Backward", (FunctionNode,), {"_function": cls})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the result; `ctx` comes first unless `setup_context` is defined."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> Any:
        """Prepares `ctx` when `forward` does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the inputs, given those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs `forward` and records `backward`."""
        node = cls._node_class()
        tensors = [x for x in args if isinstance(x, Tensor)]
        recording = threads.tape.grad_enabled and any(x._requires_grad for x in tensors)
        node.needs_input_grad = tuple(isinstance(x, Tensor) and x._requires_grad for x in args)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                out = cls.forward(*args, **kwargs)
                cls.setup_context(node, args, out)
            else:
                out = cls.forward(node, *args, **kwargs)
        outs = out if isinstance(out, tuple) else (out,)
        outs = tuple(_separate(o, args, node) for o in outs)
        if recording:
            _link(node, args, outs)
        node.saved = tuple(
            None if t is None else _Saved(t, _position(t, outs) if recording else None) for t in node._to_save
        )
        node._to_save = ()
        return outs if isinstance(out, tuple) else outs[0]


def _position(t: Any, outs: tuple) -> int | None:
    return next((i for i, o in enumerate(outs) if o is t), None)


def _separate(o: Any, args: tuple, node: FunctionNode) -> Any:
    """An input returned as it is becomes a tensor of its own, unless it was changed in place."""
    if isinstance(o, Tensor) and any(o is a for a in args) and not any(o is d for d in node._dirty):
        return alias(o)
    return o


def _link(node: FunctionNode, args: tuple, outs: tuple) -> None:
    node.edges = [
        (x._node or walk.accumulator(x), x._index) if isinstance(x, Tensor) and x._requires_grad else None for x in args
    ]
    node._inputs = tuple(x._v.aval if isinstance(x, Tensor) else None for x in args)
    tape = threads.tape
    node.sequence = tape.sequence
    tape.sequence += 1
    described = []
    for i, o in enumerate(outs):
        if not isinstance(o, Tensor):
            described.append((None, False))
            continue
        kind = o._v.aval.dtype
        flows = (kind.is_floating_point or kind.is_complex) and not any(o is x for x in node._non_differentiable)
        described.append((o._v.aval, flows))
        if flows:
            o._requires_grad, o._node, o._index = True, node, i
    node._outputs = tuple(described)


def once_differentiable(fn: Callable) -> Callable:
    """Marks a `backward` whose own gradient must not be taken: it runs without recording, and a second
    derivative raises an error."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            found = fn(ctx, *args)
        if not threads.tape.grad_enabled or not any(isinstance(a, Tensor) and a._requires_grad for a in args):
            return found
        outs = found if isinstance(found, tuple) else (found,)
        node = _Refusing()
        node.edges = [
            (a._node or walk.accumulator(a), a._index) if isinstance(a, Tensor) and a._requires_grad else None
            for a in args
        ]
        for i, o in enumerate(outs):
            if isinstance(o, Tensor):
                o._requires_grad, o._node, o._index = True, node, i
        return found

    return wrapper


class _Refusing(walk.Node):
    def apply(self, grads: list, create_graph: bool) -> Sequence:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
