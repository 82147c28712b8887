"""Tensors that are not one array: a sparse tensor is made of others, and so is one of complex32, which XLA lacks.

Such a tensor has a value that says its shape, dtype and device and holds no array. Whoever asks for its storage meets
`Parted`. `handle.apply` then looks here for the op's stand-in: a function of tensors that takes the op's operands
and static arguments and returns its result. Ops without one refuse. Tensors of one array pay nothing for this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from jtorch._engine.aval import Aval
from jtorch._engine.tape import Value, concrete

stand_ins: dict[Any, Callable] = {}  # by op
half_stand_ins: dict[Any, Callable] = {}  # by op, where complex32 is taken or made
sparse_fills: dict[Any, Callable] = {}  # by op without tensors: what makes its result in a sparse layout
sparse_gradients: dict[Any, Callable] = {}  # by op: what computes the same and has a sparse gradient


class Parted(NotImplementedError):
    """A tensor has no storage of its own."""

    stand_ins: ClassVar[dict[Any, Callable]]

    def __init__(self, seen: str, words: str):
        super().__init__(f"this operation {words}")
        self.seen, self.words = seen, words

    def refusal(self, name: str) -> NotImplementedError:
        """The error of an op that has no stand-in."""
        return NotImplementedError(f"{name.strip('_')} {self.words}")


class SparseMet(Parted):
    """A tensor of a sparse layout is met."""

    stand_ins = stand_ins

    def __init__(self, layout: Any):
        kind = f"with layout {layout}"
        super().__init__(f"a tensor {kind}", f"does not take tensors {kind}: use .to_dense() first")


class HalfComplex(Parted):
    """A tensor of complex32 is met, or one would be the result."""

    stand_ins = half_stand_ins

    def __init__(self) -> None:
        kind = "torch.complex32"
        super().__init__(f"a tensor of {kind}", f"neither takes nor makes {kind} tensors: use .to(torch.complex64)")


def registrar(table: dict[Any, Callable]) -> Callable:
    """A decorator, given ops: the function is what they do. It takes their operands, then their static arguments."""

    def stands_for(*functions: Any) -> Callable:
        def register(stand_in: Callable) -> Callable:
            table.update((getattr(fn, "op", fn), stand_in) for fn in functions)
            return stand_in

        return register

    return stands_for


def described(aval: Aval) -> Value:
    """The value of a tensor made of parts: it is not to be had."""
    return concrete(None, aval)


def answer(met: Parted, op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What an op's stand-in returns; the op's refusal when there is none. `op` may be a function of the engine."""
    stand_in = met.stand_ins.get(op)
    if stand_in is None:
        raise met.refusal(getattr(op, "name", "this operation")) from None
    return stand_in(*args, **kwargs)
