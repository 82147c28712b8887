"""torch.layout and torch.memory_format: closed sets of names."""

from __future__ import annotations

from typing import Any, Final, NoReturn, TypeVar, final


class _Name:
    """A member of a closed set of names: one object each, made only here."""

    __slots__ = ("name",)
    name: str

    def __new__(cls) -> NoReturn:
        raise TypeError(f"cannot create 'torch.{cls.__name__}' instances")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return layout_named, (self.name,)


@final
class layout(_Name):
    """How a tensor's elements are stored: in one array, or in the parts of a sparse layout (`torch.sparse`).

    https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.layout

    >>> import jtorch as torch
    >>> torch.strided
    torch.strided
    """

    __module__ = "jtorch"
    __slots__ = ()


@final
class memory_format(_Name):
    """An order of strides that an operation is asked to give its result.

    https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.memory_format

    >>> import jtorch as torch
    >>> torch.channels_last
    torch.channels_last
    """

    __module__ = "jtorch"
    __slots__ = ()


_NAMES: Final[dict[str, _Name]] = {}
_Kind = TypeVar("_Kind", layout, memory_format)


def _define(kind: type[_Kind], name: str) -> _Kind:
    self = object.__new__(kind)
    self.name = name
    _NAMES[name] = self
    return self


def layout_named(name: str) -> _Name:
    """The layout or memory format torch calls by this name."""
    return _NAMES[name]


strided = _define(layout, "strided")
sparse_coo = _define(layout, "sparse_coo")
sparse_csr = _define(layout, "sparse_csr")
sparse_csc = _define(layout, "sparse_csc")
sparse_bsr = _define(layout, "sparse_bsr")
sparse_bsc = _define(layout, "sparse_bsc")
jagged = _define(layout, "jagged")

contiguous_format = _define(memory_format, "contiguous_format")
preserve_format = _define(memory_format, "preserve_format")
channels_last = _define(memory_format, "channels_last")
channels_last_3d = _define(memory_format, "channels_last_3d")
legacy_contiguous_format = contiguous_format
