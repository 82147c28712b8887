"""Training a GPT: 4 layers, width 192, 6 heads, length 128, batch 8, AdamW."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workloads import _transformer as lib
from bench.workloads.base import JaxSide, TorchSide

LAYERS, WIDTH, HEADS, LENGTH, BATCH, VOCABULARY = 4, 192, 6, 128, 8, 96


def data() -> list[tuple[np.ndarray, np.ndarray]]:
    return lib.texts([LENGTH] * 4, BATCH, VOCABULARY)


def torch_side(torch: Any) -> TorchSide:
    return lib.torch_language_model(torch, lib.gpt(torch, LAYERS, WIDTH, HEADS, LENGTH, VOCABULARY), data())


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    return lib.jax_language_model(lib.jax_gpt(state, LAYERS), HEADS, data())
