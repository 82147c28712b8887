"""torch.autograd.functional and batches of gradients, compared with torch: values, flags and errors."""

from __future__ import annotations

import warnings
from importlib import import_module

import torch as oracle

from compat_tests.harness.same import assert_same, attempt, each_program

with warnings.catch_warnings(action="ignore"), oracle.autograd.forward_ad.dual_level():
    oracle.autograd.forward_ad.make_dual(oracle.ones(1), oracle.ones(1)).exp()  # torch warns of its own code, once
    oracle.vmap(oracle.sin)(oracle.ones(2))


def _functional(torch):
    return import_module(f"{torch.__name__}.autograd.functional")


def _x(torch, n=3):
    return torch.linspace(0.5, 1.5, n)


def _cubes(x):
    return (x**3).cumsum(0)


def _pair(x, y):
    return (x * y.sum()).sin(), (x[:2] * y[:2]).exp()


def _scalar(x, y):
    return (x * x * y).sum() + (y**3).sum()


def jacobian(torch):
    return _functional(torch).jacobian(_cubes, _x(torch))


def jacobian_of_several(torch):
    return _functional(torch).jacobian(_pair, (_x(torch), _x(torch, 2)))


def jacobian_of_matrices(torch):
    return _functional(torch).jacobian(lambda a: a @ a, _x(torch, 4).view(2, 2))


def jacobian_of_a_scalar(torch):
    return _functional(torch).jacobian(lambda a: a.sum(), _x(torch, 4).view(2, 2))


def jacobian_vectorized(torch):
    return _functional(torch).jacobian(_pair, (_x(torch), _x(torch, 2)), vectorize=True)


def jacobian_forward(torch):
    jac, how = _functional(torch).jacobian, {"vectorize": True, "strategy": "forward-mode"}
    x, y = _x(torch), _x(torch, 2)
    return (
        jac(_pair, (x, y), **how),
        jac(_cubes, x, **how),
        jac(lambda x: (x, x.sum()), x, **how),
        jac(lambda x, y: x * 2, (x, y), **how),
        jac(lambda x: torch.ones(2), x, **how),
        jac(_cubes, x.clone().requires_grad_(), **how),
    )


def jacobian_with_graph(torch):
    x = _x(torch).requires_grad_()
    found = _functional(torch).jacobian(_cubes, x, create_graph=True)
    found.sum().backward()
    return found, x.grad


def jacobian_of_unused(torch):
    return _functional(torch).jacobian(lambda x, y: x * 2, (_x(torch), _x(torch)))


def jacobian_of_a_constant(torch):
    return _functional(torch).jacobian(lambda x: torch.ones(2), _x(torch))


def jacobian_strict(torch):
    jac = _functional(torch).jacobian
    return [
        attempt(lambda: jac(lambda x, y: x * 2, (_x(torch), _x(torch)), strict=True)),
        attempt(lambda: jac(lambda x: torch.ones(2), _x(torch), strict=True)),
        attempt(lambda: jac(lambda x: x.detach(), _x(torch), strict=True)),
        attempt(lambda: jac(lambda x: x * 2, _x(torch), strict=True, create_graph=True)),
        attempt(lambda: jac(lambda x: x * 2, _x(torch), strict=True, vectorize=True)),
        attempt(lambda: jac(lambda x: x * 2, _x(torch), strategy="forward-mode")),
        attempt(lambda: jac(lambda x: x * 2, _x(torch), strategy="forward-mode", vectorize=True, create_graph=True)),
        attempt(lambda: jac(lambda x: x * 2, _x(torch), strategy="sideways")),
    ]


def wrong_types(torch):
    jac = _functional(torch).jacobian
    return [
        attempt(lambda: jac(lambda x: 5, _x(torch))),
        attempt(lambda: jac(lambda x: (x, 5), _x(torch))),
        attempt(lambda: jac(lambda x: [x], _x(torch))),
        attempt(lambda: jac(lambda x: x, 5)),
        attempt(lambda: jac(lambda x, y: x, (_x(torch), 5))),
        attempt(lambda: jac(lambda x: x, [_x(torch)])),
    ]


def hessian(torch):
    return _functional(torch).hessian(_scalar, (_x(torch), _x(torch)))


def hessian_of_one(torch):
    return _functional(torch).hessian(lambda x: (x**3).sum(), _x(torch, 4).view(2, 2))


