"""Layers that drop values in training."""

from __future__ import annotations

from jtorch._types.cures import cured
from jtorch.nn import functional as F
from jtorch.nn.modules.module import Module

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    __constants__ = ["p", "inplace"]

    def __init__(self, p=0.5, inplace=False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise cured(
                ValueError(f"dropout probability has to be between 0 and 1, but got {p}"),
                "p is the share that is dropped: 0.5 for 50 %",
            )
        self.p = p
        self.inplace = inplace

    def extra_repr(self):
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training sets each value to zero with probability ``p`` and divides the rest by ``1 - p``.

    >>> import jtorch as torch
    >>> torch.nn.Dropout(0.0)(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input):
        return F.dropout(input, self.p, self.training, self.inplace)  # pyright: ignore[reportCallIssue]  # not the file


class Dropout1d(_DropoutNd):
    """Drops whole channels of (N, C, L) or (C, L) in training.

    >>> import jtorch as torch
    >>> torch.nn.Dropout1d()(torch.ones(1, 3, 4)).shape
    torch.Size([1, 3, 4])
    """

    def forward(self, input):
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Drops whole channels of (N, C, H, W) in training.

    >>> import jtorch as torch
    >>> torch.nn.Dropout2d()(torch.ones(1, 3, 4, 4)).shape
    torch.Size([1, 3, 4, 4])
    """

    def forward(self, input):
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Drops whole channels of (N, C, D, H, W) in training.

    >>> import jtorch as torch
    >>> torch.nn.Dropout3d()(torch.ones(1, 3, 2, 2, 2)).shape
    torch.Size([1, 3, 2, 2, 2])
    """

    def forward(self, input):
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance of what SELU gives (Klambauer et al., 2017).

    >>> import jtorch as torch
    >>> torch.nn.AlphaDropout().eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input):
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_DropoutNd):
    """:class:`AlphaDropout` of whole channels.

    >>> import jtorch as torch
    >>> torch.nn.FeatureAlphaDropout().eval()(torch.ones(1, 2, 3)).shape
    torch.Size([1, 2, 3])
    """

    def forward(self, input):
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
