"""A test that meets a class which overrides torch's functions leaves the library as it was."""

import pytest

from jtorch._declare import dispatch


@pytest.fixture(autouse=True)
def disarmed():
    yield
    dispatch.disarm()
