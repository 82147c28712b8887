"""These tests run on an accelerator: a real one with `pytest --device cuda`, else one that host devices stand for, in
a process of its own (test_fake_devices.py)."""

import os
from pathlib import Path

import pytest

import jtorch

ANYWHERE = ("test_autocast.py", "test_fake_devices.py", "test_meta.py", "test_state.py")  # need no accelerator


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not collection_path.name.startswith("test_"):
        return None
    there = config.getoption("--device") is not None or "JTORCH_FAKE_DEVICES" in os.environ
    return True if there == (collection_path.name in ANYWHERE) else None


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--device") or "cuda"


@pytest.fixture
def first(device):
    return str(jtorch.zeros(1, device=device).device)


@pytest.fixture
def second(device):
    if jtorch.get_device_module(device).device_count() < 2:
        pytest.skip("only one device is there")
    return f"{device}:1"
