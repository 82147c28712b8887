"""torch.storage: memory as bytes (`UntypedStorage`) and, older, as elements of a dtype (`TypedStorage`).

https://docs.pytorch.org/docs/stable/storage.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jtorch._declare import from_host
from jtorch._declare.once import warn_once
from jtorch._engine.handle import own_cell
from jtorch._types.device import device
from jtorch._types.dtype import DTYPES, dtype, dtype_named, get_default_dtype
from jtorch._untyped_storage import UntypedStorage as UntypedStorage
from jtorch._untyped_storage import _StorageBase as _StorageBase
from jtorch._untyped_storage import place_of, storage_of, tensor_over

DTYPE_OF_STORAGE = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
}


class TypedStorage(_StorageBase):
    """A tensor's memory as elements of its dtype: torch's older storages, kept for what still uses them.

    https://docs.pytorch.org/docs/stable/storage.html#torch.TypedStorage
    """

    dtype: dtype
    _untyped_storage: UntypedStorage

    def __new__(cls, *args: Any, wrap_storage: Any = None, dtype: Any = None, device: Any = None) -> Any:
        given = {"wrap_storage": wrap_storage, "dtype": dtype, "device": device}
        return _typed("TypedStorage.__init__", _TYPED_FORMS, args, {k: v for k, v in given.items() if v is not None})

    @classmethod
    def from_buffer(cls, *args: Any, **named: Any) -> TypedStorage:
        """The elements of a buffer, each turned around where `byte_order` is not this machine's."""
        kind = getattr(cls, "dtype", get_default_dtype())
        return typed_over(UntypedStorage.from_buffer(*args, dtype=kind, **named), kind)

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self._untyped_storage

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._untyped_storage.data_ptr()

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._untyped_storage.nbytes()

    def size(self) -> int:
        """The number of elements."""
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def resizable(self) -> bool:
        """Whether a tensor on it may grow."""
        return self._untyped_storage.resizable()

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def device(self) -> device:  # type: ignore[override]  # an attribute in the base, where nothing computes it
        """Where the elements are."""
        return self._untyped_storage.device

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def _tensor(self) -> Any:
        """The elements as a tensor over the same memory."""
        return tensor_over(self._untyped_storage._cell, self.dtype)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The storage class's name, "torch.FloatStorage"; the elements as another one."""
        if dtype is not None:
            return self._as(getattr(dtype, "dtype", dtype))
        return f"torch.{self._named()}"

    def pickle_storage_type(self) -> str:
        """The name that files give the storage, "FloatStorage"."""
        return self._named()

    def _named(self) -> str:
        named = [name for name, kind in DTYPE_OF_STORAGE.items() if kind == self.dtype.name]
        if not named:
            raise KeyError(f"dtype {self.dtype} is not recognized")
        return named[0]

    # Reading and writing

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self._tensor().tolist()

    def __iter__(self) -> Iterator:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if type(index) is not int:
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        return self._tensor()[place_of(index, self.size())].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is not int and not isinstance(index, slice):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        self._tensor()[index] = value

    def fill_(self, value: Any) -> TypedStorage:
        """Sets every element."""
        self[:] = value
        return self

    def copy_(self, source: Any, non_blocking: bool | None = None) -> TypedStorage:
        """Takes the bytes of another storage of the same size."""
        self._untyped_storage.copy_(source)
        return self

    def resize_(self, size: int) -> None:
        """Gives the storage another size, which only `Tensor.resize_` can."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)

    # Copies

    def clone(self) -> TypedStorage:
        """A copy."""
        return typed_over(self._untyped_storage.clone(), self.dtype)

    __copy__ = clone

    def cpu(self) -> TypedStorage:
        """The elements in host memory."""
        return typed_over(self._untyped_storage.cpu(), self.dtype)

    def cuda(self, device: Any = None, non_blocking: bool = False) -> TypedStorage:
        """The elements in a GPU's memory."""
        return typed_over(self._untyped_storage.cuda(device), self.dtype)

    def to(self, *, device: Any, non_blocking: bool = False) -> TypedStorage:
        """The elements on a device."""
        return typed_over(self._untyped_storage.to(device=device), self.dtype)

    def pin_memory(self, device: Any = None) -> TypedStorage:
        """The elements in page-locked memory, as the tensor's `pin_memory` has it."""
        return typed_over(self._untyped_storage.pin_memory(), self.dtype)

    def _as(self, kind: dtype) -> TypedStorage:
        return typed_over(storage_of(own_cell(self._tensor().to(kind))), kind)

    def __deepcopy__(self, memo: dict) -> TypedStorage:
        return typed_over(self._untyped_storage.__deepcopy__(memo), self.dtype)

    def __reduce__(self) -> tuple:
        return typed_over, (self._untyped_storage, self.dtype)

    def __repr__(self) -> str:
        shown = "\n ".join(map(str, self.tolist()))
        size = f"(dtype={self.dtype}, device={self.device}) of size {self.size()}"
        return f" {shown}\n[torch.storage.TypedStorage{size}]"


