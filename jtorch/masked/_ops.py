"""Reductions and scans that see only what a mask keeps: what it hides becomes the operation's identity element.

A mask is true where an element counts and is broadcast to the input. https://docs.pytorch.org/docs/stable/masked.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from jtorch import _root as torch

Tensor = torch.Tensor


def _inexact(dtype: Any) -> bool:
    return dtype.is_floating_point or dtype.is_complex


def _lowest(dtype: Any) -> float:
    return -math.inf if _inexact(dtype) else torch.iinfo(dtype).min


def _highest(dtype: Any) -> float:
    return math.inf if _inexact(dtype) else torch.iinfo(dtype).max


def _whole_mask(input: Tensor, mask: Tensor | None) -> Tensor:
    """The mask in the shape of the input; true everywhere when there is none."""
    if mask is None:
        return torch.ones(input.shape, dtype=torch.bool, device=input.device)
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return torch.broadcast_to(mask.clone(), input.shape).bool()


def _kept(input: Tensor, mask: Tensor | None, identity: float) -> Tensor:
    """The input with the identity element in place of what the mask hides."""
    if mask is None:
        return input
    return torch.where(_whole_mask(input, mask), input, input.new_full((), identity))


def _axis(rank: int, dim: int) -> int:
    span = max(rank, 1)
    if not -span <= dim < span:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})")
    return dim % span


def _axes(rank: int, dim: Any) -> tuple[int, ...]:
    """The dimensions to reduce, in order; all for None and for an empty tuple."""
    if dim is None or dim == ():
        return tuple(range(rank))
    found: list[int] = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if _axis(rank, d) in found:
            raise RuntimeError(f"dim={_axis(rank, d)} appears multiple times in the list of dims")
        found.append(_axis(rank, d))
    return tuple(sorted(found)) if rank else ()


def _summable(dtype: Any) -> Any:
    return dtype if _inexact(dtype) else torch.int64


def _same(dtype: Any) -> Any:
    return dtype


def _reduction(name: str, reduce: Callable, identity: Callable, doc: str, default: Callable = _same) -> Callable:
    """A reduction over several dimensions: `reduce(x, dims, keepdim, dtype)` of what the mask keeps."""

    def reduced(
        input: Tensor, dim: int | tuple[int, ...] | None = None, *, keepdim: bool | None = False, dtype: Any = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        dtype = default(input.dtype) if dtype is None else dtype
        dims = _axes(input.ndim, dim)
        return reduce(_kept(input, mask, identity(input.dtype)), dims, bool(keepdim), dtype)

    return _named(name, doc, reduced)


def _named(name: str, doc: str, function: Callable) -> Callable:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _sum(x: Tensor, dims: tuple[int, ...], keepdim: bool, dtype: Any) -> Tensor:
    return torch.sum(x, dims, keepdim, dtype=dtype)


def _prod(x: Tensor, dims: tuple[int, ...], keepdim: bool, dtype: Any) -> Tensor:
    x = x.to(dtype)
    for d in reversed(dims):
        x = torch.prod(x, d, keepdim)
    return x


def _amax(x: Tensor, dims: tuple[int, ...], keepdim: bool, dtype: Any) -> Tensor:
    return torch.amax(x, dims, keepdim).to(dtype)


def _amin(x: Tensor, dims: tuple[int, ...], keepdim: bool, dtype: Any) -> Tensor:
    return torch.amin(x, dims, keepdim).to(dtype)


def _logsumexp(x: Tensor, dims: tuple[int, ...], keepdim: bool, dtype: Any) -> Tensor:
    return torch.logsumexp(x, dims, keepdim).to(dtype)


sum = _reduction("sum", _sum, lambda _: 0, """The sum of what the mask keeps; 0 where that is nothing.

    >>> import jtorch as torch
    >>> torch.masked.sum(torch.tensor([[1., 2.], [3., 4.]]), 1, mask=torch.tensor([True, False]))
    tensor([1., 3.])
    """, _summable)  # fmt: skip
prod = _reduction("prod", _prod, lambda _: 1, "The product of what the mask keeps; 1 where that is nothing.", _summable)
amax = _reduction("amax", _amax, _lowest, "The largest element kept; the lowest number where there is none.")
amin = _reduction("amin", _amin, _highest, "The smallest element kept; the highest number where there is none.")
logsumexp = _reduction("logsumexp", _logsumexp, _lowest, "The logarithm of the sum of exponentials of what is kept.")


def _arg(name: str, search: Callable, identity: Callable, doc: str) -> Any:
    def found(
        input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: Any = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        x = _kept(input, mask, identity(input.dtype))
        axis = None if dim is None else _axis(input.ndim, dim)
        return search(x, axis, bool(keepdim)).to(dtype or input.dtype)

    return _named(name, doc, found)


argmax = _arg("argmax", torch.argmax, _lowest, "The index of the largest element kept, in the input's dtype.")
argmin = _arg("argmin", torch.argmin, _highest, "The index of the smallest element kept, in the input's dtype.")


def _along(name: str, function: Callable, identity: Callable, doc: str) -> Any:
    """A function of the numbers along one dimension: running sums, softmax."""

    def scanned(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
        axis = _axis(input.ndim, dim)
        return function(_kept(input, mask, identity(input.dtype)), axis, dtype=dtype or input.dtype)

    return _named(name, doc, scanned)


def _softmin(x: Tensor, dim: int, dtype: Any) -> Tensor:
    return torch.softmax(x.neg(), dim, dtype=dtype)


cumsum = _along("cumsum", torch.cumsum, lambda _: 0, "Running sums; what the mask hides adds nothing.")
cumprod = _along("cumprod", torch.cumprod, lambda _: 1, "Running products; what the mask hides changes nothing.")
softmax = _along("softmax", torch.softmax, _lowest, """Softmax over what the mask keeps; the rest is 0.

    >>> import jtorch as torch
    >>> torch.masked.softmax(torch.tensor([1., 1., 9.]), 0, mask=torch.tensor([True, True, False]))
    tensor([0.5000, 0.5000, 0.0000])
    """)  # fmt: skip
log_softmax = _along("log_softmax", torch.log_softmax, _lowest, "The logarithm of softmax over what the mask keeps.")
softmin = _along("softmin", _softmin, _highest, "Softmax of the negated elements the mask keeps.")


def mean(
    input: Tensor, dim: int | tuple[int, ...] | None = None, *, keepdim: bool | None = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The mean of what the mask keeps; nan where that is nothing.

    >>> import jtorch as torch
    >>> torch.masked.mean(torch.tensor([1., 2., 6.]), mask=torch.tensor([True, False, True]))
    tensor(3.5000)
    """
    dtype = input.dtype if dtype is None else dtype
    if not _inexact(dtype):
        raise ValueError(
            "mean(): Could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {dtype}"
        )
    count = torch.sum(_whole_mask(input, mask), dim, bool(keepdim))
    return sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask) / count


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """The median of what the mask keeps, the lower of two; nan where that is nothing. ValueError for integers there."""
    axis = _axes(input.ndim, dim)[0] if input.ndim else 0
    whole = _whole_mask(input, mask)
    if whole.all():
        return torch.median(input, axis, keepdim).values.to(dtype or input.dtype)
    if not input.dtype.is_floating_point and not whole.any(axis).all():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    floats = input if input.is_floating_point() else input.to(torch.float64)
    return torch.nanmedian(_kept(floats, whole, math.nan), axis, keepdim).values.to(dtype or input.dtype)


