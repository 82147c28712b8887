"""The forms that convolutions, pools and batch norm take on CPU: values, gradients and gradients of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import jtorch


def weighed(lib: Any, y: Any) -> Any:
    """A scalar in which every element of `y` has a weight of its own."""
    return (y * lib.cos(lib.arange(y.numel(), dtype=y.dtype)).reshape(y.shape)).sum() + (y**2).sum() * 0.1


def twice(lib: Any, f: Any, *arrays: np.ndarray) -> list[np.ndarray]:
    """The results of `f`, the gradients of its first, and their gradients."""
    leaves = [lib.tensor(a).requires_grad_() for a in arrays]
    results = f(lib, *leaves)
    first = lib.autograd.grad(weighed(lib, results[0]), leaves, create_graph=True)
    second = lib.autograd.grad(sum((g**2).sum() for g in first), leaves)
    return [t.detach().numpy() for t in (*results, *first, *second)]


def same(f: Any, *arrays: np.ndarray) -> None:
    for ours, theirs in zip(twice(jtorch, f, *arrays), twice(torch, f, *arrays), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


# Space, kernel, channels, outputs, stride, padding, dilation, groups.
CONVOLUTIONS = {
    "few channels": ((8, 9), (3, 3), 3, 5, 1, 1, 1, 1),
    "few channels, dilated": ((8, 8), (3, 3), 1, 3, 1, 1, 2, 1),
    "library": ((8, 9), (3, 3), 6, 5, 1, 1, 1, 1),
    "library, dilated": ((8, 9), (3, 3), 6, 5, 1, 1, 2, 1),
    "phases": ((8, 9), (3, 3), 6, 5, 2, 1, 1, 1),
    "phases of a row": ((9,), (3,), 6, 4, 2, 1, 1, 1),
    "phases in three dimensions": ((5, 6, 5), (3, 3, 2), 6, 4, 2, 1, 1, 1),
    "phases of unequal strides": ((7, 9), (3, 2), 6, 4, (2, 1), 1, 1, 1),
    "phases of a large stride": ((9, 8), (5, 4), 8, 5, 3, 2, 1, 1),
    "patches": ((8, 8), (4, 4), 8, 5, 4, 0, 1, 1),
    "one place": ((7, 8), (1, 1), 6, 4, 1, 0, 1, 1),
    "one place, strided": ((7, 9), (1, 1), 6, 4, 2, 0, 1, 1),
    "small space": ((2, 2), (3, 3), 6, 5, 1, 1, 1, 1),
    "single place of space": ((1, 1), (3, 3), 6, 5, 1, 1, 1, 1),
    "small space, strided": ((2, 2), (3, 3), 6, 5, 2, 1, 1, 1),
    "depthwise": ((8, 9), (3, 3), 6, 6, 1, 1, 1, 6),
    "depthwise, strided, two outputs a channel": ((8, 9), (3, 3), 4, 8, 2, 1, 1, 4),
    "depthwise, dilated": ((8, 9), (3, 3), 6, 6, 1, 1, 2, 6),
    "groups": ((8, 8), (3, 3), 4, 8, 1, 1, 2, 2),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str) -> None:
    space, kernel, inputs, outputs, *rest, groups = CONVOLUTIONS[name]
    draw = np.random.default_rng(0).standard_normal

    def f(lib: Any, x: Any, w: Any) -> tuple:
        return (getattr(lib.nn.functional, f"conv{len(space)}d")(x, w, None, *rest, groups),)

    same(f, draw((2, inputs, *space)), draw((outputs, inputs // groups, *kernel)))


# Kernel, stride, padding, dilation, ceil_mode.
POOLS = [
    (3, 2, 1, 1, False), (2, 2, 0, 1, False), (3, 1, 1, 1, False), (2, 3, 0, 1, False), (3, 2, 1, 1, True),
    (3, 2, 0, 1, True), (3, 2, 1, 2, False), (2, 2, 0, 1, True), ((3, 2), (2, 1), (1, 0), 1, False),
    (7, 2, 3, 1, False), (1, 2, 0, 1, False), (5, 3, 2, 1, False),
]  # fmt: skip


@pytest.mark.parametrize("arguments", POOLS, ids=str)
def test_max_pool(arguments: tuple) -> None:
    """Of rounded values, so that there are ties."""
    x = np.round(np.random.default_rng(0).standard_normal((2, 3, 9, 10)) * 2)
    same(lambda lib, x: lib.nn.functional.max_pool2d(x, *arguments, return_indices=True), x)


def test_max_pool_of_nan() -> None:
    x = np.random.default_rng(0).standard_normal((1, 1, 9, 10))
    x[0, 0, 2:5, 3] = np.nan
    found = [
        [t.numpy() for t in lib.nn.functional.max_pool2d(lib.tensor(x), 3, 2, 1, return_indices=True)]
        for lib in (jtorch, torch)
    ]
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(8, 5, 6, 7), (8, 5), (7, 5, 3)], ids=str)
def test_batch_norm(shape: tuple) -> None:
    rng = np.random.default_rng(0)
    x, weight, bias = rng.standard_normal(shape) * 3 + 10, rng.random(5) + 0.5, rng.random(5)

    def f(lib: Any, x: Any, w: Any, b: Any) -> tuple:
        mean, var = lib.zeros(5, dtype=x.dtype), lib.ones(5, dtype=x.dtype)
        return lib.nn.functional.batch_norm(x, mean, var, w, b, True), mean, var

    same(f, x, weight, bias)
