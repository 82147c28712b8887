"""Convolutions and transposed convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable

from jtorch import _root as torch
from jtorch.nn import functional as F
from jtorch.nn import init
from jtorch.nn.modules.lazy import LazyModuleMixin
from jtorch.nn.modules.linear import bias_bounds
from jtorch.nn.modules.module import Module
from jtorch.nn.modules.utils import _pair, _reverse_repeat_tuple, _single, _triple
from jtorch.nn.parameter import Parameter, UninitializedParameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _check_channels(in_channels, out_channels, groups):
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups != 0:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups != 0:
        raise ValueError("out_channels must be divisible by groups")


def _check_padding(padding, stride, padding_mode):
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of { {'same', 'valid'} }")
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{padding_mode}'")


def _explicit_padding(padding, kernel_size, dilation):
    """The padding at both ends of each dimension, the last one first: what F.pad takes."""
    if padding == "valid":
        return [0] * (2 * len(kernel_size))
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, kernel_size, strict=False)]
        return [side for total in reversed(totals) for side in (total // 2, total - total // 2)]
    return _reverse_repeat_tuple(padding, 2)


class _ConvNd(Module):
    __constants__ = [
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "output_padding",
        "in_channels",
        "out_channels",
        "kernel_size",
    ]

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        _check_channels(in_channels, out_channels, groups)
        _check_padding(padding, stride, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = _explicit_padding(padding, kernel_size, dilation)
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(torch.empty((first, second // groups, *kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(torch.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the first values anew, uniform within ``1 / sqrt(fan_in)``."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        # A convolution without input channels has no fan_in, and torch leaves its bias as it is.
        if self.bias is not None and init._calculate_fan_in_and_fan_out(self.weight)[0] != 0:
            init.uniform_(self.bias, *bias_bounds(self.weight))

    def extra_repr(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zero, one = (0,) * len(self.kernel_size), (1,) * len(self.kernel_size)
        if self.padding != (0,) * len(self.padding):
            text += f", padding={self.padding}"
        if self.dilation != one[: len(self.dilation)]:
            text += f", dilation={self.dilation}"
        if self.output_padding != zero[: len(self.output_padding)]:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text

    def _padded(self, input):
        """Input and padding for the convolution: any padding but zeros is put on beforehand."""
        if self.padding_mode == "zeros":
            return input, self.padding
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return padded, (0,) * len(self.kernel_size)


class _Conv(_ConvNd):
    """The arguments users give; ``_tuple`` makes tuples of the right length out of numbers."""

    _tuple: Callable[..., tuple]

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            self._tuple(kernel_size),
            self._tuple(stride),
            padding if isinstance(padding, str) else self._tuple(padding),
            self._tuple(dilation),
            False,
            self._tuple(0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )


class Conv1d(_Conv):
    """Cross-correlation over one dimension: from (N, C, L) or (C, L) to ``out_channels`` channels.

    ``padding`` is a number, a tuple, ``"valid"`` or ``"same"``; ``weight`` is (out, in / groups, kernel).

    >>> import jtorch as torch
    >>> torch.nn.Conv1d(2, 4, 3)(torch.ones(1, 2, 10)).shape
    torch.Size([1, 4, 8])
    """

    _tuple = staticmethod(_single)

    def forward(self, input):
        input, padding = self._padded(input)
        return F.conv1d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Cross-correlation over two dimensions: from (N, C, H, W) or (C, H, W) to ``out_channels`` channels.

    ``padding`` is a number, a tuple, ``"valid"`` or ``"same"``; ``weight`` is (out, in / groups, *kernel).

    >>> import jtorch as torch
    >>> torch.nn.Conv2d(3, 8, 3, padding=1)(torch.ones(2, 3, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    _tuple = staticmethod(_pair)

    def forward(self, input):
        input, padding = self._padded(input)
        return F.conv2d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """Cross-correlation over three dimensions: from (N, C, D, H, W) or (C, D, H, W) to ``out_channels`` channels.

    ``padding`` is a number, a tuple, ``"valid"`` or ``"same"``; ``weight`` is (out, in / groups, *kernel).

    >>> import jtorch as torch
    >>> torch.nn.Conv3d(1, 2, 2)(torch.ones(1, 1, 4, 4, 4)).shape
    torch.Size([1, 2, 3, 3, 3])
    """

    _tuple = staticmethod(_triple)

    def forward(self, input):
        input, padding = self._padded(input)
        return F.conv3d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTransposeNd(_ConvNd):
    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            transposed,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding_for(self, input, output_size):
        """The output padding that makes the result ``output_size`` long; the attribute without one."""
        if output_size is None:
            return self.output_padding
        dims = len(self.kernel_size)
        spatial = input.dim() - dims
        if len(output_size) == spatial + dims:
            output_size = output_size[spatial:]
        if len(output_size) != dims:
            raise ValueError(
                f"ConvTranspose{dims}D: for {input.dim()}D input, output_size must have {dims} or {spatial + dims} "
                f"elements (got {len(output_size)})"
            )
        shortest = [
            (input.size(spatial + d) - 1) * self.stride[d]
            - 2 * self.padding[d]
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(dims)
        ]
        longest = [low + stride - 1 for low, stride in zip(shortest, self.stride, strict=True)]
        if not all(low <= size <= high for low, size, high in zip(shortest, output_size, longest, strict=True)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {shortest} to {longest} "
                f"(for an input of {input.size()[2:]})"
            )
        return [size - low for size, low in zip(output_size, shortest, strict=True)]


class _ConvTranspose(_ConvTransposeNd):
    """The arguments users give; ``_tuple`` makes tuples of the right length out of numbers."""

    _tuple: Callable[..., tuple]

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            self._tuple(kernel_size),
            self._tuple(stride),
            self._tuple(padding),
            self._tuple(dilation),
            True,
            self._tuple(output_padding),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )


class ConvTranspose1d(_ConvTranspose):
    """The transpose of :class:`Conv1d`: makes (N, C, L) longer; ``weight`` is (in, out / groups, kernel).

    >>> import jtorch as torch
    >>> torch.nn.ConvTranspose1d(2, 3, 4, stride=2)(torch.ones(1, 2, 5)).shape
    torch.Size([1, 3, 12])
    """

    _tuple = staticmethod(_single)

    def forward(self, input, output_size=None):
        extra = self._output_padding_for(input, output_size)
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """The transpose of :class:`Conv2d`: makes (N, C, H, W) larger; ``weight`` is (in, out / groups, *kernel).

    >>> import jtorch as torch
    >>> torch.nn.ConvTranspose2d(2, 3, 2, stride=2)(torch.ones(1, 2, 5, 5)).shape
    torch.Size([1, 3, 10, 10])
    """

    _tuple = staticmethod(_pair)

    def forward(self, input, output_size=None):
        extra = self._output_padding_for(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose3d(_ConvTranspose):
    """The transpose of :class:`Conv3d`; ``weight`` is (in, out / groups, *kernel).

    >>> import jtorch as torch
    >>> torch.nn.ConvTranspose3d(1, 1, 2, stride=2)(torch.ones(1, 1, 2, 2, 2)).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _tuple = staticmethod(_triple)

    def forward(self, input, output_size=None):
        extra = self._output_padding_for(input, output_size)
        return F.conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class _LazyConv(LazyModuleMixin):
    """Finds ``in_channels``; the class beside it says how many dimensions an image has."""

    def __init__(self, out_channels, kernel_size, *args, bias=True, device=None, dtype=None, **kwargs) -> None:
        super().__init__(0, 0, kernel_size, *args, bias=False, device=device, dtype=dtype, **kwargs)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input, *args, **kwargs) -> None:
        if not self.has_uninitialized_params():
            return
        self.in_channels = self._channels_of(input)
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        self.weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _channels_of(self, input):
        single = len(self.kernel_size) + 1
        if input.dim() not in (single, single + 1):
            raise RuntimeError(
                f"Expected {single}D (unbatched) or {single + 1}D (batched) input to {type(self).__name__}, but got "
                f"input of size: {input.shape}"
            )
        return input.shape[input.dim() - single]


