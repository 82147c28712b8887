"""What op files need of views beyond `@view`: the verbs, strided views, tensors that change their own view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._engine.forward import carry, without_tangents
from jtorch._engine.geometry import AsComplex as AsComplex
from jtorch._engine.geometry import AsReal as AsReal
from jtorch._engine.geometry import AsStrided, bits
from jtorch._engine.geometry import Bitcast as Bitcast
from jtorch._engine.geometry import Conj as Conj
from jtorch._engine.geometry import Diagonal as Diagonal
from jtorch._engine.geometry import Expand as Expand
from jtorch._engine.geometry import ImagPart as ImagPart
from jtorch._engine.geometry import Negative as Negative
from jtorch._engine.geometry import Permute as Permute
from jtorch._engine.geometry import RealPart as RealPart
from jtorch._engine.geometry import Reshape as Reshape
from jtorch._engine.geometry import Select as Select
from jtorch._engine.geometry import Slice as Slice
from jtorch._engine.geometry import Squeeze as Squeeze
from jtorch._engine.geometry import Unfold as Unfold
from jtorch._engine.geometry import Unsqueeze as Unsqueeze
from jtorch._engine.geometry import is_contiguous as is_contiguous
from jtorch._engine.geometry import view_stride as view_stride
from jtorch._engine.handle import EngineOp, Handle, ViewOp, apply, make_view, own_cell, rename_node, share, wrap
from jtorch._engine.handle import geometry as geometry_of
from jtorch._engine.tape import forward_mode, threads
from jtorch._engine.writing import check_inplace

_AS_STRIDED = ViewOp("as_strided", "AsStridedBackward0")


def as_strided_view(t: Handle, size: tuple[int, ...], stride: tuple[int, ...], offset: int | None) -> Any:
    """A view of any shape over a tensor's whole storage; RuntimeError when it reaches outside."""
    base = _root(t)
    start = geometry_of(t).offset if offset is None else offset
    check_reach(base, size, stride, start)
    view = make_view(_AS_STRIDED, base, AsStrided(size, stride, start))
    lost = t._requires_grad and not base._requires_grad and threads.tape.grad_enabled
    if lost and not any(lazy_bits(t)):
        view = _from_part(t, view)
    for bit, verb in zip(lazy_bits(t), (Conj(), Negative()), strict=True):
        view = make_view(_AS_STRIDED, view, verb) if bit else view
    if forward_mode.active and t._tangent is not None and view._tangent is None:  # it came with `t`, not with the whole
        with without_tangents():
            shift = geometry_of(t._tangent).offset - geometry_of(t).offset
            carry(view, as_strided_view(t._tangent, size, stride, start + shift))
    return view


def _through_part(statics: tuple, part: Any, seen: Any) -> Any:
    mine, places = (AsStrided(*g).places().reshape(-1) for g in statics)
    if not mine.size:
        return seen
    order = np.argsort(mine, kind="stable")
    found = order[np.clip(np.searchsorted(mine[order], places), 0, mine.size - 1)]
    shape = statics[1].size
    return jnp.where((mine[found] == places).reshape(shape), part.reshape(-1)[found].reshape(shape), seen)


_THROUGH_PART = EngineOp("as_strided", "AsStridedBackward0", _through_part)


def _from_part(t: Handle, view: Handle) -> Any:
    """A view of a whole storage, in the graph of a part of it that requires grad while the whole does not."""
    (found,) = apply(_THROUGH_PART, (t, view), (geometry_of(t), geometry_of(view)))
    share(found, view, own_cell(view), view._chain)
    found._base = view._base
    return found


def lazy_bits(t: Handle) -> tuple[bool, bool]:
    """A tensor's conjugate and negative bits."""
    return bits(t._chain)


def check_reach(t: Handle, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> None:
    """RuntimeError when strides over all elements of a tensor reach outside."""
    aval = t._v.aval
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    needed = 0 if 0 in size else (last + 1) * aval.dtype.itemsize
    if needed > aval.nbytes:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
            f"{aval.dtype.itemsize} requiring a storage size of {needed} are out of bounds for storage of size "
            f"{aval.nbytes}"
        )


def _root(t: Handle) -> Handle:
    """The tensor over the whole of a view's storage, in the view's dtype."""
    cell = own_cell(t)
    if not t._chain:
        return t
    base = t if t._base is None else t._base
    if len(base._chain) == 1 and isinstance(base._chain[0][0], Permute):  # alone it lay in an order of its own
        base = make_view(_AS_STRIDED, base, base._chain[0][0].inverse())
    elif base is t or base._chain:
        base = wrap(cell.value)
        share(base, t, cell, ())
    to, found = t._v.aval.dtype, base._v.aval.dtype
    if to is found:
        return base
    verb = AsReal() if found.is_complex and to is found.to_real() else Bitcast(found, to)
    return make_view(_AS_STRIDED, base, verb)


def become(h: Handle, view: Handle, named: Callable[[str], str] | None = None) -> Any:
    """Makes a tensor its own view, as `x.t_()` does; other tensors on its storage keep theirs. `named`: the grad node's
    name from that of the view's."""
    check_inplace(h, threads.tape)
    h._v, h._cell, h._chain, h._at, h._geometry = view._v, view._cell, view._chain, view._at, view._geometry
    h._order, h._bent = None, view._bent
    assert h._cell is not None
    (h._counter or h._cell).version += 1
    if view._requires_grad:
        h._requires_grad, h._node, h._index = True, view._node, view._index
        if named is not None and h._node is not None:
            rename_node(h, named(type(h._node).__name__))
    return h
