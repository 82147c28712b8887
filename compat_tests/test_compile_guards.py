"""torch.compile: what a captured call read is looked at before each replay, however it was written."""

import pytest

import jtorch
from compat_tests.compiled import counted
from jtorch._engine.tape import settings

pytestmark = pytest.mark.skipif(
    settings.eager or settings.tier == "op", reason="run op by op, compiled functions are called as they are"
)


class Settings:
    scale = 2.0


class Part(jtorch.nn.Module):
    """Reads something of every kind that may be written behind the back of `__setattr__`."""

    def __init__(self):
        super().__init__()
        self.weight = jtorch.nn.Parameter(jtorch.ones(2), requires_grad=False)
        self.register_buffer("shift", jtorch.zeros(2))
        self.layers = jtorch.nn.ModuleDict({"a": jtorch.nn.ReLU(), "b": jtorch.nn.Threshold(0.5, -1.0)})
        self.numbers = [1.0, [2.0]]
        self.names = {"power": 1, "sign": 1.0}
        self.flags = {"plain", 1}
        self.settings = Settings()

    def forward(self, x):
        for layer in self.layers.values():
            x = layer(x)
        x = x * self.weight + self.shift
        x = x * self.numbers[0] + self.numbers[1][0]
        for name, number in self.names.items():
            x = x * number if name == "sign" else x**number
        if "square" in self.flags:
            x = x * x
        return x.mean() * self.settings.scale + self.weight.shape[0]


WRITES = {
    "attribute dictionary": lambda part: part.__dict__.update(numbers=[5.0, [6.0]]),
    "new attribute": lambda part: part.__dict__.update(forward=lambda x: x * 11),
    "parameter": lambda part: part._parameters.update(weight=jtorch.nn.Parameter(jtorch.full((2,), 3.0), False)),
    "parameter removed": lambda part: (part._parameters.pop("weight"), part.__dict__.update(weight=jtorch.ones(3, 2))),
    "buffer": lambda part: part._buffers.update(shift=jtorch.full((2,), 4.0)),
    "child": lambda part: part.layers._modules.update(a=jtorch.nn.Tanh()),
    "attribute of a child": lambda part: part.layers._modules["b"].__dict__.update(value=7.0),
    "order of children": lambda part: part.layers._modules.update(a=part.layers._modules.pop("a")),
    "list": lambda part: part.numbers.__setitem__(0, 8.0),
    "list inside a list": lambda part: part.numbers[1].__setitem__(0, 9.0),
    "number of another type": lambda part: part.numbers.__setitem__(0, True),
    "dictionary": lambda part: part.names.update(power=2),
    "order of a dictionary": lambda part: part.names.update(power=part.names.pop("power") + 2),
    "set": lambda part: (part.flags.remove("plain"), part.flags.add("square")),
    "object": lambda part: setattr(part.settings, "scale", 10.0),
    "class": lambda part: setattr(Settings, "scale", 12.0),
    "data": lambda part: setattr(part.weight, "data", jtorch.full((2,), 13.0)),
    "data of another shape": lambda part: setattr(part.weight, "data", jtorch.ones(1)),
    "data of another dtype": lambda part: setattr(part.weight, "data", jtorch.ones(2, dtype=jtorch.float64)),
    "data of a tensor": lambda part: part.weight.data.fill_(14.0),
    "requires_grad": lambda part: part.weight.requires_grad_(),
}


@pytest.mark.parametrize("how", WRITES)
def test_writes_that_no_hook_sees(how, monkeypatch):
    monkeypatch.setattr(Settings, "scale", 2.0)
    part = Part()
    compiled = jtorch.compile(lambda x: part(x))
    x = jtorch.tensor([0.25, 3.0])
    before = [compiled(x).tolist() for _ in range(3)]
    assert before == [part(x).tolist()] * 3
    WRITES[how](part)
    for _ in range(3):
        seen, expected = compiled(x), part(x)
        assert seen.tolist() == pytest.approx(expected.tolist(), rel=1e-6)
        assert (seen.dtype, seen.requires_grad) == (expected.dtype, expected.requires_grad)


def test_equal_values_that_are_other_objects():
    part = Part()
    fn, runs = counted(lambda x: part(x))
    compiled = jtorch.compile(fn)
    for _ in range(3):
        compiled(jtorch.ones(2))
        part.numbers[0] = float("1.0")
        part.settings.scale = float("2.0")
    assert runs() <= 2  # the second because the object gains an attribute
