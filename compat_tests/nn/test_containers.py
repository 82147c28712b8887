"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict: every method and error as in torch."""

from collections import OrderedDict

import pytest

import jtorch
from compat_tests.harness.same import assert_same, attempt

ROWS = {
    "get": lambda nn, m: [m[0], m[-1], m[1:], m[:-1]],
    "get out of range": lambda nn, m: m[3],
    "get below range": lambda nn, m: m[-4],
    "get text": lambda nn, m: m["0"],
    "set": lambda nn, m: m.__setitem__(1, nn.GELU()),
    "set negative": lambda nn, m: m.__setitem__(-1, nn.GELU()),
    "set no module": lambda nn, m: m.__setitem__(1, 3),
    "set out of range": lambda nn, m: m.__setitem__(7, nn.GELU()),
    "del": lambda nn, m: m.__delitem__(0),
    "del slice": lambda nn, m: m.__delitem__(slice(0, 2)),
    "del out of range": lambda nn, m: m.__delitem__(5),
    "append": lambda nn, m: m.append(nn.GELU()) is m,
    "append no module": lambda nn, m: m.append(3),
    "insert at the end": lambda nn, m: m.insert(3, nn.GELU()),
    "extend": lambda nn, m: m.extend(nn.Sequential(nn.GELU(), nn.ELU())) is m,
    "extend by a list": lambda nn, m: m.extend([nn.GELU()]),
    "extend no module": lambda nn, m: m.extend([3]),
    "extend no iterable": lambda nn, m: m.extend(3),
    "pop": lambda nn, m: [m.pop(1), m.pop(-1)],
    "pop out of range": lambda nn, m: m.pop(9),
    "add": lambda nn, m: m + type(m)(*([nn.GELU()] if isinstance(m, nn.Sequential) else [[nn.GELU()]])),
    "add list": lambda nn, m: m + [nn.GELU()],
    "add number": lambda nn, m: m + 3,
    "iadd list": lambda nn, m: m.__iadd__([nn.GELU()]),
    "iadd number": lambda nn, m: m.__iadd__(3),
    "iter": lambda nn, m: [list(m), len(m), list(reversed(m)), m[0] in m],
}
SEQUENTIAL_ONLY = {
    "insert out of range": lambda nn, m: m.insert(9, nn.GELU()),
    "insert no module": lambda nn, m: m.insert(0, 3),
    "mul": lambda nn, m: [m * 2, 2 * m],
    "mul zero": lambda nn, m: m * 0,
    "mul text": lambda nn, m: m * "a",
}
# Torch loses the names of the modules in these and then fails; jtorch numbers them anew.
NUMBERED_ONLY = {
    "insert": lambda nn, m: m.insert(1, nn.GELU()),
    "insert negative": lambda nn, m: m.insert(-1, nn.GELU()),
    "imul": lambda nn, m: m.__imul__(2),
}
LIST_ONLY = {
    "insert": lambda nn, m: m.insert(1, nn.GELU()),
    "insert far out": lambda nn, m: m.insert(9, nn.GELU()),
}


def run_row(build, action):
    def run(torch):
        module = build(torch.nn)
        return attempt(action, torch.nn, module), module, list(module.state_dict())

    assert_same(run)


def numbered(nn):
    return nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Linear(1, 1))


def named(nn):
    return nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.Linear(1, 1)))


def listed(nn):
    return nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.Linear(1, 1)])


@pytest.mark.parametrize("build", [numbered, named], ids=lambda f: f.__name__)
@pytest.mark.parametrize("action", {**ROWS, **SEQUENTIAL_ONLY})
def test_sequential(build, action):
    run_row(build, {**ROWS, **SEQUENTIAL_ONLY}[action])


@pytest.mark.parametrize("action", NUMBERED_ONLY)
def test_sequential_without_names(action):
    run_row(numbered, NUMBERED_ONLY[action])


