"""Grad modes: context managers that are decorators too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from jtorch._engine.tape import threads
from jtorch._types import errors


class Mode:
    """A `with` block and a decorator; generator functions keep the mode while they run only."""

    def __call__(self, fn: Callable) -> Callable:
        if inspect.isclass(fn):
            return fn
        if inspect.isgeneratorfunction(fn):
            return self._generator(fn)

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return fn(*args, **kwargs)

        return wrapped

    def _generator(self, fn: Callable) -> Callable:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                running = fn(*args, **kwargs)
                send: Callable = functools.partial(next, running)
            while True:
                try:
                    with self.clone():
                        item = send()
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield item
                    send = functools.partial(running.send, sent)
                except GeneratorExit:
                    with self.clone():
                        running.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is thrown into the generator
                    send = functools.partial(running.throw, error)

        return wrapped

    def clone(self) -> Any:
        return type(self)()

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError


class _Decorating(Mode):
    """A mode that may decorate without parentheses: `@torch.no_grad`."""

    def __new__(cls, orig_func: Callable | None = None) -> Any:
        self = object.__new__(cls)
        return self if orig_func is None else self(orig_func)


class no_grad(_Decorating):
    """Nothing done inside is recorded for gradients.

    https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __enter__(self) -> None:
        tape = threads.tape
        self._before = tape.grad_enabled
        tape.grad_enabled = False

    def __exit__(self, *exc: object) -> None:
        threads.tape.grad_enabled = self._before


class enable_grad(_Decorating):
    """Gradients are recorded inside, whatever the mode around.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad(), torch.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    def __enter__(self) -> None:
        tape = threads.tape
        self._before = tape.grad_enabled
        tape.grad_enabled = True

    def __exit__(self, *exc: object) -> None:
        threads.tape.grad_enabled = self._before


class set_grad_enabled(Mode):
    """Turns recording on or off, at once and for a `with` block.

    >>> import jtorch as torch
    >>> with torch.set_grad_enabled(False):
    ...     torch.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise errors.argument_type("set_grad_enabled", "enabled", 1, "bool", mode)
        tape = threads.tape
        self._before = tape.grad_enabled
        self.mode = mode
        tape.grad_enabled = mode

    def __call__(self, fn: Callable) -> Callable:
        threads.tape.grad_enabled = self._before
        return super().__call__(fn)

    def __enter__(self) -> None:
        threads.tape.grad_enabled = self.mode

    def __exit__(self, *exc: object) -> None:
        threads.tape.grad_enabled = self._before

    def __repr__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    def clone(self) -> Any:
        copy = object.__new__(type(self))
        copy.mode = self.mode
        copy._before = threads.tape.grad_enabled
        return copy


class inference_mode(Mode):
    """Like `no_grad`; tensors made inside can never take part in a recorded graph.

    >>> import jtorch as torch
    >>> with torch.inference_mode():
    ...     torch.is_inference_mode_enabled()
    True
    """

    def __new__(cls, mode: Any = True) -> Any:
        self = object.__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        self.mode = bool(mode)
        return self

    def __enter__(self) -> None:
        tape = threads.tape
        self._before = tape.grad_enabled, tape.inference
        tape.inference = self.mode
        if self.mode:
            tape.grad_enabled = False

    def __exit__(self, *exc: object) -> None:
        threads.tape.grad_enabled, threads.tape.inference = self._before

    def clone(self) -> Any:
        return type(self)(self.mode)


def is_grad_enabled() -> bool:
    """True where operations are recorded for gradients.

    >>> import jtorch as torch
    >>> torch.is_grad_enabled()
    True
    """
    return threads.tape.grad_enabled


def is_inference_mode_enabled() -> bool:
    """True inside `inference_mode`.

    >>> import jtorch as torch
    >>> torch.is_inference_mode_enabled()
    False
    """
    return threads.tape.inference
