"""torch.ops: ATen's functions by their own names, `torch.ops.aten.NAME.OVERLOAD`.

Each is the declared function of that name; which of its overloads is meant follows from the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import registry

_NAMESPACES = ("torch.ops.aten", "torch", "torch.nn.functional")
_PREFIXED = ("linalg", "special", "fft")  # aten::linalg_inv is torch.linalg.inv


def _declared(name: str) -> Callable | None:
    for space in _NAMESPACES:
        if name in registry.namespace(space):
            return registry.namespace(space)[name]
    space, _, rest = name.partition("_")
    return registry.namespace(f"torch.{space}").get(rest) if space in _PREFIXED else None


class OpOverloadPacket:
    """One function of ATen with its overloads as attributes."""

    def __init__(self, name: str, function: Callable):
        self.__name__ = name
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __getattr__(self, overload: str) -> Callable:
        if overload.startswith("_"):
            raise AttributeError(overload)
        return self._function

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='aten.{self.__name__}')>"


class _Aten:
    """torch.ops.aten.

    >>> import jtorch as torch
    >>> torch.ops.aten.add.Tensor(torch.tensor(1), torch.tensor(2))
    tensor(3)
    """

    def __getattr__(self, name: str) -> OpOverloadPacket:
        function = _declared(name)
        if function is None:
            raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'")
        packet = OpOverloadPacket(name, function)
        setattr(self, name, packet)
        return packet


aten = _Aten()

__all__ = ["OpOverloadPacket", "aten"]
