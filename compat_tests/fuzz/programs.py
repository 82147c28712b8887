"""A program's lines, the two sides that run them, and what is compared after each."""

import collections
import copy
import re
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
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
KNOWN = tomllib.loads((Path(__file__).parents[1] / "gaps.toml").read_text()).get("fuzz", [])
seen: collections.Counter[str] = collections.Counter()  # how often each of them was met, by its reason
ROUNDED = "the operands differed by rounding"  # in words about a value that follows
_VALUES = ("value", "shape", "grad value", "grad shape")
LARGEST = 1e4  # beyond it a tensor is dropped: rounding would grow with it
SMALLEST = float(np.finfo(np.float32).tiny)  # XLA's kernels make smaller numbers 0


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
    try:
        node = x.grad_fn
    except RuntimeError as error:  # of a view made under no_grad, after a write
        return {"graph": first_sentence(str(error)), "dtype": str(x.dtype), "shape": tuple(x.shape)}
    return {
        "dtype": str(x.dtype),
        "shape": tuple(x.shape),
        # Where there is one element or none, neither step nor offset says anything: torch's own kernels differ.
        "stride": tuple(s for s, n in zip(x.stride(), x.shape, strict=True) if n > 1) if x.numel() else None,
        "offset": x.storage_offset() if x.numel() else None,
        "requires_grad": x.requires_grad,
        "is_leaf": x.is_leaf,
        "grad_fn": type(node).__name__ if node is not None else None,
        "has_grad": x.is_leaf and x.grad is not None,
        "is_view": x._is_view(),
    }


def differs(mine: Any, theirs: Any, coarsest: tuple[float, float]) -> bool:
    rtol, atol = max(TOLERANCES[theirs.dtype], coarsest) if theirs.dtype in TOLERANCES else (0.0, 0.0)
    return not np.allclose(numbers(mine), numbers(theirs), rtol=rtol, atol=atol, equal_nan=True)


def difference(mine: Any, theirs: Any, values: bool, coarsest: tuple[float, float] = (0.0, 0.0)) -> str:
    """How one tensor differs, in words that begin with what differs; "" for no difference. `coarsest`: the tolerances
    of what it may have been computed from."""
    found, expected = facts(mine), facts(theirs)
    for key, one in expected.items():
        if found.get(key) != one:
            return f"{key}: {one} expected, got {found.get(key)}"
    if values and differs(mine, theirs, coarsest):
        return f"value: {theirs.tolist()} expected, got {mine.tolist()}"
    if values and expected.get("has_grad"):
        said = difference(mine.grad, theirs.grad, True, coarsest)
        return said and f"grad {said}"
    return ""


@dataclass
class Difference:
    """What differed after a line, in words that begin with what it is: "error: ...", "grad_fn: ..."."""

    line: Line
    words: str
    tensor: str | None = None  # that differs
    fatal: bool = True  # the sides have parted: what follows says nothing

    @property
    def what(self) -> str:
        return re.split(r"[:=]", self.words)[0]

    @property
    def key(self) -> str:
        """The same for finds that probably have one cause."""
        return f"{self.line.name}: {self.what}"


