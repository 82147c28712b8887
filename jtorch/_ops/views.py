"""Views: tensors that share the storage of another.

A view's body gets the tensor's geometry and returns the verb that makes the view. Where a slice starts and which
index is selected are numbers, so a loop over them is one program.

https://docs.pytorch.org/docs/stable/tensor_view.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._declare import (
    Array,
    Handle,
    Size,
    composite,
    copy_in,
    errors,
    lies_in,
    op,
    registry,
    view,
    wrap_dim,
    wrap_dims,
    write_out,
)
from jtorch._declare.once import warn_once
from jtorch._declare.types import INT, contiguous_format, dtype, preserve_format
from jtorch._declare.verbs import (
    Diagonal,
    Expand,
    Permute,
    Reshape,
    Select,
    Slice,
    Squeeze,
    Unfold,
    Unsqueeze,
    as_strided_view,
    geometry_of,
    is_contiguous,
    view_stride,
)
from jtorch._ops.arguments import check_tensor, varargs, whole, wholes
from jtorch._ops.bitcasts import bitcast

# Shapes


def resolved_shape(shape: Sequence[int], numel: int) -> tuple[int, ...]:
    """A shape whose -1 is filled in; torch's errors when it does not fit `numel` elements."""
    inferred, known = None, 1
    for i, n in enumerate(shape):
        if n == -1:
            if inferred is not None:
                raise errors.shape_two_inferred()
            inferred = i
        elif n < 0:
            raise errors.shape_negative(shape, i)
        else:
            known *= n
    if inferred is None:
        if known != numel:
            raise errors.shape_invalid(shape, numel)
        return tuple(shape)
    if known == 0 and numel == 0:
        raise errors.shape_ambiguous(shape)
    if known == 0 or numel % known:
        raise errors.shape_invalid(shape, numel)
    return (*shape[:inferred], numel // known, *shape[inferred + 1 :])


@view(public="view", function=False, varargs=True, forms=("input, dtype", "input, size"))
def _view(input, size: Any = None, *, dtype: Any = None):
    """The same elements under another shape, or the same bytes as another dtype (`x.view(torch.int32)`).

    >>> import jtorch as torch
    >>> torch.arange(4).view(2, -1)
    tensor([[0, 1],
            [2, 3]])
    """
    wish: Any = size
    if isinstance(wish, tuple) and len(wish) == 1 and not isinstance(wish[0], int):
        wish = wish[0]
    if dtype is not None or _is_dtype(wish):
        to: Any = dtype or wish
        return bitcast(input, to)
    new = resolved_shape(wholes("view", "size", 1, wish), math.prod(input.shape))
    g = input.geometry
    if view_stride(g.size, g.stride, new) is None:
        raise errors.view_strides()
    return Reshape(new)


def _is_dtype(x: Any) -> bool:
    return isinstance(x, dtype)


@op(method=False, function=False, grad="UnsafeViewBackward0")
def reshaped_copy(input: Array, shape: Size) -> Array:
    """The elements in row-major order under another shape, copied."""
    return jnp.reshape(input, shape)


def _reshape(input: Any, shape: tuple[int, ...]) -> Any:
    new = resolved_shape(shape, input._v.aval.size)
    if input._chain or input._order is not None:
        g = geometry_of(input)
        if view_stride(g.size, g.stride, new) is None:
            return reshaped_copy(input, new)
        if not is_contiguous(g.size, g.stride):
            return _reshaped_alias(input, new)
    return _reshaped(input, new)


@view(public="reshape", grad="ViewBackward0", method=False, function=False)
def _reshaped(input, shape: tuple[int, ...]):
    return Reshape(shape)


@view(public="reshape", grad="ReshapeAliasBackward0", method=False, function=False)
def _reshaped_alias(input, shape: tuple[int, ...]):
    return Reshape(shape)


@composite(method=False)
def reshape(input: Any, shape: Any) -> Any:
    """The same elements under another shape: a view where strides allow it, else a copy.

    >>> import jtorch as torch
    >>> torch.reshape(torch.arange(4), (2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    check_tensor("reshape", input)
    return _reshape(input, wholes("reshape", "shape", 2, shape))


@composite(public="reshape", function=False)
def _reshape_method(self: Any, *shape: Any, **named: Any) -> Any:
    """The same elements under another shape: a view where strides allow it, else a copy."""
    return _reshape(self, wholes("reshape", "shape", 1, varargs("reshape", "shape", shape, named)))


@composite(function=False)
def view_as(self: Any, other: Any) -> Any:
    """A view in the shape of `other`."""
    return self.view(other._v.aval.shape)


@composite(function=False)
def reshape_as(self: Any, other: Any) -> Any:
    """This tensor in the shape of `other`."""
    return _reshape(self, other._v.aval.shape)


@composite
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions `start_dim` to `end_dim` as one.

    >>> import jtorch as torch
    >>> torch.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    check_tensor("flatten", input)
    shape = input._v.aval.shape
    start, end = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return _reshape(input, (1,))
    if start == end:
        return input
    return _reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@composite
def ravel(input: Any) -> Any:
    """All elements in one dimension."""
    check_tensor("ravel", input)
    return _reshape(contiguous(input), (-1,))


@composite
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """One dimension as several.

    >>> import jtorch as torch
    >>> torch.zeros(2, 12).unflatten(1, (3, -1)).shape
    torch.Size([2, 3, 4])
    """
    check_tensor("unflatten", input)
    shape = input._v.aval.shape
    if not shape:
        wrap_dim(dim, 0)
        raise RuntimeError(f"unflatten got an unexpected error:\n{errors.dim_of_scalar(dim)}")
    d, sizes = wrap_dim(dim, len(shape)), wholes("unflatten", "sizes", 3, sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        new = resolved_shape(sizes, shape[d])
    except RuntimeError as error:
        if "is invalid" not in str(error):
            raise
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} ({shape[d]}) in the "
            "input tensor"
        ) from None
    return input.view((*shape[:d], *new, *shape[d + 1 :]))


def _squeezed(input: Any, dims: Any) -> Squeeze:
    return Squeeze(tuple(d for d in dims if input.ndim and input.shape[d] == 1))


@view(public="squeeze", method=False, function=False)
def _squeeze_all(input):
    return _squeezed(input, range(input.ndim))


@view(public="squeeze", grad="SqueezeBackward1", method=False, function=False)
def _squeeze_one(input, dim: int):
    return _squeezed(input, (wrap_dim(dim, input.ndim),))


@view(public="squeeze", grad="SqueezeBackward2", method=False, function=False)
def _squeeze_several(input, dims: tuple[int, ...]):
    return _squeezed(input, wrap_dims(dims, input.ndim))


@composite
def squeeze(input: Any, dim: Any = None) -> Any:
    """Without its dimensions of size 1, or without those among `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(1, 2, 1).squeeze().shape
    torch.Size([2])
    """
    if dim is None:
        return _squeeze_all(input)
    if isinstance(dim, (tuple, list)):
        return _squeeze_several(input, wholes("squeeze", "dim", 2, dim))
    return _squeeze_one(input, whole("squeeze", "dim", 2, dim))


@view
def unsqueeze(input, dim: int):
    """With a dimension of size 1 inserted at `dim`.

    >>> import jtorch as torch
    >>> torch.zeros(2).unsqueeze(-1).shape
    torch.Size([2, 1])
    """
    return Unsqueeze(wrap_dim(whole("unsqueeze", "dim", 2, dim), input.ndim + 1))


# Order of dimensions


def _swapped(rank: int, a: int, b: int) -> Permute:
    dims = list(range(rank))
    if rank:
        dims[a], dims[b] = dims[b], dims[a]
    return Permute(tuple(dims))


@view(alias=("swapdims",))
def transpose(input, dim0: int, dim1: int):
    """With two dimensions swapped.

    >>> import jtorch as torch
    >>> torch.zeros(2, 3).transpose(0, 1).shape
    torch.Size([3, 2])
    """
    return _swapped(input.ndim, *(wrap_dim(whole("transpose", "dim", 2, d), input.ndim) for d in (dim0, dim1)))


@view
def t(input):
    """A matrix transposed; tensors of fewer dimensions as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return Permute(tuple(reversed(range(input.ndim))))


@view(varargs=True)
def permute(input, dims: Any):
    """With its dimensions in another order.

    >>> import jtorch as torch
    >>> torch.zeros(2, 3, 4).permute(2, 0, 1).shape
    torch.Size([4, 2, 3])
    """
    order = wholes("permute", "dims", 2, dims)
    if len(order) != input.ndim:
        raise errors.permute_rank(input.ndim, len(order))
    wrapped = tuple(wrap_dim(d, input.ndim) for d in order)
    if len(set(wrapped)) != len(wrapped):
        raise errors.permute_repeated()
    return Permute(wrapped)


@view(alias=("moveaxis",), grad="PermuteBackward0")
def movedim(input, source: Any, destination: Any):
    """With dimensions moved to new places, the others in their old order.

    >>> import jtorch as torch
    >>> torch.zeros(2, 3, 4).movedim(0, -1).shape
    torch.Size([3, 4, 2])
    """
    from_, to = wholes("movedim", "source", 2, source), wholes("movedim", "destination", 3, destination)
    if len(from_) != len(to):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({list(from_)} dims) should contain the same number of dims as destination ({list(to)} dims)"
        )
    sources, targets = ([wrap_dim(d, input.ndim) for d in dims] for dims in (from_, to))
    for word, dims, given in (("source", sources, from_), ("destination", targets, to)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{word}` ({list(given)})")
    rest = iter(d for d in range(input.ndim) if d not in sources)
    placed = dict(zip(targets, sources, strict=True))
    return Permute(tuple(placed[d] if d in placed else next(rest) for d in range(input.ndim)))


@view(public="mT", function=False, method=False, grad="TransposeBackward0")
def _matrix_transposed(input):
    return _swapped(input.ndim, -1, -2)


@view(public="T", function=False, method=False, grad="PermuteBackward0")
def _reversed_dims(input):
    return Permute(tuple(reversed(range(input.ndim))))


def _T(self: Any) -> Any:
    """Dimensions in reverse order."""
    rank = self._v.aval.ndim
    if not rank:
        warn_once("Tensor.T is deprecated on 0-D tensors. This function is the identity in these cases.")
    elif rank != 2:
        warn_once(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will "
            "throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
            "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor."
        )
    return _reversed_dims(self)


def _mT(self: Any) -> Any:
    """The last two dimensions swapped."""
    if not self._v.aval.ndim:
        warn_once("Tensor.mT is deprecated on 0-D tensors. This function is the identity in these cases.")
        return self
    if self._v.aval.ndim < 2:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return _matrix_transposed(self)


def _H(self: Any) -> Any:
    """A matrix transposed and conjugated."""
    if self._v.aval.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self._v.aval.ndim}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if self._v.aval.ndim > 2 else "")
        )
    if not self._v.aval.ndim:
        warn_once("Tensor.H is deprecated on 0-D tensors. Consider using x.conj().")
        return _conjugated(self)
    return _conjugated(_matrix_transposed(self))


