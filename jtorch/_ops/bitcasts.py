"""`x.view(dtype)`: the same bytes as elements of another type."""

from __future__ import annotations

from typing import Any

from jtorch._declare.types import dtype
from jtorch._declare.verbs import Bitcast


def bitcast(input: Any, to: dtype) -> Any:
    """The verb that shows the same bytes in another dtype; RuntimeError where sizes or strides do not allow it."""
    if input.conjugate:
        raise RuntimeError(
            "torch.Tensor.view is not supported for conjugate view tensors when converting to a different dtype."
        )
    old, new = input.dtype.itemsize, to.itemsize
    if old != new:
        if not input.ndim:
            raise RuntimeError(
                f"self.dim() cannot be 0 to view {input.dtype.type_name} as {to.type_name} (different element sizes)"
            )
        if input.geometry.stride[-1] != 1:
            raise RuntimeError(
                f"self.stride(-1) must be 1 to view {input.dtype.type_name} as {to.type_name} (different element "
                f"sizes), but got {input.geometry.stride[-1]}"
            )
        if input.shape[-1] * old % new:
            raise RuntimeError(
                f"self.size(-1) must be divisible by {new // old} to view {input.dtype.type_name} as {to.type_name} "
                f"(different element sizes), but got {input.shape[-1]}"
            )
    return Bitcast(input.dtype, to)
