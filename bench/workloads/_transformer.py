"""What the transformer workloads share: a pre-norm block and a GPT, as PyTorch source and by hand in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.workloads.base import JaxSide, TorchSide, generator

LR = 1e-3


def block(torch: Any, width: int, heads: int, causal: bool) -> Any:
    """A pre-norm transformer block; its hidden layer is four times as wide."""
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.proj = nn.Linear(width, width)
            self.norm2 = nn.LayerNorm(width)
            self.up = nn.Linear(width, 4 * width)
            self.down = nn.Linear(4 * width, width)

        def forward(self, x):
            n, length, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).split(width, dim=2)
            q = q.view(n, length, heads, width // heads).transpose(1, 2)
            k = k.view(n, length, heads, width // heads).transpose(1, 2)
            v = v.view(n, length, heads, width // heads).transpose(1, 2)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            x = x + self.proj(y.transpose(1, 2).reshape(n, length, width))
            return x + self.down(F.gelu(self.up(self.norm2(x))))

    return Block()


def gpt(torch: Any, layers: int, width: int, heads: int, length: int, vocabulary: int) -> Any:
    """A decoder-only language model: tokens (N, L) give logits (N, L, vocabulary)."""
    nn = torch.nn

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            self.positions = nn.Embedding(length, width)
            self.blocks = nn.ModuleList([block(torch, width, heads, True) for _ in range(layers)])
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, vocabulary, bias=False)

        def forward(self, x):
            x = self.tokens(x) + self.positions(torch.arange(x.shape[1], device=x.device))
            for each in self.blocks:
                x = each(x)
            return self.head(self.norm(x))

    return GPT()


def jax_linear(state: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    """Weights as (in, out), as JAX programs have them."""
    out = {"w": jnp.asarray(state[f"{name}.weight"].T)}
    if f"{name}.bias" in state:
        out["b"] = jnp.asarray(state[f"{name}.bias"])
    return out


def jax_norm(state: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    return {"scale": jnp.asarray(state[f"{name}.weight"]), "bias": jnp.asarray(state[f"{name}.bias"])}


def jax_block(state: dict[str, np.ndarray], name: str) -> dict[str, Any]:
    linear = {part: jax_linear(state, f"{name}.{part}") for part in ("qkv", "proj", "up", "down")}
    return linear | {part: jax_norm(state, f"{name}.{part}") for part in ("norm1", "norm2")}


def jax_gpt(state: dict[str, np.ndarray], layers: int) -> dict[str, Any]:
    """The parameters of ``gpt`` as a tree."""
    return {
        "tokens": jnp.asarray(state["tokens.weight"]),
        "positions": jnp.asarray(state["positions.weight"]),
        "blocks": [jax_block(state, f"blocks.{i}") for i in range(layers)],
        "norm": jax_norm(state, "norm"),
        "head": jax_linear(state, "head"),
    }


def linear(p: dict[str, Any], x: Any) -> Any:
    return x @ p["w"] + p["b"] if "b" in p else x @ p["w"]


def layer_norm(p: dict[str, Any], x: Any) -> Any:
    mean = jnp.mean(x, -1, keepdims=True)
    var = jnp.var(x, -1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"]


def attention(qkv: Any, heads: int, causal: bool) -> Any:
    """(N, L, 3 * width) gives (N, L, width)."""
    n, length, width = qkv.shape
    q, k, v = (x.reshape(n, length, heads, -1) for x in jnp.split(qkv, 3, -1))
    scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) * q.shape[-1] ** -0.5
    if causal:
        scores = jnp.where(jnp.tri(length, dtype=bool), scores, -jnp.inf)
    return jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), v).reshape(n, length, width // 3)


def apply_block(p: dict[str, Any], x: Any, heads: int, causal: bool) -> Any:
    x = x + linear(p["proj"], attention(linear(p["qkv"], layer_norm(p["norm1"], x)), heads, causal))
    hidden = jax.nn.gelu(linear(p["up"], layer_norm(p["norm2"], x)), approximate=False)
    return x + linear(p["down"], hidden)


def apply_gpt(p: dict[str, Any], tokens: Any, heads: int) -> Any:
    x = p["tokens"][tokens] + p["positions"][: tokens.shape[1]]
    for each in p["blocks"]:
        x = apply_block(each, x, heads, True)
    return linear(p["head"], layer_norm(p["norm"], x))


def next_token_loss(logits: Any, targets: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()


def texts(lengths: list[int], batch: int, vocabulary: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random tokens and, one place later, what is to be predicted: a batch for each length."""
    rows = [generator(i).integers(vocabulary, size=(batch, length + 1)) for i, length in enumerate(lengths)]
    return [(row[:, :-1].copy(), row[:, 1:].copy()) for row in rows]


def torch_language_model(torch: Any, model: Any, texts: list[tuple[np.ndarray, np.ndarray]]) -> TorchSide:
    """Training a model that predicts the next token, with AdamW."""
    F = torch.nn.functional
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in texts]

    def loss(model, x, y):
        logits = model(x)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), y.view(-1))

    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    return TorchSide(model, lambda i: batches[i % len(batches)], loss, optimizer)


def jax_language_model(params: dict[str, Any], heads: int, texts: list[tuple[np.ndarray, np.ndarray]]) -> JaxSide:
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in texts]

    def loss(params, x, y):
        return next_token_loss(apply_gpt(params["train"], x, heads), y)

    return JaxSide({"train": params}, lambda i: batches[i % len(batches)], loss, optax.adamw(LR, weight_decay=1e-2))
