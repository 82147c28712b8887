"""What to write instead: notes below torch's sentences (PEP 678), so that type and text of an error stay torch's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")

_OURS = "jtorch: "


def cured(error: E, cure: str) -> E:
    """The error with a note, in the place of one that was made where less was known.

    >>> cured(ValueError("step must be greater than zero"), "x.flip(0) turns x around").__notes__
    ['jtorch: x.flip(0) turns x around']
    """
    if hasattr(error, "__notes__"):
        error.__notes__ = [note for note in error.__notes__ if not note.startswith(_OURS)]
    error.add_note(_OURS + cure)
    return error


def cure(text: str) -> Callable[[Callable[P, E]], Callable[P, E]]:
    """For a function that makes an error: the note that goes with its sentence."""

    def of(sentence: Callable[P, E]) -> Callable[P, E]:
        @wraps(sentence)
        def make(*args: P.args, **kwargs: P.kwargs) -> E:
            return cured(sentence(*args, **kwargs), text)

        return make

    return of
