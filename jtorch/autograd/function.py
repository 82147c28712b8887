"""User-defined gradients: `torch.autograd.Function`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare.variants import cast_to
from jtorch._engine import anomaly, forward
from jtorch._engine import backward as walk
from jtorch._engine.handle import Handle, alias, read, version, wrap
from jtorch._engine.rows import differentiated
from jtorch._engine.saved import Packed, pack
from jtorch._engine.tape import forward_mode, threads
from jtorch._engine.versions import modified, named
from jtorch._engine.writing import assign, written
from jtorch._tensor import Tensor
from jtorch._types import autograd_errors, graph_errors, vmap_errors
from jtorch._types.user_frame import warn
from jtorch.autograd import mapped_function
from jtorch.autograd.modes import no_grad


class FunctionCtx:
    """What `forward` leaves for `backward`."""

    to_save: tuple = ()
    saved_for_forward: tuple | None = None
    non_differentiable: tuple = ()
    dirty_tensors: tuple = ()
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keeps inputs or outputs for `backward`, where they are `ctx.saved_tensors`."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keeps tensors for `jvp`."""
        for t in tensors:
            assert isinstance(t, Tensor) or t is None, (
                "save_for_forward expects all arguments to be tensors; you should save non-tensors as attributes on "
                "ctx."
            )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Says which inputs `forward` changed in place."""
        self.dirty_tensors = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Did say which outputs share memory with inputs; torch's FutureWarning, and nothing else."""
        warn(
            "`mark_shared_storage` is deprecated. Tensors with shared storages are automatically tracked. Note that "
            "calls to `set_()` are not tracked",
            FutureWarning,
        )

    def mark_non_differentiable(self, *args: Any) -> None:
        """Says which outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients reach `backward` as zeros (the default) or as None."""
        self.materialize_grads = value


class BackwardCFunction(FunctionCtx, walk.Node):
    """The grad node of one call, and its `ctx`."""

    _forward_cls: Any
    _outputs: tuple = ()  # avals of the results, None for what is no tensor
    _inputs: tuple = ()  # avals of the arguments, likewise
    _freed = False

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept; in `jvp` what `save_for_forward` did."""
        if self.saved_for_forward is not None:
            return self.saved_for_forward
        if self._freed:
            raise autograd_errors.second_backward()
        return tuple(x if x is None else x.unpack(self) for x in self.saved or ())

    @property
    def saved_variables(self) -> tuple:
        """The older name of `saved_tensors`."""
        warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning)
        return self.saved_tensors

    @property
    def next_functions(self) -> tuple:
        """The nodes that made the tensors among the arguments, each with the result's index."""
        return tuple((None, 0) if self.edges[i] is None else self.edges[i] for i in self._tensors())

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {hex(id(self))}>"

    def aval_of(self, index: int) -> Any:
        """Shape and dtype of one of the results."""
        return self._outputs[index]

    def _tensors(self) -> list[int]:
        return [i for i, aval in enumerate(self._inputs) if aval is not None]

    def shown_gradients(self, results: Sequence) -> tuple:
        """Gradients in the order of `next_functions`, as hooks see them."""
        return tuple(results[i] for i in self._tensors())

    def sent_gradients(self, shown: Sequence) -> list:
        """The gradients to send on, from what a hook returned."""
        found = dict(zip(self._tensors(), shown, strict=True))
        return [found.get(i) for i in range(len(self._inputs))]

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        if self._freed:
            raise autograd_errors.second_backward()
        grads = grads + [None] * (len(self._outputs) - len(grads))
        if self.materialize_grads:
            pairs = zip(grads, self._outputs, strict=True)
            grads = [walk.zeros(a) if g is None and a is not None else g for g, a in pairs]
        found = _user_gradient(self._forward_cls)(self, *grads)
        return self._checked(found if isinstance(found, tuple) else (found,))

    def _checked(self, found: tuple) -> list:
        expected = len(self.edges)
        name = self.name()
        if len(found) < expected or any(x is not None for x in found[expected:]):
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients (expected {expected}, got {len(found)})"
            )
        for i, (g, aval) in enumerate(zip(found, self._inputs, strict=False)):
            if g is not None and not isinstance(g, Handle):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
            if g is not None and aval is None:
                raise RuntimeError(
                    f"function {name} returned a gradient different than None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
        return [
            None if edge is None or g is None else _fit(name, i, g, aval)
            for i, (g, edge, aval) in enumerate(zip(found, self.edges, self._inputs, strict=False))
        ]

    def release(self) -> None:
        """Frees what was saved."""
        if self.saved:
            self.saved = None
            self._freed = True


def _fit(name: str, index: int, g: Any, aval: Any) -> Any:
    """A gradient in the shape and dtype of the argument it belongs to."""
    found = g._v.aval
    if found.shape != aval.shape:
        fits = all(a == b or b == 1 for a, b in zip(reversed(found.shape), reversed(aval.shape), strict=False))
        if found.ndim < len(aval.shape) or not fits:
            raise RuntimeError(
                f"Function {name} returned an invalid gradient at index {index} - got {list(found.shape)} "
                f"but expected shape compatible with {list(aval.shape)}"
            )
        g = g.sum_to_size(aval.shape)
    return g if found.dtype is aval.dtype else cast_to(g, aval.dtype)


class _Saved:
    """A saved tensor: its value, its place in the graph and its version when it was saved."""

    def __init__(self, t: Any, own: int | None):
        self.value = t._v if t._cell is None else alias(t)._v
        self.holder = t if t._node is None and own is None else None
        self.edge = walk.place_of(t) if t._requires_grad and own is None else None
        self.own = own  # which output of the function itself, if it is one
        self.counter = t
        self.version = version(t)

    def unpack(self, node: BackwardCFunction) -> Any:
        """The tensor as it was saved; RuntimeError when it was written since."""
        if version(self.counter) != self.version:
            t = self.counter
            raise modified(self.value.aval, version(t), self.version, named(t._node), t._index)
        if self.holder is not None:
            return self.holder
        edge = self.edge if self.own is None else (node, self.own)
        return walk.with_history(read(self.counter), edge)


class _PackedByHooks:
    """A saved tensor in the form that a hook gave it."""

    def __init__(self, t: Any, own: int | None):
        place = walk.place_of(t) if t._requires_grad else None
        self.own = own
        self.packed: Packed = pack(threads.tape, t, read(t), None if own is not None else place)

    def unpack(self, node: BackwardCFunction) -> Any:
        """The tensor that the other hook makes of it."""
        found = self.packed.unpack()
        return found if self.own is None else walk.with_history(read(found), (node, self.own))


class FunctionMeta(type):
    """Makes each Function a class of grad nodes of its own."""

    def __init__(cls, name: str, bases: tuple, attributes: dict) -> None:
        super().__init__(name, bases, attributes)
        cls._backward_cls = type(f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls})


