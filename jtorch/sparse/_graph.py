"""Sparse tensors in the autograd graph.

What is computed from values by ordinary ops needs no formula: `values_of` leads from the graph of a sparse tensor to
that of its values, `made` back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare import from_host
from jtorch._engine.tape import threads
from jtorch._ops.scattering import _index_reduce
from jtorch._parted import linked
from jtorch._types import sparse_coo
from jtorch.sparse._pattern import Pattern, coo
from jtorch.sparse._tensor import is_sparse, sparse


def refusing(result: Any, name: str, *operands: Any) -> Any:
    """A result whose gradient torch does not have either."""

    def refuse(g: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return linked(result, "NotImplemented", *((t, refuse) for t in operands))


def made(pattern: Pattern, values: Any, name: str) -> Any:
    """A sparse tensor of values, above them in the graph."""
    if not values._requires_grad:
        return sparse(pattern, values)
    return linked(sparse(pattern, values.detach()), name, (values, lambda g: gathered(g, pattern)))


def values_of(t: Any) -> Any:
    """The values of a sparse tensor, above it in the graph; of an uncoalesced one the gradient is coalesced."""
    if not t._requires_grad or not threads.tape.grad_enabled:
        return t._held
    pattern = t._pattern
    return linked(t._held.detach(), "ValuesBackward0", (t, lambda g: _spread(g, pattern)))


def _spread(g: Any, pattern: Pattern) -> Any:
    """The gradient of values as one of the sparse tensor. Values at one place have one gradient."""
    if pattern.kind is not sparse_coo or pattern.coalesced or pattern.distinct:
        return made(pattern, g, "ValuesBackward0")
    return made(once(pattern), g[host_index(pattern.firsts)], "ValuesBackward0")


def once(pattern: Pattern) -> Pattern:
    """A COO pattern with every place once, sorted."""
    if pattern.coalesced:
        return pattern
    return coo(pattern.shape, pattern.coordinates[:, pattern.firsts], coalesced=True)


def gathered(source: Any, pattern: Pattern) -> Any:
    """What a dense or a sparse tensor has at the places of a pattern, in the shape of its values."""
    if is_sparse(source):
        return _joined(source, pattern)
    if not pattern.indexed:
        return source.expand(pattern.nnz, *source.shape)
    return source[pattern.places].reshape(pattern.values_shape)


def _joined(source: Any, pattern: Pattern) -> Any:
    own = source._pattern
    if own is pattern:
        return values_of(source)
    if own.indexed != pattern.indexed:
        return gathered(source.to_dense(), pattern)
    if own.kind is sparse_coo and not own.coalesced and not own.distinct:
        source = source.coalesce()
        own = source._pattern
    at, present = own.positions(pattern.coordinates)
    rows = flat_values(source)
    if not len(rows):
        return rows.new_zeros(pattern.values_shape)
    found = rows[host_index(at)]
    if not present.all():
        mask = host_index(present).reshape(-1, *[1] * (found.ndim - 1))
        found = torch.where(mask, found, found.new_zeros(()))
    return found.reshape(pattern.values_shape)


def flat_values(t: Any) -> Any:
    """The values in a row, as `Pattern.coordinates` has them: (count, *dense)."""
    return rows_of(t._pattern, values_of(t))


def rows_of(pattern: Pattern, values: Any) -> Any:
    """Values of a pattern in a row: (count, *dense)."""
    if pattern.kind is sparse_coo:
        return values
    return values.reshape(pattern.coordinates.shape[1], *pattern.dense_shape)


def host_index(array: np.ndarray) -> Any:
    """An index or mask that was computed on the host, as a tensor."""
    return from_host(np.ascontiguousarray(array), constant=False)


def restricted(g: Any, pattern: Pattern) -> Any:
    """A gradient at the places of a sparse operand and nowhere else."""
    kept = once(pattern) if pattern.kind is sparse_coo and not pattern.distinct else pattern
    return made(kept, gathered(g, kept), "SparseMaskBackward0")


def segment_extreme(rows: Any, segments: np.ndarray, count: int, how: str) -> Any:
    """The largest ("amax") or smallest ("amin") of the rows of each segment, 0 of an empty one; without gradient."""
    found = rows.new_zeros((count, *rows.shape[1:]))
    return _index_reduce(found, 0, host_index(segments), rows.detach(), how, False) if len(rows) else found


def segment_sum(rows: Any, segments: np.ndarray, count: int) -> Any:
    """Rows added up by the segment each belongs to: (count, *dense)."""
    total = rows.new_zeros((count, *rows.shape[1:]))
    return total.index_add(0, host_index(segments), rows) if len(rows) else total
