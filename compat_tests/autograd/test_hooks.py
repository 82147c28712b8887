"""Hooks on tensors and nodes, and anomaly detection, compared with torch: order, removal, what may be returned."""

from __future__ import annotations

import re

from compat_tests.harness.same import assert_same, attempt, each_program, warned


def _leaf(torch, n=2):
    return torch.arange(1.0, n + 1).requires_grad_()


def hooks_return(torch):
    def returning(value):
        def run():
            y = _leaf(torch) * 2
            y.register_hook(lambda g: value)
            y.sum().backward()

        return attempt(run)

    return [
        returning(value)
        for value in (
            5,
            torch.ones(3),
            torch.ones(2, dtype=torch.float64),
            torch.ones(2, dtype=torch.int64),
            (torch.ones(2),),
            torch.ones(1),
            torch.ones(()),
        )
    ]


def node_prehooks_return(torch):
    def returning(value):
        def run():
            y = _leaf(torch) * 2
            y.grad_fn.register_prehook(lambda gs: value)
            y.sum().backward()

        return attempt(run)

    g = torch.ones(2)
    return [returning(value) for value in (5, (g, g), (None,), (torch.ones(3),), [g])]


def node_hooks_return(torch):
    def returning(value):
        def run():
            x = _leaf(torch)
            y = x * 2
            y.grad_fn.register_hook(lambda gi, go: value)
            y.sum().backward()
            return x.grad

        return attempt(run)

    g = torch.ones(2)
    return [returning(value) for value in (5, (g,), (g, None), (g, g), (torch.ones(3), None))]


def accumulated_hooks_return(torch):
    x = _leaf(torch)
    x.register_post_accumulate_grad_hook(lambda p: 5)
    return attempt(x.sum().backward)


def node_hooks_and_grad(torch):
    x = _leaf(torch)
    y = x * 2
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 10,))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 3, None))
    (a,) = torch.autograd.grad(y.sum(), y, retain_graph=True)
    (b,) = torch.autograd.grad(y.sum(), x)
    return a, b


def tensor_hooks_and_grad(torch):
    x = _leaf(torch)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    (a,) = torch.autograd.grad(y.sum(), y, retain_graph=True)
    (b,) = torch.autograd.grad(y.sum(), x)
    return a, b


def a_wanted_node_does_not_run(torch):
    x = _leaf(torch)
    y = x * x
    z = y.sum()
    torch.autograd.grad(z, y)
    y.backward(torch.ones(2))
    return x.grad


def retained_and_changed(torch):
    x, seen = _leaf(torch), []
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    handle = y.register_hook(lambda g: seen.append(g.tolist()))

    def remove(g):
        seen.append("removed")
        handle.remove()

    y.register_hook(remove)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    return seen, y.grad, x.grad


def order_at_a_leaf(torch):
    x, seen = _leaf(torch), []
    x.register_hook(lambda g: seen.append("tensor"))
    x.register_post_accumulate_grad_hook(lambda p: seen.append(("accumulated", p.grad.tolist())))
    node = x.view_as(x).grad_fn.next_functions[0][0]
    node.register_prehook(lambda gs: seen.append("before"))
    node.register_hook(lambda gi, go: seen.append(("after", len(gi), len(go))))
    (x * 2).sum().backward()
    torch.autograd.grad((x * 2).sum(), x)
    (x * 3).sum().backward(inputs=[x])
    return seen


def removed_twice(torch):
    x = _leaf(torch)
    handle = x.register_hook(lambda g: g * 3)
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: g * 5):
        (x * 2).sum().backward()
    (x * 2).sum().backward()
    return x.grad


def before_and_after_a_write(torch):
    x, seen = _leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", g.tolist())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", g.tolist())))
    y.retain_grad()
    y.add_(1)
    y.sum().backward()
    return seen, y.grad, x.grad


def a_hook_that_runs_backward(torch):
    x, w = _leaf(torch), _leaf(torch)

    def hook(g):
        (w * w).sum().backward()
        return g * 2

    y = x * 3
    y.register_hook(hook)
    y.sum().backward()
    return x.grad, w.grad


def a_hook_that_raises(torch):
    x = _leaf(torch)
    y = x * 3
    y.register_hook(lambda g: {}["mine"])
    found = attempt(y.sum().backward)
    (x * 2).sum().backward()
    return found, x.grad


def hooks_with_create_graph(torch):
    x = _leaf(torch)
    y = x**3
    y.register_hook(lambda g: g * 2)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return g, h


def metadata_of_a_node(torch):
    y = _leaf(torch) * 2
    y.grad_fn.metadata["note"] = 3
    return y.grad_fn.metadata, y.grad_fn.name()


def _without_lines(message):
    """A warning without the frames of the traceback but the innermost."""
    head, *frames = re.split(r'  File "', message)
    return head + (frames[-1].split("\n")[1].strip() if frames else "")


def _told(torch, program):
    found, said = warned(lambda: attempt(program))
    return found, [_without_lines(text) for _, text in said]


def nan_with_the_line(torch):
    def run():
        x = torch.zeros(1, requires_grad=True)
        with torch.autograd.detect_anomaly():
            y = x.sqrt()
            (y * 0).sum().backward()

    return _told(torch, run)


def nan_without_the_line(torch):
    def run():
        x = torch.zeros(1, requires_grad=True)
        y = (x.sqrt() * 0).sum()
        with torch.autograd.detect_anomaly():
            y.backward()

    return _told(torch, run)


def nan_of_a_second_derivative(torch):
    def run():
        x = torch.zeros(1, requires_grad=True)
        with torch.autograd.detect_anomaly():
            (g,) = torch.autograd.grad((x**1.5).sum(), x, create_graph=True)
            g.sum().backward()

    return _told(torch, run)[0]


def nan_that_is_not_looked_for(torch):
    def run():
        x = torch.zeros(1, requires_grad=True)
        with torch.autograd.detect_anomaly(check_nan=False):
            (x.sqrt() * 0).sum().backward()
        return x.grad

    return _told(torch, run)


def written_with_the_line(torch):
    def run():
        x = torch.ones(1, requires_grad=True)
        with torch.autograd.detect_anomaly():
            y = x * 2
            z = y.exp() * y
            y.add_(1)
            z.sum().backward()

    return _told(torch, run)


def modes_of_detection(torch):
    seen = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        seen += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
        with torch.autograd.set_detect_anomaly(False):
            seen += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    return [*seen, torch.is_anomaly_enabled()]


def threads_mode(torch):
    with torch.autograd.set_multithreading_enabled(False) as entered:
        seen = [entered, torch.autograd.is_multithreading_enabled()]
    with torch.autograd.grad_mode.enforce_grad_layout_policy():
        pass
    return [*seen, torch.autograd.is_multithreading_enabled()]


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-6)
