"""Fitting the coefficients of a differential equation of 8 variables: 50 Runge-Kutta steps in a Python loop."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads.base import JaxSide, TorchSide, generator

SIZE, STEPS, DT = 8, 50, 0.05
LR, BATCHES = 1e-3, 4


def data() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = generator()
    return [tuple(rng.standard_normal((2, SIZE), np.float32)) for _ in range(BATCHES)]


def coefficients() -> np.ndarray:
    return 0.3 * generator(1).standard_normal((SIZE, SIZE), np.float32)


def integrate(slope: Any, y: Any) -> Any:
    """The classical fourth order, one library's arrays or the other's."""
    for _ in range(STEPS):
        k1 = slope(y)
        k2 = slope(y + DT / 2 * k1)
        k3 = slope(y + DT / 2 * k2)
        k4 = slope(y + DT * k3)
        y = y + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def torch_side(torch: Any) -> TorchSide:
    nn = torch.nn

    class System(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Parameter(torch.tensor(coefficients()))
            self.decay = nn.Parameter(torch.ones(SIZE))

        def slope(self, y):
            return torch.tanh(self.mix @ y) - self.decay * y

        def forward(self, y):
            return integrate(self.slope, y)

    model = System()
    batches = [(torch.tensor(start), torch.tensor(end)) for start, end in data()]

    def loss(model, start, end):
        return (model(start) - end).square().mean()

    return TorchSide(model, lambda i: batches[i % BATCHES], loss, torch.optim.Adam(model.parameters(), lr=LR))


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [(jnp.asarray(start), jnp.asarray(end)) for start, end in data()]

    def loss(params, start, end):
        mix, decay = params["train"]["mix"], params["train"]["decay"]
        y = integrate(lambda y: jnp.tanh(mix @ y) - decay * y, start)
        return jnp.square(y - end).mean()

    return JaxSide({"train": dict(state)}, lambda i: batches[i % BATCHES], loss, optax.adam(LR))
