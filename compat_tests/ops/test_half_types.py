"""Where torch's CPU kernels round to float16 and bfloat16: the same bits here.

Most kernels compute in float32 and round once. These do not: they take numbers in the half type, or are made of several
steps that each round.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare_bits

# Each takes a side (torch or jtorch) and a function that draws a tensor of a shape.
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "a number is rounded before a sum": lambda t, x: [x(9) + 0.3, x(9) - 0.3, 0.3 - x(9), x(9) + t.tensor(0.3)],
    "a number is not rounded before a product": lambda t, x: [x(9) * 0.3, x(9) / 0.3, 0.3 * x(9)],
    "alpha times other": lambda t, x: [
        t.add(x(3, 9), x(9), alpha=2.2), t.sub(x(3, 9), x(9), alpha=2.2), t.rsub(x(9), x(9), alpha=0.7)],
    "div trunc": lambda t, x: t.div(x(500), x(500), rounding_mode="trunc"),
    "div trunc by a number": lambda t, x: t.div(x(500), 0.7, rounding_mode="trunc"),
    "tanhshrink": lambda t, x: t.nn.functional.tanhshrink(x(500)),
    "ndtr": lambda t, x: t.special.ndtr(x(500)),
    "cross": lambda t, x: t.linalg.cross(x(50, 3), x(50, 3)),
    "histc": lambda t, x: [t.histc(x(200), bins, low, high) for bins, low, high in ((100, -3.3, 4.1), (7, -2, 2))],
    "addr": lambda t, x: [t.addr(x(7, 9), x(7), x(9), beta=beta, alpha=0.3) for beta in (0.6, 1, 0)],
    "addmm": lambda t, x: [t.addmm(x(7), x(5, 9), x(9, 7), beta=beta, alpha=0.3) for beta in (0.6, 1, 0)],
    "addmv": lambda t, x: [t.addmv(x(5), x(5, 9), x(9), beta=beta, alpha=0.3) for beta in (0.6, 1, 0)],
    "baddbmm": lambda t, x: [
        t.baddbmm(x(3, 5, 7), x(3, 5, 3), x(3, 3, 7), beta=b, alpha=a) for b, a in ((0.6, 1), (1, 0.3), (0, 0.3))],
    "addbmm": lambda t, x: [t.addbmm(x(5, 7), x(3, 5, 9), x(3, 9, 7), beta=b, alpha=0.3) for b in (0.6, 1, 0)],
    "bilinear": lambda t, x: [
        t.nn.functional.bilinear(x(4, 5), x(4, 6), x(3, 5, 6), bias) for bias in (x(3), None)],
    "resampling": lambda t, x: [
        t.nn.functional.interpolate(x(2, 3, *[5] * n), size=[7] * n, mode=mode, align_corners=corners)
        for mode, n in (("linear", 1), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2)) for corners in (True, False)],
    "batch norm": lambda t, x: [
        *t.native_batch_norm(x(5, 4, 7), x(4), x(4), None, None, True, 0.1, 1e-5),
        t.nn.functional.batch_norm(x(5, 4, 7), None, None, training=True),
        t.nn.functional.batch_norm(x(5, 4, 7), None, None, x(4).float(), x(4).float(), training=True)],
    "transposed convolution": lambda t, x: [
        t.nn.functional.conv_transpose1d(x(2, 4, 8), x(4, 3, 3), x(3), stride=2, padding=1, output_padding=1),
        t.nn.functional.conv_transpose2d(x(2, 4, 5, 6), x(4, 3, 3, 2), dilation=2, groups=2),
        t.nn.functional.conv_transpose3d(x(4, 3, 5, 4), x(4, 3, 3, 2, 2), x(3), stride=(1, 2, 1))],
    "the order of products": lambda t, x: [t.linalg.multi_dot([x(5, 6), x(6, 4), x(4, 3), x(3, 7)]),
                                           t.linalg.multi_dot([x(5, 6), x(6, 4), x(4, 3)])],
}  # fmt: skip


def drawn(side: Any, dtype: str) -> Callable[..., Any]:
    """Draws normal numbers, the same on either side."""
    draws = np.random.default_rng(3)

    def draw(*shape: int) -> Any:
        return side.tensor((draws.normal(size=shape) * 2).astype(np.float32)).to(getattr(side, dtype))

    return draw


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", CALLS)
def test_same_bits(name, dtype):
    expected = CALLS[name](torch, drawn(torch, dtype))
    compare_bits(CALLS[name](jtorch, drawn(jtorch, dtype)), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_gradient_over_a_broadcast_is_summed_in_float32(dtype):
    def gradient(side):
        bias = side.zeros(3, dtype=getattr(side, dtype), requires_grad=True)
        ones = side.ones(5001, 3, dtype=getattr(side, dtype))
        (ones + bias).backward(ones)
        return bias.grad

    compare_bits(gradient(jtorch), gradient(torch))


def test_bilinear_takes_one_type():
    kinds = (torch.float16, torch.float32, torch.float32)
    with pytest.raises(RuntimeError) as expected:
        torch.bilinear(*(torch.ones(s, dtype=d) for s, d in zip(((2, 3), (2, 4), (5, 3, 4)), kinds, strict=True)))
    mine = (jtorch.float16, jtorch.float32, jtorch.float32)
    with pytest.raises(RuntimeError) as got:
        jtorch.bilinear(*(jtorch.ones(s, dtype=d) for s, d in zip(((2, 3), (2, 4), (5, 3, 4)), mine, strict=True)))
    assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("options", [{}, {"align_corners": True}, {"antialias": True}])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_bytes_are_resampled_in_integers(mode, options, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (2, channels, 10, 20), dtype=np.uint8)

    def resampled(side):
        return side.nn.functional.interpolate(side.tensor(pixels), size=(5, 33), mode=mode, **options)

    compare_bits(resampled(jtorch), resampled(torch))