class Run:
    """A program under way on both sides."""

    def __init__(self, lazy: bool = False):
        self.lazy = lazy  # values are compared at the end: whole programs run instead of single operations
        oracle.manual_seed(0)
        jtorch.manual_seed(0)
        self.theirs, self.mine = Side(oracle), Side(jtorch)
        self.lines: list[Line] = []
        self.coarsest = (0.0, 0.0)
        self.rounded = False  # what the last line was given differed already, within the tolerances
        self.forgiven = False  # a value was known to differ

    def step(self, line: Line) -> Difference | None:
        """Runs a line on both sides and compares. What is known to differ is forgotten with the tensor that has it."""
        self.lines.append(line)
        self.rounded = not self.lazy and self.differ_in_bits(names_in(line))
        expected, found = self.theirs.run(line), self.mine.run(line)
        if expected != found:
            words = f"error: {expected or 'none'!r} expected, got {found or 'none'!r}{self.after()}"
            one = Difference(line, words, fatal=not (expected and found))
            if not known(one):
                return one
            self.forget_line(line)
            if one.fatal and line.kind == "backward":  # gradients went into leaves on one side alone
                for name in list(self.theirs.tensors()):
                    self.forget(name)
        elif "ZeroDivisionError" in expected or "out of bounds" in expected:  # torch's kernel wrote up to there
            self.forget_line(line)
        return self.compare(line, not self.lazy)

    def after(self) -> str:
        """What came before a line, where a difference may come of it."""
        replaced, written = (any(word in line.text for line in self.lines) for word in (".data = ", ".data."))
        here = list(self.theirs.tensors().values())
        given = [x for name, x in self.theirs.tensors().items() if name in names_in(self.lines[-1])]
        words = {
            ROUNDED: self.rounded,
            "data was replaced before": replaced,
            "data of half types was written before": written and any(x.dtype.itemsize == 2 for x in here),
            "an operand is expanded": any(0 in x.stride() for x in given),
        }
        return "".join(f", {word}" for word, so in words.items() if so)

    def differ_in_bits(self, names: set[str]) -> bool:
        """Whether tensors are not the same to the last bit on both sides."""
        theirs, mine = self.theirs.tensors(), self.mine.tensors()
        pairs = [(theirs[name], mine[name]) for name in names if name in theirs and name in mine]
        return not all(numbers(x).tobytes() == numbers(y).tobytes() for x, y in pairs)

    def end(self) -> Difference | None:
        one = self.compare(self.lines[-1], True)
        if one is None or not self.lazy or one.what not in _VALUES:
            return one
        again = Run()  # with a look at every value, of which one may be known to differ
        if any(again.step(line) is not None for line in self.lines):
            return one
        return None if again.forgiven else one

    def compare(self, line: Line, values: bool) -> Difference | None:
        try:
            return self.compare_tensors(line, values)
        except Exception as error:  # noqa: BLE001 - what a line left to be computed may fail when it is looked at
            words = f"late error: {type(error).__name__}: {first_sentence(str(error))}{self.after()}"
            late = Difference(line, words)
            if not known(late):
                return late
            return self.compare(line, values) if self.forget_failed() else None

    def forget_failed(self) -> bool:
        """Forgets what cannot be computed; False when there is nothing like it."""
        failed = []
        for name, x in self.mine.tensors().items():
            try:
                numbers(x)
            except Exception:  # noqa: BLE001 - as in `compare`
                failed.append(name)
        for name in failed:
            self.forget(name)
        return bool(failed)

    def compare_tensors(self, line: Line, values: bool) -> Difference | None:
        for name, one in self.theirs.tensors().items():
            if one.dtype is oracle.complex32:  # a type to store, tested elsewhere
                self.forget(name)
                continue
            mine = self.mine.tensors().get(name)
            if mine is None:
                return Difference(line, f"type: {name} is no tensor")
            self.coarsest = max(self.coarsest, TOLERANCES.get(one.dtype, (0.0, 0.0)))
            said = difference(mine, one, values, self.coarsest)
            expected, found = self.theirs.writes(name), self.mine.writes(name)
            if not said and expected != found:
                said = f"version: {expected} writes expected, got {found}"
            if said:
                different = Difference(line, f"{said} ({name}){self.after()}", name)
                if not known(different):
                    return different
                self.forgiven = self.forgiven or different.what in _VALUES
                self.forget(name)
        return self.compare_sharing(line) if values else None

    def compare_sharing(self, line: Line) -> Difference | None:
        """Tensors that lie in one storage on one side do on the other."""
        theirs = shared(self.theirs.tensors(), lambda x: x.untyped_storage().data_ptr())
        # Asking jtorch for an address moves a storage to the host for good: who shares one is asked of the engine.
        mine = shared(self.mine.tensors(), storage_of)
        for name, one in theirs.items():
            if mine[name] != one:
                words = f"storage: that of {one} expected, got that of {mine[name]} ({name})"
                different = Difference(line, words, name)
                if not known(different):
                    return different
                self.forget(name)
        return None

    def drop_large(self) -> None:
        """Forgets tensors whose elements have grown or all but vanished, those that lie over themselves, which kernels
        write in an order of their own, and the oldest of many."""
        for name, x in self.theirs.tensors().items():
            if lies_over_itself(x):
                self.forget(name)
                continue
            if (x.is_floating_point() or x.is_complex()) and x.numel():
                size = x.detach().abs()
                if not bool(((size < LARGEST) & ((size >= SMALLEST) | (size == 0))).all()):
                    self.forget(name)
        for name in list(self.theirs.tensors())[:-8]:
            self.forget(name)

    def forget_line(self, line: Line) -> None:
        """Forgets all that a line may have changed, and what shares memory with it."""
        there = self.theirs.tensors()
        memory = {name: x.untyped_storage()._cdata for name, x in there.items()}
        changed = {memory[name] for name in names_in(line) if name in there}
        for name in names_in(line) | {name for name, one in memory.items() if one in changed}:
            self.forget(name)

    def forget(self, name: str) -> None:
        for side in (self.theirs, self.mine):
            side.scope.pop(name, None)


