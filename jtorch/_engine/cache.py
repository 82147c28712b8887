"""The persistent program cache: compiled programs in the user's cache folder.

It is jtorch's own. JAX's cache directory is one per process, belongs to the user and skips programs
that compile in under a second.

Entries are pickles, so a folder that others could write is not read. An entry that does not load is
rebuilt, with one warning. `JTORCH_CACHE_DIR` names another folder, `JTORCH_CACHE=0` turns it off.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

import jax
import jaxlib
from jax.experimental import serialize_executable

from jtorch._engine.aval import Aval
from jtorch._types.user_frame import warn

_MAX_BYTES = 1 << 30
_CHECK_EVERY = 64
_FORMAT = 1


@functools.cache
def folder() -> Path | None:
    """The cache folder, made if absent; None when it is turned off or not safe to read."""
    if os.environ.get("JTORCH_CACHE", "1") == "0":
        return None
    given = os.environ.get("JTORCH_CACHE_DIR")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = Path(given) if given else base / "jtorch"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.stat()
    except OSError:
        return None
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077):
        warn(
            f"jtorch: the cache folder {place} can be read or written by others and is not used; "
            "make it yours alone (chmod 700) or set JTORCH_CACHE_DIR"
        )
        return None
    return place


@functools.cache
def _environment() -> str:
    """What a compiled program depends on besides its path."""
    device = jax.devices()[0]
    settings = [getattr(jax.config, n, None) for n in ("jax_default_matmul_precision", "jax_threefry_partitionable")]
    versions = (_FORMAT, jax.__version__, jaxlib.version.__version__, device.client.platform_version)
    machine = (device.platform, device.device_kind, platform.machine(), _cpu_features())
    return repr((versions, machine, os.environ.get("XLA_FLAGS", ""), settings, _sources()))


def _cpu_features() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return platform.processor()


def _sources() -> str:
    """One digest of all of jtorch's source: any change of a body is another key."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for file in sorted(root.rglob("*.py")):
        digest.update(str(file.relative_to(root)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Unnamed(Exception):
    """Something in a path has no stable name, so its program cannot be kept."""


def describe(x: Any) -> str:
    """A stable text of an op, its statics or a spec: names and plain values, never addresses."""
    if isinstance(x, (tuple, list)):
        return f"{type(x).__name__}({','.join(map(describe, x))})"
    if isinstance(x, Aval) or x is None or isinstance(x, (bool, int, float, complex, str)):
        return repr(x)
    if isinstance(x, type):
        return x.__name__
    origin = getattr(x, "origin", None)
    if origin is not None:
        return f"{type(x).__name__}<{describe(origin)}>"
    body = getattr(x, "body", None)
    if hasattr(x, "infer"):
        if body is None:
            return f"{type(x).__name__}:{x.name}"
        if not body.__module__.startswith("jtorch."):
            raise Unnamed
        return f"{type(x).__name__}:{body.__module__}.{body.__qualname__}:{x.name}:{getattr(x, 'kind', '')}"
    text = repr(x)
    if " at 0x" in text or re.search(r"<.*object", text):
        raise Unnamed
    return f"{type(x).__name__}:{text}"


def key_of(*parts: Any) -> str | None:
    """The file name for a program, or None when it cannot be kept."""
    if folder() is None:
        return None
    try:
        text = "\n".join(p if isinstance(p, str) else describe(p) for p in parts)
    except Unnamed:
        return None
    return hashlib.sha256(f"{_environment()}\n{text}".encode()).hexdigest()


def load(key: str | None, device: Any) -> Any:
    """The compiled program kept under a key, to run on a JAX device, or None."""
    place = folder()
    if key is None or place is None:
        return None
    file = place / key
    try:
        payload = file.read_bytes()
    except OSError:
        return None
    try:
        program = serialize_executable.deserialize_and_load(
            *pickle.loads(payload), backend=device.client, execution_devices=[device]
        )
        os.utime(file)
        return program
    except Exception as error:  # noqa: BLE001 - a damaged pickle or a foreign XLA may raise anything
        _warn_once(f"jtorch: a cached program did not load and is built anew ({type(error).__name__}: {error})")
        return None


def store(key: str | None, program: Any) -> None:
    """Keeps a compiled program: written to a temporary name, then renamed. One that JAX took from a cache of its own
    lacks a part once it is written again."""
    place = folder()
    jax_keeps = jax.config.jax_enable_compilation_cache and jax.config.jax_compilation_cache_dir
    if key is None or place is None or jax_keeps:
        return
    try:
        payload = pickle.dumps(serialize_executable.serialize(program))
        with tempfile.NamedTemporaryFile(dir=place, prefix=".new-", delete=False) as file:
            file.write(payload)
        os.replace(file.name, place / key)
    except Exception as error:  # noqa: BLE001 - a full disk or an executable XLA cannot write: work goes on
        _warn_once(f"jtorch: a program could not be kept in {place} ({type(error).__name__}: {error})")
        return
    _trim(place)


_stored = 0


def _trim(place: Path) -> None:
    """Drops the entries used longest ago when the folder grows past its limit."""
    global _stored
    _stored += 1
    if _stored % _CHECK_EVERY != 1:
        return
    entries = []
    for file in place.iterdir():
        try:
            found = file.stat()
        except OSError:
            continue
        entries.append((found.st_mtime, found.st_size, file))
    total = sum(size for _, size, _ in entries)
    for _, size, file in sorted(entries, key=lambda e: e[0]):
        if total <= _MAX_BYTES:
            break
        file.unlink(missing_ok=True)
        total -= size


@functools.cache
def _warn_once(message: str) -> None:
    warn(message)
