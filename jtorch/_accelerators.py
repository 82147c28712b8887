"""What torch.cuda, torch.accelerator and torch.cpu ask of devices, by their type: counts, the current one, memory.

Memory is what JAX says: the numbers of its allocator, and zeros where it keeps none.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from jtorch._declare.placement import current_index, placed, set_current_index
from jtorch._engine import backend
from jtorch._types.device import device as device_type

_peaks: dict[device_type, tuple[int, int]] = {}  # JAX's peak when the statistics were reset, and the most seen since


def count(kind: str) -> int:
    """How many devices of a type there are."""
    return len(backend.devices_of(kind))


def on(kind: str, device: Any = None) -> device_type:
    """The device an argument means: None the current one, a number, a name or a `torch.device`."""
    if device is None or (isinstance(device, int) and device < 0):
        return placed(device_type(kind, current_index(kind)))
    found = device_type(kind, device) if isinstance(device, int) else device_type(device)
    if found.type != kind:
        raise ValueError(f"Expected a {kind} device, but got: {found}")
    return placed(found)


def choose(kind: str, device: Any) -> None:
    """Makes a device the current one of its type; a negative number changes nothing."""
    if isinstance(device, int) and device < 0:
        return
    found = on(kind, device)
    set_current_index(kind, found.index or 0)


class Chosen:
    """A `with` block in which a device is the current one of its type."""

    def __init__(self, kind: str, index: int) -> None:
        self.kind, self.idx, self.prev_idx = kind, index, -1

    def __enter__(self) -> None:
        self.prev_idx = current_index(self.kind)
        choose(self.kind, self.idx)

    def __exit__(self, *exc: object) -> bool:
        set_current_index(self.kind, self.prev_idx)
        return False


def allocated(place: device_type) -> int:
    """Bytes that arrays and programs take now."""
    return backend.memory_stats(place).get("bytes_in_use", 0)


def most_allocated(place: device_type) -> int:
    """The most bytes taken at once: since the start, or since `reset_peak`. JAX's own peak cannot be set back, so after
    that it is the most that was taken when anybody asked, until the old peak is passed."""
    stats = backend.memory_stats(place)
    peak, now = stats.get("peak_bytes_in_use", 0), stats.get("bytes_in_use", 0)
    if place not in _peaks:
        return peak
    before, seen = _peaks[place]
    seen = peak if peak > before else max(seen, now)
    _peaks[place] = (before, seen)
    return seen


def reset_peak(place: device_type) -> None:
    """Starts `most_allocated` anew."""
    stats = backend.memory_stats(place)
    _peaks[place] = (stats.get("peak_bytes_in_use", 0), stats.get("bytes_in_use", 0))


def reserved(place: device_type) -> int:
    """Bytes the allocator holds, used or not."""
    stats = backend.memory_stats(place)
    return max(stats.get("pool_bytes", 0), stats.get("bytes_reserved", 0), stats.get("bytes_in_use", 0))


def most_reserved(place: device_type) -> int:
    """The most bytes the allocator held at once."""
    return max(backend.memory_stats(place).get("peak_pool_bytes", 0), most_allocated(place), reserved(place))


def limit(place: device_type) -> int:
    """Bytes the process may take of a device's memory; 0 where JAX does not say."""
    return backend.memory_stats(place).get("bytes_limit", 0)


def stats(place: device_type) -> OrderedDict[str, int]:
    """The numbers under torch's names, as far as JAX has them."""
    found = backend.memory_stats(place)
    names = {
        "active_bytes.all.current": allocated(place),
        "active_bytes.all.peak": most_allocated(place),
        "allocated_bytes.all.current": allocated(place),
        "allocated_bytes.all.peak": most_allocated(place),
        "allocation.all.current": found.get("num_allocs", 0),
        "largest_alloc_size": found.get("largest_alloc_size", 0),
        "num_alloc_retries": 0,
        "num_ooms": 0,
        "reserved_bytes.all.current": reserved(place),
        "reserved_bytes.all.peak": most_reserved(place),
    }
    return OrderedDict(names)


def name_of(place: device_type) -> str:
    """What JAX calls a device."""
    return backend.devices_of(place.type)[place.index or 0].device_kind


def capability(place: device_type) -> tuple[int, int]:
    """A GPU's compute capability; (0, 0) where JAX knows none."""
    text = getattr(backend.devices_of(place.type)[place.index or 0], "compute_capability", None) or "0.0"
    major, _, minor = str(text).partition(".")
    return int(major), int(minor or 0)
