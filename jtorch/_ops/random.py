"""Random numbers: torch's streams on the CPU, bit for bit.

Draws happen at the call, on the host, and enter the tape as values: the stream moves on in the order of the program,
whatever is recorded in between, and a loop of draws is one program.

https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jtorch._declare import (
    Array,
    Handle,
    as_int,
    composite,
    dtype_of,
    errors,
    laid,
    op,
    overlap,
    placed,
    to_host,
    write_back,
)
from jtorch._declare.draws import (
    Generator,
    check_writable,
    contiguous,
    default_generator,
    dense,
    drawn,
    fill_order,
    geometry,
    in_memory_order,
    is_contiguous,
    memory_order,
    seed_all,
    source,
    uncapturable,
)
from jtorch._declare.op import broadcast, camel
from jtorch._declare.placement import check_layout, check_requires_grad
from jtorch._declare.types import contiguous_format, get_default_dtype, int64
from jtorch._declare.variants import write_out
from jtorch._ops.creation import shape_of

Draw = Callable[[Sequence[int], np.dtype, bool], np.ndarray]  # (shape, dtype, contiguous) to numbers

# The process's generator


@composite(method=False)
def manual_seed(seed: Any) -> Generator:
    """Restarts the streams of all devices, from -2**63 to 2**64 - 1; returns the CPU's generator.

    >>> import jtorch as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.rand(2)
    tensor([0.4963, 0.7682])
    """
    return seed_all(int(seed))


@composite(method=False)
def seed() -> int:
    """Restarts the process's stream at a number from the operating system, and returns it."""
    uncapturable("a generator is seeded")
    found = default_generator.seed()
    seed_all(found)
    return found


@composite(method=False)
def initial_seed() -> int:
    """The seed the process's stream was last started with."""
    return default_generator.initial_seed()


@composite(method=False)
def get_rng_state() -> Any:
    """The state of the process's stream, a uint8 tensor of torch's layout."""
    return default_generator.get_state()


@composite(method=False)
def set_rng_state(new_state: Any) -> None:
    """Takes a state from `get_rng_state`, here or in torch."""
    default_generator.set_state(new_state)


# New tensors


def _new(
    name: str, draw: Draw, shape: tuple, default: Any, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, like: Any = None,
) -> Any:  # fmt: skip
    """Draws a new tensor; `pin_memory` has no meaning here. `out=` gives the dtype and takes the numbers."""
    check_layout(layout)
    if out is not None:
        if dtype is not None and dtype is not out.dtype:
            raise RuntimeError(f"dtype {dtype} does not match dtype of out parameter ({out.dtype})")
        return write_out(name, out, _drawn(draw, _memory_of(out, shape), out.dtype, out.device))
    found = default if dtype is None else dtype_of(name, dtype)
    check_requires_grad(requires_grad, found)
    g = contiguous(shape) if like is None else dense(geometry(like))
    t = _drawn(draw, g, found, placed(device))
    return t.requires_grad_() if requires_grad else t


def _memory_of(out: Any, shape: Sequence[int]) -> Any:
    """How numbers for `out=` lie: as it does, or row by row where there is none or it must be resized."""
    return geometry(out) if isinstance(out, Handle) and tuple(out.shape) == tuple(shape) else contiguous(shape)


def _drawn(draw: Draw, g: Any, to: Any, place: Any) -> Any:
    """A tensor of numbers drawn in the order of a geometry's memory."""
    plain = is_contiguous(g.size, g.stride)
    return drawn(lambda: _in_shape(g, lambda size: draw(size, to.np, plain)), to, place, tuple(g.size))


def _laid_out(t: Any, g: Any) -> np.ndarray | None:
    """A tensor's contents, broadcast to a geometry's size, its dimensions in the order in which they are drawn; None
    on `meta`, where nothing is."""
    if t.is_meta:
        return None
    return np.broadcast_to(to_host(t), g.size).transpose(fill_order(g.stride))


def _in_shape(g: Any, draw: Callable[[Sequence[int]], np.ndarray]) -> np.ndarray:
    """Numbers drawn in a tensor's memory order, row by row."""
    return np.ascontiguousarray(in_memory_order(g, draw)).reshape(g.size)


def _uniform(generator: Generator | None) -> Draw:
    return lambda shape, to, _: source(generator).uniform(tuple(shape), to)


def _normal(generator: Generator | None, mean: float = 0.0, std: float = 1.0) -> Draw:
    return lambda shape, to, plain: source(generator).normal(tuple(shape), to, mean, std, contiguous=plain)