class Function(metaclass=FunctionMeta):
    """A differentiable operation with a gradient of its own: subclass it with static `forward` and `backward`.

    Under `vmap` its static method `vmap(info, in_dims, *args)` is called with tensors of all rows, and returns the
    output and where the rows lie in it; with `generate_vmap_rule = True` the function is mapped like any other code.

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

    _backward_cls: type
    _maps_itself = False  # it knows of rows: see _custom_ops.py
    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
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

    vjp = backward  # another name of the same

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs, given those of the inputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *args: Any) -> Any:
        """The function for a batch of inputs: returns the output, and where its rows lie."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs `forward` and records `backward`."""
        node = cls._backward_cls()
        separate = cls.setup_context is not Function.setup_context
        rule = None if threads.tape.rows is None else _rule(cls)
        if separate:
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if rule is not None and not any(map(differentiated, args)):
            return rule(args)
        recording = threads.tape.grad_enabled and any(isinstance(x, Tensor) and x._requires_grad for x in args)
        node.needs_input_grad = tuple(isinstance(x, Tensor) and x._requires_grad for x in args)
        with no_grad(), forward.without_tangents():
            if separate:
                out = cls.forward(*args, **kwargs) if rule is None else rule(args)
                cls.setup_context(node, args, out)
            else:
                out = cls.forward(node, *args, **kwargs)
        outs = out if isinstance(out, tuple) else (out,)
        outs = _outputs(node, args, outs, recording)
        if forward_mode.active:
            _push_tangents(cls, node, args, outs)
        node.saved_for_forward = None
        if recording:
            node.saved = _saved(node, outs)
            node.to_save = ()
        return outs if isinstance(out, tuple) else outs[0]


def _rule(cls: Any) -> Callable | None:
    """What a function's own `vmap` makes of rows; None where it is mapped like any other code."""
    if cls._maps_itself:
        return None
    if cls.setup_context is Function.setup_context:
        raise vmap_errors.needs_setup_context()
    overridden = cls.vmap is not Function.vmap
    mapped_function.check_rule(cls.__name__, cls.generate_vmap_rule, overridden)
    return functools.partial(mapped_function.call, cls.vmap, cls.apply) if overridden else None


def _user_gradient(cls: Any) -> Callable:
    """`backward`, or `vjp` in its stead."""
    if cls.vjp is Function.vjp:
        return cls.backward
    if cls.backward is not Function.backward:
        raise RuntimeError(
            "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement "
            "one of them."
        )
    return cls.vjp


