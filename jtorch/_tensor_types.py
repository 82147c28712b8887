"""torch.FloatTensor and its kin: the constructors of each dtype, and what `isinstance` asks for.

They are no classes of tensors: every tensor is a `torch.Tensor`, and is an instance of the one of its dtype.
https://docs.pytorch.org/docs/stable/tensors.html#data-types
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jtorch import _root as torch
from jtorch._ops import conversion
from jtorch._types import errors


class _TensorType(type):
    dtype: Any

    def __call__(cls, *args: Any, device: Any = None, **given: Any) -> torch.Tensor:
        """Sizes make a tensor of whatever memory held, a sequence one of its numbers; a tensor of the dtype is shown
        again."""
        if "data" in given:
            args = (given.pop("data"),)
        if given:
            raise TypeError(f"new() got an unexpected keyword argument '{next(iter(given))}'")
        data = args[0] if len(args) == 1 else args
        if isinstance(data, torch.Tensor):
            return cls._of(data)
        if isinstance(data, torch.Size) or args == () or all(type(n) is int for n in args):
            return torch.empty(args if type(data) is int else data or (0,), dtype=cls.dtype, device=device)
        if isinstance(data, str):
            raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
        if not isinstance(data, Iterable):
            raise TypeError(f"new(): data must be a sequence (got {type(data).__name__})")
        return torch.tensor(data if hasattr(data, "dtype") else list(data), dtype=cls.dtype, device=device)

    def _of(cls, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dtype is not cls.dtype:
            raise errors.other_tensor_type(cls.dtype.type_name, tensor.dtype.type_name)
        return tensor.detach() if not tensor.requires_grad else tensor.view_as(tensor)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, torch.Tensor) and instance.dtype is cls.dtype and not instance.is_cuda


_TensorType.__name__ = _TensorType.__qualname__ = "tensortype"
_TensorType.__module__ = "torch"


def _declared(name: str, dtype: Any) -> _TensorType:
    members = {"dtype": dtype, "layout": torch.strided, "is_cuda": False, "is_sparse": False, "__module__": "torch",
               "__doc__": f"Tensors of {dtype} on the CPU."}  # fmt: skip
    return _TensorType(name, (), members)


# Those of complex numbers have no name in torch, nor have unsigned ones of more than a byte.
TENSOR_TYPES = {
    name: _declared(name, getattr(torch, dtype))
    for dtype, name in conversion.TYPE_NAMES.items()
    if not dtype.startswith("complex") and not name.startswith("U")
}
conversion.TENSOR_TYPES |= {kind: kind.dtype.name for kind in TENSOR_TYPES.values()}
