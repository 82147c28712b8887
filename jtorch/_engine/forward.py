"""Forward-mode derivatives: inside a level, a tensor may carry a tangent, and every op passes tangents on.

The tangent of a result is one more recorded op, derived once with `jax.jvp` of the op's body, as `grad.py` derives its
gradient. Recording takes the general way inside a level: its trie hides its children from the fast paths, which know
nothing of tangents, so that outside a level nobody pays for them.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from jtorch._engine.aval import Aval, Spec
from jtorch._engine.backward import accumulator, zeros
from jtorch._engine.geometry import Chain
from jtorch._engine.grad import Forward
from jtorch._engine.handle import VIEW, Handle, apply, make_view, read, relative_chain, wrap
from jtorch._engine.tape import BaseOp, Epoch, Value, current, flush, forward_mode, root
from jtorch._engine.writing import assign as assign_value

_carriers: list[weakref.ref] = []  # tensors whose tangents end with the level


class Pushforward(BaseOp):
    """The op `(operands, tangents of those in carrying) -> tangents of the differentiable results`."""

    def __init__(self, op: BaseOp, specs: tuple[Spec, ...], statics: tuple, carrying: tuple[int, ...]):
        self.name = f"{op.name}_jvp"
        self.origin = (op, specs, statics, carrying, "forward")
        self.forward = Forward(op, specs, statics, carrying)
        self.results = tuple(self.forward.outs[i] for i in self.forward.float_outs)

    def infer(self, specs: tuple[Spec, ...], statics: tuple) -> tuple[Aval, ...]:
        return self.results

    def trace(self, specs: tuple[Spec, ...], statics: tuple, arrays: list) -> tuple:
        n = len(self.forward.given)
        given, tangents = arrays[:n], arrays[n:]
        run, primals = self.forward.close(given), self.forward.needed(given)
        _tracing.tangents = True
        try:
            return jax.jvp(run, tuple(primals), tuple(tangents), has_aux=True)[1]
        except TypeError as error:
            if "custom_vjp" not in str(error):
                raise
            return _by_transposing(run, primals, tangents)
        finally:
            _tracing.tangents = False


class _Tracing(threading.local):
    tangents = False


_tracing = _Tracing()


def traces_tangents() -> bool:
    """Whether a body is traced for its tangents: some of torch's are not what its gradient says."""
    return _tracing.tangents


def _by_transposing(run: Callable, primals: list, tangents: list) -> tuple:
    """The same from the gradient, which is linear in its cotangents: for bodies that bring a gradient of their own."""
    outs, vjp, _ = jax.vjp(run, *primals, has_aux=True)
    cotangents = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in outs)
    (found,) = jax.linear_transpose(vjp, cotangents)(tuple(tangents))
    return found


_pushforwards: dict[tuple, Pushforward] = {}


def pushforward(op: BaseOp, specs: tuple[Spec, ...], statics: tuple, carrying: tuple[int, ...]) -> Pushforward:
    """The forward derivative of one call signature, derived at first use."""
    key = (op, specs, statics, carrying)
    found = _pushforwards.get(key)
    if found is None:
        found = _pushforwards.setdefault(key, Pushforward(op, specs, statics, carrying))
    return found


@contextmanager
def without_tangents() -> Iterator[None]:
    """What is recorded here is about tangents and has none."""
    active, forward_mode.active = forward_mode.active, False
    try:
        yield
    finally:
        forward_mode.active = active


def carry(h: Handle, tangent: Handle) -> None:
    """Gives a tensor its tangent until the level ends."""
    if h._tangent is None:
        _carriers.append(weakref.ref(h))
    h._tangent = tangent


class Passer:
    """What the engine calls while a level is open."""

    def push(self, op: Any, operands: tuple, values: Sequence, statics: tuple, results: list) -> None:
        """Gives an op's results their tangents."""
        carrying = tuple(i for i, x in enumerate(operands) if isinstance(x, Handle) and x._tangent is not None)
        if not carrying:
            return
        specs = tuple(x.aval if x.__class__ is Value else None if x is None else x.__class__ for x in values)
        step = pushforward(op, specs, statics, carrying)
        tangents = [operands[i]._tangent for i in carrying]
        with without_tangents():
            made = apply(step, (*(x for x in operands if x is not None), *tangents), ())
        for i, tangent in zip(step.forward.float_outs, made, strict=True):
            carry(results[i], tangent)

    def share(self, t: Handle, h: Handle, chain: Chain) -> None:
        """Gives a view the same view of its base's tangent: what is written through one is seen in the other."""
        more = chain[len(h._chain) :]
        if more:
            assert h._tangent is not None
            carry(t, _viewed(h._tangent, more))

    def assign(self, h: Handle, new: Handle) -> None:
        """Writes the tangent of `new`, or zeros, where `h` has its own; a view's lies in its base's."""
        if new._tangent is None and h._tangent is None:
            return
        with without_tangents():
            tangent: Any = zeros(h._v.aval) if new._tangent is None else new._tangent
            if h._tangent is None:
                base = h if h._base is None else h._base
                if base._tangent is None:
                    carry(base, zeros(base._v.aval))
                if base is not h:
                    assert base._tangent is not None
                    carry(h, _viewed(base._tangent, relative_chain(h, base)))
            assert h._tangent is not None
            assign_value(h._tangent, tangent)

    def saved(self, operands: list, tangents: list) -> list:
        """What a backward saved, with the tangents it had then."""
        for i, (x, tangent) in enumerate(zip(operands, tangents, strict=True)):
            if tangent is not None and x._tangent is not tangent:
                operands[i] = x = _twin(x)
                carry(x, tangent)
        return operands


def _twin(h: Handle) -> Handle:
    """The same value at the same place of the graph."""
    t: Handle = wrap(read(h))
    t._requires_grad, t._node, t._index = h._requires_grad, h._node, h._index
    if h._requires_grad and h._node is None:
        t._node = accumulator(h)
    return t


def _viewed(tangent: Handle, chain: Chain) -> Handle:
    with without_tangents():
        for verb, numbers in chain:
            tangent = make_view(VIEW, tangent, verb, numbers)
        return tangent


def enter() -> int:
    """Opens the level; there is one."""
    if forward_mode.level >= 0:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    forward_mode.passer = Passer()
    forward_mode.level += 1
    forward_mode.active = True
    _start_over()
    return forward_mode.level


def leave() -> None:
    """Ends the level, and all tangents with it."""
    forward_mode.level -= 1
    forward_mode.active = False
    for ref in _carriers:
        h = ref()
        if h is not None:
            h._tangent = None
    _carriers.clear()
    _start_over()


def _start_over() -> None:
    """Continues in the other trie."""
    tape = current()
    if tape.rows is not None:
        return
    flush(tape)
    tape.epoch = Epoch(tape, root(tape))
