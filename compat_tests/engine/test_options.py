"""Compile options keep XLA from what it does wrong."""

import subprocess
import sys

import pytest

from jtorch._engine.options import choose

DEEP = """
import numpy as np, jtorch as torch
p, q = (np.random.default_rng(k).normal(size=(2, 2, 2, 1, 12, 11, 10)).astype(np.float32) for k in (0, 1))
found = (torch.from_numpy(p) * torch.from_numpy(q)).sum(2)
np.testing.assert_allclose(found.numpy(), (p * q).sum(2), rtol=1e-5, atol=1e-5)
"""


@pytest.mark.parametrize("tier", ["op", "draft", "whole"])
def test_sum_of_a_product_in_seven_dimensions(tier, monkeypatch):
    """XLA's kernel library crashes over it, so it runs in a process of its own."""
    monkeypatch.setenv("JTORCH_TIER", tier)
    subprocess.run([sys.executable, "-c", DEEP], check=True)


def test_library_sums_up_to_six_dimensions():
    matrices = "stablehlo.dot_general tensor<2x3x4x5x6x7xf32>"
    assert "REDUCE" in str(choose("cpu", matrices))
    assert "REDUCE" not in str(choose("cpu", matrices + " tensor<1x2x3x4x5x6x7xf32>"))
