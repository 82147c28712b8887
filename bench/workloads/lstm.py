"""Training an LSTM to predict the next token: 2 layers, width 128, length 64, batch 32, Adam."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide

LAYERS, WIDTH, LENGTH, BATCH, VOCABULARY = 2, 128, 64, 32, 96
LR = 1e-3


def data() -> list[tuple[np.ndarray, np.ndarray]]:
    return lib.texts([LENGTH] * 4, BATCH, VOCABULARY)


def torch_side(torch: Any) -> TorchSide:
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(VOCABULARY, WIDTH)
            self.lstm = nn.LSTM(WIDTH, WIDTH, num_layers=LAYERS, batch_first=True)
            self.head = nn.Linear(WIDTH, VOCABULARY)

        def forward(self, x):
            x, _ = self.lstm(self.tokens(x))
            return self.head(x)

    model = Net()
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in data()]

    def loss(model, x, y):
        return F.cross_entropy(model(x).view(-1, VOCABULARY), y.view(-1))

    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    return TorchSide(model, lambda i: batches[i % len(batches)], loss, optimizer)


def _jax_layer(state: dict[str, np.ndarray], i: int) -> dict[str, Any]:
    return {
        "w": jnp.asarray(state[f"lstm.weight_ih_l{i}"].T),
        "u": jnp.asarray(state[f"lstm.weight_hh_l{i}"].T),
        "b": jnp.asarray(state[f"lstm.bias_ih_l{i}"]),
        "c": jnp.asarray(state[f"lstm.bias_hh_l{i}"]),
    }


def _apply_layer(p: dict[str, Any], xs: Any) -> Any:
    """Hidden states (L, N, width) of inputs (L, N, in): the inputs' share of the gates in one product."""
    inputs = xs @ p["w"] + p["b"] + p["c"]

    def step(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(x + h @ p["u"], 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((xs.shape[1], WIDTH))
    return jax.lax.scan(step, (zeros, zeros), inputs)[1]


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in data()]

    def loss(params, tokens, y):
        p = params["train"]
        x = p["tokens"][tokens.T]
        for layer in p["layers"]:
            x = _apply_layer(layer, x)
        return lib.next_token_loss(lib.linear(p["head"], x), y.T)

    params = {
        "tokens": jnp.asarray(state["tokens.weight"]),
        "layers": [_jax_layer(state, i) for i in range(LAYERS)],
        "head": lib.jax_linear(state, "head"),
    }
    return JaxSide({"train": params}, lambda i: batches[i % len(batches)], loss, optax.adam(LR))
