"""Every cell of the promotion grid, jtorch's rules against real torch.

Cells: {dimensioned, 0-dim, number} x dtype, squared, under four default dtypes, through torch.result_type and through
what ``+``, ``/`` and ``==`` return on the CPU. ``python -m compat_tests.promotion_grid`` prints how many are equal
and, as its value, how many are not.
"""

import operator
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from jtorch._declare.promote import DIMENSIONED, NUMBER, ZERO_DIM, Operand, ResultKind, compute_and_result
from jtorch._types import DTYPES, complex32, dtype

NUMBERS = {"bool": True, "int64": 2, "float64": 2.5, "complex128": 2j}
DEFAULTS = ("float32", "float64", "float16", "bfloat16")
FUNCTIONS: dict[str, tuple[ResultKind, Callable[..., torch.Tensor | torch.dtype]]] = {
    "result_type": ("default", torch.result_type),
    "a + b": ("default", operator.add),
    "a / b": ("float", operator.truediv),
    "a == b": ("bool", operator.eq),
}
CANONICAL = [value for name, value in DTYPES.items() if name == value.name]


class Cell(NamedTuple):
    """One question: what type comes out of ``function`` on these operands?"""

    function: str
    default: dtype
    operands: tuple[Operand, Operand]

    @property
    def has_complex32(self) -> bool:
        """Whether complex32, which XLA does not have, is among the operands."""
        return any(element is complex32 for element, _ in self.operands)


def cells() -> Iterator[Cell]:
    """All of them; only result_type takes two numbers."""
    tensors = [(kind, weight) for weight in (DIMENSIONED, ZERO_DIM) for kind in CANONICAL]
    choices = tensors + [(DTYPES[name], NUMBER) for name in NUMBERS]
    for default in DEFAULTS:
        for function in FUNCTIONS:
            for a in choices:
                for b in choices:
                    if function == "result_type" or (a[1], b[1]) != (NUMBER, NUMBER):
                        yield Cell(function, DTYPES[default], (a, b))


def ours(cell: Cell) -> str:
    """jtorch's answer: the name of a type, or the error."""
    kind, _ = FUNCTIONS[cell.function]
    return _answer(lambda: compute_and_result(kind, cell.operands, cell.default)[1])


def theirs(cell: Cell) -> str | None:
    """torch's answer; None where its CPU has no kernel to answer with (result_type answers for those types)."""
    values = [_value(operand) for operand in cell.operands]
    _, function = FUNCTIONS[cell.function]
    try:
        return _answer(lambda: _type_of(function(*values)))
    except NotImplementedError:
        return None


def _type_of(result: torch.Tensor | torch.dtype) -> torch.dtype:
    return result.dtype if isinstance(result, torch.Tensor) else result


def _answer(ask: Callable[[], object]) -> str:
    try:
        return str(ask())
    except NotImplementedError:
        raise
    except RuntimeError as error:
        return f"RuntimeError: {error}"


def _value(operand: Operand) -> object:
    element, weight = operand
    if weight == NUMBER:
        return NUMBERS[element.name]
    size = (2,) if weight == DIMENSIONED else ()
    return torch.ones(size, dtype=getattr(torch, element.name))


@contextmanager
def default_dtype(name: str) -> Iterator[None]:
    """torch with another default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, name))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def differences() -> tuple[list[tuple[Cell, str, str]], list[tuple[Cell, str, str]], int]:
    """Cells that differ (with both answers), those that have to do with complex32, and the count of all others."""
    wrong: list[tuple[Cell, str, str]] = []
    wrong_complex32: list[tuple[Cell, str, str]] = []
    counted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # complex32 is experimental in torch
        for cell in cells():
            with default_dtype(cell.default.name):
                expected = theirs(cell)
            if expected is None:
                continue
            got = ours(cell)
            apart = cell.has_complex32 or expected == "torch.complex32"
            counted += not apart
            if got != expected:
                (wrong_complex32 if apart else wrong).append((cell, got, expected))
    return wrong, wrong_complex32, counted


def main() -> None:
    """Prints the cells that differ, then how many are equal."""
    wrong, wrong_complex32, counted = differences()
    for cell, got, expected in wrong + wrong_complex32:
        print(f"{cell.function} {cell.operands} default {cell.default}: {got!r}, torch {expected!r}")
    print(
        f"promotion cells equal: {counted - len(wrong)} of {counted} (complex32 apart, {len(wrong_complex32)} differ)"
    )
    print(f"value: {len(wrong)}")


if __name__ == "__main__":
    main()
