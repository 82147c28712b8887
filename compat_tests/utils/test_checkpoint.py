"""torch.utils.checkpoint, compared with torch: gradients, calls, random numbers and errors by their first sentence."""

from __future__ import annotations

import argparse
import contextlib
from importlib import import_module

import pytest

from compat_tests.harness.same import assert_same, each_program
from compat_tests.programs.checkpoint_bytes import gpt, step


def _module(torch):
    return import_module(f"{torch.__name__}.utils.checkpoint")


def _leaf(torch):
    return torch.arange(1.0, 4.0).requires_grad_()


def _new(torch, function, *args, **kwargs):
    return _module(torch).checkpoint(function, *args, use_reentrant=False, **kwargs)


def _first(call):
    """The result of a call, or its error's type and first line."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        return type(error).__name__, str(error).splitlines()[0]


def _alternating(first, second):
    """A function that does something else each second time."""
    calls = []

    def function(x):
        calls.append(1)
        return (first if len(calls) % 2 else second)(x)

    return function


def without_saying_which(torch):
    return _module(torch).checkpoint(lambda x: x * x, _leaf(torch))


def older_gradients(torch):
    x = _leaf(torch)
    y = _module(torch).checkpoint(lambda x: (x * x).exp(), x, use_reentrant=True)
    y.sum().backward()
    return y, type(y.grad_fn).__name__, x.grad


def older_without_gradients(torch):
    return _module(torch).checkpoint(lambda x: x * x, torch.ones(3), use_reentrant=True)


def older_and_grad(torch):
    x = _leaf(torch)
    y = _module(torch).checkpoint(lambda x: x * x, x, use_reentrant=True)
    torch.autograd.grad(y.sum(), x)


def older_with_keywords(torch):
    _module(torch).checkpoint(lambda x: x, _leaf(torch), use_reentrant=True, other=3)


def older_with_contexts(torch):
    _module(torch).checkpoint(lambda x: x, _leaf(torch), use_reentrant=True, context_fn=lambda: None)


def older_without_result(torch):
    _module(torch).checkpoint(lambda x: x.detach() * 1, _leaf(torch), use_reentrant=True).sum().backward()


def older_with_other_arguments(torch):
    x = _leaf(torch)
    y, k = _module(torch).checkpoint(lambda x, k, n: (x * x * k, k), x, 3, None, use_reentrant=True)
    y.sum().backward()
    return x.grad, k


def older_modes(torch):
    seen = []

    def function(x):
        seen.append((x.requires_grad, torch.is_grad_enabled()))
        return x * x

    _module(torch).checkpoint(function, _leaf(torch), use_reentrant=True).sum().backward()
    return seen


def newer_gradients(torch):
    x, w = _leaf(torch), _leaf(torch)
    y = _new(torch, lambda x: ((x * w).sin() * x).cumsum(0).softmax(0), x * 2)
    y[0].backward()
    return y, type(y.grad_fn).__name__, x.grad, w.grad


def newer_keywords(torch):
    return _new(torch, lambda x, k=2: x * k, _leaf(torch), k=3)


def newer_nests(torch):
    x = _leaf(torch)
    y, k, none, rest = _new(torch, lambda d: (d["x"] * d["x"], 5, None, {"a": d["x"] * 2}), {"x": x})
    (y + rest["a"]).sum().backward()
    return x.grad, k, none


def newer_calls(torch):
    x, seen = _leaf(torch), []

    def function(x):
        seen.append("a")
        y = x.sin() * x
        seen.append("b")
        return y + 1

    _new(torch, function, x).sum().backward()
    with _module(torch).set_checkpoint_early_stop(False):
        y = _new(torch, function, x)
    y.sum().backward()
    _new(torch, function, x, early_stop=False).sum().backward()
    return seen, x.grad


def newer_nested(torch):
    x, seen = _leaf(torch), []

    def inner(x):
        seen.append(1)
        return x.sin() * x

    _new(torch, lambda x: _new(torch, inner, x) * x, x).sum().backward()
    return len(seen), x.grad


def newer_retained(torch):
    x = _leaf(torch)
    y = _new(torch, lambda x: x * x, x)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return x.grad, _first(lambda: y.sum().backward())


def newer_create_graph(torch):
    x = _leaf(torch)
    y = _new(torch, lambda x: x.exp() * x, x)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h


def newer_without_gradients(torch):
    with torch.no_grad():
        y = _new(torch, lambda x: x * x, _leaf(torch))
    return y, _new(torch, lambda x: x * x, torch.ones(2))


def newer_with_leaves_in_a_closure(torch):
    w = _leaf(torch)
    _new(torch, lambda x: x * w, torch.ones(3)).sum().backward()
    return w.grad


def newer_contexts(torch):
    seen = []

    @contextlib.contextmanager
    def noting(word):
        seen.append(word)
        yield

    _new(torch, lambda x: x * x, _leaf(torch), context_fn=lambda: (noting("1"), noting("2"))).sum().backward()
    return seen


def fewer_saved(torch):
    f = _alternating(lambda x: (x * x).sin(), lambda x: x * x)
    return _first(lambda: _new(torch, f, _leaf(torch)).sum().backward())


def more_saved_than_needed(torch):
    x = _leaf(torch)
    _new(torch, _alternating(lambda x: x * x, lambda x: (x * x).sin()), x).sum().backward()
    return x.grad


def more_saved(torch):
    f = _alternating(lambda x: x * x, lambda x: (x * x).sin())
    return _first(lambda: _new(torch, f, _leaf(torch), early_stop=False).sum().backward())


def other_shapes(torch):
    f = _alternating(lambda x: x * x, lambda x: x[:2] * x[:2])
    return _first(lambda: _new(torch, f, _leaf(torch)).sum().backward())


def other_dtypes(torch):
    f = _alternating(lambda x: (x * x).sin(), lambda x: (x * x).double().sin().float())
    return _first(lambda: _new(torch, f, _leaf(torch)).sum().backward())


def unknown_check(torch):
    _new(torch, lambda x: x, _leaf(torch), determinism_check="strict")


def input_changed(torch):
    y = _leaf(torch) * 1
    z = _new(torch, lambda x: x * x, y)
    y.add_(1)
    z.sum().backward()


def saved_tensors_read_twice(torch):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return ctx.saved_tensors[0] + ctx.saved_tensors[0]

    return _first(lambda: _new(torch, Twice.apply, _leaf(torch)).sum().backward())


def random_numbers(torch):
    found = []
    for older in (True, False):
        for preserve in (True, False):
            x = torch.ones(64, requires_grad=True)
            torch.manual_seed(3)
            y = _module(torch).checkpoint(
                lambda x: torch.nn.functional.dropout(x * x, 0.5), x, use_reentrant=older, preserve_rng_state=preserve
            )
            torch.rand(5)
            y.sum().backward()
            found += [torch.equal(x.grad > 0, y > 0), y, x.grad, torch.rand(1)]
    return found


def modules(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.LayerNorm(4), torch.nn.Linear(4, 1))
    x = torch.linspace(-1, 1, 6).view(2, 3)
    _new(torch, net, x).sum().backward()
    return [p.grad for p in net.parameters()]


def sequential(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(*(torch.nn.Linear(3, 3) for _ in range(5)))
    found = []
    for older in (True, False):
        net.zero_grad()
        x = torch.linspace(-1, 1, 6).view(2, 3).requires_grad_()
        y = _module(torch).checkpoint_sequential(net, 2, x, use_reentrant=older)
        y.sum().backward()
        found += [y, x.grad, [p.grad for p in net.parameters()]]
    return found


def sequential_of_functions(torch):
    x = _leaf(torch)
    y = _module(torch).checkpoint_sequential([torch.sin, torch.exp, torch.tanh], 3, x, use_reentrant=False)
    y.sum().backward()
    return y, x.grad


def sequential_without_saying_which(torch):
    return _module(torch).checkpoint_sequential([torch.sin, torch.exp], 2, _leaf(torch))


def sequential_in_too_many(torch):
    _module(torch).checkpoint_sequential([torch.sin], 2, _leaf(torch), use_reentrant=False)


def sequential_with_keywords(torch):
    _module(torch).checkpoint_sequential([torch.sin], 1, _leaf(torch), use_reentrant=False, other=2)


def helpers(torch):
    module = _module(torch)
    inputs = module.detach_variable((_leaf(torch), torch.ones(1), 3))
    module.check_backward_validity([torch.ones(1)])
    return inputs, _first(lambda: module.detach_variable(5)), [p.name for p in module.CheckpointPolicy]


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-5, atol=1e-6)


def test_activations_are_not_kept():
    """The program of a training step needs less memory, so XLA did not merge the two computations."""
    options = argparse.Namespace(layers=2, width=32, heads=2, context=32, batch=8)
    example = gpt()
    (plain, loss), (kept, same_loss) = step(example, options, "none"), step(example, options, "newer")
    assert kept < 0.7 * plain
    assert same_loss == pytest.approx(loss, rel=1e-5)
