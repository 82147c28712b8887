"""The base of the optimizers: groups, errors, hooks, saving, printing, in torch's words."""

import importlib
import warnings

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare
from compat_tests.optim.scenario import answer, parameters, set_grads, trained


def param(side, *shape):
    return side.nn.Parameter(side.ones(shape or (2,)))


def optimizer(side, *groups, name="SGD", **options):
    return getattr(side.optim, name)(list(groups) or [param(side)], **options)


def refuses_different_groups(side, *groups):
    optimizer(side).load_state_dict(optimizer(side, *groups).state_dict())


SAYS = {
    "tensor": lambda s: s.optim.SGD(param(s)),
    "nothing": lambda s: s.optim.SGD([]),
    "set": lambda s: s.optim.SGD([{"params": {param(s)}}]),
    "number": lambda s: optimizer(s, 3),
    "none": lambda s: optimizer(s, None),
    "list": lambda s: optimizer(s, [param(s)]),
    "string": lambda s: s.optim.SGD("abc"),
    "not iterable": lambda s: s.optim.SGD(3),
    "result": lambda s: optimizer(s, param(s) * 2),
    "no params": lambda s: optimizer(s, {"lr": 3}),
    "twice": lambda s: optimizer(s, *[{"params": p} for p in [param(s)] * 2]),
    "group is no dict": lambda s: optimizer(s).add_param_group(3),
    "some names": lambda s: optimizer(s, ("a", param(s)), param(s)),
    "names later": lambda s: optimizer(s).add_param_group({"params": [("a", param(s))]}),
    "names before": lambda s: optimizer(s, ("a", param(s))).add_param_group({"params": [param(s)]}),
    "repr": lambda s: optimizer(s, momentum=0.9),
    "repr of Adam": lambda s: optimizer(s, name="Adam"),
    "repr of AdamW": lambda s: optimizer(s, name="AdamW", lr=s.tensor(0.5)),
    "repr of two groups": lambda s: optimizer(s, {"params": [param(s)], "momentum": 0.9}, {"params": [param(s)]}),
    "repr of the base": lambda s: s.optim.Optimizer([param(s)], {"lr": 1}),
    "step of the base": lambda s: s.optim.Optimizer([param(s)], {"lr": 1}).step(),
    "lr": lambda s: optimizer(s, lr=-1),
    "lr text": lambda s: optimizer(s, lr="a"),
    "lr of two": lambda s: optimizer(s, lr=s.tensor([0.1, 0.2])),
    "lr of two, Adam": lambda s: optimizer(s, name="Adam", lr=s.tensor([0.1, 0.2])),
    "lr tensor and foreach": lambda s: optimizer(s, name="Adam", lr=s.tensor(0.1), foreach=True),
    "momentum": lambda s: optimizer(s, momentum=-1),
    "weight_decay": lambda s: optimizer(s, weight_decay=-1),
    "nesterov": lambda s: optimizer(s, nesterov=True),
    "nesterov dampened": lambda s: optimizer(s, nesterov=True, momentum=0.9, dampening=0.1),
    "fused and foreach": lambda s: optimizer(s, fused=True, foreach=True),
    "fused and differentiable": lambda s: optimizer(s, name="Adam", fused=True, differentiable=True),
    "eps": lambda s: optimizer(s, name="Adam", eps=-1),
    "beta1": lambda s: optimizer(s, name="Adam", betas=(1, 0.9)),
    "beta2": lambda s: optimizer(s, name="Adam", betas=(0.9, 1.0)),
    "betas of two kinds": lambda s: optimizer(s, name="Adam", betas=(s.tensor(0.9), 0.9)),
    "decay of Adam": lambda s: optimizer(s, name="Adam", weight_decay=-1),
    "AdamW is decoupled": lambda s: optimizer(s, name="AdamW", decoupled_weight_decay=False),
    "defaults": lambda s: (optimizer(s).defaults, optimizer(s, name="AdamW").defaults),
    "another size": lambda s: refuses_different_groups(s, param(s), param(s)),
    "another number of groups": lambda s: refuses_different_groups(s, {"params": param(s)}, {"params": param(s)}),
    "no state dict": lambda s: optimizer(s).load_state_dict({}),
    "generator": lambda s: s.optim.SGD(param(s) for _ in range(2)).state_dict(),
    "names": lambda s: s.optim.SGD(s.nn.Linear(1, 1).named_parameters()).state_dict(),
    "unknown option": lambda s: optimizer(s, {"params": param(s), "color": "red"}).state_dict(),
}


@pytest.mark.parametrize("call", SAYS.values(), ids=SAYS)
def test_says_what_torch_says(call):
    assert answer(call, jtorch) == answer(call, torch)