def test_where_torch_fails_halfway():
    nn = jtorch.nn
    row = named(nn)
    row.insert(1, nn.GELU())
    assert [type(m).__name__ for m in row] == ["ReLU", "GELU", "Tanh", "Linear"]
    for row in (numbered(nn), listed(nn)):
        assert len(row.extend(row)) == 6
    row = listed(nn)
    with pytest.raises(KeyError, match="-1"):
        row.insert(-1, nn.GELU())
    assert repr(row) == repr(listed(nn)), "a refused insert changes nothing"


@pytest.mark.parametrize("action", {**ROWS, **LIST_ONLY})
def test_module_list(action):
    run_row(listed, {**ROWS, **LIST_ONLY}[action])


def test_construction_and_repr():
    def run(torch):
        nn = torch.nn
        relu = nn.ReLU()
        calls = [
            lambda: nn.Sequential(3),
            lambda: nn.Sequential([nn.ReLU()]),
            lambda: nn.Sequential({"a": nn.ReLU()}),
            lambda: nn.Sequential(OrderedDict([(1, nn.ReLU())])),
            lambda: nn.Sequential()(torch.ones(1)),
            lambda: nn.Sequential(),
            lambda: nn.ModuleList(3),
            lambda: nn.ModuleList([3]),
            lambda: nn.ModuleList([None, nn.ReLU()]),
            lambda: nn.ModuleList(),
            lambda: nn.ModuleList([relu, relu, nn.Tanh(), nn.Sequential(relu), nn.Sequential(relu)]),
            lambda: nn.ModuleList(nn.Linear(1, 1) for _ in range(2)),
            lambda: nn.ModuleDict(),
            lambda: nn.ModuleDict({"a": None}),
            lambda: nn.ModuleDict({"update": nn.ReLU()}),
            lambda: nn.ModuleDict({"z": nn.ReLU(), "a": nn.Tanh()}),
            lambda: nn.ParameterDict({"update": torch.zeros(1)}),
            lambda: nn.ParameterList([torch.zeros(())]),
            lambda: nn.ParameterList([nn.ReLU()]),
            lambda: nn.ParameterDict({"a": nn.ParameterList([torch.zeros(1)])}),
        ]
        return [attempt(call) for call in calls]

    assert_same(run)


MODULE_DICT = {
    "get": lambda nn, d: d["a"],
    "get missing": lambda nn, d: d["z"],
    "set": lambda nn, d: d.__setitem__("c", nn.GELU()),
    "set no module": lambda nn, d: d.__setitem__("c", 3),
    "set number": lambda nn, d: d.__setitem__(3, nn.GELU()),
    "del": lambda nn, d: d.__delitem__("a"),
    "del missing": lambda nn, d: d.__delitem__("z"),
    "facts": lambda nn, d: [len(d), list(d), "a" in d, list(d.keys()), list(d.items()), list(d.values())],
    "clear": lambda nn, d: d.clear(),
    "pop": lambda nn, d: d.pop("a"),
    "pop missing": lambda nn, d: d.pop("z"),
    "update": lambda nn, d: d.update({"q": nn.GELU(), "a": nn.ELU()}),
    "update pairs": lambda nn, d: d.update([("q", nn.GELU()), ["r", nn.ELU()]]),
    "update dict of modules": lambda nn, d: d.update(nn.ModuleDict({"q": nn.ReLU()})),
    "update number": lambda nn, d: d.update(3),
    "update numbers": lambda nn, d: d.update([3]),
    "update triple": lambda nn, d: d.update([("a", nn.ReLU(), 3)]),
    "call": lambda nn, d: d(1),
}


@pytest.mark.parametrize("action", MODULE_DICT)
def test_module_dict(action):
    run_row(lambda nn: nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()}), MODULE_DICT[action])


