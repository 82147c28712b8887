"""What torch.nn.functional offers and jtorch does not compute yet: honest errors, with what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import composite

_INSTEAD = {
    "grouped_mm": "multiply the groups with torch.bmm",
    "scaled_mm": "scale the operands and use torch.mm",
    "scaled_grouped_mm": "scale the operands and use torch.bmm",
}


def _refusal(name: str, instead: str) -> Callable:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"torch.nn.functional.{name} is not supported yet: {instead} instead")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Not supported yet: {instead} instead."
    return refuse


for _name, _instead in _INSTEAD.items():
    composite(_refusal(_name, _instead), method=False)