def _mH(self: Any) -> Any:
    """The last two dimensions swapped, conjugated."""
    return _adjoint(self, "Tensor.mH", "tensor.mH")


def _conjugated(t: Any) -> Any:
    return t.conj() if t._v.aval.dtype.is_complex else t


def _adjoint(t: Any, warned: str, refused: str) -> Any:
    """The last two dimensions swapped, conjugated; the names are those in torch's warning and in its error."""
    rank = t._v.aval.ndim
    if not rank:
        warn_once(f"{warned} is deprecated on 0-D tensors. Consider using x.conj().")
        return _conjugated(t)
    if rank < 2:
        raise RuntimeError(f"{refused} is only supported on matrices or batches of matrices. Got {rank}-D tensor.")
    return _conjugated(_matrix_transposed(t))


@composite(method=True)
def adjoint(input: Any) -> Any:
    """The last two dimensions swapped, conjugated."""
    return _adjoint(input, "adjoint()", "tensor.adjoint()")


registry.add_method("T", property(_T))
registry.add_method("mT", property(_mT))
registry.add_method("H", property(_H))
registry.add_method("mH", property(_mH))


# More elements than there are


@view(varargs=True, function=False)
def expand(input, size: Any, *, implicit: bool = False):
    """With dimensions of size 1 repeated without copying; -1 keeps a size.

    >>> import jtorch as torch
    >>> torch.tensor([[1], [2]]).expand(-1, 2)
    tensor([[1, 1],
            [2, 2]])
    """
    return Expand(expanded_shape(input.shape, wholes("expand", "size", 2, size), input.dtype.type_name))


