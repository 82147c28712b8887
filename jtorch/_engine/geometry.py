"""Views: size, stride and offset by arithmetic, and the closed set of verbs a view is made of.

A verb says three things: the geometry of the result, how to read it from an array and how to write
it back. Its fields are static; where it starts or which index it takes is a number given at run
time, so a loop over `x[i]` is one program. Verbs are compared as tuples, so each holds its `kind`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._types.dtype import dtype


class Geometry(NamedTuple):
    """Size and stride in elements, offset from the start of the storage."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


def contiguous_stride(size: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides; a dimension of size 0 counts as 1, as in torch."""
    return strides_in(range(len(size)), size)


def strides_in(order: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """Strides of a tensor without gaps whose dimensions lie in this order, outermost first.

    >>> strides_in((1, 0), (2, 3))
    (1, 2)
    """
    stride, step = [0] * len(size), 1
    for d in reversed(order):
        stride[d] = step
        step *= max(size[d], 1)
    return tuple(stride)


def is_contiguous(size: Sequence[int], stride: Sequence[int]) -> bool:
    """True when the elements lie in row-major order without gaps."""
    if 0 in size:
        return True
    step = 1
    for n, s in zip(reversed(size), reversed(stride), strict=True):
        if n != 1:
            if s != step:
                return False
            step *= n
    return True


def view_stride(size: Sequence[int], stride: Sequence[int], new: Sequence[int]) -> tuple[int, ...] | None:
    """Strides of a `view` to the shape `new`, or None when it needs a copy.

    Dimensions are grouped into runs that are contiguous among themselves; each run must be covered
    exactly by dimensions of the new shape.
    """
    if math.prod(size) == 0:
        return contiguous_stride(new) if tuple(size) != tuple(new) else tuple(stride)
    result = [0] * len(new)
    at = len(new) - 1
    run, base = 1, stride[-1] if size else 1
    for d in range(len(size) - 1, -1, -1):
        run *= size[d]
        if d == 0 or (size[d - 1] != 1 and stride[d - 1] != run * base):
            covered = 1
            while at >= 0 and (covered < run or new[at] == 1):
                result[at] = covered * base
                covered *= new[at]
                at -= 1
            if covered != run:
                return None
            if d:
                run, base = 1, stride[d - 1]
    step = 1 if not size else result[at + 1] * new[at + 1] if at + 1 < len(new) else 1
    while at >= 0:
        if new[at] != 1:
            return None
        result[at] = step
        at -= 1
    return tuple(result)


def _replaced(values: Sequence[int], at: int, *new: int) -> tuple[int, ...]:
    return (*values[:at], *new, *values[at + 1 :])


class Slice(NamedTuple):
    """`x[start : start + (length - 1) * step + 1 : step]` along `dim`; `start` is the number."""

    dim: int
    length: int
    step: int
    kind: str = "Slice"

    def geometry(self, g: Geometry, start: int) -> Geometry:
        stride = g.stride[self.dim]
        return Geometry(
            _replaced(g.size, self.dim, self.length),
            _replaced(g.stride, self.dim, stride * self.step),
            g.offset + start * stride,
        )

    def read(self, x: Any, start: Any) -> Any:
        span = (self.length - 1) * self.step + 1 if self.length else 0
        if span == x.shape[self.dim] and self.step == 1:
            return x
        part = lax.dynamic_slice_in_dim(x, start, span, self.dim)
        return part if self.step == 1 else lax.slice_in_dim(part, 0, span, self.step, self.dim)

    def write(self, x: Any, new: Any, start: Any) -> Any:
        if self.step == 1:
            return lax.dynamic_update_slice_in_dim(x, new, start, self.dim)
        where = start + self.step * jnp.arange(self.length)
        return x.at[(slice(None),) * self.dim + (where,)].set(new, unique_indices=True)


class Select(NamedTuple):
    """`x[index]` along `dim`; `index`, not negative, is the number."""

    dim: int
    kind: str = "Select"

    def geometry(self, g: Geometry, index: int) -> Geometry:
        return Geometry(
            _replaced(g.size, self.dim), _replaced(g.stride, self.dim), g.offset + index * g.stride[self.dim]
        )

    def read(self, x: Any, index: Any) -> Any:
        return lax.dynamic_index_in_dim(x, index, self.dim, keepdims=False)

    def write(self, x: Any, new: Any, index: Any) -> Any:
        return lax.dynamic_update_index_in_dim(x, new, index, self.dim)


class Permute(NamedTuple):
    """Dimension `i` of the result is dimension `dims[i]` of the input."""

    dims: tuple[int, ...]
    kind: str = "Permute"

    def geometry(self, g: Geometry) -> Geometry:
        return Geometry(tuple(g.size[d] for d in self.dims), tuple(g.stride[d] for d in self.dims), g.offset)

    def read(self, x: Any) -> Any:
        return jnp.transpose(x, self.dims)

    def write(self, x: Any, new: Any) -> Any:
        return self.inverse().read(new)

    def inverse(self) -> Permute:
        """The verb that turns the result back."""
        return Permute(tuple(map(self.dims.index, range(len(self.dims)))))


class Reshape(NamedTuple):
    """The same elements in row-major order under another shape; `view_stride` must allow it."""

    size: tuple[int, ...]
    kind: str = "Reshape"

    def geometry(self, g: Geometry) -> Geometry:
        stride = view_stride(g.size, g.stride, self.size)
        assert stride is not None
        return Geometry(self.size, stride, g.offset)

    def read(self, x: Any) -> Any:
        return jnp.reshape(x, self.size)

    def write(self, x: Any, new: Any) -> Any:
        return jnp.reshape(new, x.shape)


class Squeeze(NamedTuple):
    """Drops dimensions of size 1."""

    dims: tuple[int, ...]
    kind: str = "Squeeze"

    def geometry(self, g: Geometry) -> Geometry:
        keep = [d for d in range(len(g.size)) if d not in self.dims]
        return Geometry(tuple(g.size[d] for d in keep), tuple(g.stride[d] for d in keep), g.offset)

    def read(self, x: Any) -> Any:
        return jnp.squeeze(x, self.dims)

    def write(self, x: Any, new: Any) -> Any:
        return jnp.reshape(new, x.shape)


class Unsqueeze(NamedTuple):
    """Inserts a dimension of size 1 before `dim`."""

    dim: int
    kind: str = "Unsqueeze"

    def geometry(self, g: Geometry) -> Geometry:
        d = self.dim
        step = g.size[d] * g.stride[d] if d < len(g.size) else 1
        return Geometry((*g.size[:d], 1, *g.size[d:]), (*g.stride[:d], step, *g.stride[d:]), g.offset)

    def read(self, x: Any) -> Any:
        return jnp.expand_dims(x, self.dim)

    def write(self, x: Any, new: Any) -> Any:
        return jnp.reshape(new, x.shape)


class Expand(NamedTuple):
    """Broadcasts to `size`. Several elements share one place: of those written one stays, the last that differs from
    what was there."""

    size: tuple[int, ...]
    kind: str = "Expand"

    def geometry(self, g: Geometry) -> Geometry:
        lead = len(self.size) - len(g.size)
        stride = [0] * lead + [s if n == m else 0 for n, m, s in zip(g.size, self.size[lead:], g.stride, strict=True)]
        return Geometry(self.size, tuple(stride), g.offset)

    def read(self, x: Any) -> Any:
        return jnp.broadcast_to(x, self.size)

    def write(self, x: Any, new: Any) -> Any:
        if 0 in self.size:
            return x
        lead = len(self.size) - x.ndim
        shared = tuple(i for i, n in enumerate(self.size) if i < lead or x.shape[i - lead] != n)
        old = jnp.squeeze(x, tuple(i - lead for i in shared if i >= lead))
        rows = jnp.reshape(jnp.moveaxis(new, shared, tuple(range(len(shared)))), (-1, *old.shape))
        both_nan = (rows != rows) & (old != old)
        at = jnp.reshape(jnp.arange(1, len(rows) + 1), (-1, *(1 for _ in old.shape)))
        last = jnp.argmax(jnp.where((rows != old) & ~both_nan, at, 0), 0)
        return jnp.reshape(jnp.take_along_axis(rows, last[None], 0), x.shape)


class Diagonal(NamedTuple):
    """The diagonal of two dimensions, put last."""

    offset: int
    dim1: int
    dim2: int
    kind: str = "Diagonal"

    def geometry(self, g: Geometry) -> Geometry:
        a, b = self.dim1, self.dim2
        start = self.offset * g.stride[b] if self.offset >= 0 else -self.offset * g.stride[a]
        length = max(min(g.size[a] + min(self.offset, 0), g.size[b] - max(self.offset, 0)), 0)
        keep = [d for d in range(len(g.size)) if d not in (a, b)]
        return Geometry(
            (*(g.size[d] for d in keep), length),
            (*(g.stride[d] for d in keep), g.stride[a] + g.stride[b]),
            g.offset + (start if length else 0),
        )

    def read(self, x: Any) -> Any:
        return jnp.diagonal(x, self.offset, self.dim1, self.dim2)

    def write(self, x: Any, new: Any) -> Any:
        moved = jnp.moveaxis(x, (self.dim1, self.dim2), (-2, -1))
        i = jnp.arange(new.shape[-1])
        moved = moved.at[..., i + max(-self.offset, 0), i + max(self.offset, 0)].set(new, unique_indices=True)
        return jnp.moveaxis(moved, (-2, -1), (self.dim1, self.dim2))


class Unfold(NamedTuple):
    """Windows of `size` every `step` elements along `dim`, put last."""

    dim: int
    size: int
    step: int
    kind: str = "Unfold"

    def _windows(self, n: int) -> np.ndarray:
        count = (n - self.size) // self.step + 1
        return self.step * np.arange(count)[:, None] + np.arange(self.size)

    def geometry(self, g: Geometry) -> Geometry:
        d = self.dim
        count = (g.size[d] - self.size) // self.step + 1
        return Geometry(
            (*_replaced(g.size, d, count), self.size),
            (*_replaced(g.stride, d, g.stride[d] * self.step), g.stride[d]),
            g.offset,
        )

    def read(self, x: Any) -> Any:
        return jnp.moveaxis(jnp.take(x, self._windows(x.shape[self.dim]), axis=self.dim), self.dim + 1, -1)

    def write(self, x: Any, new: Any) -> Any:
        at = (slice(None),) * self.dim + (self._windows(x.shape[self.dim]),)
        return x.at[at].set(jnp.moveaxis(new, -1, self.dim + 1))


class Bitcast(NamedTuple):
    """`view(dtype)`: the same bytes read as another type of the same or another width."""

    old: dtype
    dtype: dtype
    kind: str = "Bitcast"

    def geometry(self, g: Geometry) -> Geometry:
        old, new = self.old.itemsize, self.dtype.itemsize
        if old == new:
            return g
        if old > new:
            k = old // new
            stride = (*(s * k for s in g.stride[:-1]), 1)
            return Geometry((*g.size[:-1], g.size[-1] * k), stride, g.offset * k)
        k = new // old
        stride = (*(s // k for s in g.stride[:-1]), 1)
        return Geometry((*g.size[:-1], g.size[-1] // k), stride, g.offset // k)

    def read(self, x: Any) -> Any:
        if self.old is self.dtype:
            return x
        old, new = self.old.itemsize, self.dtype.itemsize
        size = x.shape if old == new else (*x.shape[:-1], x.shape[-1] * old // new)
        return _from_bytes(_bytes_of(x), self.dtype.np, size)

    def write(self, x: Any, new: Any) -> Any:
        return new if self.old is self.dtype else _from_bytes(_bytes_of(new), x.dtype, x.shape)


def _bytes_of(x: Any) -> Any:
    """An array's memory as one row of bytes."""
    if x.dtype == np.bool_:
        return x.astype(np.uint8).reshape(-1)
    if jnp.iscomplexobj(x):
        x = jnp.stack((jnp.real(x), jnp.imag(x)), -1)
    return lax.bitcast_convert_type(x, np.uint8).reshape(-1)


def _from_bytes(row: Any, kind: Any, size: tuple[int, ...]) -> Any:
    """A row of bytes as an array of this type and shape."""
    if kind == np.bool_:
        return (row != 0).reshape(size)
    if np.issubdtype(kind, np.complexfloating):
        half = np.dtype(kind).itemsize // 2
        parts = _from_bytes(row, np.dtype(f"f{half}"), (*size, 2))
        return lax.complex(parts[..., 0], parts[..., 1])
    width = np.dtype(kind).itemsize
    shaped = row.reshape((*size, width) if width > 1 else size)
    return lax.bitcast_convert_type(shaped, kind)


class RealPart(NamedTuple):
    """The real part of a complex array."""

    kind: str = "RealPart"

    def geometry(self, g: Geometry) -> Geometry:
        return Geometry(g.size, tuple(2 * s for s in g.stride), 2 * g.offset)

    def read(self, x: Any) -> Any:
        return jnp.real(x)

    def write(self, x: Any, new: Any) -> Any:
        return lax.complex(new, jnp.imag(x))


class ImagPart(NamedTuple):
    """The imaginary part of a complex array."""

    kind: str = "ImagPart"

    def geometry(self, g: Geometry) -> Geometry:
        return Geometry(g.size, tuple(2 * s for s in g.stride), 2 * g.offset + 1)

    def read(self, x: Any) -> Any:
        return jnp.imag(x)

    def write(self, x: Any, new: Any) -> Any:
        return lax.complex(jnp.real(x), new)


class Conj(NamedTuple):
    """The conjugate of a complex array: torch's conjugate bit."""

    kind: str = "Conj"

    def geometry(self, g: Geometry) -> Geometry:
        return g

    def read(self, x: Any) -> Any:
        return jnp.conj(x)

    def write(self, x: Any, new: Any) -> Any:
        return jnp.conj(new)


class Negative(NamedTuple):
    """The negative of an array: torch's negative bit."""

    kind: str = "Negative"

    def geometry(self, g: Geometry) -> Geometry:
        return g

    def read(self, x: Any) -> Any:
        return -x

    def write(self, x: Any, new: Any) -> Any:
        return -new


class AsReal(NamedTuple):
    """A complex array as a real one with a last dimension of 2."""

    kind: str = "AsReal"

    def geometry(self, g: Geometry) -> Geometry:
        return Geometry((*g.size, 2), (*(2 * s for s in g.stride), 1), 2 * g.offset)

    def read(self, x: Any) -> Any:
        return jnp.stack((jnp.real(x), jnp.imag(x)), -1)

    def write(self, x: Any, new: Any) -> Any:
        return lax.complex(new[..., 0], new[..., 1])


class AsComplex(NamedTuple):
    """A real array with a last dimension of 2 as a complex one."""

    kind: str = "AsComplex"

    def geometry(self, g: Geometry) -> Geometry:
        return Geometry(g.size[:-1], tuple(s // 2 for s in g.stride[:-1]), g.offset // 2)

    def read(self, x: Any) -> Any:
        return lax.complex(x[..., 0], x[..., 1])

    def write(self, x: Any, new: Any) -> Any:
        return jnp.stack((jnp.real(new), jnp.imag(new)), -1)


class AsStrided(NamedTuple):
    """Any size and stride over the storage, which is given as its root array."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    kind: str = "AsStrided"

    def places(self) -> np.ndarray:
        """Where each element lies in the storage."""
        places = np.full(self.size, self.offset, np.int64)
        for d, (n, s) in enumerate(zip(self.size, self.stride, strict=True)):
            places += (s * np.arange(n)).reshape(-1, *[1] * (len(self.size) - d - 1))
        return places

    def geometry(self, g: Geometry) -> Geometry:
        return Geometry(self.size, self.stride, self.offset)

    def read(self, x: Any) -> Any:
        return x.reshape(-1)[self.places()]

    def write(self, x: Any, new: Any) -> Any:
        return x.reshape(-1).at[self.places()].set(new).reshape(x.shape)


Verb = (
    Slice | Select | Permute | Reshape | Squeeze | Unsqueeze | Expand | Diagonal | Unfold | Bitcast | RealPart
    | ImagPart | Conj | Negative | AsReal | AsComplex | AsStrided
)  # fmt: skip

# Verbs whose result has another dtype, or other bits of the elements.
Reinterpreting = (Bitcast, RealPart, ImagPart, Conj, Negative, AsReal, AsComplex)

# A view is a chain of verbs, each with its run-time numbers.
Chain = tuple[tuple[Verb, tuple[int, ...]], ...]


def extended(chain: Chain, verb: Verb, numbers: tuple[int, ...], keep: int) -> Chain:
    """A chain with one more verb. A reshape of a reshape is one, unless it is among the first `keep`,
    which belong to the tensor the view was taken of."""
    if len(chain) > keep and isinstance(verb, Reshape) and isinstance(chain[-1][0], Reshape):
        chain = chain[:-1]
    return (*chain, (verb, numbers))


def bits(chain: Chain) -> tuple[bool, bool]:
    """torch's conjugate and negative bits: whether the elements lie in memory as conjugates, or as negatives."""
    conjugate = negative = False
    for verb, _ in chain:
        if isinstance(verb, Conj):
            conjugate = not conjugate
        elif isinstance(verb, Negative):
            negative = not negative
        elif isinstance(verb, (RealPart, ImagPart)):
            negative = negative != (conjugate and isinstance(verb, ImagPart))
            conjugate = False
    return conjugate, negative


def follow(root: Sequence[int], chain: Chain) -> Geometry:
    """Geometry of the view `chain` makes of a contiguous root."""
    g = Geometry(tuple(root), contiguous_stride(root), 0)
    for verb, numbers in chain:
        g = verb.geometry(g, *numbers)
    return g


def write_through(verbs: Sequence[Verb], numbers: list, root: Any, new: Any) -> Any:
    """The root array after `new` was written through a chain; `numbers` holds those of all verbs."""
    if not verbs:
        return new
    verb, count = verbs[0], 1 if isinstance(verbs[0], (Slice, Select)) else 0
    mine, rest = numbers[:count], numbers[count:]
    if len(verbs) > 1:
        new = write_through(verbs[1:], rest, verb.read(root, *mine), new)
    return verb.write(root, new, *mine)
