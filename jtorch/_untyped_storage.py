"""Memory as bytes: `torch.UntypedStorage`, and what tensors and storages make of each other."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jtorch._declare import copy_of, from_host
from jtorch._declare.verbs import as_strided_view
from jtorch._engine.geometry import Geometry
from jtorch._engine.handle import alias, own_cell, to_numpy, wrap
from jtorch._engine.storage import Cell
from jtorch._engine.tape import force
from jtorch._types import errors
from jtorch._types.device import device, meta
from jtorch._types.dtype import dtype, dtype_named, uint8

# One object for each storage in use, by its cell's id.
_storages: weakref.WeakValueDictionary[int, UntypedStorage] = weakref.WeakValueDictionary()


def tensor_over(cell: Cell, kind: dtype | None = None) -> Any:
    """A tensor over a whole storage: as it was made, or flat and of a dtype."""
    t = wrap(cell.value)
    t._cell, t._at = cell, cell.serial
    if kind is None:
        return t
    flat = alias(as_strided_view(t, (t._v.aval.size,), (1,), 0))
    return flat if flat.dtype is kind else flat.view(uint8)[: flat.nbytes // kind.itemsize * kind.itemsize].view(kind)


def storage_of(cell: Cell) -> UntypedStorage:
    """The one storage object of a cell."""
    found = _storages.get(id(cell))
    if found is None:
        found = _storages[id(cell)] = storage_apart(cell)
    return found


def storage_apart(cell: Cell) -> UntypedStorage:
    """Another storage object of a cell: pickles of two tensors share none, as torch's do not."""
    found = object.__new__(UntypedStorage)
    found._cell = cell
    return found


def copied_cell(cell: Cell, memo: dict) -> Cell:
    """The copy of a storage, one for each storage and `deepcopy`."""
    key = ("storage", id(cell))
    if key not in memo:
        memo[key] = own_cell(copy_of(tensor_over(cell)))
        memo.setdefault(id(memo), []).append(cell)
    return memo[key]


def _cell_of(array: np.ndarray) -> Cell:
    return own_cell(from_host(array))


class _StorageBase:
    """What a storage answers whatever its elements are. Its memory is the host's, and belongs to one process."""

    is_sparse = False
    is_sparse_csr = False
    filename = None
    device: device

    def __init__(self, *args: Any, **named: Any):
        pass

    @property
    def is_cuda(self) -> bool:
        """True where the memory is a GPU's."""
        return self.device.type == "cuda"

    @property
    def is_hpu(self) -> bool:
        """Always False."""
        return False

    def is_shared(self) -> bool:
        """Always False: other processes do not see the memory."""
        return False

    def is_pinned(self, device: Any = "cuda") -> bool:
        """Always False: there is no page-locked memory here."""
        return False

    def share_memory_(self) -> Any:
        """The storage itself."""
        return self

    def get_device(self) -> int | None:
        """The number of the device; None on the CPU."""
        return self.device.index


