"""What every test starts from: the same seed on both sides, and no setting left over from the test before."""

import random
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sample", type=int, default=1, metavar="N", help="run one test in N, always the same ones")
    parser.addoption("--device", help="run compat_tests/devices on this accelerator, such as cuda")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Only test files hold tests: the scripts beside them do their work when imported for doctests."""
    is_script = collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest"))
    return True if is_script and collection_path.is_relative_to(HERE) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    every = config.getoption("--sample")
    if every == 1:
        return
    kept = [item for item in items if zlib.crc32(item.nodeid.encode()) % every == 0]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def sides() -> list:
    """Real torch and jtorch, whichever of them the run has imported; a test of a lower layer needs neither."""
    found = [sys.modules.get(name) for name in ("torch", "jtorch")]
    return [side for side in found if hasattr(side, "manual_seed")]


class SameStart:
    """Registered as a plugin, so that the doctests of jtorch/ start the same way too."""

    @pytest.fixture(autouse=True)
    def same_start(self):
        random.seed(0)
        np.random.seed(0)  # torch's samples draw from NumPy's legacy stream
        for side in sides():
            side.manual_seed(0)
        yield
        for side in sides():
            side.set_default_dtype(side.float32)
            assert side.is_grad_enabled(), f"the test left gradients of {side.__name__} switched off"
            side.set_printoptions(profile="default")


@pytest.fixture
def warn_always():
    """What torch warns of once in a process comes each time."""
    for side in sides():
        side.set_warn_always(True)
    yield
    for side in sides():
        side.set_warn_always(False)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SameStart())
