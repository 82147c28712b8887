"""torch.device: the name of a place, not the place itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any, Final, NoReturn, final

from . import device_errors, errors

DEVICE_TYPES: Final = (
    "cpu",
    "cuda",
    "ipu",
    "xpu",
    "mkldnn",
    "opengl",
    "opencl",
    "ideep",
    "hip",
    "ve",
    "fpga",
    "maia",
    "xla",
    "lazy",
    "vulkan",
    "mps",
    "meta",
    "hpu",
    "mtia",
    "privateuseone",
)

_INDEXED: Final = re.compile(r"([a-zA-Z_]+)(?::(0|[1-9][0-9]*))?")
_INT32_MAX: Final = 2**31 - 1


def _nobody_knows() -> str | None:
    return None


_find_accelerator: Callable[[], str | None] = _nobody_knows


def install_accelerator(find: Callable[[], str | None]) -> None:
    """Says how to find the type that ``device(0)`` means: JAX must be started for it, so it is done when asked for."""
    global _find_accelerator
    _find_accelerator = find


class _Chosen(threading.local):
    """Where this thread makes new tensors: what `set_default_device` says, then `with torch.device(...)` blocks."""

    stack: tuple[device | None, ...] = (None,)


chosen = _Chosen()


@final
class device:
    """Where a tensor lives: ``device("cuda:0")``, ``device("cuda", 0)``, ``device(0)``; immutable and hashable.

    https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.device

    >>> import jtorch as torch
    >>> torch.device("cuda:1")
    device(type='cuda', index=1)
    >>> torch.device("cpu").index is None
    True

    As a context manager it says where factory functions make new tensors.

    >>> with torch.device("meta"):
    ...     torch.zeros(2)
    tensor(..., device='meta', size=(2,))
    """

    __module__ = "jtorch"
    __slots__ = ("__weakref__", "index", "type")

    type: str
    index: int | None

    def __new__(cls, *args: Any, **kwargs: Any) -> device:
        given = _bind(args, kwargs)
        if isinstance(given, device):
            return given
        self = object.__new__(cls)
        object.__setattr__(self, "type", given[0])
        object.__setattr__(self, "index", given[1])
        return self

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'torch.device' is not an acceptable base type")

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise AttributeError(f"attribute '{attribute}' of 'torch.device' objects is not writable")

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __lt__(self, other: object) -> NoReturn:
        raise TypeError("comparison not implemented")

    __le__ = __gt__ = __ge__ = __lt__

    def __enter__(self) -> device:
        chosen.stack = (*chosen.stack, self)
        return self

    def __exit__(self, *exc: object) -> None:
        chosen.stack = chosen.stack[:-1]

    def __reduce__(self) -> tuple[Any, ...]:
        return device, ((self.type,) if self.index is None else (self.type, self.index))


_Place = tuple[str, int | None]


def _bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Place | device:
    """Chooses between torch's two signatures, (device) and (type, index)."""
    if len(args) + len(kwargs) == 1:
        name, value = ("device", args[0]) if args else next(iter(kwargs.items()))
        if name == "type" and isinstance(value, str):
            name = "device"
        if name == "device" and isinstance(value, device):
            return value
        if name == "device" and isinstance(value, (str, bytes)):
            return _parse(value if isinstance(value, str) else value.decode())
        if name == "device" and isinstance(value, int) and not isinstance(value, bool):
            return _of_index(value)
        raise _no_signature(args, kwargs)
    if len(args) + len(kwargs) != 2:
        raise _no_signature(args, kwargs)
    given = dict(zip(("type", "index"), args, strict=False))
    for name in kwargs:
        if name not in ("type", "index"):
            raise errors.unexpected_keyword("device", name)
        if name in given:
            raise errors.multiple_values("device", name)
    given |= kwargs
    return _of_parts(given["type"], given["index"], len(args))


def _of_index(index: int) -> _Place:
    if index < 0:
        raise RuntimeError("Device index must not be negative")
    accelerator = _find_accelerator()
    if accelerator is None:
        raise device_errors.no_accelerator()
    return accelerator, index


def _of_parts(type: Any, index: Any, positional: int) -> _Place:
    if not isinstance(type, str):
        raise errors.argument_type("device", "type", 1 if positional else None, "str", type)
    if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
        raise errors.argument_type("device", "index", 2 if positional == 2 else None, "int", index)
    parsed, own_index = _parse(type)
    if own_index is not None:
        raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {type}")
    if index is not None and index < 0:
        raise RuntimeError("Device index must not be negative")
    return parsed, index


def _parse(text: str) -> _Place:
    if not text:
        raise RuntimeError("Device string must not be empty")
    match = _INDEXED.fullmatch(text)
    if match is None:
        raise RuntimeError(f"Invalid device string: '{text}'")
    kind, digits = match.groups()
    if kind not in DEVICE_TYPES:
        expected = ", ".join(DEVICE_TYPES)
        raise RuntimeError(f"Expected one of {expected} device type at start of device string: {kind}")
    if digits is not None and int(digits) > _INT32_MAX:
        raise RuntimeError(f"Could not parse device index '{digits}' in device string '{text}'")
    return kind, None if digits is None else int(digits)


def _no_signature(args: tuple[Any, ...], kwargs: dict[str, Any]) -> TypeError:
    reason = ""
    if len(args) + len(kwargs) == 1:
        reason = "\nsome of the keywords were incorrect: " + "".join(kwargs)
        if args or "device" in kwargs:
            types = ", ".join(f"!{errors.type_name(value)}!" for value in (*args, *kwargs.values()))
            reason = f"\nsome of the arguments have invalid types: ({types})"
    signatures = (f"torch.device device{reason}", "str type, int index = -1")
    return errors.invalid_combination("device", args, kwargs, signatures)


cpu: Final = device("cpu")
meta: Final = device("meta")
