"""New tensors of a tensor's dtype and device: Tensor.new_zeros and its relatives.

https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import Fill, composite, dtype_of, errors, fill
from jtorch._ops.creation import FULL, ONES, ZEROS, copied, fill_number, shape_of


def _new(self: Any, op: Fill, numbers: tuple, shape: tuple, options: dict) -> Any:
    aval = self._v.aval
    options.setdefault("device", aval.device)
    to = options.pop("dtype", None) or aval.dtype
    return fill(op, numbers, shape, to, **{k: v for k, v in options.items() if v is not None})


@composite(function=False)
def new_zeros(self: Any, *size: Any, **options: Any) -> Any:
    """Zeros of shape `size` with this tensor's dtype and device."""
    return _new(self, ZEROS, (), shape_of("new_zeros", size, options.pop("size", None)), options)


@composite(function=False)
def new_ones(self: Any, *size: Any, **options: Any) -> Any:
    """Ones of shape `size` with this tensor's dtype and device."""
    return _new(self, ONES, (), shape_of("new_ones", size, options.pop("size", None)), options)


@composite(function=False)
def new_empty(self: Any, *size: Any, **options: Any) -> Any:
    """A tensor of shape `size` with this tensor's dtype and device."""
    return _new(self, ZEROS, (), shape_of("new_empty", size, options.pop("size", None)), options)


@composite(function=False)
def new_full(self: Any, size: Any, fill_value: Any, **options: Any) -> Any:
    """One value in shape `size` with this tensor's dtype and device."""
    to = options.get("dtype") or self._v.aval.dtype
    if isinstance(size, int):
        raise errors.argument_type("new_full", "size", 1, "tuple of ints", size)
    if isinstance(fill_value, complex) and not to.is_complex:
        raise errors.value_overflow(errors.c_name(to.type_name))
    return _new(self, FULL, (fill_number("new_full", fill_value, to),), shape_of("new_full", (size,)), options)


@composite(function=False)
def new_tensor(self: Any, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
    """A copy of `data` with this tensor's dtype and device."""
    aval = self._v.aval
    wish = aval.dtype if dtype is None else dtype_of("new_tensor", dtype)
    return copied(data, wish, device or aval.device, requires_grad, "tensor.new_tensor")
