"""Abstract values: what the tape knows of an array before it exists.

An `Aval` is interned: two arrays of one shape, dtype and device share one object, so the tape
compares and hashes them by identity.
"""

from __future__ import annotations

import math
from typing import Any

import jax

from jtorch._types import errors
from jtorch._types.device import cpu, device
from jtorch._types.dtype import dtype


class Aval:
    """Shape, dtype and device of one array. Made by `aval_of`, never directly."""

    __slots__ = ("device", "dtype", "nbytes", "ndim", "shape", "size", "struct")

    def __init__(self, shape: tuple[int, ...], dt: dtype, dev: device):
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = dt
        self.device = dev
        self.size = math.prod(shape)
        self.nbytes = self.size * dt.itemsize
        self.struct: Any = None if dt.np is None else jax.ShapeDtypeStruct(shape, dt.np)  # complex32 has none

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]@{self.device}"

    def __reduce__(self):
        return aval_of, (self.shape, self.dtype, self.device)


# What an op's operand is described by: an array, the type of a Python number, or nothing.
Spec = Aval | type | None

_table: dict[tuple[tuple[int, ...], dtype, device], Aval] = {}


def aval_of(shape: tuple[int, ...], dt: dtype, dev: device = cpu) -> Aval:
    """Returns the one `Aval` of this shape, dtype and device."""
    key = (shape, dt, dev)
    found = _table.get(key)
    if found is None:
        found = _table.setdefault(key, Aval(shape, dt, dev))
    return found


class NoData:
    """Stands where the array of a value on `meta` would be: whoever wants its elements meets torch's error."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise errors.meta_has_no_data()


NO_DATA = NoData()
