"""Sparse matrices from their diagonals.

https://docs.pytorch.org/docs/stable/generated/torch.sparse.spdiags.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jtorch._declare import composite, to_host
from jtorch._types import layout, sparse_coo, sparse_csc, sparse_csr
from jtorch.sparse._graph import host_index, made
from jtorch.sparse._pattern import coo, word


@composite(namespace="torch.sparse", method=False)
def spdiags(diagonals: Any, offsets: Any, shape: Any, layout: layout | None = None) -> Any:
    """A matrix whose diagonal `offsets[i]` holds row i of `diagonals`, element j in column j.

    >>> import jtorch as torch
    >>> torch.sparse.spdiags(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([0, 1]), (2, 2)).to_dense()
    tensor([[1., 4.],
            [0., 2.]])
    """
    rows = diagonals.reshape(1, -1) if diagonals.ndim == 1 else diagonals
    at = to_host(offsets).reshape(-1)
    _check(rows, offsets, at, shape, layout)
    height, width = shape
    column = np.arange(min(rows.shape[1], width))
    row = column - at[:, None]
    which, columns = np.nonzero((row >= 0) & (row < height))
    where = np.stack([row[which, columns], columns])
    values = rows[host_index(which), host_index(columns)]
    found = made(coo((height, width), where, coalesced=len(columns) < 2), values, "SpdiagsBackward0")
    return found if layout in (None, sparse_coo) else found.to_sparse(layout=layout)


def _check(rows: Any, offsets: Any, at: np.ndarray, shape: Any, kind: layout | None) -> None:
    if rows.ndim != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if offsets.ndim > 1:
        raise RuntimeError("Offsets must be scalar or vector")
    if len(at) != rows.shape[0]:
        raise RuntimeError(f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({len(at)})")
    if offsets.dtype.name != "int64":
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {offsets.dtype.type_name}")
    if len(np.unique(at)) != len(at):
        raise RuntimeError("Offset tensor contains duplicate values")
    if kind not in (None, sparse_coo, sparse_csc, sparse_csr):
        raise RuntimeError(f"Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got {word(kind)}")
