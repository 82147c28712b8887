"""`torch.vmap`, compared with torch: values, gradients of every order, functions with rules of their own, errors."""

from __future__ import annotations

import warnings
from importlib import import_module

import pytest
import torch as oracle

import jtorch
from compat_tests.engine.counting import counted
from compat_tests.harness.same import assert_same, attempt, each_program

with warnings.catch_warnings(action="ignore"):
    oracle.func.hessian(oracle.sin)(oracle.ones(()))  # torch warns of its own code, once


def _func(torch):
    return import_module(f"{torch.__name__}.func")


def _x(torch):
    return torch.arange(12.0).view(4, 3) / 7 + 0.1


def _leaf(torch):
    return _x(torch).requires_grad_()


def results_lie_as_torchs_do(torch):
    x = _x(torch)
    found = [
        torch.vmap(lambda a: a * 2)(x),
        torch.vmap(lambda a: a * 2, out_dims=1)(x),
        torch.vmap(lambda a: torch.ones(2))(x),
        torch.vmap(lambda a: a * 2, chunk_size=3, out_dims=1)(x),
    ]
    return [(y, y.stride()) for y in found]


def nests(torch):
    x = _x(torch)
    dots = torch.vmap(torch.dot, in_dims=(1, 0))
    return [
        torch.vmap(torch.vmap(lambda a, b: a * b, in_dims=(0, None)), in_dims=(None, 0))(x[0], x[:, 0]),
        torch.vmap(dots, in_dims=(0, None), out_dims=1)(x.view(2, 3, 2), x[:2].clone()),
        torch.vmap(torch.vmap(lambda a: a + x[0, 0]))(x),
    ]


def ops(torch):
    x, functional = _x(torch), torch.nn.functional
    return [
        torch.vmap(torch.mm, in_dims=(0, None))(x.view(2, 2, 3), x.view(3, 4)),
        torch.vmap(lambda a: torch.where(a > 0.5, a, -a))(x),
        torch.vmap(lambda a: a.softmax(0))(x),
        torch.vmap(lambda a: a.sort(descending=True))(x),
        torch.vmap(lambda a: torch.einsum("i,j->ij", a, a))(x),
        torch.vmap(lambda a, k: functional.conv1d(a, k))(torch.arange(24.0).view(2, 1, 2, 6), torch.ones(2, 3, 2, 2)),
        torch.vmap(torch.linalg.inv)(torch.eye(2).expand(3, 2, 2) * torch.arange(1.0, 4).view(3, 1, 1)),
    ]


def indices(torch):
    x, i = _x(torch), torch.tensor([0, 1, 2, -1])

    def write(a, j):
        a = a.clone()
        a[j] = a[0] * 10
        return a

    return [
        torch.vmap(lambda a, j: a[j])(x, i),
        torch.vmap(lambda j: x[j])(i),
        torch.vmap(write)(x, i),
    ]


