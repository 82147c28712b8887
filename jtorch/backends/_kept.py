"""Settings that a script may make and read, of libraries that XLA calls or does without: they are kept, and XLA chooses
its kernels as it does anyway."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any


class Settings(SimpleNamespace):
    """Named values; an attribute that is not among them cannot be set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            raise AttributeError(f"Unknown attribute {name}")
        self.__dict__[name] = value


def flags_of(values: dict[str, Any], *names: str) -> tuple[Callable, Callable]:
    """`set_flags`, which changes a module's settings and returns the old ones, and `flags`, which is for a block."""

    def set_flags(**given: Any) -> tuple:
        before = tuple(values[n] for n in names)
        for name, value in given.items():
            name = name.lstrip("_")
            if name not in names:
                raise TypeError(f"set_flags() got an unexpected keyword argument '{name}'")
            if value is not None:
                values[name] = value
        return before

    @contextlib.contextmanager
    def flags(**given: Any) -> Iterator[None]:
        """Settings for a `with` block."""
        before = set_flags(**given)
        try:
            yield
        finally:
            set_flags(**dict(zip(names, before, strict=True)))

    return set_flags, flags
