"""torch.func, compared with torch: derivatives, nests of them, modules as functions, and errors."""

from __future__ import annotations

import warnings
from importlib import import_module

import torch as oracle

from compat_tests.harness.same import assert_same, attempt, each_program

with warnings.catch_warnings(action="ignore"):
    oracle.func.hessian(oracle.sin)(oracle.ones(()))  # torch warns of its own code, once


def _func(torch):
    return import_module(f"{torch.__name__}.func")


def _x(torch, n=3):
    return torch.arange(1.0, n + 1)


def _first(call):
    """The result of a call, or its error's type and first words."""
    found = attempt(call)
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], str):
        return found[0], found[1].split(" Got primals")[0]
    return found


def gradients(torch):
    func, x = _func(torch), _x(torch)
    return [
        func.grad(lambda x: (x**3).sum())(x),
        func.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x),
        func.grad(lambda x, y: (x * y * y).sum(), argnums=-1)(x, x),
        func.grad(lambda d: (d["a"] * d["b"][0]).sum())({"a": x, "b": [x]}),
        func.grad(lambda x: (x.sum(), {"a": x * 2}), has_aux=True)(x),
        func.grad(lambda x: torch.tensor(1.0))(x),
        func.grad(lambda x, k=2: (x * k).sum())(x, k=3),
        func.grad_and_value(lambda x: (x**3).sum())(x),
        func.grad_and_value(lambda x: ((x**3).sum(), x), has_aux=True)(x),
    ]


def gradients_in_each_other(torch):
    func, x = _func(torch), torch.tensor(0.7)
    cube = lambda x: x**4  # noqa: E731 - a function to differentiate
    return [
        func.grad(func.grad(cube))(x),
        func.grad(func.grad(func.grad(cube)))(x),
        func.grad(lambda x: func.grad(lambda y: x * y * y)(x))(x),
        func.grad(lambda x: func.grad(lambda y: y * y)(torch.tensor(3.0)) * x)(x),
        func.jacrev(func.jacrev(lambda x: (x**3).sum()))(_x(torch)),
        func.jacfwd(func.jacfwd(lambda x: (x**3).sum()))(_x(torch)),
        func.jacfwd(func.grad(lambda x: (x**3).sum()))(_x(torch)),
        func.grad(lambda x: func.jvp(torch.sin, (x,), (torch.ones(()),))[1])(x),
        func.jvp(func.grad(cube), (x,), (torch.ones(()),)),
        func.jvp(lambda x: func.jvp(cube, (x,), (torch.ones(()),))[1], (x,), (torch.ones(()),)),
        func.vjp(func.grad(cube), x)[1](torch.tensor(2.0)),
    ]


def gradients_and_the_users_graph(torch):
    func, w = _func(torch), _x(torch).requires_grad_()
    a = func.grad(lambda x: (x * x * w).sum())(_x(torch))
    a.sum().backward()
    y = _x(torch).requires_grad_()
    b = func.grad(lambda x: (x**3).sum())(y)
    (c,) = torch.autograd.grad(b.sum(), y)
    with torch.no_grad():
        d = func.grad(lambda x: (x**3 * w).sum())(y)
    return w.grad, b, c, d, y.grad, a.requires_grad


def no_grad_inside(torch):
    def function(x):
        with torch.no_grad():
            c = x * 2
        return ((x - c) ** 2).sum()

    return _func(torch).grad(function)(_x(torch))


def pullbacks(torch):
    func, x = _func(torch), _x(torch)
    out, pull = func.vjp(lambda x: x**2, x)
    nest, pull_nest = func.vjp(lambda x: {"a": x**2, "b": x.sum()}, x)
    two, pull_two = func.vjp(lambda x, y: x * y, x, x)
    both, _, aux = func.vjp(lambda x: (x * 2, x), x, has_aux=True)
    return [
        out, pull(torch.ones(3)), pull(x), nest, pull_nest({"a": torch.ones(3), "b": torch.tensor(1.0)}), two,
        pull_two(torch.ones(3)), both, aux, _first(lambda: pull(torch.ones(2))),
    ]  # fmt: skip


def pushes(torch):
    func, x = _func(torch), _x(torch)
    return [
        func.jvp(lambda x: x**2, (x,), (torch.ones(3),)),
        func.jvp(lambda x, y: (x * y, y), (x, x), (torch.ones(3), x)),
        func.jvp(lambda x: (x**2, x), (x,), (torch.ones(3),), has_aux=True),
        func.jvp(lambda x: x.detach() * 1, (x,), (torch.ones(3),)),
    ]


def linearized(torch):
    with warnings.catch_warnings(action="ignore"):  # torch warns of its own code
        out, push = _func(torch).linearize(lambda x: x**2, _x(torch))
        return out, push(torch.ones(3)), push(_x(torch))


