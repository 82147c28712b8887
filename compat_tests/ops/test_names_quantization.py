"""Quantization as training simulates it."""

import pytest

from compat_tests.harness.same import assert_same
from compat_tests.ops.agree import agree
from compat_tests.ops.told import calls, same

SETUP = """
x = torch.linspace(-2, 2, 9)
rows = torch.linspace(-2, 2, 8).reshape(2, 4)
scales, zeros = torch.tensor([0.1, 0.3]), torch.tensor([0, 1], dtype=torch.int32)
"""


@calls("""
    torch.fake_quantize_per_tensor_affine(x, 0.1, 2, -8, 7)
    torch.fake_quantize_per_tensor_affine(x.double(), 0.1, 2, -8, 7)
    torch.fake_quantize_per_tensor_affine(x.half(), 0.1, 2, -8, 7)
    torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.1), torch.tensor(0, dtype=torch.int32), -8, 7)
    torch.fake_quantize_per_tensor_affine(torch.tensor([float("nan"), float("inf"), -float("inf")]), 0.1, 2, -8, 7)
    torch.fake_quantize_per_tensor_affine(x, 0.1, 2, 8, 7)
    torch.fake_quantize_per_tensor_affine(x, 0.1, 20, -8, 7)
    torch.fake_quantize_per_tensor_affine(x.int(), 0.1, 2, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales, zeros, 0, -8, 7)
    torch.fake_quantize_per_channel_affine(rows.t(), scales, zeros, 1, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales, torch.tensor([0.0, 1.5]), 0, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales, zeros.long(), 0, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales, zeros, 1, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales, zeros + 100, 0, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales.double(), zeros, 0, -8, 7)
    torch.fake_quantize_per_channel_affine(rows, scales, zeros, 5, -8, 7)
    torch.choose_qparams_optimized(x, 9, 200, 0.16, 8)
    torch.dequantize(x.double())
    torch.dequantize(x) is x
    torch.dequantize([x])
""")
def test_call(call):
    same(call, SETUP)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("ratio", [0.16, 0.5])
def test_best_range(bits, ratio):
    def run(side):
        side.manual_seed(bits)
        return side.choose_qparams_optimized(side.randn(50), 50, 200, ratio, bits)

    assert_same(run)


def test_gradient_is_passed_within_the_grid():
    def run(side):
        x = side.linspace(-2, 2, 9).requires_grad_()
        rows = side.linspace(-2, 2, 8).reshape(2, 4).requires_grad_()
        zeros = side.tensor([0, 1], dtype=side.int32)
        first = side.fake_quantize_per_tensor_affine(x, 0.1, 2, -8, 7)
        second = side.fake_quantize_per_channel_affine(rows, side.tensor([0.1, 0.3]), zeros, 0, -8, 7)
        names = [type(out.grad_fn).__name__ for out in (first, second)]
        return names, side.autograd.grad((first * 3).sum() + second.sum(), (x, rows))

    agree(run)


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_observer_learns_and_rounds(per_row, symmetric):
    def run(side):
        n = 3 if per_row else 1
        low, high = side.full((n,), float("inf")), side.full((n,), -float("inf"))
        scale, zero = side.ones(n), side.zeros(n, dtype=side.int32)
        ends = (-8, 7) if symmetric else (0, 15)
        found = []
        for step in range(3):
            side.manual_seed(step)
            x = side.randn(3, 4).requires_grad_()
            on = side.tensor([int(step < 2)])
            rest = (low, high, scale, zero, 0.1, *ends, 0, per_row, symmetric)
            out = side.fused_moving_avg_obs_fake_quant(x, on, on, *rest)
            found += [out, low.clone(), high.clone(), scale.clone(), zero.clone(), *side.autograd.grad(out.sum(), x)]
        return found

    agree(run)
