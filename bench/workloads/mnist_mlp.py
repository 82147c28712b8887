"""Training an MLP of MNIST's size: 784-256-128-10, batch 64, Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workloads import _mlp
from bench.workloads.base import JaxSide, TorchSide

WIDTHS, BATCH = (784, 256, 128, 10), 64


def torch_side(torch: Any) -> TorchSide:
    return _mlp.torch_side(torch, WIDTHS, BATCH)


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    return _mlp.jax_side(state, WIDTHS, BATCH)
