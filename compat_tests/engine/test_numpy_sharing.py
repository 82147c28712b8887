"""NumPy arrays and tensors share memory as in torch, and JAX never reads memory somebody writes again."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

import jtorch

LIBS = [torch, jtorch]


def _same(program):
    expected, found = program(torch), program(jtorch)
    assert len(expected) == len(found)
    for e, f in zip(expected, found, strict=True):
        np.testing.assert_array_equal(f, e)


def test_a_write_to_the_array_shows_in_the_tensor():
    def program(lib):
        x = lib.zeros(3)
        a = x.numpy()
        a[0] = 5
        y = x * 2
        a[1] = 7
        return [x.tolist(), y.tolist(), (x + 0).tolist()]

    _same(program)


def test_an_in_place_op_shows_in_the_array():
    def program(lib):
        x = lib.arange(6.0).reshape(2, 3)
        a = x.numpy()
        x.add_(1)
        x[0].mul_(10)
        return [a.copy(), x.tolist()]

    _same(program)


def test_from_numpy_aliases():
    def program(lib):
        a = np.arange(4, dtype=np.float32)
        x = lib.from_numpy(a)
        a[2] = 50
        x.mul_(2)
        v = x[1:]
        v[0] = -1
        return [a.copy(), x.tolist(), v.tolist()]

    _same(program)


def test_views_of_shared_memory():
    def program(lib):
        a = np.arange(12, dtype=np.float64).reshape(3, 4)
        x = lib.from_numpy(a)
        t = x.t()
        a[0, 1] = 100
        first = t[1].tolist()
        t[2, 2] = -5
        return [first, a.copy(), x.sum().tolist()]

    _same(program)


def test_a_numpy_view_of_a_view():
    def program(lib):
        x = lib.arange(12.0).reshape(3, 4)
        a = x[1:, 1:].numpy()
        a[0, 0] = 99
        return [x.tolist(), a.copy(), list(a.strides)]

    _same(program)


def test_sharing_ends_with_the_last_array():
    x = jtorch.zeros(4)
    a = x.numpy()
    b = a[1:]
    del a
    gc.collect()
    b[0] = 3
    assert x.tolist() == [0, 3, 0, 0]
    del b
    gc.collect()
    assert (x + 1).tolist() == [1, 4, 1, 1]
    assert x._cell is None or x._cell.host is None


def test_the_base_keeps_the_sharing_alive():
    """`from_numpy(base[1:])`: the view dies, its base still shares."""
    base = np.zeros(4, dtype=np.float32)
    x = jtorch.from_numpy(base[1:])
    gc.collect()
    base[1] = 8
    assert x.tolist() == [8, 0, 0]


def _aligned(n: int) -> np.ndarray:
    """A float32 array at a 64-byte boundary, where JAX would alias it instead of copying."""
    raw = np.zeros(4 * n + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + 4 * n].view(np.float32)


ENTRIES = {
    "tensor": lambda a: jtorch.tensor(a),
    "from_numpy": lambda a: jtorch.from_numpy(a) + 0,
    "as_tensor": lambda a: jtorch.as_tensor(a) * 1,
    "where": lambda a: jtorch.where(jtorch.from_numpy(a) > -1, jtorch.from_numpy(a), 0.0),
    "index": lambda a: jtorch.from_numpy(a)[: a.size],
    "copy_": lambda a: jtorch.empty(a.size).copy_(jtorch.from_numpy(a)),
    "setitem": lambda a: _filled(a),
    "cat": lambda a: jtorch.cat([jtorch.from_numpy(a)]),
}


def _filled(a):
    x = jtorch.zeros(a.size)
    x[:] = jtorch.from_numpy(a)
    return x


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_a_write_right_after_entering_is_not_seen(entry):
    """JAX on CPU reads NumPy memory after a call returns."""
    for _ in range(5):
        a = _aligned(200_000)
        a[:] = 1
        x = entry(a)
        shared = x._cell is not None and x._cell.host is not None
        total = (x * 2).sum() if not shared else None
        a[:] = 7
        if total is not None:
            assert total.item() == 400_000


def test_numpy_refuses_what_torch_refuses():
    for lib in LIBS:
        with pytest.raises(RuntimeError, match="Can't call numpy"):
            lib.ones(2, requires_grad=True).numpy()
    assert jtorch.ones(2, requires_grad=True).detach().numpy().tolist() == [1, 1]