def expanded_shape(shape: tuple[int, ...], target: tuple[int, ...], type_name: str) -> tuple[int, ...]:
    """The shape `expand` makes of another one."""
    lead = len(target) - len(shape)
    if lead < 0:
        raise errors.expand_rank(type_name, shape, target)
    found = []
    for d, n in reversed(list(enumerate(target))):
        old = shape[d - lead] if d >= lead else None
        if n == -1:
            if old is None:
                raise errors.expand_leading(d)
            found.append(old)
            continue
        if old is not None and old not in (1, n):
            raise errors.expand_mismatch(target, shape, d)
        found.append(n)
    return tuple(reversed(found))


@composite(function=False, tensors="other")
def expand_as(self: Any, other: Any) -> Any:
    """Expanded to the shape of `other`."""
    return expand(self, other._v.aval.shape)


# Parts


@view(grad="SliceBackward0")
def narrow(input, dim: int, start: Any, length: int):
    """`length` elements from `start` along `dim`.

    >>> import jtorch as torch
    >>> torch.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    d = wrap_dim(dim, input.ndim)
    size = input.shape[d]
    if isinstance(start, Handle):
        if start._v.aval.ndim or start._v.aval.dtype.category != INT:
            raise RuntimeError("start must be an 0-dim integral Tensor")
        start = start.item()
    first = start
    if not -size <= first <= size:
        raise IndexError(f"start out of range (expected to be in range of [{-size}, {size}], but got {first})")
    first += size if first < 0 else 0
    if first + length > size:
        raise errors.narrow_too_long(first, length, size)
    return Slice(d, length, 1), (first,)


@composite
def narrow_copy(input: Any, dim: int, start: int, length: int, *, out: Any = None) -> Any:
    """As `narrow`, copied."""
    shape = input._v.aval.shape
    if dim >= len(shape) > 0:
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.  "
            "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    if length < 0 and -len(shape) <= dim:
        raise errors.narrow_too_long(start, length, shape[dim])
    found = copy_in(narrow(input, dim, start, length), contiguous_format)
    return found if out is None else write_out("narrow_copy", out, found)


@view
def select(input, dim: int, index: int):
    """One index of a dimension, which disappears.

    >>> import jtorch as torch
    >>> torch.eye(2).select(0, 1)
    tensor([0., 1.])
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d, at = wrap_dim(dim, input.ndim), whole("select", "index", 3, index)
    size = input.shape[d]
    if not -size <= at < size:
        raise errors.select_out_of_range(at, input.shape, d)
    return Select(d), (at + size if at < 0 else at,)


