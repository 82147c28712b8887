"""Counts of what the engine did inside a `with` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jtorch._engine import explain
from jtorch._engine.tape import settings

lazy_only = pytest.mark.skipif(settings.eager, reason="counts of whole programs mean nothing with JTORCH_EAGER=1")
whole_tier = pytest.mark.skipif(
    settings.eager or settings.tier == "op", reason="only the whole tier compiles whole programs"
)

chosen_tier = pytest.mark.skipif(
    settings.eager or settings.tier != "", reason="how tiers are chosen shows only where none is forced"
)


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Fills the dictionary it yields with the differences of `explain.counters()`."""
    before = explain.counters()
    found: dict[str, int] = {}
    yield found
    found.update({name: n - before[name] for name, n in explain.counters().items()})
