"""The digits example has one loss curve on the CPU and on every accelerator."""

import pytest

import jtorch as torch
from compat_tests.programs.digits_devices import curve


def test_one_loss_curve(device):
    pytest.importorskip("sklearn")
    expected = curve("cpu")
    assert expected[-1] < 0.7 * expected[0]
    places = [device] if torch.accelerator.current_accelerator().type != "cuda" else [device, "xla"]
    for place in places:
        try:
            torch.zeros(1, device=place)
        except RuntimeError:
            continue
        assert curve(place) == pytest.approx(expected, rel=1e-5)
