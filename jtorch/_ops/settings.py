"""What the process is set to: determinism, threads, precision; a thread's autocast.

https://docs.pytorch.org/docs/stable/torch.html#utilities
"""

from __future__ import annotations

import os
from typing import Any

from jtorch._declare import composite, errors, registry
from jtorch._declare.autocast import KINDS, state
from jtorch._declare.devices import has_cuda
from jtorch._declare.once import is_warn_always_enabled, set_warn_always, warn, warn_once
from jtorch._declare.placement import set_default_device
from jtorch._declare.types import device, dtype, dtype_named, set_default_dtype
from jtorch._ops.conversion import TENSOR_TYPES, TYPES_BY_NAME

registry.add_function("torch", "set_warn_always", set_warn_always)
registry.add_function("torch", "is_warn_always_enabled", is_warn_always_enabled)

# Determinism


class _Determinism:
    mode = False
    warn_only = False


_MODES = ("default", "warn", "error")


@composite(method=False)
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Says that results must be the same in every run. On a CPU XLA's always are.

    On a GPU, sums of scattered elements are not: start with `XLA_FLAGS=--xla_gpu_deterministic_ops=true` there, which a
    running process can no longer set.

    >>> import jtorch as torch
    >>> torch.use_deterministic_algorithms(True)
    >>> torch.are_deterministic_algorithms_enabled()
    True
    >>> torch.use_deterministic_algorithms(False)
    """
    for name, value in (("mode", mode), ("warn_only", warn_only)):
        if not isinstance(value, bool):
            place = 1 if name == "mode" else None
            raise errors.argument_type("_set_deterministic_algorithms", name, place, "bool", value)
    _Determinism.mode, _Determinism.warn_only = mode, warn_only


@composite(method=False)
def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was set to."""
    return _Determinism.mode


@composite(method=False)
def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was set to warn only."""
    return _Determinism.warn_only


@composite(method=False)
def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """The same as a number or word: 0 "default", 1 "warn", 2 "error"."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str) and debug_mode not in _MODES:
        words = ", ".join(f"`{word}`" for word in _MODES)
        raise RuntimeError(f"invalid value of debug_mode, expected one of {words}, but got {debug_mode}")
    number = _MODES.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    if number not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {number}")
    use_deterministic_algorithms(number > 0, warn_only=number == 1)


@composite(method=False)
def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: `set_deterministic_debug_mode`."""
    return 0 if not _Determinism.mode else 1 if _Determinism.warn_only else 2


# Threads

_threads: dict[str, int | None] = {"threads": None, "interop": None}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RuntimeError(f"{name} expects an int, but got {errors.type_name(value)}")
    if value <= 0:
        raise RuntimeError(f"{name} expects a positive integer")
    return value


@composite(method=False)
def get_num_threads() -> int:
    """The cores this process may use, which is what XLA takes; or the number that was set."""
    return _threads["threads"] or _cores()


@composite(method=False)
def set_num_threads(num: int) -> None:
    """Keeps the number. XLA's threads start with its CPU client, so how many compute does not change."""
    _threads["threads"] = _positive("set_num_threads", num)


@composite(method=False)
def get_num_interop_threads() -> int:
    """As `get_num_threads`, for work between operations, which XLA does not tell apart."""
    return _threads["interop"] or _cores()


@composite(method=False)
def set_num_interop_threads(num: int) -> None:
    """Keeps the number; once in a process, as in torch."""
    number = _positive("set_num_interop_threads", num)
    if _threads["interop"] is not None:
        raise RuntimeError(
            "Error: cannot set number of interop threads after parallel work has started or set_num_interop_threads "
            "called"
        )
    _threads["interop"] = number


@composite(method=False)
def init_num_threads() -> None:
    """Nothing to do: XLA starts its threads itself."""


# Numbers

_PRECISIONS = ("highest", "high", "medium")
_precision = ["highest"]


@composite(method=False)
def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was given last."""
    return _precision[0]


@composite(method=False)
def set_float32_matmul_precision(precision: str) -> None:
    """Says how exactly float32 matrices are multiplied: "highest", "high" or "medium".

    It is kept and changes nothing: a CPU multiplies float32 as float32, as in torch. On other devices JAX's own
    `jax_default_matmul_precision` decides.
    """
    if precision in _PRECISIONS:
        _precision[0] = precision
    else:
        warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the currentsetFloat32MatmulPrecision call has "
            "no effect."
        )


@composite(method=False)
def set_flush_denormal(mode: bool) -> bool:
    """False: XLA's threads cannot be told whether to round denormal numbers to zero."""
    if not isinstance(mode, bool):
        raise RuntimeError(f"flush_denormal expects a bool, but got {errors.type_name(mode)}")
    return False


_FLOATING = "only floating-point types are supported as the default type"


