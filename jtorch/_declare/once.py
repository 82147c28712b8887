"""Warnings: each time (`warn`), or once in a process and each time after `torch.set_warn_always(True)`."""

from __future__ import annotations

from typing import Any

from jtorch._engine.tape import threads
from jtorch._types.user_frame import warn as warn

_given: set[str] = set()
_always = [False]


def warn_once(message: str, key: str | None = None, ever: bool = False) -> None:
    """Warns at the user's line. Messages of one `key` count as one. `ever`: once whatever `set_warn_always` says."""
    always = _always[0] and not ever
    if always or (key or message) not in _given:
        if not always:
            _given.add(key or message)
        warn(message)


def warn_of_lost_part() -> None:
    """Warns that complex numbers become real ones."""
    warn_once("Casting complex values to real discards the imaginary part")


def warn_of_graph(t: Any) -> None:
    """Warns that a tensor of the autograd graph becomes a Python number."""
    if t._requires_grad and threads.tape.grad_enabled:
        warn_once(
            "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
            "Consider using tensor.detach() first."
        )


def set_warn_always(b: bool, /) -> None:
    """Says whether warnings that come once in a process come each time.

    >>> import jtorch as torch
    >>> torch.set_warn_always(False)
    """
    _always[0] = bool(b)


def is_warn_always_enabled() -> bool:
    """Whether warnings that come once in a process come each time."""
    return _always[0]