def jacobians(torch):
    func, x = _func(torch), _x(torch)
    found = []
    for jac in (func.jacrev, func.jacfwd):
        found += [
            jac(lambda x: x**2)(x),
            jac(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(x, x),
            jac(lambda x: {"a": x * 2})(x),
            jac(lambda x: (x * 2, x), has_aux=True)(x),
            jac(lambda x: (x @ x).sum(0))(x[:2].expand(2, 2) * 1),
        ]
    return [*found, func.hessian(lambda x: (x**3).sum())(x), func.hessian(lambda x, y: (x * y).sum(), (0, 1))(x, x)]


def mapped(torch):
    func = _func(torch)
    return [
        func.vmap(func.grad(lambda x: (x**3).sum()))(torch.arange(6.0).view(2, 3)),
        func.vmap(func.jacrev(torch.sin))(torch.arange(4.0).view(2, 2)),
        func.vmap(func.grad(lambda w, x: (w * x).sum().sin()), in_dims=(None, 0))(_x(torch), torch.ones(2, 3)),
    ]


def functional_calls(torch):
    func, x = _func(torch), _x(torch)
    layer = torch.nn.Linear(3, 1)
    weight, bias = torch.ones(1, 3), torch.zeros(1)
    given = {"weight": weight, "bias": bias}

    def loss(given):
        return func.functional_call(layer, given, x).sum() ** 2

    return [
        func.functional_call(layer, given, (x,)),
        func.functional_call(layer, ({"weight": weight}, {"bias": bias}), x),
        func.functional_call(layer, given, kwargs={"input": x}),
        func.grad(loss)(given),
        layer.weight is dict(layer.named_parameters())["weight"],
        isinstance(layer.weight, torch.nn.Parameter),
    ]


def functional_calls_of_nests(torch):
    func, x = _func(torch), _x(torch)

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Linear(3, 3, bias=False)
            self.b = torch.nn.Linear(3, 3, bias=False)
            self.b.weight = self.a.weight
            self.register_buffer("shift", torch.zeros(3))

        def forward(self, x):
            return self.b(self.a(x)) + self.shift

    net, eye = Tied(), torch.eye(3) * 2
    tied = func.functional_call(net, {"a.weight": eye, "shift": torch.ones(3)}, x)
    two = {"a.weight": eye, "b.weight": torch.eye(3)}
    half = func.functional_call(net, two, x, tie_weights=False)
    refused = _first(lambda: func.functional_call(net, two, x))
    return tied, half, refused, net.b.weight is net.a.weight, net.shift


def functional_call_errors(torch):
    func, layer, x = _func(torch), torch.nn.Linear(3, 1), _x(torch)
    call, w = func.functional_call, torch.ones(1, 3)
    return [
        _first(lambda: call(layer, {"nope": w}, x, strict=True)),
        _first(lambda: call(layer, {"weight": w}, x, strict=True)),
        _first(lambda: call(layer, {"nope": w}, x)) is not None,
        _first(lambda: call(layer, 5, x)),
        _first(lambda: call(layer, ({"weight": w}, {"weight": w}), x)),
    ]


def stacked_modules(torch):
    func = _func(torch)
    layers = [torch.nn.Linear(3, 1) for _ in range(2)]
    for i, layer in enumerate(layers):
        torch.nn.init.constant_(layer.weight, i)
        torch.nn.init.constant_(layer.bias, i)
    parameters, buffers = func.stack_module_state(layers)
    out = func.vmap(lambda p: func.functional_call(layers[0], p, _x(torch)))(parameters)
    return [
        parameters, buffers, out,
        _first(lambda: func.stack_module_state([])),
        _first(lambda: func.stack_module_state([layers[0], torch.nn.Linear(3, 1).eval()])),
        _first(lambda: func.stack_module_state([layers[0], torch.nn.ReLU()])),
    ]  # fmt: skip


def batch_norms_replaced(torch):
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.ReLU())
    found = _func(torch).replace_all_batch_norm_modules_(net)
    return found is net, net[0].running_mean, net[0].track_running_stats, net(torch.arange(6.0).view(2, 3))


def errors(torch):
    func, x = _func(torch), _x(torch)
    return [
        _first(lambda: func.grad(lambda x: x)(x)),
        _first(lambda: func.grad(lambda x: (x.sum(), 1))(x)),
        _first(lambda: func.grad(lambda x: 5)(x)),
        _first(lambda: func.grad(lambda x: x.sum(), argnums=1)(x)),
        _first(lambda: func.grad(lambda x: x.sum())(torch.arange(3))),
        _first(lambda: func.grad(lambda x: x.sum())(5)),
        _first(lambda: func.grad(lambda x: x.sum(), has_aux=True)(x)),
        _first(lambda: func.grad(lambda x: x.sum() * (1 + 1j))(x)),
        _first(lambda: func.vjp(lambda x: 5, x)),
        _first(lambda: func.jacrev(lambda x: x, argnums=())(x)),
        _first(lambda: func.jacrev(lambda x: x, chunk_size=0)(x)),
        _first(lambda: func.jvp(lambda x: x, x, torch.ones(3))),
        _first(lambda: func.jvp(lambda x: x, (x,), (torch.ones(2),))),
        _first(lambda: func.jvp(lambda x: x, (x,), (x, x))),
    ]


def without_writes(torch):
    x = torch.zeros(2)
    return _func(torch).functionalize(lambda x: x.add_(1))(x), x


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-5, atol=1e-6)
