"""torch's element types, what is known about them, and the default one."""

from __future__ import annotations

import builtins
import operator
from typing import Any, Final, NoReturn, cast, final

import ml_dtypes
import numpy as np

from . import errors

BOOL, INT, FLOAT, COMPLEX = range(4)  # the categories, in the order in which they win a promotion


@final
class dtype:
    """The type of a tensor's elements; one object for each type, compared by identity.

    https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.dtype

    >>> import jtorch as torch
    >>> torch.float32, torch.float32.itemsize, torch.float32.is_floating_point
    (torch.float32, 4, True)
    """

    __module__ = "jtorch"
    __slots__ = (
        "__weakref__",
        "category",
        "is_complex",
        "is_floating_point",
        "is_signed",
        "itemsize",
        "name",
        "np",
        "type_name",
    )

    name: str  # "float32"
    type_name: str  # "Float", the word of torch's messages
    np: np.dtype[Any]  # None for complex32, which neither NumPy nor XLA has
    category: builtins.int  # BOOL, INT, FLOAT or COMPLEX
    itemsize: builtins.int  # in bytes
    is_floating_point: builtins.bool
    is_complex: builtins.bool
    is_signed: builtins.bool

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("cannot create 'torch.dtype' instances")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'torch.dtype' is not an acceptable base type")

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        if not hasattr(dtype, attribute):
            raise AttributeError(f"'torch.dtype' object has no attribute '{attribute}'")
        raise AttributeError(f"attribute '{attribute}' of 'torch.dtype' objects is not writable")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return dtype_named, (self.name,)

    def to_real(self) -> dtype:
        """The type of the real part: float32 for complex64, itself for real types."""
        return _REAL_OF.get(self, self)

    def to_complex(self) -> dtype:
        """The complex type whose parts hold values of this one; RuntimeError when there is none."""
        if self.is_complex:
            return self
        if self not in _COMPLEX_OF:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.type_name}")
        return _COMPLEX_OF[self]


DTYPES: Final[dict[str, dtype]] = {}  # by canonical name, then by alias; every name torch.* has for them


def _define(name: str, type_name: str, category: builtins.int, storage: Any, itemsize: builtins.int) -> dtype:
    self = object.__new__(dtype)
    unsigned = category == BOOL or name.startswith("uint") or name == "float8_e8m0fnu"
    facts = {
        "name": name,
        "type_name": type_name,
        "np": None if storage is None else np.dtype(storage),
        "category": category,
        "itemsize": itemsize,
        "is_floating_point": category == FLOAT,
        "is_complex": category == COMPLEX,
        "is_signed": not unsigned,
    }
    for fact, value in facts.items():
        object.__setattr__(self, fact, value)
    DTYPES[name] = self
    return self


bool_ = _define("bool", "Bool", BOOL, np.bool_, 1)
uint8 = _define("uint8", "Byte", INT, np.uint8, 1)
int8 = _define("int8", "Char", INT, np.int8, 1)
int16 = _define("int16", "Short", INT, np.int16, 2)
int32 = _define("int32", "Int", INT, np.int32, 4)
int64 = _define("int64", "Long", INT, np.int64, 8)
uint16 = _define("uint16", "UInt16", INT, np.uint16, 2)
uint32 = _define("uint32", "UInt32", INT, np.uint32, 4)
uint64 = _define("uint64", "UInt64", INT, np.uint64, 8)
float8_e4m3fn = _define("float8_e4m3fn", "Float8_e4m3fn", FLOAT, ml_dtypes.float8_e4m3fn, 1)
float8_e5m2 = _define("float8_e5m2", "Float8_e5m2", FLOAT, ml_dtypes.float8_e5m2, 1)
float8_e4m3fnuz = _define("float8_e4m3fnuz", "Float8_e4m3fnuz", FLOAT, ml_dtypes.float8_e4m3fnuz, 1)
float8_e5m2fnuz = _define("float8_e5m2fnuz", "Float8_e5m2fnuz", FLOAT, ml_dtypes.float8_e5m2fnuz, 1)
float8_e8m0fnu = _define("float8_e8m0fnu", "Float8_e8m0fnu", FLOAT, ml_dtypes.float8_e8m0fnu, 1)
float16 = _define("float16", "Half", FLOAT, np.float16, 2)
bfloat16 = _define("bfloat16", "BFloat16", FLOAT, ml_dtypes.bfloat16, 2)
float32 = _define("float32", "Float", FLOAT, np.float32, 4)
float64 = _define("float64", "Double", FLOAT, np.float64, 8)
complex32 = _define("complex32", "ComplexHalf", COMPLEX, None, 4)
complex64 = _define("complex64", "ComplexFloat", COMPLEX, np.complex64, 8)
complex128 = _define("complex128", "ComplexDouble", COMPLEX, np.complex128, 16)

half = DTYPES["half"] = float16
float_ = DTYPES["float"] = float32
double = DTYPES["double"] = float64
short = DTYPES["short"] = int16
int_ = DTYPES["int"] = int32
long = DTYPES["long"] = int64
chalf = DTYPES["chalf"] = complex32
cfloat = DTYPES["cfloat"] = complex64
cdouble = DTYPES["cdouble"] = complex128

_REAL_OF: Final = {complex32: float16, complex64: float32, complex128: float64}
_COMPLEX_OF: Final = {float16: complex32, bfloat16: complex64, float32: complex64, float64: complex128}

