"""gaps.toml is in order; that each row still holds is tested where its op is (test_ops.py)."""

import datetime

import pytest

from compat_tests.harness.gaps import read_gaps
from compat_tests.harness.opdb import entries

KINDS = {
    "value",
    "dtype",
    "shape",
    "type",
    "raises",
    "method",
    "out",
    "inplace",
    "grad",
    "gradgrad",
    "forward_mode",
    "random",
    "error",
}
ALL_GAPS = read_gaps()


def test_rows_are_unique():
    keys = [(gap.name, gap.kind) for gap in ALL_GAPS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("gap", ALL_GAPS, ids=[f"{gap.name}-{gap.kind}" for gap in ALL_GAPS])
def test_row_is_in_order(gap):
    assert gap.name in entries(), "no declared op of that name"
    assert gap.kind in KINDS
    assert gap.run in ("quick", "full")
    assert len(gap.reason.split()) >= 3, "say why"
    datetime.date.fromisoformat(gap.date)