def _integers(generator: Generator | None, low: int | None, high: int | None) -> Draw:
    return lambda shape, to, _: source(generator).random(tuple(shape), to, low, high)


@composite(method=False)
def rand(*size: Any, generator: Any = None, out: Any = None, **options: Any) -> Any:
    """Uniform numbers from [0, 1).

    >>> import jtorch as torch
    >>> torch.rand(2, 3).shape
    torch.Size([2, 3])
    """
    return _new("rand", _uniform(generator), shape_of("rand", size, options.pop("size", None)), get_default_dtype(),
                out=out, **options)  # fmt: skip


@composite(method=False)
def randn(*size: Any, generator: Any = None, out: Any = None, **options: Any) -> Any:
    """Normal numbers of mean 0 and variance 1.

    >>> import jtorch as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randn(2)
    tensor([ 1.5410, -0.2934])
    """
    return _new("randn", _normal(generator), shape_of("randn", size, options.pop("size", None)), get_default_dtype(),
                out=out, **options)  # fmt: skip


def _bound(name: str, argument: str, position: int, value: Any) -> int:
    found = as_int(value)
    if found is None:
        raise errors.argument_type(name, argument, position, "int", value)
    return found


def _range(name: str, bounds: Sequence[Any], low: Any, high: Any) -> tuple[int, int]:
    """`(high,)`, `(low, high)`, or either by keyword."""
    given = list(bounds)
    if high is None:
        high = given.pop()
    if low is None:
        low = given.pop(0) if given else 0
    return _bound(name, "low", 1, low), _bound(name, "high", len(bounds) or 1, high)


_DRAWN = "*, generator=None, **options"


@composite(method=False, forms=(f"low, high, size, {_DRAWN}", f"high, size, {_DRAWN}"))
def randint(
    *bounds: Any, size: Any = None, low: Any = None, high: Any = None, generator: Any = None, out: Any = None,
    **options: Any,
) -> Any:  # fmt: skip
    """Integers from [low, high): `randint(high, size)` or `randint(low, high, size)`.

    >>> import jtorch as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randint(10, (3,))
    tensor([4, 9, 3])
    """
    given = list(bounds)
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if size is None or len(given) + (low is not None) + (high is not None) not in (1, 2):
        raise errors.invalid_combination(
            "randint", bounds, {}, ["int high, tuple of ints size", "int low, int high, tuple of ints size"]
        )
    first, last = _range("randint", given, low, high)
    return _new("randint", _integers(generator, first, last), shape_of("randint", (), size), int64, out=out, **options)


@composite(method=False)
def randperm(n: int, *, generator: Any = None, out: Any = None, dtype: Any = None, **options: Any) -> Any:
    """The integers from 0 to n - 1 in random order.

    >>> import jtorch as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randperm(4)
    tensor([0, 1, 3, 2])
    """
    count = _bound("randperm", "n", 1, n)

    def draw(shape: Sequence[int], to: np.dtype, _: bool) -> np.ndarray:
        return source(generator).randperm(count, to)

    return _new("randperm", draw, (count,), int64, out=out, dtype=dtype, **options)


def _like(name: str, input: Any, draw: Draw, dtype: Any, device: Any, memory_format: Any, options: dict) -> Any:
    if not isinstance(input, Handle):
        raise errors.argument_type(name, "input", 1, "Tensor", input)
    like = None if memory_format is contiguous_format else input
    t = _new(
        name, draw, tuple(input.shape), input.dtype, dtype=dtype, device=input.device if device is None else device,
        like=like, **options,
    )  # fmt: skip
    return laid(t, memory_format, input)


@composite(method=False)
def rand_like(
    input: Any, *, generator: Any = None, memory_format: Any = None, dtype: Any = None, device: Any = None,
    **options: Any,
) -> Any:  # fmt: skip
    """`rand` with the shape, dtype and device of a tensor."""
    return _like("rand_like", input, _uniform(generator), dtype, device, memory_format, options)


@composite(method=False)
def randn_like(
    input: Any, *, generator: Any = None, memory_format: Any = None, dtype: Any = None, device: Any = None,
    **options: Any,
) -> Any:  # fmt: skip
    """`randn` with the shape, dtype and device of a tensor."""
    return _like("randn_like", input, _normal(generator), dtype, device, memory_format, options)


