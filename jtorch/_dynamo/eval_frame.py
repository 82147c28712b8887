"""`torch.compile`: what eager code records anyway, captured once and done again without the Python around it.

https://docs.pytorch.org/docs/stable/generated/torch.compile.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jtorch._compile.function import compile_function, without_capture
from jtorch._compile.options import BACKENDS, check_options
from jtorch._engine.tape import threads
from jtorch.nn.modules.module import Module


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
    """A function or module that does what `model` does with almost no Python of its own; alone, a decorator.

    The first call runs as eager code and is noted: shapes, dtypes and flags of the arguments, what the function reads
    besides them (globals, closure, attributes of modules and objects), what it computes, writes and returns. Calls that
    fit do the same at once, as one program: random numbers are drawn anew, an optimizer's step inside it is one too.
    Where Python needs a value (`if x.sum() > 0`), prints, or changes its own objects, calls run as eager code and a
    warning says so once; with `fullgraph=True` it is an `Unsupported` error. `mode`, `dynamic`, `options` and the names
    of backends are checked and have no effect: every shape has a program, and XLA compiles it.

    >>> import jtorch as torch
    >>> @torch.compile(mode="reduce-overhead")
    ... def double(x):
    ...     return x + x
    >>> double(torch.ones(2))
    tensor([2., 2.])
    """
    check_options(dynamic, backend, mode, options)

    def compiled(fn: Any) -> Any:
        if not callable(fn):
            raise AssertionError(f"A callable function is expected, but {type(fn)} is provided.")
        if disable:
            return fn
        if isinstance(fn, Module):
            return OptimizedModule(fn, fullgraph, recompile_limit)
        return compile_function(fn, fullgraph, recompile_limit)

    return compiled if model is None else compiled(model)


class OptimizedModule(Module):
    """A compiled module: attributes are those of the module it was made from, `_orig_mod`."""

    _orig_mod: Module

    def __init__(self, mod: Module, fullgraph: bool = False, recompile_limit: int | None = None) -> None:
        super().__init__()
        self._orig_mod = mod
        self.training = mod.training
        object.__setattr__(self, "forward", compile_function(mod, fullgraph, recompile_limit))

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            return self._modules["_orig_mod"]
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_orig_mod", "training", "forward") or "_orig_mod" not in self.__dict__.get("_modules", ()):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __reduce__(self) -> tuple:
        return OptimizedModule, (self._orig_mod,)


def disable(fn: Callable | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Keeps a function out of compiled ones: a function that calls it runs as eager code."""
    if fn is None:
        return functools.partial(disable, recursive=recursive, reason=reason)
    return without_capture(fn, reason)


def is_compiling() -> bool:
    """True while `torch.compile` takes notes of the code that runs."""
    return threads.tape.capture is not None


def list_backends(exclude_tags: tuple = ("debug", "experimental")) -> list[str]:
    """Names that `backend=` takes."""
    return sorted(BACKENDS) if not exclude_tags else ["cudagraphs", "inductor", "openxla", "tvm"]
