"""The examples on both sides: the same numbers and the same words."""

import re
from pathlib import Path

import numpy as np
import pytest

from compat_tests.programs.runs import EXAMPLES, SIDES, digits, example, python

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
SECONDS = re.compile(r" *\d+\.\d s\b")
# The words that make each example a short run.
RUNS = {
    "autograd.py": [],
    "linear_regression.py": ["--epochs", "8"],
    "gpt.py": ["--steps", "3", "--batch", "4", "--context", "16", "--length", "20"],
}


def assert_same_text(ours: str, theirs: str) -> None:
    """The same words, and numbers within what the rounding of the print leaves open."""
    ours, theirs = SECONDS.sub("", ours), SECONDS.sub("", theirs)
    assert NUMBER.sub("#", ours) == NUMBER.sub("#", theirs)
    numbers = [[float(found) for found in NUMBER.findall(text)] for text in (ours, theirs)]
    np.testing.assert_allclose(*numbers, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", RUNS)
def test_examples_print_the_same(name):
    theirs, ours = (example(name, side, *RUNS[name]) for side in SIDES)
    assert len(theirs.split()) > 10
    assert_same_text(ours, theirs)


@pytest.mark.parametrize("name", ["autograd.py", "linear_regression.py"])
def test_scripts_written_for_torch_run_unchanged(name):
    """``python -m jtorch script.py --torch``: the script imports torch and gets jtorch."""
    theirs = example(name, "torch", *RUNS[name])
    assert_same_text(python("-m", "jtorch", EXAMPLES / name, "--torch", *RUNS[name]), theirs)


def test_first_epoch_of_the_digits_example():
    theirs, ours = (digits(side, epochs=1) for side in SIDES)
    assert ours["initial"] == theirs["initial"]
    assert len(theirs["losses"]) == 24
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=1e-4)
    assert abs(ours["accuracy"] - theirs["accuracy"]) <= 2 / 297


def test_the_digits_example_writes_its_files(tmp_path: Path):
    printed = example("digits.py", "jtorch", "--epochs", "1", "--out", tmp_path / "deep" / "folder")
    assert "test accuracy" in printed
    files = {file.name: file.stat().st_size for file in (tmp_path / "deep" / "folder").iterdir()}
    assert files.keys() == {"digits.pt", "digits.png"}
    assert min(files.values()) > 10_000
