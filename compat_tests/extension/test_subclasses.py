"""Classes that derive from Tensor: how libraries make them, what their results, copies, pickles and parameters are."""

import copy
import importlib
import io
import pickle
import subprocess
import sys
import types

import pytest
import torch as oracle

import jtorch
from compat_tests.harness.same import assert_same, attempt


class _Kinds:
    """Classes of one library, by name: pickle finds them in a module of their own."""

    made: dict = {}


def kinds(torch):
    if torch.__name__ in _Kinds.made:
        return _Kinds.made[torch.__name__]

    class Plain(torch.Tensor):
        pass

    class Child(Plain):
        pass

    class Extra(torch.Tensor):
        def __new__(cls, data, extra=None):
            found = torch.as_tensor(data).as_subclass(cls)
            found.extra = extra
            return found

        def __init__(self, data, extra=None):
            super().__init__()

    class Tagged(torch.Tensor):
        @staticmethod
        def __new__(cls, x, tag, *args, **kwargs):
            return super().__new__(cls, x, *args, **kwargs)

        def __init__(self, x, tag):
            self.tag = tag

        def clone(self, *args, **kwargs):
            return Tagged(super().clone(*args, **kwargs), self.tag)

        def new_empty(self, *shape):
            return torch.Tensor.new_empty(self, *shape).as_subclass(Tagged)

    class Labelled(torch.Tensor):  # what it carries goes over to results
        def __new__(cls, data, label=None, **kwargs):
            return torch.as_tensor(data, **kwargs).as_subclass(cls)

        def __init__(self, data, label=None, **kwargs):
            self.label = label

        def __repr__(self):
            return f"Labelled {self.label}:\n{self.as_subclass(torch.Tensor)}"

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            labels = [a.label for a in args if hasattr(a, "label")]
            found = super().__torch_function__(func, types, args, kwargs)
            if isinstance(found, cls):
                found.label = labels[0] if labels else None
            return found

    class Weight(torch.nn.Parameter):
        pass

    found = {k.__name__: k for k in (Plain, Child, Extra, Tagged, Labelled, Weight)}
    home = sys.modules.setdefault(f"kinds_of_{torch.__name__}", types.ModuleType("kinds"))
    for name, kind in found.items():
        kind.__module__, kind.__qualname__ = f"kinds_of_{torch.__name__}", name
        setattr(home, name, kind)
    _Kinds.made[torch.__name__] = found
    return found


LINES = """
p, Plain([1, 2.0]), Plain(2, 3).shape, Plain(x).tolist(), repr(p), str(p), Child([1.0])
p + 1, p.sum(), p[0], p.T, p * x, x * p, torch.stack([p, x]), p.max(0), p.unbind(), p.split(1), [t for t in p]
p + Child([1.0, 2.0]), Child([1.0, 2.0]) + p, p.mean().item(), p.tolist(), p.shape, p.size()
p.detach(), p.clone(), p.float(), p.to(torch.float64), p.new_zeros(2), torch.zeros_like(p), p.data, p.requires_grad_()
p.as_subclass(torch.Tensor), x.as_subclass(Plain).data_ptr() == x.data_ptr(), x.as_subclass(torch.Tensor) is x
x.as_subclass(Plain)._base is x, x.as_subclass(Plain).add_(1), x
type((leaf * 2).as_subclass(Plain).grad_fn).__name__, leaf.as_subclass(Plain).requires_grad
((leaf.as_subclass(Plain) * p).sum()).backward(), leaf.grad, type(leaf.grad).__name__
torch.autograd.grad((p.requires_grad_() * 3).sum(), p)
torch.Tensor._make_subclass(Plain, x, True)
torch.Tensor._make_subclass(Plain, x.long(), True)
torch.Tensor._make_subclass(int, x)
torch.Tensor._make_subclass(Plain, 3)
torch.Tensor._make_wrapper_subclass(Plain, (2, 3))
x.as_subclass(int)
x.as_subclass(3)
e, e.extra, hasattr(e + 1, "extra"), type(e + 1).__name__, vars(e.clone()).get("extra")
t, t.tag, t.clone().tag, copy.copy(t).tag, type(t * 2).__name__
copy.deepcopy(p)
copy.deepcopy(t).tag, type(copy.deepcopy(t)).__name__, copy.deepcopy(t)
copy.copy(e).extra, copy.copy(e).data_ptr() == e.data_ptr()
again(p), again(e), again(e).extra, again(t).tag, type(again(torch.nn.Parameter(p))).__name__, type(again(w)).__name__
saved(p), saved(e).extra, type(saved(torch.nn.Parameter(p))).__name__
torch.nn.Parameter(p), type(torch.nn.Parameter(p)).__name__, isinstance(torch.nn.Parameter(p), torch.nn.Parameter)
isinstance(p, torch.nn.Parameter), isinstance(x, torch.nn.Parameter), isinstance(w, torch.nn.Parameter)
torch.nn.Parameter(p).requires_grad, torch.nn.Parameter(p, False).requires_grad, torch.nn.Parameter(p).is_leaf
copy.deepcopy(torch.nn.Parameter(p))
w, type(w + 1).__name__, type(w.data).__name__, type(copy.deepcopy(w)).__name__, type(w.detach()).__name__
module(p)(x), [type(q).__name__ for q in module(p).parameters()], list(module(p).state_dict())
l, (l + 1).label, (2 * l).sum().label, type(l.max(0).values).__name__, torch.nn.functional.relu(l).label
torch.nn.Parameter([1.0])
torch.nn.Parameter(torch.ones(2, dtype=torch.int64))
""".strip().splitlines()


