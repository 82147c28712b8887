"""Where the specified elements of a sparse tensor are: host arithmetic on index tensors, which decide shapes.

COO: indices (sparse_dim, nnz), values (nnz, *dense). Compressed: compressed indices (*batch, n + 1) and plain indices
(*batch, nnz), values (*batch, nnz, *block, *dense). https://docs.pytorch.org/docs/stable/sparse.html
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

from jtorch._declare import from_host, to_host
from jtorch._types import layout, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr

BY_ROWS = (sparse_csr, sparse_bsr)
BLOCKED = (sparse_bsr, sparse_bsc)
COMPRESSED = (sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)

# As torch's errors name layouts.
_WORDS = {sparse_coo: "Sparse", sparse_csr: "SparseCsr", sparse_csc: "SparseCsc", sparse_bsr: "SparseBsr",
          sparse_bsc: "SparseBsc"}  # fmt: skip


def word(found: layout) -> str:
    """A layout as torch's errors name it."""
    return _WORDS.get(found, "Strided")


class Pattern:
    """The layout, shape and index tensors of a sparse tensor. It never changes; many tensors share one."""

    def __init__(
        self, kind: layout, shape: tuple[int, ...], index: tuple[Any, ...], dense_dim: int = 0,
        blocksize: tuple[int, ...] = (), coalesced: bool = False,
    ):  # fmt: skip
        self.kind = kind
        self.shape = tuple(shape)
        self.index = index
        self.dense_dim = dense_dim
        self.blocksize = blocksize
        self.coalesced = coalesced

    @property
    def nnz(self) -> int:
        """How many elements, or blocks of a matrix, are specified."""
        return self.index[-1].shape[-1]

    @property
    def sparse_dim(self) -> int:
        """Dimensions that are indexed, those of the batch not counted."""
        return self.index[0].shape[0] if self.kind is sparse_coo else 2

    @property
    def indexed(self) -> int:
        """Dimensions that are indexed, those of the batch too."""
        return len(self.shape) - self.dense_dim

    @property
    def batch(self) -> tuple[int, ...]:
        """The dimensions before the matrix; none of a COO tensor."""
        return () if self.kind is sparse_coo else tuple(self.index[1].shape[:-1])

    @property
    def dense_shape(self) -> tuple[int, ...]:
        """The dimensions of one specified element."""
        return self.shape[self.indexed :]

    @property
    def values_shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return (*self.batch, self.nnz, *self.blocksize, *self.dense_shape)

    @functools.cached_property
    def coordinates(self) -> np.ndarray:
        """The place of each value, in the order of the flattened values: (indexed, count)."""
        if self.kind is sparse_coo:
            return to_host(self.index[0])
        batches = math.prod(self.batch)
        compressed, plain = (to_host(i).reshape(batches, i.shape[-1]) for i in self.index)
        counts = np.diff(compressed, axis=1)
        lines = np.repeat(np.tile(np.arange(counts.shape[1]), batches), counts.reshape(-1)).reshape(plain.shape)
        where = np.stack([lines, plain] if self.kind in BY_ROWS else [plain, lines])
        height, width = self.blocksize or (1, 1)
        rows = where[0][:, :, None, None] * height + np.arange(height)[:, None]
        columns = where[1][:, :, None, None] * width + np.arange(width)
        rows, columns = np.broadcast_arrays(rows, columns)
        of = np.arange(batches)[:, None, None, None]
        batch = [np.broadcast_to(i, rows.shape) for i in np.unravel_index(of, self.batch or (1,))]
        found = [*(batch if self.batch else ()), rows, columns]
        return np.stack([i.reshape(-1) for i in found]).astype(np.int64)

    @functools.cached_property
    def places(self) -> tuple[Any, ...]:
        """`coordinates` as index tensors, one for each indexed dimension."""
        return tuple(from_host(np.ascontiguousarray(row)) for row in self.coordinates)

    @functools.cached_property
    def flat(self) -> np.ndarray:
        """Each place as one number, counted row by row."""
        return flat_places(self.coordinates, self.shape)

    @functools.cached_property
    def order(self) -> np.ndarray:
        """How the values stand sorted by place."""
        return np.argsort(self.flat, kind="stable")

    @functools.cached_property
    def segments(self) -> np.ndarray:
        """Of each sorted value: which of the distinct places it is at."""
        found = self.flat[self.order]
        return np.cumsum(np.concatenate([[0], found[1:] != found[:-1]]))[: found.size].astype(np.int64)

    @property
    def distinct(self) -> bool:
        """True when no place occurs twice."""
        return not self.flat.size or self.segments[-1] + 1 == self.flat.size

    @functools.cached_property
    def firsts(self) -> np.ndarray:
        """The first value at each of the distinct places, sorted by place."""
        return self.order[np.flatnonzero(np.diff(self.segments, prepend=-1))]

    def positions(self, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the values at some places stand, and which of the places are specified at all."""
        wanted, mine = flat_places(coordinates, self.shape), self.flat[self.firsts]
        if not mine.size:
            return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
        at = np.minimum(np.searchsorted(mine, wanted), mine.size - 1)
        return self.firsts[at], mine[at] == wanted


def flat_places(coordinates: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Coordinates in the leading dimensions of a shape as one number each."""
    found = np.zeros(coordinates.shape[1], np.int64)
    for row, size in zip(coordinates, shape, strict=False):
        found = found * size + row
    return found


def coo(shape: tuple[int, ...], coordinates: np.ndarray, coalesced: bool) -> Pattern:
    """A COO pattern from coordinates on the host."""
    index = from_host(np.ascontiguousarray(coordinates, np.int64), constant=False)
    return Pattern(sparse_coo, shape, (index,), len(shape) - len(coordinates), coalesced=coalesced)


def compressed(
    kind: layout, shape: tuple[int, ...], coordinates: np.ndarray, blocksize: tuple[int, ...] = (),
    index_dtype: Any = None,
) -> Pattern:  # fmt: skip
    """The compressed pattern that holds the given places (batch, row and column) and no others."""
    batch = shape[: len(coordinates) - 2]
    height, width = blocksize or (1, 1)
    rows, columns = shape[len(batch)] // height, shape[len(batch) + 1] // width
    row, column = coordinates[-2] // height, coordinates[-1] // width
    major, minor, lines, across = (row, column, rows, columns) if kind in BY_ROWS else (column, row, columns, rows)
    keys = np.unique(flat_places(np.stack([*coordinates[:-2], major, minor]), (*batch, lines, across)))
    batches = math.prod(batch)
    line = keys // max(across, 1)
    counts = np.bincount(line, minlength=batches * lines).reshape(batches, lines)
    totals = counts.sum(1)
    if batches and (totals != totals[0]).any():
        raise RuntimeError("Expect the same number of specified elements per batch.")
    starts = np.zeros((batches, lines + 1), np.int64)
    np.cumsum(counts, axis=1, out=starts[:, 1:])
    nnz = int(totals[0]) if batches else 0
    found = starts.reshape(*batch, lines + 1), (keys % max(across, 1)).reshape(*batch, nnz)
    index = tuple(from_host(i.astype(np.int64), index_dtype, constant=False) for i in found)
    return Pattern(kind, shape, index, len(shape) - len(coordinates), tuple(blocksize), coalesced=True)


def pairs(left: Pattern, right: Pattern) -> tuple[np.ndarray, np.ndarray]:
    """For a product of two matrices: which value of the left one meets which of the right one."""
    rows = right.coordinates[0]
    by_row = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[by_row], np.arange(right.shape[0] + 1))
    middle = left.coordinates[1]
    counts = (starts[1:] - starts[:-1])[middle]
    a = np.repeat(np.arange(middle.size), counts)
    ahead = np.cumsum(counts) - counts
    b = by_row[np.arange(a.size) - ahead[a] + starts[middle[a]]]
    return a, b


def all_places(shape: tuple[int, ...]) -> np.ndarray:
    """The coordinates of every place."""
    grid = np.indices(shape)
    return grid.reshape(len(shape), -1)


def product_places(shape: tuple[int, ...], first: np.ndarray) -> np.ndarray:
    """Each of some leading coordinates with every place of the dimensions that follow."""
    rest = all_places(shape[len(first) :])
    chosen = np.array(list(itertools.product(range(first.shape[1]), range(rest.shape[1]))), np.int64).reshape(-1, 2)
    return np.concatenate([first[:, chosen[:, 0]], rest[:, chosen[:, 1]]])
