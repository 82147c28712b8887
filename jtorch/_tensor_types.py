"""torch.FloatTensor and its kin: the constructors of each dtype, and what `isinstance` asks for.

They are no classes of tensors: every tensor is a `torch.Tensor`, and is an instance of the one of its dtype.
https://docs.pytorch.org/docs/stable/tensors.html#data-types
"""

from __future__ import annotations

from typing import Any

from jtorch import _root as torch
from jtorch._legacy import construct
from jtorch._ops import conversion


class _TensorType(type):
    dtype: Any

    def __call__(cls, *args: Any, **named: Any) -> torch.Tensor:
        """Sizes make a tensor of whatever memory held, a sequence one of its numbers; a tensor of the dtype is shown
        again."""
        return construct(cls.dtype, args, named)

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, torch.Tensor)
            and instance.dtype is cls.dtype
            and instance.layout is torch.strided
            and not instance.is_cuda
        )


_TensorType.__name__ = _TensorType.__qualname__ = "tensortype"
_TensorType.__module__ = "torch"


def _declared(name: str, dtype: Any) -> _TensorType:
    members = {"dtype": dtype, "layout": torch.strided, "is_cuda": False, "is_sparse": False, "__module__": "jtorch",
               "__doc__": None}  # fmt: skip
    return _TensorType(name, (), members)


# Those of complex numbers have no name in torch, nor have unsigned ones of more than a byte.
TENSOR_TYPES = {
    name: _declared(name, getattr(torch, dtype))
    for dtype, name in conversion.TYPE_NAMES.items()
    if not dtype.startswith("complex") and not name.startswith("U")
}
conversion.TENSOR_TYPES |= {kind: kind.dtype.name for kind in TENSOR_TYPES.values()}
