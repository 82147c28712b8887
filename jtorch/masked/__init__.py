"""torch.masked: reductions, running sums and softmax over the elements a boolean mask keeps.

https://docs.pytorch.org/docs/stable/masked.html
"""

from jtorch.masked import _ops as _ops
from jtorch.masked._ops import amax as amax
from jtorch.masked._ops import amin as amin
from jtorch.masked._ops import argmax as argmax
from jtorch.masked._ops import argmin as argmin
from jtorch.masked._ops import cumprod as cumprod
from jtorch.masked._ops import cumsum as cumsum
from jtorch.masked._ops import log_softmax as log_softmax
from jtorch.masked._ops import logaddexp as logaddexp
from jtorch.masked._ops import logsumexp as logsumexp
from jtorch.masked._ops import mean as mean
from jtorch.masked._ops import median as median
from jtorch.masked._ops import norm as norm
from jtorch.masked._ops import normalize as normalize
from jtorch.masked._ops import prod as prod
from jtorch.masked._ops import softmax as softmax
from jtorch.masked._ops import softmin as softmin
from jtorch.masked._ops import std as std
from jtorch.masked._ops import sum as sum
from jtorch.masked._ops import var as var


def masked_tensor(data: object, mask: object, requires_grad: bool = False) -> None:
    """Not supported: keep data and mask apart and use the functions of `torch.masked`."""
    raise NotImplementedError(
        "torch.masked.masked_tensor is not supported: keep data and mask apart, and give torch.masked's functions mask="
    )


def as_masked_tensor(data: object, mask: object) -> None:
    """Not supported: keep data and mask apart and use the functions of `torch.masked`."""
    masked_tensor(data, mask)


def is_masked_tensor(obj: object, /) -> bool:
    """False: there are no masked tensors here.

    >>> import jtorch as torch
    >>> torch.masked.is_masked_tensor(torch.ones(2))
    False
    """
    return False


__all__ = [
    "amax", "amin", "argmax", "argmin", "as_masked_tensor", "cumprod", "cumsum", "is_masked_tensor", "log_softmax",
    "logaddexp", "logsumexp", "masked_tensor", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin",
    "std", "sum", "var",
]  # fmt: skip
