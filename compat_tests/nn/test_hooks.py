"""Hooks of every kind: order, arguments, what their results replace, errors and warnings; the same as torch."""

import copy

import pytest

import jtorch
from compat_tests.harness.same import assert_same, attempt, each_program
from jtorch.nn.modules import _hooks


class _Log(list):
    """A list that makes hooks which note their name and return something."""

    def hook(self, name, result=None):
        def note(*args):
            self.append(name)
            return result

        return note


def order_of_all(torch):
    module = torch.nn.modules.module
    log = _Log()
    layer = torch.nn.Linear(2, 2)
    for kind in ("forward", "forward_pre", "full_backward", "full_backward_pre"):
        for prepend in (False, True):
            getattr(layer, f"register_{kind}_hook")(log.hook(f"{kind} {prepend}"), prepend=prepend)
    handles = [
        getattr(module, f"register_module_{kind}_hook")(log.hook(f"global {kind}"))
        for kind in ("forward", "forward_pre", "full_backward", "full_backward_pre")
    ]
    layer(torch.ones(1, 2, requires_grad=True)).sum().backward()
    for handle in handles:
        handle.remove()
    log.append("after removal")
    layer(torch.ones(1, 2, requires_grad=True)).sum().backward()
    return log, bool(module._has_any_global_hook())


def forward_pre_results(torch):
    def run(result, **kind):
        layer = torch.nn.Linear(2, 2)
        layer.register_forward_pre_hook(lambda *args: result, **kind)
        return layer(torch.ones(1, 2)).shape

    three = torch.zeros(3, 2)
    return [
        attempt(lambda r=r, k=k: run(r, **k))
        for r, k in [
            (three, {}),
            ((three,), {}),
            (three, {"with_kwargs": True}),
            (((three,), {}), {"with_kwargs": True}),
            (((), {"input": three}), {"with_kwargs": True}),
            ((three,), {"with_kwargs": True}),
        ]
    ]


def arguments_of_forward_hooks(torch):
    log = []
    layer = torch.nn.Linear(1, 1)
    torch.nn.init.ones_(layer.weight), torch.nn.init.zeros_(layer.bias)
    layer.register_forward_pre_hook(lambda m, a: log.append(("pre", m is layer, a)))
    layer.register_forward_pre_hook(lambda m, a, k: log.append(("pre kwargs", a, k)), with_kwargs=True)
    layer.register_forward_hook(lambda m, a, out: log.append(("post", a, out)))
    layer.register_forward_hook(lambda m, a, k, out: log.append(("post kwargs", a, k, out)), with_kwargs=True)
    layer.register_forward_hook(lambda m, a, out: out * 2)
    layer(torch.ones(1, 1))
    return log, layer(input=torch.ones(1, 1))


def removal(torch):
    log = _Log()
    layer = torch.nn.ReLU()
    handle = layer.register_forward_hook(log.hook("a"), with_kwargs=True)
    layer(torch.ones(1))
    handle.remove()
    handle.remove()
    layer(torch.ones(1))
    with layer.register_forward_pre_hook(log.hook("b")):
        layer(torch.ones(1))
    layer(torch.ones(1))
    return log, len(layer._forward_hooks), len(layer._forward_hooks_with_kwargs)


def cleared_by_hand(torch):
    log = _Log()
    layer = torch.nn.ReLU()
    layer.register_forward_hook(log.hook("a"))
    layer._forward_hooks.clear()
    layer(torch.ones(1))
    return log


def always_called(torch):
    def run(hook_raises, glob):
        class Broken(torch.nn.Module):
            def forward(self, x):
                raise ValueError("broken")

        log = _Log()

        def hook(module, args, output):
            log.append(("always", args, output))
            if hook_raises:
                raise KeyError("in hook")

        layer = Broken()
        layer.register_forward_hook(log.hook("only when it works"))
        register = torch.nn.modules.module.register_module_forward_hook if glob else layer.register_forward_hook
        with register(hook, always_call=True):
            log.append(attempt(layer, 1))
        return log

    return [run(raises, glob) for raises in (False, True) for glob in (False, True)]


def hooks_of_a_copy(torch):
    log = _Log()
    layer = torch.nn.ReLU()
    layer.register_forward_hook(log.hook("copied"))
    twin = copy.deepcopy(layer)
    twin(torch.ones(1))
    return log


def global_with_kwargs(torch):
    log = []
    register = torch.nn.modules.module.register_module_forward_hook
    with register(lambda m, a, k, out: log.append((a, k, out)), with_kwargs=True):
        torch.nn.ReLU()(input=torch.ones(1))
    return log


def kinds_do_not_mix(torch):
    def mix(first, second):
        layer = torch.nn.Linear(1, 1)
        getattr(layer, first)(print)
        getattr(layer, second)(print)

    a, b = "register_backward_hook", "register_full_backward_hook"
    return [attempt(mix, a, b), attempt(mix, b, a)]


def _run_backward(torch, full=True, output="tensor", result=None, needs_grad=True, pre_result=None, pre=False):
    """What the backward hooks of a small module see."""
    log = []

    class Net(torch.nn.Module):
        def forward(self, x, y=None):
            r = x * 2 if y is None else x * 2 + y * 3
            made = {
                "tensor": r,
                "tuple": (r, x * 1),
                "dict": {"r": r},
                "list": [r, 5],
                "same": x,
                "nested": (r, {"q": x * 5}),
            }
            return made[output]

    net = Net()
    register = net.register_full_backward_hook if full else net.register_backward_hook

    def hook(module, grad_input, grad_output):
        log.append((grad_input, grad_output))
        return result

    register(hook)
    if pre:
        net.register_full_backward_pre_hook(lambda m, g: (log.append(("pre", g)), pre_result)[1])
    x = torch.ones(2, requires_grad=needs_grad)
    w = torch.ones(2, requires_grad=True)
    out = net(x, torch.ones(2))
    first = out["r"] if isinstance(out, dict) else out if isinstance(out, torch.Tensor) else out[0]
    (first * w).sum().backward()
    node = type(first.grad_fn).__name__ if full else None
    return node, log, x.grad


