"""torch.tensor's reading of Python data: nested sequences, numbers, NumPy scalars, small tensors.

The dtype is that of the elements promoted together; Python floats count as the default dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jtorch._declare import Handle, cured, errors, to_host
from jtorch._declare.once import warn_of_graph, warn_once
from jtorch._declare.promote import promote_types
from jtorch._declare.types import BOOL, COMPLEX, FLOAT, INT, bool_, dtype, from_numpy, get_default_dtype, int64, uint64

_PYTHON = {bool: "b", int: "i", float: "f", complex: "c"}


def array_of(data: Any, wish: dtype | None) -> np.ndarray:
    """A new NumPy array of the right dtype; ValueError for ragged lists, RuntimeError for what has no dtype."""
    if isinstance(data, str):
        raise cured(
            TypeError(f"new(): invalid data type '{errors.type_name(data)}'"),
            "texts become numbers first: float(text), or an index for each word",
        )
    leaves = data if _is_sequence(data) else (data,)
    kinds: set[type] = set()
    shape = _shape_and_kinds(leaves, kinds, 1 if _is_sequence(data) else 0)
    if not _is_sequence(data):
        shape = ()
    found = wish or _common_dtype(kinds, leaves)
    if kinds - _PYTHON.keys():
        data = _plain(data)
    return _converted(data, shape, kinds, found, wish is not None)


def _is_sequence(x: Any) -> bool:
    return (isinstance(x, Sequence) and not isinstance(x, (str, bytes))) or _is_dimensioned(x)


def _is_dimensioned(x: Any) -> bool:
    return (isinstance(x, np.ndarray) and x.ndim > 0) or (isinstance(x, Handle) and x._v.aval.size != 1)


def _shape_and_kinds(row: Any, kinds: set[type], depth: int) -> tuple[int, ...]:
    """The shape of nested sequences by their first items, held against all others."""
    if isinstance(row, np.ndarray):
        kinds.add(type(row[(0,) * row.ndim]) if row.size else row.dtype.type)
        return row.shape
    if isinstance(row, Handle):
        raise errors.number_many("torch.stack(list) makes one tensor of a list of tensors")
    found = set(map(type, row))
    if found <= _PYTHON.keys():
        kinds |= found
        return (len(row),)
    if not row:
        return (0,)
    if not _is_sequence(row[0]):
        for item in row:
            _check_leaf(item, depth)
        kinds |= found
        return (len(row),)
    if all(isinstance(item, np.ndarray) for item in row) and depth == 1:
        warn_once(
            "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider converting the list to "
            "a single numpy.ndarray with numpy.array() before converting to a tensor."
        )
    inner: tuple[int, ...] | None = None
    for item in row:
        if not _is_sequence(item):
            raise TypeError("not a sequence")
        shape = _shape_and_kinds(item, kinds, depth + 1)
        inner = shape if inner is None else inner
        for at, (expected, got) in enumerate(zip(inner, shape, strict=False)):
            if expected != got:
                raise cured(
                    ValueError(f"expected sequence of length {expected} at dim {depth + at} (got {got})"),
                    "rows must have one length: torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for "
                    "row in rows], batch_first=True)",
                )
        if len(shape) != len(inner):
            raise TypeError("not a sequence")
    assert inner is not None
    return (len(row), *inner)


def _check_leaf(item: Any, depth: int) -> None:
    if isinstance(item, str) and depth:
        raise ValueError(f"too many dimensions '{type(item).__name__}'")
    if _is_sequence(item):
        raise TypeError(f"'{type(item).__name__}' object cannot be interpreted as an integer")
    if not isinstance(item, (bool, int, float, complex, np.generic, np.ndarray)) and not isinstance(item, Handle):
        raise errors.dtype_not_inferred(item)


def _common_dtype(kinds: set[type], leaves: Any) -> dtype:
    """The leaves' types promoted together."""
    found = None
    for kind in kinds:
        for one in _dtypes_of(kind, leaves):
            found = one if found is None else promote_types(found, one)
    return found or get_default_dtype()


def _dtypes_of(kind: type, leaves: Any) -> list[dtype]:
    if kind in _PYTHON:
        default = get_default_dtype()
        return [{"b": bool_, "i": int64, "f": default, "c": default.to_complex()}[_PYTHON[kind]]]
    if issubclass(kind, np.generic):
        return [from_numpy(np.dtype(kind))]
    if issubclass(kind, (bool, int, float, complex)):
        return _dtypes_of(next(k for k in _PYTHON if issubclass(kind, k)), leaves)
    found: set[dtype] = set()
    _tensor_dtypes(leaves, kind, found)
    return list(found)


def _tensor_dtypes(row: Any, kind: type, found: set[dtype]) -> None:
    for item in row:
        if isinstance(item, kind):
            found.add(item._v.aval.dtype if isinstance(item, Handle) else from_numpy(item.dtype))
        elif _is_sequence(item):
            _tensor_dtypes(item, kind, found)


def _plain(data: Any) -> Any:
    """Tensors and NumPy values as Python numbers."""
    if isinstance(data, Handle):
        warn_of_graph(data)
        return to_host(data).reshape(()).item()
    if isinstance(data, np.generic):
        return data.item()
    if isinstance(data, np.ndarray):
        return data.tolist()
    return [_plain(item) for item in data] if _is_sequence(data) else data


def _converted(data: Any, shape: tuple[int, ...], kinds: set[type], to: dtype, wished: bool) -> np.ndarray:
    if not kinds:
        return np.zeros(shape, to.np)
    if BOOL < to.category < COMPLEX and complex in kinds:
        whole = "an integer is required" if to is uint64 else "'complex' object cannot be interpreted as an integer"
        raise TypeError(whole if to.category == INT else "must be real number, not complex")
    try:
        wide = np.array(data)
    except OverflowError:
        wide = np.array(data, dtype=object)
    if wide.dtype == object or (wide.dtype == np.uint64 and to.np != np.uint64):
        if to.category == FLOAT:
            return np.array(data, dtype=np.float64).astype(to.np).reshape(shape)
        raise ValueError("Overflow when unpacking long long")
    if to.category == INT and wished:
        _check_range(wide, to)
    with np.errstate(over="ignore", invalid="ignore"):
        return wide.astype(to.np).reshape(shape)


def _check_range(wide: np.ndarray, to: dtype) -> None:
    if not wide.size or wide.dtype == np.bool_:
        return
    limits = np.iinfo(to.np)
    low = -int(limits.max) - 1 if limits.min == 0 else int(limits.min)
    least, most = wide.min(), wide.max()
    if not (low <= least and most <= int(limits.max)):
        raise errors.value_overflow(to.name)
