"""Gradients at kinks and ties, jtorch's against real torch's: the rows of the table of subgradient conventions.

``python -m compat_tests.kinks`` prints every row and, as its value, how many differ. Apart stand the two that differ on
purpose: `linalg.det` of a singular matrix, where torch returns 0 and not the adjugate, and the gradient of `xlogy` by
its second operand at (0, 0), where torch returns nan and not 0.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import jtorch
from compat_tests.harness.convert import tensor_to_torch

INF, NAN = float("inf"), float("nan")


class Row(NamedTuple):
    """One kink: ``call(torch, *leaves)`` on leaves of these values; its results are summed and differentiated."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[list, ...]
    leaves: tuple[int, ...] | None = None  # which gradients are compared; all when None


def row(name: str, call: Callable[..., Any], *inputs: list, leaves: tuple[int, ...] | None = None) -> Row:
    return Row(name, call, inputs, leaves)


POINTWISE = [
    row("relu at 0", lambda t, x: t.nn.functional.relu(x), [-1.0, 0.0, -0.0, 2.0, NAN]),
    row("abs at 0", lambda t, x: t.abs(x), [-1.0, 0.0, -0.0, 2.0]),
    row("l1_loss at 0", lambda t, x, y: t.nn.functional.l1_loss(x, y), [1.0, 2.0], [1.0, 3.0]),
    row("clamp at numbers", lambda t, x: t.clamp(x, -1.0, 1.0), [-2.0, -1.0, 0.0, 1.0, 2.0, NAN]),
    row("clamp at tensors", lambda t, x, a, b: t.clamp(x, a, b), [-1.0, 1.0, 0.0, 5.0, 2.0], [-1.0, 0.0, 0.0, 1.0, 3.0],
        [1.0, 1.0, 0.0, 2.0, 1.0]),
    row("clamp_min, clamp_max", lambda t, x: t.clamp_min(x, 0.0) + t.clamp_max(x, 1.0), [-1.0, 0.0, 1.0, 2.0]),
    row("hardtanh at its bounds", lambda t, x: t.nn.functional.hardtanh(x), [-2.0, -1.0, 0.0, 1.0, 2.0]),
    row("relu6 at its bounds", lambda t, x: t.nn.functional.relu6(x), [-1.0, 0.0, 3.0, 6.0, 7.0]),
    row("hardsigmoid at its bounds", lambda t, x: t.nn.functional.hardsigmoid(x), [-4.0, -3.0, 0.0, 3.0, 4.0]),
    row("leaky_relu at 0", lambda t, x: t.nn.functional.leaky_relu(x, 0.1), [-1.0, 0.0, 2.0]),
    row("maximum tie", lambda t, x, y: t.maximum(x, y), [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]),
    row("minimum tie", lambda t, x, y: t.minimum(x, y), [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]),
    row("fmax tie and nan", lambda t, x, y: t.fmax(x, y), [1.0, 2.0, NAN, 1.0, NAN], [1.0, 3.0, 2.0, NAN, NAN]),
    row("fmin tie and nan", lambda t, x, y: t.fmin(x, y), [1.0, 2.0, NAN, 1.0, NAN], [1.0, 3.0, 2.0, NAN, NAN]),
    row("pow(0, 0)", lambda t, x, y: t.pow(x, y), [0.0, 0.0, 0.0, 2.0, -2.0], [0.0, 1.0, 2.0, 0.0, 2.0]),
    row("pow(0, number)", lambda t, x: x**0 + x**1 + x**2 + x**2.5 + x**9, [0.0, 1.0]),
    row("pow(number, 0)", lambda t, x: 0**x + 2**x, [0.0, 1.0, 2.0]),
    row("xlogy at (0, y <= 0), by x", lambda t, x, y: t.xlogy(x, y), [0.0, 0.0, 0.0, 1.0], [0.0, -1.0, 2.0, 2.0],
        leaves=(0,)),
    row("xlogy at (0, y != 0), by y", lambda t, x, y: t.xlogy(x, y), [0.0, 0.0, 1.0], [-1.0, 2.0, 2.0]),
    row("atan2 at (0, 0)", lambda t, x, y: t.atan2(x, y), [0.0, 0.0, 1.0, -0.0], [0.0, -1.0, 0.0, 0.0]),
    row("hypot at (0, 0)", lambda t, x, y: t.hypot(x, y), [0.0, 3.0, 0.0], [0.0, 4.0, 2.0]),
    row("copysign at 0", lambda t, x, y: t.copysign(x, y), [0.0, 0.0, -0.0, 2.0, -2.0], [1.0, -1.0, 1.0, -3.0, 3.0]),
    row("sqrt at 0", lambda t, x: t.sqrt(x), [0.0, 4.0]),
    row("sinc at 0", lambda t, x: t.sinc(x), [0.0, 0.5]),
    row("remainder at a multiple", lambda t, x, y: t.remainder(x, y), [4.0, -4.0, 5.0], [2.0, 2.0, -2.0]),
    row("fmod at a multiple", lambda t, x, y: t.fmod(x, y), [4.0, -4.0, 5.0], [2.0, 2.0, -2.0]),
    row("round, floor, ceil, trunc, frac", lambda t, x: t.round(x) + t.floor(x) + t.ceil(x) + t.trunc(x) + t.frac(x),
        [0.5, 1.0, -1.5]),
    row("sign at 0", lambda t, x: t.sign(x), [0.0, 1.0]),
]  # fmt: skip

