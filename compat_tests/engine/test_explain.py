"""What `explain` says of programs and recompiles."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import jtorch

_PLANTED = """
import jtorch as torch

def step(n):
    x = torch.ones(n)
    for _ in range(8):
        x = x.exp().log()
    return x.sum().item()

for n in (3, 3, 3, 5, 5, 5):
    step(n)
torch.explain()
"""


def test_a_planted_shape_change_is_named(tmp_path):
    """File and line at which the recorded path left the known one."""
    script = tmp_path / "planted.py"
    script.write_text(_PLANTED)
    env = {**os.environ, "JTORCH_TIER": "whole", "JTORCH_EAGER": "0"}
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, env=env, check=True).stdout
    line = _PLANTED.splitlines().index("    x = torch.ones(n)") + 1
    recompiled = [text for text in out.splitlines() if "parted at" in text]
    assert len(recompiled) == 1
    assert f"{script}:{line}" in recompiled[0]
    assert "2 whole programs" in out


def test_it_prints_to_a_file():
    (jtorch.ones(2) + 1).sum().item()
    out = io.StringIO()
    jtorch.explain(out)
    assert out.getvalue().startswith("jtorch: ")
    assert "ops executed" in out.getvalue()
