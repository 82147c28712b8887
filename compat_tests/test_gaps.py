"""gaps.toml is in order; that each row still holds is tested where its op is (test_ops.py)."""

import datetime
import importlib

import pytest
import torch

import jtorch
from compat_tests.harness.gaps import read_gaps, read_missing, read_refused, read_tolerances
from compat_tests.harness.opdb import entries, resolve
from compat_tests.surface.freeze import read_frozen

KINDS = {
    "value",
    "dtype",
    "shape",
    "type",
    "raises",
    "method",
    "out",
    "inplace",
    "saved",
    "grad",
    "gradgrad",
    "forward_mode",
    "random",
    "error",
}
CHECKS = {"forward", "method", "out", "inplace", "grad", "forward_mode"}
ALL_GAPS = read_gaps()


def test_rows_are_unique():
    keys = [(name, kind) for gap in ALL_GAPS for name in gap.names for kind in gap.kinds]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("gap", ALL_GAPS, ids=[f"{gap.names[0]}-{'-'.join(gap.kinds)}" for gap in ALL_GAPS])
def test_row_is_in_order(gap):
    assert gap.names and set(gap.names) <= set(entries()), "no declared op of that name"
    assert gap.kinds and set(gap.kinds) <= KINDS
    assert gap.run in ("quick", "full")
    assert len(gap.reason.split()) >= 3, "say why"
    datetime.date.fromisoformat(gap.date)


@pytest.mark.parametrize("row", read_tolerances(), ids=lambda row: f"{row.names[0]}-{row.dtypes[0]}")
def test_tolerance_is_in_order(row):
    for name in row.names:
        taken = {str(dtype).removeprefix("torch.") for dtype in entries()[name].dtypes()}
        assert taken & set(row.dtypes), f"{name} takes none of the types"
    assert set(row.checks) <= CHECKS
    assert 0 < row.of_largest <= 0.05
    assert len(row.reason.split()) >= 3, "say why"
    datetime.date.fromisoformat(row.date)


# Names

SURFACE = sorted(read_frozen()["names"])
LISTED = [name for row in read_missing() for name in row.names]


def function_of(name: str):
    return resolve(name.removeprefix("torch."))


def test_missing_rows_are_in_order():
    assert len(LISTED) == len(set(LISTED))
    for row in read_missing():
        assert len(row.reason.split()) >= 3, "say why"
        datetime.date.fromisoformat(row.date)


def test_every_name_of_torch_is_there_or_listed():
    """A name that only refuses says so by its `unsupported`, and is listed in a `[[missing]]` row."""
    absent = [name for name in SURFACE if function_of(name) is None]
    refusing = [name for name in SURFACE if hasattr(function_of(name), "unsupported")]
    assert not {*absent, *refusing} - set(LISTED), "implement them, or list them in gaps.toml"


@pytest.mark.parametrize("name", LISTED)
def test_listed_name_is_torchs_and_refuses(name: str):
    assert name in SURFACE, "torch has no such name"
    function = function_of(name)
    if function is not None:
        assert hasattr(function, "unsupported"), "it works: remove it from gaps.toml"
        with pytest.raises(NotImplementedError):
            function()


# Names of other modules


def reached(lib, name: str):
    """What stands under a dotted name; None where there is nothing."""
    found, path = lib, lib.__name__
    for part in name.split(".")[1:]:
        path = f"{path}.{part}"
        if not hasattr(found, part):
            try:
                importlib.import_module(path)
            except ImportError:
                return None
        found = getattr(found, part)
    return found


def refuses(function) -> bool:
    """Whether a call refuses, or wants arguments first, or entering what it makes refuses."""
    try:
        made = function()
        made.__enter__()
    except NotImplementedError:
        return True
    except TypeError as wanting:
        return "missing" in str(wanting)
    return False


@pytest.mark.parametrize("name", [name for row in read_refused() for name in row.names])
def test_refused_name_is_torchs_and_refuses(name: str):
    assert reached(torch, name) is not None, "torch has no such name"
    function = reached(jtorch, name)
    assert function is None or refuses(function), "it works: remove it from gaps.toml"
