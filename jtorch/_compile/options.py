"""The options of `torch.compile`: checked in torch's words, without effect."""

from __future__ import annotations

from typing import Any

MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
# torch's own backends and those it debugs with. Each names a way to run the same mathematics.
BACKENDS = (
    "aot_eager", "aot_eager_decomp_partition", "aot_ts", "cudagraphs", "eager", "eager_debug", "inductor", "openxla",
    "ts", "tvm",
)  # fmt: skip


def check_options(dynamic: Any = None, backend: Any = None, mode: Any = None, options: Any = None) -> None:
    """Raises what torch raises for options it refuses."""
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if dynamic is not None and not isinstance(dynamic, bool):
        raise AssertionError(f"Expected enable to be a bool, got {type(dynamic)}")
    if isinstance(backend, str) and backend not in BACKENDS:
        raise RuntimeError(f"Invalid backend: {backend!r}, see `torch._dynamo.list_backends()` for available backends.")
    if backend in (None, "inductor") and mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    if callable(backend):
        raise NotImplementedError(
            "torch.compile: jtorch has no FX graphs to give to a backend of your own; leave `backend` away"
        )
