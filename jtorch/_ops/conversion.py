"""Conversions and whole-tensor writes: dtype and device changes, copies, fills.

https://docs.pytorch.org/docs/stable/tensors.html
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from jtorch._declare import (
    Array,
    Fill,
    Handle,
    Scalar,
    as_int,
    broadcast,
    cast_to,
    composite,
    copy_in,
    copy_of,
    errors,
    fill,
    laid,
    lies_in,
    moved_to,
    op,
    order_of,
    placed,
    registry,
    write_back,
)
from jtorch._declare.devices import check_cuda
from jtorch._declare.draws import check_writable
from jtorch._declare.once import warn_of_lost_part
from jtorch._declare.types import (
    PYTHON_DTYPES,
    cpu,
    device,
    dtype,
    dtype_named,
    memory_format,
    preserve_format,
)
from jtorch._declare.verbs import lazy_bits
from jtorch._ops.arguments import check_tensor

_ZERO = Fill("zero_", lambda aval: 0)
_FILL = Fill("fill_", lambda aval, value: value)


_TO_KEYWORDS = {"device", "dtype", "tensor", "non_blocking", "copy", "memory_format"}
_TO_SIGNATURES = [
    f"{first}, bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None"
    for first in ("torch.device device = None, torch.dtype dtype = None", "torch.dtype dtype", "Tensor tensor")
]


def _target(args: tuple, kwargs: dict) -> tuple[Any, Any, bool, Any, Any]:
    """(device, dtype, copy, tensor, memory format) of the three signatures of `Tensor.to`."""
    layout = kwargs.get("memory_format")
    if kwargs.keys() - _TO_KEYWORDS:
        raise errors.invalid_combination("to", args, kwargs, _TO_SIGNATURES)
    found: dict[str, Any] = {"device": kwargs.get("device"), "dtype": kwargs.get("dtype")}
    other = kwargs.get("tensor")
    flags = []
    for a in args:
        if isinstance(a, Handle):
            other = a
        elif isinstance(a, dtype) or (isinstance(a, type) and a in PYTHON_DTYPES):
            found["dtype"] = PYTHON_DTYPES.get(a, a)
        elif isinstance(a, (device, str)) or (as_int(a) is not None and not isinstance(a, bool)):
            found["device"] = a
        elif isinstance(a, bool):
            flags.append(a)
        elif isinstance(a, memory_format):
            layout = a
        elif a is not None:
            raise errors.invalid_combination("to", args, {}, _TO_SIGNATURES)
    copy = kwargs.get("copy", flags[1] if len(flags) > 1 else False)
    return found["device"], found["dtype"], bool(copy), other, layout


_REST = "non_blocking=False, copy=False, *, memory_format=None"


@composite(
    function=False,
    forms=(f"self, dtype, {_REST}", f"self, device=None, dtype=None, {_REST}", f"self, tensor, {_REST}"),
)
def to(self: Any, *args: Any, **kwargs: Any) -> Any:
    """This tensor with another dtype or on another device; itself when it already is so.

    >>> import jtorch as torch
    >>> torch.tensor([1.7]).to(torch.int64)
    tensor([1])
    """
    place, wish, copy, other, layout = _target(args, kwargs)
    if other is not None:
        place, wish = other._v.aval.device, other._v.aval.dtype
    return _converted(self, wish, place, copy, layout)


@op(method=False, function=False, grad="ToCopyBackward0")
def _copied(input: Array) -> Array:
    return input


def _converted(self: Any, wish: dtype | None, place: Any, copy: bool = False, layout: Any = None) -> Any:
    aval = self._v.aval
    where = aval.device if place is None else placed(place)
    to: dtype = aval.dtype if wish is None else wish
    t = self
    if where != aval.device:
        t = laid(moved_to(t, where), None, t)
    if to is not aval.dtype:
        if aval.dtype.is_complex and not to.is_complex and to.name != "bool":
            warn_of_lost_part()
        t = cast_to(t, to)
    moves = layout is not None and layout is not preserve_format
    if moves:
        order_of(layout, aval.ndim)
    if (copy and t is self) or (moves and not lies_in(t, layout)):
        return laid(_copied(t), layout, t)
    return t


def _shorthand(name: str, target: str) -> None:
    wish = dtype_named(target)

    def method(self: Any, memory_format: Any = preserve_format) -> Any:
        return _converted(self, wish, None, layout=memory_format)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"This tensor as {wish}."
    registry.add_method(name, method)


for _name, _target_name in {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "long": "int64",
    "int": "int32", "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64",
    "cdouble": "complex128", "chalf": "complex32",
}.items():  # fmt: skip
    _shorthand(_name, _target_name)


TYPE_NAMES = {
    "float32": "FloatTensor", "float64": "DoubleTensor", "float16": "HalfTensor", "bfloat16": "BFloat16Tensor",
    "int64": "LongTensor", "int32": "IntTensor", "int16": "ShortTensor", "int8": "CharTensor", "uint8": "ByteTensor",
    "bool": "BoolTensor", "complex32": "ComplexHalfTensor", "complex64": "ComplexFloatTensor",
    "complex128": "ComplexDoubleTensor", "uint16": "UInt16Tensor", "uint32": "UInt32Tensor", "uint64": "UInt64Tensor",
}  # fmt: skip
TYPES_BY_NAME = {f"torch.{v}": k for k, v in TYPE_NAMES.items()}
TENSOR_TYPES: dict[Any, str] = {}  # names by torch.FloatTensor and its kin, which a layer above makes


@composite(public="type", function=False)
def _type(self: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor's type as text, or the tensor as another dtype, which may be named as text.

    >>> import jtorch as torch
    >>> torch.zeros(2).type(), torch.zeros(2).type(torch.int64)
    ('torch.FloatTensor', tensor([0, 0]))
    """
    if dtype is None:
        aval = self._v.aval
        space = "torch." if aval.device.type == "cpu" else f"torch.{aval.device.type}."
        return space + TYPE_NAMES.get(aval.dtype.name, f"{aval.dtype.type_name}Tensor")
    text: str | None = dtype if isinstance(dtype, str) else TENSOR_TYPES.get(dtype)
    if text is None:
        wish: Any = PYTHON_DTYPES.get(dtype, dtype)
        return _converted(self, wish, None)
    on_cuda = text.startswith("torch.cuda.")
    if on_cuda:
        check_cuda()
    kind = TYPES_BY_NAME.get(text.replace("torch.cuda.", "torch.", 1))
    if kind is None:
        raise ValueError(f"invalid type: '{text}'")
    return _converted(self, dtype_named(kind), placed("cuda") if on_cuda else cpu)


