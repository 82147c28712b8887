"""The known differences: ``compat_tests/gaps.toml``."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

GAPS = Path(__file__).parents[1] / "gaps.toml"


@dataclass(frozen=True)
class Gap:
    """Checks that differ for one reason in some entries. ``run`` is "quick" when the default run meets the difference,
    "full" when only ``pytest -m full`` does."""

    names: list[str]
    kinds: list[str]
    reason: str
    date: str
    run: str = "quick"


@dataclass(frozen=True)
class Missing:
    """Names that torch has and that raise NotImplementedError here, for one reason."""

    names: list[str]
    reason: str
    date: str


@dataclass(frozen=True)
class Tolerance:
    """Entries rounded otherwise than torch's: how far a result may be from torch's, as a part of its largest element,
    where `torch.testing.assert_close` with its own tolerances says it differs. `checks` are all where none is named."""

    names: list[str]
    dtypes: list[str]
    of_largest: float
    reason: str
    date: str
    checks: tuple[str, ...] = ()


@functools.cache
def _rows() -> dict:
    return tomllib.loads(GAPS.read_text())


@functools.cache
def read_gaps() -> tuple[Gap, ...]:
    return tuple(Gap(**row) for row in _rows().get("gap", []))


@functools.cache
def read_missing() -> tuple[Missing, ...]:
    return tuple(Missing(**row) for row in _rows().get("missing", []))


@functools.cache
def read_tolerances() -> tuple[Tolerance, ...]:
    return tuple(Tolerance(**row) for row in _rows().get("tolerance", []))


def tolerances_of(name: str) -> tuple[Tolerance, ...]:
    """The rows of an entry."""
    return tuple(row for row in read_tolerances() if name in row.names)


def allowance(name: str, dtype: str, check: str) -> float:
    """The part of its largest element that a result of an entry may be away from torch's in a check."""
    rows = (row for row in tolerances_of(name) if dtype in row.dtypes and check in (row.checks or (check,)))
    return max((row.of_largest for row in rows), default=0.0)


@functools.cache
def read_refused() -> tuple[Missing, ...]:
    """Names of modules that hold no ops."""
    return tuple(Missing(**row) for row in _rows().get("refused", []))


def gaps_of(name: str) -> dict[str, Gap]:
    """The rows of an entry by kind of difference."""
    return {kind: gap for gap in read_gaps() if name in gap.names for kind in gap.kinds}
