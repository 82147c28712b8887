"""The tuples ops with several results return: `torch.return_types.max` and its like.

They are torch's kind, not `collections.namedtuple`s: made from one sequence, without `_fields`, and printed a field a
line.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any


class ReturnType(tuple):
    """A tuple whose items have names."""

    __slots__ = ()
    names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        items = ",\n".join(f"{name}={item!r}" for name, item in zip(self.names, self, strict=True))
        return f"torch.return_types.{type(self).__name__}(\n{items})"

    def __reduce__(self) -> Any:
        return tuple, (tuple(self),)


def return_type(name: str, fields: Sequence[str]) -> type[ReturnType]:
    """The class of an op's results.

    >>> from jtorch._declare.return_types import return_type
    >>> return_type("max", ("values", "indices"))((7, 0))
    torch.return_types.max(
    values=7,
    indices=0)
    """
    items: dict[str, Any] = {field: property(operator.itemgetter(i)) for i, field in enumerate(fields)}
    items.update(__slots__=(), __module__="torch.return_types", names=tuple(fields))
    items.update(n_fields=len(fields), n_sequence_fields=len(fields), n_unnamed_fields=0)
    return type(name, (ReturnType,), items)