def of_the_arguments(torch):
    x = _leaf(torch)
    out = torch.vmap(lambda a: (a**3).sum())(x)
    (g,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return out, g, h


def of_what_is_closed_over(torch):
    w = torch.full((3,), 1.5, requires_grad=True)
    v = w * 2
    out = torch.vmap(lambda a: (a * v).sin().sum() + w.sum())(_x(torch))
    out.sum().backward()
    return out, w.grad


def of_a_module(torch):
    layer = torch.nn.Linear(3, 2)
    torch.nn.init.constant_(layer.weight, 0.3)
    torch.nn.init.constant_(layer.bias, 0.1)
    out = torch.vmap(layer)(_x(torch))
    out.pow(2).sum().backward()
    return out, layer.weight.grad, layer.bias.grad


def of_nested_maps(torch):
    x, w = _leaf(torch), torch.ones(4, requires_grad=True)
    out = torch.vmap(torch.vmap(lambda a, b: (a * b).exp(), in_dims=(0, None)))(x, w)
    out.sum().backward()
    return out, x.grad, w.grad


def of_a_row_returned_twice(torch):
    x = _leaf(torch)
    a, b = torch.vmap(lambda row: (row, row))(x)
    (a.sum() + 2 * b.sum()).backward()
    return x.grad


def transforms_inside(torch):
    func, x = _func(torch), _x(torch)
    parameters = {"w": torch.ones(3), "b": torch.tensor(0.5)}

    def loss(p, a, y):
        return ((p["w"] * a).sum() + p["b"] - y) ** 2

    return [
        func.vmap(func.grad(loss), in_dims=(None, 0, 0))(parameters, x, torch.arange(4.0)),
        func.vmap(func.hessian(lambda a: (a**3).sum() * a[0]))(x),
        func.vmap(func.jacfwd(torch.sin))(x),
        func.vmap(lambda a, t: func.jvp(torch.sin, (a,), (t,)))(x, x),
    ]


def transforms_outside(torch):
    func, x = _func(torch), _x(torch)
    sums = func.vmap(lambda a: (a * a).sum())
    return [
        func.grad(lambda x: sums(x).prod())(x),
        func.jacrev(sums)(x),
        func.jacfwd(sums)(x),
        func.jvp(sums, (x,), (x,)),
        func.hessian(lambda x: sums(x).prod())(x[:2]),
    ]


def jacobians_in_chunks(torch):
    return _func(torch).jacrev(lambda x: x**2, chunk_size=2)(_x(torch)[0])


def a_graph_inside_and_outside(torch):
    func, x = _func(torch), _leaf(torch)
    slopes = torch.vmap(func.grad(lambda a: (a**4).sum()))(x)
    (g,) = torch.autograd.grad(slopes.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return slopes, g, h


def many_walks_of_one_graph(torch):
    x = _x(torch)[0].requires_grad_()
    y = x**2
    return torch.vmap(lambda v: torch.autograd.grad(y, x, v, retain_graph=True)[0])(torch.eye(3))


def what_is_cut_off(torch):
    x, y = _leaf(torch), _leaf(torch)

    def without(a):
        with torch.no_grad():
            c = a * 2
        return (a * c).sum()

    torch.vmap(lambda a: (a.detach() * a).sum())(x).sum().backward()
    torch.vmap(without)(y).sum().backward()
    with torch.no_grad():
        z = torch.vmap(lambda a: a * 2)(x)
    return x.grad, y.grad, z


def hooks_outside(torch):
    x = _leaf(torch)
    x.register_hook(lambda g: g * 10)
    torch.vmap(lambda a: a.sum())(x).sum().backward()
    return x.grad


def a_second_backward(torch):
    out = torch.vmap(lambda a: (a * a).sum())(_leaf(torch)).sum()
    out.backward()
    out.backward()


def writes(torch):
    x, seen = _x(torch), torch.zeros(3)

    def inside(a):
        b = a.clone()
        b.add_(1)
        b[0:2].mul_(2)
        return b

    def of_rows(a):
        a[0:1].zero_()
        return a.sum()

    def of_another(a):
        seen.add_(1)
        return a

    y = x.clone()
    return torch.vmap(inside)(x), torch.vmap(of_rows)(y), y, torch.vmap(of_another)(x), seen, y._version


def numbers_of_rows(torch):
    x = _x(torch)
    return [
        attempt(torch.vmap(lambda a: a.sum().item()), x),
        attempt(torch.vmap(lambda a: float(a.sum())), x),
        attempt(torch.vmap(lambda a: a if a.sum() > 1 else -a), x),
        attempt(torch.vmap(lambda a: a.tolist()), x),
        attempt(torch.vmap(lambda a: a.numpy()), x),
        torch.vmap(lambda a: torch.tensor(3).item() * a)(x),
    ]


def pictures(torch):
    seen = []

    def show(a):
        seen.append(repr(a))
        seen.append(repr(a[0] * 2))
        seen.append(repr(torch.ones(2)))
        return a

    torch.vmap(show)(_x(torch))
    torch.vmap(show, in_dims=1)(_x(torch))
    torch.vmap(torch.vmap(lambda a: show(a[None])))(_x(torch))
    return seen


def refusals(torch):
    x, w = _x(torch), torch.ones(3, requires_grad=True)
    return [
        attempt(torch.vmap(lambda a: (w * a).sum().backward()), x),
        attempt(torch.vmap(lambda a: a.clone().requires_grad_()), x),
        attempt(torch.vmap(lambda a: torch.nn.functional.dropout(a)), x),
        w.grad,
    ]


def random_numbers(torch):
    x, functional = _x(torch), torch.nn.functional
    return [
        torch.vmap(lambda a: a + torch.rand(3), randomness="same")(x),
        torch.vmap(lambda a: a + torch.rand(3), randomness="different")(x),
        torch.vmap(lambda a: functional.dropout(a, 0.5), randomness="same")(x),
        torch.vmap(lambda a: functional.dropout(a, 0.5), randomness="different")(x),
    ]


# Functions of the user's


def _function(torch, **methods):
    def setup(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y * 10 + h, g * x * 10 + h

    body = {"forward": lambda x, y: (x * y, x + y), "setup_context": setup, "backward": backward, **methods}
    names = {name: staticmethod(f) if callable(f) else f for name, f in body.items()}
    return type("Mixed", (torch.autograd.Function,), names)


def _with_rule(torch, seen):
    def rule(info, in_dims, x, y):
        seen.append((repr(info), in_dims, x.detach().shape))
        x = x.expand(info.batch_size, *x.shape) if in_dims[0] is None else x.movedim(in_dims[0], 0)
        y = y.expand(info.batch_size, *y.shape) if in_dims[1] is None else y.movedim(in_dims[1], 0)
        return f.apply(x, y), (0, 0)

    f = _function(torch, vmap=rule)
    return f


def _through(torch, f, in_dims):
    x = _leaf(torch)
    y = (_x(torch) if in_dims[1] == 0 else _x(torch)[0]).requires_grad_()
    a, b = torch.vmap(f.apply, in_dims=in_dims)(x, y)
    (a.sum() + 2 * b.sum()).backward()
    return a, b, x.grad, y.grad


def functions_mapped_like_other_code(torch):
    f = _function(torch, generate_vmap_rule=True)
    slope = _func(torch).grad(lambda a: f.apply(a, a)[0].sum())
    return _through(torch, f, (0, 0)), _through(torch, f, (0, None)), torch.vmap(slope)(_x(torch))


def functions_with_a_rule(torch):
    seen = []
    f, x = _with_rule(torch, seen), _x(torch)
    slope = _func(torch).grad(lambda a: f.apply(a, a)[0].sum())
    found = [
        _through(torch, f, (0, 0)),
        _through(torch, f, (0, None)),
        torch.vmap(slope)(x),
        torch.vmap(lambda a: f.apply(a * 2, a.sum())[1])(x),
        torch.vmap(torch.vmap(lambda a, b: f.apply(a, b)[0]))(x, x),
        torch.vmap(lambda a, b: f.apply(a, b)[1], in_dims=(1, 1))(x, x),
        torch.vmap(lambda a: a + f.apply(torch.ones(3), torch.ones(3))[0])(x),
    ]
    return found, seen


def functions_that_do_not_say(torch):
    x = _x(torch)
    plain = _function(torch)
    both = _function(torch, generate_vmap_rule=True, vmap=lambda info, in_dims, x, y: (x, 0))
    old = type("Old", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 2)})
    odd = _function(torch, vmap=lambda info, in_dims, x, y: x)
    wrong = _function(torch, vmap=lambda info, in_dims, x, y: (x, (0, 1)))
    calls = [(plain, (x, x)), (both, (x, x)), (old, (x,)), (odd, (x, x)), (wrong, (x, x))]
    return [attempt(torch.vmap(f.apply), *given) for f, given in calls]


def _cube(torch, name):
    cube = torch.library.custom_op(f"mapped::{name}", lambda x: x**3, mutates_args=(), schema="(Tensor x) -> Tensor")
    cube.register_autograd(
        lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g,
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )
    return cube


def operators_without_a_rule(torch):
    x, cube = _leaf(torch), _cube(torch, "plain")
    out = torch.vmap(cube)(x)
    out.sum().backward()
    return out, x.grad


def operators_with_a_rule(torch):
    x, seen = _leaf(torch), []
    cube = _cube(torch, "ruled")

    @cube.register_vmap
    def rule(info, in_dims, x):
        seen.append((info.batch_size, info.randomness, in_dims))
        return cube(x), in_dims[0]

    out = torch.vmap(cube, in_dims=1)(x)
    out.sum().backward()
    return out, x.grad, seen


def operators_of_lists(torch):
    two = torch.library.custom_op(
        "mapped::two", lambda x, ys, k: (x * k, sum(ys) + 0), mutates_args=(),
        schema="(Tensor x, Tensor[] ys, float k) -> (Tensor, Tensor)",
    )  # fmt: skip
    seen = []

    @two.register_vmap
    def rule(info, in_dims, x, ys, k):
        seen.append((in_dims, k))
        return two(x, ys, k), (0, 0)

    x = _x(torch)
    return torch.vmap(lambda a: two(a, [a, a * 2], 2.0))(x), torch.vmap(lambda a: two(a, [a, x[0]], 2.0))(x)[0], seen


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-5, atol=1e-6)


