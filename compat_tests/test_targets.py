"""The promised numbers are measured and met, and README shows them as they are."""

import pytest

from compat_tests import targets

TEXT = targets.ROWS.read_text()
ALL_ROWS = targets.read_rows(TEXT)


@pytest.mark.parametrize("row", ALL_ROWS, ids=[row["id"] for row in ALL_ROWS])
def test_row_is_measured_and_met(row: dict):
    assert row["value"] != "", f"not measured: run `python -m compat_tests.targets {row['id']}`"
    assert row["date"], "a value without a date"
    if "short" in row:
        assert not targets.is_met(row), f"{row['id']} is met: take its `short` away"
    else:
        assert targets.is_met(row), f"{row['sentence']}: {row['value']}, target {row['threshold']}"


def test_ids_are_unique():
    ids = [row["id"] for row in ALL_ROWS]
    assert len(ids) == len(set(ids))


def test_readme_table_is_fresh():
    readme = targets.README.read_text()
    assert targets.with_table(readme, ALL_ROWS) == readme, "stale: run `python -m compat_tests.targets --table`"


def test_writing_a_value_keeps_every_other_line():
    changed = targets.with_value(TEXT, "chain", 1.25, "2026-01-02")
    before, after = TEXT.splitlines(), changed.splitlines()
    assert len(before) == len(after)
    differing = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(differing) <= {"value = 1.25", 'date = "2026-01-02"'}
    rows = {row["id"]: row for row in targets.read_rows(changed)}
    assert rows["chain"]["value"] == 1.25
    assert rows["chain"]["date"] == "2026-01-02"
    with pytest.raises(KeyError):
        targets.with_value(TEXT, "no such row", 1, "")


def test_last_value_line_counts():
    assert targets.value_in("value: 3\nsomething\nvalue: 0.25\n") == 0.25
    assert targets.value_in("value: 12\n") == 12
    assert targets.value_in("the value: 12\n") is None


def test_threshold_is_compared():
    assert targets.is_met({"value": 0.98, "threshold": ">= 0.98"})
    assert not targets.is_met({"value": 0.979, "threshold": ">= 0.98"})
    assert not targets.is_met({"value": float("nan"), "threshold": "<= 1"})
    assert not targets.is_met({"value": "", "threshold": "<= 1"})
