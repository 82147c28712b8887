"""``torch.save`` and ``torch.load``: files that this library and torch both read and write.

The format is torch's zip archive (:mod:`._archive`). Objects are pickled with torch's names (:mod:`._names`), so that a
file does not tell which library wrote it. Source: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

import contextlib
import io
import os
import pickle
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from jtorch._types.user_frame import warn

from . import _archive
from ._legacy import load_legacy
from ._pickler import pickled
from ._safe_globals import add_safe_globals as add_safe_globals
from ._safe_globals import clear_safe_globals as clear_safe_globals
from ._safe_globals import get_safe_globals as get_safe_globals
from ._safe_globals import safe_globals as safe_globals
from ._storage import LoadedStorage, MapLocationFailed, Placement, placement
from ._unpickler import WeightsUnpickler, load_weights, open_unpickler

DEFAULT_PROTOCOL = 2

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]


def save(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Writes an object to a file, a path or anything with a ``write`` method, in torch's format.

    Tensors that share a storage share it again when they are loaded. A path is written as a whole or not at all.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.save.html

    >>> import io
    >>> import jtorch as torch
    >>> file = io.BytesIO()
    >>> torch.save({"weight": torch.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'weight': tensor([1., 1.])}
    """
    is_path = isinstance(f, (str, os.PathLike))
    if not is_path and not hasattr(f, "write"):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("saving in the legacy format: leave _use_new_zipfile_serialization at True")
    # Everything that can fail on account of the object fails here, before any file is touched.
    content, storages = pickled(obj, pickle_module, pickle_protocol)
    records = {key: storage.data() for key, storage in storages.items()}
    byteorder = None if _disable_byteorder_record else sys.byteorder
    if not is_path:
        _archive.write_archive(f, "archive", content, records, byteorder)
        return
    path = os.fspath(f)
    stem = os.path.splitext(os.path.basename(path))[0]
    with _archive.replacing(path) as file:
        _archive.write_archive(file, stem if stem.isascii() else "archive", content, records, byteorder)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Reads what :func:`save`, or torch's own ``save``, wrote.

    ``map_location`` says where tensors go: a device, its name, a dict from names to names, or a function of a storage
    and the name of its place. With ``weights_only``, the default, a file can hold tensors, containers, numbers and text
    only, and what :func:`add_safe_globals` names; anything else raises ``pickle.UnpicklingError``. Without it, loading
    a file runs whatever code it holds. ``mmap`` is taken for torch's sake: the file is read at once.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.load.html

    >>> import io
    >>> import jtorch as torch
    >>> file = io.BytesIO()
    >>> torch.save([1, torch.arange(3)], file)
    >>> _ = file.seek(0)
    >>> torch.load(file, map_location="cpu")
    [1, tensor([0, 1, 2])]
    """
    if weights_only is None:
        weights_only = pickle_module is None
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if weights_only and pickle_load_args:
        warn("pickle_load_args only works if `weights_only=False`.")
    place = placement(map_location)

    def unpickle(file: BinaryIO, persistent_load: Any) -> Any:
        if weights_only:
            return WeightsUnpickler(file, persistent_load).load()
        module = pickle if pickle_module is None else pickle_module
        return open_unpickler(file, persistent_load, module, {"encoding": "utf-8"} | pickle_load_args).load()

    with _opened(f) as file:
        is_archive = _archive.starts_like_archive(file)
        if mmap:
            _check_mmap(f, is_archive)

        def read() -> Any:
            if is_archive:
                obj, storages = _load_archive(file, unpickle, place, weights_only)
            else:
                obj, storages = load_legacy(file, unpickle, place)
            if not all(storage.used for storage in storages):
                raise NotImplementedError("loading a storage without a tensor: save the tensor instead")
            return obj

        try:
            return load_weights(read) if weights_only else read()
        except MapLocationFailed as failure:
            raise failure.error from None


@contextlib.contextmanager
def _opened(f: Any) -> Iterator[BinaryIO]:
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            yield file
        return
    for method in ("seek", "tell", "read", "readline"):
        if not hasattr(f, method):
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{method}'. You can only torch.load from a file that is "
                "seekable. Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
    yield f


def _check_mmap(f: Any, is_archive: bool) -> None:
    if not is_archive:
        path = f"{f}, " if isinstance(f, (str, os.PathLike)) else ""
        raise RuntimeError(
            f"mmap can only be used with files saved with `torch.save({path}_use_new_zipfile_serialization=True), "
            "please torch.save your checkpoint with this option in order to use mmap."
        )
    if not isinstance(f, (str, os.PathLike)):
        raise ValueError("f must be a file path in order to use the mmap argument")


def _load_archive(
    file: BinaryIO, unpickle: Any, place: Placement, weights_only: bool
) -> tuple[Any, list[LoadedStorage]]:
    archive = _archive.ArchiveReader(file)
    if "constants.pkl" in archive:
        raise NotImplementedError("loading TorchScript archives; save the state_dict of the model instead")
    big_endian = "byteorder" in archive and archive.read("byteorder") == b"big"
    storages: dict[str, LoadedStorage] = {}

    def storage(pid: Any) -> LoadedStorage:
        assert isinstance(pid, tuple), f"saved_id must be a tuple, got {type(pid).__name__}"
        typename, kind, key, location, count = pid
        assert typename == "storage", f"Unknown typename for persistent_load, expected 'storage' but got '{typename}'"
        if key not in storages:
            data = archive.read(f"data/{key}")
            if len(data) != count * kind.itemsize:
                raise RuntimeError(
                    f"record size ({len(data)} bytes) does not match expected size ({count * kind.itemsize} bytes)"
                )
            storages[key] = LoadedStorage(data, kind, lambda root: place(root, location), big_endian)
        return storages[key]

    return unpickle(io.BytesIO(archive.read("data.pkl")), storage), list(storages.values())
