"""torch.utils.checkpoint: activations computed a second time in the backward instead of being kept.

https://docs.pytorch.org/docs/stable/checkpoint.html

Forward and backward are one XLA program here, which would find that what is computed a second time is known, and keep
it. So the tensors a function was given pass a barrier before it runs again, behind which the gradient waits too.
Activations that the function takes from a closure or a container do not pass it: give them as arguments.
"""

from __future__ import annotations

import contextlib
import enum
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jtorch import _root as torch
from jtorch._engine.saved import again, snapshot
from jtorch._engine.tape import threads
from jtorch._types.user_frame import warn
from jtorch.autograd import backward as run_backward
from jtorch.autograd.function import Function
from jtorch.autograd.graph import saved_tensors_hooks
from jtorch.nn.modules.container import Sequential
from jtorch.random import fork_rng


class CheckpointError(RuntimeError):
    """The second computation did not do what the first did."""


class _State:
    early_stop: bool | None = None


_state = _State()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Inside, says for all checkpoints whether the second computation ends as soon as all is there that is needed.

    >>> import jtorch as torch
    >>> with torch.utils.checkpoint.set_checkpoint_early_stop(False):
    ...     pass
    """
    before, _state.early_stop = _state.early_stop, enable
    try:
        yield
    finally:
        _state.early_stop = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """torch's traces of both computations: refused, with NotImplementedError, unless `enabled` is false."""
    if enabled:
        raise NotImplementedError(_NO_DEBUG)
    yield


_NO_DEBUG = "jtorch: checkpoint has no debug traces; compare the function's two runs with print or saved_tensors_hooks"


def noop_context_fn() -> tuple[contextlib.AbstractContextManager, contextlib.AbstractContextManager]:
    """Two contexts that do nothing, for the first and the second computation."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def detach_variable(inputs: tuple) -> tuple:
    """The tensors among the arguments outside the graph, with their `requires_grad`.

    >>> import jtorch as torch
    >>> torch.utils.checkpoint.detach_variable((torch.ones(1, requires_grad=True), 3))
    (tensor([1.], requires_grad=True), 3)
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, torch.Tensor) else x for x in inputs)


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warns when none of the arguments requires grad."""
    if not any(x.requires_grad for x in inputs if isinstance(x, torch.Tensor)):
        warn("None of the inputs have requires_grad=True. Gradients will be None")


@contextlib.contextmanager
def _random_state(state: Any) -> Iterator[None]:
    """Inside, random numbers are drawn as they were; afterwards as if nothing had been."""
    with fork_rng(enabled=state is not None, device_type="cpu"):
        if state is not None:
            torch.default_generator.set_state(state)
        yield


def _arrived() -> list:
    """The gradients of the node whose backward runs."""
    running = threads.tape.walk
    return [] if running is None else [g for g in running.arrived if g is not None]


def _inputs_again(tensors: list) -> list:
    """Tensors to compute from a second time."""
    found = again(tensors, _arrived())
    return [x.requires_grad_(t.requires_grad) for x, t in zip(found, tensors, strict=True)]


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`; what it would save for the backward is computed again there.

    With `use_reentrant=False` the function runs until all that was saved is there again, and CheckpointError tells
    where it saved something else. `preserve_rng_state=True`, a keyword too, draws the same random numbers.

    >>> import jtorch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> y = torch.utils.checkpoint.checkpoint(lambda x: (x * 2).exp(), x, use_reentrant=False)
    >>> y.sum().backward()
    >>> x.grad
    tensor([14.7781, 14.7781])
    """
    if use_reentrant is None:
        warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in PyTorch 2.9, "
            "calling checkpoint without use_reentrant will raise an exception. use_reentrant=False is recommended, but "
            "if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for "
            "more details on the differences between the two variants."
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        if debug:
            raise NotImplementedError(_NO_DEBUG)
        return _checkpoint(function, args, kwargs, preserve, context_fn, determinism_check, early_stop)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    check_backward_validity(args)
    return CheckpointFunction.apply(function, preserve, *args)


