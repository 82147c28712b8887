"""The gradient of a recorded op is another recorded op, derived once with `jax.vjp` of its body.

`pullback(op, specs, statics, needs)` is that op. It takes only the operands its jaxpr uses, then
the cotangents. Because it is an op like any other it has a gradient of its own.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np

from jtorch._engine import backend
from jtorch._engine.aval import Aval, Spec, aval_of
from jtorch._engine.tape import BaseOp, infer
from jtorch._types.dtype import from_numpy

_NUMBER_DTYPE = {float: np.float64, int: np.int64, bool: np.bool_, complex: np.complex128}


def _struct(spec: Spec) -> jax.ShapeDtypeStruct:
    return spec.struct if isinstance(spec, Aval) else jax.ShapeDtypeStruct((), _NUMBER_DTYPE[spec])


def shape_of(fn: Any, specs: tuple[Spec, ...]) -> Any:
    """Shapes and dtypes of `fn`'s results on arrays of these specs; nothing is computed."""
    with backend.x64():
        try:
            return jax.eval_shape(fn, *[None if s is None else _struct(s) for s in specs])
        except Exception as error:  # whatever a body raises is the user's error, without JAX's frames
            backend.drop_note(error)
            raise


def differentiable(aval: Aval) -> bool:
    """True for floating-point and complex arrays."""
    return aval.dtype.is_floating_point or aval.dtype.is_complex


def _conj(x: Any) -> Any:
    """torch's gradient of a complex number is the conjugate of JAX's."""
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


class Forward:
    """An op as a function of the operands that need gradients, the others held fixed."""

    def __init__(self, op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]):
        self.op, self.specs, self.statics, self.needs = op, specs, statics, needs
        self.given = tuple(i for i, s in enumerate(specs) if s is not None)
        self.outs = infer(op, specs, statics)
        self.float_outs = tuple(i for i, a in enumerate(self.outs) if differentiable(a))

    def close(self, arrays: list) -> Any:
        """The function of the needed operands; returns the differentiable results and the others."""

        def run(*needed: Any) -> tuple:
            merged: list = [None] * len(self.specs)
            for i, x in zip(self.given, arrays, strict=True):
                merged[i] = x
            for i, x in zip(self.needs, needed, strict=True):
                merged[i] = x
            outs = self.op.trace(self.specs, self.statics, merged)
            return tuple(outs[i] for i in self.float_outs), tuple(outs)

        return run

    def needed(self, arrays: list) -> list:
        return [arrays[self.given.index(i)] for i in self.needs]


