"""Training a small GPT, each step on another of 97 lengths: 2 layers, width 64, 4 heads, batch 8, AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide, generator

LAYERS, WIDTH, HEADS, BATCH, VOCABULARY = 2, 64, 4, 8, 96
SHORTEST, LONGEST = 32, 128
PERIOD = LONGEST - SHORTEST + 1


def data() -> list[tuple[np.ndarray, np.ndarray]]:
    lengths = generator().permutation(np.arange(SHORTEST, LONGEST + 1)).tolist()
    return lib.texts(lengths, BATCH, VOCABULARY)


def torch_side(torch: Any) -> TorchSide:
    return lib.torch_language_model(torch, lib.gpt(torch, LAYERS, WIDTH, HEADS, LONGEST, VOCABULARY), data())


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    return lib.jax_language_model(lib.jax_gpt(state, LAYERS), HEADS, data())