class CheckpointFunction(Function):
    """The older way: the function is one node of the graph, whose backward is one of its own."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable, preserve_rng_state: bool, *args: Any) -> Any:
        """Runs the function without recording a graph."""
        ctx.run_function = run_function
        ctx.random = torch.default_generator.get_state() if preserve_rng_state else None
        ctx.others = [None if isinstance(x, torch.Tensor) else x for x in args]
        ctx.places = [i for i, x in enumerate(args) if isinstance(x, torch.Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        """Runs it again, and backward through it."""
        if threads.tape.walk.wanted is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.others)
        for i, x in zip(ctx.places, _inputs_again(list(ctx.saved_tensors)), strict=True):
            inputs[i] = x
        with _random_state(ctx.random), torch.enable_grad():
            outputs = ctx.run_function(*inputs)
        outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
        pairs = [(o, g) for o, g in zip(outputs, args, strict=False) if isinstance(o, torch.Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        run_backward([o for o, _ in pairs], [g for _, g in pairs])
        return None, None, *(x.grad if isinstance(x, torch.Tensor) else None for x in inputs)


# The way without a node of its own


class _Saved:
    """Stands in the graph for a tensor that will be computed again."""

    __slots__ = ("__weakref__", "place")

    def __init__(self, place: int):
        self.place = place


class _Again:
    """What the second computation gave, for one backward."""

    def __init__(self) -> None:
        self.found: dict[int, Any] = {}
        self.count = 0
        self.done = False


class _Enough(Exception):
    """Ends the second computation: all is there."""


def _described(t: Any) -> dict:
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


_DESCRIPTIONS: dict[str, Callable | None] = {"default": _described, "none": None}


class _Frame:
    """One call of a checkpointed function."""

    def __init__(self, compute: Callable[[], Any], early_stop: bool, describe: Callable | None):
        self.compute, self.early_stop, self.describe = compute, early_stop, describe
        self.saved: list[weakref.ref] = []
        self.descriptions: list = []
        self.backwards: weakref.WeakKeyDictionary[Any, _Again] = weakref.WeakKeyDictionary()
        self.complete = False  # the first computation is over

    def pack(self, t: Any) -> _Saved:
        stand_in = _Saved(len(self.saved))
        self.saved.append(weakref.ref(stand_in))
        if self.describe is not None:
            self.descriptions.append(self.describe(t))
        return stand_in

    def unpack(self, stand_in: _Saved) -> Any:
        running = threads.tape.walk
        state = _Again() if running is None else self.backwards.setdefault(running, _Again())
        if not state.done:
            self._run(state)
        if stand_in.place not in state.found:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked once. If you "
                "are calling ctx.saved_tensors in backward, make sure to do so only once. Otherwise please open an "
                "issue with details on your use case."
            )
        return state.found.pop(stand_in.place)

    def _run(self, state: _Again) -> None:
        """Computes the function again and keeps what it saves."""
        described: list = []

        def pack(t: Any) -> Any:
            place = state.count
            state.count += 1
            if place >= len(self.saved):
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than during the original "
                    "forward pass."
                )
            kept = snapshot(t)
            if self.saved[place]() is not None:
                state.found[place] = kept
            if self.describe is not None:
                described.append(self.describe(t))
            if self.early_stop and self.complete and state.count == len(self.saved):
                raise _Enough
            return kept

        with contextlib.suppress(_Enough), saved_tensors_hooks(pack, lambda t: t), torch.enable_grad():
            self.compute()
        state.done = True
        self._check(state.count, described)

    def _check(self, count: int, described: list) -> None:
        if count != len(self.saved):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.saved)}\nNumber of tensors saved "
                f"during recomputation: {count}."
            )
        differing = [
            f"tensor at position {i}:\nsaved metadata: {was}\nrecomputed metadata: {now}\n"
            for i, (was, now) in enumerate(zip(self.descriptions, described, strict=True))
            if was != now
        ]
        if differing:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                f"during the forward pass.\n{''.join(differing)}."
            )


class _Inputs(Function):
    """A node that saves the tensors among the arguments, for hooks around the checkpoint to see."""

    @staticmethod
    def forward(*tensors: Any) -> Any:
        """Nothing."""
        return torch.empty((0,))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> None:
        """Saves all but the first, which makes the node exist."""
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Nothing flows here."""
        raise AssertionError("Did not expect to backward on this graph")


