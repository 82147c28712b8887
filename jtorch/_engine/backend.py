"""Everything that touches JAX's machinery rather than its array functions: one file for what may
change between JAX versions.

64-bit: torch's defaults need int64 and float64. `x64` is a thread-local scope around tracing,
compiling and conversion; it is never open while user code runs, and compiled programs run outside it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jtorch._engine import allocator, cache, fake_devices, options
from jtorch._engine.aval import NO_DATA
from jtorch._types import errors
from jtorch._types.device import cpu, device, install_accelerator, meta


def x64() -> Any:
    """The scope in which 64-bit types keep their width."""
    return jax.enable_x64(True)


def to_jax(array: np.ndarray, dev: device) -> Any:
    """A private copy of a NumPy array on a device. JAX on CPU may read or alias NumPy memory after
    the call returns, so the copy is made before it sees the array."""
    if dev == meta:
        return NO_DATA
    with x64():
        return jax.device_put(np.array(array, copy=True, order="C"), jax_device(dev))


def adopt(array: np.ndarray, dev: device) -> Any:
    """Hands over a NumPy array that nobody writes again; it may be aliased."""
    if dev == meta:
        return NO_DATA
    with x64():
        return jax.device_put(array, jax_device(dev))


def copy_of(array: jax.Array) -> jax.Array:
    """A new buffer with the same contents."""
    with x64():
        return jax.numpy.array(array, copy=True)


def moved(array: Any, dev: device) -> Any:
    """A copy of an array on another device."""
    if dev == meta:
        return NO_DATA
    if array is NO_DATA:
        raise errors.meta_has_no_data()
    with x64():
        return jax.device_put(array, jax_device(dev), may_alias=False)


_PLATFORMS = {"cuda": "gpu", "xla": "tpu"}  # torch's device types as JAX names them
_fake = fake_devices.start()


def jax_device(dev: device) -> Any:
    """The JAX device behind a torch device."""
    allocator.keep_large_blocks()
    if dev.type in _fake:
        return jax.devices("cpu")[_fake[dev.type]][dev.index or 0]
    return jax.devices(_PLATFORMS.get(dev.type, dev.type))[dev.index or 0]


def is_fake(dev: device) -> bool:
    """True for a device that a piece of the host stands for."""
    return dev.type in _fake


_forms: str | None = None


def platform_of(dev: device) -> str:
    """The platform whose forms op bodies take on a device, as JAX names it: "cpu", "gpu" or "tpu"."""
    return _forms or ("cpu" if is_fake(dev) else _PLATFORMS.get(dev.type, dev.type))


def take_forms_of(platform: str) -> None:
    """From now on bodies take the forms of another platform than the one they run on, and no program is kept
    between processes. What was traced before stays as it is: to be called before anything is recorded."""
    global _forms
    _forms = platform


class _Tracing(threading.local):
    device = cpu


_tracing = _Tracing()


@contextlib.contextmanager
def tracing_on(dev: device) -> Iterator[None]:
    """While a body is traced: the device it is traced for."""
    before, _tracing.device = _tracing.device, dev
    try:
        yield
    finally:
        _tracing.device = before


def platform() -> str:
    """Inside a body: the platform it is traced for, "cpu", "gpu" or "tpu". A body may choose its formulation by it,
    never its result."""
    return platform_of(_tracing.device)


def devices_of(kind: str) -> list:
    """All JAX devices of a torch device type; empty when JAX has none."""
    if kind in _fake:
        return jax.devices("cpu")[_fake[kind]]
    try:
        return list(jax.devices(_PLATFORMS.get(kind, kind)))
    except RuntimeError:
        return []


def accelerator() -> str | None:
    """The type of the accelerators here; None where there is only the CPU."""
    return next((kind for kind in _PLATFORMS if devices_of(kind)), None)


install_accelerator(accelerator)


def drop_note(error: Exception) -> None:
    """Takes the note about its own frames, which JAX leaves on every error of a body, off one of torch's errors."""
    notes = getattr(error, "__notes__", None)
    if notes is not None:
        notes[:] = [note for note in notes if "JAX has removed its internal frames" not in note]


def wait_for(dev: device) -> None:
    """Returns when all that was started on a device is done."""
    place = jax_device(dev)
    for array in place.client.live_arrays():
        if place in array.devices():
            array.block_until_ready()


def memory_stats(dev: device) -> dict[str, int]:
    """What JAX says of a device's memory, in bytes and counts; empty where it keeps no account, as on a CPU."""
    return dict(jax_device(dev).memory_stats() or {})


def is_tracer(array: Any) -> bool:
    """True for an array that stands for a value inside a JAX transformation."""
    return isinstance(array, jax.core.Tracer)


def compile_program(fn: Any, structs: list, donate: tuple[int, ...], dev: device, key: str | None, effort: str) -> Any:
    """Traces, lowers and compiles `fn` ahead of time with the options its contents and `effort` ask for, or
    takes it from the persistent cache."""
    if _forms is not None or is_fake(dev):
        key = None
    program = cache.load(key, jax_device(dev))
    if program is None:
        program, calls_library = _compile(fn, structs, donate, dev, effort)
        if not calls_library:
            cache.store(key, program)
    return program


def _compile(fn: Any, structs: list, donate: tuple[int, ...], dev: device, effort: str) -> tuple[Any, bool]:
    """The program, and whether it calls a library such as LAPACK. JAX finds such a library's entry points
    while it lowers; in a process that only loads the program they are null, and the call would crash."""
    with x64(), jax.default_device(jax_device(dev)):
        traced = jax.jit(fn, donate_argnums=donate, keep_unused=True).trace(*structs)
        lowered = traced.lower()
        text = lowered.as_text()
        calls_library = "custom_call" in text.replace("custom_call @LayoutConstraint", "")
        chosen = options.choose(jax_device(dev).platform, text, effort)
        return options.compiled(lowered.compile, chosen), calls_library


def peak_bytes(compiled: Any) -> int:
    """Argument, output and temporary bytes of a compiled program, less what they share."""
    stats = compiled.memory_analysis()
    if stats is None:
        return 0
    return (
        stats.argument_size_in_bytes + stats.output_size_in_bytes + stats.temp_size_in_bytes - stats.alias_size_in_bytes
    )
