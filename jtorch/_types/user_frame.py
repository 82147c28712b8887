"""The user's line: the innermost frame outside jtorch. Programs remember it, and warnings name it."""

from __future__ import annotations

import contextlib
import inspect
import os
import warnings
from types import FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_GENERATED = "<jtorch"
_CONTEXTLIB = contextlib.contextmanager.__code__.co_filename


def inside_jtorch(filename: str) -> bool:
    """True for a file of jtorch or code that it generated."""
    return filename.startswith((_PACKAGE, _GENERATED))


def _imports(filename: str) -> bool:
    """True for the frames of Python's import, which `warnings.warn` does not count; it knows them by these names."""
    return "importlib" in filename and "_bootstrap" in filename


def _user_frame(frame: FrameType | None) -> tuple[FrameType | None, int]:
    """The first frame outside jtorch, from `frame` outwards, and the `stacklevel` that names it in `frame`.

    `contextlib` is no user: it stands between one and jtorch's context managers.
    """
    level = 1
    while frame is not None:
        file = frame.f_code.co_filename
        if not _imports(file):
            if file != _CONTEXTLIB and not inside_jtorch(file):
                break
            level += 1
        frame = frame.f_back
    return frame, level


def user_line() -> str:
    """`file:line` of the innermost frame outside jtorch."""
    frame, _ = _user_frame(inspect.currentframe())
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the user's line, whatever frames of jtorch stand between: their number is not the same in each call."""
    _, level = _user_frame(inspect.currentframe())
    warnings.warn(message, category, stacklevel=level)
