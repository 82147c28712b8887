"""Storages, and how a tensor is copied deeply or pickled: what belongs to memory rather than to elements."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from jtorch._declare import copy_of, registry
from jtorch._declare.verbs import as_strided_view, become, geometry_of, lazy_bits
from jtorch._engine.handle import Handle, alias, own_cell, read, share, wrap
from jtorch._engine.storage import Counter
from jtorch._engine.tape import threads
from jtorch._engine.underivable import sever
from jtorch._engine.writing import check_inplace, rebind, written
from jtorch._ops import complex_parts, creation, creation_strided
from jtorch._ops.arguments import varargs, wholes
from jtorch._types import autograd_errors, errors
from jtorch._types.device import device as device_type
from jtorch._types.dtype import dtype, dtype_named
from jtorch._types.layout import channels_last
from jtorch._types.user_frame import warn
from jtorch._untyped_storage import UntypedStorage, copied_cell, storage_apart, storage_of, tensor_over
from jtorch.storage import STORAGE_TYPES, TypedStorage, typed_over, warn_of_typed_storage


def untyped_storage(self: Any) -> UntypedStorage:
    """The tensor's memory as bytes."""
    return storage_of(own_cell(self))


def storage(self: Any) -> TypedStorage:
    """The tensor's memory as elements."""
    warn_of_typed_storage()
    return _typed_storage(self)


def _typed_storage(self: Any) -> TypedStorage:
    return typed_over(untyped_storage(self), self.dtype)


def storage_type(self: Any) -> type:
    """The class of the tensor's `storage()`, `torch.FloatStorage`."""
    return STORAGE_TYPES[storage(self).pickle_storage_type()]


def data_ptr(self: Any) -> int:
    """The address of the tensor's first element.

    It stays the same for the life of the storage. What is written there must be written before the tensor is used
    again; what is read there is right until the tensor is used again.
    """
    if not self._v.aval.size:
        return 0
    return untyped_storage(self).data_ptr() + geometry_of(self).offset * self._v.aval.dtype.itemsize


# Another storage, another size


def set_(self: Any, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Any:
    """Makes the tensor show another tensor's storage, or part of one."""
    found: Any = self.new_empty(0) if source is None else source
    if isinstance(found, Handle):
        _check_type(self, found)
    elif not isinstance(found, (UntypedStorage, TypedStorage)):
        signatures = (
            "",
            "torch.Storage source",
            "torch.Storage source, int storage_offset, tuple of ints size, tuple of ints stride",
            "Tensor source",
            "Tensor source, int storage_offset, tuple of ints size, tuple of ints stride",
        )
        raise errors.invalid_combination("set_", (found,), {}, signatures)
    else:
        found = tensor_over(found.untyped()._cell, getattr(found, "dtype", self.dtype))
        size = (found._v.aval.size,) if size is None else size
    if size is not None:
        shape = wholes("set_", "size", 3, size)
        strides = _row_major(shape) if stride is None else wholes("set_", "stride", 4, stride)
        found = alias(as_strided_view(found, shape, strides, storage_offset))
    check_inplace(self, threads.tape)
    _check_type(self, found)
    rebind(self, found)
    written(self)
    if self._requires_grad and threads.tape.grad_enabled:
        sever(self, "NotImplemented", RuntimeError("derivative for set_ is not implemented"))
    return self


def _check_type(self: Any, found: Any) -> None:
    if found.dtype is not self.dtype:
        theirs, mine = (errors.c_name(t.dtype.type_name) for t in (found, self))
        raise RuntimeError(f"Could not set tensor of type {theirs} to a tensor of type {mine}")


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(np.prod([max(n, 1) for n in shape[d + 1 :]], dtype=np.int64)) for d in range(len(shape)))


def resize_(self: Any, *size: Any, memory_format: Any = None, **named: Any) -> Any:
    """Gives the tensor another shape over its own storage, which grows when it is too small."""
    if self._requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    given = varargs("resize_", "size", size, named)
    if len(given) == 1 and isinstance(given[0], str):
        raise errors.argument_type("resize_", "size", 1, "tuple of ints", given[0])
    shape = wholes("resize_", "size", 1, given)
    if any(n < 0 for n in shape):
        raise RuntimeError("numel: integer multiplication overflow")
    if memory_format is channels_last and len(shape) != 4:
        raise RuntimeError("required rank 4 tensor to use channels_last format")
    wanted = int(np.prod(shape, dtype=np.int64))
    g = geometry_of(self)
    cell = own_cell(self)
    if g.offset + wanted <= cell._value.aval.size and cell._value.aval.dtype is self.dtype:
        return become(self, as_strided_view(self, shape, _row_major(shape), g.offset))
    if not cell.resizable:
        raise RuntimeError("Trying to resize storage that is not resizable")
    old = self.detach().reshape(-1)
    grown = creation.zeros(wanted, dtype=self.dtype, device=self.device)
    if old._v.aval.size:
        grown[: old._v.aval.size].copy_(old)
    rebind(self, grown.reshape(shape).contiguous())
    return self


