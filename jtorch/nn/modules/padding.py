"""Padding of the last one, two or three dimensions."""

from __future__ import annotations

from jtorch.nn import functional as F
from jtorch.nn.modules.module import Module
from jtorch.nn.modules.utils import _ntuple, _pair, _quadruple

__all__ = [
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
]

_sextuple = _ntuple(6, "_sextuple")


class _PadNd(Module):
    """Padding at both ends of the last dimensions; the numbers begin with the last dimension, as in F.pad."""

    __constants__ = ["padding"]
    _mode: str

    def _set(self, tuple_of, padding):
        self.padding = tuple_of(padding)

    def forward(self, input):
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    __constants__ = ["padding", "value"]

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ReflectionPadNd(_PadNd):
    _mode = "reflect"


class _ReplicationPadNd(_PadNd):
    _mode = "replicate"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input):
        dims = len(self.padding) // 2
        if input.dim() not in (dims + 1, dims + 2):
            raise ValueError(f"expected {dims + 1}D or {dims + 2}D input (got {input.dim()}D input)")
        return super().forward(input)


class ConstantPad1d(_ConstantPadNd):
    """Puts ``value`` around the last dimension, by a number or by 2 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ConstantPad1d(1, 0.5)(torch.ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    def __init__(self, padding, value) -> None:
        super().__init__()
        self._set(_pair, padding)
        self.value = value


class ConstantPad2d(_ConstantPadNd):
    """Puts ``value`` around the last two dimensions, by a number or by 4 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ConstantPad2d(1, 0.5)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    def __init__(self, padding, value) -> None:
        super().__init__()
        self._set(_quadruple, padding)
        self.value = value


class ConstantPad3d(_ConstantPadNd):
    """Puts ``value`` around the last three dimensions, by a number or by 6 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ConstantPad3d(1, 0.5)(torch.ones(1, 1, 3, 3, 3)).shape
    torch.Size([1, 1, 5, 5, 5])
    """

    def __init__(self, padding, value) -> None:
        super().__init__()
        self._set(_sextuple, padding)
        self.value = value


class ZeroPad1d(ConstantPad1d):
    """Puts zeros around the last dimension, by a number or by 2 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ZeroPad1d(1)(torch.ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Puts zeros around the last two dimensions, by a number or by 4 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ZeroPad2d(1)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Puts zeros around the last three dimensions, by a number or by 6 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ZeroPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
    torch.Size([1, 1, 5, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ReflectionPad1d(_ReflectionPadNd):
    """Mirrors the values at the edges of the last dimension, by a number or by 2 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ReflectionPad1d(1)(torch.ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_pair, padding)


class ReflectionPad2d(_ReflectionPadNd):
    """Mirrors the values at the edges of the last two dimensions, by a number or by 4 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ReflectionPad2d(1)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_quadruple, padding)


class ReflectionPad3d(_ReflectionPadNd):
    """Mirrors the values at the edges of the last three dimensions, by a number or by 6 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ReflectionPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
    torch.Size([1, 1, 5, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_sextuple, padding)


class ReplicationPad1d(_ReplicationPadNd):
    """Repeats the edges of the last dimension, by a number or by 2 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ReplicationPad1d(1)(torch.ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_pair, padding)


class ReplicationPad2d(_ReplicationPadNd):
    """Repeats the edges of the last two dimensions, by a number or by 4 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ReplicationPad2d(1)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_quadruple, padding)


class ReplicationPad3d(_ReplicationPadNd):
    """Repeats the edges of the last three dimensions, by a number or by 6 numbers.

    >>> import jtorch as torch
    >>> torch.nn.ReplicationPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
    torch.Size([1, 1, 5, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_sextuple, padding)


class CircularPad1d(_CircularPadNd):
    """Wraps around the last dimension, by a number or by 2 numbers.

    >>> import jtorch as torch
    >>> torch.nn.CircularPad1d(1)(torch.ones(1, 1, 3)).shape
    torch.Size([1, 1, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_pair, padding)


class CircularPad2d(_CircularPadNd):
    """Wraps around the last two dimensions, by a number or by 4 numbers.

    >>> import jtorch as torch
    >>> torch.nn.CircularPad2d(1)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_quadruple, padding)


class CircularPad3d(_CircularPadNd):
    """Wraps around the last three dimensions, by a number or by 6 numbers.

    >>> import jtorch as torch
    >>> torch.nn.CircularPad3d(1)(torch.ones(1, 1, 3, 3, 3)).shape
    torch.Size([1, 1, 5, 5, 5])
    """

    def __init__(self, padding) -> None:
        super().__init__()
        self._set(_sextuple, padding)
