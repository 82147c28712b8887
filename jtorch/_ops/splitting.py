"""Splitting: tensors cut into several views.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare import Handle, as_int, composite, errors, registry, view, wrap_dim
from jtorch._declare.verbs import Select, Slice
from jtorch._ops.arguments import check_tensor, whole, wholes


@view(public="split", grad="SplitBackward0", method=False, function=False)
def _part(input, dim: int, start: int, length: int):
    return Slice(dim, length, 1), (start,)


@view(public="unsafe_split", grad="UnsafeSplitBackward0", method=False, function=False)
def _unsafe_part(input, dim: int, start: int, length: int):
    return Slice(dim, length, 1), (start,)


@view(public="split_with_sizes", grad="SplitWithSizesBackward0", method=False, function=False)
def _sized_part(input, dim: int, start: int, length: int):
    return Slice(dim, length, 1), (start,)


@view(public="slice", grad="SliceBackward0", method=False, function=False)
def _cut(input, dim: int, start: int, length: int):
    return Slice(dim, length, 1), (start,)


@view(public="unbind", grad="UnbindBackward0", method=False, function=False)
def _one(input, dim: int, index: int):
    return Select(dim), (index,)


@view(public="slice", namespace="torch.ops.aten", grad="SliceBackward0", method=False)
def _slice(input, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1):
    """A part of a dimension, as `x[start:end:step]` is along the first.

    >>> import jtorch as torch
    >>> torch.ops.aten.slice(torch.arange(5), 0, 1, 4, 2)
    tensor([1, 3])
    """
    if not input.ndim:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    along = wrap_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    places = range(*slice(start, end, step).indices(input.shape[along]))
    return Slice(along, len(places), step), (places.start,)


@composite
def unbind(input: Any, dim: int = 0) -> tuple:
    """All indices of a dimension, one tensor each.

    >>> import jtorch as torch
    >>> torch.arange(2).unbind()
    (tensor(0), tensor(1))
    """
    check_tensor("unbind", input)
    shape = input._v.aval.shape
    d = wrap_dim(dim, len(shape))
    if not shape:
        raise errors.dim_of_scalar(dim)
    return together(tuple(_one(input, d, i) for i in range(shape[d])), "Unbind")


def _parts(input: Any, dim: int, lengths: Sequence[int], part: Callable = _part) -> tuple:
    found, start = [], 0
    for n in lengths:
        found.append(part(input, dim, start, n))
        start += n
    return tuple(found)


def together(parts: tuple, node: str) -> tuple:
    """Views that one function made: while gradients are recorded, none of them may be written. Of those of a tensor
    without gradient torch speaks as of views made under no_grad."""
    for i, one in enumerate(parts):
        if one._made is None:
            one._made = (i if one._requires_grad else None), node
    return parts


@composite(method=False)
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple:
    """Parts of one size (the last may be smaller), or of the sizes given.

    >>> import jtorch as torch
    >>> torch.split(torch.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    return equal_parts("split", tensor, split_size_or_sections, dim)


@composite(public="split", function=False)
def _split_method(self: Any, split_size: Any, dim: int = 0) -> tuple:
    """Parts of one size (the last may be smaller), or of the sizes given."""
    return split(self, split_size, dim)


_split_method.__name__, _split_method.__qualname__ = "split", "Tensor.split"  # Python's errors say it

# torch's "unsafe" forms differ in what its autograd allows afterwards; here all splits are alike.


@composite
def unsafe_split(input: Any, split_size: int, dim: int = 0) -> tuple:
    """Parts of one size; the last may be smaller."""
    return equal_parts("unsafe_split", input, split_size, dim)


def equal_parts(name: str, input: Any, split_size: Any, dim: int) -> tuple:
    check_tensor(name, input)
    shape = input._v.aval.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d, step = wrap_dim(dim, len(shape)), whole(name, "split_size", 2, split_size)
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
    n = shape[d]
    if step == 0:
        if n:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        return (_part(input, d, 0, 0),)
    lengths = [min(step, n - i) for i in range(0, max(n, 1), step)]
    if not name.startswith("unsafe"):
        return together(_parts(input, d, lengths), "Split")
    parts = _parts(input, d, lengths, _unsafe_part)
    for one in parts:
        one._base = None  # to autograd they are no views: one may be written without the others' knowing
    return parts


@composite
def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple:
    """Parts of the sizes given."""
    check_tensor("split_with_sizes", input)
    shape = input._v.aval.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d, sizes = wrap_dim(dim, len(shape)), wholes("split_with_sizes", "split_sizes", 2, split_sizes)
    if any(n < 0 for n in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={list(sizes)}"
        )
    if sum(sizes) != shape[d]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {shape[d]} (input tensor's size at dimension "
            f"{d}), but got split_sizes={list(sizes)}"
        )
    return together(_parts(input, d, sizes, _sized_part), "SplitWithSizes")


@composite
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple:
    """At most `chunks` parts of equal size; the last may be smaller.

    >>> import jtorch as torch
    >>> torch.arange(5).chunk(2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    check_tensor("chunk", input)
    shape = input._v.aval.shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, len(shape))
    if not shape[d]:
        return together(_parts(input, d, [0] * chunks, _sized_part), "SplitWithSizes")
    return split(input, -(-shape[d] // chunks), d)


@composite(forms=("input, tensor_indices_or_sections, dim=0", "input, sections, dim=0", "input, indices, dim=0"))
def tensor_split(
    input: Any, sections: Any = None, dim: int = 0, *, indices: Any = None, tensor_indices_or_sections: Any = None
) -> tuple:
    """Parts of sizes as equal as can be, or cut at the indices given.

    >>> import jtorch as torch
    >>> torch.arange(5).tensor_split(3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    check_tensor("tensor_split", input)
    shape = input._v.aval.shape
    if not shape:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    wish = next(x for x in (sections, indices, tensor_indices_or_sections) if x is not None)
    d = wrap_dim(dim, len(shape))
    if isinstance(wish, Handle):
        wish = _cuts(wish)
    n = shape[d]
    if not isinstance(wish, (tuple, list)):
        count = whole("tensor_split", "sections", 2, wish)
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        return _parts(input, d, [n // count + (i < n % count) for i in range(count)], _cut)
    found, start = [], 0
    for cut in (*wish, n):
        at, stop = (min(max(i + n if i < 0 else i, 0), n) for i in (start, cut))
        found.append(_cut(input, d, at, max(stop - at, 0)))
        start = cut
    return tuple(found)


def _cuts(wish: Any) -> Any:
    if wish._v.aval.ndim > 1:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
            f"got a tensor with {wish._v.aval.ndim} dims"
        )
    if wish._v.aval.dtype.name != "int64":
        raise RuntimeError("tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                           f"{wish._v.aval.dtype.type_name}")  # fmt: skip
    return wish.tolist()


_SPLIT_SIGNATURES = ("Tensor input, int sections", "Tensor input, tuple of ints indices")


def _stacked_split(name: str, least: int, at: int) -> Any:
    def split_along(input: Any, sections: Any = None, *, indices: Any = None) -> tuple:
        check_tensor(name, input)
        shape = input._v.aval.shape
        if len(shape) < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a "
                f"tensor with {len(shape)} dimensions!"
            )
        dim = 0 if least == 1 and len(shape) == 1 else at
        wish = indices if sections is None else sections
        if as_int(wish) is None and not isinstance(wish, (tuple, list)):
            raise errors.invalid_combination(name, (input,) if wish is None else (input, wish), {}, _SPLIT_SIGNATURES)
        if isinstance(wish, int) and (wish == 0 or shape[dim] % wish):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {shape[dim]} is "
                f"not divisible by the split_size {wish}!"
            )
        return tensor_split(input, wish, dim)

    def method(self: Any, *sections: Any, indices: Any = None, **named: Any) -> tuple:
        given = sections[0] if len(sections) == 1 else sections or named.get("sections")
        return split_along(self, given, indices=indices)

    for fn in (split_along, method):
        fn.__name__ = fn.__qualname__ = name
        fn.__doc__ = f"Splits along dimension {at}, as `tensor_split`."
        fn.__module__ = __name__
    composite(method, function=False, forms=("self, sections", "self, indices", "self, *indices"))
    return composite(split_along, method=False, forms=("input, sections", "input, indices"))


hsplit = _stacked_split("hsplit", 1, 1)
vsplit = _stacked_split("vsplit", 2, 0)
dsplit = _stacked_split("dsplit", 3, 2)


for _name, _fn in {"unsafe_chunk": chunk, "unsafe_split_with_sizes": split_with_sizes}.items():
    registry.add_function("torch", _name, _fn)
    registry.add_method(_name, _fn)
