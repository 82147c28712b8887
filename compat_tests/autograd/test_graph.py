"""torch.autograd.graph, compared with torch: hooks on what is saved, on several gradients, nodes and edges."""

from __future__ import annotations

from importlib import import_module

from compat_tests.harness.same import assert_same, attempt, each_program


def _graph(torch):
    return import_module(f"{torch.__name__}.autograd.graph")


def _leaf(torch, n=3):
    return torch.arange(1.0, n + 1).requires_grad_()


def hooks_see_what_is_saved(torch):
    x, y, seen = _leaf(torch), torch.ones(3), []

    def pack(t):
        seen.append(("pack", tuple(t.shape), t.requires_grad, torch.is_grad_enabled()))
        return t

    def unpack(t):
        seen.append(("unpack", tuple(t.shape), torch.is_grad_enabled()))
        return t

    with _graph(torch).saved_tensors_hooks(pack, unpack):
        a = x * y
        b = (a[None] @ a[:, None]).sum()
    c = a.exp()
    (b + c.sum()).backward()
    return sorted(seen), x.grad


def unpacked_values_count(torch):
    x = _leaf(torch)
    with _graph(torch).saved_tensors_hooks(lambda t: t, lambda t: t * 10):
        y = x * x
    y.sum().backward()
    return x.grad


def packed_as_other_things(torch):
    x = _leaf(torch)
    with _graph(torch).saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
        y = (x * x * x).sum()
    y.backward()
    return x.grad


def the_leaf_itself_is_packed(torch):
    x, c, seen = _leaf(torch), torch.ones(3), []
    with _graph(torch).saved_tensors_hooks(lambda t: (seen.append(t is x or t is c), t)[1], lambda t: t):
        y = x * c
        y = y * y
    return seen, y.requires_grad


def only_the_innermost_pair(torch):
    x, seen, hooks = _leaf(torch), [], _graph(torch).saved_tensors_hooks
    with hooks(lambda t: (seen.append("outer"), t)[1], lambda t: t):
        x * x
        with hooks(lambda t: (seen.append("inner"), t)[1], lambda t: t):
            x * x
        x * x
    x * x
    return seen


def second_backward(torch):
    x, seen = _leaf(torch), []
    with _graph(torch).saved_tensors_hooks(lambda t: t, lambda t: (seen.append(1), t)[1]):
        y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    return len(seen), x.grad, attempt(y.backward)


def create_graph(torch):
    x = _leaf(torch)
    with _graph(torch).saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
        y = ((x * x) * x).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    (i,) = torch.autograd.grad(h.sum(), x)
    return g, h, i


def no_version_check_with_hooks(torch):
    x = _leaf(torch)
    with _graph(torch).saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x * 1
        z = (y * y).sum()
    y.mul_(5)
    z.backward()
    return x.grad


def unpack_returns_no_tensor(torch):
    x = _leaf(torch)
    with _graph(torch).saved_tensors_hooks(lambda t: t, lambda t: 5):
        y = x * x
    y.sum().backward()


def pack_writes(torch):
    c = torch.ones(3)
    with _graph(torch).saved_tensors_hooks(lambda t: t.add_(1), lambda t: t):
        _leaf(torch) * c


def pack_raises(torch):
    with _graph(torch).saved_tensors_hooks(lambda t: {}["no"], lambda t: t):
        x = _leaf(torch)
        x * x


def stack_after_an_error(torch):
    seen, x = [], _leaf(torch)
    attempt(lambda: pack_raises(torch))
    with _graph(torch).saved_tensors_hooks(lambda t: (seen.append(1), t)[1], lambda t: t):
        x * x
    return len(seen)


def refused_inside(torch):
    graph = _graph(torch)
    with graph.disable_saved_tensors_hooks("no hooks here"), graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        pass


def refused_around(torch):
    graph = _graph(torch)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t), graph.disable_saved_tensors_hooks("no hooks here"):
        pass


def refused_then_not(torch):
    graph = _graph(torch)
    with graph.disable_saved_tensors_hooks("a"):
        pass
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t) as entered:
        return entered


def on_cpu(torch):
    x = _leaf(torch)
    with _graph(torch).save_on_cpu():
        y = (x * x).exp().sum()
    with _graph(torch).save_on_cpu(pin_memory=False):
        z = (x * x).sum()
    (y + z).backward()
    return x.grad


