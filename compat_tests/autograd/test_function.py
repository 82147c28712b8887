"""Custom Functions, compared with torch: what ctx offers, what forward and backward may return, and the errors."""

from __future__ import annotations

import warnings

import torch as oracle

from compat_tests.harness.same import assert_same, attempt, each_program

with warnings.catch_warnings(action="ignore"), oracle.autograd.forward_ad.dual_level():
    oracle.autograd.forward_ad.make_dual(oracle.ones(1), oracle.ones(1))  # torch warns of its own code, once


def _made(torch, **methods):
    """A Function of these static methods."""
    return type("F", (torch.autograd.Function,), {k: staticmethod(v) for k, v in methods.items()})


def _leaf(torch, n=2):
    return torch.arange(1.0, n + 1).requires_grad_()


def saving_what_is_no_tensor(torch):
    f = _made(torch, forward=lambda ctx, x: (ctx.save_for_backward(5), x * 1)[1], backward=lambda ctx, g: g)
    return f.apply(_leaf(torch))


def saving_none(torch):
    f = _made(torch, forward=lambda ctx, x: (ctx.save_for_backward(None, x), x * 1)[1], backward=lambda ctx, g: g)
    return f.apply(_leaf(torch)).grad_fn.saved_tensors


def dirty_leaf(torch):
    f = _made(torch, forward=lambda ctx, x: (ctx.mark_dirty(x), x)[1], backward=lambda ctx, g: g)
    return f.apply(_leaf(torch))


def dirty_and_not_returned(torch):
    f = _made(torch, forward=lambda ctx, x: (ctx.mark_dirty(x), x * 1)[1], backward=lambda ctx, g: g)
    return f.apply(_leaf(torch) * 1)


def dirty_without_requires_grad(torch):
    x = torch.ones(2)
    f = _made(torch, forward=lambda ctx, x: (ctx.mark_dirty(x.add_(1)), x)[1], backward=lambda ctx, g: g)
    y = f.apply(x)
    return y is x, x, x._version


def dirty_view_of_a_base(torch):
    base = _leaf(torch, 4) * 1

    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    part = base[:2]
    _made(torch, forward=forward, backward=lambda ctx, g: g * 3).apply(part)
    (base * torch.arange(4.0)).sum().backward()
    return base, type(base.grad_fn).__name__


def returning_a_number(torch):
    f = _made(torch, forward=lambda ctx, x: 5, backward=lambda ctx, g: g)
    return f.apply(_leaf(torch))


def returning_numbers_beside_tensors(torch):
    f = _made(torch, forward=lambda ctx, x: (x * 2, 5, None, "a"), backward=lambda ctx, g, a, b, c: g * 2)
    y, *rest = f.apply(_leaf(torch))
    return y, rest


def returning_a_list(torch):
    f = _made(torch, forward=lambda ctx, x: [x * 2], backward=lambda ctx, g: g * 2)
    return f.apply(_leaf(torch))


def returning_an_input(torch):
    x = _leaf(torch)
    f = _made(torch, forward=lambda ctx, x: x, backward=lambda ctx, g: g * 5)
    y = f.apply(x)
    y.sum().backward()
    return y is x, y, x.grad, type(y.grad_fn).__name__


def returning_an_input_that_needs_nothing(torch):
    x = torch.ones(2)
    f = _made(torch, forward=lambda ctx, x: x, backward=lambda ctx, g: g * 5)
    y = f.apply(x)
    return y is x, y.data_ptr() == x.data_ptr()


def returning_a_view(torch):
    x = _leaf(torch, 4)
    f = _made(torch, forward=lambda ctx, x: x[:2], backward=lambda ctx, g: torch.cat([g, g]))
    y = f.apply(x)
    y.sum().backward()
    return y, y._is_view(), x.grad


def same_output_twice(torch):
    def forward(ctx, x):
        y = x * 2
        return y, y

    a, b = _made(torch, forward=forward, backward=lambda ctx, a, b: a * 2 + b * 2).apply(_leaf(torch))
    return a is b, a.output_nr, b.output_nr


def keyword_arguments(torch):
    f = _made(torch, forward=lambda ctx, x, k=2: x * k, backward=lambda ctx, g: g)
    return f.apply(_leaf(torch), k=3)


def keyword_arguments_with_setup_context(torch):
    seen = []

    def setup(ctx, inputs, output):
        seen.append(len(inputs))
        ctx.k = inputs[1]

    f = _made(torch, forward=lambda x, k=2: x * k, setup_context=setup, backward=lambda ctx, g: (g * ctx.k, None))
    x = _leaf(torch)
    f.apply(x, k=3).sum().backward()
    f.apply(x).sum().backward()
    return seen, x.grad


def no_forward(torch):
    return _made(torch, backward=lambda ctx, g: g).apply(_leaf(torch))


def no_backward(torch):
    _made(torch, forward=lambda ctx, x: x * 2).apply(_leaf(torch)).sum().backward()


