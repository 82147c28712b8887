"""Training the CNN of examples/digits.py, batch 64, Adam. Its dropout draws other numbers in JAX than in PyTorch."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads import _images as lib
from bench.workloads.base import JaxSide, TorchSide

BATCH, SIDE, CLASSES, DROPOUT, LR = 64, 8, 10, 0.25, 3e-3


def data() -> list:
    return lib.data(BATCH, 1, SIDE, CLASSES)


def torch_side(torch: Any) -> TorchSide:
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
            self.norm1 = nn.BatchNorm2d(16)
            self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
            self.norm2 = nn.BatchNorm2d(32)
            self.pool = nn.MaxPool2d(2)
            self.dropout = nn.Dropout(DROPOUT)
            self.classify = nn.Linear(32 * (SIDE // 2) ** 2, CLASSES)

        def forward(self, x):
            x = F.relu(self.norm1(self.conv1(x)))
            x = F.relu(self.norm2(self.conv2(x)))
            x = self.dropout(self.pool(x))
            return self.classify(x.flatten(1))

    model = Net()
    return lib.torch_classifier(torch, model, data(), torch.optim.Adam(model.parameters(), lr=LR))


def _apply(train: dict, state: dict, x: Any) -> tuple[Any, dict]:
    key, new_key = jax.random.split(state["key"])
    new = {"key": new_key}
    for i in (1, 2):
        x = lib.conv(x, train[f"conv{i}.weight"], 1, 1) + train[f"conv{i}.bias"]
        x = jax.nn.relu(lib.batch_norm(train, state, new, f"norm{i}", x))
    x = lib.max_pool(x, 2)
    x = jnp.where(jax.random.bernoulli(key, 1 - DROPOUT, x.shape), x / (1 - DROPOUT), 0)
    return lib.linear(train, "classify", x.reshape(len(x), -1)), new


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    channels_first = state["classify.weight"].reshape(CLASSES, 32, SIDE // 2, SIDE // 2)
    state["classify.weight"] = channels_first.transpose(0, 2, 3, 1).reshape(CLASSES, -1)
    params = lib.split(state)
    params["state"]["key"] = jax.random.key_data(jax.random.key(0))
    return lib.jax_classifier(params, _apply, data(), optax.adam(LR), draws=True)
