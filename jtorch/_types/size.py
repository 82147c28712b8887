"""torch.Size: the tuple that a shape is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, SupportsIndex, cast, overload

from . import errors

# without super(): x.shape[0] is everywhere
_new = cast("Any", tuple).__new__
_item = cast("Any", tuple).__getitem__


class Size(tuple[int, ...]):
    """A tuple of ints with ``numel()``; slices, sums and products of it are Sizes too.

    https://docs.pytorch.org/docs/stable/size.html

    >>> import jtorch as torch
    >>> torch.Size([2, 3])[1:] + (4,), torch.Size([2, 3]).numel()
    (torch.Size([3, 4]), 6)
    """

    __module__ = "jtorch"
    __slots__ = ()

    def __new__(cls, sizes: Iterable[Any] = (), /) -> Size:
        return _new(cls, [_checked(i, size) for i, size in enumerate(sizes)])

    def numel(self) -> int:
        """The number of elements of a tensor of this shape.

        >>> import jtorch as torch
        >>> torch.Size([2, 3]).numel()
        6
        """
        return math.prod(self)

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, index: slice, /) -> Size: ...
    def __getitem__(self, index: Any, /) -> Any:
        item = _item(self, index)
        return _new(Size, item) if type(index) is slice else item

    def __add__(self, other: Any, /) -> Size:
        if not isinstance(other, tuple):
            raise TypeError(f"can only concatenate tuple (not {errors.type_name(other)}) to torch.Size")
        return Size((*self, *cast("tuple[Any, ...]", other)))

    def __radd__(self, other: Any, /) -> Size:
        return Size((*cast("tuple[Any, ...]", other), *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: SupportsIndex, /) -> Size:
        if not hasattr(count, "__index__"):
            raise TypeError(f"can't multiply sequence by non-int of type '{errors.type_name(count)}'")
        return unchecked_size(super().__mul__(count))

    __rmul__ = __mul__

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)


def unchecked_size(sizes: tuple[int, ...]) -> Size:
    """A Size of what is known to be ints: the engine makes one for every tensor whose shape is read."""
    return _new(Size, sizes)


def _checked(position: int, size: Any) -> int:
    if type(size) is int:
        checked = size
    else:
        try:
            checked = int(size.__index__())
        except (AttributeError, TypeError):
            raise errors.size_item(position, size) from None
    if not -(2**63) <= checked < 2**63:
        raise ValueError("Overflow when unpacking long long")
    return checked
