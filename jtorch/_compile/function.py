"""A compiled function: finds the captured call that fits, or captures one, or runs the function as it is."""

from __future__ import annotations

import contextlib
import functools
import io
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch._compile.entry import Entry, look
from jtorch._compile.guards import SIMPLE, Scene
from jtorch._compile.options import check_options
from jtorch._engine.capture import Capture
from jtorch._engine.compiled import Broken
from jtorch._engine.flush import flush, flusher
from jtorch._engine.handle import Handle
from jtorch._engine.parts import Parted
from jtorch._engine.tape import Tape, settings, threads
from jtorch._types.device import meta
from jtorch._types.dtype import get_default_dtype
from jtorch._types.user_frame import warn


class TorchDynamoException(RuntimeError):
    """What `torch.compile` raises."""


class Unsupported(TorchDynamoException):
    """Under `fullgraph=True`: the function cannot be one program."""


class Limits:
    """How often a function is captured anew before it is left to eager code."""

    recompile_limit = 8  # for one kind of arguments, as other things it reads change
    entries = 256  # in all


limits = Limits()
_all: list[Compiled] = []
disabled = [False]


def reset() -> None:
    """Forgets everything captured."""
    for compiled in _all:
        compiled.forget()


class Compiled:
    """The captured calls of one function."""

    def __init__(self, fn: Callable, fullgraph: bool, recompile_limit: int | None = None):
        self.fn = fn
        self.fullgraph = fullgraph
        self.recompile_limit = recompile_limit
        self.forget()
        _all.append(self)

    def forget(self) -> None:
        """Starts anew."""
        self.entries: dict[tuple, list[Entry]] = {}
        self.misses: dict[tuple, int] = {}
        self.count = 0
        self.said = False

    def call(self, args: tuple, kwargs: dict) -> Any:
        """Calls the function, by its Python only if that must be."""
        tape = threads.tape
        if tape.capture is not None or disabled[0] or settings.eager or settings.tier == "op" or tape.autocast:
            return self.fn(*args, **kwargs)
        tensors: list[Handle] = []
        others: list[Any] = []
        key = [tape.grad_enabled, tape.inference, get_default_dtype()]
        describe(args, key, tensors, others)
        if kwargs:
            describe(kwargs, key, tensors, others)
        key = tuple(key)
        for entry in self.entries.get(key, ()):
            if entry.holds(tensors):
                return entry.replay(tape, tensors)
        most = limits.recompile_limit if self.recompile_limit is None else self.recompile_limit
        if self.misses.get(key, 0) >= most or self.count >= limits.entries:
            return self.fn(*args, **kwargs)
        return self._capture(tape, key, args, kwargs, tensors, others)

    def _capture(self, tape: Tape, key: tuple, args: tuple, kwargs: dict, tensors: list, others: list) -> Any:
        """Runs the function once and keeps what it did, if that can be done again."""
        flush(tape)
        scene = Scene()
        for x in (self.fn, *others):
            scene.visit(x)
        self.misses[key] = self.misses.get(key, 0) + 1
        if scene.problem:
            self._leave(key, scene.problem)
            return self.fn(*args, **kwargs)
        try:
            before = [look(h) for h in (*tensors, *scene.handles)]
        except Parted as met:
            self._leave(key, f"it sees {met.seen}")
            return self.fn(*args, **kwargs)
        notes = tape.capture = Capture(self._refuse)
        try:
            with Outside() as outside:
                result = self.fn(*args, **kwargs)
            if tape.capture is None:
                self._leave(key, notes.broken)
                return result
            if outside.changed:
                self._leave(key, outside.changed)
            elif len(tape.epoch.node.places) > 1 or meta in tape.epoch.node.places:
                self._leave(key, "it works on several devices, or on meta")
            elif scene.holds():
                self._keep(key, Entry(tape, scene, notes, tensors, before, result))
                del before, notes  # old values nobody else holds can be overwritten
                tape.capture = None
                if self.entries[key][0].op is None:
                    flusher.run(tape, whole=True)
            elif self.misses[key] >= limits.recompile_limit:
                self._leave(key, "it changes Python objects at every call")
        except Broken as broken:
            self._leave(key, str(broken))
        finally:
            tape.capture = None
        return result

    def _keep(self, key: tuple, entry: Entry) -> None:
        self.entries.setdefault(key, []).insert(0, entry)
        self.count += 1

    def _leave(self, key: tuple, reason: str) -> None:
        """Calls of this kind run as eager code from now on; says so once."""
        self.misses[key] = 1 << 30
        self._refuse(reason)
        if not self.said:
            self.said = True
            name = getattr(self.fn, "__qualname__", type(self.fn).__name__)
            warn(f"torch.compile: {name} runs as eager code, because {reason}")

    def _refuse(self, reason: str) -> None:
        if self.fullgraph:
            raise Unsupported(f"{reason}; fullgraph=True asks for one program")


