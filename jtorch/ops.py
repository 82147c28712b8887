"""torch.ops: ATen's functions by their own names, `torch.ops.aten.NAME.OVERLOAD`, and the operators users define.

Of ATen each is the declared function of that name; which of its overloads is meant follows from the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._custom_ops import OpOverload as OpOverload
from jtorch._custom_ops import known
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
    """One operator with its overloads as attributes."""

    def __init__(self, name: str, function: Callable, namespace: str = "aten"):
        self.__name__ = name
        self._function = function
        self._namespace = namespace

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __getattr__(self, overload: str) -> Callable:
        if overload.startswith("_"):
            raise AttributeError(overload)
        return self._function

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self._namespace}.{self.__name__}')>"


class _OfUsers(OpOverloadPacket):
    """An operator that was defined by a user."""

    def __init__(self, namespace: str, name: str):
        super().__init__(name, self._called, namespace)

    def _called(self, *args: Any, **kwargs: Any) -> Any:
        overloads = known(self._namespace, self.__name__)
        return overloads.get("default", next(iter(overloads.values())))(*args, **kwargs)

    def overloads(self) -> list[str]:
        """The names of the overloads."""
        return list(known(self._namespace, self.__name__))

    def __getattr__(self, overload: str) -> Callable:
        found = known(self._namespace, self.__name__).get(overload)
        if found is None:
            name = f"{self._namespace}.{self.__name__}"
            raise AttributeError(f"The underlying op of '{name}' has no overload name '{overload}'")
        return found


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


class _OpNamespace:
    """The operators of one namespace."""

    def __init__(self, name: str):
        self.name = name

    def __getattr__(self, name: str) -> OpOverloadPacket:
        if name.startswith("__") or not known(self.name, name):
            raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{name}'")
        return _OfUsers(self.name, name)


aten = _Aten()


def __getattr__(name: str) -> Any:
    if name.startswith(("__", "pytest")):  # a module that pytest collects is asked for its plugins and marks
        raise AttributeError(name)
    space = globals()[name] = _OpNamespace(name)
    return space


__all__ = ["OpOverload", "OpOverloadPacket", "aten"]
