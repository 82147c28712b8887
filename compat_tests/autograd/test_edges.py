"""Names of grad nodes and the edges they show, compared with torch."""

import pytest
import torch as oracle

import jtorch
from compat_tests.harness.same import assert_same, each_program

LINES = """
x + 2
2 + x
x - 2
2 - x
w.__rsub__(x)
torch.sub(2, x)
torch.sub(2, x, alpha=3)
torch.add(2, x, alpha=3)
x * 2
2 * x
True * x
x * w
x / 2
2 / x
x.div(2, rounding_mode="floor")
x.fmod(2)
x.remainder(2)
x % 2
2 % x
x // 2
2 // x
x ** 2
2 ** x
torch.float_power(2, x)
x.copysign(2)
torch.xlogy(x, 2)
torch.xlogy(2, x)
x.lerp(w, 0.5)
x.lerp(w, w)
torch.heaviside(x, w)
x.atan2(w)
x.clamp(min=0)
x.clamp(w)
x.clamp(None, w)
torch.where(w > 0, 1.0, x)
torch.where(w > 0, x, 2)
x.masked_fill(w > 0, 1)
x.masked_fill(w > 0, w.sum())
x.masked_scatter(w > 0, w)
x.masked_select(w > 0)
x.index_fill(0, i, 2)
x.index_select(0, i)
x.index_add(0, i, w[:1])
x.index_copy(0, i, w[:1])
x.index_put((i,), w[0])
x.scatter(0, i, w)
x.scatter(0, i, 2.0)
x.scatter_add(0, i, w)
x.gather(0, i)
x.take(i)
x.put(i, w[:1])
x[i]
x * torch.ones(2, dtype=torch.int64)
torch.cat([x, w])
torch.addcmul(x, w, w)
F.embedding(i, x.view(2, 1))
F.nll_loss(x.view(1, 2), i)
F.binary_cross_entropy(x, w, weight=w)
F.batch_norm(x.view(1, 2, 1), w, w, training=False)
F.layer_norm(x, (2,))
F.layer_norm(x, (2,), w)
F.group_norm(x.view(1, 2), 1)
F.conv1d(x.view(1, 1, 2), w.view(1, 1, 2))
F.mse_loss(x, w)
F.dropout(x, 0.5)
F.rrelu(x, training=True)
""".strip().splitlines()


def _tree(node, depth=2):
    if node is None:
        return None
    children = [(_tree(to, depth - 1), at) for to, at in node.next_functions] if depth else []
    return type(node).__name__, node.name(), children


@pytest.mark.parametrize("line", LINES)
def test_edges(line):
    def tree(torch):
        x, w, i = torch.ones(2, requires_grad=True), torch.ones(2), torch.tensor([0])
        return _tree(eval(line, {"torch": torch, "F": torch.nn.functional, "x": x, "w": w, "i": i}).grad_fn)

    assert tree(jtorch) == tree(oracle)


def pictures(torch):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = torch.ones(2, requires_grad=True)
    y, z = x * 1, torch.zeros(2)
    y[0] = 3
    z.copy_(x)
    nodes = [
        y.grad_fn,
        z.grad_fn,
        (x // 2).grad_fn,
        y.grad_fn.next_functions[0][0],
        (x * 2).grad_fn.next_functions[0][0],
    ]
    nodes.append(Twice.apply(x).grad_fn)
    return [(repr(n).split(" object")[0], n.name(), type(n).__name__) for n in nodes], repr(x // 2), repr(y)


def what_was_written(torch):
    x = torch.ones(2, requires_grad=True)
    y = torch.zeros(2)
    y.copy_(x)
    z = y * y
    y.copy_(x * 2)
    z.sum().backward()


def slices_that_were_written(torch):
    y = torch.ones(2, requires_grad=True) * 1
    y[0] = 3
    z = y * y
    y[1] = 2
    z.sum().backward()


@each_program(globals())
def test_as_torch(program):
    assert_same(program)
