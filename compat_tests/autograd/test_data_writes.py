"""Writes between forward and backward: those through `.data` count, with their new values; seen ones are errors."""

from __future__ import annotations

import pytest

from compat_tests.harness.same import assert_same, attempt


def _leaf(torch):
    return torch.arange(1.0, 7.0).view(2, 3).requires_grad_()


OPERATIONS = {
    "product": lambda torch, z: z * z,
    "of a view": lambda torch, z: z[0] * z[1],
    "of a turned one": lambda torch, z: z.t() * z.t().sin(),
    "abs": lambda torch, z: z.abs(),
    "convolution": lambda torch, z: torch.nn.functional.conv1d(z[None], torch.ones(1, 2, 2)) * z[0, 1],
    "variance": lambda torch, z: z.var(0),
    "saves its result": lambda torch, z: (z / 10).exp(),
    "saves nothing": lambda torch, z: z + 1,
}
WRITES = {
    "whole": lambda torch, z: z.data.mul_(-0.5).add_(4),
    "part": lambda torch, z: z.data[0].fill_(3),
    "copy": lambda torch, z: z.data.copy_(torch.ones(2, 3) * 2),
    "other memory": lambda torch, z: setattr(z, "data", torch.full((2, 3), 2.0)),
    "kept": lambda torch, z: [d := z.data, d.add_(1), d.add_(1)],
    "seen": lambda torch, z: z.detach().mul_(2),
    "seen before": lambda torch, z: [z.detach().mul_(2), z.data.add_(1)],
    "seen after": lambda torch, z: [z.data.add_(1), z.detach().mul_(2)],
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_between_forward_and_backward(operation, write):
    if write == "other memory" and operation in ("of a view", "of a turned one", "convolution"):
        pytest.skip("the views stay on the first memory")

    def run(torch):
        found = []
        for ran in (False, True) if operation == "product" else (False,):
            w = _leaf(torch)
            z = w * 3
            y = OPERATIONS[operation](torch, z).sum()
            if ran:
                y.item()
            WRITES[write](torch, z)
            found.append(attempt(torch.autograd.grad, y, w))
        return found

    assert_same(run, rtol=1e-5)


def test_who_counts():
    def run(torch):
        found = []
        for wrote in (
            lambda z, d: d.add_(1),
            lambda z, d: z.add_(1),
            lambda z, d: z.data.add_(1),
        ):
            for used in (0, 1):
                w, z = torch.ones(3, requires_grad=True), torch.arange(3.0)
                pair = z, z.data
                y = (pair[used] * w).sum()
                wrote(*pair)
                found.append(attempt(torch.autograd.grad, y, w))
        return found

    assert_same(run)


def test_columns_in_memory():
    def run(torch):
        found = []
        for wrote in (
            lambda z: z.data.mul_(10),
            lambda z: z.detach().mul_(10),
            lambda z: z[0].detach().mul_(10),
        ):
            w = _leaf(torch)
            z = w.t() * 3
            y = (z * z).sum()
            wrote(z)
            found.append(attempt(torch.autograd.grad, y, w))
        return found

    assert_same(run)


def test_twice_and_of_second_order():
    def run(torch):
        w = _leaf(torch)
        z = w * 3
        y = (z * z * z).sum()
        (first,) = torch.autograd.grad(y, w, create_graph=True)
        z.data.mul_(10)
        (second,) = torch.autograd.grad(y, w, create_graph=True)
        z.data.add_(1)
        return [x.detach() for x in (first, second)], torch.autograd.grad(first.sum() + second.sum(), w)

    assert_same(run)


def test_in_a_loop():
    def run(torch):
        w, found = torch.ones(3, requires_grad=True), []
        for i in range(6):
            z = torch.arange(3.0)
            y = (z * w * w).sum()
            z.data.add_(i % 2)
            y.backward()
            found.append(w.grad.clone())
            w.grad = None
            w.data.add_(-0.1)
        return found

    assert_same(run)


def test_in_functions_and_saved_attributes():
    def run(torch):
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, grad):
                (x,) = ctx.saved_tensors
                return 2 * x * grad

        found = []
        for function in (Square.apply, lambda z: z * z):
            w = _leaf(torch)
            z = w * 3
            y = function(z)
            z.data.mul_(10)
            if y.grad_fn.name() == "MulBackward0":
                found.append(y.grad_fn._saved_self)
            found += torch.autograd.grad(y.sum(), w)
        return found

    assert_same(run)
