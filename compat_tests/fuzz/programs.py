"""A program's lines, the two sides that run them, and what is compared after each."""

import copy
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch as oracle

import jtorch
from compat_tests.harness.calls import first_sentence

# Rounding differs by some units in the last place an operation, and programs are chains of operations.
TOLERANCES = {
    oracle.float16: (2e-2, 2e-2),
    oracle.bfloat16: (1e-1, 1e-1),
    oracle.float32: (1e-3, 1e-4),
    oracle.complex64: (1e-3, 1e-4),
    oracle.float64: (1e-8, 1e-8),
    oracle.complex128: (1e-8, 1e-8),
}
LARGEST = 1e4  # beyond it a tensor is dropped: rounding would grow with it


@dataclass(frozen=True)
class Line:
    """A statement's kind, the operation's name, and its source."""

    kind: str
    name: str
    text: str


@dataclass
class Side:
    """One library and the names a program has made."""

    library: Any
    scope: dict[str, Any] = field(init=False)
    # Names of tensors with their version when first seen: an op may write to its result before it returns it.
    first: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scope = {"torch": self.library, "np": np, "copy": copy}

    def run(self, line: Line) -> str:
        """The error, as type and first sentence; "" for none."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(line.text, self.scope)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
            return f"{type(error).__name__}: {first_sentence(str(error))}"
        return ""

    def tensors(self) -> dict[str, Any]:
        return {name: x for name, x in self.scope.items() if isinstance(x, self.library.Tensor)}

    def writes(self, name: str) -> int:
        """How often a tensor has been written to since it was first seen under its name."""
        x = self.scope[name]
        if self.first.get(name, (None, 0))[0] is not x:
            self.first[name] = x, x._version
        return x._version - self.first[name][1]


def numbers(x: Any) -> np.ndarray:
    """A tensor's elements; those of half types as float32."""
    x = x.detach()
    if str(x.dtype) in ("torch.bfloat16", "torch.float16"):
        x = x.float()
    return np.asarray(x.resolve_conj().resolve_neg().numpy())


def facts(x: Any) -> dict[str, Any]:
    """What can be seen of a tensor beside its elements."""
    node = x.grad_fn
    return {
        "dtype": str(x.dtype),
        "shape": tuple(x.shape),
        "stride": x.stride() if x.numel() else None,
        "offset": x.storage_offset(),
        "requires_grad": x.requires_grad,
        "is_leaf": x.is_leaf,
        "grad_fn": type(node).__name__ if node is not None else None,
        "has_grad": x.is_leaf and x.grad is not None,
    }


def differs(mine: Any, theirs: Any) -> bool:
    rtol, atol = TOLERANCES.get(theirs.dtype, (0.0, 0.0))
    return not np.allclose(numbers(mine), numbers(theirs), rtol=rtol, atol=atol, equal_nan=True)


def difference(mine: Any, theirs: Any, values: bool) -> str:
    """How one tensor differs, in words that begin with what differs; "" for no difference."""
    found, expected = facts(mine), facts(theirs)
    for key, one in expected.items():
        if found[key] != one:
            return f"{key}: {one} expected, got {found[key]}"
    if values and differs(mine, theirs):
        return f"value: {theirs.tolist()} expected, got {mine.tolist()}"
    if values and expected["has_grad"]:
        said = difference(mine.grad, theirs.grad, True)
        return said and f"grad {said}"
    return ""


@dataclass
class Difference:
    line: int
    words: str

    @property
    def what(self) -> str:
        return re.split(r"[:=]", self.words)[0]


class Run:
    """A program under way on both sides."""

    def __init__(self, lazy: bool = False):
        self.lazy = lazy  # values are compared at the end: whole programs run instead of single operations
        oracle.manual_seed(0)
        jtorch.manual_seed(0)
        self.theirs, self.mine = Side(oracle), Side(jtorch)
        self.lines: list[Line] = []

    def step(self, line: Line) -> Difference | None:
        self.lines.append(line)
        expected, found = self.theirs.run(line), self.mine.run(line)
        if expected != found:
            return Difference(len(self.lines) - 1, f"error: {expected or 'none'!r} expected, got {found or 'none'!r}")
        return self.compare(not self.lazy)

    def end(self) -> Difference | None:
        return self.compare(True)

    def compare(self, values: bool) -> Difference | None:
        theirs, mine = self.theirs.tensors(), self.mine.tensors()
        for name, one in theirs.items():
            if name not in mine:
                return Difference(len(self.lines) - 1, f"type: {name} is no tensor")
            said = difference(mine[name], one, values)
            expected, found = self.theirs.writes(name), self.mine.writes(name)
            if not said and expected != found:
                said = f"version: {expected} writes expected, got {found}"
            if said:
                return Difference(len(self.lines) - 1, f"{said} ({name})")
        return None

    def drop_large(self) -> None:
        """Forgets tensors whose elements have grown, and the oldest of many."""
        for name, x in self.theirs.tensors().items():
            floats = x.is_floating_point() or x.is_complex()
            if floats and x.numel() and not bool((x.detach().abs() < LARGEST).all()):
                self.forget(name)
        for name in list(self.theirs.tensors())[:-8]:
            self.forget(name)

    def forget(self, name: str) -> None:
        for side in (self.theirs, self.mine):
            side.scope.pop(name, None)


def replay(lines: list[Line], lazy: bool) -> Difference | None:
    """The first difference of a program; a line whose names are not there is an error on both sides."""
    run = Run(lazy)
    for line in lines:
        found = run.step(line)
        if found is not None:
            return found
    return run.end()


def shrunk(lines: list[Line], lazy: bool, what: str) -> list[Line]:
    """As few lines as show a difference of the same kind: lines are left out from the end, again and again."""
    kept = list(lines)
    while True:
        before = len(kept)
        for i in reversed(range(len(kept))):
            tried = kept[:i] + kept[i + 1 :]
            found = replay(tried, lazy)
            if found is not None and found.what == what:
                kept = tried[: found.line + 1] if not lazy else tried
        if len(kept) == before:
            return kept
