"""How torch cuts a batch for the cross entropy of a linear layer."""

from __future__ import annotations

import dataclasses

from jtorch import _root as torch

__all__ = ["LinearCrossEntropyOptions"]


@dataclasses.dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How torch cuts a batch to save memory; here nothing is cut, and the options change nothing."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str = "auto"
    acc_policy: str = "auto"
    acc_dtype: torch.dtype | None = None