def resize_as_(input: Any, the_template: Any, memory_format: Any = None) -> Any:
    """`resize_` to the shape of another tensor."""
    return resize_(input, the_template._v.aval.shape)


# Copies and pickles


def deepcopy(self: Any, memo: dict) -> Any:
    """A copy with its own storage; tensors that share memory share it after the copy too."""
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise autograd_errors.deepcopy_of_result()
    t = wrap(read(self))
    if type(self) is not type(t) and type(self.new_empty([])) is not type(self):
        raise RuntimeError(
            "The default implementation of __deepcopy__() for non-wrapper subclasses only works for subclass types "
            "that implement new_empty() and for which that function returns another instance of the same subclass. You "
            "should either properly implement new_empty() for your subclass or override __deepcopy__() if it is "
            "intended behavior for new_empty() to return an instance of a different type."
        )
    share(t, self, copied_cell(own_cell(self), memo), self._chain)
    t._counter = Counter(1, seen=True)  # that it was set on its storage counts in torch
    t = copy_of(t) if any(lazy_bits(t)) else t
    t = t.as_subclass(type(self)) if type(self) is not type(t) else t
    t._requires_grad = self._requires_grad
    memo[id(self)] = t
    vars(t).update(copy.deepcopy(own_attributes(self), memo))
    if self._grad is not None:
        t._grad = deepcopy(self._grad, memo)
    return t


_FIELDS = {*Handle.__annotations__, *vars(Handle), "_held"}  # the last of a tensor made of others


def own_attributes(tensor: Any) -> dict[str, Any]:
    """The attributes that the user gave a tensor."""
    return {name: value for name, value in vars(tensor).items() if name not in _FIELDS}


def reduce_ex(self: Any, proto: int) -> tuple:
    """A tensor as a pickle holds it: with a storage of its own, so that tensors of one storage come back apart."""
    for hook in (self._backward_hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the "
                "function with @torch.utils.hooks.unserializable_hook to suppress this warning"
            )
    g = geometry_of(self)
    if self.device.type == "meta":
        return _without_data, (g.size, g.stride, self.dtype, self._requires_grad, own_attributes(self))
    bits = lazy_bits(self)
    facts = (self.dtype.name, g.offset, g.size, g.stride, self._requires_grad, own_attributes(self), bits)
    return rebuilt, (type(self), storage_apart(own_cell(self)), *facts)


def _without_data(size: tuple, stride: tuple, kind: dtype, requires_grad: bool, given: dict) -> Any:
    t = creation_strided.empty_strided(size, stride, dtype=kind, device="meta", requires_grad=requires_grad)
    vars(t).update(given)
    return t


def rebuilt(
    cls: type,
    memory: UntypedStorage,
    name: str,
    offset: int,
    size: tuple,
    stride: tuple,
    requires_grad: bool,
    given: dict,
    bits: tuple[bool, bool] = (False, False),
) -> Any:  # fmt: skip
    """The tensor that `reduce_ex` describes."""
    t = tensor_over(memory._cell)
    aval = t._v.aval
    if (aval.dtype.name, offset, aval.shape, _row_major(aval.shape)) != (name, 0, tuple(size), tuple(stride)):
        t = alias(as_strided_view(t if aval.dtype.name == name else t.view(dtype_named(name)), size, stride, offset))
    t._counter = Counter(1, seen=True)
    t = t.conj() if bits[0] else t
    t = complex_parts._neg_view(t) if bits[1] else t
    t = t.as_subclass(cls) if cls is not type(t) else t
    t._requires_grad = requires_grad
    vars(t).update(given)
    return t


resize_.forms = ("self, size, *, memory_format=None",)  # type: ignore[attr-defined]  # size=(2, 3), or varargs


def share_memory_(self: Any) -> Any:
    """The tensor itself: its memory belongs to one process."""
    return self


def pin_memory(self: Any, device: Any = None) -> Any:
    """The tensor itself: there is no page-locked memory here. RuntimeError where no accelerator could use it."""
    device_type(0)
    return self


def is_pinned(self: Any, device: Any = None) -> bool:
    """Always False: there is no page-locked memory here."""
    if device is not None:
        device_type(device)
        warn(
            "The argument 'device' of Tensor.is_pinned() is deprecated. Please do not pass this argument.",
            DeprecationWarning,
        )
    return False


for _name, _fn in {
    "untyped_storage": untyped_storage, "storage": storage, "_typed_storage": _typed_storage,
    "storage_type": storage_type, "data_ptr": data_ptr, "set_": set_, "resize_": resize_,
    "resize_as_": resize_as_, "__deepcopy__": deepcopy, "__reduce_ex__": reduce_ex, "share_memory_": share_memory_,
    "pin_memory": pin_memory, "is_shared": lambda self: False, "is_pinned": is_pinned,
}.items():  # fmt: skip
    registry.add_method(_name, _fn)


registry.add_function("torch", "resize_as_", resize_as_)
