"""Hooks and custom Functions, compared with torch's order and results."""

from __future__ import annotations

from importlib import import_module

from compat_tests.harness.same import assert_same, each_program


def tensor_hook_changes_the_gradient(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    (y * y).sum().backward()
    return x.grad


def hook_on_a_leaf_and_its_removal(torch):
    x = torch.ones(2, requires_grad=True)
    seen = []
    handle = x.register_hook(lambda g: seen.append(g.sum().item()))
    (x * 2).sum().backward()
    handle.remove()
    (x * 2).sum().backward()
    return seen, x.grad


def hooks_run_in_order(torch):
    x = torch.ones(2, requires_grad=True)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append("first"))
    y.register_hook(lambda g: seen.append("second"))
    x.register_hook(lambda g: seen.append("leaf"))
    y.sum().backward()
    return seen


def hook_without_requires_grad(torch):
    torch.ones(2).register_hook(lambda g: g)


def post_accumulate(torch):
    x = torch.ones(2, requires_grad=True)
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.sum().item()))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    return seen


def post_accumulate_that_returns_itself(torch):
    x = torch.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda p: p)
    (x * 2).sum().backward()
    return x.grad


def post_accumulate_that_returns_a_tensor(torch):
    x = torch.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda p: p.grad)
    (x * 2).sum().backward()


def post_accumulate_on_a_result(torch):
    y = torch.ones(2, requires_grad=True) * 2
    y.register_post_accumulate_grad_hook(lambda p: None)


def node_hooks(torch):
    x = torch.ones(2, requires_grad=True)
    y = (x * 2).sum()
    seen = []
    y.grad_fn.register_prehook(lambda gs: seen.append(("pre", gs[0].item())))
    y.grad_fn.register_hook(lambda gi, go: seen.append(("post", gi[0].tolist(), go[0].item())))
    y.backward()
    return seen, x.grad


def _cube(torch):
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * grad

    return Cube


def custom_function(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = _cube(torch).apply(x)
    name = type(y.grad_fn).__name__
    y.sum().backward()
    return y, x.grad, name


def custom_function_twice(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (g,) = torch.autograd.grad(_cube(torch).apply(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h


def custom_function_freed(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = _cube(torch).apply(x).sum()
    y.backward()
    y.backward()


def several_outputs_and_arguments(torch):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k, y):
            ctx.k = k
            return x * k, y + 1

        @staticmethod
        def backward(ctx, a, b):
            return a * ctx.k, None, b

    x, y = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    a, b = Both.apply(x, 5.0, y)
    a.sum().backward()
    return x.grad, y.grad, b.requires_grad


def needs_input_grad(torch):
    seen = []

    class Mul(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            seen.append(tuple(ctx.needs_input_grad))
            _, y = ctx.saved_tensors
            return g * y, None

    x, y = torch.ones(2, requires_grad=True), torch.ones(2)
    Mul.apply(x, y).sum().backward()
    return seen, x.grad


def wrong_number_of_gradients(torch):
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    Wrong.apply(x, y).sum().backward()


def non_differentiable_output(torch):
    class Sorted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            mask = x > 0
            ctx.mark_non_differentiable(mask)
            return x * 2, mask

        @staticmethod
        def backward(ctx, g, _):
            return g * 2

    x = torch.tensor([1.0, -1.0], requires_grad=True)
    y, mask = Sorted.apply(x)
    y.sum().backward()
    return x.grad, mask.requires_grad


def once(torch):
    once_differentiable = import_module(f"{torch.__name__}.autograd.function").once_differentiable

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = torch.ones(2, requires_grad=True)
    (g,) = torch.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    g.sum().backward()


def setup_context(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = torch.tensor([3.0], requires_grad=True)
    Square.apply(x).backward()
    return x.grad


def mark_dirty(torch):
    class AddOne(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 7

    x = torch.ones(2, requires_grad=True)
    y = x * 1
    z = AddOne.apply(y)
    z.sum().backward()
    return z is y, x.grad, z


@each_program(globals())
def test_as_torch(program):
    assert_same(program)