class UntypedStorage(_StorageBase):
    """A tensor's memory as bytes. Two tensors share memory exactly when their storages are the same object.

    `UntypedStorage(4)` has four bytes of whatever memory held, `UntypedStorage([1, 2])` these.

    >>> import jtorch as torch
    >>> x = torch.zeros(4)
    >>> x[1:].untyped_storage().nbytes()
    16
    """

    __module__ = "jtorch.storage"
    _cell: Cell

    def __new__(cls, *args: Any, device: Any = None, **named: Any) -> UntypedStorage:
        whole = [n for n in args if type(n) is int]
        if named or len(args) > 1:
            signatures = (
                "*, int allocator = None, torch.device device = None",
                "int size, *, int allocator = None, torch.device device = None",
                "object sequence, *, int allocator = None, torch.device device = None",
            )
            raise errors.invalid_combination("torch.UntypedStorage", args, named, signatures)
        if not args or whole:
            if whole and whole[0] < 0:
                raise RuntimeError("[enforce fail at alloc_cpu.cpp:98] ((ptrdiff_t)nbytes) >= 0. alloc_cpu() seems to "
                                   f"have been called with negative number: {whole[0] % 2**64}")  # fmt: skip
            found = np.zeros(whole[0] if whole else 0, np.uint8)
        else:
            found = _bytes_of(args[0])
        t = from_host(found)
        return storage_of(own_cell(t if device is None else t.to(device)))

    @classmethod
    def from_buffer(cls, *args: Any, **named: Any) -> UntypedStorage:
        """The bytes of a buffer, each element turned around where `byte_order` is not this machine's."""
        return storage_of(_cell_of(_from_buffer(*args, **named)))

    def data_ptr(self) -> int:
        """The address of the first byte."""
        if self.device == meta:
            return 0
        if self.device.type != "cpu":
            return force(self._cell.value).unsafe_buffer_pointer()
        return self._cell.address()

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._cell._value.aval.nbytes

    size = __len__ = nbytes

    def resizable(self) -> bool:
        """Whether a tensor on it may grow: not where NumPy holds its memory."""
        return self._cell.resizable

    def element_size(self) -> int:
        """Always 1: a storage without a type counts bytes."""
        return 1

    @property
    def device(self) -> device:  # type: ignore[override]  # an attribute in the base, where nothing computes it
        """Where the bytes are."""
        return self._cell._value.aval.device

    def untyped(self) -> UntypedStorage:
        """The storage itself."""
        return self

    # Reading and writing

    def _bytes(self) -> np.ndarray:
        return np.ascontiguousarray(to_numpy(self._cell.value)).reshape(-1).view(np.uint8)

    def _memory(self) -> np.ndarray:
        """The bytes, to be written to."""
        return self._cell.export(Geometry((self.nbytes(),), (1,), 0), np.dtype(np.uint8))

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        return self._bytes().tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return storage_of(_cell_of(self._bytes()[_whole_steps(index)].copy()))
        if type(index) is not int:
            raise TypeError(f"can't index a torch.UntypedStorage with {errors.type_name(index)}")
        return self._bytes()[place_of(index, self.nbytes())].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(value) is not int:
            raise RuntimeError(
                f"can only set storage content with a int types, but got {errors.type_name(value)} instead"
            )
        if isinstance(index, slice):
            self._memory()[_whole_steps(index)] = value % 256
        elif type(index) is not int:
            raise RuntimeError(f"can't index a torch.UntypedStorage with {errors.type_name(index)}")
        elif not 0 <= index < self.nbytes():
            raise RuntimeError("out of bounds")
        else:
            self._memory()[index] = value % 256

    def fill_(self, value: int) -> UntypedStorage:
        """Sets every byte."""
        if type(value) is not int:
            raise RuntimeError(f"fill_ expects int, but got {errors.type_name(value)}")
        self._memory()[:] = value % 256
        return self

    def copy_(self, source: Any, non_blocking: Any = None) -> UntypedStorage:
        """Takes the bytes of another storage of the same size."""
        if not isinstance(source, _StorageBase):
            raise errors.argument_type("copy_", "src", 1, "torch.Storage", source)
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                f"size does not match, self was {self.nbytes()} bytes but src was {source.nbytes()} bytes"
            )
        self._memory()[:] = source.untyped()._bytes()
        return self

    def resize_(self, size: int) -> UntypedStorage:
        """Gives the storage another size, which only `Tensor.resize_` can."""
        if type(size) is not int:
            raise RuntimeError(f"resize_ expects an int, but got {errors.type_name(size)}")
        if size != self.nbytes():
            raise NotImplementedError(
                "a storage keeps the size it was made with: use resize_ of the tensor that holds it"
            )
        return self

    def byteswap(self, dtype: dtype) -> None:
        """Turns the bytes of each element around."""
        memory = self._memory().view(f"u{dtype.itemsize}")
        memory.byteswap(inplace=True)

    def __bytes__(self) -> bytes:
        return self._bytes().tobytes()

    # Copies

    def new(self) -> UntypedStorage:
        """An empty storage."""
        return UntypedStorage(device=self.device)

    def clone(self) -> UntypedStorage:
        """A copy of the bytes."""
        return storage_of(own_cell(copy_of(tensor_over(self._cell))))

    __copy__ = clone

    def cpu(self) -> UntypedStorage:
        """The bytes in host memory: the storage itself where they lie there."""
        return self.to(device="cpu")

    def cuda(self, device: Any = None, non_blocking: bool = False) -> UntypedStorage:
        """The bytes in a GPU's memory."""
        return self.to(device="cuda" if device is None else device)

    def to(self, *, device: Any, non_blocking: bool = False) -> UntypedStorage:
        """The bytes on a device: the storage itself where they lie there."""
        root = tensor_over(self._cell)
        moved = root.to(device)
        return self if moved is root else storage_of(own_cell(moved))

    def pin_memory(self, device: Any = "cuda") -> UntypedStorage:
        """The bytes in page-locked memory, as the tensor's `pin_memory` has it."""
        return storage_of(own_cell(tensor_over(self._cell).pin_memory()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._cell is self._cell

    def __hash__(self) -> int:
        return id(self._cell)

    @property
    def _cdata(self) -> int:
        return id(self._cell)

    def __deepcopy__(self, memo: dict) -> UntypedStorage:
        return storage_of(copied_cell(self._cell, memo))

    def __reduce__(self) -> tuple:
        aval = self._cell._value.aval
        return _loaded, (bytes(self), aval.shape, aval.dtype.name, str(aval.device))

    def __repr__(self) -> str:
        shown = "..." if self.device == meta else " " + "\n ".join(map(str, self.tolist()))
        return f"{shown}\n[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


def _loaded(data: bytes, shape: tuple, name: str, place: str) -> UntypedStorage:
    array = np.frombuffer(data, dtype_named(name).np).reshape(shape).copy()
    t = from_host(array, dtype_named(name))
    return storage_of(own_cell(t if place == "cpu" else t.to(place)))


def _bytes_of(sequence: Any) -> np.ndarray:
    """The bytes of a sequence of ints, modulo 256."""
    if not isinstance(sequence, Sequence):
        name = errors.type_name(sequence)
        raise RuntimeError(f"torch.UntypedStorage(): Expected a sequence type, but got {name}")
    for item in sequence:
        if type(item) is not int:
            raise RuntimeError(
                f"torch.UntypedStorage(): tried to construct a storage from a sequence ({errors.type_name(sequence)}), "
                f"but one of the items was of type {errors.type_name(item)} instead of int"
            )
    return np.array([n % 256 for n in sequence], np.uint8)


def _whole_steps(index: slice) -> slice:
    if index.step not in (None, 1):
        raise RuntimeError(f"Trying to slice with a step of {index.step}, but only a step of 1 is supported")
    return index


def place_of(index: int, size: int) -> int:
    place = index + size if index < 0 else index
    if not 0 <= place < size:
        raise IndexError(f"index {place} out of range for storage of size {size}")
    return place


def _from_buffer(
    buffer: Any = None, byte_order: str | None = None, offset: int = 0, count: int = -1, dtype: Any = None
) -> np.ndarray:
    if dtype is None:
        raise RuntimeError("argument 'dtype' cannot be None")
    if byte_order is None and dtype.itemsize > 1:
        raise RuntimeError("function missing required argument 'byte_order' (pos 2)")
    if byte_order not in ("big", "little", "native", None):
        raise ValueError(f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')")
    given: Any = buffer
    memory = memoryview(given).cast("B")[offset:]
    if count < 0 and len(memory) % dtype.itemsize:
        raise ValueError(f"buffer size ({len(memory)}) must be a multiple of element size ({dtype.itemsize})")
    found = np.frombuffer(memory, f"u{min(dtype.itemsize, 8)}", count).copy()
    return (found if byte_order in ("native", sys.byteorder, None) else found.byteswap()).view(np.uint8)
