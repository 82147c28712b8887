"""What torch.nn.functional offers and jtorch does not compute: honest errors, with what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import composite

_SCALED = "mat_a, mat_b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None, bias=None"
_REST = "output_dtype=torch.bfloat16, contraction_dim=(), use_fast_accum=False"
_INSTEAD = {
    "scaled_mm": ("scale the operands and use torch.mm", f"{_SCALED}, {_REST}"),
    "scaled_grouped_mm": ("scale the operands and use grouped_mm", f"{_SCALED}, offs=None, {_REST}"),
}


def _refusal(name: str, instead: str) -> Callable:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(refuse.unsupported)  # type: ignore[attr-defined]  # set below

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Not supported: {instead} instead."
    refuse.unsupported = f"torch.nn.functional.{name} is not supported: {instead} instead"  # type: ignore[attr-defined]  # tests look for it
    return refuse


for _name, (_instead, _form) in _INSTEAD.items():
    composite(_refusal(_name, _instead), method=False, forms=(_form,))
