"""Creation of tensors whose elements lie in another order than row by row.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import composite, errors
from jtorch._ops.arguments import wholes
from jtorch._ops.creation import empty_strided


@composite(method=False)
def empty_permuted(size: Any, physical_layout: Any, *, requires_grad: bool = False, **options: Any) -> Any:
    """A tensor of shape `size` whose dimensions lie in memory in the order given, the outermost first.

    Its elements mean nothing; here they are zeros.

    >>> import jtorch as torch
    >>> torch.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    shape = wholes("empty_permuted", "size", 1, size)
    order = wholes("empty_permuted", "physical_layout", 2, physical_layout)
    if len(shape) != len(order):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(shape)} is not equal to len(physical_layout) = {len(order)}"
        )
    strides, step, seen, last = [0] * len(shape), 1, set(), len(shape) - 1
    for place, d in enumerate(order):
        if not 0 <= d <= last:
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {last}, but got {d} at index {place}).  "
                "NB: negative dims not currently supported; file an issue if you want it."
            )
        if d in seen:
            raise RuntimeError("Duplicate dim not allowed")
        seen.add(d)
    for d in reversed(order):
        strides[d] = step
        step *= max(shape[d], 1)
    found = empty_strided(shape, strides, **options)
    return found.requires_grad_() if requires_grad else found


@composite(function=False)
def new_empty_strided(
    self: Any, size: Any, stride: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    **options: Any,
) -> Any:  # fmt: skip
    """A tensor of the given shape and strides with this tensor's dtype and device; its elements are zeros."""
    for position, (name, value) in enumerate((("size", size), ("stride", stride)), 1):
        if not isinstance(value, (tuple, list)):
            raise errors.argument_type("new_empty_strided", name, position, "tuple of ints", value)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    aval = self._v.aval
    found = empty_strided(size, stride, dtype=dtype or aval.dtype, device=device or aval.device, **options)
    return found.requires_grad_() if requires_grad else found