def _outputs(node: BackwardCFunction, args: tuple, outs: tuple, recording: bool) -> tuple:
    """The results at their place in the graph."""
    if any(isinstance(d, Tensor) and not any(d is o for o in outs) for d in node.dirty_tensors):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            "modified inplace must all be outputs of the Function."
        )
    if recording:
        _link(node, args)
    node._outputs = tuple(o._v.aval if isinstance(o, Tensor) else None for o in outs)
    return tuple(_placed(node, i, o, args, recording) for i, o in enumerate(outs))


def _placed(node: BackwardCFunction, index: int, o: Any, args: tuple, recording: bool) -> Any:
    """One result, with the node as its grad_fn if gradients flow to it."""
    if not isinstance(o, Tensor):
        return o
    kind = o._v.aval.dtype
    flows = recording and (kind.is_floating_point or kind.is_complex)
    flows = flows and not any(o is x for x in node.non_differentiable)
    if any(o is d for d in node.dirty_tensors):
        if not flows:
            written(o)
            return o
        if o._requires_grad and o._node is None and o._base is None:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        assign(o, _at(node, index, wrap(read(o))))
        return o
    if any(o is a for a in args):
        o = alias(o)  # an input returned as it is becomes a tensor of its own
    return _at(node, index, o) if flows else o


def _at(node: walk.Node, index: int, t: Any) -> Any:
    t._requires_grad, t._node, t._index = True, node, index
    return t


def _link(node: BackwardCFunction, args: tuple) -> None:
    tape = threads.tape
    place_of = walk.place_of
    if tape.rows is not None:
        place_of, node.epoch = tape.rows.edge, tape.epoch
    node.edges = [place_of(x) if isinstance(x, Tensor) and x._requires_grad else None for x in args]
    node._inputs = tuple(x._v.aval if isinstance(x, Tensor) else None for x in args)
    node.sequence = tape.sequence
    tape.sequence += 1
    if anomaly.state.enabled:
        anomaly.note(tape, node)


def _saved(node: BackwardCFunction, outs: tuple) -> tuple:
    """What `save_for_backward` was given, in the form that is kept."""
    for i, t in enumerate(node.to_save):
        if t is not None and not isinstance(t, Tensor):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {i} is of type {type(t).__name__}"
            )
    keep = _PackedByHooks if threads.tape.saving else _Saved
    own = [next((i for i, o in enumerate(outs) if o is t and t._node is node), None) for t in node.to_save]
    return tuple(None if t is None else keep(t, place) for t, place in zip(node.to_save, own, strict=True))


def _push_tangents(cls: Any, node: BackwardCFunction, args: tuple, outs: tuple) -> None:
    """Gives the results of a call in forward mode the tangents that `jvp` returns."""
    tangents = [x._tangent if isinstance(x, Tensor) else None for x in args]
    if all(t is None for t in tangents):
        return
    with forward.without_tangents():
        if node.materialize_grads:
            tangents = [
                walk.zeros(x._v.aval) if t is None and isinstance(x, Tensor) else t
                for x, t in zip(args, tangents, strict=True)
            ]
        found = cls.jvp(node, *tangents)
        found = found if isinstance(found, tuple) else (found,)
    for o, tangent in zip(outs, found, strict=True):
        if isinstance(o, Tensor) and tangent is not None:
            if tangent.shape != o.shape:
                raise graph_errors.tangent_size(o.shape, tangent.shape)
            forward.carry(o, tangent)


def once_differentiable(fn: Callable) -> Callable:
    """Marks a `backward` whose own gradient must not be taken: it runs without recording, and a second
    derivative raises an error."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            found = fn(ctx, *args)
        if not threads.tape.grad_enabled or not any(isinstance(a, Tensor) and a._requires_grad for a in args):
            return found
        node = Error()
        node.edges = [walk.place_of(a) if isinstance(a, Tensor) and a._requires_grad else None for a in args]
        for i, o in enumerate(found if isinstance(found, tuple) else (found,)):
            if isinstance(o, Tensor):
                _at(node, i, o)
        return found

    return wrapper


class Error(walk.Node):
    """Where a gradient must not flow."""

    def apply(self, grads: list, create_graph: bool) -> Sequence:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


class InplaceFunction(Function):
    """A Function that may work in place; the older form, whose `forward` says so itself."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """torch's Function over nests of tensors, of the kind without static methods: refused.

    NotImplementedError when it is applied: flatten the arguments, and use `Function`.
    """

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        raise NotImplementedError("jtorch: NestedIOFunction is not supported; flatten its arguments and use Function")


__all__ = [
    "BackwardCFunction", "Function", "FunctionCtx", "FunctionMeta", "InplaceFunction", "NestedIOFunction",
    "once_differentiable",
]  # fmt: skip
