"""The one place where saving and loading touch tensors: what a storage's bytes are, and a tensor over such bytes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare.variants import from_host
from jtorch._engine import handle
from jtorch._engine.geometry import contiguous_stride, is_contiguous
from jtorch._types import DTYPES, float16
from jtorch._types import device as DeviceType
from jtorch._types import dtype as DType
from jtorch.storage import DTYPE_OF_STORAGE


class StorageType:
    """What torch's files call ``torch.FloatStorage``: names the dtype of a storage's elements, None where untyped."""

    def __init__(self, dtype: DType | None) -> None:
        self.dtype = dtype

    @property
    def itemsize(self) -> int:
        """Bytes of an element; an untyped storage counts bytes."""
        return 1 if self.dtype is None else self.dtype.itemsize


UNTYPED = StorageType(None)

STORAGE_TYPES = {name: StorageType(DTYPES[dtype]) for name, dtype in DTYPE_OF_STORAGE.items()}
"""The storage types that files name; storages of any other dtype are saved untyped."""

_TYPE_OF_DTYPE = {kind.dtype: kind for kind in STORAGE_TYPES.values()}


class SavedStorage:
    """A tensor's storage on its way into a file."""

    def __init__(self, tensor: Any) -> None:
        holder = tensor if tensor.dtype.np is not None else tensor._held
        cell = holder._cell if holder._order is None else handle.own_cell(holder)
        self._root = handle.read(holder) if cell is None else cell.value
        self._owner = holder if cell is None else cell
        self.dtype: DType = tensor.dtype
        self.kind = _TYPE_OF_DTYPE.get(self.dtype, UNTYPED)
        self.device = str(tensor.device)
        self.nbytes: int = self._root.aval.nbytes

    @property
    def key(self) -> int:
        """What tells storages apart while they live: what tensors on one storage have in common."""
        return id(self._owner)

    def data(self) -> np.ndarray:
        """Returns the bytes, in this machine's order."""
        return np.ascontiguousarray(handle.to_numpy(self._root)).reshape(-1).view(np.uint8)


class LoadedStorage:
    """One storage of a file, read; the tensors made of it share its memory."""

    def __init__(self, data: bytes, kind: StorageType, place: Callable[[Any], Any], big_endian: bool = False) -> None:
        self._data = data
        self._big_endian = big_endian
        self._kind = kind
        self._place = place
        self._root: Any = None

    @property
    def used(self) -> bool:
        """Whether a tensor was made of it."""
        return self._root is not None

    def tensor(self, size: tuple[int, ...], stride: tuple[int, ...], offset: int, dtype: DType | None) -> Any:
        """Returns a tensor over these bytes; ``dtype`` is given where the storage is untyped."""
        dtype = self._kind.dtype or dtype
        if not isinstance(dtype, DType):
            raise NotImplementedError(f"loading tensors of dtype {dtype}: neither NumPy nor XLA has it; convert them")
        if dtype.np is None:
            pairs = (*size, 2), (*(2 * step for step in stride), 1), 2 * offset
            return torch.view_as_complex(self.tensor(*pairs, float16))
        self._check_bounds(size, stride, offset, dtype.itemsize)
        if self._root is None:
            elements = self._elements(dtype)
            whole = offset == 0 and math.prod(size) == elements.size and is_contiguous(size, stride)
            array = elements.reshape(size if whole else -1)
            self._root = self._place(from_host(array, dtype))
            if whole:
                return self._root
        with torch.no_grad():
            if tuple(stride) == contiguous_stride(size):
                # A block of memory: cheaper to read and write than any strides.
                return self._root.view(-1).narrow(0, offset, math.prod(size)).view(size).detach()
            return self._root.as_strided(size, stride, offset).detach()

    def _elements(self, dtype: DType) -> np.ndarray:
        if self._big_endian:
            width = dtype.itemsize // (2 if dtype.is_complex else 1)
            return np.frombuffer(self._data, f"u{width}").byteswap().view(dtype.np)
        return np.frombuffer(self._data, dtype.np)

    def _check_bounds(self, size: tuple[int, ...], stride: tuple[int, ...], offset: int, itemsize: int) -> None:
        steps = [*size, *stride, offset]
        if len(size) != len(stride) or any(not isinstance(step, int) or step < 0 for step in steps):
            raise RuntimeError(f"invalid tensor in file: sizes {list(size)}, strides {list(stride)}, offset {offset}")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if 0 not in size and (last + 1) * itemsize > len(self._data):
            raise RuntimeError(
                f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
                f"{itemsize} requiring a storage size of {(last + 1) * itemsize} are out of bounds for storage of size "
                f"{len(self._data)}"
            )


class MapLocationFailed(Exception):
    """Carries an error of the user's ``map_location`` past what takes errors for signs of a corrupt file."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class PlacedStorage:
    """The storage that a ``map_location`` function is given, and returns: it can say where it is, and move."""

    def __init__(self, root: Any) -> None:
        self.root = root

    @property
    def device(self) -> DeviceType:
        """Where the storage is."""
        return self.root.device

    def nbytes(self) -> int:
        """Its size in bytes."""
        return self.root.nbytes

    def to(self, device: Any) -> "PlacedStorage":
        """The storage on another device."""
        return PlacedStorage(self.root.to(device))

    def cpu(self) -> "PlacedStorage":
        """The storage in main memory."""
        return self.to("cpu")

    def cuda(self, device: int | None = None) -> "PlacedStorage":
        """The storage on a GPU."""
        return self.to("cuda" if device is None else f"cuda:{device}")


Placement = Callable[[Any, str], Any]
"""Takes a tensor over a whole storage and the device it was saved from; returns it where it shall be."""


def placement(map_location: Any) -> Placement:
    """Returns what ``map_location`` asks for: a device, its name, names by names, or a function of storage and name."""
    if map_location is None:
        return _restored
    if isinstance(map_location, dict):
        return lambda root, location: _restored(root, map_location.get(location, location))
    if isinstance(map_location, (str, DeviceType)):
        return lambda root, location: _restored(root, str(map_location))

    def by_function(root: Any, location: str) -> Any:
        try:
            placed = map_location(PlacedStorage(root), location)
        except Exception as error:  # the user's function may raise anything
            raise MapLocationFailed(error) from error
        if placed is None:
            return _restored(root, location)
        return placed.root if isinstance(placed, PlacedStorage) else root.to(placed.device)

    return by_function


def _restored(root: Any, location: str) -> Any:
    kind = location.partition(":")[0]
    if kind == "cpu":
        return root
    try:
        device = DeviceType(location)
    except RuntimeError:
        raise RuntimeError(
            f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})"
        ) from None
    try:
        return root.to(device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RuntimeError(
            f"Attempting to deserialize object on a {kind.upper()} device but torch.{kind}.is_available() is False. "
            "If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') "
            "to map your storages to the CPU."
        ) from error
