"""Every op that jtorch declares against real torch, on the samples of torch's own database of ops.

The default run gives each op a few samples of a floating dtype, int64 and bool. ``pytest -m full`` takes up to 40
samples of every dtype. Known differences stand in gaps.toml; one that is gone is a failure too, so the list stays true.
"""

import pytest

from compat_tests.harness.check import check_entry
from compat_tests.harness.gaps import gaps_of, tolerances_of
from compat_tests.harness.opdb import CAP, entries

NAMES = sorted(entries())
# The share of entries where these are torch's is a row of targets.toml.
SHARES = {"strides"}


def hold(name: str, most: int = 0) -> None:
    results = [one for one in check_entry(entries()[name], most) if one.check not in SHARES]
    assert any(one.check != "unsupported" for one in results), "no sample could be compared"
    failures = [one.failure for one in results if one.failure is not None and one.check != "unsupported"]
    known = gaps_of(name)
    fresh = [one for one in failures if one.kind not in known]
    assert not fresh, f"{len(fresh)} of {len(results)} checks differ:\n" + "\n".join(map(str, fresh[:5]))
    met = {one.kind for one in failures}
    stale = [kind for kind, gap in known.items() if kind not in met and (most or gap.run == "quick")]
    assert not stale, f"gaps.toml lists {name} for {stale}, which pass now: remove the rows"
    needed = {one.dtype for one in results if one.loosened}
    idle = {dtype for row in tolerances_of(name) for dtype in row.dtypes} - needed if most else set()
    assert not idle, f"gaps.toml allows {name} more than it needs in {idle}: remove the rows"


@pytest.mark.parametrize("name", NAMES)
def test_op(name: str):
    hold(name)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_op_full(name: str):
    hold(name, CAP)