# What only jtorch does


def test_shapes_that_depend_on_values_are_made_row_by_row():
    x = jtorch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert jtorch.vmap(lambda a: a[a > 0])(x).tolist() == [[1.0], [2.0]]


def test_a_function_runs_once_whatever_the_batch():
    calls = []

    def count(a):
        calls.append(1)
        return (a * a).sum()

    jtorch.vmap(count)(jtorch.ones(100, 3))
    assert len(calls) == 1


def test_a_batch_is_one_step_of_the_tape():
    x = jtorch.ones(50, 3)
    with counted() as counts:
        jtorch.vmap(lambda a: (a * 2 + 1).sum())(x).tolist()
    assert counts["ops_executed"] <= 2


def test_a_history_stays_inside():
    kept, w = jtorch.zeros(3), jtorch.ones(3, requires_grad=True)
    with pytest.raises(NotImplementedError, match="outside"):
        jtorch.vmap(lambda a: (kept.copy_(w), a)[1])(jtorch.ones(2, 3))
    assert kept.tolist() == [0, 0, 0] and not kept.requires_grad


def test_operators_that_write_are_not_mapped():
    add = jtorch.library.custom_op(
        "mapped::add_", lambda x: x.add_(1) and None, mutates_args=("x",), schema="(Tensor(a!) x) -> ()"
    )
    with pytest.raises(NotImplementedError, match="writes into its arguments"):
        jtorch.vmap(lambda a: (add(a), a)[1])(jtorch.ones(2, 1))


def test_an_index_out_of_range():
    with pytest.raises(IndexError, match="out of range"):
        jtorch.vmap(lambda a, j: a[j])(jtorch.ones(2, 3), jtorch.tensor([0, 9])).tolist()


def test_a_row_that_leaks_cannot_be_read():
    kept = []
    jtorch.vmap(lambda a: (kept.append(a * 2), a)[1])(jtorch.ones(2, 3))
    with pytest.raises(RuntimeError, match="vmap"):
        kept[0].tolist()