@view
def diagonal(input, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """The diagonal of two dimensions, put last.

    >>> import jtorch as torch
    >>> torch.eye(2).diagonal()
    tensor([1., 1.])
    """
    a, b = wrap_dim(dim1, input.ndim), wrap_dim(dim2, input.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return Diagonal(whole("diagonal", "offset", 2, offset), a, b)


@view(function=False)
def unfold(input, dimension: int, size: int, step: int):
    """Windows of `size` every `step` elements along a dimension, put last.

    >>> import jtorch as torch
    >>> torch.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    d = wrap_dim(dimension, input.ndim)
    length = input.shape[d] if input.ndim else 1
    if size > length:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {length} but size is {size}")
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not input.ndim and not size:
        raise NotImplementedError("unfold() of a 0-dim tensor into no elements: use x.reshape(1)[:0]")
    return Unfold(d, size, step) if input.ndim else Reshape((1,))


@composite
def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """Any shape and strides over the tensor's storage.

    >>> import jtorch as torch
    >>> torch.as_strided(torch.arange(5), (2, 2), (2, 1))
    tensor([[0, 1],
            [2, 3]])
    """
    check_tensor("as_strided", input)
    sizes, strides = wholes("as_strided", "size", 2, size), wholes("as_strided", "stride", 3, stride)
    if len(sizes) != len(strides):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in strides):
        raise RuntimeError(
            "as_strided: Negative strides are not supported at the moment, got strides: " + str(list(strides))
        )
    return as_strided_view(input, sizes, strides, storage_offset)


# Copies where a view will not do


@composite(function=False)
def contiguous(self: Any, memory_format: Any = None) -> Any:
    """This tensor when its elements lie in row-major order, or in that of `memory_format`, else a copy."""
    if lies_in(self, memory_format):
        return self
    if memory_format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    return copy_in(self, memory_format or contiguous_format)


@view(method=False, function=False)
def alias(input):
    """A view of the whole."""
    return Reshape(input.shape)


@composite(method=False)
def detach(input: Any) -> Any:
    """The same data outside the autograd graph."""
    return input.detach()
