"""CUDA graphs: not there, since all of eager code runs as compiled programs.

https://docs.pytorch.org/docs/stable/cuda.html#graphs-beta
"""

from __future__ import annotations

from typing import Any, NoReturn

_WORDS = "CUDA graphs are not there: jtorch runs eager code as compiled programs; leave the capture away"


def is_current_stream_capturing() -> bool:
    """False: nothing captures a stream."""
    return False


class CUDAGraph:
    """Not there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(_WORDS)


class graph:
    """Not there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(_WORDS)


def graph_pool_handle() -> NoReturn:
    """Not there."""
    raise NotImplementedError(_WORDS)


def make_graphed_callables(*args: Any, **kwargs: Any) -> NoReturn:
    """Not there."""
    raise NotImplementedError(_WORDS)
