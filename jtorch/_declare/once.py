"""Warnings torch gives once in a process, or each time after `torch.set_warn_always(True)`."""

from __future__ import annotations

import warnings

_given: set[str] = set()
_always = [False]


def warn_once(message: str, level: int = 2) -> None:
    """Warns at the caller's caller; `level` counts as `stacklevel` of `warnings.warn` does there."""
    if _always[0] or message not in _given:
        _given.add(message)
        warnings.warn(message, stacklevel=level + 1)


def set_warn_always(b: bool, /) -> None:
    """Says whether warnings that come once in a process come each time.

    >>> import jtorch as torch
    >>> torch.set_warn_always(False)
    """
    _always[0] = bool(b)


def is_warn_always_enabled() -> bool:
    """Whether warnings that come once in a process come each time."""
    return _always[0]
