"""torch.compile: jtorch records eager code and runs it as whole programs already, so there is nothing to turn on.

https://docs.pytorch.org/docs/stable/generated/torch.compile.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")
# torch's own backends and those it debugs with. Each names a way to run the same mathematics.
BACKENDS = (
    "aot_eager", "aot_eager_decomp_partition", "aot_ts", "cudagraphs", "eager", "eager_debug", "inductor", "openxla",
    "ts", "tvm",
)  # fmt: skip


def _check(dynamic: Any, backend: Any, mode: Any, options: Any) -> None:
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if dynamic is not None and not isinstance(dynamic, bool):
        raise AssertionError(f"Expected enable to be a bool, got {type(dynamic)}")
    if isinstance(backend, str) and backend not in BACKENDS:
        raise RuntimeError(f"Invalid backend: {backend!r}, see `torch._dynamo.list_backends()` for available backends.")
    if backend in (None, "inductor") and mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")


def compile(
    model: Callable | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Any:
    """Returns `model`, a function or a module, as it is; without it a decorator that does.

    The options are checked and change nothing. In particular a graph break is no error under `fullgraph`, and
    `options` are not compared with the list of those torch's compiler knows. A `backend` that is a function would
    be handed graphs of torch's, which jtorch does not have: NotImplementedError.

    >>> import jtorch as torch
    >>> @torch.compile(mode="reduce-overhead")
    ... def double(x):
    ...     return x + x
    >>> double(torch.ones(2))
    tensor([2., 2.])
    """
    _check(dynamic, backend, mode, options)
    if callable(backend):
        raise NotImplementedError(
            "torch.compile: jtorch has no FX graphs to give to a backend of your own; leave `backend` away"
        )

    def returned(fn: Any) -> Any:
        if not callable(fn):
            raise AssertionError(f"A callable function is expected, but {type(fn)} is provided.")
        return fn

    return returned if model is None else returned(model)
