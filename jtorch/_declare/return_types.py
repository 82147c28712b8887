"""The tuples ops with several results return: `torch.return_types.max` and its like.

They are torch's kind, not `collections.namedtuple`s: made from one sequence, without `_fields`, and printed a field a
line.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NoReturn

# Every one that was declared, by its name: the contents of torch.return_types.
TYPES: dict[str, type[ReturnType]] = {}


_WITHOUT_OUT = {"histogramdd", "_lu_with_info"}
_NOT_GIVEN: Any = object()


class ReturnType(tuple):
    """A tuple whose items have names."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __new__(cls, sequence: Any = _NOT_GIVEN, dict: Any = None) -> Any:
        if sequence is _NOT_GIVEN:
            raise TypeError("structseq() missing required argument 'sequence' (pos 1)")
        if not hasattr(sequence, "__iter__"):
            raise TypeError("constructor requires a sequence")
        self = tuple.__new__(cls, sequence)
        if len(self) != len(cls.__match_args__):
            raise TypeError(
                f"torch.return_types.{cls.__name__}() takes a {len(cls.__match_args__)}-sequence "
                f"({len(self)}-sequence given)"
            )
        return self

    def __repr__(self) -> str:
        items = ",\n".join(f"{name}={item!r}" for name, item in zip(self.__match_args__, self, strict=True))
        return f"torch.return_types.{type(self).__name__}(\n{items})"

    def __reduce__(self) -> Any:
        return type(self), (tuple(self), {})


def return_type(name: str, fields: Sequence[str]) -> type[ReturnType]:
    """The class of an op's results, one for each name.

    >>> from jtorch._declare.return_types import return_type
    >>> return_type("max", ("values", "indices"))((7, 0))
    torch.return_types.max(
    values=7,
    indices=0)
    """
    if name not in TYPES:
        for one in (name,) if name in _WITHOUT_OUT else (name, f"{name}_out"):
            TYPES[one] = _declared(one, fields)
    return TYPES[name]


def out_type(kind: type) -> type[ReturnType]:
    """The class of the same op's results where it was given `out=`."""
    return TYPES[f"{kind.__name__}_out"]


def _refuse(self: ReturnType, value: Any) -> NoReturn:
    raise AttributeError("readonly attribute")


def _declared(name: str, fields: Sequence[str]) -> type[ReturnType]:
    items: dict[str, Any] = {field: property(operator.itemgetter(i), _refuse) for i, field in enumerate(fields)}
    items.update(__slots__=(), __module__="jtorch.return_types", __match_args__=tuple(fields), __doc__=None)
    items.update(n_fields=len(fields), n_sequence_fields=len(fields), n_unnamed_fields=0)
    return type(name, (ReturnType,), items)