def _checkpoint(
    function: Callable,
    args: tuple,
    kwargs: dict,
    preserve: bool,
    context_fn: Callable,
    determinism_check: str,
    early_stop: bool,
) -> Any:
    if determinism_check not in _DESCRIPTIONS:
        raise ValueError(f"determinism_check should be one of {list(_DESCRIPTIONS)}, but got {determinism_check}")
    forward_context, second_context = context_fn()
    random = torch.default_generator.get_state() if preserve else None
    tensors = [x for x in args if isinstance(x, torch.Tensor)]
    inputs = _Inputs.apply(torch.empty((0,), requires_grad=True), *tensors).grad_fn
    if inputs is None:
        with forward_context:
            return function(*args, **kwargs)
    others = [None if isinstance(x, torch.Tensor) else x for x in args]
    places = [i for i, x in enumerate(args) if isinstance(x, torch.Tensor)]

    def compute() -> None:
        given = list(others)
        for i, x in zip(places, _inputs_again(list(inputs.saved_tensors)), strict=True):
            given[i] = x
        with _random_state(random), second_context:
            function(*given, **kwargs)

    stops = early_stop if _state.early_stop is None else _state.early_stop
    frame = _Frame(compute, stops, _DESCRIPTIONS[determinism_check])
    with saved_tensors_hooks(frame.pack, frame.unpack), forward_context:
        found = function(*args, **kwargs)
    frame.complete = True
    return found


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Applies modules one after the other in `segments` pieces, each checkpointed but the last.

    >>> import jtorch as torch
    >>> layers = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(4)))
    >>> x = torch.ones(1, 2, requires_grad=True)
    >>> torch.utils.checkpoint.checkpoint_sequential(layers, 2, x, use_reentrant=False).shape
    torch.Size([1, 2])
    """
    if use_reentrant is None:
        warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly. In "
            "version 2.9 we will raise an exception if use_reentrant is not passed. use_reentrant=False is "
            "recommended, but if you need to preserve the current default behavior, you can pass use_reentrant=True. "
            "Refer to docs for more details on the differences between the two variants."
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    modules = list(functions.children()) if isinstance(functions, Sequential) else list(functions)

    def piece(start: int, end: int) -> Callable:
        def run(x: Any) -> Any:
            for module in modules[start:end]:
                x = module(x)
            return x

        return run

    size, start = len(modules) // segments, 0
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(piece(start, start + size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return piece(size * (segments - 1), len(modules))(input)


# Selective checkpoints, devices


class CheckpointPolicy(enum.Enum):
    """What a policy says of an operation's results."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


def create_selective_checkpoint_contexts(policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False) -> Any:
    """Contexts that keep some operations' results: refused, with NotImplementedError."""
    raise NotImplementedError(
        "jtorch: selective checkpointing is not supported; checkpoint the parts that are to be computed again"
    )


class DefaultDeviceType:
    """The device type whose random state is kept beside the host's; here there is one generator.

    >>> import jtorch as torch
    >>> torch.utils.checkpoint.DefaultDeviceType.get_device_type()
    'cuda'
    """

    _default = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Sets it."""
        DefaultDeviceType._default = device

    @staticmethod
    def get_device_type() -> str:
        """Returns it."""
        return DefaultDeviceType._default


__all__ = [
    "CheckpointError", "CheckpointFunction", "CheckpointPolicy", "DefaultDeviceType", "check_backward_validity",
    "checkpoint", "checkpoint_sequential", "create_selective_checkpoint_contexts", "detach_variable",
    "noop_context_fn", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop",
]  # fmt: skip
