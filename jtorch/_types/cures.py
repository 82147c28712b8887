"""What to write instead: notes below torch's sentences (PEP 678), so that type and text of an error stay torch's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")


def cured(error: E, cure: str) -> E:
    """The error with a note.

    >>> cured(ValueError("step must be greater than zero"), "x.flip(0) turns x around").__notes__
    ['jtorch: x.flip(0) turns x around']
    """
    error.add_note(f"jtorch: {cure}")
    return error


def cure(text: str) -> Callable[[Callable[P, E]], Callable[P, E]]:
    """For a function that makes an error: the note that goes with its sentence."""

    def of(sentence: Callable[P, E]) -> Callable[P, E]:
        @wraps(sentence)
        def make(*args: P.args, **kwargs: P.kwargs) -> E:
            return cured(sentence(*args, **kwargs), text)

        return make

    return of