PYTHON_DTYPES: Final[dict[object, dtype]] = {bool: bool_, int: int64, float: float64, complex: complex128}
"""What ``dtype=float`` means to torch; a number in an expression is another matter: see ``_declare.promote``."""


def dtype_named(name: str) -> dtype:
    """The type torch calls by this name: ``dtype_named("float")`` is ``torch.float32``."""
    return DTYPES[name]


_FROM_NUMPY: Final[dict[np.dtype[Any], dtype]] = {
    value.np: value for value in DTYPES.values() if value is not complex32
}


def from_numpy(numpy_dtype: np.dtype[Any]) -> dtype:
    """The torch type of a NumPy one; TypeError where torch has none."""
    found = _FROM_NUMPY.get(numpy_dtype)
    if found is None:
        raise errors.numpy_type_unsupported(numpy_dtype)
    return found


_DType = dtype  # _Limits has a property of that name


class _Limits:
    """What finfo and iinfo share: they are equal when they describe one type, and cannot be hashed."""

    __slots__ = ("_real",)

    _real: _DType

    def _keep(self, **limits: Any) -> None:
        for name, value in limits.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        kind = type(self).__name__
        if not hasattr(type(self), attribute):
            raise AttributeError(f"'torch.{kind}' object has no attribute '{attribute}'")
        raise AttributeError(f"attribute '{attribute}' of 'torch.{kind}' objects is not writable")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot pickle 'torch.{type(self).__name__}' object")

    def __eq__(self, other: object) -> builtins.bool:
        return isinstance(other, type(self)) and other._real is self._real

    __hash__ = None  # type: ignore[assignment]  # as in torch: the object has no stable identity

    @property
    def bits(self) -> builtins.int:
        """How many bits an element has (of a complex type: its real part)."""
        return self._real.itemsize * 8

    @property
    def dtype(self) -> str:
        """The type's name, a string."""
        return self._real.name


def checked_dtype(function: str, name: str, position: builtins.int, value: object) -> dtype:
    """The value if it is a dtype, else the error for that argument of a function."""
    value = PYTHON_DTYPES.get(value, value) if isinstance(value, type) else value
    if not isinstance(value, dtype):
        raise errors.argument_type(function, name, position, "torch.dtype", value)
    return value


_NOT_GIVEN: Final[Any] = object()  # None is an error, as in torch

# decimal digits that survive a round trip (C++ digits10); torch's resolution is 10 to minus this
_DIGITS: Final = {float64: 15, float32: 6, float16: 3, bfloat16: 2}

# torch names half of the spacing above 1 here
_TORCH_EPS: Final = {float8_e5m2fnuz: 0.125}


@final
class finfo(_Limits):
    """Limits of a floating point type (of a complex one: of its real part); default: the default dtype.

    https://docs.pytorch.org/docs/stable/type_info.html#torch.torch.finfo

    >>> import jtorch as torch
    >>> torch.finfo(torch.float16).max
    65504.0
    """

    __module__ = "jtorch"
    __slots__ = ("eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: dtype = _NOT_GIVEN) -> None:
        checked = _default if type is _NOT_GIVEN else checked_dtype("finfo", "type", 1, type)
        if checked.category < FLOAT:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        real = checked.to_real()
        limits = cast("Any", ml_dtypes).finfo(real.np)
        normal = float(limits.smallest_normal)
        self._keep(
            _real=real,
            eps=_TORCH_EPS.get(real, float(limits.eps)),
            max=float(limits.max),
            min=float(limits.min),
            smallest_normal=normal,
            tiny=normal,
            resolution=10.0 ** -_DIGITS.get(real, 0),
        )

    def __repr__(self) -> str:
        shown = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):g}' for name in shown)}, dtype={self.dtype})"


@final
class iinfo(_Limits):
    """Limits of an integer type.

    https://docs.pytorch.org/docs/stable/type_info.html#torch.torch.iinfo

    >>> import jtorch as torch
    >>> torch.iinfo(torch.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    __module__ = "jtorch"
    __slots__ = ("max", "min")

    def __init__(self, type: dtype = _NOT_GIVEN) -> None:
        if type is _NOT_GIVEN:
            raise errors.missing_arguments("iinfo", ["type"])
        checked = checked_dtype("iinfo", "type", 1, type)
        if checked is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if checked.category != INT:
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        limits = np.iinfo(checked.np)
        self._keep(_real=checked, max=operator.index(limits.max), min=operator.index(limits.min))

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


_default: dtype = float32


def get_default_dtype() -> dtype:
    """The type of new floating point tensors and of Python floats.

    >>> import jtorch as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default


def set_default_dtype(d: dtype) -> None:
    """Sets the type of new floating point tensors, for the whole process; TypeError if it is not a float type.

    https://docs.pytorch.org/docs/stable/generated/torch.set_default_dtype.html

    >>> import jtorch as torch
    >>> torch.set_default_dtype(torch.float64)
    >>> torch.tensor(1.5).dtype
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    global _default
    if type(d) is not dtype:
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if d.category != FLOAT:
        raise TypeError("only floating-point types are supported as the default type")
    if d.itemsize == 1:
        raise TypeError(f"couldn't find storage object {d.type_name}Storage")
    _default = d
