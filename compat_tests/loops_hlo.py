"""Loops and custom calls in the program of a training step, against `jax.value_and_grad`.

    python -m compat_tests.loops_hlo

XLA does not merge a loop with its twin in a recomputed forward, so an op that holds one keeps residuals.
This counts `while` and `custom-call` in the compiled HLO of forward, backward and update through an
LSTM-like scan; the value is how many more jtorch's program has.
"""

from __future__ import annotations

import os

os.environ["JTORCH_TIER"] = "whole"
os.environ["JTORCH_EAGER"] = "0"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import jtorch
from jtorch._declare import Array, op
from jtorch._engine.flush import end_of_work, flusher

LENGTH, BATCH, WIDTH = 12, 4, 8


def cell(x, h, w, u):
    """A gated recurrence over the first dimension of x; returns all states."""

    def step(h, x):
        gate = jax.nn.sigmoid(x @ w + h @ u)
        h = gate * h + (1 - gate) * jnp.tanh(x @ w)
        return h, h

    return lax.scan(step, h, x)[1]


@op(method=False, function=False, residuals=True)
def recurrence(x: Array, h: Array, w: Array, u: Array) -> Array:
    return cell(x, h, w, u)


def count(hlo: str) -> dict[str, int]:
    """Occurrences of loops and custom calls in an HLO text."""
    lines = [line.split("=", 1)[1] for line in hlo.splitlines() if " = " in line]
    return {kind: sum(f" {kind}(" in line for line in lines) for kind in ("while", "custom-call")}


def ours(arrays: list[np.ndarray]) -> tuple[str, list[np.ndarray]]:
    """HLO and updated weights of one step recorded from eager source."""
    x, h, w, u = (jtorch.tensor(a) for a in arrays)
    w.requires_grad_()
    u.requires_grad_()
    for _ in range(3):
        loss = (recurrence(x, h, w, u) ** 2).mean()
        loss.backward()
        with jtorch.no_grad():
            for p in (w, u):
                p.sub_(p.grad * 0.1)
                p.grad = None
        end_of_work()
    program = max(flusher.programs, key=lambda p: p.last_run)
    return program.compiled.as_text(), [w.detach().numpy(), u.detach().numpy()]


def theirs(arrays: list[np.ndarray]) -> tuple[str, list[np.ndarray]]:
    """The same step by hand."""
    x, h, w, u = map(jnp.asarray, arrays)

    def loss(w, u):
        return (cell(x, h, w, u) ** 2).mean()

    def step(w, u):
        value, (gw, gu) = jax.value_and_grad(loss, (0, 1))(w, u)
        return value, w - 0.1 * gw, u - 0.1 * gu

    compiled = jax.jit(step).lower(w, u).compile()
    for _ in range(3):
        _, w, u = compiled(w, u)
    return compiled.as_text(), [np.asarray(w), np.asarray(u)]


def main() -> None:
    """Prints both counts and the difference."""
    rng = np.random.default_rng(0)
    shapes = [(LENGTH, BATCH, WIDTH), (BATCH, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH)]
    arrays = [rng.normal(size=s).astype(np.float32) * 0.5 for s in shapes]
    (our_text, our_weights), (their_text, their_weights) = ours(arrays), theirs(arrays)
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    mine, reference = count(our_text), count(their_text)
    print(f"jtorch {mine}, jax.value_and_grad {reference}")
    print(f"value: {max(mine[k] - reference[k] for k in mine)}")


if __name__ == "__main__":
    main()
