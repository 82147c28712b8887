"""Random numbers for ops: drawn on the host in torch's order, and from there onto the tape.

The streams are the engine's (`_engine/random.py`). Here they meet tensors: their memory order, in which torch fills
them, their dtype, and the generator's state as a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jtorch._declare.placement import placed
from jtorch._declare.variants import drawing, drawn, from_host, to_host
from jtorch._engine import random as streams
from jtorch._engine.geometry import Geometry, contiguous_stride, is_contiguous, strides_in
from jtorch._engine.handle import Handle, geometry
from jtorch._engine.order import common
from jtorch._engine.random import fill_order
from jtorch._engine.tape import threads
from jtorch._engine.writing import check_inplace
from jtorch._types import bool_, cpu, float32, meta
from jtorch._types.device import device as device_type


def uncapturable(reason: str) -> None:
    """Something a compiled function could not do again without its Python."""
    tape = threads.tape
    if tape.capture is not None:
        tape.capture.stop(tape, reason)


class Generator(streams.Generator):
    """A source of random numbers with a state of its own; the same seed gives torch's numbers.

    On an accelerator the numbers are those of the CPU's algorithm too, where torch's differ by device.

    https://docs.pytorch.org/docs/stable/generated/torch.Generator.html

    >>> import jtorch as torch
    >>> generator = torch.Generator().manual_seed(0)
    >>> torch.rand(2, generator=generator)
    tensor([0.4963, 0.7682])
    """

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__()
        self.device = _with_generators(device)

    def get_state(self) -> Any:
        """The state, a uint8 tensor of torch's layout."""
        return from_host(super().get_state())

    def set_state(self, new_state: Any) -> Generator:
        """Takes a state from `get_state`, here or in torch."""
        if not isinstance(new_state, Handle):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        uncapturable("a generator's state is set")
        super().set_state(to_host(new_state))
        return self

    def manual_seed(self, seed: int) -> Generator:
        """Starts the stream anew; the same seed gives the same numbers as torch."""
        uncapturable("a generator is seeded")
        return super().manual_seed(seed)  # type: ignore[return-value]  # returns itself, this class

    def clone_state(self) -> Generator:
        """A generator that goes on with the same numbers."""
        twin = Generator(self.device)
        twin.set_state(self.get_state())
        return twin

    def __repr__(self) -> str:
        return f"<torch._C.Generator object at {id(self):#x}>"

    def __reduce__(self) -> tuple:
        return _restored, (self.get_state(), self.device)


def _with_generators(device: Any) -> device_type:
    """The device of a generator; RuntimeError, as torch's, where it can have none."""
    found = device_type(device)
    if found.type == "meta":
        raise RuntimeError("META device type not an accelerator.")
    try:
        return placed(found)
    except AssertionError:
        raise RuntimeError("Cannot get CUDA generator without ATen_cuda library.") from None


def _restored(state: Any, device: device_type = cpu) -> Generator:
    generator = Generator(device)
    generator.set_state(state)
    return generator


default_generator = Generator()
default_generator.seed()


class _OfAccelerators:
    """The generators that accelerators draw from, made when first asked for, and the seed they then start with."""

    def __init__(self) -> None:
        self.made: dict[device_type, Generator] = {}
        self.start: int | None = None


_others = _OfAccelerators()


def default_of(place: device_type) -> Generator:
    """The generator that a device draws from where none is given."""
    if place.type == "cpu":
        return default_generator
    found = _others.made.get(place)
    if found is None:
        found = Generator(place)
        if _others.start is not None:
            found.manual_seed(_others.start)
        found = _others.made.setdefault(place, found)
    return found


def seed_all(seed: int) -> Generator:
    """Restarts every device's stream; returns the CPU's generator."""
    _others.start = seed
    for generator in _others.made.values():
        generator.manual_seed(seed)
    return default_generator.manual_seed(seed)


def source(generator: Generator | None) -> Generator:
    """The generator to draw from; the device's own where none is given."""
    capture = threads.tape.capture
    if capture is not None and not capture.drawing:
        uncapturable("random numbers that depend on values are drawn")
    if generator is None:
        return default_of(drawing.place)
    if not isinstance(generator, Generator):
        raise TypeError(f"expected a torch.Generator, but got {type(generator).__name__}")
    if generator.device.type != drawing.place.type:
        raise RuntimeError(
            f"Expected a '{drawing.place.type}' device type for generator but found '{generator.device.type}'"
        )
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
    ), bool_, like._v.aval.device, g.size)  # fmt: skip


def rrelu_slopes(input: Handle, lower: float, upper: float, generator: Generator | None) -> Any:
    """A slope from [lower, upper) for each element that is not positive, 1 for the others. torch rounds the bounds to
    the input's type and draws doubles between them. Those of bfloat16 are float32."""
    aval = input._v.aval
    values = None if aval.device == meta else to_host(input)
    found = float32 if aval.dtype.itemsize == 2 else aval.dtype

    def draw() -> np.ndarray:
        assert values is not None
        below, kind = values <= 0, values.dtype.type
        slopes = np.ones(values.shape, found.np)
        bounds = (float(kind(lower)), float(kind(upper)))
        slopes[below] = source(generator).uniform(int(below.sum()), np.float64, *bounds).astype(slopes.dtype)
        return slopes

    return drawn(draw, found, aval.device, aval.shape)


__all__ = ["Generator", "check_writable", "contiguous", "default_generator", "default_of", "dense", "drawn",
           "fill_order", "geometry", "in_memory_order", "is_contiguous", "keep_mask", "memory_order", "rrelu_slopes",
           "seed_all", "source", "uncapturable"]  # fmt: skip