_TYPED_FORMS = (
    "(*, torch.device device, torch.dtype dtype)",
    "(int size, *, torch.device device, torch.dtype dtype)",
    "(Sequence data, *, torch.device device, torch.dtype dtype)",
    "(*, UntypedStorage wrap_storage, torch.dtype dtype)",
)


def typed_over(memory: UntypedStorage, kind: dtype) -> TypedStorage:
    """An untyped storage seen as elements."""
    self = object.__new__(TypedStorage)
    self._untyped_storage, self.dtype = memory, kind
    return self


def warn_of_typed_storage() -> None:
    """Says once that typed storages will go."""
    warn_once(
        "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage "
        "class. This should only matter to you if you are using storages directly.  To access UntypedStorage directly, "
        "use tensor.untyped_storage() instead of tensor.storage()",
        ever=True,
    )


def _typed(name: str, forms: Sequence[str], args: tuple, named: dict[str, Any], kind: Any = None) -> TypedStorage:
    """The storage that a constructor's arguments describe; `kind` of the classes named after a dtype."""

    def refused(reason: str, error: type[Exception] = RuntimeError) -> Exception:
        text = "\n".join(f" * {form}" for form in forms)
        return error(f"{name} received an invalid combination of arguments. Expected one of:\n{text}\n{reason}")

    memory, place, wish = named.get("wrap_storage"), named.get("device"), named.get("dtype")
    if kind is not None and (wish is not None or place is not None):
        raise refused(f"Keyword argument '{'dtype' if wish is not None else 'device'}' cannot be specified")
    if len(args) > (memory is None):
        many = "Too many positional arguments"
        raise refused(many if memory is None else "No positional arguments should be given when using 'wrap_storage'")
    if wish is not None and not isinstance(wish, dtype):
        raise refused(f"Argument 'dtype' must be torch.dtype, not {type(wish)}", TypeError)
    if memory is not None and kind is None and wish is None:
        raise refused("Argument 'dtype' must be specified")
    to = kind or wish or get_default_dtype()
    if memory is None:
        memory = _filled(args, to, place, refused)
    if not isinstance(memory, UntypedStorage):
        raise refused(f"Argument 'wrap_storage' must be UntypedStorage, but got {type(memory)}", TypeError)
    warn_of_typed_storage()
    return typed_over(memory, to)


def _filled(args: tuple, kind: dtype, place: Any, refused: Any) -> UntypedStorage:
    data = args[0] if args else 0
    if type(data) is int:
        return UntypedStorage(data * kind.itemsize, device=place)
    if not isinstance(data, Sequence):
        raise refused(f"Argument type not recognized: {type(data)}", TypeError)
    return storage_of(own_cell(_converted(data, kind, place)))


def _converted(data: Sequence, kind: dtype, place: Any) -> Any:
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    t = from_host(np.array(data).astype(kind.np), kind)
    return t if place is None else t.to(place)


class _LegacyStorageMeta(type):
    dtype: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype is cls.dtype and not instance.is_cuda


class _LegacyStorage(TypedStorage, metaclass=_LegacyStorageMeta):
    """What `torch.FloatStorage` and its kin share: they make a `TypedStorage` of their dtype."""

    def __new__(cls, *args: Any, wrap_storage: Any = None, dtype: Any = None, device: Any = None) -> Any:
        given = {"wrap_storage": wrap_storage, "dtype": dtype, "device": device}
        forms = ("no arguments", "(int size)", "(Sequence data)", "(*, UntypedStorage wrap_storage)")
        named = {k: v for k, v in given.items() if v is not None}
        return _typed(f"{cls}.__new__", forms, args, named, cls.dtype)


STORAGE_TYPES: dict[str, Any] = {
    name: _LegacyStorageMeta(
        name,
        (_LegacyStorage,),
        {"dtype": dtype_named(kind), "__module__": "jtorch", "__doc__": f"Storages of torch.{kind} on the CPU."},
    )
    for name, kind in DTYPE_OF_STORAGE.items()
}
_CONVERSIONS = {
    **{name: name for name in ("double", "float", "half", "long", "int", "short", "bool", "bfloat16")},
    **{name: name for name in DTYPES if name.startswith(("float8_e4m3", "float8_e5m2"))},
    "char": "int8",
    "byte": "uint8",
    "complex_double": "complex128",
    "complex_float": "complex64",
}


def _conversion(name: str, kind: dtype) -> Any:
    def convert(self: Any) -> TypedStorage:
        return self._as(kind)

    convert.__name__, convert.__doc__ = name, f"The elements as {kind}."
    return convert


def _bytes_as(self: UntypedStorage, kind: dtype) -> TypedStorage:
    return TypedStorage(self.tolist(), dtype=kind, device=self.device)


def _type_of_bytes(self: UntypedStorage, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the class; each byte as an element of another storage type."""
    return "torch.storage.UntypedStorage" if dtype is None else _bytes_as(self, getattr(dtype, "dtype", dtype))


UntypedStorage._as = _bytes_as  # type: ignore[attr-defined]  # the classes know of each other in this direction alone
UntypedStorage.type = _type_of_bytes  # type: ignore[attr-defined]  # the same
for _name, _kind in _CONVERSIONS.items():
    setattr(_StorageBase, _name, _conversion(_name, dtype_named(_kind)))
