"""`x[...]` and `x[...] = v`: what an index means, by torch's rules.

An index is read once into basic steps (a view) and index tensors at dimensions of that view.

https://docs.pytorch.org/docs/stable/tensor_view.html, https://numpy.org/doc/stable/user/basics.indexing.html
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from jtorch._declare import cast_to, errors, fill, from_host, overlap, registry
from jtorch._declare.advanced import (
    Step,
    basic_view,
    check_indices,
    fill_mask,
    nonzero_of,
    put,
    take,
    write_basic,
)
from jtorch._declare.once import warn_of_lost_part
from jtorch._declare.variants import write_back
from jtorch._engine.geometry import Select, Slice, Unsqueeze
from jtorch._engine.handle import Handle
from jtorch._engine.rows import differs
from jtorch._engine.tape import threads
from jtorch._engine.writing import check_inplace
from jtorch._ops import conversion, creation, views
from jtorch._types import INT, bool_, int32, int64, uint8
from jtorch._types.user_frame import warn

_SELECT_FIRST = Select(0)
_NUMBERS = (bool, int, float, complex)


class Parsed:
    """An index, read: basic steps, then tensors at dimensions; `shape` is that of the basic view."""

    __slots__ = ("at", "index", "mask", "shape", "steps")

    def __init__(self, shape: tuple[int, ...]):
        self.shape = list(shape)
        self.steps: list[Step] = []
        self.at: list[int] = []
        self.index: list[Handle] = []
        self.mask: tuple[int, Handle] | None = None  # the one boolean mask, when no other tensor indexes


def parse(shape: tuple[int, ...], index: Any, expand_masks: bool = True) -> Parsed:
    """Reads an index of a tensor of this shape; IndexError, TypeError and ValueError in torch's words."""
    given = index if isinstance(index, tuple) else _as_items(index)
    if sum(map(_dims_asked, given)) > len(shape):
        if not shape:
            _refuse_scalar(index)
        raise errors.index_too_many(len(shape))
    items = [_item(i) for i in given]
    taken = sum(_dims_taken(i) for i in items)
    found = Parsed(shape)
    tensors = sum(isinstance(i, (Handle, bool)) for i in items)
    dim, dots = 0, len(shape) - taken
    for item in items:
        if item is Ellipsis:
            dim, dots = dim + dots, 0
        elif item is None:
            _add_dim(found, dim)
            dim += 1
        elif isinstance(item, slice):
            _add_slice(found, dim, item)
            dim += 1
        elif isinstance(item, Handle):
            dim = _add_tensor(found, dim, item, expand_masks or tensors > 1)
        elif isinstance(item, bool):
            _add_dim(found, dim)
            _add_index(found, dim, from_host(np.zeros(int(item), np.int64)))
            dim += 1
        else:
            _add_select(found, dim, item)
    return found


def _dims_asked(i: Any) -> int:
    """The dimensions an item takes, before anything else is known of it."""
    if i is None or i is Ellipsis or isinstance(i, bool):
        return 0
    return i._v.aval.ndim if isinstance(i, Handle) and i._v.aval.dtype in (bool_, uint8) else 1


def _refuse_scalar(index: Any) -> None:
    """What torch says of one number or slice that indexes a tensor without dimensions."""
    if isinstance(index, slice):
        if index.indices(0)[2] < 0:
            raise errors.index_step()
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if isinstance(index, (int, np.integer)):
        raise errors.index_zero_dim() if index == 0 else errors.index_out_of_bounds(int(index), 0, 0)


def _as_items(index: Any) -> Sequence:
    """Whether a list stands for a tuple of indices, as old NumPy had it, or for one index tensor."""
    if not isinstance(index, Sequence) or isinstance(index, (str, bytes, range)) or len(index) >= 32:
        return (index,)
    if any(isinstance(i, (Handle, Sequence, slice, np.ndarray)) or i is None or i is Ellipsis for i in index):
        warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch "
            "2.9; use x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, "
            "x[torch.tensor(seq)], which will result either in an error or a different result"
        )
        return index
    return (index,)


