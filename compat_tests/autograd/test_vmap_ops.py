"""A part of torch's database under `vmap`; ``python -m compat_tests.harness.mapped`` takes all of it."""

import pytest

from compat_tests.harness.mapped import NOT_MAPPED, check_mapped
from compat_tests.harness.opdb import entries

PART = [name for name, entry in sorted(entries().items()) if entry.seed % 5 == 0 and name not in NOT_MAPPED]


@pytest.mark.parametrize("name", PART)
def test_rows_as_torchs_calls(name):
    failures = [str(result.failure) for result in check_mapped(entries()[name]) if result.failure is not None]
    assert not failures, "\n".join(failures)
