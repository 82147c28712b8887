"""Classes that derive from Tensor: how their instances are made, and what they do by default.

Their results are of their class, because `Tensor.__torch_function__` makes them so.

https://docs.pytorch.org/docs/stable/notes/extending.html#subclassing-torch-tensor
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jtorch._declare import dispatch
from jtorch._engine import handle
from jtorch._engine.handle import Handle, own_cell, read, share
from jtorch._ops import views
from jtorch._types import autograd_errors, errors

NOT_A_TENSOR = (
    "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make sure your class "
    "inherits from Tensor."
)


def check_kind(kind: Any) -> None:
    """Raises unless a class may have tensors of its own; the first one that overrides arms the library."""
    if not isinstance(kind, type):
        raise TypeError(f"cls must be a type (got {errors.type_name(kind)})")
    if not issubclass(kind, Handle):
        raise TypeError(NOT_A_TENSOR)
    if kind.__torch_dispatch__ is not disabled_dispatch:
        raise NotImplementedError(
            "jtorch: __torch_dispatch__ is not supported, because operations are recorded for XLA instead of being "
            f"dispatched to kernels; let {kind.__name__} define __torch_function__ instead"
        )
    if dispatch.overrides(kind):
        dispatch.arm()


def disabled_dispatch(func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
    """The `__torch_dispatch__` of classes that have none."""
    return func(*args, **(kwargs or {}))


def make_subclass(kind: type, data: Any, require_grad: bool = False) -> Any:
    """A leaf of a class on the memory of `data`."""
    check_kind(kind)
    if not isinstance(data, Handle):
        raise errors.argument_type("_make_subclass", "data", 2, "Tensor", data)
    found = data._v.aval.dtype
    if require_grad and not (found.is_floating_point or found.is_complex):
        raise autograd_errors.grad_dtype(setter=False)
    t = object.__new__(kind)
    t._v = read(data)
    share(t, data, own_cell(data), data._chain)
    t._requires_grad = require_grad
    return t


def as_subclass(self: Any, cls: type) -> Any:
    """The same memory and history as an instance of `cls`."""
    check_kind(cls)
    with dispatch.silent():
        shown = views.alias(self)
    t = object.__new__(cls)
    vars(t).update(vars(shown))
    return t


def make_wrapper_subclass(cls: type, size: Any, *args: Any, **kwargs: Any) -> Any:
    """Refused: a tensor without memory needs `__torch_dispatch__`, which jtorch does not have."""
    if isinstance(cls, type) and cls.__torch_dispatch__ is disabled_dispatch:
        raise TypeError(f"{cls.__name__} must define __torch_dispatch__")
    return check_kind(cls)


def torch_function(cls: type, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
    """What a subclass of Tensor does with a call of torch: it runs, and its tensors become the subclass's."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with dispatch.quiet():
        found = func(*args, **(kwargs or {}))
    return found if func in unwrapped() else converted(found, cls)


def converted(found: Any, cls: type) -> Any:
    """A result with its tensors, also those of a tuple or list, as instances of `cls`."""
    if cls is handle.tensor_class:
        return found
    if isinstance(found, Handle):
        return found if isinstance(found, cls) else as_subclass(found, cls)
    if isinstance(found, (tuple, list)):
        parts = [converted(x, cls) for x in found]
        return tuple.__new__(type(found), parts) if isinstance(found, tuple) else parts
    return found


@functools.cache
def unwrapped() -> frozenset[Callable]:
    """The functions whose results stay as they are: gradients and bases were given their class by others."""
    found = (getattr(handle.tensor_class, name) for name in ("grad", "_grad", "_base"))
    return frozenset(prop.__get__ for prop in found if isinstance(prop, property))