def describe(x: Any, key: list, tensors: list, others: list) -> None:
    """Appends what a call's arguments are to a key: shapes and dtypes of tensors, numbers, structure, other objects."""
    if isinstance(x, Handle):
        key += (x._v.aval, x._requires_grad, x.__class__)
        tensors.append(x)
    elif isinstance(x, SIMPLE):
        key += (x.__class__, x)
    elif x.__class__ in (tuple, list):
        key += (x.__class__, len(x))
        for item in x:
            describe(item, key, tensors, others)
    elif x.__class__ is dict:
        key += (dict, *x)
        for item in x.values():
            describe(item, key, tensors, others)
    else:
        key.append(id(x))
        others.append(x)


class _Tee(io.TextIOBase):
    """Passes text on and remembers that there was some."""

    def __init__(self, stream: Any):
        self.stream = stream
        self.used = False

    def write(self, text: str) -> int:
        self.used = True
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Outside:
    """What a call does that no tape shows: text it prints, random numbers of Python and NumPy."""

    changed = ""

    def __enter__(self) -> Outside:
        self.streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self.tees = _Tee(sys.stdout), _Tee(sys.stderr)
        self.python, self.numpy = random.getstate(), np.random.get_state()
        return self

    def __exit__(self, *exc: object) -> None:
        if (sys.stdout, sys.stderr) == self.tees:
            sys.stdout, sys.stderr = self.streams
        if any(tee.used for tee in self.tees):
            self.changed = "it prints"
        elif random.getstate() != self.python:
            self.changed = "it draws from Python's random"
        elif any(np.any(a != b) for a, b in zip(np.random.get_state(), self.numpy, strict=True)):
            self.changed = "it draws from NumPy's random"


def without_capture(fn: Callable, reason: str | None = None) -> Callable:
    """`fn`, ending the notes of a compiled function that calls it."""

    @functools.wraps(fn)
    def alone(*args: Any, **kwargs: Any) -> Any:
        tape = threads.tape
        if tape.capture is not None:
            tape.capture.stop(tape, reason or "it calls a function that torch.compiler.disable keeps out")
        return fn(*args, **kwargs)

    return alone


def compile_function(fn: Callable, fullgraph: bool = False, recompile_limit: int | None = None) -> Callable:
    """A function that does what `fn` does, mostly without its Python."""
    compiled = Compiled(fn, fullgraph, recompile_limit)

    def call(*args: Any, **kwargs: Any) -> Any:
        return compiled.call(args, kwargs)

    with contextlib.suppress(AttributeError):  # a callable object need not have a name
        functools.update_wrapper(call, fn)
    call._torchdynamo_orig_callable = fn  # type: ignore[attr-defined]  # torch's name for it
    return call


def compile_call(
    fn: Callable, *, fullgraph: bool = False, recompile_limit: int | None = None, **options: Any
) -> Callable:
    """`compile_function` with the arguments of `torch.compile`."""
    check_options(**{name: options.get(name) for name in ("dynamic", "backend", "mode", "options")})
    return compile_function(fn, fullgraph, recompile_limit)
