"""Gradients at kinks and ties are torch's."""

import pytest

from compat_tests.kinks import ROWS, difference


@pytest.mark.parametrize("name", ROWS)
def test_gradient_is_torchs(name: str):
    assert not difference(ROWS[name])
