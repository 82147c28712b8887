"""`import torch` as jtorch: the finder, its spellings, metadata, and `python -m jtorch`."""

from __future__ import annotations

import os
import subprocess
import sys


def _run(*arguments, code=None, cwd=None):
    command = [sys.executable, *(("-c", code) if code else arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=os.environ, timeout=120, check=False)


_SPELLINGS = """
import jtorch
jtorch.install()
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader
from torch.autograd import Function
import torch.autograd.function as function
import jtorch.autograd.function
import importlib, importlib.metadata, importlib.util
assert torch is jtorch and nn is jtorch.nn and F is jtorch.nn.functional and optim is jtorch.optim
assert DataLoader is jtorch.utils.data.DataLoader and function is jtorch.autograd.function
assert importlib.import_module("torch.nn.modules") is jtorch.nn.modules
assert importlib.import_module("torch.utils").data is jtorch.utils.data
assert importlib.metadata.version("torch") == "2.13.0"
assert importlib.util.find_spec("torch") is not None and torch.__spec__.name == "jtorch"
try:
    import torch.no_such_module
except ModuleNotFoundError as error:
    assert error.name == "torch.no_such_module"
else:
    raise AssertionError
jtorch.uninstall()
import sys
assert "torch" not in sys.modules and "torch.nn" not in sys.modules
print("ok")
"""


def test_every_spelling_gives_the_same_objects():
    done = _run(code=_SPELLINGS)
    assert done.stdout == "ok\n", done.stderr


def test_real_torch_is_not_replaced():
    done = _run(code="import torch, jtorch; jtorch.install()")
    assert "ImportError: jtorch: real torch is already imported" in done.stderr


def test_importing_jtorch_leaves_torch_alone():
    done = _run(code="import jtorch, sys; print('torch' in sys.modules)")
    assert done.stdout == "False\n"


def test_a_script_that_names_torch(tmp_path):
    script = tmp_path / "plain.py"
    script.write_text(
        "import sys, torch\n"
        "from torch import nn\n"
        "torch.manual_seed(0)\n"
        "print(__name__, sys.argv[1:], torch.__name__, nn.Linear(2, 1)(torch.ones(1, 2)).shape)\n"
    )
    done = _run("-m", "jtorch", str(script), "--lr", "1")
    assert done.stdout == "__main__ ['--lr', '1'] jtorch torch.Size([1, 1])\n", done.stderr


def test_a_module_that_names_torch(tmp_path):
    (tmp_path / "tool.py").write_text("import torch\nprint(__name__, torch.ones(2).sum().item())\n")
    done = _run("-m", "jtorch", "-m", "tool", cwd=tmp_path)
    assert done.stdout == "__main__ 2.0\n", done.stderr


def test_usage():
    done = _run("-m", "jtorch")
    assert done.returncode == 2
    assert done.stdout.startswith("usage: python -m jtorch")
