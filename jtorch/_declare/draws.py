"""Random numbers for ops: drawn on the host in torch's order, and from there onto the tape.

The streams are the engine's (`_engine/random.py`). Here they meet tensors: their memory order, in which torch fills
them, their dtype, and the generator's state as a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jtorch._declare.variants import drawn, from_host, to_host
from jtorch._engine import random as streams
from jtorch._engine.geometry import Geometry, contiguous_stride, is_contiguous, strides_in
from jtorch._engine.handle import Handle, check_inplace, geometry
from jtorch._engine.order import common
from jtorch._engine.random import fill_order
from jtorch._engine.tape import threads
from jtorch._types.device import device as device_type


def uncapturable(reason: str) -> None:
    """Something a compiled function could not do again without its Python."""
    tape = threads.tape
    if tape.capture is not None:
        tape.capture.stop(tape, reason)


class Generator(streams.Generator):
    """A source of random numbers with a state of its own; the same seed gives torch's numbers.

    https://docs.pytorch.org/docs/stable/generated/torch.Generator.html

    >>> import jtorch as torch
    >>> generator = torch.Generator().manual_seed(0)
    >>> torch.rand(2, generator=generator)
    tensor([0.4963, 0.7682])
    """

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__(device)
        self.device = device_type(device) if isinstance(device, str) else device

    def get_state(self) -> Any:
        """The state, a uint8 tensor of torch's layout."""
        return from_host(super().get_state())

    def set_state(self, new_state: Any) -> None:
        """Takes a state from `get_state`, here or in torch."""
        if not isinstance(new_state, Handle):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        uncapturable("a generator's state is set")
        super().set_state(to_host(new_state))

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream anew; the same seed gives the same numbers as torch."""
        uncapturable("a generator is seeded")
        return super().manual_seed(seed)  # type: ignore[return-value]  # returns itself, this class

    def clone_state(self) -> Generator:
        """A generator that goes on with the same numbers."""
        twin = Generator()
        twin.set_state(self.get_state())
        return twin

    def __repr__(self) -> str:
        return f"<torch._C.Generator object at {id(self):#x}>"

    def __reduce__(self) -> tuple:
        return _restored, (self.get_state(),)


def _restored(state: Any) -> Generator:
    generator = Generator()
    generator.set_state(state)
    return generator


default_generator = Generator()
default_generator.seed()


def source(generator: Generator | None) -> Generator:
    """The generator to draw from; the process's own where none is given."""
    capture = threads.tape.capture
    if capture is not None and not capture.drawing:
        uncapturable("random numbers that depend on values are drawn")
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"expected a torch.Generator, but got {type(generator).__name__}")
    return generator


def in_memory_order(g: Geometry, draw: Callable[[Sequence[int]], np.ndarray]) -> np.ndarray:
    """What `draw` gives for a tensor of this geometry, whose memory torch fills from its start to its end."""
    order = fill_order(g.stride)
    if order == tuple(range(len(order))):
        return draw(g.size)
    return draw([g.size[d] for d in order]).transpose(np.argsort(order))


def memory_order(t: Handle) -> tuple[int, ...]:
    """The dimensions of a tensor, outermost in memory first."""
    return fill_order(geometry(t).stride)


def dense(g: Geometry) -> Geometry:
    """The geometry of a new tensor like this one: the same order of dimensions, without gaps."""
    return Geometry(g.size, strides_in(common(g.size, (g,)), g.size), 0)


def contiguous(shape: Sequence[int]) -> Geometry:
    """The geometry of a new tensor of this shape."""
    return Geometry(tuple(shape), contiguous_stride(shape), 0)


def check_writable(target: Handle) -> None:
    """torch's rules on in-place writes, before a draw moves the stream on."""
    check_inplace(target, threads.tape)


def keep_mask(like: Handle, shape: Sequence[int] | None, p: float, generator: Generator | None = None) -> Any:
    """A bool tensor that is True with probability `p`, for a tensor or for a shape of its dimensions.

    Drawn here and not in the program: a million take 4.5 ms, 2.4 as an XLA scan, which would carry a generator's state
    through every program, and all of torch's dropout takes 13 (one core).
    """
    g = dense(geometry(like)) if shape is None else contiguous(shape)
    return drawn(lambda: np.asarray(
        in_memory_order(g, lambda size: source(generator).bernoulli(tuple(size), float(p))), order="C"
    ), place=like._v.aval.device)  # fmt: skip


def rrelu_slopes(input: Handle, lower: float, upper: float, generator: Generator | None) -> Any:
    """A slope from [lower, upper) for each element that is not positive, 1 for the others. torch rounds the bounds to
    the input's type and draws doubles between them. Those of bfloat16 are float32."""
    values = to_host(input)
    below, kind = values <= 0, values.dtype.type
    slopes = np.ones(values.shape, np.float32 if values.dtype.itemsize == 2 else values.dtype)
    bounds = (float(kind(lower)), float(kind(upper)))
    slopes[below] = source(generator).uniform(int(below.sum()), np.float64, *bounds).astype(slopes.dtype)
    return from_host(slopes, place=input._v.aval.device)


__all__ = ["Generator", "check_writable", "contiguous", "default_generator", "dense", "drawn", "fill_order", "geometry",
           "in_memory_order", "is_contiguous", "keep_mask", "memory_order", "rrelu_slopes", "source",
           "uncapturable"]  # fmt: skip