@composite(method=False, forms=(f"input, low, high, {_DRAWN}", f"input, high, {_DRAWN}"))
def randint_like(
    input: Any, *bounds: Any, low: Any = None, high: Any = None, generator: Any = None, memory_format: Any = None,
    dtype: Any = None, device: Any = None, **options: Any,
) -> Any:  # fmt: skip
    """`randint` with the shape, dtype and device of a tensor: `randint_like(input, high)` or `(input, low, high)`."""
    first, last = _range("randint_like", bounds, low, high)
    return _like("randint_like", input, _integers(generator, first, last), dtype, device, memory_format, options)


# Distributions with tensors for parameters


@op(function=False, method=False, name="normal", real_gradient="normal")
def normal_op(numbers: Array, mean: Array | None, std: Array | None) -> Array:
    """Drawn numbers as a result of what they were drawn with: its gradient is 0."""
    return numbers


@op(function=False, method=False, name="bernoulli", real_gradient="bernoulli")
def bernoulli_op(numbers: Array, input: Array) -> Array:
    """Drawn numbers as a result of the probabilities: their gradient is 0."""
    return numbers


@composite(method=False)
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, out: Any = None, **options: Any
) -> Any:
    """Normal numbers of given means and standard deviations, tensors or numbers; numbers alone need a `size`.

    >>> import jtorch as torch
    >>> torch.normal(0.0, 1.0, (2, 3)).shape
    torch.Size([2, 3])
    """
    tensors = [x for x in (mean, std) if isinstance(x, Handle)]
    if not tensors:
        if size is None:
            raise errors.argument_type("normal", "mean", 1, "Tensor", mean)
        draw = _normal(generator, float(mean), float(std))
        return _new("normal_of_size", draw, shape_of("normal", (), size), get_default_dtype(), out=out, **options)
    if isinstance(std, Handle) and std.dtype.is_complex:
        raise RuntimeError("normal expects standard deviation to be non-complex")
    shape: tuple[int, ...] = ()
    for t in tensors:
        shape = broadcast(shape, tuple(t.shape))
    to = tensors[0].dtype
    if isinstance(out, Handle):
        to = out.dtype
        if not (to.is_floating_point or to.is_complex):
            raise errors.not_implemented_for("normal_kernel_cpu", to.type_name)
        if not isinstance(std, Handle):  # torch draws into `out=` as it is and adds the means
            broadcast(shape, tuple(out.shape))
    g = _memory_of(out, shape)
    middle, width = (_laid_out(x, g) if isinstance(x, Handle) else x for x in (mean, std))
    t = _drawn(lambda size, kind, _: source(generator).normal_like(middle, width, size, kind), g, to, tensors[0].device)
    if any(x.requires_grad for x in tensors):
        t = normal_op(t, *(x if isinstance(x, Handle) else None for x in (mean, std)))
    return t if out is None else write_out("normal", out, t, tensors)


@composite(method=True, inplace=False)
def bernoulli(input: Any, p: float | None = None, *, generator: Any = None, out: Any = None) -> Any:
    """Ones with the probabilities in `input`, or all with probability `p`, else zeros.

    >>> import jtorch as torch
    >>> torch.bernoulli(torch.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    if isinstance(p, Handle):
        raise errors.invalid_combination(
            "bernoulli", (input, p), {},
            ["Tensor input, *, torch.Generator generator = None, Tensor out = None",
             "Tensor input, float p, *, torch.Generator generator = None"],
        )  # fmt: skip
    to = out.dtype if isinstance(out, Handle) else input.dtype
    if to.is_complex and input.numel():
        raise errors.not_implemented_for("bernoulli_tensor_cpu_self_", to.type_name)
    g = _memory_of(out, tuple(input.shape))
    chances = _laid_out(input, g) if p is None else float(p)
    t = _drawn(lambda size, kind, _: source(generator).bernoulli(tuple(size), chances), g, to, input.device)
    if input.requires_grad:
        t = bernoulli_op(t, input)
    return t if out is None else write_out("bernoulli", out, t, (input,))


@composite(method=True)
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None, out: Any = None
) -> Any:
    """Indices drawn with the weights in the rows of `input`: (categories) or (rows, categories), int64.

    >>> import jtorch as torch
    >>> torch.multinomial(torch.tensor([0.0, 1.0]), 1)
    tensor([1])
    """
    if out is not None and out.dtype is not int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.type_name}")
    if input.ndim and input.shape[-1] > 2**24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    order, shape = memory_order(input), (*input.shape[:-1], int(num_samples))
    weights: Any = None if input.is_meta else to_host(input)

    def draw() -> np.ndarray:
        return np.ascontiguousarray(source(generator).multinomial(weights, int(num_samples), bool(replacement), order))

    t = drawn(draw, int64, input.device, shape)
    return t if out is None else write_out("multinomial", out, t)


@composite(method=False)
def poisson(input: Any, generator: Any = None) -> Any:
    """Not there yet: torch's sampler mixes two algorithms whose streams are not reproduced."""
    raise NotImplementedError("torch.poisson is not supported yet: draw with numpy.random and torch.from_numpy instead")