def _item(i: Any) -> Any:
    """An index item as None, Ellipsis, bool, int, slice or an integer or boolean tensor."""
    if i is None or i is Ellipsis or isinstance(i, (int, slice)):
        return i
    if isinstance(i, Handle):
        return _index_tensor(i)
    if isinstance(i, np.bool_):
        raise errors.index_type(i)
    if isinstance(i, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{errors.type_name(i)}'")
    if isinstance(i, (np.ndarray, Sequence)):
        t = creation.tensor(i) if not isinstance(i, np.ndarray) else creation.as_tensor(i)
        return _index_tensor(t if t._v.aval.dtype.category <= INT else cast_to(t, int64))
    try:
        return operator.index(i)
    except TypeError:
        raise errors.index_type(i) from None


def _index_tensor(t: Any) -> Any:
    aval = t._v.aval
    if aval.dtype is uint8:
        warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.")
        t = cast_to(t, bool_)
    elif aval.dtype not in (bool_, int64, int32) and (aval.ndim or aval.dtype.category != INT):
        raise errors.index_tensor_type()
    return t if aval.ndim or differs(t) else t.item()


def _dims_taken(i: Any) -> int:
    if i is None or i is Ellipsis or isinstance(i, bool):
        return 0
    return i._v.aval.ndim if isinstance(i, Handle) and i._v.aval.dtype is bool_ else 1


def _add_select(p: Parsed, dim: int, i: int) -> None:
    size = p.shape[dim]
    if not -size <= i < size:
        gone = sum(isinstance(verb, Select) for verb, _ in p.steps)
        raise errors.index_out_of_bounds(i, dim + gone, size)
    p.steps.append((Select(dim), (i + size if i < 0 else i,)))
    del p.shape[dim]


def _add_slice(p: Parsed, dim: int, s: slice) -> None:
    size = p.shape[dim]
    start, stop, step = s.indices(size)
    if step < 0:
        raise errors.index_step()
    length = max(-((start - stop) // step), 0)
    if s.start not in (None, 0) or (s.stop is not None and operator.index(s.stop) < size) or step != 1:
        p.steps.append((Slice(dim, length, step), (start,)))
        p.shape[dim] = length


def _add_dim(p: Parsed, dim: int) -> None:
    p.steps.append((Unsqueeze(dim), ()))
    p.shape.insert(dim, 1)


def _add_index(p: Parsed, dim: int, t: Handle) -> None:
    p.at.append(dim)
    p.index.append(t)


def _add_tensor(p: Parsed, dim: int, t: Handle, expand: bool) -> int:
    """Adds an index tensor, or a mask as one index tensor for each of its dimensions."""
    aval = t._v.aval
    if aval.dtype is not bool_:
        _add_index(p, dim, t)
        return dim + 1
    for d, n in enumerate(aval.shape):
        if n != p.shape[dim + d]:
            raise errors.index_mask(aval.shape, d, p.shape, dim + d)
    if expand:
        for d, i in enumerate(nonzero_of(t)):
            _add_index(p, dim + d, i)
    else:
        p.mask = (dim, t)
    return dim + aval.ndim


# Reading


def getitem(self: Any, index: Any) -> Any:
    """`x[index]`: a view for numbers, slices, None and `...`; a copy where tensors, lists or masks index.

    >>> import jtorch as torch
    >>> x = torch.arange(6).view(2, 3)
    >>> x[0, 1:], x[:, [0, 2]], x[x > 3]
    (tensor([1, 2]), tensor([[0, 2],
            [3, 5]]), tensor([4, 5]))
    """
    if index.__class__ is int:
        shape = self._v.aval.shape
        if shape:
            size = shape[0]
            if not -size <= index < size:
                raise errors.index_out_of_bounds(index, 0, size)
            return basic_view(self, ((_SELECT_FIRST, (index + size if index < 0 else index,)),))
    p = parse(self._v.aval.shape, index)
    if p.index:
        check_indices(tuple(p.shape), p.at, p.index)
        return take(self, p.steps, tuple(p.at), p.index)
    if p.steps:
        return basic_view(self, p.steps)
    if self._v.aval.ndim and isinstance(index, slice):
        return basic_view(self, ((Slice(0, self._v.aval.shape[0], 1), (0,)),))
    return views.alias(self)


# Writing


def setitem(self: Any, index: Any, value: Any) -> None:
    """`x[index] = value`: writes numbers or a tensor, broadcast and cast."""
    if index is False:
        return
    tape = threads.tape
    aval = self._v.aval
    value = _value(self, value)
    try:
        p = parse(aval.shape, None if index is True else index, expand_masks=False)
    except IndexError as error:
        _refuse_write(self, index, value, error)
        raise
    if p.mask is not None or p.index:
        _write_by_tensors(self, p, index, value)
        return
    shape = tuple(p.shape)
    new = _fitted(value, shape) if isinstance(value, Handle) and value._v.aval.ndim else value
    check_inplace(_target(self, p) if self._requires_grad and tape.grad_enabled else self, tape)
    base = self._base
    in_graph = self._requires_grad or (base is not None and base._requires_grad)
    if tape.grad_enabled and (in_graph or (isinstance(value, Handle) and value._requires_grad)):
        target = _target(self, p)
        if self._bent:
            overlap.check("copy_", target)
        _write_in_graph(target, new)
        return
    if isinstance(value, Handle):
        new = new if value._v.aval.ndim else value.expand(shape)
        if self._bent or (value._cell is not None and value._cell is self._cell):
            overlap.check("copy_", _target(self, p), (new,))
        new = cast_to(new, aval.dtype) if new._v.aval.dtype is not aval.dtype else new
    else:
        if self._bent:
            overlap.check("copy_", _target(self, p))
        new = fill(creation.FULL, (value,), shape, aval.dtype, device=aval.device)
    write_basic(self, p.steps, new)


def _value(self: Any, value: Any) -> Any:
    """What is assigned, as a tensor or a Python number."""
    to = self._v.aval.dtype
    if isinstance(value, Handle):
        if value._v.aval.dtype.is_complex and not to.is_complex:
            warn_of_lost_part()
        return value
    if not isinstance(value, _NUMBERS):
        raise TypeError(f"can't assign a {errors.type_name(value)} to a torch.{to.type_name}Tensor")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise ValueError("Overflow when unpacking long long")
    return creation.fitting_number(value, to)


def _write_by_tensors(self: Any, p: Parsed, index: Any, value: Any) -> None:
    """The part of `setitem` where tensors, lists or masks index."""
    tape = threads.tape
    check_inplace(_target(self, p) if self._requires_grad and tape.grad_enabled else self, tape)
    if p.mask is not None:
        if not isinstance(value, Handle) or value._v.aval.size == 1:
            if any(isinstance(i, Handle) and i._v.aval.dtype is uint8 for i in _items(index)):
                raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype unsigned char")
            _fill_mask(self, p, value)
            return
        p = parse(self._v.aval.shape, index)
    _put(self, p, value)


def _items(index: Any) -> Sequence:
    return index if isinstance(index, tuple) else (index,)


def _refuse_write(self: Any, index: Any, value: Any, error: IndexError) -> None:
    """Raises what torch looks at before the index tensors: whether the tensor may be written, shared memory."""
    by_tensors = any(isinstance(i, (Handle, np.ndarray, Sequence)) for i in _items(index))
    if not by_tensors or str(error).startswith(("too many", "index ")):
        return
    basic = tuple(slice(None) if isinstance(i, (Handle, np.ndarray, Sequence)) else i for i in _items(index))
    target = _target(self, parse(self._v.aval.shape, basic))
    check_inplace(target, threads.tape)
    overlap.check("index_put_", target, (None, value))


def _fitted(value: Any, shape: tuple[int, ...]) -> Any:
    """A value broadcast to the shape it is written to; leading dimensions of size 1 do not count."""
    mine = value._v.aval.shape
    extra = len(mine) - len(shape)
    if extra > 0:
        ones = next((i for i, n in enumerate(mine) if n != 1), len(mine))
        mine = mine[ones if ones < extra else extra :]
        value = value.reshape(mine)
    if mine == shape:
        return value
    return value.expand(shape)


def _write_in_graph(target: Any, value: Any) -> None:
    if not isinstance(value, Handle):
        value = fill(creation.FULL, (value,), (), target._v.aval.dtype, device=target._v.aval.device)
    if value._v.aval.ndim or not target._v.aval.ndim:
        conversion.copy_(target, value)
    else:
        conversion.fill_(target, value)


def _target(self: Any, p: Parsed) -> Any:
    return basic_view(self, p.steps) if p.steps else self


def _fill_mask(self: Any, p: Parsed, value: Any) -> None:
    target = _target(self, p)
    assert p.mask is not None
    dim, mask = p.mask
    if isinstance(value, Handle) and value._v.aval.ndim:
        value = value.reshape(())
    write_back("index_put_", target, fill_mask(target, dim, mask, value))


def _put(self: Any, p: Parsed, value: Any) -> None:
    target = _target(self, p)
    reads = (None, value, *p.index)  # not even the tensor itself may be the value
    overlap.check("index_put_", target, reads)
    check_indices(tuple(p.shape), p.at, p.index)
    write_back("index_put_", target, put(target, tuple(p.at), p.index, value), reads)


# Python's protocol


def iterate(self: Any) -> Any:
    """The tensors along the first dimension."""
    if not self.dim():
        raise errors.iterate_zero_dim()
    return iter(self.unbind(0))


def contains(self: Any, element: Any) -> bool:
    """True when some element equals a number or a 0-dim tensor."""
    if isinstance(element, (Handle, *_NUMBERS)):
        return bool((element == self).any().item())
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")


for _name, _fn in {
    "__getitem__": getitem, "__setitem__": setitem, "__iter__": iterate, "__contains__": contains,
}.items():  # fmt: skip
    registry.add_method(_name, _fn)
