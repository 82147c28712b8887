"""Training a ViT-tiny on 32x32 images: patches of 4, 6 layers, width 192, 3 heads, batch 32, AdamW."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide, generator

LAYERS, WIDTH, HEADS, SIDE, PATCH, BATCH, CLASSES = 6, 192, 3, 32, 4, 32, 10
PATCHES = (SIDE // PATCH) ** 2
LR = 1e-3


def data() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = generator()
    shape = (BATCH, 3, SIDE, SIDE)
    return [(rng.standard_normal(shape, np.float32), rng.integers(CLASSES, size=BATCH)) for _ in range(4)]


def vit(torch: Any) -> Any:
    nn = torch.nn

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)
            self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
            self.positions = nn.Parameter(torch.randn(1, PATCHES + 1, WIDTH) * 0.02)
            self.blocks = nn.ModuleList([lib.block(torch, WIDTH, HEADS, False) for _ in range(LAYERS)])
            self.norm = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, CLASSES)

        def forward(self, images):
            x = self.patches(images).flatten(2).transpose(1, 2)
            x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
            for each in self.blocks:
                x = each(x)
            return self.head(self.norm(x)[:, 0])

    return ViT()


def torch_side(torch: Any) -> TorchSide:
    F = torch.nn.functional
    model = vit(torch)
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in data()]

    def loss(model, x, y):
        return F.cross_entropy(model(x), y)

    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    return TorchSide(model, lambda i: batches[i % len(batches)], loss, optimizer)


def _patches(images: Any) -> Any:
    """(N, 3, side, side) as (N, patches, 3 * patch * patch)."""
    n, channels, side, _ = images.shape
    x = images.reshape(n, channels, side // PATCH, PATCH, side // PATCH, PATCH)
    return x.transpose(0, 2, 4, 1, 3, 5).reshape(n, PATCHES, channels * PATCH * PATCH)


def _logits(p: dict[str, Any], images: Any) -> Any:
    x = lib.linear(p["patches"], _patches(images))
    token = jnp.broadcast_to(p["token"], (x.shape[0], 1, WIDTH))
    x = jnp.concatenate([token, x], 1) + p["positions"]
    for each in p["blocks"]:
        x = lib.apply_block(each, x, HEADS, False)
    return lib.linear(p["head"], lib.layer_norm(p["norm"], x[:, 0]))


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in data()]
    kernel = state["patches.weight"]
    params = {
        "patches": {
            "w": jnp.asarray(kernel.reshape(WIDTH, -1).T),
            "b": jnp.asarray(state["patches.bias"]),
        },
        "token": jnp.asarray(state["token"]),
        "positions": jnp.asarray(state["positions"]),
        "blocks": [lib.jax_block(state, f"blocks.{i}") for i in range(LAYERS)],
        "norm": lib.jax_norm(state, "norm"),
        "head": lib.jax_linear(state, "head"),
    }

    def loss(params, x, y):
        return lib.next_token_loss(_logits(params["train"], x), y)

    return JaxSide({"train": params}, lambda i: batches[i % len(batches)], loss, optax.adamw(LR, weight_decay=1e-2))