@composite(function=False)
def type_as(self: Any, other: Any) -> Any:
    """This tensor with the dtype and device of `other`."""
    return _converted(self, other._v.aval.dtype, other._v.aval.device)


@composite(public="cpu", function=False)
def _cpu(self: Any, memory_format: Any = preserve_format) -> Any:
    """This tensor in host memory."""
    return _converted(self, None, cpu)


@composite(function=False)
def cuda(self: Any, device: Any = None, non_blocking: bool = False, memory_format: Any = preserve_format) -> Any:
    """This tensor on an NVIDIA GPU; AssertionError where there is none."""
    place = placed("cuda" if device is None else device)
    if place.type != "cuda":
        raise RuntimeError("Invalid device, must be cuda device")
    return _converted(self, None, place)


@composite
def clone(input: Any, *, memory_format: Any = None) -> Any:
    """A copy, through which gradients flow.

    >>> import jtorch as torch
    >>> torch.ones(2).clone()
    tensor([1., 1.])
    """
    if not isinstance(input, Handle):
        raise errors.argument_type("clone", "input", 1, "Tensor", input)
    return copy_in(input, memory_format)


# Writing. Where the target is part of a graph it stays so, as in torch: its old value gets zero gradients.


@op(method=False, function=False, grad="CopyBackwards")
def _overwritten(input: Array, src: Array) -> Array:
    return src


