"""What a workload gives to the suite: once as PyTorch source, once as hand-written JAX.

Each file beside this one is one workload. ``torch_side(torch)`` takes ``torch`` or ``jtorch`` and writes the same plain
source for both; ``jax_side(state)`` takes the first one's initial parameters as NumPy arrays by their ``state_dict``
name, so that all sides compute the same losses, and writes the same mathematics as a JAX programmer would. The suite
derives forward, forward+backward and the whole training step from either. A workload whose batches differ in shape says
after how many they come again: ``PERIOD``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class TorchSide:
    """Plain eager source. ``loss(model, *batch(i))`` is the scalar that is read back after step ``i``.

    Without an optimizer the workload is inference: its step is ``loss`` under ``torch.no_grad()``, without backward.
    """

    model: Any
    batch: Callable[[int], tuple]
    loss: Callable[..., Any]
    optimizer: Any = None


@dataclass
class JaxSide:
    """Hand-written JAX. ``loss(params, *batch(i))`` is a scalar, or ``(scalar, new_params)`` with ``keeps=True`` for a
    model that keeps state of its own (batch norm's running statistics, passed among ``params`` as ``params["state"]``).

    ``optimizer`` is an optax transformation over ``params["train"]``. A workload whose loop is Python sets
    ``jit=False`` and jits inside. ``draws=True`` says that the loss depends on random numbers other than
    PyTorch's, so that losses agree only roughly.
    """

    params: dict[str, Any]
    batch: Callable[[int], tuple]
    loss: Callable[..., Any]
    optimizer: Any = None
    keeps: bool = False
    jit: bool = True
    draws: bool = False


def generator(seed: int = 0) -> np.random.Generator:
    """The source of a workload's data, the same on every side."""
    return np.random.default_rng(seed)
