"""The faults of earlier lazy-tensor systems, one named test each (engine.md section 9)."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.engine.counting import chosen_tier, counted, lazy_only, whole_tier
from jtorch._engine import explain
from jtorch._engine.flush import end_of_work
from jtorch._engine.tape import current, settings


def _model(lib, seed=0):
    lib.manual_seed(seed)
    return lib.nn.Sequential(lib.nn.Linear(4, 8), lib.nn.ReLU(), lib.nn.Linear(8, 2))


def _step(lib, model, opt, x, y):
    opt.zero_grad()
    loss = lib.nn.functional.mse_loss(model(x), y)
    loss.backward()
    opt.step()
    return loss


def _batch(lib):
    return lib.ones(5, 4), lib.zeros(5, 2)


@whole_tier
def test_a_changing_learning_rate_does_not_recompile():
    """torch_xla#2543."""
    model = _model(jtorch)
    opt = jtorch.optim.SGD(model.parameters(), lr=0.1)
    schedule = jtorch.optim.lr_scheduler.LambdaLR(opt, lambda epoch: 1.0 / (1 + epoch))
    x, y = _batch(jtorch)
    for _ in range(5):
        _step(jtorch, model, opt, x, y).item()
        schedule.step()
    with counted() as counts:
        for _ in range(100):
            _step(jtorch, model, opt, x, y).item()
            schedule.step()
    assert counts["whole_programs"] == counts["op_programs"] == 0


@whole_tier
@pytest.mark.parametrize("first", [0.5, 0.9])
def test_lr_equal_to_momentum_is_the_same_program(first):
    """torch_xla#3604: two equal numbers must not share a place."""
    model = _model(jtorch)
    opt = jtorch.optim.SGD(model.parameters(), lr=first, momentum=0.9)
    x, y = _batch(jtorch)
    for _ in range(5):
        _step(jtorch, model, opt, x, y).item()
    with counted() as counts:
        for lr in (0.9, 0.5, 0.9, 0.1):
            opt.param_groups[0]["lr"] = lr
            _step(jtorch, model, opt, x, y).item()
    assert counts["whole_programs"] == counts["op_programs"] == 0


@lazy_only
def test_a_loop_of_randn_is_one_program():
    """torch_xla#2783."""
    for _ in range(3):
        (jtorch.randn(20) * 2).sum().item()
    with counted() as counts:
        values = {(jtorch.randn(20) * 2).sum().item() for _ in range(20)}
    assert len(values) == 20
    assert counts["whole_programs"] == counts["op_programs"] == 0


@lazy_only
def test_nobody_syncs():
    """torch_xla#1155, #3593, #1367, mlx#2305: 1,600 accumulation steps are cut by the engine itself."""
    model = _model(jtorch)
    x, y = _batch(jtorch)
    longest = 0
    for _ in range(1600):
        jtorch.nn.functional.mse_loss(model(x), y).backward()
        longest = max(longest, current().epoch.node.depth)
    assert longest <= settings.max_steps
    reference = _model(torch)
    tx, ty = _batch(torch)
    for _ in range(1600):
        torch.nn.functional.mse_loss(reference(tx), ty).backward()
    ours, theirs = model[0].weight.grad.numpy(), reference[0].weight.grad.numpy()
    np.testing.assert_allclose(ours, theirs, rtol=2e-3)


def _views_program(lib):
    x = lib.arange(12.0).reshape(3, 4)
    y = x[1]
    y.mul_(2)
    x.data[0, 1] = 50.0
    z = x.t()
    z[2].add_(1)
    w = x.detach()
    w.sub_(0.5)
    y[1:3] = -1
    x.data = x.data * 2
    return [t.clone().numpy() for t in (x, y, z, w)]