def test_differentiable_is_refused():
    with pytest.raises(NotImplementedError, match="differentiable=True"):
        optimizer(jtorch, differentiable=True)


def test_the_same_parameter_twice_in_a_group_warns():
    said = []
    for side in (torch, jtorch):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            one = param(side)
            side.optim.SGD([one, one])
        said.append([(w.category, str(w.message)) for w in seen])
    assert said[0] == said[1]
    assert [w.filename for w in seen] == [__file__]


def test_refused_state_changes_nothing():
    _, kept = trained(jtorch, "Adam", steps=2)
    before = kept.state_dict()
    with pytest.raises(ValueError, match="doesn't match the size"):
        kept.load_state_dict(optimizer(jtorch, name="Adam").state_dict())
    assert kept.state_dict()["param_groups"] == before["param_groups"]
    assert kept.state_dict()["state"].keys() == before["state"].keys()


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(set_to_none):
    for side in (torch, jtorch):
        params, one = trained(side, "SGD", steps=1)
        grads = [param.grad for param in params]
        one.zero_grad(set_to_none)
        if set_to_none:
            assert all(param.grad is None for param in params)
        else:
            assert all(param.grad is grad for param, grad in zip(params, grads, strict=True))
            assert all(not grad.any() for grad in grads)


def test_a_closure_has_gradients_and_its_loss_comes_back():
    def loss(side):
        one = param(side)
        chosen = side.optim.SGD([one], lr=0.1)

        def closure():
            chosen.zero_grad()
            loss = (one * one).sum()
            loss.backward()
            return loss

        with side.no_grad():
            returned = chosen.step(closure)
        return returned.detach(), one.detach()

    compare(loss(jtorch), loss(torch))


def test_parameters_keep_their_identity_and_count_a_version():
    for side in (torch, jtorch):
        one = param(side)
        before, alias = one._version, one.data
        chosen = side.optim.SGD([one], lr=0.5)
        one.grad = side.ones(2)
        chosen.step()
        assert one.requires_grad
        assert one.is_leaf
        assert one._version == before + 1
        assert alias.tolist() == [0.5, 0.5]


def hook_order(side):
    one = optimizer(side)
    seen = []
    one.register_step_pre_hook(lambda o, args, kwargs: seen.append(("pre", o is one, args[0] is one, kwargs)))
    one.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 5), kwargs))
    handle = one.register_step_post_hook(lambda o, args, kwargs: seen.append(("post", len(args), kwargs)))
    one.register_state_dict_pre_hook(lambda o: seen.append("before state_dict"))
    one.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    one.register_load_state_dict_pre_hook(lambda o, state: seen.append(sorted(state)))
    one.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    seen.append(one.step())
    handle.remove()
    seen.append(one.step())
    one.load_state_dict(one.state_dict())
    return seen


def test_hooks():
    assert hook_order(jtorch) == hook_order(torch)


def test_hooks_of_every_optimizer():
    def order(module, side):
        seen = []
        one = optimizer(side)
        one.register_step_pre_hook(lambda *args: seen.append("own pre"))
        one.register_step_post_hook(lambda *args: seen.append("own post"))
        before = module.register_optimizer_step_pre_hook(lambda *args: seen.append("pre"))
        after = module.register_optimizer_step_post_hook(lambda *args: seen.append("post"))
        one.step()
        before.remove()
        after.remove()
        one.step()
        return seen

    theirs = importlib.import_module("torch.optim.optimizer")
    assert order(importlib.import_module("jtorch.optim.optimizer"), jtorch) == order(theirs, torch)


def test_a_step_hook_returns_a_pair_or_nothing():
    for side in (torch, jtorch):
        one = optimizer(side)
        one.register_step_pre_hook(lambda *args: 3)
        with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3\."):
            one.step()


def own_optimizer(side):
    class SignDescent(side.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            for group in self.param_groups:
                for param in group["params"]:
                    param.data.add_(param.grad.sign(), alpha=-group["lr"])
                    self.state[param]["seen"] = self.state[param].get("seen", 0) + 1

    params = parameters(side)
    one = SignDescent(params, lr=0.25)
    calls = []
    one.register_step_post_hook(lambda *args: calls.append(1))
    for step in range(3):
        set_grads(side, params, step)
        one.step()
    return [param.detach() for param in params], one.state_dict(), calls


def test_an_optimizer_of_the_users_own():
    compare(own_optimizer(jtorch), own_optimizer(torch))


def moved_state(side):
    params = parameters(side, "float64")
    one = side.optim.Adam(params, lr=0.1)
    _, other = trained(side, "Adam", steps=2)
    one.load_state_dict(other.state_dict())
    return one.state_dict()


def test_loaded_state_takes_the_parameters_dtype():
    compare(moved_state(jtorch), moved_state(torch))
