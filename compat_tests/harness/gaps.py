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


@functools.cache
def _rows() -> dict:
    return tomllib.loads(GAPS.read_text())


@functools.cache
def read_gaps() -> tuple[Gap, ...]:
    return tuple(Gap(**row) for row in _rows().get("gap", []))


@functools.cache
def read_missing() -> tuple[Missing, ...]:
    return tuple(Missing(**row) for row in _rows().get("missing", []))


def gaps_of(name: str) -> dict[str, Gap]:
    """The rows of an entry by kind of difference."""
    return {kind: gap for gap in read_gaps() if name in gap.names for kind in gap.kinds}
