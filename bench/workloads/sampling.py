"""Greedy sampling from a GPT without a cache: from 8 to 64 tokens, 2 layers, width 128, 4 heads, batch 4.

A step is the whole sampling; its loss is minus the mean log-probability of what was sampled.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide, generator

LAYERS, WIDTH, HEADS, BATCH, VOCABULARY = 2, 128, 4, 4, 96
PROMPT, END = 8, 64


def data() -> list[np.ndarray]:
    return [generator(i).integers(VOCABULARY, size=(BATCH, PROMPT)) for i in range(4)]


def torch_side(torch: Any) -> TorchSide:
    F = torch.nn.functional
    model = lib.gpt(torch, LAYERS, WIDTH, HEADS, END, VOCABULARY).eval()
    batches = [(torch.tensor(x),) for x in data()]

    def sample(model, tokens):
        total = 0.0
        for _ in range(END - PROMPT):
            log_p = F.log_softmax(model(tokens)[:, -1], dim=-1)
            best, token = log_p.max(dim=-1, keepdim=True)
            tokens = torch.cat([tokens, token], dim=1)
            total = total + best
        return -total.mean() / (END - PROMPT)

    return TorchSide(model, lambda i: batches[i % len(batches)], sample)


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    batches = [(jnp.asarray(x),) for x in data()]

    @jax.jit
    def extend(params, tokens, total):
        log_p = jax.nn.log_softmax(lib.apply_gpt(params["train"], tokens, HEADS)[:, -1])
        token = jnp.argmax(log_p, -1, keepdims=True)
        return jnp.concatenate([tokens, token], 1), total + jnp.max(log_p, -1, keepdims=True)

    def sample(params, tokens):
        total = jnp.zeros((BATCH, 1))
        for _ in range(END - PROMPT):
            tokens, total = extend(params, tokens, total)
        return -total.mean() / (END - PROMPT)

    return JaxSide({"train": lib.jax_gpt(state, LAYERS)}, lambda i: batches[i % len(batches)], sample, jit=False)
