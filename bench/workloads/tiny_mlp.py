"""Training an MLP of the size that reinforcement learning uses: 4-16-2, batch 16, Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.workloads import _mlp
from bench.workloads.base import JaxSide, TorchSide

WIDTHS, BATCH = (4, 16, 2), 16


def torch_side(torch: Any) -> TorchSide:
    return _mlp.torch_side(torch, WIDTHS, BATCH)


def jax_side(state: dict[str, np.ndarray]) -> JaxSide:
    return _mlp.jax_side(state, WIDTHS, BATCH)
