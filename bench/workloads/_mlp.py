"""A classifier of linear layers and ReLU, trained with Adam, of any widths."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads.base import JaxSide, TorchSide, generator

BATCHES, LR = 4, 1e-3


def data(widths: tuple[int, ...], batch: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = generator()
    return [
        (rng.standard_normal((batch, widths[0]), np.float32), rng.integers(widths[-1], size=batch))
        for _ in range(BATCHES)
    ]


def torch_side(torch: Any, widths: tuple[int, ...], batch: int) -> TorchSide:
    nn, F = torch.nn, torch.nn.functional
    layers = []
    for wide, narrow in itertools.pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in data(widths, batch)]

    def loss(model, x, y):
        return F.cross_entropy(model(x), y)

    return TorchSide(model, lambda i: batches[i % BATCHES], loss, torch.optim.Adam(model.parameters(), lr=LR))


def jax_side(state: dict[str, np.ndarray], widths: tuple[int, ...], batch: int) -> JaxSide:
    params = [(state[f"{i}.weight"].T, state[f"{i}.bias"]) for i in range(0, 2 * len(widths) - 2, 2)]
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in data(widths, batch)]

    def loss(params, x, y):
        *hidden, (weight, bias) = params["train"]
        for w, b in hidden:
            x = jax.nn.relu(x @ w + b)
        return optax.softmax_cross_entropy_with_integer_labels(x @ weight + bias, y).mean()

    return JaxSide({"train": params}, lambda i: batches[i % BATCHES], loss, optax.adam(LR))
