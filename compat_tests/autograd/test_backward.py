"""Gradients as torch accumulates, retains and refuses them."""

from __future__ import annotations

from compat_tests.harness.same import assert_same, each_program


def accumulates(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        (x * x).sum().backward()
    return x.grad, x.grad.requires_grad


def accumulation_writes_in_place(torch):
    x = torch.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    return first, first is x.grad


def gradient_of_what_gets_none(torch):
    base = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        part = base[:]
    unused = torch.autograd.grad((part * 2).sum(), part, allow_unused=True)
    try:
        part.backward(torch.ones(3))
    except RuntimeError as error:
        return unused, str(error)


def ends_elsewhere(torch):
    """Backwards that record the same steps and end at a leaf, at a view of none, at a leaf no more, and at a leaf."""

    def backward(kind):
        base = torch.ones(3).requires_grad_(kind == "lost")
        with torch.set_grad_enabled(kind != "lost"):
            part = base[:]
        part.requires_grad_()
        total = part.sum()
        part.requires_grad_(kind != "switched off")
        total.backward()
        return part.grad

    kinds = ("lost", "leaf", "leaf", "lost", "switched off", "leaf", "switched off", "lost", "leaf")
    return [backward(kind) for kind in kinds]


def shared_subgraph(torch):
    x = torch.tensor([0.5, -1.0], requires_grad=True)
    y = x.exp()
    z = y * y + y * x
    z.sum().backward()
    return x.grad, z


def broadcasting(torch):
    x = torch.ones(3, 1, requires_grad=True)
    y = torch.ones(2, requires_grad=True)
    ((x + 1) * y / (y + 2)).sum().backward()
    return x.grad, y.grad


def mixed_dtypes(torch):
    x = torch.ones(3, requires_grad=True)
    y = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (x * y).sum().backward()
    return x.grad, y.grad


def third_order(torch):
    x = torch.tensor([0.3, 1.2], dtype=torch.float64, requires_grad=True)
    y = (x.sin() * x**3).sum()
    (a,) = torch.autograd.grad(y, x, create_graph=True)
    (b,) = torch.autograd.grad(a.sum(), x, create_graph=True)
    (c,) = torch.autograd.grad(b.sum(), x, create_graph=True)
    return a, b, c, c.requires_grad


def create_graph_in_backward(torch):
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    g = x.grad
    penalty = (g * g).sum()
    (h,) = torch.autograd.grad(penalty, x)
    return g, h


def retain_graph_twice(torch):
    x = torch.ones(2, requires_grad=True)
    y = (x.exp() * 2).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def second_backward(torch):
    x = torch.ones(2, requires_grad=True)
    y = x.exp().sum()
    y.backward()
    y.backward()


def second_backward_of_linear_graph(torch):
    x = torch.ones(2, requires_grad=True)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    return x.grad


def vector_without_gradient(torch):
    x = torch.ones(2, requires_grad=True)
    (x * x).backward()


def gradient_of_wrong_shape(torch):
    x = torch.ones(2, requires_grad=True)
    (x * x).backward(torch.ones(3))


def nothing_requires_grad(torch):
    torch.ones(2).sum().backward()


def vector_with_gradient(torch):
    x = torch.ones(2, requires_grad=True)
    (x * x).backward(torch.tensor([1.0, 10.0]))
    return x.grad


def backward_of_several(torch):
    x = torch.ones(2, requires_grad=True)
    a, b = (x * 2).sum(), (x * x).sum()
    torch.autograd.backward([a, b], [torch.tensor(1.0), torch.tensor(3.0)])
    return x.grad


def backward_with_inputs(torch):
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(2, requires_grad=True)
    (x * y).sum().backward(inputs=[x])
    return x.grad, y.grad is None


def grad_of_intermediate(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 3
    z = (y * y).sum()
    return torch.autograd.grad(z, [y, x])


def grad_of_unused(torch):
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(2, requires_grad=True)
    torch.autograd.grad((x * 2).sum(), [x, y])


def grad_allow_unused(torch):
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(2, requires_grad=True)
    a, b = torch.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)
    return a, b is None


def grad_materialized(torch):
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(3, requires_grad=True)
    return torch.autograd.grad((x * 2).sum(), [x, y], allow_unused=True, materialize_grads=True)


def grad_of_a_constant(torch):
    x = torch.ones(2)
    y = torch.ones(2, requires_grad=True)
    torch.autograd.grad((x * y).sum(), x)


def leaf_in_place(torch):
    x = torch.ones(2, requires_grad=True)
    x.add_(1)


def view_of_leaf_in_place(torch):
    x = torch.ones(2, requires_grad=True)
    x[0].mul_(2)


def leaf_in_place_without_grad(torch):
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        x.add_(1)
    (x * x).sum().backward()
    return x, x.grad, x._version


def saved_then_written(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 1
    z = y * y
    y.add_(1)
    try:
        z.sum().backward()
    except RuntimeError as error:
        return "modified by an inplace operation" in str(error), "is at version 1; expected version 0" in str(error)


RESULT_SAVERS = "exp exp2 expm1 sqrt rsqrt tan tanh sigmoid reciprocal relu".split()
INPUT_SAVERS = "sin cos log abs square sinh atan erf".split()


def writes_to_inputs_and_results(torch):
    """Which of an op's operand and result may be written before backward: torch saves the one or the other."""
    seen = {}
    for name in RESULT_SAVERS + INPUT_SAVERS:
        for target in ("input", "result"):
            x = torch.tensor([0.3, 0.6], requires_grad=True)
            h = x * 1
            y = getattr(torch, name)(h)
            (h if target == "input" else y).add_(1)
            try:
                y.sum().backward()
                seen[name, target] = x.grad.tolist()
            except RuntimeError as error:
                seen[name, target] = "modified by an inplace operation" in str(error)
    return [(key, isinstance(value, list)) for key, value in seen.items()]


def relu_in_place_then_written(torch):
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    h = (x * 1).relu_()
    h.sum().backward()
    return h, x.grad


def softmax_then_input_written(torch):
    x = torch.tensor([0.1, 0.9], requires_grad=True)
    h = x * 1
    y = torch.softmax(h, 0)
    h.mul_(3)
    y[0].backward()
    return x.grad


def in_place_on_result(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    y.mul_(3)
    y.add_(x)
    y.sum().backward()
    return y, x.grad


def in_place_on_view_of_result(torch):
    x = torch.ones(3, 2, requires_grad=True)
    y = x * 2
    y[0].mul_(5)
    y[:, 1] = 7.0
    (y * y).sum().backward()
    return y, x.grad


def write_with_gradient(torch):
    base = torch.zeros(4)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    base[1:3] = x * 3
    (base * base).sum().backward()
    return base, x.grad


def view_sees_write_to_base(torch):
    x = torch.ones(4, requires_grad=True)
    y = x * 1
    v = y[1:]
    y.mul_(4)
    v.sum().backward()
    return v, x.grad


def detach_stops(torch):
    x = torch.ones(2, requires_grad=True)
    y = x.detach() * x
    y.sum().backward()
    return x.grad, x.detach().requires_grad


def retain_grad(torch):
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    return y.grad, x.grad, y.retains_grad, x.retains_grad


def names(torch):
    x = torch.ones(2, 2, requires_grad=True)
    y = (x @ x + 1).exp().sum()
    chain, node = [], y.grad_fn
    while node is not None:
        chain.append(type(node).__name__)
        node = node.next_functions[0][0] if node.next_functions else None
    return chain, y.grad_fn.name(), len((x @ x).grad_fn.next_functions)


def leaf_flags(torch):
    x = torch.ones(2, requires_grad=True)
    y = x + 1
    return x.is_leaf, y.is_leaf, y.requires_grad, (x.detach()).is_leaf, x.grad_fn is None


def requires_grad_of_ints(torch):
    torch.ones(2, dtype=torch.int64).requires_grad_()


def requires_grad_of_non_leaf(torch):
    y = torch.ones(2, requires_grad=True) * 2
    y.requires_grad = False


def numpy_of_requires_grad(torch):
    torch.ones(2, requires_grad=True).numpy()


def assigned_grad(torch):
    x = torch.ones(2, requires_grad=True)
    x.grad = torch.full((2,), 5.0)
    (x * 2).sum().backward()
    return x.grad


def assigned_grad_of_wrong_shape(torch):
    x = torch.ones(2, requires_grad=True)
    x.grad = torch.ones(3)


def no_grad_forms(torch):
    x = torch.ones(2, requires_grad=True)

    @torch.no_grad()
    def f():
        return x * 2

    @torch.no_grad
    def g():
        return x * 2

    with torch.set_grad_enabled(False):
        h = x * 2
    with torch.no_grad(), torch.enable_grad():
        k = x * 2
    with torch.inference_mode():
        m = x * 2
    return f().requires_grad, g().requires_grad, h.requires_grad, k.requires_grad, m.requires_grad


def no_grad_generator(torch):
    x = torch.ones(2, requires_grad=True)

    @torch.no_grad()
    def numbers():
        yield (x * 2).requires_grad
        yield (x * 3).requires_grad

    found = []
    for inside in numbers():
        found.append((inside, torch.is_grad_enabled()))
    return found


def complex_gradient(torch):
    x = torch.tensor([1.0 + 2.0j, -0.5 + 0.3j], requires_grad=True)
    y = (x * x * (2 - 1j)).abs().sum()
    y.backward()
    return x.grad


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-6)