@composite(method=False)
def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """Not there yet: torch's sampler mixes two algorithms whose streams are not reproduced."""
    raise NotImplementedError("torch.binomial is not supported yet: add up torch.bernoulli draws instead")


# In-place fills


# torch's number of the overload, where it has several
_OVERLOADS = {"random_": 1, "bernoulli_": 2}


def _filled(name: str, target: Any, draw: Draw, reads: Sequence = ()) -> Any:
    """Draws into a tensor in the order of its memory. In the graph the old value counts for nothing."""
    check_writable(target)
    overlap.check(name, target, reads)  # nothing is drawn for what may not be written
    result = _drawn(draw, geometry(target), target.dtype, target.device)
    if target._requires_grad:
        result = _drawn_over(target, result, f"{camel(name)}Backward{_OVERLOADS.get(name, 0)}")
    return write_back(name, target, result, reads)


@op(method=False, function=False, grad=lambda specs, statics: statics[0])
def _drawn_over(input: Array, new: Array, called: str) -> Array:
    return new


@composite(function=False)
def uniform_(self: Any, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Any:
    """Fills with uniform numbers from [from_, to)."""
    return _filled(
        "uniform_", self, lambda shape, kind, _: source(generator).uniform(tuple(shape), kind, float(from_), float(to))
    )


@composite(function=False)
def normal_(self: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
    """Fills with normal numbers."""
    return _filled("normal_", self, _normal(generator, float(mean), float(std)))


@composite(function=False)
def exponential_(self: Any, lambd: float = 1.0, *, generator: Any = None) -> Any:
    """Fills with exponential numbers of rate `lambd`."""
    return _filled(
        "exponential_", self, lambda shape, kind, _: source(generator).exponential(tuple(shape), kind, float(lambd))
    )


@composite(function=False)
def geometric_(self: Any, p: float, *, generator: Any = None) -> Any:
    """Fills with how many trials of probability `p` the first success takes."""
    return _filled("geometric_", self, lambda shape, kind, _: source(generator).geometric(tuple(shape), kind, float(p)))


@composite(function=False)
def cauchy_(self: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Any:
    """Fills with Cauchy numbers."""
    numbers = (float(median), float(sigma))
    return _filled("cauchy_", self, lambda shape, kind, _: source(generator).cauchy(tuple(shape), kind, *numbers))


@composite(function=False)
def log_normal_(self: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Any:
    """Fills with exponentials of normal numbers."""
    numbers = (float(mean), float(std))
    return _filled("log_normal_", self, lambda size, kind, _: source(generator).log_normal(tuple(size), kind, *numbers))


# Python cannot write `from`, which torch takes as a keyword: it stands as `from_`.
@composite(
    function=False,
    forms=("self, *, generator=None", "self, from_, to, *, generator=None", "self, to, *, generator=None"),
)
def random_(self: Any, *bounds: int, to: int | None = None, generator: Any = None, **named: Any) -> Any:
    """Fills with integers: `random_()` from all the dtype has, `random_(to)` from [0, to), `random_(from, to)`."""
    if named.keys() - {"from"}:
        raise errors.invalid_combination("random_", bounds, named, [
            "*, torch.Generator generator = None", "int from, int to, *, torch.Generator generator = None",
            "int to, *, torch.Generator generator = None",
        ])  # fmt: skip
    given = [*named.values(), *bounds, *([] if to is None else [to])]
    if len(given) > 2:
        raise errors.too_many_positional("random_", 2, len(given))
    low, high = [None, None] if not given else [0, given[0]] if len(given) == 1 else given
    return _filled("random_", self, _integers(generator, low, high))


@composite(function=False)
def bernoulli_(self: Any, p: Any = 0.5, *, generator: Any = None) -> Any:
    """Fills with ones of probability `p`, a number or a tensor of probabilities, and zeros."""
    if isinstance(p, Handle):
        chances = _laid_out(p, geometry(self))

        def draw(shape: Sequence[int], kind: Any, _: bool) -> np.ndarray:
            return source(generator).bernoulli(tuple(shape), chances)

        return _filled("bernoulli_", self, draw, (p,))
    return _filled("bernoulli_", self, lambda shape, kind, _: source(generator).bernoulli(tuple(shape), float(p)))