TIES = [[1.0, 3.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0], [NAN, 1.0, 2.0, 2.0]]
FLAT = [2.0, 3.0, 3.0, 2.0, 2.0]
REDUCTIONS = [
    row("amax ties", lambda t, x: t.amax(x, 1), TIES[:2]),
    row("amin ties", lambda t, x: t.amin(x, 1), TIES[:2]),
    row("max of all, ties", lambda t, x: t.max(x), FLAT),
    row("min of all, ties", lambda t, x: t.min(x), FLAT),
    row("max(dim) ties", lambda t, x: t.max(x, 1).values, TIES),
    row("min(dim) ties", lambda t, x: t.min(x, 1).values, TIES),
    row("median(dim) ties", lambda t, x: t.median(x, 1).values, [[1.0, 3.0, 2.0, 5.0], [NAN, 1.0, 2.0, 2.0]]),
    row("median of all, ties", lambda t, x: t.median(x), FLAT),
    row("nanmedian of all, ties", lambda t, x: t.nanmedian(x), [2.0, NAN, 2.0, 3.0]),
    row("cummax ties", lambda t, x: t.cummax(x, 1).values, TIES),
    row("cummin ties", lambda t, x: t.cummin(x, 1).values, TIES),
    row("sort ties", lambda t, x: t.sort(x, 1).values * t.tensor([1.0, 2.0, 3.0, 4.0]), TIES),
    row("std of constant input", lambda t, x: t.std(x, 1), [[2.0, 2.0], [1.0, 2.0]]),
    row("var of constant input", lambda t, x: t.var(x, 1), [[2.0, 2.0], [1.0, 2.0]]),
    row("prod with zeros", lambda t, x: t.prod(x, 1), [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]),
    row("prod of all with a zero", lambda t, x: t.prod(x), [0.0, 2.0, 3.0]),
    row("cumprod with zeros", lambda t, x: t.cumprod(x, 1), [[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]]),
    row("logsumexp of -inf", lambda t, x: t.logsumexp(x, 1), [[-INF, 0.0], [-INF, -INF], [INF, 0.0]]),
    row("max_pool1d ties", lambda t, x: t.nn.functional.max_pool1d(x, 2), [[[1.0, 1.0, 2.0, 3.0]]]),
    row("linalg.vector_norm at 0", lambda t, x: t.linalg.vector_norm(x), [0.0, 0.0]),
]
REDUCTIONS += [
    row(f"norm, p={p}, at 0", functools.partial(lambda t, x, p: t.norm(x, p, 1), p=p),
        [[0.0, 0.0], [0.0, 2.0], [-3.0, 3.0]])
    for p in (0, 0.5, 1, 1.5, 2, 3, INF, -INF)
]  # fmt: skip
REDUCTIONS += [
    row(f"dist, p={p}, at 0", functools.partial(lambda t, x, y, p: t.dist(x, y, p), p=p), [1.0, 2.0], [1.0, 2.0])
    for p in (1, 2, 3, INF)
]
ROWS = {one.name: one for one in POINTWISE + REDUCTIONS}


def gradients(side: Any, one: Row) -> list:
    """The gradients of the sum of a row's results, on torch or on jtorch."""
    leaves = [side.tensor(values).requires_grad_() for values in one.inputs]
    out = one.call(side, *leaves)
    found = side.autograd.grad(out.sum(), leaves, allow_unused=True)
    wanted = one.leaves or range(len(leaves))
    return [side.zeros_like(leaves[i]) if found[i] is None else found[i] for i in wanted]


def difference(one: Row) -> str:
    """Where jtorch's gradients are not torch's, in words; empty when they agree (nan equals nan)."""
    expected = [g.numpy() for g in gradients(torch, one)]
    try:
        got = [tensor_to_torch(g).numpy() for g in gradients(jtorch, one)]
    except Exception as error:  # noqa: BLE001 - whatever it raises is a difference to report
        return f"{type(error).__name__}: {error}"
    pairs = zip(got, expected, strict=True)
    if all(a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-7, equal_nan=True) for a, b in pairs):
        return ""
    return f"{[g.tolist() for g in got]}, torch {[g.tolist() for g in expected]}"


def main() -> None:
    """Prints every row, then how many differ."""
    wrong = {name: difference(one) for name, one in ROWS.items()}
    for name, text in wrong.items():
        print(f"{name:35} {text or 'equal'}")
    differing = sum(map(bool, wrong.values()))
    print(f"kinks equal: {len(ROWS) - differing} of {len(ROWS)}")
    print(f"value: {differing}")


if __name__ == "__main__":
    main()
