"""torch.cuda: GPUs. A CUDA device is a GPU of JAX's, or a host device with `JTORCH_FAKE_DEVICES=cuda:2`.

https://docs.pytorch.org/docs/stable/cuda.html
"""

from __future__ import annotations

from typing import Any

from jtorch import _accelerators
from jtorch._declare.placement import current_index
from jtorch._streams import synchronize as _synchronize
from jtorch._types.device import device as _device_type
from jtorch._types.device_errors import AcceleratorError as AcceleratorError
from jtorch._types.device_errors import OutOfMemoryError as OutOfMemoryError
from jtorch.cuda import memory as memory
from jtorch.cuda import nvtx as nvtx
from jtorch.cuda import random as random
from jtorch.cuda import streams as streams
from jtorch.cuda.graphs import CUDAGraph as CUDAGraph
from jtorch.cuda.graphs import graph as graph
from jtorch.cuda.graphs import graph_pool_handle as graph_pool_handle
from jtorch.cuda.graphs import is_current_stream_capturing as is_current_stream_capturing
from jtorch.cuda.graphs import make_graphed_callables as make_graphed_callables
from jtorch.cuda.memory import empty_cache as empty_cache
from jtorch.cuda.memory import get_allocator_backend as get_allocator_backend
from jtorch.cuda.memory import max_memory_allocated as max_memory_allocated
from jtorch.cuda.memory import max_memory_cached as max_memory_cached
from jtorch.cuda.memory import max_memory_reserved as max_memory_reserved
from jtorch.cuda.memory import mem_get_info as mem_get_info
from jtorch.cuda.memory import memory_allocated as memory_allocated
from jtorch.cuda.memory import memory_cached as memory_cached
from jtorch.cuda.memory import memory_reserved as memory_reserved
from jtorch.cuda.memory import memory_stats as memory_stats
from jtorch.cuda.memory import memory_stats_as_nested_dict as memory_stats_as_nested_dict
from jtorch.cuda.memory import memory_summary as memory_summary
from jtorch.cuda.memory import reset_accumulated_memory_stats as reset_accumulated_memory_stats
from jtorch.cuda.memory import reset_max_memory_allocated as reset_max_memory_allocated
from jtorch.cuda.memory import reset_max_memory_cached as reset_max_memory_cached
from jtorch.cuda.memory import reset_peak_memory_stats as reset_peak_memory_stats
from jtorch.cuda.memory import set_per_process_memory_fraction as set_per_process_memory_fraction
from jtorch.cuda.random import default_generators as default_generators
from jtorch.cuda.random import get_rng_state as get_rng_state
from jtorch.cuda.random import get_rng_state_all as get_rng_state_all
from jtorch.cuda.random import initial_seed as initial_seed
from jtorch.cuda.random import manual_seed as manual_seed
from jtorch.cuda.random import manual_seed_all as manual_seed_all
from jtorch.cuda.random import seed as seed
from jtorch.cuda.random import seed_all as seed_all
from jtorch.cuda.random import set_rng_state as set_rng_state
from jtorch.cuda.random import set_rng_state_all as set_rng_state_all
from jtorch.cuda.streams import Event as Event
from jtorch.cuda.streams import ExternalStream as ExternalStream
from jtorch.cuda.streams import Stream as Stream
from jtorch.cuda.streams import StreamContext as StreamContext
from jtorch.cuda.streams import current_stream as current_stream
from jtorch.cuda.streams import default_stream as default_stream
from jtorch.cuda.streams import set_stream as set_stream
from jtorch.cuda.streams import stream as stream

has_half = True
has_magma = False


def is_available() -> bool:
    """True when JAX has a GPU.

    >>> import jtorch as torch
    >>> device = "cuda" if torch.cuda.is_available() else "cpu"
    """
    return device_count() > 0


def device_count() -> int:
    """The number of GPUs JAX has."""
    return _accelerators.count("cuda")


def is_initialized() -> bool:
    """Whether there is a GPU: JAX starts all it has at once."""
    return is_available()


def init() -> None:
    """Starts JAX's GPUs; AssertionError where there are none."""
    _needed()


def current_device() -> int:
    """The index of the GPU that `"cuda"` without an index means."""
    _needed()
    return current_index("cuda")


def set_device(device: Any) -> None:
    """Says which GPU `"cuda"` without an index means, in this thread. `CUDA_VISIBLE_DEVICES` is the better way."""
    _needed()
    _accelerators.choose("cuda", device)


class device(_accelerators.Chosen):
    """A `with` block in which another GPU is the current one."""

    def __init__(self, device: Any) -> None:
        index = device if isinstance(device, int) else _device_type(device).index
        super().__init__("cuda", -1 if index is None else index)


class device_of(_accelerators.Chosen):
    """A `with` block in which a tensor's GPU is the current one; nothing for a tensor elsewhere."""

    def __init__(self, obj: Any) -> None:
        super().__init__("cuda", obj.get_device() if obj.is_cuda else -1)


def get_device_name(device: Any = None) -> str:
    """The name of a GPU."""
    return _accelerators.name_of(_on(device))


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """A GPU's compute capability, (major, minor)."""
    return _accelerators.capability(_on(device))