@composite(method=False)
def set_default_tensor_type(t: Any, /) -> None:
    """Sets the default dtype, and of "torch.cuda.DoubleTensor" the default device, by a tensor type. Deprecated."""
    text = t if isinstance(t, str) else TENSOR_TYPES.get(t)
    if text is None:
        raise TypeError(f"invalid type object: {_FLOATING}")
    on_cuda = text.startswith("torch.cuda.")
    kind = TYPES_BY_NAME.get(text.replace("torch.cuda.", "torch.", 1))
    if kind is None:
        raise ModuleNotFoundError(f"No module named {text.rpartition('.')[0] or text!r}")
    found = dtype_named(kind)
    if not found.is_floating_point:
        raise TypeError(_FLOATING)
    warn_once(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
        "torch.set_default_device() as alternatives."
    )
    if on_cuda and not has_cuda():
        raise TypeError(f"type {text} not available. Torch not compiled with CUDA enabled.")
    set_default_dtype(found)
    if on_cuda:
        set_default_device("cuda")


# Autocast's settings, which `torch.autocast` makes and libraries ask for


def _device_type(function: str, name: Any) -> str:
    if not isinstance(name, str):
        raise errors.argument_type(function, "device_type", 1, "str", name)
    return device(name).type


@composite(method=False)
def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether ops on a kind of device, "cuda" by default, are cast."""
    kind = "cuda" if device_type is None else _device_type("is_autocast_enabled", device_type)
    if kind not in KINDS:
        raise RuntimeError("unknown device type for autocast in get_autocast_dispatch_key_from_device_type")
    return state().is_on(kind)


@composite(method=False, forms=("device_type, enabled", "enabled"))
def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Switches autocast on or off for a kind of device, "cuda" where none is named: `torch.autocast` for good."""
    kind = "cuda" if enabled is None else _device_type("set_autocast_enabled", device_type)
    state().switch(kind, bool(device_type if enabled is None else enabled))


@composite(method=False)
def get_autocast_dtype(device_type: str) -> dtype:
    """The dtype autocast computes in on a kind of device."""
    kind = _device_type("get_autocast_dtype", device_type)
    if kind not in KINDS:
        raise RuntimeError("unsupported scalarType")
    return state().dtype_of(kind)


@composite(method=False)
def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Sets the dtype autocast computes in."""
    state().dtypes[_device_type("set_autocast_dtype", device_type)] = dtype


@composite(method=False)
def is_autocast_cache_enabled() -> bool:
    """Whether autocast keeps its casts of parameters."""
    return state().caching


@composite(method=False)
def set_autocast_cache_enabled(enabled: bool) -> None:
    """Says whether autocast keeps its casts of parameters."""
    state().caching = bool(enabled)


@composite(method=False)
def clear_autocast_cache() -> None:
    """Forgets the casts of parameters."""
    state().kept.clear()


@composite(method=False)
def autocast_increment_nesting() -> int:
    """Counts a `with` block more, and says how many."""
    state().nesting += 1
    return state().nesting


@composite(method=False)
def autocast_decrement_nesting() -> int:
    """Counts a `with` block less, and says how many."""
    state().nesting -= 1
    return state().nesting


def _deprecated(old: str, kind: str, new: str, arguments: str = "") -> None:
    given = f"'{kind}', {arguments}" if arguments else f"'{kind}'"
    warn_once(f"torch.{old}({arguments}) is deprecated. Please use torch.{new}({given}) instead.")


def _of_device(short: str, kind: str) -> None:
    """The older names, one set for each kind of device."""

    def enabled() -> bool:
        _deprecated(enabled.__name__, kind, "is_autocast_enabled")
        return is_autocast_enabled(kind)

    def enable(flag: bool) -> None:
        _deprecated(enable.__name__, kind, "set_autocast_enabled", "enabled")
        set_autocast_enabled(kind, flag)

    def get() -> dtype:
        _deprecated(get.__name__, kind, "get_autocast_dtype")
        return get_autocast_dtype(kind)

    def put(dtype: dtype) -> None:
        _deprecated(put.__name__, kind, "set_autocast_dtype", "dtype")
        set_autocast_dtype(kind, dtype)

    names = {f"get_autocast_{short}_dtype": get, f"set_autocast_{short}_dtype": put}
    if short != "gpu":
        names |= {f"is_autocast_{short}_enabled": enabled, f"set_autocast_{short}_enabled": enable}
    for name, fn in names.items():
        fn.__name__ = fn.__qualname__ = name
        fn.__doc__ = f"An older name: give {kind!r} to the function without it."
        composite(fn, method=False)


for _short, _kind in {"cpu": "cpu", "gpu": "cuda", "ipu": "ipu", "xla": "xla"}.items():
    _of_device(_short, _kind)

# How torch was built, and what it asks of other processes


def _fact(name: str, value: Any, doc: str) -> None:
    def fact() -> Any:
        return value

    fact.__name__ = fact.__qualname__ = name
    fact.__doc__ = doc
    composite(fact, method=False)


_fact("compiled_with_cxx11_abi", True, "True, as torch's builds are; jtorch has no C++.")
_fact("is_vulkan_available", False, "False: JAX has no Vulkan devices.")
_fact("thread_safe_generator", None, "None: only threads that load data have a generator of their own.")
_fact("profiler_allow_cudagraph_cupti_lazy_reinit_cuda12", True, "True, as in torch; nothing here depends on it.")


@composite(method=False)
def prepare_multiprocessing_environment(path: str) -> None:
    """Nothing to do, as in torch."""


@composite(method=False)
def cudnn_is_acceptable(input: Any) -> bool:
    """False: XLA chooses the kernels of a GPU itself."""
    return False
