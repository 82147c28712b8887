"""Indexing as recorded steps: a run of basic indices is one view, an advanced index one op.

The places of index tensors, `at`, are static; where slices start, selected indices and the index
tensors themselves are data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare.checks import check_bounds
from jtorch._declare.devices import check_elementwise, check_indices_on
from jtorch._declare.indices import IN_BOUNDS, outside, overwritten, wrapped
from jtorch._declare.op import broadcast
from jtorch._declare.variants import from_host, to_host
from jtorch._engine.aval import Aval
from jtorch._engine.geometry import Chain, Select, Slice, Verb
from jtorch._engine.handle import EngineOp, Handle, ViewOp, apply, descend, moves_only, own_cell, read, share, wrap
from jtorch._engine.handle import geometry as geometry_of
from jtorch._engine.tape import forward_mode
from jtorch._engine.writing import write_value
from jtorch._types import errors

Step = tuple[Verb, tuple[int, ...]]


def _through(verbs: tuple[Verb, ...], x: Any, numbers: Sequence) -> Any:
    """An array seen through a run of verbs."""
    rest = iter(numbers)
    for verb in verbs:
        x = verb.read(x, next(rest)) if isinstance(verb, (Slice, Select)) else verb.read(x)
    return x


def _how_many(verbs: tuple[Verb, ...]) -> int:
    return sum(isinstance(v, (Slice, Select)) for v in verbs)


class RunView(ViewOp):
    """Reads a run of verbs as one step."""

    checks = None

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        return (_through(statics[0], arrays[0], arrays[1:]),)


_RUNS = {
    verb: RunView("index", grad)
    for verb, grad in (("Select", "SelectBackward0"), ("Slice", "SliceBackward0"), ("Unsqueeze", "UnsqueezeBackward0"))
}


def basic_view(h: Handle, steps: Sequence[Step]) -> Any:
    """The view that basic indices make, recorded as one step."""
    verbs = tuple(verb for verb, _ in steps)
    numbers = tuple(n for _, ns in steps for n in ns)
    cell = own_cell(h)
    chain: Chain = (*h._chain, *steps)
    op = _RUNS[type(verbs[-1]).__name__]
    if cell.host is not None and not h._requires_grad and moves_only(h._chain):
        g = geometry_of(h)
        for verb, ns in steps:
            g = verb.geometry(g, *ns)
        part = cell.part(g)
        if part is not None:
            t = wrap(part)
            share(t, h, cell, chain)
            t._geometry = g
            descend(t, h, op)
            return t
    (t,) = apply(op, (h, *numbers), (verbs,))
    share(t, h, cell, chain)
    descend(t, h, op)
    return t


def write_basic(h: Handle, steps: Sequence[Step], value: Any) -> None:
    """Writes a tensor of the right shape and dtype through basic indices, outside the autograd graph."""
    new = read(value)
    if forward_mode.active and (value._tangent is not None or h._tangent is not None):
        forward_mode.passer.assign(basic_view(h, steps) if steps else h, value)
    if not steps:
        write_value(h, new)
        return
    t = wrap(new)
    share(t, h, own_cell(h), (*h._chain, *steps))
    write_value(t, new)


# Index tensors


def _where(shape: tuple[int, ...], at: tuple[int, ...], index: Sequence) -> tuple:
    found: list = [slice(None)] * len(shape)
    for d, i in zip(at, index, strict=True):
        found[d] = wrapped(i, shape[d])
    return tuple(found)


def _outside(shape: tuple[int, ...], at: tuple[int, ...], index: Sequence) -> Any:
    bad = [outside(i, shape[d], -shape[d]) for d, i in zip(at, index, strict=True)]
    return jnp.any(jnp.stack(bad))


class IndexOp(EngineOp):
    """`x[i, j]`: basic verbs, then index tensors at the dimensions `at`."""

    checks = True

    def __init__(self) -> None:
        super().__init__("index", "IndexBackward0", self._read)

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        check_indices_on(specs[0], [s for s in specs[1:] if isinstance(s, Aval)])
        return super().infer(specs, statics)

    def _split(self, statics: tuple, arrays: Sequence) -> tuple[Any, Sequence]:
        n = _how_many(statics[0])
        return _through(statics[0], arrays[0], arrays[1 : n + 1]), arrays[n + 1 :]

    def _read(self, statics: tuple, *arrays: Any) -> Any:
        x, index = self._split(statics, arrays)
        if 0 in (x.shape[d] for d in statics[1]):
            _check_empty(x.shape, statics[1], index)
        return x.at[_where(x.shape, statics[1], index)].get(mode=IN_BOUNDS)

    def out_of_range(self, specs: tuple, statics: tuple, arrays: list) -> Any:
        x, index = self._split(statics, arrays)
        return _outside(x.shape, statics[1], index)


def _check_empty(shape: tuple[int, ...], at: tuple[int, ...], index: Sequence) -> None:
    """An empty dimension has no place to clip to, so only an empty index may look at it."""
    if np.prod(np.broadcast_shapes(*(i.shape for i in index))):
        d = next(d for d in at if shape[d] == 0)
        raise errors.index_out_of_bounds(0, d, 0)


class PutOp(EngineOp):
    """`x[i, j] = value` as a new tensor; with `accumulate` the values are added."""

    checks = True

    def __init__(self) -> None:
        super().__init__("index_put", "IndexPutBackward0", self._put)

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        target, value, *index = specs
        check_elementwise([s for s in (target, value) if isinstance(s, Aval)])
        check_indices_on(target, index)
        return super().infer(specs, statics)

    def graph_operands(self, specs: tuple) -> tuple[int, ...]:
        return 0, 1

    def _put(self, statics: tuple, x: Any, value: Any, *index: Any) -> Any:
        at, accumulate = statics
        where = _where(x.shape, at, index)
        if not x.size:
            return x
        if not accumulate:
            return overwritten(x, where, value)
        spot = x.at[where]
        value = jnp.asarray(value).astype(x.dtype)
        if x.dtype == np.bool_:
            return spot.max(value, mode=IN_BOUNDS)
        return spot.add(value, mode=IN_BOUNDS)

    def out_of_range(self, specs: tuple, statics: tuple, arrays: list) -> Any:
        return _outside(arrays[0].shape, statics[0], arrays[2:])


_INDEX = IndexOp()
_PUT = PutOp()
_MASKED = EngineOp(
    "masked_fill", "IndexPutBackward0",
    lambda statics, x, mask, value: jnp.where(mask.reshape(statics[0]), jnp.asarray(value).astype(x.dtype), x),
)  # fmt: skip


def check_indices(shape: tuple[int, ...], at: Sequence[int], index: Sequence[Handle]) -> None:
    """torch's errors for index tensors that are out of range or do not broadcast."""
    found: tuple[int, ...] = ()
    try:
        for i in index:
            found = broadcast(found, i._v.aval.shape)
    except RuntimeError:
        raise errors.index_shapes([i._v.aval.shape for i in index]) from None
    if 0 in (shape[d] for d in at) and 0 not in found:
        raise IndexError("index is out of bounds for dimension with size 0")
    for k, (d, i) in enumerate(zip(at, index, strict=True)):  # torch counts the dimensions that are indexed alone
        check_bounds(i, -shape[d], shape[d], _bounds_error(k, shape[d]))


