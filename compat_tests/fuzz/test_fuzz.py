"""Random programs run alike with torch and jtorch: seeded ones, and some that Hypothesis chooses."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from compat_tests.fuzz.choosing import Drawn
from compat_tests.fuzz.running import fuzz, written

PROGRAMS = 300
PARTS = 2  # processes


def part(number: int) -> dict:
    """A share of the programs; each op's program is compiled in haste, for most run once."""
    os.environ["JTORCH_TIER"] = "op"
    count = PROGRAMS // PARTS
    return fuzz(range(number * count, (number + 1) * count), seed=5)


@pytest.fixture(scope="module")
def reports() -> list[dict]:
    with ProcessPoolExecutor(PARTS, mp_context=get_context("spawn")) as pool:
        return list(pool.map(part, range(PARTS)))


def test_seeded_programs_do_the_same(reports: list[dict]):
    assert sum(report["programs"] for report in reports) == PROGRAMS
    assert {key: one["lines"] for report in reports for key, one in report["differences"].items()} == {}


def test_programs_are_of_all_kinds(reports: list[dict]):
    ops = set().union(*(report["ops"] for report in reports))
    assert len(ops) >= 300
    assert all(min(report["kinds"].values()) >= 10 for report in reports)


@settings(max_examples=10, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(strategies.data())
def test_chosen_programs_do_the_same(data: strategies.DataObject):
    program = written(Drawn(data))
    assert [one.words for one in program.found] == [], [line.text for line in program.lines]
