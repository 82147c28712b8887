"""Small things torch shows in its root that belong to no other file."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jtorch import cpu, cuda
from jtorch._types.device import device as as_device


class _ClassProperty:
    """An attribute of a class that a function computes."""

    def __init__(self, fget: classmethod | staticmethod):
        self.fget = fget

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.fget.__get__(instance, type(instance) if owner is None else owner)()


def classproperty(func: Any) -> _ClassProperty:
    """A decorator for a property of a class, not of its instances.

    >>> import jtorch as torch
    >>> class Model:
    ...     @torch.classproperty
    ...     def label(cls):
    ...         return cls.__name__
    >>> Model.label
    'Model'
    """
    return _ClassProperty(func if isinstance(func, (classmethod, staticmethod)) else classmethod(func))


_MODULES = {"cpu": cpu, "cuda": cuda}


def get_device_module(device: Any = None) -> ModuleType:
    """The module of a kind of device: `torch.cuda` for "cuda". Without one, that of the accelerator, or `torch.cpu`.

    >>> import jtorch as torch
    >>> torch.get_device_module("cuda") is torch.cuda
    True
    """
    if device is None:
        return cuda if cuda.is_available() else cpu
    if not isinstance(device, (str, as_device)):
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    kind = as_device(device).type
    if kind not in _MODULES:
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return _MODULES[kind]
