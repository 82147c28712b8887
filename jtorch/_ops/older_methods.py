"""Methods of tensors that are deprecated, removed, or about devices and streams; and what modules load with.

https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from jtorch._declare import Handle, cast_to, composite, registry
from jtorch._declare.layouts import lies_in, lying
from jtorch._declare.once import warn
from jtorch._declare.types import float32, memory_format, preserve_format
from jtorch._declare.verbs import geometry_of
from jtorch._ops.other_kernels import no_cpu_kernel

# Where elements lie

_AMBIGUOUS = "The tensor does not have unique dim order, or cannot map to exact one of the given memory formats."


@composite(function=False)
def dim_order(self: Any, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the outermost to the innermost in memory.

    With `ambiguity_check`, RuntimeError where several orders are right: for any tensor, or among the memory formats
    of a list.

    >>> import jtorch as torch
    >>> torch.zeros(2, 3).t().dim_order()
    (1, 0)
    """
    formats = ambiguity_check if isinstance(ambiguity_check, list) else []
    if not isinstance(ambiguity_check, (bool, list)) or not all(isinstance(f, memory_format) for f in formats):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    if len([f for f in formats if lies_in(self, f)]) > 1:
        raise RuntimeError(_AMBIGUOUS)
    strides = self.stride()
    if ambiguity_check is True and (1 in self.shape or any(a == b for a, b in itertools.pairwise(strides))):
        raise RuntimeError(_AMBIGUOUS)
    return lying(self)


def const_data_ptr(self: Any) -> int:
    """`data_ptr`, for memory that is only read."""
    return self.data_ptr()


registry.add_method("const_data_ptr", const_data_ptr)


@composite(function=False)
def is_set_to(self: Any, tensor: Any) -> bool:
    """True when both show the same elements of the same storage in the same way."""
    same_memory = self.untyped_storage() == tensor.untyped_storage()
    return same_memory and geometry_of(self) == geometry_of(tensor)


# Other devices and streams


@composite(function=False)
def xpu(self: Any, device: Any = None, non_blocking: bool = False, memory_format: Any = preserve_format) -> Any:
    """This tensor on an Intel GPU, of which JAX has none."""
    raise AssertionError("Torch not compiled with XPU enabled")


def _absent(name: str, error: Exception) -> None:
    def method(self: Any, device: Any = None, non_blocking: bool = False, memory_format: Any = preserve_format) -> Any:
        raise error

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "This tensor on a kind of device that JAX has none of."
    registry.add_method(name, method)


_absent("ipu", RuntimeError("PyTorch is not linked with support for ipu devices"))
_absent("mtia", AssertionError("Torch not compiled with MTIA enabled."))


@composite(function=False)
def record_stream(self: Any, s: Any) -> None:
    """RuntimeError: memory belongs to JAX, which has no streams to record."""
    raise RuntimeError("unknown parameter type")


# Deprecated and removed


@composite(function=False)
def reinforce(self: Any, reward: Any) -> Any:
    """Removed from torch: use torch.distributions."""
    raise RuntimeError("reinforce() was removed.\nUse torch.distributions instead.")


def _resized(self: Any, sizes: tuple) -> Any:
    wanted = math.prod(sizes) if all(isinstance(n, int) for n in sizes) else sizes[0]
    if wanted != self.numel():
        shown = "x".join(map(str, sizes))
        raise RuntimeError(
            f"requested resize to {shown} ({wanted} elements in total), but the given tensor has a size of "
            f"{'x'.join(map(str, self.shape))} ({self.numel()} elements). autograd's resize can only change the shape "
            "of a given tensor, while preserving the number of elements. "
        )
    return self.contiguous().view(*sizes)


@composite(function=False)
def resize(self: Any, *sizes: Any) -> Any:
    """The same elements in another shape; deprecated."""
    warn("non-inplace resize is deprecated")
    return _resized(self, sizes)


@composite(function=False)
def resize_as(self: Any, tensor: Any) -> Any:
    """The same elements in the shape of another tensor; deprecated."""
    warn("non-inplace resize_as is deprecated")
    return _resized(self, tuple(tensor.shape))


# Loading and quantization


@composite(function=False)
def module_load(self: Any, other: Any, assign: bool = False) -> Any:
    """What a module keeps when `other` is loaded for this tensor: itself with its elements, with `assign` `other`."""
    return other.detach() if assign else self.copy_(other)


@composite(public="dequantize", function=False)
def _dequantize(self: Any) -> Any:
    """As float32."""
    return dequantize(self)


@composite(method=False, forms=("input", "tensors"))
def dequantize(input: Any = None, *, tensors: Any = None) -> Any:
    """As float32. A list is refused: only quantized tensors come in lists."""
    if not isinstance(input, Handle):
        raise no_cpu_kernel("dequantize.tensors")
    return cast_to(input, float32)


@composite(method=False)
def detach_(input: Any) -> Any:
    """Takes a tensor out of the graph that made it, in place."""
    return input.detach_()