class _CudaDeviceProperties:
    """What is known of a GPU."""

    def __init__(self, place: Any) -> None:
        self.name = _accelerators.name_of(place)
        self.major, self.minor = _accelerators.capability(place)
        self.total_memory = _accelerators.limit(place)

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name='{self.name}', major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory // 2**20}MB)"
        )


def get_device_properties(device: Any = None) -> _CudaDeviceProperties:
    """Name, compute capability and memory of a GPU; JAX knows no more."""
    return _CudaDeviceProperties(_on(device))


def synchronize(device: Any = None) -> None:
    """Starts what was recorded and waits until the GPU has done it."""
    _synchronize(_on(device))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether there is a GPU: XLA computes bfloat16 on all."""
    return is_available()


def is_tf32_supported() -> bool:
    """Whether the current GPU multiplies in TF32: from compute capability 8 on."""
    return is_available() and get_device_capability() >= (8, 0)


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """False: JAX copies between GPUs as it sees fit, and does not say how."""
    for one in (device, peer_device):
        _on(one)
    return False


def get_arch_list() -> list[str]:
    """Empty: XLA compiles for the GPU it finds."""
    return []


def get_gencode_flags() -> str:
    """Empty: XLA compiles for the GPU it finds."""
    return ""


def get_sync_debug_mode() -> int:
    """0: what waits for the GPU is not watched."""
    return 0


def set_sync_debug_mode(debug_mode: int | str) -> None:
    """Only 0 or "default"; NotImplementedError otherwise."""
    if debug_mode not in (0, "default"):
        raise NotImplementedError("what waits for the GPU is not watched; jtorch.explain() counts programs")


def ipc_collect() -> None:
    """Nothing to do: memory of GPUs is not shared between processes."""
    _needed()


_OUTSIDE = {
    "clock_rate": "nvidia-smi --query-gpu=clocks.sm --format=csv",
    "device_memory_used": "torch.cuda.memory_allocated or nvidia-smi",
    "list_gpu_processes": "nvidia-smi",
    "memory_usage": "nvidia-smi --query-gpu=utilization.memory --format=csv",
    "power_draw": "nvidia-smi --query-gpu=power.draw --format=csv",
    "temperature": "nvidia-smi --query-gpu=temperature.gpu --format=csv",
    "utilization": "nvidia-smi --query-gpu=utilization.gpu --format=csv",
}
_OF_CUDA = {
    "caching_allocator_alloc": "the memory of GPUs is XLA's: make a tensor instead",
    "caching_allocator_delete": "the memory of GPUs is XLA's: delete the tensor instead",
    "caching_allocator_enable": "the allocator is XLA's: XLA_PYTHON_CLIENT_ALLOCATOR=platform takes none",
    "change_current_allocator": "the allocator is XLA's: XLA_PYTHON_CLIENT_ALLOCATOR chooses it",
    "cudart": "the CUDA runtime is XLA's",
    "current_blas_handle": "cuBLAS is called by XLA",
    "current_solver_handle": "cuSOLVER is called by XLA",
    "get_stream_from_external": "the streams of GPUs are XLA's",
    "get_per_process_memory_fraction": "XLA_PYTHON_CLIENT_MEM_FRACTION says it",
    "host_memory_stats": "there is no cache of pinned memory",
    "host_memory_stats_as_nested_dict": "there is no cache of pinned memory",
    "memory_snapshot": "XLA keeps no list of its allocations: jax.profiler.device_memory_profile() writes one",
    "reset_accumulated_host_memory_stats": "there is no cache of pinned memory",
    "reset_peak_host_memory_stats": "there is no cache of pinned memory",
}


def _refusing(name: str, reason: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"torch.cuda.{name}: {reason}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Not there: {reason}."
    return refuse


class CudaError(RuntimeError):
    """An error of the CUDA runtime; XLA reports its own."""


class DeferredCudaCallError(Exception):
    """A call put off until CUDA starts has failed; none is put off here."""


_OF_XLA = {
    "CUDAPluggableAllocator": "the allocator is XLA's: XLA_PYTHON_CLIENT_ALLOCATOR chooses it",
    "GreenContext": "the contexts of GPUs are XLA's",
    "MemPool": "the memory of GPUs is XLA's",
    "caching_allocator_disabled": "the allocator is XLA's: XLA_PYTHON_CLIENT_ALLOCATOR=platform takes none",
    "check_error": "the CUDA runtime is XLA's",
    "use_mem_pool": "the memory of GPUs is XLA's",
}
globals().update({name: _refusing(name, reason) for name, reason in _OF_XLA.items()})
globals().update({name: _refusing(name, f"JAX does not say; ask {how}") for name, how in _OUTSIDE.items()})
globals().update({name: _refusing(name, reason) for name, reason in _OF_CUDA.items()})


def _on(device: Any = None) -> _device_type:
    _needed()
    return _accelerators.on("cuda", device)


def _needed() -> None:
    if not is_available():
        raise AssertionError("Torch not compiled with CUDA enabled")
