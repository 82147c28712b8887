"""Operators that users define: their kernels, gradients and calls. `torch.library` is their public side.

A kernel is called as it is, outside the graph: what it does with tensors is recorded on the tape like any code. The
gradient that was registered stands above it as an `autograd.Function`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jtorch import _root as torch
from jtorch._engine.rows import differentiated, differs
from jtorch._engine.writing import written
from jtorch._schemas import Schema, bind
from jtorch.autograd import mapped_function
from jtorch.autograd.function import Function
from jtorch.autograd.modes import no_grad

Tensor = torch.Tensor
_KEYS = {"cpu": "CPU", "cuda": "CUDA", "meta": "Meta", "xla": "XLA"}
ANY = "any device"


class OpOverload:
    """An operator that was defined: call it, or register what it does.

    `function` is what a call does when it is not the rule: an operator whose body is JAX code brings its own.
    """

    def __init__(self, namespace: str, name: str, overload: str, schema: Schema, function: Callable | None = None):
        self.namespace, self._name, self._overloadname = namespace, name, overload
        self.declared = schema
        self.kernels: dict[str, Callable] = {}  # by type of device
        self.fake: Callable | None = None
        self.backward: Callable | None = None
        self.setup_context: Callable | None = None
        self.autograd_kernel: Callable | None = None
        self.vmap: Callable | None = None
        self.function = function
        self.place = ""  # file and line of the definition, where it came by a schema
        self.shown: Any = self  # what errors name: the CustomOpDef, where there is one
        self._node = self._node_class()

    @property
    def qualname(self) -> str:
        """The operator's full name, `namespace::name`."""
        return f"{self.namespace}::{self._name}"

    def name(self) -> str:
        """The full name, with that of the overload."""
        return self.qualname if self._overloadname == "default" else f"{self.qualname}.{self._overloadname}"

    @property
    def _schema(self) -> str:
        return f"{self.qualname}{self.declared}"

    @property
    def writes(self) -> bool:
        """True when the operator writes into an argument."""
        return any(a.written for a in self.declared.arguments)

    def __str__(self) -> str:
        return f"{self.namespace}.{self._name}.{self._overloadname}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self.namespace}.{self._name}', overload='{self._overloadname}')>"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        if self.function is not None:
            return self.function(*args, **kwargs)
        bound = bind(self.qualname, self.declared, args, kwargs)
        tensors = list(_tensors(bound.values()))
        recording = torch.is_grad_enabled() and any(t.requires_grad for t in tensors) and not self.writes
        if any(map(differs, tensors)) and not (recording and any(map(differentiated, tensors))):
            return self._mapped(args, kwargs)
        if recording:
            if self.autograd_kernel is not None:
                return self.autograd_kernel(*args, **kwargs)
            return self._node.call(bound, tensors, args, kwargs)
        return self.compute(bound, tensors, args, kwargs)

    def compute(self, bound: dict[str, Any], tensors: list, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Runs the kernel of the tensors' device, outside the graph, and checks what it returns."""
        with no_grad():
            if any(map(differs, tensors)):
                return self._mapped(args, kwargs)
            found = self._kernel(tensors)(*args, **kwargs)
        for a in self.declared.arguments:
            if a.written:
                for t in _tensors((bound[a.name],)):
                    written(t)
        self._check_results(found, tensors)
        return found

    def _mapped(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The operator for all rows of a `vmap`: by the rule that was registered, or for one after the other."""
        if self.writes:
            raise NotImplementedError(
                f"jtorch: vmap does not map {self.qualname}, which writes into its arguments; let it return new tensors"
            )
        call = functools.partial(self, **kwargs)
        rule = mapped_function.one_by_one(call) if self.vmap is None else functools.partial(self.vmap, **kwargs)
        return mapped_function.call(rule, call, args)

    def _kernel(self, tensors: list) -> Callable:
        place = next((t.device.type for t in tensors), "cpu")
        if place == "meta":
            if self.fake is None:
                raise RuntimeError(
                    f"There was no fake impl registered for {self.shown!r}. This is necessary for "
                    f"torch.compile/export/fx tracing to work. Please use `{self._name}.register_fake` to add an fake "
                    "impl."
                )
            return self.fake
        kernel = self.kernels.get(place) or self.kernels.get(ANY)
        if kernel is None:
            there = ", ".join(_KEYS.get(kind, kind) for kind in self.kernels)
            raise NotImplementedError(
                f"Could not run '{self.qualname}' with arguments from the '{_KEYS.get(place, place)}' backend. This "
                "could be because the operator doesn't exist for this backend, or was omitted during the "
                f"selective/custom build process (if using custom build). '{self.qualname}' is only available for "
                f"these backends: [{there}]."
            )
        return kernel

    def _check_results(self, found: Any, tensors: list) -> None:
        cells = [t._cell for t in tensors if t._cell is not None]
        results = list(_tensors((found,)))
        for kind in self.declared.returns:
            if kind == "Tensor" and not results:
                raise RuntimeError(f"Unable to cast {found!r} to Tensor")
        for t in results:
            if any(t is x for x in tensors) or (t._cell is not None and any(t._cell is c for c in cells)):
                raise RuntimeError(
                    f"{self._name}: The output of this custom operator (1) must not also be an input to this custom "
                    "operator and (2) may not alias any inputs to this custom operator or other returns. The most "
                    "common way to trigger this error is if we have y = custom_op(x) and y and x are the same Tensor. "
                    "Please instead return a clone of the offending output tensor(s) (e.g. return x.clone()) or "
                    "refactor the custom operator to not return y."
                )

    def _node_class(self) -> type[_Recorded]:
        names = {"op": self}
        return type(f"GeneratedBackwardFor_{self.namespace}_{self._name}_{self._overloadname}", (_Recorded,), names)


class _Recorded(Function):
    """The node of a call. Its inputs are the tensors of the arguments, also those in lists."""

    op: OpOverload
    _maps_itself = True

    @classmethod
    def call(cls, bound: dict[str, Any], tensors: list, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Runs the operator with its gradient above it."""
        shape: list = []  # of the result: Function returns tensors in a tuple
        found = cls.apply((bound, args, kwargs, shape), *tensors)
        return shape[0](found) if shape else found

    @staticmethod
    def forward(ctx: Any, call: tuple, *tensors: Any) -> Any:  # type: ignore[override]  # the arguments are ours
        bound, args, kwargs, shape = call
        op = ctx._forward_cls.op
        found = op.compute(bound, list(tensors), args, kwargs)
        ctx.bound = bound
        if op.setup_context is not None:
            needs = iter(ctx.needs_input_grad[1:])
            flat, ctx.needs_input_grad = ctx.needs_input_grad, _like(bound.values(), lambda _: next(needs))
            places = {a.name: bound[a.name] for a in op.declared.arguments if not a.keyword}
            named = {a.name: bound[a.name] for a in op.declared.arguments if a.keyword}
            extra = {"keyword_only_inputs": named} if named else {}
            op.setup_context(ctx=ctx, inputs=tuple(places.values()), output=found, **extra)
            ctx.needs_by_argument, ctx.needs_input_grad = ctx.needs_input_grad, flat
        if isinstance(found, list):
            shape.append(list)
        return tuple(found) if isinstance(found, (tuple, list)) else found

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        op = ctx._forward_cls.op
        if op.backward is None:
            raise RuntimeError(
                f"Trying to backward through {op} but no autograd formula was registered. Please use register_autograd "
                "to add one."
            )
        flat = ctx.needs_input_grad
        needs = iter(flat[1:])
        ctx.needs_input_grad = _like(ctx.bound.values(), lambda _: next(needs))
        single = op.declared.returns == ("Tensor[]",)
        found = op.backward(ctx, list(grads)) if single else op.backward(ctx, *grads)
        ctx.needs_input_grad = flat
        return None, *_spread(found, list(ctx.bound.values()), op)


def _like(values: Iterable, of: Callable) -> tuple:
    """For each argument `of(tensor)`, a list of these for a list of tensors, and False for the rest."""
    found: list = []
    for x in values:
        if isinstance(x, (list, tuple)):
            found.append([of(t) if isinstance(t, Tensor) else False for t in x])
        else:
            found.append(of(x) if isinstance(x, Tensor) else False)
    return tuple(found)


def _spread(found: Any, values: list, op: OpOverload) -> Iterator:
    """The gradients of the arguments' tensors, one after the other."""
    grads = found if isinstance(found, tuple) else (found,)
    if len(grads) > len(values) or any(isinstance(x, (list, tuple)) and i >= len(grads) for i, x in enumerate(values)):
        raise RuntimeError(
            f"Expected the return from backward of {op} to be of the same structure as the inputs: {len(values)} "
            f"gradients, not {len(grads)}."
        )
    for x, g in zip(values, grads, strict=False):
        if isinstance(x, Tensor):
            yield g
        elif isinstance(x, (list, tuple)):
            held = [t for t in x if isinstance(t, Tensor)]
            if held and (not isinstance(g, (list, tuple)) or len(g) != len(x)) and g is not None:
                raise RuntimeError(
                    "Expected the return from backward to be of the same structure as the inputs: a list of "
                    f"{len(x)} gradients for a list of tensors."
                )
            yield from (None for _ in held) if g is None else (g[i] for i, t in enumerate(x) if isinstance(t, Tensor))


def _tensors(values: Iterable) -> Iterator:
    """The tensors among values, also those in lists."""
    for x in values:
        if isinstance(x, Tensor):
            yield x
        elif isinstance(x, (list, tuple)):
            yield from (t for t in x if isinstance(t, Tensor))


# The operators there are

_defined: dict[str, dict[str, dict[str, OpOverload]]] = {}  # by namespace, name and overload


def define_op(op: OpOverload) -> OpOverload:
    """Makes an operator known; one of the same name takes its place."""
    _defined.setdefault(op.namespace, {}).setdefault(op._name, {})[op._overloadname] = op
    return op


def known(namespace: str, name: str) -> dict[str, OpOverload]:
    """The overloads of an operator."""
    return _defined.get(namespace, {}).get(name, {})


def defined_op(qualname: str) -> OpOverload:
    """An operator by its full name; AttributeError when there is none."""
    namespace, name = qualname.split("::")
    name, _, overload = name.partition(".")
    overloads = known(namespace, name)
    if not overloads:
        raise AttributeError(f"'_OpNamespace' '{namespace}' object has no attribute '{name}'")
    return overloads[overload or "default"]
