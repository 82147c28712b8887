"""Creation: torch.tensor, zeros, arange and their relatives.

Fills are recorded ops without tensors: shape, dtype and device are static, fill values and the numbers
of ranges are data.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import (
    Fill,
    Handle,
    Parted,
    answer,
    as_int,
    composite,
    copy_of,
    cured,
    dtype_of,
    errors,
    fill,
    from_host,
    from_shared,
    laid,
    placed,
    size_of,
)
from jtorch._declare.once import warn, warn_once
from jtorch._declare.placement import check_requires_grad, chosen_device
from jtorch._declare.types import INT, PYTHON_DTYPES, complex64, dtype, get_default_dtype, int64
from jtorch._declare.verbs import as_strided_view
from jtorch._ops.python_data import array_of

ZEROS = Fill("zeros", lambda aval: jnp.zeros((), aval.dtype.np))
ONES = Fill("ones", lambda aval: jnp.ones((), aval.dtype.np))
FULL = Fill("full", lambda aval, value: value)
EYE = Fill("eye", lambda aval: jnp.eye(*aval.shape, dtype=np.bool_))


def shape_of(name: str, sizes: tuple, named: Any = None) -> tuple[int, ...]:
    """The shape given as varargs, one sequence or `size=`; no negative sizes."""
    if named is not None:
        sizes = (named,)
    if not sizes:
        raise errors.missing_arguments(name, ["size"])
    shape = size_of(name, "size", 1, sizes[0] if len(sizes) == 1 else sizes)
    for n in shape:
        if n < 0:
            raise errors.fill_negative_dimension(name) if name == "zeros" else errors.negative_dimension(n, shape)
    return shape


# From data


@composite(method=False)
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Any:
    """A new tensor with a copy of `data`: nested sequences, numbers, a NumPy array or a tensor.

    >>> import jtorch as torch
    >>> torch.tensor([[1., 2.], [3., 4.]])
    tensor([[1., 2.],
            [3., 4.]])
    >>> torch.tensor([1, 2]).dtype
    torch.int64
    """
    wish = None if dtype is None else dtype_of("tensor", dtype)
    if not isinstance(requires_grad, bool):
        raise errors.argument_type("tensor", "requires_grad", None, "bool", requires_grad)
    if isinstance(data, (bytearray, memoryview)):
        data = list(data)
    if isinstance(data, bytes):
        raise TypeError("new(): invalid data type 'bytes'")
    return copied(data, wish, device, requires_grad, "torch.tensor")


def copied(data: Any, wish: Any, device: Any, requires_grad: bool, name: str) -> Any:
    """A tensor with a copy of `data`, as the function `name` makes it: a tensor is better cloned."""
    if isinstance(data, Handle):
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            f"sourceTensor.detach().clone().requires_grad_(True), rather than {name}(sourceTensor)."
        )
    t = _from_data(data, wish, device)
    check_requires_grad(requires_grad, t.dtype)
    return t.requires_grad_() if requires_grad else t


def _from_data(data: Any, wish: Any, device: Any, copy: bool = True) -> Any:
    if isinstance(data, Handle):
        t = data.detach() if copy else data
        moved = t.to(device=chosen_device(device) or t.device, dtype=wish or t.dtype)
        return copy_of(moved) if copy and moved is t else moved
    if wish is not None and wish.np is None:
        return _from_data(data, complex64, device).to(wish)
    if not isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, (list, tuple)):
        data = _through_protocols(data)
    if isinstance(data, np.ndarray) and data.dtype != object:
        if not copy and (wish is None or wish.np == data.dtype) and placed(device).type == "cpu":
            return from_numpy(data)
        return from_host(_cast_array(data, wish), wish, placed(device), constant=False)
    return from_host(array_of(data, wish), wish, placed(device))


def _through_protocols(data: Any) -> Any:
    """The array behind an object that offers one."""
    if hasattr(data, "__array_interface__") or hasattr(data, "__array__"):
        return np.asarray(data)
    if isinstance(data, (bytearray, memoryview)):
        return np.asarray(data)
    return data


def _cast_array(array: np.ndarray, wish: dtype | None) -> np.ndarray:
    if wish is None or wish.np == array.dtype:
        return np.array(array, copy=True, order="C")
    if array.dtype.kind == "c" and not wish.is_complex:
        array = array.real
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array.astype(wish.np)).reshape(array.shape)


@composite(method=False)
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """`data` as a tensor: itself when it is one, sharing memory with a NumPy array, else a copy.

    >>> import jtorch as torch
    >>> torch.as_tensor([1, 2])
    tensor([1, 2])
    """
    return _from_data(data, None if dtype is None else dtype_of("as_tensor", dtype), device, copy=False)


@composite(method=False)
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Any:
    """`obj` as a tensor, sharing memory where that is possible and `copy` does not ask otherwise.

    >>> import jtorch as torch
    >>> torch.asarray([1, 2])
    tensor([1, 2])
    """
    follows = requires_grad is None and isinstance(obj, Handle) and obj._requires_grad
    if follows:
        warn_once(
            "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of False. Pass "
            "requires_grad=False explicitly to get the old behavior and silence this warning."
        )
    if copy is False and isinstance(obj, (list, tuple)):
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    t = _from_data(obj, None if dtype is None else dtype_of("asarray", dtype), device, copy=bool(copy))
    wanted = bool(requires_grad) or follows
    if t._requires_grad and not wanted:
        t = t.detach()
    return t.requires_grad_() if wanted else t


@composite(method=False)
def from_numpy(ndarray: np.ndarray) -> Any:
    """A tensor on a NumPy array's own memory: writes to one show in the other.

    >>> import jtorch as torch
    >>> import numpy as np
    >>> a = np.zeros(2)
    >>> t = torch.from_numpy(a)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise cured(
            TypeError(f"expected np.ndarray (got {errors.type_name(ndarray)})"),
            "torch.tensor(list), or torch.from_numpy(np.array(list))",
        )
    if ndarray.dtype.kind in "OSUMm" or not ndarray.dtype.isnative:
        raise errors.numpy_type_unsupported(ndarray.dtype)
    if any(s < 0 for s in ndarray.strides):
        raise cured(
            ValueError(
                "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
                "currently supported. (You can probably work around this by making a copy of your array  with "
                "array.copy().) "
            ),
            "torch.from_numpy(array.copy()) (array[::-1], np.flip and np.rot90 make negative strides)",
        )
    if not ndarray.flags.writeable:
        warn_once(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means "
            "writing to this tensor will result in undefined behavior. You may want to copy the array to protect its "
            "data or make it writable before converting it to a tensor. This type of warning will be suppressed for "
            "the rest of this program.",
        )
    return on_memory(ndarray)


