"""Memory shared with other libraries and with files.

https://docs.pytorch.org/docs/stable/dlpack.html
"""

from __future__ import annotations

import enum
import os
from typing import Any

import numpy as np

from jtorch._declare import Handle, composite, errors, from_shared, registry
from jtorch._declare.fill import dtype_of
from jtorch._declare.placement import check_layout, placed
from jtorch._declare.types import get_default_dtype, strided
from jtorch._declare.verbs import lazy_bits
from jtorch._ops.creation import on_memory

# DLPack's numbers for kinds of memory (dlpack.h).
DLDeviceType = enum.IntEnum(
    "DLDeviceType",
    {
        "kDLCPU": 1, "kDLCUDA": 2, "kDLCUDAHost": 3, "kDLOpenCL": 4, "kDLVulkan": 7, "kDLMetal": 8, "kDLVPI": 9,
        "kDLROCM": 10, "kDLROCMHost": 11, "kDLExtDev": 12, "kDLCUDAManaged": 13, "kDLOneAPI": 14, "kDLWebGPU": 15,
        "kDLHexagon": 16, "kDLMAIA": 17,
    },
)  # fmt: skip


_INVALID = (
    "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so you might have "
    "already constructed a tensor from it once."
)


class _Capsule:
    """What NumPy wants around a bare DLPack capsule."""

    def __init__(self, capsule: Any):
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the host's memory


def _array_of(ext_tensor: Any) -> np.ndarray:
    """A NumPy array on the memory of something that speaks DLPack."""
    if isinstance(ext_tensor, np.ndarray):
        if ext_tensor.dtype.kind not in "biufc":
            raise BufferError("DLPack only supports signed/unsigned integers, float and complex dtypes.")
        return ext_tensor
    if type(ext_tensor).__name__ == "PyCapsule":
        try:
            return np.from_dlpack(_Capsule(ext_tensor))
        except ValueError:  # a capsule that was used is renamed
            raise RuntimeError(_INVALID) from None
    if not hasattr(ext_tensor, "__dlpack__"):
        raise RuntimeError(_INVALID)
    return np.from_dlpack(ext_tensor)


@composite(method=False)
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """A tensor on the memory of another library's array: writes to one show in the other. `copy=True` copies.

    >>> import jtorch as torch
    >>> import numpy as np
    >>> a = np.zeros(2)
    >>> torch.from_dlpack(a).fill_(3)
    tensor([3., 3.], dtype=torch.float64)
    >>> a
    array([3., 3.])
    """
    if isinstance(ext_tensor, Handle):
        t = ext_tensor.detach()
    else:
        t = on_memory(_writable(_array_of(ext_tensor)))
    moved = t if device is None else t.to(placed(device))
    if moved is not t and copy is False:
        raise ValueError("cannot move a tensor to another device without a copy")
    return moved.clone() if copy and moved is t else moved


class _Memory:
    """An array's memory as one that may be written to; keeps the array."""

    def __init__(self, array: np.ndarray):
        self._owner = array
        found = array.__array_interface__
        self.__array_interface__ = {**found, "data": (found["data"][0], False)}


def _writable(array: np.ndarray) -> np.ndarray:
    """The same memory, to be written too: NumPy marks what comes from older DLPack exports as read-only."""
    return array if array.flags.writeable or not array.size else np.asarray(_Memory(array))


@composite(method=False)
def to_dlpack(tensor: Any) -> Any:
    """A DLPack capsule of the tensor's memory, for a library that takes no objects; it can be used once.

    >>> import jtorch as torch
    >>> torch.from_dlpack(torch.to_dlpack(torch.ones(2)))
    tensor([1., 1.])
    """
    if not isinstance(tensor, Handle):
        raise errors.argument_type("_to_dlpack", "data", 1, "Tensor", tensor)
    return dlpack(tensor.detach())


def dlpack(
    self: Any,
    *,
    stream: Any = -1,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[enum.IntEnum, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A DLPack capsule of the tensor's memory."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.layout is not strided:
        raise BufferError("Can't export tensors with layout other than torch.strided")
    if lazy_bits(self)[0]:
        raise BufferError("Can't export tensors with the conjugate bit set")
    if self.device.type == "meta":
        raise BufferError("Cannot pack tensors on meta")
    if stream is not None and not isinstance(stream, int):
        raise TypeError("stream must be ``int`` or ``none``")
    if stream not in (None, -1) and self.device.type == "cpu":
        raise AssertionError("stream should be None on cpu.")
    wish = {"max_version": max_version, "dl_device": dl_device, "copy": copy}
    return self.numpy().__dlpack__(**{name: value for name, value in wish.items() if value is not None})


def dlpack_device(self: Any) -> tuple[enum.IntEnum, int]:
    """DLPack's device type and number of the memory that is exported: the host's."""
    if self.device.type == "meta":
        raise ValueError("Unknown device type meta for Dlpack")
    return DLDeviceType(1), 0


registry.add_method("__dlpack__", dlpack)
registry.add_method("__dlpack_device__", dlpack_device)


@composite(method=False)
def from_file(
    filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: Any = None, layout: Any = None,
    device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """A vector of `size` elements on a file: `shared` writes what changes back to it and makes it large enough."""
    check_layout(layout)
    to = get_default_dtype() if dtype is None else dtype_of("from_file", dtype)
    count = size or 0
    needed = count * to.itemsize
    mode = "read-write mode" if shared else "read-only mode"
    try:
        if shared:
            with open(filename, "ab") as file:
                file.truncate(max(needed, os.path.getsize(filename)))
        found = os.path.getsize(filename)
    except OSError as error:
        raise RuntimeError(f"unable to open file <{filename}> in {mode}: {error.strerror} ({error.errno})") from None
    if found < needed:
        raise RuntimeError(f"file <{filename}> size <{found}> is smaller than the required mapping size <{needed}>")
    array = np.memmap(filename, to.np, "r+" if shared else "c", 0, (count,)) if count else np.zeros(0, to.np)
    t = from_shared(np.asarray(array))
    return t.requires_grad_() if requires_grad else t


@composite(method=False)
def get_file_path(*path_components: str) -> str:
    """A path within the installed package: `get_file_path("torch", "__init__.py")` is this package's own."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    first, *rest = path_components
    return os.path.join(root, *rest) if first == "torch" else os.path.join(os.path.dirname(root), *path_components)
