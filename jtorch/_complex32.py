"""torch.complex32, of which XLA has no arrays: a tensor of it is held as float16 pairs of shape (..., 2).

It is a type to store: what is made of it, cast from or to it, read, copied or saved here goes through the pairs, by
stand-ins for the ops (`_engine/parts.py`). Arithmetic refuses and names complex64.

https://docs.pytorch.org/docs/stable/complex_numbers.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._declare import errors
from jtorch._declare.out_rules import check_type, warning_of_resize
from jtorch._declare.variants import COPY, TO, write_out
from jtorch._engine.aval import Aval, aval_of
from jtorch._engine.backward import ADD, COPIED
from jtorch._engine.geometry import Geometry, strides_in
from jtorch._engine.handle import geometry
from jtorch._engine.order import lay
from jtorch._engine.parts import HalfComplex, described, half_stand_ins, registrar
from jtorch._engine.tape import threads
from jtorch._ops import complex_parts, conversion, creation
from jtorch._parted import PartedTensor, linked, named
from jtorch._tensor import Tensor
from jtorch._types import autograd_errors, bool_, complex32, complex64, float32
from jtorch._types.user_frame import warn


class HalfComplexTensor(PartedTensor):
    """A tensor of complex32. What it has of other tensors' methods works on its pairs, `_held` (..., 2);
    the rest refuses."""

    @property
    def _cell(self) -> Any:  # type: ignore[override]  # whoever asks for the storage is told that there is none
        raise HalfComplex

    @property
    def _bent(self) -> bool:  # type: ignore[override]  # of other tensors a field
        return self._held._bent

    @property
    def _geometry(self) -> Geometry:  # type: ignore[override]  # of other tensors a field
        size, stride, offset = geometry(self._held)
        return Geometry(size[:-1], tuple(step // 2 for step in stride[:-1]), offset // 2)

    @property
    def _version(self) -> int:
        return self._held._version

    def _like(self, held: Tensor) -> Any:
        return of_pairs(held)

    def _take(self, other: Any) -> None:
        _take_pairs(self, other.to(complex32)._held)

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._held.data_ptr()

    def _wide(self) -> Any:
        return self.detach().to(complex64)

    def item(self) -> Any:
        """The one element as a Python number."""
        return self._wide().item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._wide().tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """TypeError: NumPy has no such numbers."""
        if self._requires_grad and not force:
            raise errors.numpy_requires_grad()
        raise TypeError("Got unsupported ScalarType ComplexHalf")

    def _numpy_copy(self) -> np.ndarray:
        return self._wide()._numpy_copy()

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return _rebuilt, (self._held, self._requires_grad)


def _rebuilt(pairs: Tensor, requires_grad: bool) -> Any:
    return of_pairs(pairs).requires_grad_(requires_grad)


def of_pairs(pairs: Tensor) -> Any:
    """A complex tensor of float16 pairs (..., 2) that are in no graph; it shares their memory."""
    capture = threads.tape.capture
    if capture is not None:
        capture.stop(threads.tape, "a complex32 tensor is made")
    t = object.__new__(HalfComplexTensor)
    _take_pairs(t, pairs)
    return t


def _take_pairs(t: HalfComplexTensor, pairs: Tensor) -> None:
    aval = pairs._v.aval
    t._v, t._held = described(aval_of(aval.shape[:-1], complex32, aval.device)), pairs.detach()


# In the graph a complex tensor stands between its pairs and what is made of them.


def _above(pairs: Any, name: str) -> Any:
    """A complex tensor above its pairs."""
    return linked(of_pairs(pairs.detach()), name, (pairs, pairs_of))


def pairs_of(t: Any) -> Any:
    """The real and imaginary parts (..., 2) of a complex tensor; they share its memory."""
    return linked(t._held.detach(), "ViewAsRealBackward0", (t, lambda g: _above(g, "ViewAsComplexBackward0")))


stands_for = registrar(half_stand_ins)


# Making


@stands_for(complex_parts._complex)
def _joined(real: Any, imag: Any) -> Any:
    return _above(torch.view_as_real(torch.complex(real.float(), imag.float())).half(), "ComplexBackward0")


@stands_for(complex_parts.view_as_complex)
def _seen_as_complex(input: Any) -> Any:
    return _above(input, "ViewAsComplexBackward0")


@stands_for(creation.ZEROS)
def _zeros(like: Any, to: Any = None) -> Any:
    return _filled(torch.zeros, like) if isinstance(like, Aval) else _filled_like(torch.zeros_like, like, to)


@stands_for(creation.ONES)
def _ones(like: Any, to: Any = None) -> Any:
    return _filled(torch.ones, like) if isinstance(like, Aval) else _filled_like(torch.ones_like, like, to)


@stands_for(creation.FULL)
def _full(value: Any, aval: Any) -> Any:
    if not isinstance(aval, Aval):
        raise HalfComplex().refusal("full_like")
    return _filled(torch.full, aval, value)


def _filled(make: Callable, aval: Aval, *numbers: Any) -> Any:
    return make(aval.shape, *numbers, dtype=complex64, device=aval.device).to(complex32)


def _filled_like(make: Callable, like: Any, to: Any) -> Any:
    wish = complex32 if to is None else to
    return make(like._held.select(-1, 0), dtype=complex64 if wish is complex32 else wish).to(wish)


# Reading


@stands_for(complex_parts._view_as_real)
def _view_as_real(input: Any) -> Any:
    return pairs_of(input)


@stands_for(complex_parts._real)
def _real(input: Any) -> Any:
    return pairs_of(input).select(-1, 0)


@stands_for(complex_parts._imag)
def _imag(input: Any) -> Any:
    return pairs_of(input).select(-1, 1)


@stands_for(TO)
def _converted(input: Any, to: Any) -> Any:
    if to is complex32:
        return _above(torch.view_as_real(input.to(complex64)).half(), "ToCopyBackward0")
    real, imag = (pairs_of(input).select(-1, place).to(float32) for place in (0, 1))
    found = torch.complex(real, imag) if to.is_complex or to is bool_ else real
    return named(found.to(to), "ToCopyBackward0")


def _copied_as(name: str) -> Any:
    def copied(input: Any) -> Any:
        # row by row: who asked for the copy lays it
        pairs = input._held.clone(memory_format=torch.contiguous_format)
        return linked(of_pairs(pairs), name, (input, lambda g: g))

    return copied


stands_for(COPY)(_copied_as("CloneBackward0"))
stands_for(COPIED)(_copied_as("CopyBackwards"))
stands_for(conversion._copied)(_copied_as("ToCopyBackward0"))


@stands_for(ADD)
def _sum_of_gradients(a: Any, b: Any) -> Any:
    return _above(pairs_of(a) + pairs_of(b), "AddBackward0")


# Memory


@stands_for(lay)
def _lay(t: Any, order: Any) -> Any:
    """A new tensor in an order of memory."""
    size, n = t._v.aval.shape, t.ndim
    if t.stride() != strides_in(order, size):
        back = sorted(range(n), key=order.__getitem__)
        with torch.no_grad():
            t._held = t._held.permute(*order, n).contiguous().permute(*back, n)
    return t


@stands_for(write_out)
def _write_out(name: str, out: Any, result: Any) -> Any:
    """`out=`."""
    if threads.tape.grad_enabled and (out._requires_grad or result._requires_grad):
        raise autograd_errors.out_requires_grad(name)
    check_type(name, result.dtype, complex32)
    new, old = result.to(complex32)._held, out.shape
    if old == result.shape:
        out._held.copy_(new)
        return out
    words = warning_of_resize(name, old, result.shape)
    if words is not None:
        warn(words)
    _take_pairs(out, new)
    return out
