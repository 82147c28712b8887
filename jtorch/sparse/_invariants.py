"""What indices and values must fulfil to be a sparse tensor, and whether that is checked.

https://docs.pytorch.org/docs/stable/generated/torch.sparse.check_sparse_tensor_invariants.html
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch._declare import to_host
from jtorch._types import layout
from jtorch.sparse._pattern import BLOCKED, BY_ROWS

_checking = [False]


class check_sparse_tensor_invariants:
    """Whether constructors check what they are given: a `with` block, a decorator, or `enable()` for the process.

    https://docs.pytorch.org/docs/stable/generated/torch.sparse.check_sparse_tensor_invariants.html

    >>> import jtorch as torch
    >>> with torch.sparse.check_sparse_tensor_invariants():
    ...     torch.sparse.check_sparse_tensor_invariants.is_enabled()
    True
    """

    def __init__(self, enable: bool = True):
        self.state = enable
        self.saved_state: bool | None = None

    @staticmethod
    def is_enabled() -> bool:
        """True while constructors check."""
        return _checking[0]

    @staticmethod
    def enable() -> None:
        """From now on constructors check."""
        _checking[0] = True

    @staticmethod
    def disable() -> None:
        """From now on constructors do not check."""
        _checking[0] = False

    def __enter__(self) -> None:
        if self.saved_state is not None:
            raise RuntimeError(
                "This context manager instance is already activated. Use a different context manager instance for "
                "context nesting."
            )
        self.saved_state, _checking[0] = _checking[0], self.state

    def __exit__(self, *exc: object) -> None:
        if self.saved_state is None:
            raise AssertionError("saved_state is None when exiting context manager")
        _checking[0], self.saved_state = self.saved_state, None

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return function(*args, **kwargs)

        return checked


def enabled(wish: bool | None) -> bool:
    """What `check_invariants=` means."""
    return _checking[0] if wish is None else bool(wish)


# COO


def inferred_size(index: Any, values: Any) -> tuple[int, ...]:
    """The smallest shape that holds all indices."""
    found = to_host(index)
    if found.size:
        lowest = found.min(1)
        for dim, least in enumerate(lowest):
            if least < 0:
                raise RuntimeError(f"found negative index {least} for dim {dim}")
    sizes = found.max(1) + 1 if found.size else np.zeros(len(found), np.int64)
    return (*map(int, sizes), *values.shape[1:])


def check_dims(shape: tuple[int, ...], sparse_dim: int, dense_dim: int) -> None:
    """Whether a size has as many dimensions as its parts together."""
    if len(shape) != sparse_dim + dense_dim:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, sparse_dim = "
            f"{sparse_dim}, dense_dim = {dense_dim}"
        )


def check_coo_shapes(shape: tuple[int, ...], index: Any, values: Any) -> None:
    """Whether size, indices and values belong together."""
    sparse_dim = index.shape[0]
    check_dims(shape, sparse_dim, values.ndim - 1)
    if index.shape[1] != values.shape[0]:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {index.shape[1]}, nnz from values: "
            f"{values.shape[0]}"
        )
    wanted = [values.shape[0], *shape[sparse_dim:]]
    if list(values.shape) != wanted:
        raise RuntimeError(f"values has incorrect size, expected {wanted}, got {list(values.shape)}")


def check_indices(shape: tuple[int, ...], index: Any) -> None:
    """Whether every index is within its dimension."""
    found = to_host(index)
    if not found.size:
        return
    for dim, row in enumerate(found):
        if row.min() < 0:
            raise RuntimeError(f"found negative index {row.min()} for dim {dim}")
        if row.max() >= shape[dim]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {dim}, size is {shape[dim]} but found index {row.max()}"
            )


# Compressed layouts


def names(kind: layout) -> tuple[str, str]:
    """What torch calls the compressed and the plain indices."""
    return ("crow_indices", "col_indices") if kind in BY_ROWS else ("ccol_indices", "row_indices")


def compressed_size(kind: layout, index: tuple, values: Any) -> tuple[int, ...]:
    """The smallest shape that holds all indices."""
    compressed, plain = index
    batch = plain.shape[:-1]
    lead = plain.ndim
    height, width = values.shape[lead : lead + 2] if kind in BLOCKED else (1, 1)
    lines = compressed.shape[-1] - 1
    found = to_host(plain)
    across = int(found.max()) + 1 if found.size else 0
    rows, columns = (lines, across) if kind in BY_ROWS else (across, lines)
    dense = values.shape[lead + (2 if kind in BLOCKED else 0) :]
    return (*batch, rows * height, columns * width, *dense)


def check_compressed(kind: layout, index: tuple, values: Any, shape: tuple[int, ...]) -> None:
    """torch's errors for parts that are no compressed tensor."""
    compressed, plain = index
    long, short = names(kind)
    block = 2 if kind in BLOCKED else 0
    _need(compressed.ndim >= 1, f"{long} must have dimensionality >= 1 but got {compressed.ndim}")
    _need(plain.ndim >= 1, f"{short} must have dimensionality >= 1 but got {plain.ndim}")
    _need(compressed.ndim == plain.ndim,
          f"{long} and {short} dimensionalities must be equal but got {compressed.ndim} and {plain.ndim}, "
          "respectively")  # fmt: skip
    batch = compressed.ndim - 1
    dense = values.ndim - batch - block - 1
    _need(values.ndim > batch + block,
          f"values must have dimensionality > sum of batch and block dimensionalities (={batch} + {block}) but got "
          f"{values.ndim}")  # fmt: skip
    _need(len(shape) == batch + 2 + dense,
          f"tensor dimensionality must be sum of batch, base, and dense dimensionalities (={batch} + 2 + {dense}) but "
          f"got {len(shape)}")  # fmt: skip
    nnz = values.shape[batch]
    _need(plain.shape[-1] == nnz,
          f"{short}.shape[-1] must be equal to nnz (={nnz}) as defined by values.shape[{batch}], but got "
          f"{plain.shape[-1]}")  # fmt: skip
    blocksize = values.shape[batch + 1 : batch + 3] if block else (1, 1)
    for d in range(2 if block else 0):
        _need(shape[batch + d] % blocksize[d] == 0,
              f"tensor shape[{batch + d}] (={shape[batch + d]}) must be divisible with blocksize[{d}] "
              f"(={blocksize[d]}) as defined by values shape")  # fmt: skip
    by_rows = kind in BY_ROWS
    lines = shape[batch + (not by_rows)] // blocksize[not by_rows]
    across = shape[batch + by_rows] // blocksize[by_rows]
    line_word, across_word = _words(kind)
    _need(compressed.shape[-1] == lines + 1,
          f"{long}.shape[-1] must be equal to the number of {line_word} + 1 (={lines + 1}), but got "
          f"{compressed.shape[-1]}")  # fmt: skip
    _need(compressed.dtype is plain.dtype,
          f"{long} and {short} must have the same dtype, bot got {compressed.dtype.type_name} and "
          f"{plain.dtype.type_name}, respectively")  # fmt: skip
    _need(plain.dtype.name in ("int32", "int64"),
          f"{long} and {short} dtype must be Int or Long, but got {plain.dtype.type_name}")  # fmt: skip
    _check_numbers(kind, to_host(compressed), to_host(plain), nnz, across, across_word)