def vjp_instead_of_backward(torch):
    x = _leaf(torch)
    _made(torch, forward=lambda ctx, x: x * 2, vjp=lambda ctx, g: g * 7).apply(x).sum().backward()
    return x.grad


def both_vjp_and_backward(torch):
    f = _made(torch, forward=lambda ctx, x: x * 2, vjp=lambda ctx, g: g, backward=lambda ctx, g: g)
    f.apply(_leaf(torch)).sum().backward()


def instance(torch):
    return type(_made(torch, forward=lambda ctx, x: x)()).__name__


def calling_the_instance(torch):
    return attempt(lambda: _made(torch, forward=lambda ctx, x: x)()(_leaf(torch)))


def backward_returns_a_number(torch):
    _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: 5).apply(_leaf(torch)).sum().backward()


def backward_returns_a_list(torch):
    x = _leaf(torch)
    _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: [g * 2]).apply(x).sum().backward()
    return x.grad


def backward_returns_too_many(torch):
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: (g, g))
    f.apply(_leaf(torch)).sum().backward()


def backward_returns_nones_too_many(torch):
    x = _leaf(torch)
    _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: (g, None, None)).apply(x).sum().backward()
    return x.grad


def backward_returns_a_gradient_for_a_number(torch):
    f = _made(torch, forward=lambda ctx, x, k: x * k, backward=lambda ctx, g: (g, g))
    f.apply(_leaf(torch), 2.0).sum().backward()


def backward_returns_another_dtype(torch):
    x = _leaf(torch)
    _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: g.double()).apply(x).sum().backward()
    return x.grad


def backward_returns_another_shape(torch):
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: torch.ones(3))
    f.apply(_leaf(torch)).sum().backward()


def backward_returns_an_expanded_shape(torch):
    x = _leaf(torch)
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: torch.ones(3, 2))
    f.apply(x).sum().backward()
    return x.grad


def no_materialized_gradients(torch):
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 1, x * 2

    def backward(ctx, a, b):
        seen.append((a is None, b is None))
        return b

    x = _leaf(torch)
    _made(torch, forward=forward, backward=backward).apply(x)[1].sum().backward()
    return seen, x.grad


def materialized_gradients(torch):
    seen = []

    def backward(ctx, a, b):
        seen.append(a.tolist())
        return b

    _made(torch, forward=lambda ctx, x: (x * 1, x * 2), backward=backward).apply(_leaf(torch))[1].sum().backward()
    return seen


def integer_outputs_have_no_gradient(torch):
    seen = []

    def backward(ctx, a, b):
        seen.append((a, b))
        return a

    y, index = _made(torch, forward=lambda ctx, x: (x * 1, x.argmax()), backward=backward).apply(_leaf(torch))
    y.sum().backward()
    return index.requires_grad, seen


def marked_outputs_have_zeros(torch):
    seen = []

    def forward(ctx, x):
        y = x * 2
        ctx.mark_non_differentiable(y)
        return x * 1, y

    def backward(ctx, a, b):
        seen.append(b.tolist())
        return a

    y, other = _made(torch, forward=forward, backward=backward).apply(_leaf(torch))
    y.sum().backward()
    return other.requires_grad, other.is_leaf, seen


def attributes_of_ctx(torch):
    seen = []

    def forward(ctx, x, k):
        ctx.extra = k
        seen.append(ctx.needs_input_grad)
        return x * k

    def backward(ctx, g):
        seen.append((ctx.extra, ctx.needs_input_grad, ctx.name(), type(ctx).__name__, len(ctx.next_functions)))
        return g, None

    y = _made(torch, forward=forward, backward=backward).apply(_leaf(torch), 3)
    y.grad_fn.metadata["a"] = 1
    y.sum().backward()
    return seen, y.grad_fn.metadata, y.grad_fn.extra, [f is None for f, _ in y.grad_fn.next_functions]


def grad_mode_inside(torch):
    seen = []

    def forward(ctx, x):
        seen.append((torch.is_grad_enabled(), x.requires_grad, (x * 2).requires_grad))
        return x * 2

    def backward(ctx, g):
        seen.append((torch.is_grad_enabled(), g.requires_grad))
        return g

    x = _leaf(torch)
    f = _made(torch, forward=forward, backward=backward)
    f.apply(x).sum().backward()
    torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    with torch.no_grad():
        y = f.apply(x)
    return seen, y.requires_grad


