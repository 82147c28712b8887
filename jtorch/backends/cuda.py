"""torch.backends.cuda: kept settings of cuBLAS, cuFFT and attention kernels, among which XLA chooses itself.

https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.cuda
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from jtorch import _accelerators
from jtorch.backends._kept import Settings

matmul = Settings(
    allow_tf32=False, allow_fp16_reduced_precision_reduction=True, allow_bf16_reduced_precision_reduction=True,
    allow_fp16_accumulation=False, fp32_precision="none",
)  # fmt: skip
_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True, "fp16_bf16_reduction": False}


def is_built() -> bool:
    """Whether JAX has GPUs."""
    return _accelerators.count("cuda") > 0


def _pair(name: str) -> tuple[Any, Any]:
    def enabled() -> bool:
        return _sdp[name]

    def enable(enabled: bool) -> None:
        _sdp[name] = bool(enabled)

    enabled.__doc__ = f"Whether {name} attention was left allowed."
    enable.__doc__ = f"Says whether {name} attention is allowed; XLA has one way to compute it."
    return enabled, enable


flash_sdp_enabled, enable_flash_sdp = _pair("flash")
mem_efficient_sdp_enabled, enable_mem_efficient_sdp = _pair("mem_efficient")
math_sdp_enabled, enable_math_sdp = _pair("math")
cudnn_sdp_enabled, enable_cudnn_sdp = _pair("cudnn")
fp16_bf16_reduction_math_sdp_allowed, allow_fp16_bf16_reduction_math_sdp = _pair("fp16_bf16_reduction")


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """The four settings of attention for a `with` block."""
    before = dict(_sdp)
    _sdp.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        _sdp.update(before)


def is_flash_attention_available() -> bool:
    """False: attention is XLA's."""
    return False


def is_ck_sdpa_available() -> bool:
    """False: attention is XLA's."""
    return False


def preferred_linalg_library(backend: Any = None) -> str:
    """ "default": XLA calls cuSOLVER where it needs it. Another wish is refused."""
    if backend not in (None, "default"):
        raise NotImplementedError("XLA chooses the library of decompositions itself")
    return "default"


def preferred_blas_library(backend: Any = None) -> str:
    """ "default": XLA chooses between cuBLAS and kernels of its own. Another wish is refused."""
    if backend not in (None, "default"):
        raise NotImplementedError("XLA chooses the library of matrix products itself")
    return "default"
