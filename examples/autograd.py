"""Autograd in eight small experiments: each prints what it did, and checks it.

python examples/autograd.py            # on jtorch
python examples/autograd.py --torch    # the same file on PyTorch
"""

import math
import sys

if "--torch" in sys.argv:
    import torch
else:
    import jtorch as torch


def same(a, b):
    """Stops the program unless ``a`` is close to ``b``, a number or a list."""
    if not torch.allclose(torch.as_tensor(a), torch.as_tensor(b), atol=1e-5):
        sys.exit(f"expected {b}, got {a}")


def backward():
    """backward() leaves the derivative of a number by every leaf in the leaf's .grad."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x**2).sum()
    y.backward()
    print(f"d(sum x^2)/dx at {x.tolist()} = {x.grad.tolist()}")
    same(x.grad, [2.0, 4.0, 6.0])


def graph():
    """A result knows how it was made: grad_fn, and from there back to the leaves."""
    x = torch.tensor(2.0, requires_grad=True)
    node = (x.sin() * x + 1).grad_fn
    names = []
    while node is not None:
        names.append(type(node).__name__)
        node = node.next_functions[0][0] if node.next_functions else None
    print("sin(x) * x + 1 was recorded as", " <- ".join(names))
    if names != ["AddBackward0", "MulBackward0", "SinBackward0", "AccumulateGrad"]:
        sys.exit("not the graph that was expected")


def accumulation():
    """Gradients add up until they are cleared: that is how several small batches make a large one."""
    w = torch.tensor(1.0, requires_grad=True)
    for factor in (1.0, 2.0, 3.0):
        (factor * w).backward()
    print(f"three backward passes of 1w, 2w, 3w add up to {w.grad.item()}")
    same(w.grad, 6.0)


def no_grad():
    """Nothing is recorded under no_grad, and detach() cuts a value from its past."""
    x = torch.tensor(3.0, requires_grad=True)
    with torch.no_grad():
        silent = x * 2
    y = x.detach() * x
    y.backward()
    print(f"under no_grad: requires_grad={silent.requires_grad}; d(const(x) * x)/dx at 3 = {x.grad.item()}")
    same(x.grad, 3.0)


def hooks():
    """A hook sees a gradient on its way, and may change it."""
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 10
    seen = []
    handle = y.register_hook(lambda grad: seen.append(grad.item()))
    x.register_hook(lambda grad: grad.clamp(max=5.0))
    (3 * y).backward()
    handle.remove()
    print(f"the hook on y saw {seen[0]}; the hook on x clipped 30 to {x.grad.item()}")
    same(x.grad, 5.0)


def higher_order():
    """A derivative made with create_graph=True can be differentiated again, and again."""
    x = torch.tensor(0.5, requires_grad=True)
    value = x.sin()
    derivatives = []
    for _ in range(3):
        (value,) = torch.autograd.grad(value, x, create_graph=True)
        derivatives.append(value.item())
    print("sin', sin'', sin''' at 0.5:", [round(d, 4) for d in derivatives])
    same(derivatives, [math.cos(0.5), -math.sin(0.5), -math.cos(0.5)])


class StraightThrough(torch.autograd.Function):
    """Rounds, but lets the gradient through as if it had not: how networks with whole-number weights are trained."""

    @staticmethod
    def forward(ctx, x, reach):
        ctx.save_for_backward(x)
        ctx.reach = reach
        return x.round()

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= ctx.reach), None


def custom_function():
    """A Function of one's own says what its gradient is."""
    x = torch.tensor([0.3, 1.7, 9.0], requires_grad=True)
    y = StraightThrough.apply(x, 5.0)
    y.sum().backward()
    print(f"round({[round(v, 1) for v in x.tolist()]}) = {y.tolist()}, gradient {x.grad.tolist()}")
    same(x.grad, [1.0, 1.0, 0.0])


def newton():
    """All of it at work: Newton's method for a minimum of x^4 - 3x^2 + x, with two derivatives by autograd."""
    x = torch.tensor(2.0, requires_grad=True)
    for _ in range(8):
        y = x**4 - 3 * x**2 + x
        (slope,) = torch.autograd.grad(y, x, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, x)
        with torch.no_grad():
            x -= slope / curvature
    print(f"a minimum of x^4 - 3x^2 + x is at {x.item():.6f}")
    same(4 * x.detach() ** 3 - 6 * x.detach() + 1, 0.0)


if __name__ == "__main__":
    for experiment in (backward, graph, accumulation, no_grad, hooks, higher_order, custom_function, newton):
        print(f"\n{experiment.__name__}: {experiment.__doc__}")
        experiment()