@op(method=False, function=False,
    grad=lambda specs, statics: "FillBackward2" if isinstance(specs[1], type) else "FillBackward3")  # fmt: skip
def _filled_over(input: Array, value: Scalar) -> Array:
    return jnp.full_like(input, value)


@op(method=False, function=False, grad="ZeroBackward0")
def _zeroed(input: Array) -> Array:
    return jnp.zeros_like(input)


@composite(function=False)
def copy_(self: Any, other: Any, non_blocking: bool = False) -> Any:
    """Writes the elements of `other`, broadcast and cast to this tensor's shape and dtype."""
    if not isinstance(other, Handle):
        if isinstance(other, (bool, int, float, complex)):
            return fill_(self, other)
        raise errors.argument_type("copy_", "other", 1, "Tensor", other)
    mine, theirs, reads = self._v.aval, other._v.aval, (other,)
    if theirs.shape != mine.shape:
        check_writable(self)
        if broadcast(mine.shape, theirs.shape) != mine.shape:
            raise errors.output_shape(mine.shape, broadcast(mine.shape, theirs.shape))
        other = other.expand(mine.shape)
    src = _converted(other, mine.dtype, mine.device)
    in_graph = self._requires_grad or src._requires_grad
    return write_back("copy_", self, _overwritten(self, src) if in_graph else src, reads)


@composite
def fill_(input: Any, value: Any) -> Any:
    """Writes one value everywhere."""
    aval = input._v.aval
    if isinstance(value, Handle):
        if value._v.aval.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value._v.aval.ndim} dimensions."
            )
        if input._requires_grad or value._requires_grad:
            return write_back("fill_", input, _filled_over(input, value))
        return write_back("fill_", input, cast_to(value, aval.dtype).expand(aval.shape))
    number = _number(value)
    if input._requires_grad:
        return write_back("fill_", input, _filled_over(input, number))
    return write_back("fill_", input, fill(_FILL, (number,), aval.shape, aval.dtype, device=aval.device))


def _number(value: Any) -> Any:
    if isinstance(value, (bool, int, float, complex)):
        return value
    if hasattr(value, "item"):
        return value.item()
    raise errors.argument_type("fill_", "value", 1, "Number", value)


@composite
def zero_(input: Any) -> Any:
    """Writes zeros everywhere."""
    if input._requires_grad:
        return write_back("zero_", input, _zeroed(input))
    aval = input._v.aval
    return write_back("zero_", input, fill(_ZERO, (), aval.shape, aval.dtype, device=aval.device))


@composite(public="fill", method=False)
def _filled(input: Any, value: Any) -> Any:
    """A tensor of the shape of `input` with one value everywhere."""
    return fill_(copy_of(input), value)


@composite(function=False)
def fill_diagonal_(self: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Writes one value on the main diagonal; with `wrap` the diagonal of a tall matrix starts again below.

    >>> import jtorch as torch
    >>> torch.zeros(2, 2).fill_diagonal_(1)
    tensor([[1., 0.],
            [0., 1.]])
    """
    shape, stride = self._v.aval.shape, self.stride()
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    rows, columns = shape[0], shape[1]
    step = sum(stride)
    spots = [(min(shape), self.storage_offset())]
    if wrap and len(shape) == 2 and rows > columns + 1:
        starts = range(columns + 1, rows, columns + 1)
        spots += [(min(rows - r, columns), self.storage_offset() + r * stride[0]) for r in starts]
    for count, offset in spots:
        fill_(self.as_strided((count,), (step,), offset), fill_value)
    return self


@composite
def resolve_conj(input: Any) -> Any:
    """A copy in memory of its own where the tensor's memory holds the conjugates; else the tensor itself."""
    check_tensor("resolve_conj", input)
    return copy_of(input) if lazy_bits(input)[0] else input


@composite
def resolve_neg(input: Any) -> Any:
    """A copy in memory of its own where the tensor's memory holds the negatives; else the tensor itself."""
    check_tensor("resolve_neg", input)
    return copy_of(input) if lazy_bits(input)[1] else input
