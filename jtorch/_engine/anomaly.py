"""Anomaly detection: a backward that looks at each gradient as it is made, and stops at the first nan."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._engine.handle import read
from jtorch._engine.tape import force


class _State:
    enabled = False
    check_nan = True


state = _State()


def is_anomaly_enabled() -> bool:
    """Whether backward looks for nan."""
    return state.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection, where it is on, looks for nan."""
    return state.check_nan


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switches anomaly detection: a backward that makes nan then stops and names the function it was made in.

    Every gradient is computed and looked at on its own, which is slow.

    >>> import jtorch as torch
    >>> torch.set_anomaly_enabled(True)
    >>> torch.is_anomaly_enabled()
    True
    >>> torch.set_anomaly_enabled(False)
    """
    state.enabled, state.check_nan = bool(enabled), bool(check_nan)


def check(node: Any, results: Sequence) -> None:
    """RuntimeError when a gradient that a node sends on holds nan."""
    for place, result in enumerate(results or ()):
        if result is None:
            continue
        array = force(read(result))
        if jnp.issubdtype(array.dtype, jnp.inexact) and bool(jnp.isnan(array).any()):
            name = type(node).__name__
            warnings.warn(
                f"Error detected in {name}. No forward pass information available. Enable detect anomaly during "
                "forward pass for more information.",
                stacklevel=2,
            )
            raise RuntimeError(f"Function '{name}' returned nan values in its {place}th output.")
