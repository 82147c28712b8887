"""The suite's workloads compute the same losses on every side; its promised numbers are what their sentences say."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from bench import values
from bench.sides import JaxRunner, TorchRunner, write_state
from bench.suite import merged
from bench.workloads import WORKLOADS

STEPS = 2
# Sizes at which a workload is quick to compile and to run, by the names of its module.
SMALL = {
    "tiny_mlp": {},
    "mnist_mlp": {"WIDTHS": (20, 16, 8, 4), "BATCH": 8},
    "digits_cnn": {"BATCH": 4},
    "resnet18": {"BATCH": 4, "SIDE": 8, "WIDTH": 4, "STAGES": ((1, 1), (2, 2))},
    "mobilenet": {"BATCH": 4, "SIDE": 8, "STEM": 8, "LAST": 16, "EXPANSION": 2, "BLOCKS": ((8, 1), (12, 2))},
    "lstm": {"LAYERS": 2, "WIDTH": 8, "LENGTH": 5, "BATCH": 3},
    "gpt": {"LAYERS": 1, "WIDTH": 12, "HEADS": 2, "LENGTH": 7, "BATCH": 2},
    "bert": {"LAYERS": 1, "WIDTH": 12, "HEADS": 2, "LENGTH": 7, "BATCH": 2, "VOCABULARY": 50},
    "vit": {"LAYERS": 1, "WIDTH": 12, "HEADS": 2, "SIDE": 8, "PATCHES": 4, "BATCH": 2},
    "recommender": {"TABLES": 2, "ROWS": 50, "WIDTH": 4, "BATCH": 4, "HIDDEN": (8, 4)},
    "elementwise": {"ROWS": 8, "COLUMNS": 16},
    "solver": {"STEPS": 2},
    "changing_length": {"LAYERS": 1, "WIDTH": 8, "HEADS": 2, "BATCH": 2, "SHORTEST": 4, "LONGEST": 5},
    "sampling": {"LAYERS": 1, "WIDTH": 8, "HEADS": 2, "BATCH": 2, "PROMPT": 3, "END": 5},
}


def small(name: str, monkeypatch: pytest.MonkeyPatch):
    workload = importlib.import_module(f"bench.workloads.{name}")
    for constant, value in SMALL[name].items():
        assert hasattr(workload, constant)
        monkeypatch.setattr(workload, constant, value)
    return workload


def first_losses(runner: TorchRunner | JaxRunner) -> list[float]:
    runner.build()
    step = runner.function("step")
    return [step(i).item() for i in range(STEPS)]


@pytest.mark.parametrize("name", WORKLOADS)
def test_first_losses_agree(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    workload = small(name, monkeypatch)
    theirs, ours = (first_losses(TorchRunner(side, workload, "cpu", "float32")) for side in ("torch", "jtorch"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    state = tmp_path / "state.npz"
    write_state(workload, str(state))
    runner = JaxRunner(workload, "float32", str(state))
    np.testing.assert_allclose(first_losses(runner), theirs, rtol=0.5 if runner.side.draws else 1e-3)


def results(**steps: dict) -> dict:
    """Results of steps: seconds, operations and bytes by side, and ratios made from the seconds."""
    found = {}
    for name, sides in steps.items():
        ours = sides["jtorch"]["median"]
        ratios = {f"{side}/jtorch": each["median"] / ours for side, each in sides.items() if side != "jtorch"}
        found[name] = {"kinds": {"step": sides}, "ratios": {"step": ratios}, "start": {}}
    return found


def test_a_missing_row_counts_a_tenth():
    found = results(gpt={"jtorch": {"median": 0.01}, "torch": {"median": 0.02}})
    others = len(WORKLOADS) - 2  # gpt is there, and changing_length has rows of its own
    assert values.VALUES["geomean"].of(found) == pytest.approx((2 * 0.1**others) ** (1 / (others + 1)))
    assert values.VALUES["worst"].of(found) == 0.1


def test_long_and_short_steps_are_judged_apart():
    found = results(
        gpt={"jtorch": {"median": 0.1, "ops": 100}, "jax": {"median": 0.09}},
        vit={"jtorch": {"median": 0.1, "ops": 100}, "jax": {"median": 0.4}},
        tiny_mlp={"jtorch": {"median": 150e-6, "ops": 10}, "jax": {"median": 50e-6}},
    )
    assert values.VALUES["jax_worst"].of(found) == pytest.approx(0.9)
    assert values.VALUES["jax_geomean"].of(found) == pytest.approx((0.9 * 4) ** 0.5)
    assert values.VALUES["per_op"].of(found) == pytest.approx(10)


def test_what_was_not_measured_is_no_number():
    for name, value in values.VALUES.items():
        if name not in ("geomean", "worst"):
            assert np.isnan(value.of({})), name


def test_memory_is_the_worst_ratio():
    both = [{side: {"median": 1.0, "memory": size} for side, size in sizes.items()} for sizes in
            ({"jtorch": 30, "torch": 20}, {"jtorch": 10, "torch": 20})]  # fmt: skip
    assert values.VALUES["memory"].of(results(gpt=both[0], vit=both[1])) == 1.5


def test_results_of_a_part_leave_the_others():
    old = {"gpt": {"kinds": {"step": {"torch": 1, "jax": 2}}, "date": "a"}, "vit": {"date": "a"}}
    new = {"gpt": {"kinds": {"step": {"jax": 3}}, "date": "b"}}
    assert merged(old, new) == {"gpt": {"kinds": {"step": {"torch": 1, "jax": 3}}, "date": "b"}, "vit": {"date": "a"}}
