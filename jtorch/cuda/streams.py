"""Streams and events of GPUs: see `jtorch/_streams.py` for what they mean here.

https://docs.pytorch.org/docs/stable/cuda.html#streams-and-events
"""

from __future__ import annotations

from typing import Any

from jtorch import _streams
from jtorch._accelerators import count, on
from jtorch._streams import StreamContext


class Stream(_streams.Stream):
    """A queue of a GPU's work; all of a GPU's are the same queue here."""

    def __init__(self, device: Any = None, priority: int = 0, **given: Any) -> None:
        if not count("cuda"):
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        super().__init__(on("cuda", device), priority, **given)

    cuda_stream = 0

    @staticmethod
    def priority_range() -> tuple[int, int]:
        """(0, 0): streams have no priorities."""
        return 0, 0

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """Not there: the streams of GPUs are XLA's."""

    def __init__(self, stream_ptr: int, device: Any = None, **kwargs: Any) -> None:
        raise NotImplementedError("the streams of GPUs are XLA's: work of other libraries cannot be put among jtorch's")


class Event(_streams.Event):
    """A point in a GPU's work.

    >>> import jtorch as torch
    >>> if torch.cuda.is_available():
    ...     start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    """

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, external: bool = False
    ) -> None:
        if not count("cuda"):
            raise RuntimeError("Tried to instantiate dummy base class Event")
        super().__init__(on("cuda"), enable_timing=enable_timing, blocking=blocking, interprocess=interprocess)

    def __repr__(self) -> str:
        return f"<torch.cuda.Event {self.event_id:#x}>" if self._recorded else "<torch.cuda.Event uninitialized>"


def stream(stream: Stream | None) -> StreamContext:
    """A `with` block whose work is the stream's."""
    return StreamContext(stream)


def set_stream(stream: Stream | None) -> None:
    """Chooses a stream; all of a GPU's are the same one."""
    if stream is not None:
        _streams.enter(stream)


def current_stream(device: Any = None) -> Stream:
    """The stream that work of a GPU goes to."""
    _needed()
    return _streams.entered(on("cuda", device), Stream)  # type: ignore[return-value]  # made by the class given


def default_stream(device: Any = None) -> Stream:
    """A GPU's own stream."""
    _needed()
    return Stream(on("cuda", device))


def _needed() -> None:
    if not count("cuda"):
        raise AssertionError("Torch not compiled with CUDA enabled")


__all__ = ["Event", "ExternalStream", "Stream", "StreamContext", "current_stream", "default_stream", "set_stream",
           "stream"]  # fmt: skip
