"""``repr`` of sparse tensors, equal to torch's character for character."""

from __future__ import annotations

from typing import Any

from jtorch._printing import dtype_is_obvious, graph_suffix, tensor_str, with_suffixes
from jtorch._types import sparse_coo
from jtorch.sparse._pattern import BY_ROWS

_INDENT = len("tensor(")


def _part(name: str, tensor: Any) -> str:
    """One part as `name=tensor(...)`."""
    prefix = f"{name}=tensor("
    text = tensor_str(tensor._numpy_copy(), _INDENT + len(prefix))
    size = f", size={tuple(tensor.shape)}" if not tensor.numel() else ""
    return f"{prefix}{text}{size})"


def sparse_repr(tensor: Any) -> str:
    """The parts, then the suffixes that say what they do not."""
    pattern = tensor._pattern
    if pattern.kind is sparse_coo:
        names: tuple[str, ...] = ("indices",)
    else:
        names = ("crow_indices", "col_indices") if pattern.kind in BY_ROWS else ("ccol_indices", "row_indices")
    parts = [_part(name, part) for name, part in zip(names, pattern.index, strict=True)]
    text = (",\n" + " " * _INDENT).join([*parts, _part("values", tensor._held)])
    suffixes = [f"size={tuple(tensor.shape)}", f"nnz={pattern.nnz}"]
    if tensor.device.type != "cpu":
        suffixes.insert(0, f"device='{tensor.device}'")
    if not dtype_is_obvious(tensor.dtype):
        suffixes.append(f"dtype={tensor.dtype}")
    suffixes += [f"layout={pattern.kind}", *graph_suffix(tensor)]
    # torch begins a line for COO alone.
    return with_suffixes("tensor(" + text, suffixes, _INDENT, break_first=pattern.kind is sparse_coo)
