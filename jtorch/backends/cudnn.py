"""torch.backends.cudnn: kept settings. XLA calls cuDNN on a GPU where it finds it faster, and tunes by itself.

https://docs.pytorch.org/docs/stable/backends.html#module-torch.backends.cudnn
"""

from __future__ import annotations

from typing import Any

from jtorch.backends._kept import Settings, flags_of

enabled = True
deterministic = False
benchmark = False
benchmark_limit = 10
allow_tf32 = True
fp32_precision = "none"
conv, rnn = Settings(fp32_precision="none"), Settings(fp32_precision="none")


def is_available() -> bool:
    """False: jtorch calls no cuDNN."""
    return False


def version() -> None:
    """None: jtorch calls no cuDNN."""


def is_acceptable(tensor: Any) -> bool:
    """False: jtorch calls no cuDNN."""
    return False


set_flags, flags = flags_of(
    globals(), "enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32", "fp32_precision"
)