def hooks_and_a_function(torch):
    seen = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return 2 * x * g + 0 * y

    def pack(t):
        seen.append(tuple(t.shape))
        return t.detach().clone()

    x = _leaf(torch)
    with _graph(torch).saved_tensors_hooks(pack, lambda t: t * 2):
        y = Square.apply(x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return seen, g, h


def hooks_and_a_network(torch):
    torch.manual_seed(0)
    F = torch.nn.functional
    x = torch.linspace(-1, 1, 24).view(2, 3, 4)
    w = torch.linspace(-1, 1, 36).view(4, 3, 3).requires_grad_()
    names = []
    with _graph(torch).saved_tensors_hooks(lambda t: t.clone(), lambda t: (names.append(1), t)[1]):
        y = F.conv1d(x, w, padding=1)
        y = F.layer_norm(y, (4,))
        y = F.gelu(y).cumsum(-1)
        y = F.log_softmax(y, -1)
    y[..., 0].sum().backward()
    return w.grad, bool(names)


def mutation_allowed(torch):
    x = _leaf(torch)
    with _graph(torch).allow_mutation_on_saved_tensors():
        y = x * 1
        z = (y * y).sum() + y.exp().sum()
        y.mul_(5)
        z.backward()
    return x.grad


def mutation_of_a_leaf(torch):
    x = _leaf(torch)
    with _graph(torch).allow_mutation_on_saved_tensors():
        z = (x * x).sum()
        with torch.no_grad():
            x.zero_()
        z.backward()
    return x.grad, x


def mutation_outside(torch):
    x = _leaf(torch)
    with _graph(torch).allow_mutation_on_saved_tensors():
        y = x * 1
        z = (y * y).sum()
        y.mul_(5)
    z.backward()


def mutation_cleared(torch):
    x = _leaf(torch)
    with _graph(torch).allow_mutation_on_saved_tensors() as context:
        y = x * 1
        z = (y * y).sum()
        y.mul_(5)
        context.clear()
        z.backward()


def mutation_nested(torch):
    with _graph(torch).allow_mutation_on_saved_tensors(), _graph(torch).allow_mutation_on_saved_tensors():
        pass


def hook_on_all(torch):
    x, y, z, seen = _leaf(torch), _leaf(torch), _leaf(torch), []

    def hook(gradients):
        seen.append([None if g is None else g.tolist() for g in gradients])

    handle = _graph(torch).register_multi_grad_hook((x, y, z), hook)
    (x * y).sum().backward()
    (x * y * z).sum().backward()
    handle.remove()
    (x * y).sum().backward()
    return seen


def hook_on_all_of_results(torch):
    x, seen = _leaf(torch), []
    a = x * 2
    b = a * 3
    _graph(torch).register_multi_grad_hook((a, b), lambda gs: seen.append([g is None or g.tolist() for g in gs]))
    torch.autograd.grad(b.sum(), x, retain_graph=True)
    torch.autograd.grad(b.sum(), b, retain_graph=True)
    torch.autograd.grad(b.sum(), a)
    return seen


def hook_on_any(torch):
    x, y, seen = _leaf(torch), _leaf(torch), []
    handle = _graph(torch).register_multi_grad_hook((x, y), lambda g: seen.append(g.tolist()), mode="any")
    (x * 2 + y * 2).sum().backward()
    (x * 3).sum().backward()
    handle.remove()
    (x * 2).sum().backward()
    return seen


def hook_on_leaves_under_grad(torch):
    x, y = _leaf(torch), _leaf(torch)
    _graph(torch).register_multi_grad_hook((x, y), lambda gs: None)
    torch.autograd.grad((x * y).sum(), (x, y))


def hook_of_wrong_mode(torch):
    _graph(torch).register_multi_grad_hook((_leaf(torch),), lambda g: None, mode="some")


def hook_on_one_without_gradient(torch):
    _graph(torch).register_multi_grad_hook((_leaf(torch), torch.ones(2)), lambda g: None)


def hook_on_any_without_gradient(torch):
    x, seen = _leaf(torch), []
    _graph(torch).register_multi_grad_hook((x, torch.ones(2)), lambda g: seen.append(g.tolist()), mode="any")
    x.sum().backward()
    return seen


def nodes(torch):
    node = _graph(torch).Node
    y = _leaf(torch) * 2
    leaf = y.grad_fn.next_functions[0][0]
    return isinstance(y.grad_fn, node), isinstance(leaf, node), issubclass(type(y.grad_fn), node), isinstance(5, node)


def node_is_abstract(torch):
    return attempt(_graph(torch).Node)


def edges(torch):
    graph, x = _graph(torch), _leaf(torch)
    y = x * 2
    edge = graph.get_gradient_edge(y)
    (a,) = torch.autograd.grad((y * 3).sum(), edge, retain_graph=True)
    (b,) = torch.autograd.grad(edge, x, torch.ones(3), retain_graph=True)
    torch.autograd.backward(edge, torch.ones(3))
    leaf = graph.get_gradient_edge(x)
    return a, b, x.grad, edge.output_nr, edge._fields, leaf.node.variable is x, edge.ownership_token


def edge_of_a_constant(torch):
    _graph(torch).get_gradient_edge(torch.ones(2))


def edge_without_gradient(torch):
    x = _leaf(torch)
    torch.autograd.grad(_graph(torch).get_gradient_edge(x * 2), x)


def edge_of_the_second_result(torch):
    x = _leaf(torch, 4).view(2, 2)
    values, _ = x.max(0)
    a, b = (x * 2).unbind(0)
    graph = _graph(torch)
    edge = graph.get_gradient_edge(b)
    (g,) = torch.autograd.grad((b * a).sum(), edge)
    return g, graph.get_gradient_edge(values).output_nr


def versions(torch):
    x, graph = torch.ones(2), _graph(torch)
    graph.increment_version(x)
    graph.increment_version([x, x])
    view = torch.ones(4)
    part = view[:2]
    graph.increment_version(part)
    return x._version, view._version, part._version


def version_of_what_is_saved(torch):
    x = _leaf(torch)
    y = x * 1
    z = y * y
    _graph(torch).increment_version(y)
    z.sum().backward()


def version_of_a_number(torch):
    _graph(torch).increment_version(3)


def saved_attributes(torch):
    x, y = _leaf(torch), _leaf(torch)
    product = x * y
    node = product.grad_fn
    return node._saved_self is x, node._saved_other is y, (x * 2).grad_fn._saved_other, node._saved_self


def saved_results(torch):
    x = _leaf(torch)
    return [f(x).grad_fn._saved_result for f in (torch.exp, torch.sqrt, torch.tanh, torch.sigmoid, torch.relu)]


def saved_exponent(torch):
    return float((_leaf(torch) ** 3).grad_fn._saved_exponent), (_leaf(torch) ** 3).grad_fn._saved_self


def saved_attribute_unknown(torch):
    return (_leaf(torch) * 2).grad_fn._saved_nothing


def saved_attribute_after_backward(torch):
    x = _leaf(torch)
    y = x * x
    y.sum().backward()
    return y.grad_fn._saved_self


def saved_hooks_of_one(torch):
    x, seen = _leaf(torch), []
    y = x * x
    raw = y.grad_fn._raw_saved_self
    raw.register_hooks(lambda t: (seen.append("pack"), t)[1], lambda t: (seen.append("unpack"), t * 10)[1])
    y.sum().backward()
    return type(raw).__name__, seen, x.grad


def saved_hooks_twice(torch):
    x = _leaf(torch)
    raw = (x * x).grad_fn._raw_saved_self
    raw.register_hooks(lambda t: t, lambda t: t)
    raw.register_hooks(lambda t: t, lambda t: t)


def saved_hooks_too_late(torch):
    x = _leaf(torch)
    y = x * x
    y.sum().backward()
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)


def names_of_what_is_saved(torch):
    x = _leaf(torch)
    nodes = ((x * x).grad_fn, x.exp().grad_fn, (x**2).grad_fn)
    found = [[n for n in dir(node) if n.startswith(("_saved", "_raw_saved"))] for node in nodes]
    y = x.softmax(0)
    return found, y.grad_fn._saved_result, y.grad_fn._saved_dim, x.sum(0, keepdim=True).grad_fn._saved_keepdim


def nodes_are_called(torch):
    x = _leaf(torch)
    a, b = (x * x).grad_fn(torch.ones(3))
    return a, b, x.exp().grad_fn(torch.ones(3)), (x * 2).grad_fn.requires_grad


def variables(torch):
    make = torch.autograd.Variable
    x = _leaf(torch)
    y = make(x * 2, requires_grad=True)
    return y, y.grad_fn, make(x), isinstance(x, make), isinstance(5, make), attempt(lambda: make([1.0])), make()


def sequence(torch):
    x = _leaf(torch)
    a = x * 2
    b = a * 3
    return b.grad_fn._sequence_nr() - a.grad_fn._sequence_nr()


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-4, atol=1e-5)
