"""The names of torch in its files, and the objects of jtorch they stand for, in both directions.

A file says ``torch._utils._rebuild_tensor_v2`` or ``torch.FloatStorage``; these are parts of the format, whatever a
library calls its own. Everything else of jtorch is known under its public name, ``torch.nn.Linear``.
"""

import collections
import sys
from typing import Any

from jtorch import _root as torch
from jtorch import _types
from jtorch._types import DTYPES
from jtorch.nn import parameter
from jtorch.sparse import sparse_compressed_tensor, sparse_coo_tensor

from ._storage import STORAGE_TYPES, UNTYPED, LoadedStorage


def rebuild_tensor_v2(
    storage: LoadedStorage,
    storage_offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    backward_hooks: Any,
    metadata: dict[str, bool] | None = None,
) -> Any:
    """Makes a tensor over a typed storage."""
    return rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, None, metadata)


def rebuild_tensor_v3(
    storage: LoadedStorage,
    storage_offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Any,
    metadata: dict[str, bool] | None = None,
) -> Any:
    """Makes a tensor over an untyped storage."""
    tensor = storage.tensor(size, stride, storage_offset, dtype)
    if metadata and metadata.get("conj"):
        tensor = tensor.conj()
    if metadata and metadata.get("neg"):
        tensor = torch._neg_view(tensor)
    return tensor.requires_grad_(requires_grad)


def rebuild_tensor(storage: LoadedStorage, storage_offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Any:
    """Makes a tensor as files before version 0.4 describe it."""
    return storage.tensor(size, stride, storage_offset, None)


def rebuild_meta_tensor(dtype: Any, size: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool) -> Any:
    """Makes a tensor without data."""
    return torch.empty_strided(size, stride, dtype=dtype, device="meta", requires_grad=requires_grad)


def rebuild_sparse_tensor(layout: Any, data: tuple[Any, ...]) -> Any:
    """Makes a sparse tensor of its parts: indices, values, size, and of a COO tensor whether it is coalesced."""
    if layout is _types.sparse_coo:
        indices, values, size, *coalesced = data
        return sparse_coo_tensor(indices, values, size, is_coalesced=bool(coalesced and coalesced[0]))
    return sparse_compressed_tensor(*data, layout=layout)


def rebuild_from_type(function: Any, new_type: type, args: tuple[Any, ...], state: Any) -> Any:
    """Makes a tensor of a subclass, or one that had attributes of the user's own."""
    tensor = function(*args)
    if type(tensor) is not new_type:
        tensor = tensor.as_subclass(new_type)
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        setattr(tensor, name, value)
    return tensor


def get_layout(name: str) -> Any:
    """Returns the layout of this name."""
    return getattr(_types, name.removeprefix("torch."))


FUNCTIONS: dict[str, Any] = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_meta_tensor_no_storage": rebuild_meta_tensor,
    "torch._utils._rebuild_sparse_tensor": rebuild_sparse_tensor,
    "torch._utils._rebuild_parameter": parameter._rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": parameter._rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
    "torch.serialization._get_layout": get_layout,
}
"""What may be called by any file, together with the classes below."""

CLASSES: dict[str, Any] = {
    "torch.Size": _types.Size,
    "torch.device": _types.device,
    "torch.Tensor": torch.Tensor,
    "torch.nn.parameter.Parameter": parameter.Parameter,
}
"""The classes of which any file may have objects."""

_VALUES: dict[str, Any] = {
    "torch.storage.UntypedStorage": UNTYPED,
    **{f"torch.{name}": kind for name, kind in STORAGE_TYPES.items()},
    **{f"torch.{name}": dtype for name, dtype in DTYPES.items()},
}

TORCH_NAMES: dict[str, Any] = {**FUNCTIONS, **CLASSES, **_VALUES}
"""The names that belong to the format."""

_NAME_OF = {id(value): name for name, value in reversed(TORCH_NAMES.items())}


def encode(text: str, encoding: str) -> bytes:
    """Returns the bytes that pickle's protocol 2 spells as text."""
    if encoding != "latin1":
        raise ValueError(f"bytes are encoded as latin1, not {encoding}")
    return text.encode("latin1")


PYTHON_NAMES: dict[str, Any] = {
    "builtins.set": set,
    "builtins.bytearray": bytearray,
    "builtins.complex": complex,
    "collections.OrderedDict": collections.OrderedDict,
    "collections.Counter": collections.Counter,
    "_codecs.encode": encode,
}
"""What any file may name besides."""


def _attribute(home: Any, path: str) -> Any:
    for part in path.split("."):
        home = getattr(home, part, None)
    return home


def name_in_torch(value: Any) -> str | None:
    """Returns the full name under which torch has this class, function or dtype; None for what is not jtorch's."""
    known = _NAME_OF.get(id(value))
    if known is not None:
        return known
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or module.partition(".")[0] != "jtorch":
        return None
    # The shortest path is the public one: torch.nn.Linear, in whichever file it is written.
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        home = ".".join(parts[:count])
        if _attribute(sys.modules.get(home), name) is value:
            return "torch" + home.removeprefix("jtorch") + "." + name
    return None


def find_in_jtorch(module: str, name: str) -> Any:
    """Returns what jtorch has for a name of torch; None where it has nothing.

    Where torch and jtorch keep a thing in different files, the package they have in common knows it:
    ``torch.nn.modules.linear.Linear`` is found as ``jtorch.nn.Linear``.
    """
    known = TORCH_NAMES.get(f"{module}.{name}")
    home = "jtorch" + module.removeprefix("torch")
    while known is None and home:
        # Modules that are loaded already: a file must not be able to import one.
        known = _attribute(sys.modules.get(home), name)
        home = home.rpartition(".")[0]
    return known
