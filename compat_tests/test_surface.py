"""Every one of the 250 callable names most used by real code is there and callable."""

import pytest

import jtorch
from compat_tests.surface.first_250 import COUNT, read_list


def test_list_is_whole():
    names = read_list()
    assert len(names) == len(set(names)) == COUNT


@pytest.mark.parametrize("name", read_list())
def test_name_is_callable(name: str):
    value = jtorch
    for part in name.split(".")[1:]:
        value = getattr(value, part, None)
    assert callable(value), f"{name} is missing: define it in the file of its heading and list it in jtorch/__init__.py"