def shared(tensors: dict[str, Any], storage: Callable[[Any], int]) -> dict[str, str]:
    """For each tensor the first one that has its storage."""
    first: dict[int, str] = {}
    return {name: first.setdefault(storage(x), name) for name, x in tensors.items() if x.numel()}


def storage_of(x: Any) -> int:
    """What tells one of jtorch's storages from another: the memory it shares with NumPy, its cell, or the tensor."""
    cell = x._cell
    if cell is not None and cell.host is not None:
        return cell.host.ctypes.data
    return id(x if cell is None else cell)


def lies_over_itself(x: Any) -> bool:
    """Whether elements of a tensor lie in one place, other than by being expanded."""
    reach = 1
    for stride, n in sorted((s, n) for s, n in zip(x.stride(), x.shape, strict=True) if n > 1 and s):
        if stride < reach:
            return True
        reach += stride * (n - 1)
    return False


def names_in(line: Line) -> set[str]:
    return set(re.findall(r"\b(?:t\d+|row)\b", line.text))


def known(found: Difference) -> bool:
    """True for what gaps.toml says differs."""
    for row in KNOWN:
        if re.fullmatch(row["op"], found.line.name) and re.search(row["condition"], found.words):
            seen[row["reason"]] += 1
            return True
    return False


def replay(lines: list[Line], lazy: bool) -> list[Difference]:
    """The differences of a program; a line whose names are not there is an error on both sides."""
    run, found = Run(lazy), []
    for line in lines:
        one = run.step(line)
        if one is not None:
            found.append(one)
            if one.fatal:
                return found
    one = run.end() if lines else None
    return [*found, one] if one is not None else found


def shrunk(lines: list[Line], lazy: bool, wanted: Difference) -> list[Line]:
    """As few lines as show a difference of the same kind: lines are left out from the end, again and again."""

    def shows(tried: list[Line]) -> bool:
        return any(one.key == wanted.key for one in replay(tried, lazy))

    kept = list(lines)
    related = connected(kept, wanted)
    if len(related) < len(kept) and shows(related):
        kept = related
    while True:
        before = len(kept)
        for i in reversed(range(len(kept))):
            tried = kept[:i] + kept[i + 1 :]
            if shows(tried):
                kept = tried
        if len(kept) == before:
            return kept


def connected(lines: list[Line], found: Difference) -> list[Line]:
    """The lines up to the one that differed whose names it needs, directly or not."""
    upto = lines[: lines.index(found.line) + 1]
    needed = names_in(found.line) | ({found.tensor} if found.tensor else set())
    kept = []
    for line in reversed(upto):
        if line is found.line or names_in(line) & needed:
            kept.append(line)
            needed |= names_in(line)
    return kept[::-1]
