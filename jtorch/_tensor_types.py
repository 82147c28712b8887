"""torch.FloatTensor and its kin: the constructors of each dtype, and what `isinstance` asks for.

They are no classes of tensors: every tensor is a `torch.Tensor`, and is an instance of the one of its dtype.
https://docs.pytorch.org/docs/stable/tensors.html#data-types
"""

from __future__ import annotations

from typing import Any

from jtorch import _root as torch
from jtorch import cuda
from jtorch._legacy import construct
from jtorch._ops import conversion


class _TensorType(type):
    dtype: Any
    is_cuda: bool

    def __new__(cls, name: str, bases: tuple, members: dict[str, Any]) -> Any:
        if bases:
            raise TypeError(f"type '{bases[0]._shown()}' is not an acceptable base type")
        return super().__new__(cls, name, bases, members)

    def _shown(cls) -> str:
        return f"torch.{'cuda.' if cls.is_cuda else ''}{cls.__name__}"

    def __call__(cls, *args: Any, **named: Any) -> torch.Tensor:
        """Sizes make a tensor of whatever memory held, a sequence one of its numbers; a tensor of the dtype is shown
        again."""
        if not cls.is_cuda:
            return construct(cls.dtype, args, named)
        if not cuda.is_available():
            raise TypeError(f"type {cls._shown()} not available. Torch not compiled with CUDA enabled.")
        return construct(cls.dtype, args, named, "cuda")

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, torch.Tensor)
            and instance.dtype is cls.dtype
            and instance.layout is torch.strided
            and instance.is_cuda is cls.is_cuda
        )


_TensorType.__name__ = _TensorType.__qualname__ = "tensortype"
_TensorType.__module__ = "torch"


def _declared(name: str, dtype: Any, on_cuda: bool = False) -> _TensorType:
    members = {"dtype": dtype, "layout": torch.strided, "is_cuda": on_cuda, "is_sparse": False,
               "__module__": "jtorch.cuda" if on_cuda else "jtorch", "__doc__": None}  # fmt: skip
    return _TensorType(name, (), members)


# Those of complex numbers have no name in torch, nor have unsigned ones of more than a byte.
TENSOR_TYPES = {
    name: _declared(name, getattr(torch, dtype))
    for dtype, name in conversion.TYPE_NAMES.items()
    if not dtype.startswith("complex") and not name.startswith("U")
}
CUDA_TENSOR_TYPES = {name: _declared(name, kind.dtype, on_cuda=True) for name, kind in TENSOR_TYPES.items()}
conversion.TENSOR_TYPES |= {kind: kind._shown() for kind in (*TENSOR_TYPES.values(), *CUDA_TENSOR_TYPES.values())}
