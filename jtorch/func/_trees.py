"""Nests of tuples, lists and dictionaries: their leaves, and the same nest of other leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jtorch import _root as torch


def parts_of(tree: Any) -> list | None:
    """What a container holds; None for a leaf."""
    if isinstance(tree, dict):
        return list(tree.values())
    return list(tree) if isinstance(tree, (tuple, list)) and not isinstance(tree, torch.Size) else None


def leaves_of(tree: Any) -> list:
    """What a nest holds in the end, in order."""
    parts = parts_of(tree)
    return [tree] if parts is None else [leaf for part in parts for leaf in leaves_of(part)]


def rebuilt(tree: Any, leaves: Iterator) -> Any:
    """The same nest of other leaves."""
    parts = parts_of(tree)
    if parts is None:
        return next(leaves)
    made = [rebuilt(part, leaves) for part in parts]
    if isinstance(tree, dict):
        return type(tree)(zip(tree, made, strict=True))
    return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
