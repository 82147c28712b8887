"""What a training step costs in counts: programs, arguments, donated bytes, transfers. Counts do not rot silently."""

import itertools

import numpy as np
import pytest

import jtorch
from compat_tests.engine.counting import whole_tier
from jtorch._engine import backend, explain
from jtorch._engine.flush import flusher
from jtorch._engine.program import path

nn, F = jtorch.nn, jtorch.nn.functional
pytestmark = whole_tier


def classifier(*widths):
    jtorch.manual_seed(0)
    layers = []
    for wide, narrow in itertools.pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def training(model, optimizer, x, y):
    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


@pytest.fixture
def mlp_step():
    model = classifier(512, 256, 10)
    optimizer = jtorch.optim.Adam(model.parameters(), lr=1e-3)
    step = training(model, optimizer, jtorch.randn(64, 512), jtorch.randint(10, (64,)))
    for _ in range(4):
        step()
    return step


def last_program():
    return max(flusher.programs, key=lambda program: program.last_run)


def test_a_step_is_one_program_and_compiles_nothing(mlp_step):
    before = explain.counters()
    for _ in range(10):
        mlp_step()
    after = explain.counters()
    assert after["whole_runs"] - before["whole_runs"] == 10
    assert after["flushes"] - before["flushes"] == 10
    for kind in ("whole_programs", "op_programs"):
        assert after[kind] == before[kind]
    assert after["ops_executed"] - before["ops_executed"] == 10 * last_program().steps


def test_arguments_results_and_ops_of_a_step(mlp_step):
    mlp_step()
    program = last_program()
    parameters = 4
    assert len(program.inputs) == 3 * parameters + 2  # with Adam's two moments, the batch and its labels
    assert len(program.outs) == 4 * parameters + 1  # new parameters, moments and gradients, the loss
    assert program.steps <= 10


def test_parameters_and_moments_are_donated_to_their_new_values(mlp_step):
    mlp_step()
    program = last_program()
    node = flusher.programs[program]
    donated = [program.inputs[i] for i in program.donated]
    assert len(donated) == 3 * 4  # four parameters, two moments each
    last = path(node)[-1]
    while last.step.op is None or not last.step.op.name.startswith("Adam"):
        last = last.parent
    made_by_adam = program.order[: len(donated)]  # JAX pairs these with the donated, one by one
    assert set(made_by_adam) == set(range(last.slot, last.end))
    replaced = dict(zip(range(last.slot, last.end), written_by(last.step), strict=True))
    assert [replaced[slot] for slot in made_by_adam] == donated


def written_by(step):
    """The operands an optimizer's step replaces, one for each of its results."""
    return [step.operands[i] for i in step.op.written[step.statics]]


def test_transfers_of_a_step(mlp_step, monkeypatch):
    entered = []
    for name in ("adopt", "to_jax", "copy_of"):
        original = getattr(backend, name)
        monkeypatch.setattr(backend, name, lambda *args, original=original: entered.append(args) or original(*args))
    mlp_step()
    assert entered == []  # the numbers travel as an argument of the program, everything else is there


def test_a_mask_of_dropout_is_the_only_transfer(monkeypatch):
    jtorch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 2))
    optimizer = jtorch.optim.SGD(model.parameters(), lr=0.1)
    step = training(model, optimizer, jtorch.randn(4, 8), jtorch.randint(2, (4,)))
    for _ in range(3):
        step()
    entered = []
    original = backend.adopt
    monkeypatch.setattr(backend, "adopt", lambda array, dev: entered.append(array) or original(array, dev))
    step()
    assert [(array.shape, array.dtype) for array in entered] == [((4, 8), np.dtype(bool))]


def test_programs_of_an_epoch():
    """Batches of one size and a last one that is smaller: a program for each, in training and in evaluation."""
    model = classifier(16, 8, 3)
    optimizer = jtorch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    data = jtorch.utils.data.TensorDataset(jtorch.randn(70, 16), jtorch.randint(3, (70,)))
    loader = jtorch.utils.data.DataLoader(data, batch_size=32, shuffle=True)

    def epoch():
        model.train()
        for x, y in loader:
            training(model, optimizer, x, y)()
        model.eval()
        with jtorch.no_grad():
            return sum((model(x).argmax(1) == y).sum().item() for x, y in loader)

    for _ in range(2):
        epoch()
    before = explain.counters()
    epoch()
    after = explain.counters()
    compiled = sum(after[kind] - before[kind] for kind in ("whole_programs", "op_programs"))
    assert compiled == 0
