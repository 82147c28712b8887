"""The digits example has one loss curve on the CPU and on every accelerator."""

import importlib.util

import pytest

import jtorch as torch
from compat_tests.programs.runs import EXAMPLES


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("digits_example", EXAMPLES / "digits.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def curve(example, place):
    """The losses of the first epoch. Each device has a stream of its own, so what dropout draws there starts anew."""
    images, labels, *_ = example.load_data()
    torch.manual_seed(0)
    model = example.Net().to(place)
    order = torch.Generator().manual_seed(1)
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=300, shuffle=True, generator=order)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    torch.manual_seed(2)
    for x, y in loader:
        loss = torch.nn.functional.cross_entropy(model(x.to(place)), y.to(place))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_one_loss_curve(example, device):
    pytest.importorskip("sklearn")
    expected = curve(example, "cpu")
    assert expected[-1] < 0.7 * expected[0]
    places = [device] if torch.accelerator.current_accelerator().type != "cuda" else [device, "xla"]
    for place in places:
        try:
            torch.zeros(1, device=place)
        except RuntimeError:
            continue
        assert curve(example, place) == pytest.approx(expected, rel=1e-5)
