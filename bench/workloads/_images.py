"""What the image workloads share: pictures, and the layers of a CNN by hand in JAX, channels last."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from bench.workloads.base import JaxSide, TorchSide, generator

BATCHES = 4
EPSILON, MOMENTUM = 1e-5, 0.1  # of batch norm


def data(batch: int, channels: int, side: int, classes: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = generator()
    return [
        (rng.standard_normal((batch, channels, side, side), np.float32), rng.integers(classes, size=batch))
        for _ in range(BATCHES)
    ]


def torch_classifier(torch: Any, model: Any, pictures: list, optimizer: Any) -> TorchSide:
    batches = [(torch.tensor(x), torch.tensor(y)) for x, y in pictures]

    def loss(model, x, y):
        return torch.nn.functional.cross_entropy(model(x), y)

    return TorchSide(model, lambda i: batches[i % BATCHES], loss, optimizer)


def jax_classifier(params: dict, apply: Any, pictures: list, optimizer: Any, draws: bool = False) -> JaxSide:
    """``apply(train, state, x)`` gives logits and the new state."""
    batches = [(jnp.asarray(x.transpose(0, 2, 3, 1)), jnp.asarray(y)) for x, y in pictures]

    def loss(params, x, y):
        logits, state = apply(params["train"], params["state"], x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), {"state": state}

    return JaxSide(params, lambda i: batches[i % BATCHES], loss, optimizer, keeps=True, draws=draws)


def split(state: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """PyTorch's parameters as JAX's, what is trained and what batch norm keeps; weights become (..., in, out)."""
    found: dict[str, dict[str, np.ndarray]] = {"train": {}, "state": {}}
    for name, value in state.items():
        if name.endswith(("running_mean", "running_var")):
            found["state"][name] = value
        elif not name.endswith("num_batches_tracked"):
            found["train"][name] = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
    return found


def conv(x: Any, weight: Any, stride: int = 1, padding: int = 0, groups: int = 1) -> Any:
    return lax.conv_general_dilated(
        x,
        weight,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def batch_norm(train: dict, state: dict, new: dict, name: str, x: Any) -> Any:
    """Normalises with the batch's statistics and puts the running ones into ``new``."""
    count = x.size // x.shape[-1]
    mean = jnp.mean(x, (0, 1, 2))
    var = jnp.mean(jnp.square(x), (0, 1, 2)) - jnp.square(mean)
    for kind, value in (("mean", mean), ("var", var * count / (count - 1))):
        key = f"{name}.running_{kind}"
        new[key] = (1 - MOMENTUM) * state[key] + MOMENTUM * lax.stop_gradient(value)
    scale = train[f"{name}.weight"] * lax.rsqrt(var + EPSILON)
    return (x - mean) * scale + train[f"{name}.bias"]


def max_pool(x: Any, window: int) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, window, window, 1), (1, window, window, 1), "VALID")


def linear(train: dict, name: str, x: Any) -> Any:
    return x @ train[f"{name}.weight"] + train[f"{name}.bias"]
