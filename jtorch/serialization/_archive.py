"""Torch's file format: a zip archive of uncompressed records, each starting at a multiple of 64 bytes.

``NAME/data.pkl`` holds the object; ``NAME/data/0`` and so on hold the bytes of the storages; ``version``,
``byteorder``, ``.format_version`` and ``.storage_alignment`` describe the file. ``NAME`` is the file's name without its
extension.
"""

import contextlib
import os
import secrets
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

ALIGNMENT = 64

# Sizes in bytes of what stands before a record's data: the header, to which come the name and the extra fields; the
# field that large records have; what precedes the padding.
_HEADER, _ZIP64_FIELD, _PADDING_HEADER = 30, 20, 4

_CORRUPT = (
    "This is an internal miniz error. If you are seeing this error, there is a high likelihood that your checkpoint "
    "file is corrupted. This can happen if the checkpoint was not saved properly, was transferred incorrectly, or the "
    "file was modified after saving."
)


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Opens a file that takes the place of ``path`` when the block succeeds, and leaves no trace when it fails."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(path)} does not exist.")
    if os.path.isdir(target):
        raise RuntimeError(f"open file failed with strerror: Is a directory: {path}")
    mode = os.stat(target).st_mode if os.path.exists(target) else None
    if mode is not None and not stat.S_ISREG(mode):
        # A device or a pipe is written to, never replaced.
        with open(target, "wb") as file:
            yield file
        return
    temporary = os.path.join(folder, f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # an interrupt, too, leaves no half of a file
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def write_archive(
    file: BinaryIO, name: str, pickled: bytes, storages: Mapping[str, Any], byteorder: str | None
) -> None:
    """Writes an archive whose storages are given as buffers of bytes by their key."""
    stream: Any = _Stream(file)  # zipfile asks no more of a file that it cannot seek in
    with zipfile.ZipFile(stream, "w") as archive:
        _write_record(archive, f"{name}/data.pkl", pickled)
        _write_record(archive, f"{name}/.format_version", b"1")
        _write_record(archive, f"{name}/.storage_alignment", str(ALIGNMENT).encode())
        if byteorder is not None:
            _write_record(archive, f"{name}/byteorder", byteorder.encode())
        for key, data in storages.items():
            _write_record(archive, f"{name}/data/{key}", data)
        _write_record(archive, f"{name}/version", b"3\n")


class _Stream:
    """Shows a file without its position: the archive then counts from its own start, wherever in a file it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write

    def flush(self) -> None:
        pass


def _write_record(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    size = memoryview(data).nbytes
    # No date, so that equal objects give equal files.
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.file_size = size
    large = size > zipfile.ZIP64_LIMIT // 2
    header = _HEADER + len(name.encode()) + (_ZIP64_FIELD if large else 0) + _PADDING_HEADER
    assert archive.fp is not None
    start = archive.fp.tell() + header
    padding = -start % ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    with archive.open(info, "w", force_zip64=large) as record:
        record.write(data)
    # The padding is of use in front of the data only, not in the directory at the end.
    info.extra = b""


def starts_like_archive(file: BinaryIO) -> bool:
    """Whether a zip archive starts at the current position, which stays."""
    position = file.tell()
    magic = file.read(4)
    file.seek(position)
    return magic == b"PK\x03\x04"


class ArchiveReader:
    """Reads the records of an archive by their names inside its folder; RuntimeError where it is damaged."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError) as error:
            raise RuntimeError(
                f"PytorchStreamReader failed reading zip archive: failed finding central directory. {_CORRUPT}"
            ) from error
        names = self._zip.namelist()
        if not names or "/" not in names[0]:
            shown = names[0] if names else "(the archive is empty)"
            raise RuntimeError(f"PytorchStreamReader: file in archive is not in a subdirectory: {shown}")
        self._folder = names[0].split("/", 1)[0]
        self._names = frozenset(names)
        if "version" not in self and ".data/version" not in self:
            raise RuntimeError('Expected hasRecord("version") to be true, but got false.')

    def __contains__(self, name: str) -> bool:
        return f"{self._folder}/{name}" in self._names

    def read(self, name: str) -> bytes:
        """Returns one record's bytes."""
        if name not in self:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found. {_CORRUPT}")
        try:
            return self._zip.read(f"{self._folder}/{name}")
        except (zipfile.BadZipFile, EOFError, struct.error, zlib.error) as error:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: {error}. {_CORRUPT}") from error
