"""How far the digits example's loss curves on accelerators are from the CPU's, over the first epoch.

``python -m compat_tests.programs.digits_devices`` prints the largest relative difference of a step's loss, host devices
standing for the accelerators. The data come in one order, and dropout's stream is set anew on each device.
"""

import argparse
import importlib.util
import json
from types import ModuleType

import jtorch as torch
from compat_tests.programs.runs import EXAMPLES, python

PLACES = ("cpu", "cuda", "xla")


def example() -> ModuleType:
    """The digits example as a module."""
    spec = importlib.util.spec_from_file_location("digits_example", EXAMPLES / "digits.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def curve(place: str) -> list[float]:
    """The losses of the first epoch. Each device has a stream of its own, so what dropout draws there starts anew."""
    digits = example()
    images, labels, *_ = digits.load_data()
    torch.manual_seed(0)
    model = digits.Net().to(place)
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


def largest(curves: dict[str, list[float]]) -> float:
    """The largest relative difference from the CPU's losses, of all devices and steps."""
    expected = curves["cpu"]
    assert set(curves) == set(PLACES) and len(expected) == 5 and expected[-1] < 0.7 * expected[0]
    return max(
        abs(loss - wanted) / wanted for losses in curves.values() for loss, wanted in zip(losses, expected, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", action="store_true", help="print the curves themselves, on the devices there are")
    if parser.parse_args().curves:
        print(json.dumps({place: curve(place) for place in PLACES}))
        return
    found = python("-m", "compat_tests.programs.digits_devices", "--curves", JTORCH_FAKE_DEVICES="cuda:1,xla:1")
    curves = json.loads(found.splitlines()[-1])
    for place, losses in curves.items():
        print(place, *(f"{loss:.7f}" for loss in losses))
    print(f"value: {largest(curves):.3g}")


if __name__ == "__main__":
    main()
