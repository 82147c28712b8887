"""Inference of a BERT-style encoder with a classifier: 6 layers, width 384, 6 heads, length 128, batch 16."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide, generator

LAYERS, WIDTH, HEADS, LENGTH, BATCH, VOCABULARY, CLASSES = 6, 384, 6, 128, 16, 2000, 2


def data() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = generator()
    return [(rng.integers(VOCABULARY, size=(BATCH, LENGTH)), rng.integers(CLASSES, size=BATCH)) for _ in range(4)]


def bert(torch: Any) -> Any:
    nn = torch.nn

    class Bert(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(VOCABULARY, WIDTH)
            self.positions = nn.Embedding(LENGTH, WIDTH)
            self.norm = nn.LayerNorm(WIDTH)
            layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, activation="gelu", batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, LAYERS)
            self.pool = nn.Linear(WIDTH, WIDTH)
            self.head = nn.Linear(WIDTH, CLASSES)

        def forward(self, tokens):
            x = self.norm(self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1], device=tokens.device)))
            x = self.encoder(x)
            return self.head(torch.tanh(self.pool(x[:, 0])))

    return Bert()


def torch_side(torch: Any) -> TorchSide:
    F = torch.nn.functional
    model = bert(torch).eval()
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in data()]

    def loss(model, x, y):
        return F.cross_entropy(model(x), y)

    return TorchSide(model, lambda i: batches[i % len(batches)], loss)


def _jax_layer(state: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    linear = {part: lib.jax_linear(state, f"{name}.{part}") for part in ("self_attn.out_proj", "linear1", "linear2")}
    qkv = {
        "w": jnp.asarray(state[f"{name}.self_attn.in_proj_weight"].T),
        "b": jnp.asarray(state[f"{name}.self_attn.in_proj_bias"]),
    }
    return linear | {"qkv": qkv} | {part: lib.jax_norm(state, f"{name}.{part}") for part in ("norm1", "norm2")}


def _apply_layer(p: dict[str, Any], x: Any) -> Any:
    mixed = lib.linear(p["self_attn.out_proj"], lib.attention(lib.linear(p["qkv"], x), HEADS, False))
    x = lib.layer_norm(p["norm1"], x + mixed)
    hidden = jax.nn.gelu(lib.linear(p["linear1"], x), approximate=False)
    return lib.layer_norm(p["norm2"], x + lib.linear(p["linear2"], hidden))


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in data()]
    params = {
        "tokens": jnp.asarray(state["tokens.weight"]),
        "positions": jnp.asarray(state["positions.weight"]),
        "norm": lib.jax_norm(state, "norm"),
        "layers": [_jax_layer(state, f"encoder.layers.{i}") for i in range(LAYERS)],
        "pool": lib.jax_linear(state, "pool"),
        "head": lib.jax_linear(state, "head"),
    }

    def loss(params, tokens, y):
        p = params["train"]
        x = lib.layer_norm(p["norm"], p["tokens"][tokens] + p["positions"][: tokens.shape[1]])
        for each in p["layers"]:
            x = _apply_layer(each, x)
        logits = lib.linear(p["head"], jnp.tanh(lib.linear(p["pool"], x[:, 0])))
        return lib.next_token_loss(logits, y)

    return JaxSide({"train": params}, lambda i: batches[i % len(batches)], loss)