def _words(kind: layout) -> tuple[str, str]:
    """What the compressed dimension and the other one count."""
    lines, across = ("rows", "ncols") if kind in BY_ROWS else ("columns", "nrows")
    if kind in BLOCKED:
        return f"{lines[:-1]} blocks", f"{across}blocks"[0] + across[1:-1] + "blocks"
    return lines, across


def _check_numbers(
    kind: layout, compressed: np.ndarray, plain: np.ndarray, nnz: int, across: int, across_word: str
) -> None:
    long, short = names(kind)
    lines = "nrows" if kind in BY_ROWS else "ncols"
    steps = np.diff(compressed, axis=-1)
    _need((compressed[..., 0] == 0).all(), f"`{long}[..., 0] == 0` is not satisfied.")
    _need((compressed[..., -1] == nnz).all(), f"`{long}[..., -1] == nnz` is not satisfied.")
    _need(((plain >= 0) & (plain < across)).all(), f"`0 <= {short} < {across_word}` is not satisfied.")
    within = f"`{short}[..., {long}[..., i - 1]:{long}[..., i]] for all i = 1, ..., {lines}"
    unsorted = f"{within} are sorted and distinct along the last dimension values` is not satisfied."
    for starts, row in zip(
        compressed.reshape(-1, compressed.shape[-1]), plain.reshape(-1, plain.shape[-1]), strict=True
    ):
        for first, last in itertools.pairwise(starts):
            _need((np.diff(row[first:last]) > 0).all(), unsorted)
    _need(((steps >= 0) & (steps <= across)).all(),
          f"`0 <= {long}[..., 1:] - {long}[..., :-1] <= {across_word}` is not satisfied.")  # fmt: skip


def _need(fulfilled: Any, sentence: str) -> None:
    if not fulfilled:
        raise RuntimeError(sentence)
