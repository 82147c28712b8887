"""The shadow check: a fused program's results against those of its steps, each run by itself.

Switched on by `jtorch.config.check`. The program runs first, on inputs that are kept where it overwrites them; then the
steps run one after the other from the same inputs, and every result somebody holds is compared. Where one differs, the
program is compiled again with the results of all its steps, and each step is run on the operands it had in there: so
roundings do not add up from step to step, and the first step that differs is the one that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jtorch._engine import backend
from jtorch._engine.program import Program, needed, number_range, path, run_steps
from jtorch._engine.tape import Node
from jtorch._types.dtype import from_numpy

# In units of the largest number among operands and results: fusing changes the order of sums and contracts products
# with sums.
_TOLERANCES = {
    "float64": 1e-9, "complex128": 1e-9, "float32": 2e-5, "complex64": 2e-5, "float16": 4e-3, "bfloat16": 3e-2,
}  # fmt: skip
_EIGHT_BITS = 0.3
_DENORMAL = 1e-37  # XLA's loops may flush what is smaller
_LOOSE = 100  # roundings of a whole program, which its steps may enlarge


class FusedProgramDiffers(RuntimeError):
    """A fused program and its steps, each run by itself, came to different results."""


class Difference:
    """How far the results of one step are apart."""

    def __init__(self, node: Node, largest: float, number: int, of: int):
        self.node = node
        self.largest = largest
        self.number = number
        self.of = of

    def error(self, reason: str) -> FusedProgramDiffers:
        """The report: the op, the user's line and the largest difference."""
        step = self.node.step
        assert step is not None and step.op is not None
        return FusedProgramDiffers(
            f"jtorch.config.check: {step.op.name}() recorded at {self.node.where} differs by up to {self.largest:.3g} "
            f"in {self.number} of {self.of} elements from the same operation run by itself{reason}"
        )


class Shadow:
    """One run of a program: what it was given, kept for a second run."""

    def __init__(self, program: Program, args: list, numbers: list):
        self.program = program
        donated = set(program.donated)
        self.inputs = [
            backend.copy_of(a) if i in donated else a for i, a in zip(range(len(program.inputs)), args, strict=False)
        ]
        self.numbers = numbers

    def compare(self, results: tuple) -> None:
        """Raises FusedProgramDiffers, naming the first step that differs."""
        program = self.program
        given = dict(zip(program.order, results, strict=False))
        if next(self._apart(given, 0, 1), None) is None:
            return
        whole = program.every
        if whole is None:
            whole = program.every = Program(program.node, self._every_slot(), lambda slot: False)
        args = [*self.inputs, whole.pack([self.numbers[i] for i in whole.picks])]
        every = dict(zip(whole.order, whole.compiled(*args), strict=False))
        every.update(zip(program.inputs, self.inputs, strict=True))
        wrong = self._first_wrong(every)
        if wrong is not None:
            raise wrong.error("")
        # Each step is right where all results are kept: what is left is rounding, or a fault of this very fusion.
        scale = max(map(_magnitude, every.values()))
        found = next(self._apart(given, scale, _LOOSE), None)
        if found is not None and any(_difference(given[s], every[s], scale, _LOOSE) for s in given):
            raise found.error(", or what it is fused with; where all results are kept, none differs")

    def _steps(self) -> list[Node]:
        return needed(path(self.program.node), self.program.outs)[0]

    def _every_slot(self) -> tuple[int, ...]:
        return tuple(s for n in self._steps() for s in range(n.slot, n.end))

    def _apart(self, given: dict[int, Any], scale: float, factor: float) -> Iterator[Difference]:
        """The program's results that differ from those of a run step by step, in the order of the steps."""
        program = self.program
        env = dict(zip(program.inputs, self.inputs, strict=True))
        for node, results in run_steps(self._steps(), env, self.numbers):
            for slot, alone in zip(range(node.slot, node.end), results, strict=True):
                found = _difference(given[slot], alone, scale, factor) if slot in given else None
                if found is not None:
                    yield Difference(node, *found)

    def _first_wrong(self, every: dict[int, Any]) -> Difference | None:
        """The first step whose results differ from those of its op, run by itself on the operands it had."""
        size = {slot: _magnitude(array) for slot, array in every.items()}
        for node in self._steps():
            step = node.step
            assert step is not None
            operands = {x: every[x] for x in step.operands if x.__class__ is int}
            numbers = (_magnitude(self.numbers[i]) for i in number_range(node))
            scale = max((*(size[x] for x in operands), *numbers), default=0.0)
            ((_, results),) = run_steps([node], operands, self.numbers)
            for slot, alone in zip(range(node.slot, node.end), results, strict=True):
                found = _difference(every[slot], alone, scale, 1)
                if found is not None:
                    return Difference(node, *found)
        return None


def shadow_of(program: Program, args: list, numbers: list) -> Shadow | None:
    """To be made before the program runs; None inside a JAX transformation, where there are no values."""
    return None if any(map(backend.is_tracer, args)) else Shadow(program, args, numbers)


def _difference(fused: Any, alone: Any, scale: float, factor: float) -> tuple[float, int, int] | None:
    """The largest difference beyond tolerance, the number of such elements and of all; None where there is none.
    `scale`: a number that says how large roundings may be, as the largest of the results does."""
    a, b = np.asarray(fused), np.asarray(alone)
    if a.size == 0:
        return None
    kind = from_numpy(a.dtype)
    if not (kind.is_floating_point or kind.is_complex):
        apart = a != b
        if not apart.any():
            return None
        return float(np.abs(a.astype(object) - b.astype(object)).max()), int(apart.sum()), a.size
    wide = np.complex128 if kind.is_complex else np.float64
    a, b = a.astype(wide), b.astype(wide)
    tolerance = _TOLERANCES.get(kind.name, _EIGHT_BITS) * factor * max(scale, _magnitude(b)) + _DENORMAL
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        apart = ~(distance <= tolerance)
    if not apart.any():
        return None
    worst = distance[apart]
    return float("nan") if np.isnan(worst).any() else float(worst.max()), int(apart.sum()), a.size


def _magnitude(array: Any) -> float:
    """The largest finite absolute value; 0 for integers, which do not round."""
    found = np.asarray(array)
    if found.dtype.kind in "biu":
        return 0.0
    found = np.abs(found if found.dtype.kind in "cf" else found.astype(np.float64))
    largest = found.max(initial=0)
    return float(largest if np.isfinite(largest) else np.max(found, where=np.isfinite(found), initial=0))
