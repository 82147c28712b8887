"""The shadow check: sound programs pass it, a wrong one is reported with the op's name and the user's line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from sklearn.datasets import load_digits

import jtorch as torch
from compat_tests.engine.counting import counted, lazy_only, whole_tier
from jtorch._engine import program
from jtorch._engine.program import Program
from jtorch._engine.shadow import FusedProgramDiffers

F = torch.nn.functional


@pytest.fixture(autouse=True)
def checking():
    torch.config.check = True
    yield
    torch.config.check = False


def train_on_digits() -> list[float]:
    images, labels = load_digits(return_X_y=True)
    data = torch.utils.data.TensorDataset(
        torch.tensor(images[:192]).float().view(-1, 1, 8, 8), torch.tensor(labels[:192])
    )
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Dropout(0.2), torch.nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(2):
        for x, y in torch.utils.data.DataLoader(data, batch_size=48, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
    return torch.stack(losses).tolist()


def test_a_training_loop_runs_clean_and_the_same():
    torch.config.check = False
    for _ in range(2):  # a path met for the first time may run op by op, which rounds otherwise
        torch.manual_seed(0)
        train_on_digits()
    torch.manual_seed(0)
    unchecked = train_on_digits()
    torch.config.check = True
    torch.manual_seed(0)
    assert train_on_digits() == unchecked


def cancelling():
    x = torch.rand(1000) * 1e4
    return (x * 3 - x * 2 - x).sum(), (x.sin() ** 2 + x.cos() ** 2 - 1).abs().max()


def in_place():
    x = torch.arange(12.0).view(3, 4)
    rows = x.t()
    rows[1] += 2
    x.mul_(2)[0].clamp_(max=3)
    return x, rows.sum(0), x.argmax()


def half():
    x = torch.linspace(-3, 3, 100, dtype=torch.bfloat16)
    return (x.exp() / x.exp().sum()).half() * 3, F.softmax(x, 0).cumsum(0)


def loops():
    x = torch.rand(2, 5, 3, requires_grad=True)
    out, (h, c) = torch.nn.LSTM(3, 4, batch_first=True)(x)
    (out.sum() + h.sum() + c.prod()).backward()
    return x.grad, torch.linalg.eigvalsh(x[0].t() @ x[0])


def chance():
    x = torch.randn(50, 50)
    return F.dropout(x, 0.5), torch.bernoulli(torch.full((9,), 0.3)), torch.rand(9).topk(3), torch.randperm(9)


def whole_numbers():
    x = torch.arange(-20, 20)
    return x // 3, x % 7, x.to(torch.int8) * 9, x.bitwise_and(5), (x > 3).sum(), torch.bincount(x.abs())


def complex_numbers():
    return torch.fft.fft(torch.rand(32)).abs(), torch.polar(torch.rand(4), torch.rand(4)) ** 2


def nothing_finite():
    return torch.tensor([1.0, -1.0, 0.0]) / 0, torch.zeros(0).sum(), torch.tensor([1e-40, 3e38]) * 2


PROGRAMS = [cancelling, in_place, half, loops, chance, whole_numbers, complex_numbers, nothing_finite]


@lazy_only
@pytest.mark.parametrize("run", PROGRAMS, ids=lambda run: run.__name__)
def test_programs_run_clean(run):
    with counted() as found:
        for _ in range(2):  # the second time as one program
            for result in run():
                str(result)
    assert found["whole_runs"] > 0 or torch.config.tier == "op"


@lazy_only
def test_an_index_out_of_range_is_still_that():
    at = torch.ones(3, dtype=torch.int64).cumsum(0) * 3
    with pytest.raises(IndexError, match=r"index_select\(\) recorded at .*test_shadow.py"):
        str(torch.index_select(torch.arange(5.0), 0, at))


@lazy_only
def test_a_compiled_function_is_checked():
    @torch.compile
    def double(x):
        return (x * 2).relu_().sum()

    x = torch.rand(7)
    assert float(double(x)) == float(double(x)) == float(double(x))


def made_wrong(monkeypatch: pytest.MonkeyPatch, name: str, by: float) -> None:
    """From now on whole programs compute one op wrong; per-op programs do not."""
    monkeypatch.setattr(torch.config, "tier", "whole")
    function, body = Program._function, program.body

    def wrong_body(op, specs, statics):
        run = body(op, specs, statics)
        return run if op.name != name else lambda *arrays: tuple(r + by for r in run(*arrays))

    def wrong_function(self, steps):
        right = function(self, steps)

        def traced(*args):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(program, "body", wrong_body)
                return right(*args)

        return traced

    monkeypatch.setattr(Program, "_function", wrong_function)


@whole_tier
@pytest.mark.parametrize("by", [1e-2, float("nan")], ids=["slightly", "nan"])
def test_a_wrong_program_is_reported(monkeypatch, by):
    made_wrong(monkeypatch, "sigmoid", by)
    x = torch.rand(10) * 2 + 1 + by if by == by else torch.rand(11) * 2 + 1
    y = x.sigmoid()
    z = y.exp().sum()
    with pytest.raises(FusedProgramDiffers) as caught:
        z.item()
    line = test_a_wrong_program_is_reported.__code__.co_firstlineno + 5
    assert f"sigmoid() recorded at {__file__}:{line} differs by up to {by:.3g} in {len(x)} of {len(x)}" in str(
        caught.value
    )


@whole_tier
def test_a_wrong_integer_is_reported(monkeypatch):
    made_wrong(monkeypatch, "bitwise_xor", 1)
    x = torch.arange(6) ^ 21
    with pytest.raises(FusedProgramDiffers, match=r"bitwise_xor\(\) .* differs by up to 1 in 6 of 6 elements"):
        (x * 2).tolist()


@whole_tier
def test_a_program_that_is_wrong_by_itself_is_reported(monkeypatch):
    """Wrong in its results alone: not where all steps are results."""
    monkeypatch.setattr(torch.config, "tier", "whole")
    made = Program.__init__

    def wrong(self, node, outs, donatable, *effort):
        made(self, node, outs, donatable, *effort)
        if len(outs) == 1:
            compiled = self.compiled
            monkeypatch.setattr(self, "compiled", lambda *args: tuple(r + 1 for r in compiled(*args)))

    monkeypatch.setattr(Program, "__init__", wrong)
    x = torch.full((5,), 1.25).log1p().expm1().square()
    with pytest.raises(FusedProgramDiffers, match=r"\w+\(\) recorded at .*, or what it is fused with"):
        x.tolist()


def test_the_environment_switches_it_on():
    code = "import jtorch; print(jtorch.config.check)"
    for value, said in (("1", "True"), ("0", "False"), ("", "False")):
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "JTORCH_CHECK": value},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == said


def test_a_switch_that_is_not_there_is_refused():
    with pytest.raises(AttributeError, match="no switch 'chek'"):
        torch.config.chek = True
    with pytest.raises(ValueError, match=r"jtorch\.config\.tier is one of"):
        torch.config.tier = "eager"