class Pullback(BaseOp):
    """The op `(used operands, cotangents) -> gradients`."""

    def __init__(self, op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]):
        self.name = f"{op.name}_vjp"
        self.origin = (op, specs, statics, needs)
        forward = Forward(op, specs, statics, needs)

        def run(arrays: list, cotangents: list) -> list:
            _, vjp, _ = jax.vjp(forward.close(arrays), *forward.needed(arrays), has_aux=True)
            return [_conj(g) for g in vjp(tuple(_conj(c) for c in cotangents))]

        structs = [_struct(specs[i]) for i in forward.given]
        self.cotangents = forward.float_outs
        with backend.x64():
            self.jaxpr = jax.make_jaxpr(run)(structs, [forward.outs[i].struct for i in forward.float_outs])
        live = live_inputs(self.jaxpr.jaxpr, [True] * len(needs))
        self.used = tuple(i for i, is_live in zip(forward.given, live[: len(structs)], strict=True) if is_live)
        self.needs = needs
        self.results = tuple(specs[i] for i in needs)
        self._inputs = tuple(zip(live[: len(structs)], structs, strict=True))
        self.faults = (
            op.faults if self.used == forward.given else ()
        )  # a loss nobody reads is not computed, but this is

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        return self.results  # type: ignore[return-value]  # only tensors need gradients

    def trace(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> tuple:
        used = iter(arrays)
        full = [next(used) if live else jnp.zeros(s.shape, s.dtype) for live, s in self._inputs]
        return tuple(jex.jaxpr_as_fun(self.jaxpr)(*full, *used))

    def out_of_range(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> Any:
        op, specs, statics, _ = self.origin
        given = iter(arrays)
        return op.out_of_range(specs, statics, [None if s is None else next(given) for s in specs])


class ForwardWithResiduals(BaseOp):
    """An op whose body holds a loop or a kernel that XLA does not merge with its twin in the
    backward: its forward also returns what `jax.vjp` kept, as hidden results."""

    def __init__(self, op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]):
        self.name = op.name
        self.origin = (op, specs, statics, needs)
        self.forward = Forward(op, specs, statics, needs)
        self.visible = len(self.forward.outs)
        self.kept: list[int] = []  # where each residual comes from: an operand, or -1 for a hidden result
        with backend.x64():
            outs = jax.eval_shape(self._run, [_struct(specs[i]) for i in self.forward.given])
        self.hidden = outs[self.visible :]
        self.checks, self.faults = op.checks, op.faults

    def _run(self, arrays: list) -> list:
        _, vjp, outs = jax.vjp(self.forward.close(arrays), *self.forward.needed(arrays), has_aux=True)
        leaves, self.treedef = jax.tree_util.tree_flatten(vjp)
        known = {id(x): i for i, x in enumerate(arrays)}
        self.kept = [known.get(id(x), -1) for x in leaves]
        return [*outs, *(x for x, k in zip(leaves, self.kept, strict=True) if k < 0)]

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        device = self.forward.outs[0].device
        return (*self.forward.outs, *(aval_of(h.shape, from_numpy(h.dtype), device) for h in self.hidden))

    def trace(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> tuple:
        return tuple(self._run([x for x in arrays if x is not None]))

    def out_of_range(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> Any:
        op, specs, statics, _ = self.origin
        return op.out_of_range(specs, statics, arrays)


class PullbackOfResiduals(BaseOp):
    """The backward of `ForwardWithResiduals`: the closure put together again and applied."""

    def __init__(self, forward: ForwardWithResiduals):
        self.name = f"{forward.name}_vjp"
        self.origin = (*forward.origin, "residuals")
        self.forward = forward
        self.operands = tuple(dict.fromkeys(k for k in forward.kept if k >= 0))
        self.used = tuple(forward.forward.given[k] for k in self.operands)
        self.cotangents = forward.forward.float_outs
        self.needs = forward.forward.needs
        self.results = tuple(forward.forward.specs[i] for i in self.needs)

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        return self.results  # type: ignore[return-value]  # only tensors need gradients

    def trace(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> tuple:
        n, hidden = len(self.operands), len(self.forward.hidden)
        given = dict(zip(self.operands, arrays[:n], strict=True))
        rest = iter(arrays[n : n + hidden])
        leaves = [given[k] if k >= 0 else next(rest) for k in self.forward.kept]
        vjp = jax.tree_util.tree_unflatten(self.forward.treedef, leaves)
        return tuple(_conj(g) for g in vjp(tuple(_conj(c) for c in arrays[n + hidden :])))


class NoPullback(BaseOp):
    """In the place of a pullback where torch has no derivative: torch's error, when the gradient is asked for."""

    used = ()

    def __init__(
        self, op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...], error: tuple[type, str]
    ):
        self.name = f"{op.name}_vjp"
        self.needs = needs
        self.origin = (op, specs, statics)
        self.error = error
        self.cotangents = tuple(i for i, a in enumerate(infer(op, specs, statics)) if differentiable(a))

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        kind, sentence = self.error
        raise kind(sentence)


def _defined(op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]) -> tuple[int, ...]:
    """The needed operands that torch's formula gives a gradient, be it zeros; raises where it has none to record."""
    op.check_gradient(statics, needs, infer(op, specs, statics))
    if op.undefined is None:
        return needs
    left_out = op.undefined(specs, statics)
    return tuple(i for i in needs if i not in left_out)


def _refusal(op: BaseOp, needs: tuple[int, ...]) -> tuple[type, str] | None:
    """The error where torch has no derivative by these operands. Ops of the engine itself have no such field."""
    found = getattr(op, "no_gradient", None)
    return None if found is None or not (len(found) == 2 or found[2] in needs) else found[:2]


_pullbacks: dict[tuple, Pullback | NoPullback] = {}
_with_residuals: dict[tuple, tuple[ForwardWithResiduals, PullbackOfResiduals]] = {}


def pullback(op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]) -> Pullback | NoPullback:
    """The gradient op of one call signature, derived at first use."""
    key = (op, specs, statics, needs)
    found = _pullbacks.get(key)
    if found is None:
        error = _refusal(op, needs)
        needs = _defined(op, specs, statics, needs)
        made = Pullback(op, specs, statics, needs) if error is None else NoPullback(op, specs, statics, needs, error)
        found = _pullbacks.setdefault(key, made)
    return found


def with_residuals(
    op: BaseOp, specs: tuple[Spec, ...], statics: tuple, needs: tuple[int, ...]
) -> tuple[ForwardWithResiduals, PullbackOfResiduals]:
    """Forward and backward of an op that keeps residuals, derived at first use."""
    key = (op, specs, statics, needs)
    found = _with_residuals.get(key)
    if found is None:
        forward = ForwardWithResiduals(op, specs, statics, _defined(op, specs, statics, needs))
        found = _with_residuals.setdefault(key, (forward, PullbackOfResiduals(forward)))
    return found


def live_inputs(jaxpr: Any, live_outs: list[bool]) -> list[bool]:
    """Which inputs of a jaxpr its live results depend on. Inner jit calls are looked into; any other
    inner jaxpr counts as using all it is given."""
    live = {v for v, is_live in zip(jaxpr.outvars, live_outs, strict=True) if is_live and not _literal(v)}
    for eqn in reversed(jaxpr.eqns):
        outs = [v in live for v in eqn.outvars]
        if not any(outs):
            continue
        inner = eqn.params.get("jaxpr") if eqn.primitive.name in ("jit", "pjit") else None
        used = live_inputs(inner.jaxpr, outs) if inner is not None else [True] * len(eqn.invars)
        live.update(v for v, u in zip(eqn.invars, used, strict=True) if u and not _literal(v))
    return [v in live for v in jaxpr.invars]


def _literal(v: Any) -> bool:
    return isinstance(v, jex.Literal)
