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
    "powers": lambda t, x: [t.abs(x(300)) ** 0.8, 1.7 ** x(300), t.abs(x(300)) ** x(300),
                                *(x(300) ** n for n in (2, 3, 4, -1, -2, -3, 9)), t.abs(x(300)) ** 0.5],
    "logit": lambda t, x: [t.logit(t.sigmoid(x(500)), eps) for eps in (None, 0.2, 0.0)],
    "log_softmax": lambda t, x: [t.log_softmax(x(40, n), dim) for n in (5, 16, 40) for dim in (0, 1)],
    "losses": lambda t, x: [
        t.nn.functional.mse_loss(x(90), x(90), reduction="none"), t.nn.functional.mse_loss(x(90), x(90)),
        t.nn.functional.hinge_embedding_loss(x(90), t.sign(x(90)), 1.3, reduction="none"),
        t.nn.functional.hinge_embedding_loss(x(90), t.sign(x(90)), 8.396, reduction="sum"),
        t.nn.functional.soft_margin_loss(x(90), x(90).detach(), reduction="none"),
        t.nn.functional.binary_cross_entropy_with_logits(x(90), t.sigmoid(x(90)), reduction="none"),
        t.nn.functional.binary_cross_entropy_with_logits(
            x(9, 5), t.sigmoid(x(9, 5)), x(5).detach(), pos_weight=x(5).detach()),
        *(t.nn.functional.multilabel_soft_margin_loss(x(40, n), t.sigmoid(x(40, n)), x(n), reduction="none")
          for n in (5, 10))],
    "poisson_nll_loss": lambda t, x: [
        t.nn.functional.poisson_nll_loss(t.abs(x(90)), t.abs(x(90)) * 4, log_input, full, eps=1e-3, reduction="none")
        for log_input in (True, False) for full in (True, False)],
    "distances": lambda t, x: [
        *(t.nn.functional.triplet_margin_loss(x(50, 10), x(50, 10), x(50, 10), 0.3, swap=swap, reduction="none")
          for swap in (True, False)),
        t.nn.functional.triplet_margin_with_distance_loss(x(50, 10), x(50, 10), x(50, 10), reduction="none"),
        t.nn.functional.pairwise_distance(x(50, 10), x(50, 10)),
        t.cosine_similarity(x(50, 10), x(50, 10)), t.cosine_similarity(x(50, 10), x(50, 10), eps=3.3),
        t.cosine_similarity(x()[()], x()[()], 0)],
    "response norm": lambda t, x: t.nn.functional.local_response_norm(x(3, 6, 7), 3, alpha=0.7, beta=0.8, k=1.3),
    "layer norm": lambda t, x: [
        *t.native_layer_norm(x(9, 33), (33,), x(33), x(33), 0.5),
        *t.native_layer_norm(x(9, 33), (33,), None, x(33), 0.5),
        t.native_layer_norm(x(9, 33), (33,), x(33).float(), None, 0.5)[0]],
    "instance norm": lambda t, x: [
        t.nn.functional.instance_norm(x(5, 4, n), x(4), t.abs(x(4)), weight, bias, stats, 0.3, 0.6)
        for n in (5, 14, 40) for weight, bias in ((x(4), x(4)), (None, None)) for stats in (True, False)],
    "adaptive pools": lambda t, x: [
        t.nn.functional.adaptive_avg_pool3d(x(2, 8, 8, 6), size) for size in ((5, 7, 4), (2, None, 3), 1)],
    "grid_sample": lambda t, x: [
        t.nn.functional.grid_sample(x(2, 3, *[7, 9, 5][:n]), t.tanh(x(2, *[6] * n, n)) * 1.5, mode, padding, corners)
        for n, mode in ((2, "bilinear"), (2, "nearest"), (2, "bicubic"), (3, "bilinear"), (3, "nearest"))
        for padding in ("zeros", "border", "reflection") for corners in (True, False)],
    "transposed convolution": lambda t, x: [
        t.nn.functional.conv_transpose1d(x(2, 4, 8), x(4, 3, 3), x(3), stride=2, padding=1, output_padding=1),
        t.nn.functional.conv_transpose2d(x(2, 4, 5, 6), x(4, 3, 3, 2), dilation=2, groups=2),
        t.nn.functional.conv_transpose2d(x(4, 5, 6), x(4, 3, 4, 5), x(6), (3, 2), (1, 2), (2, 3), 2, 4),
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
@pytest.mark.parametrize("name", ["adaptive pools", "layer norm", "losses", "log_softmax"])
def test_gradients_are_those_of_float32_but_for_rounding(name, dtype):
    def gradients(kind):
        torch_draw, leaves = drawn(jtorch, dtype), []

        def draw(*shape):
            leaves.append(torch_draw(*shape).to(getattr(jtorch, kind)).requires_grad_())
            return leaves[-1]

        found = CALLS[name](jtorch, draw)
        sum(one.float().sum() for one in found if one.requires_grad).backward()
        return [x.grad.float().numpy() for x in leaves if x.grad is not None]

    got, expected = gradients(dtype), gradients("float32")
    assert len(got) == len(expected) > 0
    for one, other in zip(got, expected, strict=True):
        typical = np.median(np.abs(one - other)) / (np.abs(other).mean() + 1e-3)
        assert typical < (0.03 if dtype == "bfloat16" else 0.004)


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
