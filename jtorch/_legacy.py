"""The constructors that torch calls legacy: `torch.Tensor(2, 3)`, `torch.FloatTensor([1, 2])`, `x.new(3)`.

Whole numbers are a size, a sequence holds the elements, a tensor is shown again, a storage is taken as the memory.
https://docs.pytorch.org/docs/stable/tensors.html#torch.Tensor
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from jtorch._declare import registry
from jtorch._engine.handle import Handle
from jtorch._ops import creation, views
from jtorch._storage import set_
from jtorch._types import errors
from jtorch._types.device import device as device_type
from jtorch._types.dtype import dtype
from jtorch._types.size import Size
from jtorch._untyped_storage import _StorageBase

_SIGNATURES = (
    "*, torch.device device = None",
    "torch.Storage storage",
    "Tensor other",
    "tuple of ints size, *, torch.device device = None",
    "object data, *, torch.device device = None",
)
_KEYWORDS = ("storage", "other", "size", "data")


def construct(kind: dtype, args: tuple, named: dict[str, Any], place: str = "cpu", any_type: bool = False) -> Any:
    """A tensor of a dtype as the legacy constructors make it; `any_type` shows a tensor of another dtype too."""
    named = dict(named)
    wish = named.pop("device", None)
    if wish is not None and device_type(wish).type != place:
        raise RuntimeError(
            f"legacy constructor expects device type: {place} but device type: {device_type(wish).type} was passed"
        )
    keyword = next(iter(named), None)
    sized = len(args) > 1 and all(map(_is_whole, args))
    if len(named) > (not args) or (keyword and keyword not in _KEYWORDS) or (len(args) > 1 and not _is_whole(args[0])):
        given = named if wish is None else {**named, "device": wish}
        raise errors.invalid_combination("new", args, given, _SIGNATURES)
    if not args and keyword is None:
        return _of_size((), kind, place)
    if len(args) > 1 and not sized:
        wrong = next(i for i, one in enumerate(args) if not _is_whole(one))
        raise TypeError(
            f"new(): argument 'size' failed to unpack the object at pos {wrong + 1} with error \"type must be tuple of "
            f'ints,but got {errors.type_name(args[wrong])}"'
        )
    if sized:
        return _of_size(tuple(map(operator.index, args)), kind, place)
    one = args[0] if args else named[keyword or ""]
    if isinstance(one, (Size,)) or keyword == "size":
        return _of_size(tuple(one), kind, place)
    if isinstance(one, Handle):
        return _shown(one, kind, any_type)
    if isinstance(one, _StorageBase):
        return set_(creation.empty((0,), dtype=kind, device=place), one)
    if _is_whole(one):
        return _of_size((operator.index(one),), kind, place)
    return _of_data(one, kind, place)


def _is_whole(x: Any) -> bool:
    if isinstance(x, bool):
        return False
    if isinstance(x, (int, np.integer)):
        return True
    dimensionless = isinstance(x, (Handle, np.ndarray)) and x.ndim == 0
    return dimensionless and str(x.dtype).removeprefix("torch.").startswith(("int", "uint"))


def _of_size(size: tuple, kind: dtype, place: str) -> Any:
    return creation.empty(size or (0,), dtype=kind, device=place)


def _shown(other: Any, kind: dtype, any_type: bool) -> Any:
    if other.dtype is not kind and not any_type:
        raise errors.other_tensor_type(kind.type_name, other.dtype.type_name)
    return views.alias(other)


def _of_data(data: Any, kind: dtype, place: str) -> Any:
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{errors.type_name(data)}'")
    if isinstance(data, (dict, np.generic)) or not hasattr(data, "__getitem__"):
        raise TypeError(f"new(): data must be a sequence (got {errors.type_name(data)})")
    return creation.tensor(data if hasattr(data, "dtype") else list(data), dtype=kind, device=place)


def new(self: Any, *args: Any, device: Any = None, **named: Any) -> Any:
    """A tensor of this dtype: of a shape, or of data (by keyword `size`, `data`, `other`); empty without either."""
    if device is not None:
        named["device"] = device
    return construct(self.dtype, args, named, self.device.type)


new.forms = (  # type: ignore[attr-defined]  # torch has overloads here
    "self, *args, device=None",
    "self, storage",
    "self, other",
    "self, size, *, device=None",
)
registry.add_method("new", new)
