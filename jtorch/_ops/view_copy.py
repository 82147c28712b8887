"""Views as copies: `expand_copy` is `expand` in memory of its own.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare import Handle, composite, copy_in, errors, view, wrap_dim, write_out
from jtorch._declare.types import contiguous_format
from jtorch._declare.verbs import Slice
from jtorch._ops import splitting, views
from jtorch._ops.arguments import check_tensor
from jtorch._ops.complex_parts import view_as_complex, view_as_real

_OUT = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)


def _rows(t: Any) -> Any:
    return copy_in(t, contiguous_format)


def _written(name: str, out: Any, result: Any) -> Any:
    """`out=` of a copy must have the result's type: nothing is cast."""
    if isinstance(out, Handle) and out._v.aval.dtype is not result._v.aval.dtype:
        raise errors.out_type(result._v.aval.dtype.type_name, out._v.aval.dtype.type_name)
    return write_out(name, out, result)


def _declare(name: str, view: Callable) -> None:
    """Declares the copy of a view, or of several views at once: their `out=` is a list, and nothing is returned."""

    def call(input: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        check_tensor(name, input)
        found = view(input, *args, **kwargs)
        if isinstance(found, tuple):
            return tuple(map(_rows, found)) if out is None else _written_all(name, out, found)
        return _rows(found) if out is None else _written(name, out, found)

    copied: Any = call
    parameters = inspect.signature(getattr(view, "body", view)).parameters.values()
    copied.__name__ = copied.__qualname__ = name
    copied.__doc__ = f"`{name.removesuffix('_copy')}`, copied."
    copied.__signature__ = inspect.Signature([*parameters, _OUT])
    if hasattr(view, "forms"):
        copied.forms = tuple(f"{form}, *, out=None" for form in view.forms)
    composite(copied, method=False)


def _written_all(name: str, out: Sequence, found: tuple) -> None:
    if len(out) != len(found):
        which = "unbind_copy_int_out" if name == "unbind_copy" else f"{name}_out"
        raise RuntimeError(f"{which} expected an out= argument of size {len(found)}, got size {len(out)}")
    for one, result in zip(out, found, strict=True):
        _written(name, one, result)


@view(public="slice", method=False, function=False)
def _slice(input, dim: int = 0, start: Any = None, end: Any = None, step: int = 1):
    """`input[start:end:step]` along a dimension."""
    if not input.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    d = wrap_dim(dim, input.ndim)
    first, last, _ = slice(start, end).indices(input.shape[d])
    return Slice(d, max(-(-(last - first) // step), 0), step), (first,)


@composite
def slice_inverse(input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """The elements of `input`'s storage that lie as `src` does: what `src` was before it was sliced."""
    return views.as_strided(input, src.size(), src.stride(), src.storage_offset())


def _split(input: Any, split_size: int, dim: int = 0) -> tuple:
    return splitting.equal_parts("split_copy", input, split_size, dim)


def _unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """`unfold`, also of a tensor without dimensions: it counts as a vector of one element."""
    if input._v.aval.ndim:
        return views.unfold(input, dimension, size, step)
    return views.unfold(input.reshape(1), wrap_dim(dimension, 0), size, step)[0]


for _name, _view in {
    "alias": views.alias, "as_strided": views.as_strided, "detach": views.detach, "diagonal": views.diagonal,
    "expand": views.expand, "permute": views.permute, "select": views.select, "squeeze": views.squeeze, "t": views.t,
    "transpose": views.transpose, "unfold": _unfold, "unsqueeze": views.unsqueeze, "view": views._view,
    "view_as_complex": view_as_complex, "view_as_real": view_as_real,
    "split_with_sizes": splitting.split_with_sizes, "unbind": splitting.unbind, "slice": _slice, "split": _split,
}.items():  # fmt: skip
    _declare(f"{_name}_copy", _view)
