"""Anomaly detection: a backward that looks at each gradient as it is made, and stops at the first nan."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._engine.handle import read
from jtorch._engine.tape import Tape, force, graph_watch
from jtorch._types.user_frame import inside_jtorch, warn


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

    The lines that made each node of the graph are kept, and every gradient is computed and looked at on its own, which
    is slow.

    >>> import jtorch as torch
    >>> torch.set_anomaly_enabled(True)
    >>> torch.is_anomaly_enabled()
    True
    >>> torch.set_anomaly_enabled(False)
    """
    graph_watch.active += bool(enabled) - state.enabled
    state.enabled, state.check_nan = bool(enabled), bool(check_nan)


def note(tape: Tape, node: Any) -> None:
    """Keeps the lines that made a node, and the node whose backward was running."""
    lines = [f for f in traceback.extract_stack() if not inside_jtorch(f.filename)]
    node.lines = "".join(traceback.format_list(lines))
    node.induced_by = None if tape.walk is None else tape.walk.node


def check(node: Any, results: Sequence) -> None:
    """RuntimeError when a gradient that a node sends on holds nan."""
    for place, result in enumerate(results or ()):
        if result is None:
            continue
        array = force(read(result))
        if jnp.issubdtype(array.dtype, jnp.inexact) and bool(jnp.isnan(array).any()):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {place}th output.")


def warn_of(node: Any) -> None:
    """Warns of the lines that made a node in which something went wrong."""
    found, did = "Error detected in", "caused the error"
    while node is not None:
        lines = getattr(node, "lines", None)
        if lines is None:
            warn(
                f"{found} {node.name()}. No forward pass information available. Enable detect anomaly during forward "
                "pass for more information."
            )
            return
        warn(f"{found} {node.name()}. Traceback of forward call that {did}:\n{lines}")
        found, did = "\n\nPrevious calculation was induced by", "induced the previous calculation"
        node = node.induced_by