def full_backward_by_output(torch):
    return [_run_backward(torch, output=o) for o in ("tensor", "tuple", "same", "nested", "dict", "list")]


def regular_backward_by_output(torch):
    return [_run_backward(torch, full=False, output=o) for o in ("tensor", "tuple", "same", "nested", "dict", "list")]


def full_backward_results(torch):
    seven = torch.full((2,), 7.0)
    options = [
        {"result": (seven, None)},
        {"result": (seven,)},
        {"needs_grad": False},
        {"needs_grad": False, "result": seven},
        {"pre": True},
        {"pre": True, "pre_result": (seven,)},
        {"pre": True, "pre_result": (seven, 1)},
    ]
    return [attempt(lambda o=o: _run_backward(torch, **o)) for o in options]


def _linear_backward(torch, result=None, pre=None, **call):
    log = []
    layer = torch.nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gi, go: (log.append((gi, go)), result)[1])
    if pre is not None:
        layer.register_full_backward_pre_hook(lambda m, go: pre)
    layer(**call).sum().backward() if call else layer(torch.ones(1, 2)).sum().backward()
    return log, layer.weight.grad


def no_input_needs_grad(torch):
    ones = torch.ones(1, 2)
    return [
        attempt(lambda: _linear_backward(torch)),
        attempt(lambda: _linear_backward(torch, result=(None,))),
        attempt(lambda: _linear_backward(torch, result=(ones,))),
        attempt(lambda: _linear_backward(torch, result=ones)),
        attempt(lambda: _linear_backward(torch, pre=(ones * 5,))),
        attempt(lambda: _linear_backward(torch, input=torch.ones(1, 2, requires_grad=True))),
    ]


def inputs_that_need_no_grad(torch):
    def run(other):
        log = []

        class Net(torch.nn.Module):
            def forward(self, x, y):
                return x * 2 + (y if isinstance(y, torch.Tensor) else 0)

        net = Net()
        net.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
        net(torch.ones(2, requires_grad=True), other).sum().backward()
        return log

    return [run(v) for v in (torch.ones(2, dtype=torch.int64), None, 3, torch.ones(2))]


def unused_results_and_inputs(torch):
    log = []

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(2))
            self.v = torch.nn.Parameter(torch.ones(2))

        def forward(self, x, unused):
            return x * self.w, x * self.v

    net = Net()
    net.register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
    x, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    net(x, unused)[0].sum().backward()
    return log, net.w.grad, net.v.grad, x.grad, unused.grad


def around_the_output(torch):
    class Net(torch.nn.Module):
        def forward(self, x):
            self.kept = x * 2
            return torch.ones(2, requires_grad=True) * 1

    log = _Log()
    net = Net()
    net.register_full_backward_hook(log.hook("called"))
    x = torch.ones(2, requires_grad=True)
    net(x)
    net.kept.sum().backward()
    return log, x.grad


def without_gradients(torch):
    log = _Log()
    layer = torch.nn.Linear(2, 2)
    layer.register_full_backward_hook(log.hook("never"))
    with torch.no_grad():
        out = layer(torch.ones(1, 2))
    return out.requires_grad, log


def in_a_network(torch):
    log = []
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    for name, child in net.named_children():
        child.register_full_backward_hook(
            lambda m, gi, go, name=name: log.append((name, [tuple(g.shape) for g in gi if g is not None]))
        )
    net(torch.ones(3, 2, requires_grad=True)).sum().backward()
    return log


def regular_hook_changes_the_gradient(torch):
    layer = torch.nn.ReLU()
    layer.register_backward_hook(lambda m, gi, go: (gi[0] * 3,))
    x = torch.ones(2, requires_grad=True)
    layer(x * 1).sum().backward()
    return x.grad


def regular_hook_on_other_inputs(torch):
    class Net(torch.nn.Module):
        def forward(self, x, y):
            return x * 2

    net = Net()
    net.register_backward_hook(lambda *args: None)
    net(torch.ones(1, requires_grad=True) * 1, 3)


def test_work_ends_with_the_outermost_call_without_gradients(monkeypatch):
    ended = []
    monkeypatch.setattr(_hooks, "end_of_work", lambda: ended.append(1))
    net = jtorch.nn.Sequential(jtorch.nn.ReLU(), jtorch.nn.Sequential(jtorch.nn.ReLU()))
    net(jtorch.ones(1))
    assert ended == []
    with jtorch.no_grad():
        net(jtorch.ones(1))
    assert ended == [1]

    class Teacher(jtorch.nn.Module):
        def forward(self, x):
            with jtorch.no_grad():
                return net(x)

    Teacher()(jtorch.ones(1))
    assert ended == [1], "a call without gradients inside of one with them is not the outermost"


def test_depth_survives_an_error(monkeypatch):
    ended = []
    monkeypatch.setattr(_hooks, "end_of_work", lambda: ended.append(1))

    class Broken(jtorch.nn.Module):
        def forward(self, x):
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Broken()(1)
    with jtorch.no_grad():
        jtorch.nn.ReLU()(jtorch.ones(1))
    assert ended == [1]


@each_program(globals())
def test_same_as_torch(program):
    assert_same(program)