class _LazyConvolution(_LazyConv):
    def __init__(
        self, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, padding_mode="zeros",
        device=None, dtype=None,
    ) -> None:  # fmt: skip
        given = {"padding_mode": padding_mode, "bias": bias, "device": device, "dtype": dtype}
        super().__init__(out_channels, kernel_size, stride, padding, dilation, groups, **given)


class _LazyTransposed(_LazyConv):
    def __init__(
        self, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True, dilation=1,
        padding_mode="zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        given = {"padding_mode": padding_mode, "bias": bias, "device": device, "dtype": dtype, "dilation": dilation}
        super().__init__(out_channels, kernel_size, stride, padding, output_padding, groups, **given)


class LazyConv1d(_LazyConvolution, Conv1d):
    """A :class:`Conv1d` that finds ``in_channels`` from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConvolution, Conv2d):
    """A :class:`Conv2d` that finds ``in_channels`` from its first input.

    >>> import jtorch as torch
    >>> torch.nn.LazyConv2d(4, 3)(torch.ones(1, 3, 5, 5)).shape
    torch.Size([1, 4, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConvolution, Conv3d):
    """A :class:`Conv3d` that finds ``in_channels`` from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A :class:`ConvTranspose1d` that finds ``in_channels`` from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A :class:`ConvTranspose2d` that finds ``in_channels`` from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A :class:`ConvTranspose3d` that finds ``in_channels`` from its first input."""

    cls_to_become = ConvTranspose3d
