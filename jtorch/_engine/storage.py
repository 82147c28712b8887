"""The mutable cell behind tensors that share memory.

A tensor alone is its own storage. A `Cell` is made when a second tensor (a view, a detached twin, a
NumPy array) comes to share it; from then on the truth is the cell's root value.

NumPy shares memory as in torch: while such an array lives, the truth is the host buffer. Reads take
a snapshot of it, in-place writes go into it at once.
"""

from __future__ import annotations

import weakref
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np

from jtorch._engine import backend
from jtorch._engine.aval import aval_of
from jtorch._engine.geometry import Chain, Geometry
from jtorch._engine.tape import Value, concrete, force
from jtorch._types.device import cpu
from jtorch._types.dtype import from_numpy


class Counter:
    """A version counter apart from the storage's: of `.data`, whose writes autograd does not see, or of a tensor that
    was given another storage."""

    __slots__ = ("seen", "version")

    def __init__(self, version: int, seen: bool):
        self.version = version
        self.seen = seen  # a backward sees its writes


class SharedCounter(Counter):
    """The counter of a storage, for a tensor that was on it and got another: it counts with those that stayed there,
    and does not keep their memory."""

    __slots__ = ("_cell", "_last")

    def __init__(self, cell: Cell):
        self._cell, self._last, self.seen = weakref.ref(cell), cell.version, True

    @property
    def version(self) -> int:  # type: ignore[override]  # a property in the place of a slot
        cell = self._cell()
        if cell is not None:
            self._last = cell.version
        return self._last

    @version.setter
    def version(self, number: int) -> None:
        cell, self._last = self._cell(), number
        if cell is not None:
            cell.version = number


class Place(NamedTuple):
    """Where a value was seen, so that a backward that saved it can tell what became of it: who counts its versions
    and how many there were, its storage, the view of it, and how often the storage had been written."""

    counter: Any
    version: int
    cell: Cell
    chain: Chain
    puts: int

    @classmethod
    def of(cls, x: Any) -> Place:
        """Where the value of a tensor on a shared storage is seen now."""
        cell = x._cell
        counter = x._counter or cell
        return cls(counter, counter.version, cell, x._chain, cell.puts)


class Cell:
    """One storage. `serial` changes with every new root value; `version` is torch's counter."""

    __slots__ = ("__weakref__", "_fixed", "_keep", "_value", "counted", "host", "puts", "serial", "version")

    def __init__(self, value: Value, version: int):
        self._value = value
        self.serial = self.puts = 0
        self.counted = 0  # the serial after the last write that raised the version
        self.version = version
        self.host: np.ndarray | None = None  # the owner of the shared memory, in the root's shape
        self._keep: Any = None
        self._fixed: np.ndarray | None = None  # memory whose address was given out: `data_ptr()` stays the same

    @classmethod
    def over(cls, array: np.ndarray) -> Cell:
        """The storage of `torch.from_numpy(array)`: the array's own memory."""
        cell = cls.__new__(cls)
        cell.serial = cell.counted = cell.version = cell.puts = 0
        cell.host = array
        cell._keep = _owner(array)
        cell._fixed = None
        cell._value = concrete(backend.to_jax(array, cpu), aval_of(array.shape, from_numpy(array.dtype), cpu))
        return cell

    @property
    def value(self) -> Value:
        """The root value; of shared memory a snapshot taken now."""
        if self.host is not None:
            self._snapshot()
        return self._value

    @property
    def plain(self) -> bool:
        """True when nobody holds the storage's memory or its address."""
        return self.host is None and self._fixed is None

    @property
    def resizable(self) -> bool:
        """False when NumPy holds the storage's memory."""
        host = self.host  # a reference that `_shared` counts with
        return host is None or host is self._fixed or not self._shared()

    @property
    def root_shape(self) -> tuple[int, ...]:
        return self._value.aval.shape

    def put(self, value: Value) -> None:
        """Replaces the root value. Shared memory is written before this returns."""
        self.serial += 1
        self.puts += 1
        if self.host is None:
            self._value = value
        else:
            self.host[...] = np.asarray(force(value))

    def export(self, geometry: Geometry, kind: np.dtype) -> np.ndarray:
        """A NumPy view of this storage read as `kind`; from now on its memory is the truth."""
        if self.host is None:
            if self._fixed is not None:
                self.address()
            else:
                self.host = self._keep = np.array(force(self._value), copy=True, order="C")
        host = self.host
        assert host is not None
        if not host.flags.c_contiguous:
            raise RuntimeError("jtorch: a view of non-contiguous NumPy memory cannot be exported; use .clone() first")
        flat = host.reshape(-1).view(kind)[geometry.offset :]
        return np.lib.stride_tricks.as_strided(
            flat, geometry.size, [s * kind.itemsize for s in geometry.stride], writeable=True
        )

    def address(self) -> int:
        """Where the storage's bytes lie: from now on its memory is the truth, and the address stays the same
        for its life. Who writes there must do so before the storage is read again."""
        if self.host is None:
            if self._fixed is None:
                self._fixed = np.empty(self._value.aval.shape, self._value.aval.dtype.np)
            self._fixed[...] = np.asarray(force(self._value))
            self.host = self._keep = self._fixed
        return self.host.ctypes.data

    def memory(self, geometry: Geometry) -> np.ndarray | None:
        """A part of the shared memory, to be copied at once; None when strides do not say where it lies."""
        if self.host is None or not self._shared() or not self.host.flags.c_contiguous:
            return None
        return self.export(geometry, self.host.dtype)

    def part(self, geometry: Geometry) -> Value | None:
        """A snapshot of a part of the shared memory; None when the whole must be taken."""
        memory = self.memory(geometry)
        if memory is None:
            return None
        return concrete(backend.to_jax(memory, cpu), aval_of(memory.shape, self._value.aval.dtype, cpu))

    def _snapshot(self) -> None:
        host = self.host
        assert host is not None
        self.serial += 1
        if self._shared():
            self._value = concrete(backend.to_jax(host, cpu), self._value.aval)
        elif host is self._fixed:
            self._value = concrete(backend.to_jax(host, cpu), self._value.aval)
            self.host = self._keep = None
        else:
            self._value = concrete(backend.adopt(np.asarray(host, order="C"), cpu), self._value.aval)
            self.host = self._keep = None

    def _shared(self) -> bool:
        """True while somebody else may still see the memory."""
        if not isinstance(self._keep, np.ndarray):
            return True
        if self._keep is self.host:
            return getrefcount(self._keep) - (self._fixed is self.host) > _HOST_REFS
        return getrefcount(self._keep) > _HOST_REFS or getrefcount(self.host) > _HOST_REFS - 1


def _owner(array: np.ndarray) -> Any:
    """What owns an array's memory: the end of its chain of bases."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array


def _calibrate() -> int:
    """Reference count of a host buffer nobody else sees: the cell's two fields and the call."""
    cell = Cell.__new__(Cell)
    cell.host = cell._keep = np.zeros(1)
    host = cell.host
    assert host is not None
    return getrefcount(cell._keep)


_HOST_REFS = _calibrate()
