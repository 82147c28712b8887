"""A chain of 18 elementwise operations on 4M elements; trained is one row that all rows share."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads.base import JaxSide, TorchSide, generator

ROWS, COLUMNS = 2048, 2048
LR = 0.1


def data() -> list[np.ndarray]:
    rng = generator()
    return [rng.standard_normal((ROWS, COLUMNS), np.float32) for _ in range(2)]


def torch_side(torch: Any) -> TorchSide:
    nn, F = torch.nn, torch.nn.functional

    class Chain(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(COLUMNS))

        def forward(self, x):
            x = x * self.scale
            x = torch.where(x > 0, x, 0.1 * x)
            x = torch.tanh(x) + F.gelu(x)
            x = torch.exp(-x.abs())
            x = torch.sqrt(x + 0.5) * torch.sigmoid(3 * x)
            x = torch.erf(x) - 0.5 * x
            return x.square()

    model = Chain()
    batches = [(torch.tensor(x),) for x in data()]

    def loss(model, x):
        return model(x).mean()

    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    return TorchSide(model, lambda i: batches[i % len(batches)], loss, optimizer)


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [(jnp.asarray(x),) for x in data()]

    def loss(params, x):
        x = x * params["train"]["scale"]
        x = jnp.where(x > 0, x, 0.1 * x)
        x = jnp.tanh(x) + jax.nn.gelu(x, approximate=False)
        x = jnp.exp(-jnp.abs(x))
        x = jnp.sqrt(x + 0.5) * jax.nn.sigmoid(3 * x)
        x = jax.scipy.special.erf(x) - 0.5 * x
        return jnp.square(x).mean()

    return JaxSide({"train": dict(state)}, lambda i: batches[i % len(batches)], loss, optax.sgd(LR))
