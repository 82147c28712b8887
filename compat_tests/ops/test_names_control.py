"""Control flow as functions, forked calls, vmap."""

import pytest
import torch

import jtorch
from compat_tests.ops.agree import agree
from compat_tests.ops.told import calls, same

SETUP = "x = torch.arange(6.0).reshape(2, 3); double = lambda a: a * 2"


@calls("""
    torch.cond(True, lambda a: a + 1, lambda a: a - 1, (x,))
    torch.cond(torch.tensor(False), lambda a: a + 1, lambda a: a - 1, (x,))
    torch.cond(x, lambda a: a + 1, lambda a: a - 1, (x,))
    torch.cond(torch.tensor(True), lambda a: a, lambda a: a, (1,))
    torch.while_loop(lambda i: i < 3, lambda i: (i + 1,), (torch.tensor(0),))
    torch.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 2), (torch.tensor(0), x))
    torch.while_loop(1, lambda i: i, (1,))
    torch.wait(torch.fork(lambda a, b=1: a + b, x, b=2))
""")
def test_eager(call):
    same(call, SETUP)


def test_gradient_goes_through_the_branch():
    def run(side):
        leaf = side.ones(2, requires_grad=True)
        out = side.cond(leaf.sum() > 1, lambda a: a * 3, lambda a: a * 5, (leaf,))
        return side.autograd.grad(out.sum(), leaf)

    agree(run)


@calls("""
    torch.vmap(torch.dot)(x, x)
    torch.vmap(double, in_dims=-1)(x)
    torch.vmap(double, in_dims=1, out_dims=1)(x)
    torch.vmap(double, chunk_size=1)(x)
    torch.vmap(torch.vmap(double))(x)
    torch.vmap(lambda a, b: a + b, in_dims=(0, None))(x, 2)
    torch.vmap(lambda a, b: a + b, in_dims=(0, 1))(x, x.t())
    torch.vmap(lambda a: (a, a.sum()), out_dims=(1, 0))(x)
    torch.vmap(lambda a: {"k": a, "l": [a, a.sum()]})(x)
    torch.vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 0, "b": None},))({"a": x, "b": 3.0})
    torch.vmap(lambda d: d["a"] * d["b"][0])({"a": x, "b": (x,)})
    torch.vmap(lambda a, *, k: a * k)(x, k=x)
    torch.vmap(lambda a: torch.ones(2))(x)
    torch.vmap(lambda a: torch.ones(2), out_dims=None)(x)
    torch.vmap(double)(torch.ones(0, 3))
    torch.vmap(lambda a: torch.rand(1), randomness="same")(x)
    torch.vmap(double)()
    torch.vmap(double)(3)
    torch.vmap(double, in_dims=None)(x)
    torch.vmap(double, in_dims=(None,))(x)
    torch.vmap(double, in_dims=5)(x)
    torch.vmap(double, in_dims=[0])(x)
    torch.vmap(double, in_dims=(0.5,))(x)
    torch.vmap(lambda a, b: a, in_dims=(0, 1))(x, x)
    torch.vmap(lambda a, b: a, in_dims=(0, 0))(x, 2)
    torch.vmap(lambda a: 3)(x)
    torch.vmap(double, out_dims=3)(x)
    torch.vmap(double, out_dims=None)(x)
    torch.vmap(double, out_dims="x")(x)
    torch.vmap(lambda a: a + torch.rand(1))(x)
    torch.vmap(double, randomness="x")(x)
    torch.vmap(double, chunk_size=0)(x)
""")  # fmt: skip
def test_vmap(call):
    same(call, SETUP)


def test_vmap_has_gradients():
    def run(side):
        weights = side.arange(6.0).reshape(2, 3).requires_grad_()
        out = side.vmap(lambda row: (row**2).sum())(weights)
        return side.autograd.grad(out.sum(), weights)

    agree(run)


def test_vmap_draws_different_numbers():
    drawn = jtorch.vmap(lambda a: a * 0 + jtorch.rand(1), randomness="different")(jtorch.ones(8, 1))
    assert len(set(drawn.flatten().tolist())) == 8


@pytest.mark.parametrize("fits", [(0, 0), ((0, 1),)])
def test_vmap_names_dims_that_do_not_fit(fits):
    for side in (torch, jtorch):
        with pytest.raises(ValueError, match="in_dims is not compatible with the structure of `inputs`"):
            side.vmap(lambda a: a, in_dims=fits)(side.ones(2, 3))