def names(torch):
    def again(t):
        return pickle.loads(pickle.dumps(t))

    def saved(t):
        held = io.BytesIO()
        torch.save(t, held)
        held.seek(0)
        return torch.load(held, weights_only=False)

    def module(p):
        found = torch.nn.Linear(2, 2)
        found.bias = torch.nn.Parameter(p)
        return found

    of = kinds(torch)
    x = torch.tensor([1.0, 2.0])
    return {
        **of, "torch": torch, "copy": copy, "again": again, "saved": saved, "module": module, "x": x,
        "p": torch.tensor([3.0, 4.0]).as_subclass(of["Plain"]), "leaf": x.clone().requires_grad_(),
        "e": of["Extra"]([1.0, 2.0], extra="kept"), "t": of["Tagged"]([1.0, 2.0], "tag"),
        "l": of["Labelled"]([1.0, 2.0], label="a"), "w": of["Weight"](torch.ones(2)),
    }  # fmt: skip


@pytest.mark.parametrize("line", LINES)
@pytest.mark.filterwarnings("ignore")  # torch warns of `p.T`, and ends with the file that says so
def test_line(line):
    def program(torch):
        return attempt(lambda: eval(line, names(torch)))

    def shown(torch):
        found = program(torch)
        return repr(found).replace("jtorch.", "torch.")

    torch_shown, mine = shown(oracle), shown(jtorch)
    assert mine == torch_shown


SCRIPT = """
import torch
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_map
from torch.library import custom_op
from torch._C import DisableTorchFunctionSubclass
class Named(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        print(resolve_name(func))
        return func(*args, **(kwargs or {}))
with Named():
    tree_map(torch.sin, [torch.zeros(2)])
"""


def test_names_under_the_alias(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    found = subprocess.run(
        [sys.executable, "-m", "jtorch", str(script)], capture_output=True, text=True, check=True
    ).stdout
    assert found == "torch.zeros\ntorch.sin\n"


def test_contexts_without_overrides():
    def program(torch):
        c = importlib.import_module(f"{torch.__name__}._C")
        p = torch.ones(2).as_subclass(kinds(torch)["Plain"])
        with c.DisableTorchFunctionSubclass():
            inside = type(p + 1).__name__, torch.overrides.has_torch_function((p,))
        with c.DisableTorchFunction():
            neither = type(p + 1).__name__, torch.overrides.has_torch_function((p,))
        return inside, neither, type(p + 1).__name__, torch.overrides.has_torch_function_variadic(1, p)

    assert_same(program)
