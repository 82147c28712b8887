"""The cross entropy of a linear layer of its own."""

from __future__ import annotations

import dataclasses
import math

from jtorch import _root as torch
from jtorch.nn import functional as F
from jtorch.nn.modules.linear import Linear
from jtorch.nn.modules.module import Module

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


@dataclasses.dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How torch cuts a batch to save memory; here nothing is cut, and the options change nothing."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str = "auto"
    acc_policy: str = "auto"
    acc_dtype: torch.dtype | None = None


class LinearCrossEntropyLoss(Module):
    """Cross entropy of ``linear(input)`` and class numbers or probabilities; ``out_features`` are dimensions beside
    that of the classes.

    >>> import jtorch as torch
    >>> loss = torch.nn.LinearCrossEntropyLoss(3, 4)
    >>> loss(torch.ones(2, 3), torch.tensor([0, 1])).shape
    torch.Size([])
    """

    def __init__(
        self, in_features, num_classes, *, out_features=(), bias=False, device=None, dtype=None, reduction="mean",
        weight=None, ignore_index=None, label_smoothing=0.0, options=None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_features = in_features
        self.num_classes = num_classes
        self.out_features = out_features
        self.bias = bias
        self.reduction = reduction
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options
        self.register_buffer("weight", weight)
        self.linear = Linear(in_features, num_classes * math.prod(out_features), bias, device=device, dtype=dtype)

    def forward(self, input, target):
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self):
        names = "in_features num_classes out_features bias reduction ignore_index label_smoothing options".split()
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)
