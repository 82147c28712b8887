"""JTORCH_EAGER and JTORCH_TIER: the same results by other ways."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import jtorch as torch
from jtorch._engine import explain
x = torch.ones(3, 3)
before = explain.counters()
y = x * 2 + 1
z = y.exp()
w = z.sum(0)
print(w.tolist())
print({k: v - before[k] for k, v in explain.counters().items()})
"""


def _run(tmp_path, **env):
    env = {**os.environ, "JTORCH_CACHE_DIR": str(tmp_path), **env}
    out = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, env=env, check=True).stdout
    values, counts = out.strip().splitlines()
    return values, eval(counts)


def test_eager_executes_each_op_as_it_comes(tmp_path):
    values, counts = _run(tmp_path, JTORCH_EAGER="1", JTORCH_TIER="")
    assert counts["flushes"] >= counts["ops_executed"] == 4
    assert counts["whole_runs"] == 0
    assert values == _run(tmp_path, JTORCH_EAGER="0", JTORCH_TIER="op")[0]


@pytest.mark.parametrize(("tier", "whole"), [("op", 0), ("whole", 1)])
def test_a_tier_can_be_forced(tmp_path, tier, whole):
    _, counts = _run(tmp_path, JTORCH_EAGER="0", JTORCH_TIER=tier)
    assert counts["whole_runs"] == whole
    assert counts["flushes"] == 1


def test_programs_are_kept_between_processes(tmp_path):
    first = _run(tmp_path, JTORCH_EAGER="0", JTORCH_TIER="whole")
    kept = sorted(tmp_path.iterdir())
    assert kept
    assert _run(tmp_path, JTORCH_EAGER="0", JTORCH_TIER="whole") == first
    assert sorted(tmp_path.iterdir()) == kept


def test_a_damaged_entry_is_rebuilt_with_one_warning(tmp_path):
    first = _run(tmp_path, JTORCH_EAGER="0", JTORCH_TIER="whole")
    for entry in tmp_path.iterdir():
        entry.write_bytes(b"not a program")
    env = {**os.environ, "JTORCH_CACHE_DIR": str(tmp_path), "JTORCH_EAGER": "0", "JTORCH_TIER": "whole"}
    again = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, env=env, check=True)
    assert again.stdout.splitlines()[0] == first[0]
    assert again.stderr.count("did not load and is built anew") == 1


def test_a_folder_others_can_write_is_not_read(tmp_path):
    os.chmod(tmp_path, 0o777)
    env = {**os.environ, "JTORCH_CACHE_DIR": str(tmp_path)}
    out = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, env=env, check=True)
    assert "can be read or written by others" in out.stderr
    assert not list(tmp_path.iterdir())


_LAPACK = """
import jtorch as torch
x = torch.arange(6.0).reshape(2, 3)
print([round(v, 3) for v in torch.linalg.svdvals(x).tolist()])
"""


def test_programs_that_call_a_library_run_in_a_second_process(tmp_path):
    """LAPACK's entry points are found while JAX lowers: a program loaded without that would crash."""
    env = {**os.environ, "JTORCH_CACHE_DIR": str(tmp_path), "JTORCH_EAGER": "0", "JTORCH_TIER": "op"}
    runs = [
        subprocess.run([sys.executable, "-c", _LAPACK], capture_output=True, text=True, env=env, check=True).stdout
        for _ in range(2)
    ]
    assert runs == ["[7.348, 1.0]\n"] * 2
