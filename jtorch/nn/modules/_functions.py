"""Functions of modules with gradients of their own."""

from __future__ import annotations

from typing import Any

from jtorch import _root as torch
from jtorch._types import autograd_errors, errors
from jtorch.autograd import Function
from jtorch.nn import functional as F


def _sums(x: torch.Tensor, before: int, after: int) -> torch.Tensor:
    """Sums over each channel, so many before it and so many after it."""
    return F.pad(x, (0, 0, 0, 0, before, after)).unfold(1, before + 1 + after, 1).sum(-1)


class CrossMapLRN2d(Function):
    """The function of `torch.nn.CrossMapLRN2d`."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, size: int, alpha: float, beta: float, k: float) -> torch.Tensor:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        rate = alpha / size
        if not (input.is_floating_point() or input.is_complex()):
            raise errors.cast("Float", input.dtype.type_name)
        reach = min((size + 1) // 2, input.size(1)) - 1
        squares = input.pow(2)
        near = _sums(squares, reach, reach)
        # torch's running sum never loses the first channel.
        far = torch.arange(input.size(1), device=input.device) > reach
        near = near + squares[:, :1] * far.view(-1, 1, 1)
        scale = k + rate * near
        output = input * scale.pow(-beta)
        ctx.size, ctx.rate, ctx.beta = size, rate, beta
        ctx.save_for_backward(input, output, scale)
        return output

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple:
        """torch's gradient, which is not the derivative: a channel gathers from `size` results, one more from those
        before it than from those after it, or two more for an odd `size`."""
        (grad,), (input, output, scale) = grads, ctx.saved_tensors
        if torch.is_grad_enabled():
            raise autograd_errors.out_requires_grad("mul")
        before = (ctx.size + 1) // 2
        after = ctx.size - 1 - before
        if after < 0:
            channels = input.size(1)
            raise errors.narrow_too_long(before, channels, channels)
        gathered = _sums(grad * output / scale, before, after)
        found = grad * scale.pow(-ctx.beta) - 2 * ctx.rate * ctx.beta * input * gathered
        return found, None, None, None, None
