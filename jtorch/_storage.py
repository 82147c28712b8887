"""Storages, and how a tensor is copied deeply or pickled: what belongs to memory rather than to elements."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import numpy as np

from jtorch._declare import copy_of, from_host, registry
from jtorch._declare.once import warn_once
from jtorch._declare.verbs import as_strided_view, become, geometry_of
from jtorch._engine.handle import Handle, alias, own_cell, read, rebind, share, to_numpy, wrap
from jtorch._engine.storage import Cell
from jtorch._engine.tape import force
from jtorch._ops import creation
from jtorch._ops.arguments import wholes
from jtorch._types import autograd_errors
from jtorch._types.device import device
from jtorch._types.dtype import dtype, dtype_named

# One object for each storage in use, by its cell's id.
_storages: weakref.WeakValueDictionary[int, UntypedStorage] = weakref.WeakValueDictionary()


class UntypedStorage:
    """A tensor's memory as bytes. Two tensors share memory exactly when their storages are equal.

    >>> import jtorch as torch
    >>> x = torch.zeros(4)
    >>> x[1:].untyped_storage().nbytes()
    16
    """

    def __init__(self, cell: Cell):
        self._cell = cell

    @property
    def _root(self) -> Any:
        """A tensor over the whole storage."""
        return _over(self._cell)

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return _address(self._cell)

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._cell._value.aval.nbytes

    size = __len__ = nbytes

    def element_size(self) -> int:
        """Always 1: a storage without a type counts bytes."""
        return 1

    @property
    def device(self) -> device:
        """Where the bytes are."""
        return self._cell._value.aval.device

    def _bytes(self) -> np.ndarray:
        return np.frombuffer(np.ascontiguousarray(to_numpy(self._cell.value)), np.uint8)

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        return self._bytes().tolist()

    def __getitem__(self, index: Any) -> Any:
        found = self._bytes()[index]
        return found.tolist()

    def __bytes__(self) -> bytes:
        return self._bytes().tobytes()

    def clone(self) -> UntypedStorage:
        """A copy of the bytes."""
        return untyped_storage(copy_of(self._root))

    def cpu(self) -> UntypedStorage:
        """The bytes in host memory."""
        return untyped_storage(self._root.cpu())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._cell is self._cell

    def __hash__(self) -> int:
        return id(self._cell)

    @property
    def _cdata(self) -> int:
        return id(self._cell)

    def __deepcopy__(self, memo: dict) -> UntypedStorage:
        return untyped_storage(_over(_copied(self._cell, memo)))

    def __reduce__(self) -> tuple:
        aval = self._cell._value.aval
        return _loaded_storage, (bytes(self), aval.shape, aval.dtype.name, str(aval.device))

    def __repr__(self) -> str:
        shown = "\n ".join(map(str, self.tolist()))
        return f" {shown}\n[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


class TypedStorage:
    """A tensor's memory as elements of its dtype."""

    def __init__(self, cell: Cell, kind: dtype):
        self._untyped = untyped_storage(_over(cell))
        self.dtype = kind

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self._untyped

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._untyped.data_ptr()

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._untyped.nbytes()

    def size(self) -> int:
        """The number of elements."""
        return self._untyped.nbytes() // self.dtype.itemsize

    __len__ = size

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def device(self) -> device:
        """Where the elements are."""
        return self._untyped.device

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self._untyped._bytes().view(self.dtype.np).tolist()

    def __getitem__(self, index: Any) -> Any:
        return self.tolist()[index]


def _over(cell: Cell) -> Any:
    t = wrap(cell.value)
    t._cell = cell
    t._at = cell.serial
    return t


def _address(cell: Cell) -> int:
    if cell._value.aval.device.type != "cpu":
        return force(cell.value).unsafe_buffer_pointer()
    return cell.address()


def _loaded_storage(data: bytes, shape: tuple, name: str, place: str) -> UntypedStorage:
    array = np.frombuffer(data, dtype_named(name).np).reshape(shape).copy()
    t = from_host(array, dtype_named(name))
    return untyped_storage(t if place == "cpu" else t.to(place))


def untyped_storage(self: Any) -> UntypedStorage:
    """The tensor's memory as bytes."""
    cell = own_cell(self)
    found = _storages.get(id(cell))
    if found is None:
        found = _storages[id(cell)] = UntypedStorage(cell)
    return found