def _bounds_error(dim: int, size: int) -> Callable[[int], Exception]:
    return lambda i: errors.index_out_of_bounds(i, dim, size)


def take(h: Handle, steps: Sequence[Step], at: tuple[int, ...], index: Sequence[Handle]) -> Any:
    """The elements that basic indices and then index tensors pick."""
    verbs = tuple(verb for verb, _ in steps)
    numbers = tuple(n for _, ns in steps for n in ns)
    host = _on_host(h, steps, at, index)
    if host is not None:
        return host
    return apply(_INDEX, (h, *numbers, *index), (verbs, at))[0]


def _on_host(h: Handle, steps: Sequence[Step], at: tuple[int, ...], index: Sequence[Handle]) -> Any:
    """From memory shared with NumPy: only the part that is asked for becomes a value."""
    cell = h._cell
    if cell is None or cell.host is None or h._requires_grad or any(i._v.array is None for i in index):
        return None
    if not moves_only(h._chain):
        return None
    g = geometry_of(h)
    for verb, ns in steps:
        g = verb.geometry(g, *ns)
    memory = cell.memory(g)
    if memory is None:
        return None
    where: list = [slice(None)] * memory.ndim
    for d, i in zip(at, index, strict=True):
        where[d] = to_host(i)
    return from_host(np.array(memory[tuple(where)], copy=True, order="C"), h._v.aval.dtype)


def result_shape(shape: tuple[int, ...], at: Sequence[int], index: Sequence[Handle]) -> tuple[int, ...]:
    """The shape of `x[index]`: index dimensions where the indices stand together, else in front."""
    common: tuple[int, ...] = ()
    for i in index:
        common = broadcast(common, i._v.aval.shape)
    first, last = at[0], at[-1]
    rest = [n for d, n in enumerate(shape) if d not in at]
    lead = first if last - first + 1 == len(at) else 0
    return (*rest[:lead], *common, *rest[lead:])


def put(h: Handle, at: tuple[int, ...], index: Sequence[Handle], value: Any, accumulate: bool = False) -> Any:
    """A new tensor with `value` (a tensor or a number) at the places of the index tensors."""
    if isinstance(value, Handle):
        aval, shape = value._v.aval, result_shape(h._v.aval.shape, at, index)
        value = _stripped(value, len(shape))
        _check_value(aval, value._v.aval.shape, shape)
        if aval.dtype is not h._v.aval.dtype:
            raise RuntimeError(
                "Index put requires the source and destination dtypes match, got "
                f"{h._v.aval.dtype.type_name} for the destination and {aval.dtype.type_name} for the source."
            )
    return apply(_PUT, (h, value, *index), (at, accumulate))[0]


def _check_value(aval: Aval, stripped: tuple[int, ...], shape: tuple[int, ...]) -> None:
    fits = len(stripped) <= len(shape) and all(
        n in (1, m) for n, m in zip(reversed(stripped), reversed(shape), strict=False)
    )
    if not fits:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(_without_ones(aval.shape))} cannot be broadcast to indexing "
            f"result of shape {list(shape)}"
        )


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    first = next((d for d, n in enumerate(shape) if n != 1), len(shape))
    return shape[first:]


def _stripped(value: Any, rank: int) -> Any:
    """Without leading dimensions of size 1 that the target does not have."""
    shape = value._v.aval.shape
    extra = len(shape) - rank
    if extra <= 0 or any(n != 1 for n in shape[:extra]):
        return value
    return value.reshape(shape[extra:])


def fill_mask(h: Handle, dim: int, mask: Handle, value: Any) -> Any:
    """A new tensor with one value where a boolean mask, at `dim`, is true: nothing leaves the tape."""
    rank, span = h._v.aval.ndim, mask._v.aval.ndim
    shape = ((1,) * dim + mask._v.aval.shape + (1,) * (rank - dim - span),)
    return apply(_MASKED, (h, mask, value), shape)[0]


def nonzero_of(mask: Handle) -> list:
    """The int64 index tensors of a mask's true elements. Their number is data: runs what is pending."""
    return [from_host(i, place=mask._v.aval.device) for i in np.nonzero(to_host(mask))]
