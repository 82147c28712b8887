"""The names of jtorch against those of real torch, frozen in ``surface/torch_2_13.json``."""

import inspect

import pytest
import torch

import jtorch
from compat_tests.surface import stubs
from compat_tests.surface.first_250 import COUNT, read_list
from compat_tests.surface.freeze import NAMESPACES, freeze, read_frozen
from jtorch._declare import registry

FROZEN = read_frozen()["names"]
DECLARED = sorted(
    f"{namespace}.{name}"
    for namespace in NAMESPACES
    if namespace != "torch.Tensor"
    for name in registry.namespace(namespace)
    if not name.startswith("_")
)


def at(name: str):
    value = jtorch
    for part in name.split(".")[1:]:
        value = getattr(value, part, None)
    return value


def test_list_is_whole():
    names = read_list()
    assert len(names) == len(set(names)) == COUNT


@pytest.mark.parametrize("name", read_list())
def test_name_is_callable(name: str):
    assert callable(at(name)), f"{name} is missing: define it in the file of its heading"


def test_frozen_surface_is_that_of_torch():
    if torch.__version__.split("+")[0] != read_frozen()["torch"]:
        pytest.skip("another version of torch than the one frozen")
    assert freeze()["names"] == FROZEN, "stale: run `python -m compat_tests.surface.freeze`"


def test_stub_is_fresh():
    assert stubs.STUB.exists(), "run `python -m compat_tests.surface.stubs`"
    assert stubs.STUB.read_text() == stubs.stub(), "stale: run `python -m compat_tests.surface.stubs`"


def takes_out(function) -> bool | None:
    """None when the function passes options on, so that its signature does not say."""
    forms = [inspect.signature(form).parameters for form in getattr(function, "alternatives", (function,))]
    if any(one.kind is one.VAR_KEYWORD for form in forms for one in form.values()):
        return None
    return any("out" in form for form in forms)


@pytest.mark.parametrize("name", DECLARED)
def test_flags_are_those_of_torch(name: str):
    """A declared op is a method, has an in-place twin and takes out= exactly when torch's does."""
    namespace, _, leaf = name.rpartition(".")
    assert name in FROZEN, "torch has no such name"
    assert callable(at(name)), "declared, but not to be found in its namespace"
    flags = {"out": takes_out(at(name))}
    if flags["out"] is None:
        del flags["out"]
    if namespace == "torch" and not leaf.endswith("_"):
        flags["method"] = hasattr(jtorch.Tensor, leaf)
        flags["inplace"] = hasattr(jtorch.Tensor, leaf + "_")
    assert flags == {flag: FROZEN[name][flag] for flag in flags}


def test_methods_are_those_of_torch():
    mine = {name for name in dir(jtorch.Tensor) if not name.startswith("_") and hasattr(jtorch.Tensor, name)}
    extra = mine - set(dir(torch.Tensor))
    assert not extra, "torch.Tensor has no such names"


def test_root_names_are_those_of_torch():
    """Beside torch's names the root holds only what makes jtorch jtorch."""
    mine = {name for name in dir(jtorch) if not name.startswith("_")}
    assert mine - set(dir(torch)) <= {"config", "explain", "install", "uninstall"}
