"""torch.types: the types that annotations of torch code name.

https://github.com/pytorch/pytorch/blob/main/torch/types.py lists them.
"""

import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

from jtorch import _root as torch
from jtorch._root import Size as Size
from jtorch._root import Tensor as Tensor
from jtorch._root import device as _device
from jtorch._root import dtype as _dtype

__all__ = ["Device", "FileLike", "Number", "Storage"]

_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_TensorOrOptionalTensors: TypeAlias = Tensor | Sequence[Tensor | None]
_size: TypeAlias = Size | list[int] | tuple[int, ...]
_symsize: TypeAlias = Size | Sequence[int]

BoolLikeType: TypeAlias = bool
IntLikeType: TypeAlias = int
FloatLikeType: TypeAlias = float
Number: TypeAlias = int | float | bool
_Number = (int, float, bool)
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
Device: TypeAlias = torch.device | str | int | None


class Storage:
    """What annotations call any storage."""

    _cdata: int
    device: _device
    dtype: _dtype
    _torch_load_uninitialized: bool

    def __deepcopy__(self, memo: dict[int, Any]) -> "Storage":
        raise NotImplementedError

    def element_size(self) -> int:
        """Bytes of one element."""
        raise NotImplementedError

    def is_shared(self) -> bool:
        """Whether other processes see the memory."""
        raise NotImplementedError

    def share_memory_(self) -> "Storage":
        """The storage, where other processes see it."""
        raise NotImplementedError

    def nbytes(self) -> int:
        """The number of bytes."""
        raise NotImplementedError

    def cpu(self) -> "Storage":
        """The bytes in host memory."""
        raise NotImplementedError

    def data_ptr(self) -> int:
        """The address of the first byte."""
        raise NotImplementedError
