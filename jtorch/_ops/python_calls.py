"""Elements through Python functions: slow, and the values leave the program.

https://docs.pytorch.org/docs/stable/generated/torch.Tensor.apply_.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jtorch._declare import Handle, composite, errors, from_host, to_host, write_back
from jtorch._declare.types import INT, dtype
from jtorch._ops import views


def _number(value: Any, kind: dtype) -> Any:
    """A result of the user's function; TypeError when the tensor cannot hold it."""
    if isinstance(value, (bool, int, float)) or (kind.is_complex and isinstance(value, complex)):
        return value
    if kind.category <= INT:
        raise TypeError(f"'{errors.type_name(value)}' object cannot be interpreted as an integer")
    raise TypeError(f"must be real number, not {errors.type_name(value)}")


def _written(name: str, self: Any, others: tuple, fn: Callable) -> Any:
    aval = self._v.aval
    for place, other in enumerate(others):
        if not isinstance(other, Handle):
            raise errors.argument_type(name, "other" if name == "map_" else "xy"[place], place + 1, "Tensor", other)
        if other._v.aval.dtype is not aval.dtype:
            word = "other" if name == "map_" else "xy"[place]
            wanted, got = (f"torch.{kind.type_name}Tensor" for kind in (aval.dtype, other._v.aval.dtype))
            raise TypeError(f"{name}: expected {wanted} for {word!r} (got {got})")
    if any(t._requires_grad for t in (self, *others)):
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    columns = [to_host(t).reshape(-1).tolist() for t in (self, *(views.expand(o, aval.shape) for o in others))]
    found = np.array([_number(fn(*row), aval.dtype) for row in zip(*columns, strict=True)])
    found = found.astype(aval.dtype.np).reshape(aval.shape)
    return write_back(name, self, from_host(found, aval.dtype, aval.device, constant=False))


@composite(function=False)
def apply_(self: Any, callable: Callable) -> Any:
    """Replaces each element by what `callable` makes of it.

    >>> import jtorch as torch
    >>> torch.tensor([1, 2]).apply_(lambda x: x * 10)
    tensor([10, 20])
    """
    return _written("apply_", self, (), callable)


@composite(function=False)
def map_(self: Any, other: Any, callable: Callable) -> Any:
    """Replaces each element by `callable(element, element of other)`."""
    return _written("map_", self, (other,), callable)


@composite(function=False)
def map2_(self: Any, x: Any, y: Any, callable: Callable) -> Any:
    """Replaces each element by `callable(element, element of x, element of y)`."""
    return _written("map2_", self, (x, y), callable)
