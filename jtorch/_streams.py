"""torch.Stream and torch.Event, for any device.

XLA puts a device's programs in order itself, so every stream of a device is the same one: what a program says about
streams holds, and it gains no concurrency from them. What was recorded on the tape starts when a stream or an event
is asked about it.

https://docs.pytorch.org/docs/stable/generated/torch.Stream.html
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

from jtorch._declare.placement import placed
from jtorch._engine import backend
from jtorch._engine.flush import end_of_work
from jtorch._types.device import device as device_type

_events = itertools.count(1)


def synchronize(place: device_type) -> None:
    """Starts what was recorded and waits until the device has done it."""
    end_of_work()
    backend.wait_for(place)


class _Entered(threading.local):
    """The streams that `with` blocks of this thread chose, by device."""

    def __init__(self) -> None:
        self.streams: dict[device_type, Stream] = {}


_entered = _Entered()


class Stream:
    """A queue of a device's work; all of a device's are the same queue here.

    >>> import jtorch as torch
    >>> stream = torch.Stream("cpu")
    >>> with stream:
    ...     x = torch.ones(2) + 1
    >>> stream.synchronize()
    >>> stream.query()
    True
    """

    def __init__(self, device: Any = None, priority: int = 0, **given: Any) -> None:
        self.device = placed("cpu" if device is None else device)
        self.priority = priority
        self.stream_id = given.get("stream_id", 0)

    @property
    def device_index(self) -> int:
        """The number of its device; -1 for the CPU."""
        return -1 if self.device.index is None else self.device.index

    @property
    def device_type(self) -> str:
        """The type of its device."""
        return self.device.type

    def synchronize(self) -> None:
        """Waits for all work of the device."""
        synchronize(self.device)

    def query(self) -> bool:
        """Whether all work is done. It is waited for, so it is."""
        self.synchronize()
        return True

    def wait_event(self, event: Event) -> None:
        """Later work comes after the event, as it does anyway."""

    def wait_stream(self, stream: Stream) -> None:
        """Later work comes after the other stream's, as it does anyway on one device; on another, it is waited for."""
        if stream.device != self.device:
            stream.synchronize()

    def record_event(self, event: Event | None = None) -> Event:
        """An event, recorded now."""
        event = Event(self.device) if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        self._before = _entered.streams.get(self.device)
        _entered.streams[self.device] = self
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is None:
            _entered.streams.pop(self.device, None)
        else:
            _entered.streams[self.device] = self._before

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.device == self.device

    def __hash__(self) -> int:
        return hash(self.device)

    def __repr__(self) -> str:
        return (
            f"torch.Stream device_type={self.device.type}, device_index={self.device_index}, stream_id={self.stream_id}"
        )


class Event:
    """A point in a device's work: when it was reached, and how long it took from another.

    An event that takes times waits for the device when it is recorded: the host would be ahead of it otherwise.

    >>> import jtorch as torch
    >>> start, end = torch.Event("cpu", enable_timing=True), torch.Event("cpu", enable_timing=True)
    >>> start.record(); end.record()
    >>> start.elapsed_time(end) >= 0
    True
    """

    def __init__(
        self, device: Any = None, *, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self.device = placed("cpu" if device is None else device)
        self.enable_timing = enable_timing
        self.event_id = next(_events)
        self._seconds: float | None = None
        self._recorded = False

    def record(self, stream: Stream | None = None) -> None:
        """Puts the event after all work recorded so far."""
        if stream is not None:
            self.device = stream.device
        self._recorded = True
        if self.enable_timing:
            synchronize(self.device)
            self._seconds = time.perf_counter()
        else:
            end_of_work()

    def wait(self, stream: Stream | None = None) -> None:
        """Later work comes after the event, as it does anyway."""

    def query(self) -> bool:
        """Whether the event was reached. It is waited for, so it was."""
        self.synchronize()
        return True

    def synchronize(self) -> None:
        """Waits until the event is reached."""
        if self._recorded:
            synchronize(self.device)

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another; both need `enable_timing=True`."""
        if not (self.enable_timing and end_event.enable_timing):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if self._seconds is None or end_event._seconds is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return 1000 * (end_event._seconds - self._seconds)

    def __repr__(self) -> str:
        index = -1 if self.device.index is None else self.device.index
        place = f"device_type={self.device.type}, device_index={index}"
        return f"torch.Event {place}, event_flag=0, event_id={self.event_id}"


class StreamContext:
    """`with torch.cuda.stream(s)`: the block's work is the stream's; nothing for None."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self.stream.__enter__()

    def __exit__(self, *exc: object) -> None:
        if self.stream is not None:
            self.stream.__exit__(*exc)


def entered(place: device_type, otherwise: type[Stream]) -> Stream:
    """The stream of a device that a `with` block chose, else the device's own."""
    return _entered.streams.get(place) or otherwise(place)


def enter(stream: Stream) -> None:
    """Chooses a stream until another is chosen."""
    _entered.streams[stream.device] = stream
