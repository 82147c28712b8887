"""`torch.compiler`: around `torch.compile`.

https://docs.pytorch.org/docs/stable/torch.compiler_api.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from jtorch._compile.function import disabled
from jtorch._compile.function import reset as reset
from jtorch._dynamo.eval_frame import compile as compile
from jtorch._dynamo.eval_frame import disable as disable
from jtorch._dynamo.eval_frame import is_compiling as is_compiling
from jtorch._dynamo.eval_frame import list_backends as list_backends

_STANCES = (
    "default", "force_eager", "eager_on_recompile", "fail_on_recompile", "eager_then_compile",
    "aot_eager_then_compile",
)  # fmt: skip


def is_dynamo_compiling() -> bool:
    """True while `torch.compile` takes notes of the code that runs."""
    return is_compiling()


def is_exporting() -> bool:
    """False: jtorch has no `torch.export`."""
    return False


def allow_in_graph(fn: Any) -> Any:
    """Returns `fn`: whatever it records is in the program already."""
    return fn


def assume_constant_result(fn: Callable) -> Callable:
    """Returns `fn`: its Python runs once for each captured call, so its result is constant."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Nothing: programs own their memory."""


def set_stance(stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend: Any = None) -> Any:
    """ "force_eager" runs compiled functions as they are, "default" ends that; also as a context manager.

    >>> import jtorch as torch
    >>> with torch.compiler.set_stance("force_eager"):
    ...     torch.compile(lambda x: x + 1)(torch.ones(1))
    tensor([2.])
    """
    if stance not in _STANCES:
        raise RuntimeError(f"invalid torch.compile stance '{stance}'")
    if stance not in ("default", "force_eager"):
        raise NotImplementedError(f"torch.compiler.set_stance({stance!r}): use 'default' or 'force_eager'")
    before = disabled[0]
    disabled[0] = stance == "force_eager"
    return _restoring(before)


@contextlib.contextmanager
def _restoring(before: bool) -> Iterator[None]:
    try:
        yield
    finally:
        disabled[0] = before
