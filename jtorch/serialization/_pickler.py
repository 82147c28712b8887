"""Pickles objects as torch does: tensors by reference to their storages, names as torch spells them."""

import io
import pickle
from collections import OrderedDict
from typing import Any

from jtorch import _root as torch
from jtorch._complex32 import HalfComplexTensor
from jtorch._declare.verbs import lazy_bits
from jtorch._storage import own_attributes
from jtorch._types import layout, strided
from jtorch.nn import parameter
from jtorch.nn.parameter import Parameter
from jtorch.sparse import parts_of

from . import _names
from ._storage import UNTYPED, SavedStorage


def pickled(obj: Any, pickle_module: Any, protocol: int) -> tuple[bytes, dict[str, SavedStorage]]:
    """Returns the pickle of ``obj`` and the storages it refers to, by their keys in the file."""
    buffer = io.BytesIO()
    pickler = _pickler_class(pickle_module)(buffer, protocol)
    pickler.dump(obj)
    return buffer.getvalue(), pickler.storages


def _pickler_class(pickle_module: Any) -> Any:
    # Pickle's pure Python class, because the C one looks each name up in the module of that name, and there is none:
    # the files say torch where this library says jtorch. State dicts have few objects, so it costs little.
    base = getattr(pickle_module, "_Pickler", None) or getattr(pickle_module, "Pickler", None)
    if not (isinstance(base, type) and issubclass(base, pickle._Pickler)):
        raise NotImplementedError(
            f"saving with pickle_module={pickle_module!r}: its Pickler is not derived from Python's pickle._Pickler; "
            "leave pickle_module at its default."
        )
    return type("TorchPickler", (_TorchNames, base), {})


class _TorchNames:
    """What is different from the pickler that this is mixed into."""

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)  # pyright: ignore[reportCallIssue]  # the other base's
        self.storages: dict[str, SavedStorage] = {}
        self._keys: dict[Any, str] = {}

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, SavedStorage):
            return None
        key = self._keys.setdefault(obj.key, str(len(self._keys)))
        first = self.storages.setdefault(key, obj)
        if first.dtype is not obj.dtype:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        return "storage", obj.kind, key, obj.device, obj.nbytes // obj.kind.itemsize

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor):
            return _reduced_tensor(obj)
        if isinstance(obj, layout):
            return _names.get_layout, (repr(obj),)
        if _names.name_in_torch(obj) is not None:
            return obj.__class__.__name__  # a name: pickle then asks save_global for it
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        full_name = _names.name_in_torch(obj)
        if full_name is None:
            super().save_global(obj, name)
            return
        module, _, name = full_name.rpartition(".")
        self._write_global(module, name)
        self.memoize(obj)

    def _write_global(self: Any, module: str, name: str) -> None:
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())


def _reduced_tensor(tensor: Any) -> tuple[Any, ...]:
    """Says how the tensor is made again: a function of :mod:`._names` and its arguments."""
    if tensor.layout is not strided:
        return _names.rebuild_sparse_tensor, (tensor.layout, parts_of(tensor))
    kind, state = type(tensor), own_attributes(tensor)
    if kind is Parameter:
        data = tensor.detach()
        if state:
            return parameter._rebuild_parameter_with_state, (data, tensor.requires_grad, OrderedDict(), state)
        return parameter._rebuild_parameter, (data, tensor.requires_grad, OrderedDict())
    function, args = _reduced_plain(tensor)
    kind = torch.Tensor if kind is HalfComplexTensor else kind
    if kind is torch.Tensor and not state:
        return function, args
    return _names.rebuild_from_type, (function, kind, args, state or None)


def _reduced_plain(tensor: Any) -> tuple[Any, tuple[Any, ...]]:
    size, stride, needs_grad = tuple(tensor.shape), tuple(tensor.stride()), tensor.requires_grad
    if tensor.device.type == "meta":
        return _names.rebuild_meta_tensor, (tensor.dtype, size, stride, needs_grad)
    storage = SavedStorage(tensor)
    args = (storage, tensor.storage_offset(), size, stride, needs_grad, OrderedDict())
    marks = {name: True for name, bit in zip(("conj", "neg"), lazy_bits(tensor), strict=True) if bit}
    if storage.kind is UNTYPED:
        return _names.rebuild_tensor_v3, (*args, tensor.dtype, *([marks] if marks else []))
    return _names.rebuild_tensor_v2, (*args, *([marks] if marks else []))
