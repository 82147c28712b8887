"""Reads the format of torch before 1.6: five pickles in a row, then the bytes of the storages."""

import pickle
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from . import _names
from ._storage import LoadedStorage, Placement, StorageType

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

_Unpickle = Callable[[BinaryIO, Callable[[Any], Any]], Any]


def load_legacy(file: BinaryIO, unpickle: _Unpickle, place: Placement) -> tuple[Any, list[LoadedStorage]]:
    """Returns the object and its storages; RuntimeError for what is no such file, EOFError for one cut short.

    The object's pickle stands before the storages, and refers to them. So it is read twice: first only to learn how
    long each storage is, then, with all bytes at hand, for good.
    """
    if unpickle(file, _no_storage) != MAGIC:
        raise RuntimeError("Invalid magic number; corrupt file?")
    protocol = unpickle(file, _no_storage)
    if protocol != PROTOCOL:
        raise RuntimeError(f"Invalid protocol version: {protocol}")
    system = unpickle(file, _no_storage)
    if not system.get("little_endian", True):
        raise NotImplementedError("loading legacy files of big-endian machines; save with the zip format instead")

    start = file.tell()
    kinds = _storage_types(file)
    keys = unpickle(file, _no_storage)
    data = {key: _read_storage(file, kinds[key]) for key in keys}
    end = file.tell()
    storages: dict[str, LoadedStorage] = {}

    def storage(pid: Any) -> LoadedStorage:
        kind, key, location = pid[1:4]
        if key not in storages:
            storages[key] = LoadedStorage(data[key], kind, lambda root: place(root, location))
        return storages[key]

    file.seek(start)
    obj = unpickle(file, storage)
    file.seek(end)
    return obj, list(storages.values())


def _no_storage(pid: Any) -> Any:
    raise pickle.UnpicklingError(f"a storage where none is expected: {pid!r}")


def _storage_types(file: BinaryIO) -> dict[str, StorageType]:
    """Reads over a pickle; returns the types of the storages it refers to."""
    kinds: dict[str, StorageType] = {}

    class Scanner(pickle.Unpickler):
        def persistent_load(self, pid: Any) -> Any:
            if not isinstance(pid, tuple) or pid[0] != "storage":
                raise NotImplementedError(f"loading legacy files with saved source code or unknown ids: {pid[:1]}")
            if pid[5] is not None:
                raise NotImplementedError("loading legacy files with storages that are views; save them again")
            kinds[pid[2]] = pid[1]
            return _Anything()

        def find_class(self, module: str, name: str) -> Any:
            known = _names.TORCH_NAMES.get(f"{module}.{name}")
            return known if isinstance(known, StorageType) else _Anything

    Scanner(file).load()
    return kinds


class _Anything:
    """Stands for every object of a pickle that is only read over."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Anything":
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def ignore(self, *args: Any) -> None:
        pass

    __call__ = __setstate__ = __setitem__ = append = extend = add = ignore


def _read_storage(file: BinaryIO, kind: StorageType) -> bytes:
    (count,) = struct.unpack("<q", _exactly(file, 8))
    if count < 0:
        raise RuntimeError(f"a storage of {count} elements; corrupt file?")
    return _exactly(file, count * kind.itemsize)


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise RuntimeError(f"unexpected EOF, expected {count - len(data)} more bytes. The file might be corrupted.")
    return data
