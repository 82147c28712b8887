"""Warnings name the user's line, whatever stands between it and the place in jtorch. Needs no real torch.

That the texts are torch's is tested in test_warnings.py, which also looks at the lines of all it runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import jtorch as torch
from jtorch import nn
from jtorch.nn import functional as F

# Every line warns once in each round: what is built at a function's first call stands between at the first alone.
SCRIPT = """
import warnings, jtorch as torch
from jtorch import nn
from jtorch.nn import functional as F
torch.set_warn_always(True)
grown = torch.ones(1, requires_grad=True)
with torch.random.fork_rng([]): optimizer = torch.optim.SGD([grown], lr=1.0)
def rounds():
    F.mse_loss(torch.ones(3, 1), torch.ones(3))
    F.grid_sample(torch.ones(1, 1, 2, 2), torch.zeros(1, 2, 2, 2))
    F.softmax(torch.ones(2))
    torch.adjoint(torch.tensor(1.0))
    torch.meshgrid(torch.ones(2), torch.ones(2))
    torch.range(0, 3)
    torch.chain_matmul(torch.ones(2, 2), torch.ones(2, 2))
    torch.var(torch.ones(1))
    torch.add(torch.ones(2), torch.ones(2), out=torch.ones(3))
    torch.add(torch.ones(2), 2, torch.ones(2))
    torch.ones(2).add_(2, torch.ones(2))
    torch.ones(2).copy_(torch.ones(2, dtype=torch.complex64))
    torch.ones(2, 2).resize(4)
    torch.ones(2, 3, 4).T
    torch.ones(1).std()
    torch.ones(3)[torch.tensor([1, 0, 1], dtype=torch.uint8)]
    float(grown)
    (grown * 2).grad
    nn.LSTM(2, 3, dropout=0.5)
    nn.MSELoss(size_average=True)
    nn.MSELoss()(torch.ones(3, 1), torch.ones(3))
    nn.init.normal(torch.ones(2, 2))
    torch.optim.SGD([grown, grown], lr=1.0)
    torch.optim.lr_scheduler.StepLR(optimizer, 1).get_lr()
    torch.autocast("cpu", dtype=torch.float64)
    torch.cuda.amp.autocast(enabled=False)
    with torch.random.fork_rng(device_type="xla"): pass
    torch.utils.data.random_split([1], [0.5, 0.5])
    list(torch.utils.data.DataLoader([1, 2], pin_memory=True))
    torch.utils.checkpoint.checkpoint(lambda x: x * 2, torch.ones(1), use_reentrant=True)
first = rounds.__code__.co_firstlineno + 1
lines = range(first, max(line for *_, line in rounds.__code__.co_lines() if line) + 1)
for _ in range(2):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rounds()
    told = [(w.filename, w.lineno, str(w.message)) for w in caught]
    assert all(file == __file__ for file, *_ in told), [place for place in told if place[0] != __file__]
    assert [line for _, line, _ in told] == list(lines), told
"""


def test_at_first_calls_and_at_second(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"JTORCH_FAKE_DEVICES": "xla:2"}  # `fork_rng` warns where there are several
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def caught_in(call: Any) -> list[tuple[str, int]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(w.filename, w.lineno) for w in caught]


def line_of(function: Any, after: int = 1) -> tuple[str, int]:
    return __file__, function.__code__.co_firstlineno + after


def test_in_code_that_jtorch_calls():
    class Block(nn.Module):
        def forward(self, x):
            return F.softmax(x)

    assert caught_in(lambda: nn.Sequential(Block())(torch.ones(2))) == [line_of(Block.forward)]


def test_of_a_subclass():
    class Loss(nn.MSELoss):
        def __init__(self):
            super().__init__(size_average=True)

    assert caught_in(Loss) == [line_of(Loss.__init__)]


class Plain:
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return "a text"


class PlainTensor(torch.Tensor):
    __torch_function__ = Plain.__torch_function__


def test_of_printing_and_of_what_others_answer(capsys: pytest.CaptureFixture):
    def prints():
        print(torch.ones(2).as_subclass(PlainTensor))

    def adds():
        torch.add(torch.ones(2), Plain())

    for _ in range(2):
        assert caught_in(prints) == [line_of(prints)]
        assert caught_in(adds) == [line_of(adds)]
    assert capsys.readouterr().out == "a text\n" * 2


def test_of_the_backward():
    def backward():
        torch.ones(1, requires_grad=True).sum().backward(create_graph=True)

    torch.set_warn_always(True)
    try:
        assert caught_in(backward) == [line_of(backward)]
    finally:
        torch.set_warn_always(False)


def test_of_a_compiled_function():
    @torch.compile
    def function(x):
        return x * x.sum().item()

    def calls():
        function(torch.ones(2))

    assert caught_in(calls) == [line_of(calls)]


def test_filters_and_registry_are_those_of_the_users_module():
    names: dict[str, Any] = {"__name__": "a_module", "F": F, "torch": torch}
    code = compile("for _ in range(3):\n F.softmax(torch.ones(2))\n F.softmin(torch.ones(2))", "a script", "exec")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        exec(code, names)
        assert [(w.filename, w.lineno) for w in caught] == [("a script", 2), ("a script", 3)]
        warnings.filterwarnings("error", module="a_module")
        with pytest.raises(UserWarning, match="Implicit dimension choice"):
            exec(code, names | {"__warningregistry__": {}})
        warnings.filterwarnings("ignore", module="a_module")
        exec(code, names | {"__warningregistry__": {}})
    assert len(caught) == 2