PARAMETER_LIST = {
    "get": lambda torch, s: [s[0], s[-1], s[1:]],
    "get out of range": lambda torch, s: s[5],
    "set": lambda torch, s: s.__setitem__(0, torch.ones(1)),
    "set number": lambda torch, s: s.__setitem__(0, 5),
    "set out of range": lambda torch, s: s.__setitem__(5, 1),
    "facts": lambda torch, s: [len(s), list(s), "abc" in s, [n for n, _ in s.named_parameters()]],
    "append": lambda torch, s: s.append(torch.zeros(1)) is s,
    "extend": lambda torch, s: s.extend([torch.zeros(1), 3]),
    "extend by itself": lambda torch, s: s.extend(s),
    "extend text": lambda torch, s: s.extend("ab"),
    "extend tensor": lambda torch, s: s.extend(torch.zeros(2)),
    "extend number": lambda torch, s: s.extend(3),
    "iadd": lambda torch, s: s.__iadd__([3]),
    "call": lambda torch, s: s(1),
}


@pytest.mark.parametrize("action", PARAMETER_LIST)
def test_parameter_list(action):
    def run(torch):
        values = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(2)), torch.ones(3, 2), "abc"])
        return attempt(PARAMETER_LIST[action], torch, values), values, values.state_dict()

    assert_same(run)


PARAMETER_DICT = {
    "get item": lambda torch, d: d["a"],
    "get item missing": lambda torch, d: d["z"],
    "set": lambda torch, d: d.__setitem__("c", torch.ones(1)),
    "del": lambda torch, d: d.__delitem__("a"),
    "del missing": lambda torch, d: d.__delitem__("z"),
    "facts": lambda torch, d: [len(d), list(d), "a" in d, list(d.keys()), list(d.items()), list(d.values())],
    "reversed": lambda torch, d: list(reversed(d)),
    "clear": lambda torch, d: d.clear(),
    "pop": lambda torch, d: d.pop("a"),
    "pop missing": lambda torch, d: d.pop("z"),
    "popitem": lambda torch, d: d.popitem(),
    "popitem empty": lambda torch, d: torch.nn.ParameterDict().popitem(),
    "update sorts a dict": lambda torch, d: d.update({"z": 1, "q": 2}),
    "update ordered": lambda torch, d: d.update(OrderedDict(z=1, q=2)),
    "update pairs": lambda torch, d: d.update([("z", 1), ("q", 2)]),
    "update own kind": lambda torch, d: d.update(torch.nn.ParameterDict({"z": torch.zeros(1)})),
    "update number": lambda torch, d: d.update(3),
    "update numbers": lambda torch, d: d.update([3]),
    "update triple": lambda torch, d: d.update([("a", 3, 3)]),
    "get": lambda torch, d: [d.get("z"), d.get("a"), d.get("z", 7)],
    "setdefault": lambda torch, d: [d.setdefault("n", torch.zeros(1)), d.setdefault("m"), d.setdefault("a")],
    "fromkeys": lambda torch, d: [d.fromkeys(["x", "y"], 3), d.fromkeys(["x"])],
    "copy": lambda torch, d: [d.copy(), d.copy()["a"] is d["a"]],
    "or": lambda torch, d: [d | torch.nn.ParameterDict({"z": torch.zeros(1)}), d | {"z": 3}],
    "ror": lambda torch, d: {"z": 1} | d,
    "ior": lambda torch, d: d.__ior__(torch.nn.ParameterDict({"z": 3})) is d,
    "or number": lambda torch, d: d | 3,
    "call": lambda torch, d: d(1),
}


@pytest.mark.parametrize("action", PARAMETER_DICT)
def test_parameter_dict(action):
    def run(torch):
        values = {"a": torch.nn.Parameter(torch.zeros(2)), "b": torch.ones(3, 2), "c": "abc"}
        values = torch.nn.ParameterDict(values)
        return attempt(PARAMETER_DICT[action], torch, values), values, values.state_dict()

    assert_same(run)