def norm(
    input: Tensor, ord: float | None = 2.0, dim: int | tuple[int, ...] | None = None, *, keepdim: bool | None = False,
    dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The norm of order `ord` of what the mask keeps."""
    dims = _axes(input.ndim, dim)
    x = _kept(input, mask, math.inf if ord == -math.inf else 0)
    return torch.linalg.vector_norm(x, ord, dims, bool(keepdim), dtype=dtype)


def normalize(
    input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """The elements the mask keeps over their norm along `dim`, which counts as `eps` when smaller; the rest is 0."""
    length = norm(input, ord, _axis(input.ndim, dim), keepdim=True, dtype=dtype, mask=mask)
    return _kept(input, mask, 0) / torch.maximum(length, length.new_full((), eps))


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: Any = None, input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The logarithm of the sum of both exponentials; what a mask hides adds nothing."""
    dtype = input.dtype if dtype is None else dtype
    x, y = (_kept(t, m, _lowest(t.dtype)) for t, m in ((input, input_mask), (other, other_mask)))
    return torch.logaddexp(x, y).to(dtype)


def var(
    input: Tensor, dim: int | tuple[int, ...] | None = None, unbiased: bool | None = None, *,
    correction: float | None = None, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The variance of what the mask keeps; `correction` (1) is taken from the count."""
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    taken = (1 if unbiased is None else int(unbiased)) if correction is None else correction
    whole = _whole_mask(input, mask)
    count = torch.sum(whole, dim, True)
    computed = input.to(dtype or (input.dtype if _inexact(input.dtype) else torch.float32))
    off = computed - sum(computed, dim, keepdim=True, mask=whole) / count
    total = sum(off * off.conj(), dim, keepdim=keepdim, mask=whole)
    if not keepdim:
        count = count.reshape(total.shape)
    return (total / torch.maximum(count - taken, count.new_zeros(()))).to(computed.dtype)


def std(
    input: Tensor, dim: int | tuple[int, ...] | None = None, unbiased: bool | None = None, *,
    correction: int | None = None, keepdim: bool | None = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The root of the variance of what the mask keeps."""
    found = var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask)
    return torch.sqrt(found)
