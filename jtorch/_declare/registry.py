"""All declared functions by the public namespace they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare.shown import of_method, public, up_to_date

# Methods the class defines itself whose errors about arguments are torch's. `size` and `dim` are too quick for it.
TELLING = ("numpy", "item", "tolist", "requires_grad_", "is_contiguous", "detach")

_functions: dict[str, dict[str, Callable]] = {}
_methods: dict[str, Any] = {}
_tensor_class: type | None = None


def add_function(namespace: str, name: str, fn: Callable) -> None:
    """Makes `fn` public as `namespace.name`; declaring a name twice is an error."""
    names = _functions.setdefault(namespace, {})
    if name in names:
        raise ValueError(f"{namespace}.{name} is declared twice")
    names[name] = public(namespace, name, fn)


def add_method(name: str, fn: Any) -> None:
    """Makes `fn` a method of Tensor, now or when the class exists."""
    if name in _methods:
        raise ValueError(f"Tensor.{name} is declared twice")
    _methods[name] = fn = of_method(name, fn)
    if _tensor_class is not None:
        setattr(_tensor_class, name, fn)


def namespace(name: str) -> dict[str, Callable]:
    """The public functions of `torch`, `torch.nn.functional`, `torch.linalg` and so on."""
    return {public: up_to_date(fn) for public, fn in _functions.get(name, {}).items()}


def methods() -> dict[str, Any]:
    """The methods ops give to Tensor."""
    return dict(_methods)


def install_methods(cls: type) -> None:
    """Puts all declared methods on the Tensor class; what the class defines itself stays."""
    global _tensor_class
    _tensor_class = cls
    for name in TELLING:
        setattr(cls, name, of_method(name, cls.__dict__[name]))
    for name, fn in _methods.items():
        if name not in cls.__dict__:
            setattr(cls, name, fn)


def namespace_of(module: str) -> str:
    """The public namespace of the module an op is declared in: an op lives where its name does."""
    if module.startswith("jtorch.nn.functional"):
        return "torch.nn.functional"
    for part in ("linalg", "fft", "special"):
        if module.startswith(f"jtorch.{part}"):
            return f"torch.{part}"
    return "torch"