def hessian_vectorized(torch):
    functional = _functional(torch)
    return (
        functional.hessian(_scalar, (_x(torch), _x(torch)), vectorize=True),
        functional.hessian(_scalar, (_x(torch), _x(torch)), vectorize=True, outer_jacobian_strategy="forward-mode"),
    )


def hessian_with_graph(torch):
    x = _x(torch).requires_grad_()
    found = _functional(torch).hessian(lambda x: (x**4).sum(), x, create_graph=True)
    found.sum().backward()
    return found, x.grad


def hessian_errors(torch):
    hes = _functional(torch).hessian
    return [
        attempt(lambda: hes(lambda x: x, _x(torch))),
        attempt(lambda: hes(lambda x: (x.sum(), x.sum()), _x(torch))),
        attempt(lambda: hes(lambda x: x.sum(), _x(torch), strict=True)),
        attempt(lambda: hes(lambda x: x.sum().view(1), _x(torch))),
        attempt(lambda: hes(lambda x: x.sum(), _x(torch), outer_jacobian_strategy="sideways")),
    ]


def vjp(torch):
    functional = _functional(torch)
    x, y = _x(torch), _x(torch, 2)
    return (
        functional.vjp(_cubes, x, torch.ones(3)),
        functional.vjp(_pair, (x, y), (torch.ones(3), torch.ones(2))),
        functional.vjp(lambda x: x.sum(), x),
    )


def vjp_errors(torch):
    f, x = _functional(torch).vjp, _x(torch)
    return [
        attempt(lambda: f(_cubes, x)),
        attempt(lambda: f(_cubes, x, torch.ones(2))),
        attempt(lambda: f(_cubes, x, (torch.ones(3), torch.ones(3)))),
        attempt(lambda: f(lambda x: x.detach(), x, torch.ones(3), strict=True)),
        attempt(lambda: f(lambda x: x.detach(), x, torch.ones(3))),
        attempt(lambda: f(_cubes, x, 5)),
    ]


def vjp_with_graph(torch):
    x = _x(torch).requires_grad_()
    out, found = _functional(torch).vjp(_cubes, x, torch.ones(3), create_graph=True)
    found.sum().backward()
    return out, found, x.grad


def jvp(torch):
    functional = _functional(torch)
    x, y = _x(torch), _x(torch, 2)
    return (
        functional.jvp(_cubes, x, torch.ones(3)),
        functional.jvp(_pair, (x, y), (torch.ones(3), torch.ones(2))),
        functional.jvp(lambda x: x.exp(), torch.tensor(1.0)),
        functional.jvp(lambda x, y: (x * 2, y.detach()), (x, y), (torch.ones(3), torch.ones(2))),
    )


def jvp_errors(torch):
    f, x = _functional(torch).jvp, _x(torch)
    return [
        attempt(lambda: f(_cubes, x)),
        attempt(lambda: f(_cubes, x, torch.ones(2))),
        attempt(lambda: f(lambda x: x.detach(), x, torch.ones(3), strict=True)),
        attempt(lambda: f(_cubes, x, (torch.ones(3), torch.ones(3)))),
    ]


def jvp_with_graph(torch):
    x = _x(torch).requires_grad_()
    out, found = _functional(torch).jvp(_cubes, x, torch.ones(3), create_graph=True)
    found.sum().backward()
    return out, found, x.grad


def _products(torch, product):
    x, y = _x(torch), _x(torch)
    return (
        product(_scalar, (x, y), (torch.ones(3), torch.ones(3))),
        product(lambda x: (x**3).sum(), x, torch.ones(3)),
        product(lambda x: x**3, torch.tensor(2.0)),
        product(lambda x, y: (x**2).sum(), (x, y), (torch.ones(3), torch.ones(3))),
    )


def vhp(torch):
    return _products(torch, _functional(torch).vhp)


def hvp(torch):
    return _products(torch, _functional(torch).hvp)


def product_errors(torch):
    functional, x = _functional(torch), _x(torch)
    found = []
    for f in (functional.vhp, functional.hvp):
        found += [
            attempt(lambda f=f: f(lambda x: (x**3).sum(), x)),
            attempt(lambda f=f: f(lambda x: x, x, torch.ones(3))),
            attempt(lambda f=f: f(lambda x: (x.sum(), x.sum()), x, torch.ones(3))),
            attempt(lambda f=f: f(lambda x: x.sum(), x, torch.ones(3), strict=True)),
            attempt(lambda f=f: f(lambda x: x.sum(), x, torch.ones(2))),
        ]
    return found