def on_memory(array: np.ndarray) -> Any:
    """A tensor on an array's memory, with the array's strides."""
    itemsize = array.itemsize
    if array.flags.c_contiguous or any(s < 0 or s % itemsize for s in array.strides):
        return from_shared(array)
    steps = tuple(s // itemsize for s in array.strides)
    extent = 1 + sum((n - 1) * s for n, s in zip(array.shape, steps, strict=True))
    whole = np.lib.stride_tricks.as_strided(array, (extent,), (itemsize,))
    return as_strided_view(from_shared(whole), array.shape, steps, 0).detach()


def _check_buffer(length: int, itemsize: int, count: int, offset: int) -> None:
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % itemsize:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of element size "
            f"({itemsize})"
        )
    if count * itemsize > length - offset:
        raise ValueError(
            f"requested buffer length ({count} * {itemsize} bytes) after offset ({offset} bytes) must not be greater "
            f"than actual buffer length ({length} bytes)"
        )


@composite(method=False)
def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Any:
    """A 1-D tensor on the memory of an object with the buffer protocol.

    >>> import jtorch as torch
    >>> torch.frombuffer(bytearray(b"ab"), dtype=torch.uint8)
    tensor([97, 98], dtype=torch.uint8)
    """
    to = dtype_of("frombuffer", dtype)
    try:
        length = memoryview(buffer).nbytes
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    _check_buffer(length, to.itemsize, count, offset)
    array = np.frombuffer(buffer, to.np, count, offset)
    if not array.flags.writeable:
        warn_once(
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can "
            "write to the underlying (supposedly non-writable) buffer using the tensor. You may want to copy the "
            "buffer to protect its data or make it writable before converting it to a tensor. This type of warning "
            "will be suppressed for the rest of this program.",
        )
    t = from_shared(array)
    return t.requires_grad_() if requires_grad else t


@composite(method=False)
def scalar_tensor(s: Any, **options: Any) -> Any:
    """A 0-dim tensor of a number, in the default dtype."""
    if not isinstance(s, (int, float, complex, np.generic)) and not (isinstance(s, Handle) and not s._v.aval.ndim):
        raise errors.argument_type("scalar_tensor", "s", 1, "Number", s)
    return fill(FULL, (s,), (), options.pop("dtype", None), **options)


# Fills


@composite(method=False)
def zeros(*size: Any, dtype: Any = None, **options: Any) -> Any:
    """A tensor of zeros of shape `size`.

    >>> import jtorch as torch
    >>> torch.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return fill(ZEROS, (), shape_of("zeros", size, options.pop("size", None)), dtype, **options)


@composite(method=False)
def ones(*size: Any, dtype: Any = None, **options: Any) -> Any:
    """A tensor of ones of shape `size`.

    >>> import jtorch as torch
    >>> torch.ones(2)
    tensor([1., 1.])
    """
    return fill(ONES, (), shape_of("ones", size, options.pop("size", None)), dtype, **options)


@composite(method=False)
def empty(*size: Any, dtype: Any = None, memory_format: Any = None, **options: Any) -> Any:
    """A tensor of shape `size` whose elements mean nothing; here they are zeros.

    >>> import jtorch as torch
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])
    """
    return laid(fill(ZEROS, (), shape_of("empty", size, options.pop("size", None)), dtype, **options), memory_format)


@composite(method=False)
def empty_strided(size: Any, stride: Any, *, dtype: Any = None, **options: Any) -> Any:
    """A tensor of the given shape and strides whose elements mean nothing; here they are zeros.

    >>> import jtorch as torch
    >>> torch.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    shape, strides = shape_of("empty_strided", (tuple(size),)), tuple(stride)
    span = 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    return fill(ZEROS, (), (span,), dtype, **options).as_strided(shape, strides).detach()


