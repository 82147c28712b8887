"""Rows of a table whose gradient names only the rows that were looked up: `Embedding(sparse=True)`.

https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import to_host
from jtorch._engine.parts import sparse_gradients
from jtorch._parted import linked
from jtorch.autograd.modes import no_grad
from jtorch.nn.functional.embedding import embedding_op
from jtorch.sparse._construct import sparse_coo_tensor
from jtorch.sparse._graph import host_index


def embedding(weight: Any, indices: Any, padding_idx: int | None, scale_grad_by_freq: bool) -> Any:
    """The rows that `indices` names, with a COO gradient: one row of it for each index."""

    def gradient(g: Any) -> Any:
        if scale_grad_by_freq:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        at, rows = indices.reshape(-1), g.reshape(-1, weight.shape[1])
        if padding_idx is not None:
            kept = host_index((to_host(at) != padding_idx).nonzero()[0])
            at, rows = at[kept], rows[kept]
        return sparse_coo_tensor(at[None], rows, tuple(weight.shape))

    with no_grad():
        rows = embedding_op(weight, indices, padding_idx, scale_grad_by_freq)
    return linked(rows, "EmbeddingBackward0", (weight, gradient))


sparse_gradients[embedding_op.op] = embedding