def product_with_graph(torch):
    found = []
    for name in ("vhp", "hvp"):
        x = _x(torch).requires_grad_()
        out, product = getattr(_functional(torch), name)(lambda x: (x**4).sum(), x, torch.ones(3), create_graph=True)
        product.sum().backward()
        found += [out, product, x.grad]
    return found


def inputs_are_left_alone(torch):
    x = _x(torch).requires_grad_()
    out, found = _functional(torch).vjp(_cubes, x, torch.ones(3))
    return x.grad, out.requires_grad, found.requires_grad


def under_no_grad(torch):
    with torch.no_grad():
        return _functional(torch).jacobian(_cubes, _x(torch)), _functional(torch).hessian(
            lambda x: x.pow(3).sum(), _x(torch)
        )


def batches(torch):
    x = _x(torch).requires_grad_()
    y, z = x * torch.arange(3.0), x.sum()
    (a,) = torch.autograd.grad(y, x, torch.eye(3), is_grads_batched=True, retain_graph=True)
    (b,) = torch.autograd.grad((y, z), (x,), (torch.eye(3), torch.arange(3.0)), is_grads_batched=True)
    return a, b


def batches_with_graph(torch):
    x = _x(torch).requires_grad_()
    (a,) = torch.autograd.grad(x**3, x, torch.eye(3), is_grads_batched=True, create_graph=True)
    (b,) = torch.autograd.grad(a.sum(), x)
    return a, b


def batches_of_wrong_shape(torch):
    x = _x(torch).requires_grad_()
    y = x * 2
    return [
        attempt(lambda: torch.autograd.grad(y, x, torch.eye(4), is_grads_batched=True)),
        attempt(lambda: torch.autograd.grad(y, x, is_grads_batched=True)),
        attempt(lambda: torch.autograd.grad(y, x, torch.ones(3), is_grads_batched=True)),
    ]


def unused_and_materialized(torch):
    x, y = _x(torch).requires_grad_(), _x(torch, 2).requires_grad_()
    z = (x * 2).sum()
    grad = torch.autograd.grad
    return [
        attempt(lambda: grad(z, (x, y), retain_graph=True)),
        grad(z, (x, y), retain_graph=True, allow_unused=True),
        grad(z, (x, y), retain_graph=True, materialize_grads=True),
        attempt(lambda: grad(z, (x, y), materialize_grads=True, allow_unused=False)),
        attempt(lambda: grad(z, [])),
        attempt(lambda: grad(z, torch.ones(2))),
        grad(z, {"x": x, "y": y}, allow_unused=True),
    ]


def wrong_gradients(torch):
    x = _x(torch).requires_grad_()
    y = x * 2
    grad = torch.autograd.grad
    return [
        attempt(lambda: grad(y, x)),
        attempt(lambda: grad(y, x, torch.ones(2))),
        attempt(lambda: grad(y, x, torch.ones(3, dtype=torch.complex64))),
        attempt(lambda: grad((y, y), x, (torch.ones(3),))),
        grad(y, x, torch.ones(3, dtype=torch.float64), retain_graph=True),
        attempt(lambda: grad(torch.ones(3), x, torch.ones(3))),
        grad(y, x, (torch.ones(3), torch.ones(3))),
    ]


def older_arguments(torch):
    x = _x(torch).requires_grad_()
    torch.autograd.backward([x.sum(), x.sum()], grad_variables=[torch.ones(()), None])
    torch.autograd.grad(x.sum(), x, only_inputs=False)
    return [
        x.grad,
        attempt(lambda: torch.autograd.backward(x.sum(), torch.ones(()), grad_variables=torch.ones(()))),
        attempt(lambda: torch.autograd.backward(x.sum(), inputs=[])),
        attempt(lambda: torch.autograd.backward(x.sum(), inputs=[torch.ones(3)])),
    ]


def backward_into_inputs(torch):
    x, w = _x(torch).requires_grad_(), _x(torch).requires_grad_()
    y = x * w
    torch.autograd.backward(y.sum(), inputs=[y, w])
    return y.grad, w.grad, x.grad


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-5, atol=1e-6)