@composite(method=False)
def full(size: Any, fill_value: Any, *, dtype: Any = None, **options: Any) -> Any:
    """A tensor of shape `size` filled with one value, whose type decides the dtype.

    >>> import jtorch as torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    if as_int(size) is not None and not isinstance(size, (tuple, list)):
        raise errors.argument_type("full", "size", 1, "tuple of ints", size)
    shape = shape_of("full", (size,))
    to = number_dtype(fill_value) if dtype is None else dtype_of("full", dtype)
    return fill(FULL, (fill_number("full", fill_value, to),), shape, to, **options)


def number_dtype(value: Any) -> dtype:
    """The dtype torch gives a tensor made of one number."""
    if isinstance(value, Handle):
        return value._v.aval.dtype
    default = get_default_dtype()
    if isinstance(value, (bool, np.bool_)):
        return PYTHON_DTYPES[bool]
    if isinstance(value, (complex, np.complexfloating)):
        return default.to_complex()
    return int64 if isinstance(value, (int, np.integer)) else default


_LIMITS = {"uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t"}


def fill_number(name: str, value: Any, to: dtype) -> Any:
    """A fill value as data; RuntimeError when an integer type cannot hold it."""
    if isinstance(value, Handle):
        if value._v.aval.ndim:
            raise errors.argument_type(name, "fill_value", 2, "Number", value)
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (bool, int, float, complex)):
        raise errors.argument_type(name, "fill_value", 2, "Number", value)
    if to.category == INT and not isinstance(value, complex):
        limits = np.iinfo(to.np)
        low = int(limits.min) or -int(limits.max)
        if not math.isfinite(value) or not low <= value <= int(limits.max):
            raise errors.value_overflow(_LIMITS.get(to.name, to.name))
        if not -(2**63) <= value < 2**63:
            return from_host(np.array(value, to.np))
    return value


_C_NAMES = {**_LIMITS, "float32": "float", "float64": "double"}


def fitting_number(value: Any, to: dtype) -> Any:
    """A number that is written into a tensor; RuntimeError when its dtype cannot hold it."""
    if isinstance(value, complex) and not to.is_complex and value.imag:
        raise errors.value_overflow(_C_NAMES.get(to.name, to.name))
    return fill_number("fill_", value, to)


@composite(method=False)
def eye(n: int, m: int | None = None, *, dtype: Any = None, **options: Any) -> Any:
    """A matrix with ones on the diagonal and zeros elsewhere.

    >>> import jtorch as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    for name, size in (("n", n), ("m", n if m is None else m)):
        if as_int(size) is None:
            raise errors.argument_type("eye", name, 1 if name == "n" else 2, "int", size)
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return fill(EYE, (), (int(n), int(n if m is None else m)), dtype, **options)


# Like another tensor


def _like(name: str, op: Fill, numbers: tuple, input: Any, dtype: Any, device: Any, options: dict) -> Any:
    if not isinstance(input, Handle):
        raise errors.argument_type(name, "input", 1, "Tensor", input)
    try:
        input._cell  # noqa: B018 - a tensor without storage of its own is answered for by the op's stand-in
    except Parted as met:
        found = answer(met, op, (input, dtype), {})
        return found.requires_grad_() if options.get("requires_grad") else found
    layout, aval = options.pop("memory_format", None), input._v.aval
    t = fill(op, numbers, aval.shape, dtype or aval.dtype, device=device or aval.device, **options)
    return laid(t, layout, input)


@composite(method=False)
def zeros_like(input: Any, *, dtype: Any = None, device: Any = None, **options: Any) -> Any:
    """Zeros of the shape, dtype and device of `input`."""
    return _like("zeros_like", ZEROS, (), input, dtype, device, options)


@composite(method=False)
def ones_like(input: Any, *, dtype: Any = None, device: Any = None, **options: Any) -> Any:
    """Ones of the shape, dtype and device of `input`."""
    return _like("ones_like", ONES, (), input, dtype, device, options)


@composite(method=False)
def empty_like(input: Any, *, dtype: Any = None, device: Any = None, **options: Any) -> Any:
    """A tensor of the shape, dtype and device of `input` whose elements mean nothing."""
    return _like("empty_like", ZEROS, (), input, dtype, device, options)


@composite(method=False)
def full_like(input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, **options: Any) -> Any:
    """One value in the shape, dtype and device of `input`."""
    to = input._v.aval.dtype if dtype is None and isinstance(input, Handle) else dtype
    numbers = (fill_number("full_like", fill_value, to) if to is not None else fill_value,)
    return _like("full_like", FULL, numbers, input, dtype, device, options)
