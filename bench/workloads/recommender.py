"""Training a click predictor: 8 tables of 10,000 x 32 read in bags of 4, 13 numbers, a small MLP, batch 256, Adam."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide, generator

TABLES, ROWS, WIDTH, BAG, NUMBERS, BATCH = 8, 10_000, 32, 4, 13, 256
HIDDEN = (128, 64)
LR = 1e-3


def data() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Numbers, indices (tables, batch, bag) and clicks."""
    rng = generator()
    return [
        (
            rng.standard_normal((BATCH, NUMBERS), np.float32),
            rng.integers(ROWS, size=(TABLES, BATCH, BAG)),
            rng.integers(2, size=BATCH).astype(np.float32),
        )
        for _ in range(4)
    ]


def torch_side(torch: Any) -> TorchSide:
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tables = nn.ModuleList([nn.EmbeddingBag(ROWS, WIDTH, mode="sum") for _ in range(TABLES)])
            self.mlp = nn.Sequential(
                nn.Linear(TABLES * WIDTH + NUMBERS, HIDDEN[0]),
                nn.ReLU(),
                nn.Linear(HIDDEN[0], HIDDEN[1]),
                nn.ReLU(),
                nn.Linear(HIDDEN[1], 1),
            )

        def forward(self, numbers, *indices):
            bags = [table(each) for table, each in zip(self.tables, indices, strict=True)]
            return self.mlp(torch.cat([numbers, *bags], dim=1)).squeeze(1)

    model = Net()
    batches = [
        (torch.tensor(numbers), *(torch.tensor(each) for each in indices), torch.tensor(clicks))
        for numbers, indices, clicks in data()
    ]

    def loss(model, numbers, *rest):
        *indices, clicks = rest
        return F.binary_cross_entropy_with_logits(model(numbers, *indices), clicks)

    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    return TorchSide(model, lambda i: batches[i % len(batches)], loss, optimizer)


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [tuple(jnp.asarray(x) for x in batch) for batch in data()]

    def loss(params, numbers, indices, clicks):
        p = params["train"]
        bags = [table[each].sum(1) for table, each in zip(p["tables"], indices, strict=True)]
        x = jnp.concatenate([numbers, *bags], 1)
        for layer in p["mlp"][:-1]:
            x = jax.nn.relu(lib.linear(layer, x))
        logits = lib.linear(p["mlp"][-1], x)[:, 0]
        return optax.sigmoid_binary_cross_entropy(logits, clicks).mean()

    params = {
        "tables": [jnp.asarray(state[f"tables.{i}.weight"]) for i in range(TABLES)],
        "mlp": [lib.jax_linear(state, f"mlp.{i}") for i in (0, 2, 4)],
    }
    return JaxSide({"train": params}, lambda i: batches[i % len(batches)], loss, optax.adam(LR))