def saved_output(torch):
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return y * g

    x = _leaf(torch)
    y = _made(torch, forward=forward, backward=backward).apply(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h, type(g.grad_fn).__name__


def saved_and_changed(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    x = _leaf(torch) * 1
    y = _made(torch, forward=forward, backward=lambda ctx, g: g * ctx.saved_tensors[0]).apply(x)
    x.add_(1)
    y.sum().backward()


def saved_tensors_after_backward(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    y = _made(torch, forward=forward, backward=lambda ctx, g: g).apply(_leaf(torch))
    y.sum().backward()
    return y.grad_fn.saved_tensors


def twice_through_one_that_saved_nothing(torch):
    x = _leaf(torch)
    y = _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: g).apply(x).sum()
    y.backward()
    y.backward()
    return x.grad


def error_in_backward(torch):
    def backward(ctx, g):
        raise KeyError("mine")

    _made(torch, forward=lambda ctx, x: x * 2, backward=backward).apply(_leaf(torch)).sum().backward()


def once_differentiable_used_once(torch):
    once = torch.autograd.function.once_differentiable
    x = _leaf(torch)
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=once(lambda ctx, g: g * 2))
    f.apply(x).sum().backward()
    (g,) = torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    return x.grad, g.requires_grad


def once_differentiable_where_gradients_require_grad(torch):
    once = torch.autograd.function.once_differentiable
    x, w = _leaf(torch), _leaf(torch)
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=once(lambda ctx, g: g * 2))
    (g,) = torch.autograd.grad(f.apply(x), x, w, create_graph=True)
    shown = type(g.grad_fn).__name__
    return shown, *attempt(lambda: g.sum().backward())


def forward_mode(torch):
    fw = torch.autograd.forward_ad

    def forward(ctx, x):
        ctx.save_for_forward(x)
        return x**3

    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t

    f = _made(torch, forward=forward, jvp=jvp)
    with fw.dual_level():
        y = f.apply(fw.make_dual(torch.tensor([1.0, 2.0]), torch.ones(2)))
        return fw.unpack_dual(y)


def forward_mode_of_some_arguments(torch):
    fw = torch.autograd.forward_ad
    seen = []

    def setup(ctx, inputs, output):
        ctx.set_materialize_grads(False)

    def jvp(ctx, a, b, c):
        seen.append((a is None, b is None, c is None))
        return a * 2, torch.zeros(2)

    f = _made(torch, forward=lambda a, b, c: (a * b, b * 1), setup_context=setup, jvp=jvp)
    with fw.dual_level():
        y, z = f.apply(fw.make_dual(torch.ones(2), torch.ones(2)), torch.ones(2), 3)
        return fw.unpack_dual(y), fw.unpack_dual(z), seen


def forward_mode_without_jvp(torch):
    fw = torch.autograd.forward_ad
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: g)
    with fw.dual_level():
        f.apply(fw.make_dual(torch.ones(2), torch.ones(2)))


def forward_mode_of_wrong_shape(torch):
    fw = torch.autograd.forward_ad
    f = _made(torch, forward=lambda ctx, x: x * 2, jvp=lambda ctx, t: torch.ones(3))
    with fw.dual_level():
        f.apply(fw.make_dual(torch.ones(2), torch.ones(2)))


def mapped(torch):
    def setup(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    f = _made(
        torch,
        forward=lambda x: x**2,
        setup_context=setup,
        backward=lambda ctx, g: 2 * ctx.saved_tensors[0] * g,
        vmap=lambda info, in_dims, x: (x**2, in_dims[0]),
    )
    return torch.vmap(f.apply)(torch.arange(6.0).view(3, 2))


def names_of_the_class(torch):
    f = _made(torch, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: g)
    y = f.apply(_leaf(torch))
    fn = torch.autograd.function
    return (
        repr(y).split("grad_fn")[1], type(y.grad_fn).__mro__[1].__name__, isinstance(y.grad_fn, fn.FunctionCtx),
        isinstance(y.grad_fn, torch.autograd.graph.Node), f._backward_cls.__name__, f.generate_vmap_rule,
    )  # fmt: skip


def older_names_of_ctx(torch):
    seen = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.mark_shared_storage((x, x))
        return x * 2

    def backward(ctx, g):
        seen.append(ctx.saved_variables[0].tolist())
        return g

    _made(torch, forward=forward, backward=backward).apply(_leaf(torch)).sum().backward()
    return seen


def nested_containers(torch):
    class Sums(torch.autograd.function.NestedIOFunction):
        pass

    return issubclass(Sums, torch.autograd.Function)


def input_used_twice(torch):
    x = _leaf(torch)
    f = _made(torch, forward=lambda ctx, a, b: a * b, backward=lambda ctx, g: (g * 2, g * 5))
    f.apply(x, x).sum().backward()
    return x.grad


def hooks_on_the_node(torch):
    seen = []
    y = _made(torch, forward=lambda ctx, x, k: x * k, backward=lambda ctx, g: (g * 2, None)).apply(_leaf(torch), 2.0)
    y.grad_fn.register_prehook(lambda gs: seen.append(len(gs)))
    y.grad_fn.register_hook(lambda gi, go: seen.append((len(gi), gi[1] is None, len(go))))
    y.sum().backward()
    return seen


@each_program(globals())
def test_as_torch(program):
    assert_same(program)
