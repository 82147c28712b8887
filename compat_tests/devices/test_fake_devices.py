"""Runs the other tests of this folder in a process whose accelerators are host devices, and what starts processes."""

from pathlib import Path

import pytest

from compat_tests.programs.runs import python

HERE = Path(__file__).parent


def test_on_fake_devices():
    python("-m", "pytest", "-q", "-p", "no:cacheprovider", HERE, JTORCH_FAKE_DEVICES="cuda:2,xla:4")


def printed(program: str, **environment: str) -> str:
    return python("-c", program, **environment).strip()


def test_no_variable_changes_nothing():
    program = "import jax; before = dict(jax.config.values); import jtorch; print(before == jax.config.values)"
    assert printed(program, JTORCH_FAKE_DEVICES="") == "True"


def test_jax_started_before():
    program = "import jax; jax.devices(); import jtorch"
    with pytest.raises(RuntimeError, match="needs 3 CPU devices of JAX's, which has already started with 1: import"):
        printed(program, JTORCH_FAKE_DEVICES="cuda:2")
    enough = 'import jax; jax.config.update("jax_num_cpu_devices", 3); jax.devices(); import jtorch; print(1)'
    assert printed(enough, JTORCH_FAKE_DEVICES="cuda:2") == "1"


@pytest.mark.parametrize("text", ["cuda", "cuda:0", "mps:1", "cuda:1,cuda:2"])
def test_what_the_variable_may_say(text):
    with pytest.raises(RuntimeError, match="expected 'cuda:N', 'xla:N' or both"):
        printed("import jtorch", JTORCH_FAKE_DEVICES=text)


def test_without_accelerators():
    program = """
import jtorch as torch
for make in (lambda: torch.zeros(1, device="cuda"), lambda: torch.zeros(1).cuda(), lambda: torch.device(0)):
    try:
        make()
    except Exception as error:  # its type is what is shown
        print(type(error).__name__, error)
print(torch.cuda.is_available(), torch.cuda.device_count(), torch.accelerator.is_available())
"""
    assert printed(program, JTORCH_FAKE_DEVICES="", JAX_PLATFORMS="cpu").splitlines() == [
        "AssertionError Torch not compiled with CUDA enabled",
        "AssertionError Torch not compiled with CUDA enabled",
        "RuntimeError Cannot access accelerator device when none is available.",
        "False 0 False",
    ]


def test_kept_programs_where_there_are_more_devices(tmp_path):
    """A program is loaded for the device it was compiled for, not for all there are."""
    tmp_path.chmod(0o700)
    program = """
import warnings
warnings.simplefilter("error")
import jtorch as torch
print((torch.ones(50, 50) @ torch.ones(50, 50)).sin().sum().item())
"""
    kept = {"JTORCH_CACHE": "1", "JTORCH_CACHE_DIR": str(tmp_path), "JTORCH_TIER": "whole",
            "JAX_ENABLE_COMPILATION_CACHE": "false"}  # fmt: skip
    seen = [printed(program, JTORCH_FAKE_DEVICES=fake, **kept) for fake in ("", "cuda:2", "")]
    assert len(set(seen)) == 1 and list(tmp_path.iterdir())