def test_data_and_in_place_on_views():
    """torch_xla#3392, #3291."""
    for ours, theirs in zip(_views_program(jtorch), _views_program(torch), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@whole_tier
def test_two_in_place_ops_still_donate():
    """torch_xla#7023."""
    x = jtorch.zeros(1 << 18)
    for _ in range(4):
        x.add_(1)
        x.mul_(0.5)
        end_of_work()
    assert explain._records[-1].donated == 1
    np.testing.assert_array_equal(x.numpy(), np.full(1 << 18, 0.9375, np.float32))


@lazy_only
def test_forty_thousand_additions_of_a_shared_scalar():
    """mlx#2643: linear time and no recursion, however long the chain."""
    one = jtorch.ones(())
    total = jtorch.zeros(())
    for _ in range(40_000):
        total = total + one
    assert total.item() == 40_000


@lazy_only
def test_item_in_the_middle_runs_nothing_twice():
    """torch_xla's notes on recompilation: a read does not repeat what came before it."""
    x = jtorch.ones(7)

    def run():
        a = x * 2
        b = a + 1
        b.sum().item()
        c = a * b
        return c.sum().item()

    run()
    run()
    with counted() as counts:
        assert run() == 42.0
    assert counts["ops_executed"] == 5


@chosen_tier
def test_varying_lengths_are_bounded():
    """torch_xla#3356: whole programs at most one a length that came back."""
    model = _model(jtorch)

    def run(length):
        return model(jtorch.ones(length, 4)).sum().item()

    with counted() as counts:
        for length in range(10, 50):
            run(length)
    assert counts["whole_programs"] <= 10
    for _ in range(2):
        for length in range(10, 50):
            run(length)
    with counted() as counts:
        for length in range(10, 50):
            run(length)
    assert counts["whole_programs"] == counts["op_programs"] == 0


def test_a_generator_never_repeats():
    """torchax#17."""
    g = jtorch.Generator().manual_seed(3)
    a, b = jtorch.rand(4, generator=g), jtorch.rand(4, generator=g)
    assert not np.array_equal(a.numpy(), b.numpy())
    reference = torch.Generator().manual_seed(3)
    np.testing.assert_array_equal(a.numpy(), torch.rand(4, generator=reference).numpy())


def test_shape_errors_are_raised_at_their_line():
    x, y = jtorch.ones(3), jtorch.ones(4)
    with pytest.raises(RuntimeError, match="must match the size of tensor b") as caught:
        x + y
    assert caught.traceback[0].lineno + 1 == _line_of("        x + y\n")


def _line_of(text):
    with open(__file__) as file:
        return file.readlines().index(text) + 1


def test_a_finalizer_may_record():
    """A `__del__` that records in the middle of a record, under forced collections."""
    t = jtorch.ones(3)
    runs = []

    class Cyclic:
        def __init__(self):
            self.me = self

        def __del__(self):
            runs.append((t + t).sum())

    threshold = gc.get_threshold()
    gc.set_threshold(5, 1, 1)
    try:
        total = jtorch.zeros(3)
        for i in range(300):
            Cyclic()
            total = total + i
            if i % 50 == 0:
                total.sum().item()
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert total.tolist() == [sum(range(300))] * 3
    assert len(runs) == 300
    assert {r.item() for r in runs} == {6.0}


def test_a_second_thread_may_record():
    shared = jtorch.ones(50)
    found = []

    def work(k):
        total = shared * 0
        for i in range(200):
            total = total + shared * k
            if i % 20 == 0:
                total.sum().item()
        found.append((k, total.sum().item()))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for w in workers:
        w.start()
    work(9)
    for w in workers:
        w.join()
    assert dict(found) == {k: 200.0 * 50 * k for k in (0, 1, 2, 3, 9)}


def test_a_pending_value_of_another_thread():
    pending = jtorch.ones(4) + 2
    seen = []
    worker = threading.Thread(target=lambda: seen.append((pending * 2).tolist()))
    worker.start()
    worker.join()
    assert seen == [[6.0] * 4]
    assert pending.tolist() == [3.0] * 4


def test_numbers_of_five_flushes_in_a_row():
    """Buffers of Python numbers must not be written again before JAX has read them."""
    x = jtorch.ones(1000, 100)
    results = []
    for i in range(5):
        results.append((x * float(i) + i).sum())
        end_of_work()
    assert [r.item() for r in results] == [2.0 * i * 100_000 for i in range(5)]