def storage(self: Any) -> TypedStorage:
    """The tensor's memory as elements."""
    warn_once(
        "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage "
        "class. This should only matter to you if you are using storages directly.  To access UntypedStorage directly, "
        "use tensor.untyped_storage() instead of tensor.storage()",
        ever=True,
    )
    return TypedStorage(own_cell(self), self.dtype)


def data_ptr(self: Any) -> int:
    """The address of the tensor's first element.

    It stays the same for the life of the storage. What is written there must be written before the tensor is used
    again; what is read there is right until the tensor is used again.
    """
    if not self._v.aval.size:
        return 0
    return _address(own_cell(self)) + geometry_of(self).offset * self._v.aval.dtype.itemsize


# Another storage, another size


def set_(self: Any, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Any:
    """Makes the tensor show another tensor's storage, or part of one."""
    found: Any = self.new_empty(0) if source is None else source
    if not isinstance(found, Handle):
        found = _over((found if isinstance(found, UntypedStorage) else found.untyped())._cell)
        size = (found._v.aval.size,) if size is None else size
    if size is not None:
        shape = wholes("set_", "size", 3, size)
        strides = _row_major(shape) if stride is None else wholes("set_", "stride", 4, stride)
        found = alias(as_strided_view(found, shape, strides, storage_offset))
    rebind(self, found)
    return self


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(np.prod([max(n, 1) for n in shape[d + 1 :]], dtype=np.int64)) for d in range(len(shape)))


def resize_(self: Any, *size: Any, memory_format: Any = None, **named: Any) -> Any:
    """Gives the tensor another shape over its own storage, which grows when it is too small."""
    if self._requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    shape = wholes("resize_", "size", 1, named["size"] if named else size)
    wanted = int(np.prod(shape, dtype=np.int64))
    g = geometry_of(self)
    cell = own_cell(self)
    if g.offset + wanted <= cell._value.aval.size and cell._value.aval.dtype is self.dtype:
        return become(self, as_strided_view(self, shape, _row_major(shape), g.offset))
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


def _copied(cell: Cell, memo: dict) -> Cell:
    """The copy of a storage, one for each storage and `deepcopy`."""
    key = ("storage", id(cell))
    if key not in memo:
        memo[key] = own_cell(copy_of(_over(cell)))
        memo.setdefault(id(memo), []).append(cell)
    return memo[key]


def deepcopy(self: Any, memo: dict) -> Any:
    """A copy with its own storage; tensors that share memory share it after the copy too."""
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise autograd_errors.deepcopy_of_result()
    t = wrap(read(self))
    share(t, self, _copied(own_cell(self), memo), self._chain)
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


def reduce_ex(self: Any, protocol: int) -> tuple:
    """A tensor as a pickle holds it: with a storage of its own, so that tensors of one storage come back apart."""
    g = geometry_of(self)
    facts = (self.dtype.name, g.offset, g.size, g.stride, self._requires_grad, own_attributes(self))
    return rebuilt, (type(self), UntypedStorage(own_cell(self)), *facts)


def rebuilt(
    cls: type,
    memory: UntypedStorage,
    name: str,
    offset: int,
    size: tuple,
    stride: tuple,
    requires_grad: bool,
    given: dict,
) -> Any:  # fmt: skip
    """The tensor that `reduce_ex` describes."""
    t = _over(memory._cell)
    aval = t._v.aval
    if (aval.dtype.name, offset, aval.shape, _row_major(aval.shape)) != (name, 0, tuple(size), tuple(stride)):
        t = alias(as_strided_view(t if aval.dtype.name == name else t.view(dtype_named(name)), size, stride, offset))
    t = t.as_subclass(cls) if cls is not type(t) else t
    t._requires_grad = requires_grad
    vars(t).update(given)
    return t


resize_.forms = ("self, size, *, memory_format=None",)  # type: ignore[attr-defined]  # size=(2, 3), or varargs


def share_memory_(self: Any) -> Any:
    """The tensor itself: its memory belongs to one process."""
    return self


def pin_memory(self: Any, device: Any = None) -> Any:
    """The tensor itself: there is no page-locked memory here."""
    return self


for _name, _fn in {
    "untyped_storage": untyped_storage, "storage": storage, "data_ptr": data_ptr, "set_": set_, "resize_": resize_,
    "resize_as_": resize_as_, "__deepcopy__": deepcopy, "__reduce_ex__": reduce_ex, "share_memory_": share_memory_,
    "pin_memory": pin_memory, "is_shared": lambda self: False, "is_pinned": lambda self, device=None: False,
}.items():  # fmt: skip
    registry.add_method(_name, _fn)


registry.add_function("torch", "resize_as_", resize_as_)
