"""The classes and functions that the user trusts files to name."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Trusted = Callable[..., Any] | tuple[Callable[..., Any], str]

_trusted: list[Trusted] = []


def add_safe_globals(safe_globals: Sequence[Trusted]) -> None:
    """Lets files loaded with ``weights_only=True`` name these functions and classes.

    An item is a class or function, or a pair of it and the full name that files have for it.
    Source: https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals

    >>> import jtorch as torch
    >>> torch.serialization.add_safe_globals([range])
    >>> torch.serialization.get_safe_globals()
    [<class 'range'>]
    >>> torch.serialization.clear_safe_globals()
    """
    _trusted.extend(item for item in safe_globals if item not in _trusted)


def get_safe_globals() -> list[Trusted]:
    """Returns what :func:`add_safe_globals` added.

    >>> import jtorch as torch
    >>> torch.serialization.get_safe_globals()
    []
    """
    return list(_trusted)


def clear_safe_globals() -> None:
    """Takes back what :func:`add_safe_globals` added.

    >>> import jtorch as torch
    >>> torch.serialization.clear_safe_globals()
    """
    _trusted.clear()


@contextlib.contextmanager
def safe_globals(safe_globals: Sequence[Trusted]) -> Iterator[None]:
    """Trusts these functions and classes, as :func:`add_safe_globals` does, for the length of a ``with`` block.

    >>> import jtorch as torch
    >>> with torch.serialization.safe_globals([range]):
    ...     torch.serialization.get_safe_globals()
    [<class 'range'>]
    """
    before = get_safe_globals()
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _trusted[:] = before


def trusted_by_name() -> dict[str, Any]:
    """Returns what is trusted, by the full names files have for it."""
    named = (item if isinstance(item, tuple) else (item, _full_name(item)) for item in _trusted)
    return {name: value for value, name in named}


def _full_name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
