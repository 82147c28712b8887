"""Norms as methods, and under names that torch keeps for its compilers; `torch.linalg` has the ones to use.

https://docs.pytorch.org/docs/stable/generated/torch.norm.html
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import composite
from jtorch._declare.once import warn_once
from jtorch._ops.arguments import wholes
from jtorch._ops.norms import INEXACT, norm

_DEPRECATED = (
    "at::{}_norm is deprecated and it is just left for JIT compatibility. It will be removed in a future PyTorch "
    "release. Please use `linalg.{}, dim, keepdim)` instead"
)


def check_floating(input: Any) -> None:
    """What `at::norm` says of integers."""
    kind = input._v.aval.dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError(INEXACT.format(kind.type_name))


@composite(method=False)
def frobenius_norm(input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """The 2-norm along one or two dimensions; of all elements for an empty `dim`. Deprecated."""
    warn_once(_DEPRECATED.format("frobenius", "vector_norm(A, 2."))
    dims = wholes("frobenius_norm", "dim", 2, dim)
    check_floating(input)
    if len(dims) > 2:
        raise RuntimeError(f"Expected at most 2 dimensions, but got {len(dims)} dimensions instead.")
    return norm(input, 2, dims or None, keepdim, out)


@composite(method=False, forms=("input, dim, keepdim=False, *, out=None", "input, keepdim=False, *, out=None"))
def nuclear_norm(input: Any, dim: Any = (-2, -1), keepdim: bool = False, *, out: Any = None) -> Any:
    """The sum of the singular values of matrices, in the last two dimensions unless `dim` says others. Deprecated."""
    warn_once(_DEPRECATED.format("nuclear", "matrix_norm(A, 'nuc'"))
    check_floating(input)
    if isinstance(dim, bool):
        dim, keepdim = (-2, -1), dim
    return norm(input, "nuc", dim, keepdim, out)


def _norm_method(
    self: Any, p: float | str | None = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    """The p-norm of all elements, or along dimensions."""
    return norm(self, p, dim, keepdim, dtype=dtype)


_norm_method.__name__, _norm_method.__qualname__ = "norm", "Tensor.norm"  # Python's errors say it
composite(public="norm", function=False)(_norm_method)
