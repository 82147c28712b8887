"""Activations."""

from __future__ import annotations

from jtorch import _root as torch
from jtorch._types.user_frame import warn
from jtorch.nn import functional as F
from jtorch.nn import init
from jtorch.nn.modules.attention import MultiheadAttention
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = [
    "ReLU",
    "Hardtanh",
    "ReLU6",
    "Threshold",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ELU",
    "CELU",
    "SELU",
    "GELU",
    "SiLU",
    "Mish",
    "Hardswish",
    "Hardsigmoid",
    "Tanh",
    "Sigmoid",
    "LogSigmoid",
    "Softsign",
    "Tanhshrink",
    "Softplus",
    "Softshrink",
    "Hardshrink",
    "GLU",
    "Softmax",
    "LogSoftmax",
    "Softmin",
    "MultiheadAttention",
    "Softmax2d",
]


class _Inplace(Module):
    """An activation whose only setting is ``inplace``."""

    __constants__ = ["inplace"]

    def __init__(self, inplace=False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class _OverDim(Module):
    """An activation along one dimension."""

    __constants__ = ["dim"]

    def __init__(self, dim=None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state):
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def extra_repr(self):
        return f"dim={self.dim}"


def _with_inplace(text, inplace):
    return f"{text}, inplace=True" if inplace else text


class ReLU(_Inplace):
    """The larger of 0 and x.

    >>> import jtorch as torch
    >>> torch.nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input):
        return F.relu(input, self.inplace)


class Hardtanh(Module):
    """x cut off at ``min_val`` and ``max_val``.

    >>> import jtorch as torch
    >>> torch.nn.Hardtanh()(torch.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    __constants__ = ["min_val", "max_val", "inplace"]

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None) -> None:
        super().__init__()
        self.min_val = _renamed("min_value", min_value, "min_val", min_val)
        self.max_val = _renamed("max_value", max_value, "max_val", max_val)
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input):
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"min_val={self.min_val}, max_val={self.max_val}", self.inplace)


def _renamed(old_name, old, new_name, new):
    """The value of an argument that changed its name."""
    if old is None:
        return new
    warn(f"keyword argument `{old_name}` is deprecated and renamed to `{new_name}`", FutureWarning)
    return old


class ReLU6(Hardtanh):
    """x cut off at 0 and 6.

    >>> import jtorch as torch
    >>> torch.nn.ReLU6()(torch.tensor([-1.0, 8.0]))
    tensor([0., 6.])
    """

    def __init__(self, inplace=False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class Threshold(Module):
    """x where it is above ``threshold``, else ``value``.

    >>> import jtorch as torch
    >>> torch.nn.Threshold(1.0, 5.0)(torch.tensor([0.0, 2.0]))
    tensor([5., 2.])
    """

    __constants__ = ["threshold", "value", "inplace"]

    def __init__(self, threshold, value, inplace=False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input):
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"threshold={self.threshold}, value={self.value}", self.inplace)


class LeakyReLU(Module):
    """x where it is positive, else ``negative_slope * x``.

    >>> import jtorch as torch
    >>> torch.nn.LeakyReLU(0.5)(torch.tensor([-2.0, 2.0]))
    tensor([-1.,  2.])
    """

    __constants__ = ["inplace", "negative_slope"]

    def __init__(self, negative_slope=0.01, inplace=False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"negative_slope={self.negative_slope}", self.inplace)


class PReLU(Module):
    """x where it is positive, else ``weight * x`` with a learned weight, one or one per channel (He et al., 2015).

    >>> import jtorch as torch
    >>> torch.nn.PReLU()(torch.tensor([-4.0, 2.0])).tolist()
    [-1.0, 2.0]
    """

    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(torch.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets the first weight."""
        init.constant_(self.weight, self.init)

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """A leaky relu whose slope is drawn from [lower, upper] in training and their mean in evaluation.

    >>> import jtorch as torch
    >>> torch.nn.RReLU(0.5, 0.5)(torch.tensor([-2.0, 2.0]))
    tensor([-1.,  2.])
    """

    __constants__ = ["lower", "upper", "inplace"]

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"lower={self.lower}, upper={self.upper}", self.inplace)


class ELU(Module):
    """x where it is positive, else ``alpha * (exp(x) - 1)`` (Clevert et al., 2015).

    >>> import jtorch as torch
    >>> torch.nn.ELU()(torch.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha=1.0, inplace=False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input):
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"alpha={self.alpha}", self.inplace)


class CELU(Module):
    """x where it is positive, else ``alpha * (exp(x / alpha) - 1)`` (Barron, 2017).

    >>> import jtorch as torch
    >>> torch.nn.CELU()(torch.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """

    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha=1.0, inplace=False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input):
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"alpha={self.alpha}", self.inplace)


class SELU(_Inplace):
    """An ELU whose scale keeps mean 0 and variance 1 through the layers (Klambauer et al., 2017).

    >>> import jtorch as torch
    >>> torch.nn.SELU()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input):
        return F.selu(input, self.inplace)


class GELU(Module):
    """``x * Phi(x)``, Phi the normal distribution function, or close to it with "tanh" (Hendrycks and Gimpel, 2016).

    >>> import jtorch as torch
    >>> torch.nn.GELU()(torch.zeros(1))
    tensor([0.])
    """

    __constants__ = ["approximate"]

    def __init__(self, approximate="none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class SiLU(_Inplace):
    """``x * sigmoid(x)``.

    >>> import jtorch as torch
    >>> torch.nn.SiLU()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input):
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """``x * tanh(softplus(x))`` (Misra, 2019).

    >>> import jtorch as torch
    >>> torch.nn.Mish()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input):
        return F.mish(input, self.inplace)


class Hardswish(Module):
    """``x * relu6(x + 3) / 6`` (Howard et al., 2019).

    >>> import jtorch as torch
    >>> torch.nn.Hardswish()(torch.tensor([-3.0, 3.0])).tolist()
    [-0.0, 3.0]
    """

    __constants__ = ["inplace"]

    def __init__(self, inplace=False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return F.hardswish(input, self.inplace)


class Hardsigmoid(Module):
    """``relu6(x + 3) / 6``.

    >>> import jtorch as torch
    >>> torch.nn.Hardsigmoid()(torch.tensor([-3.0, 3.0])).tolist()
    [0.0, 1.0]
    """

    __constants__ = ["inplace"]

    def __init__(self, inplace=False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return F.hardsigmoid(input, self.inplace)


class Tanh(Module):
    """The hyperbolic tangent.

    >>> import jtorch as torch
    >>> torch.nn.Tanh()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input):
        return torch.tanh(input)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``.

    >>> import jtorch as torch
    >>> torch.nn.Sigmoid()(torch.zeros(1))
    tensor([0.5000])
    """

    def forward(self, input):
        return torch.sigmoid(input)


class LogSigmoid(Module):
    """The logarithm of the sigmoid.

    >>> import jtorch as torch
    >>> torch.nn.LogSigmoid()(torch.zeros(1))
    tensor([-0.6931])
    """

    def forward(self, input):
        return F.logsigmoid(input)


class Softsign(Module):
    """``x / (1 + |x|)``.

    >>> import jtorch as torch
    >>> torch.nn.Softsign()(torch.ones(1))
    tensor([0.5000])
    """

    def forward(self, input):
        return F.softsign(input)


class Tanhshrink(Module):
    """``x - tanh(x)``.

    >>> import jtorch as torch
    >>> torch.nn.Tanhshrink()(torch.zeros(1))
    tensor([0.])
    """

    def forward(self, input):
        return F.tanhshrink(input)


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``; x itself where ``beta * x > threshold``.

    >>> import jtorch as torch
    >>> torch.nn.Softplus()(torch.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    __constants__ = ["beta", "threshold"]

    def __init__(self, beta=1.0, threshold=20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input):
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f"beta={self.beta}, threshold={self.threshold}"


class Softshrink(Module):
    """x moved by ``lambd`` towards 0; 0 within it.

    >>> import jtorch as torch
    >>> torch.nn.Softshrink(1.0)(torch.tensor([0.5, 2.0]))
    tensor([0., 1.])
    """

    __constants__ = ["lambd"]

    def __init__(self, lambd=0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return F.softshrink(input, self.lambd)

    def extra_repr(self):
        return str(self.lambd)


class Hardshrink(Module):
    """x outside of [-lambd, lambd], else 0.

    >>> import jtorch as torch
    >>> torch.nn.Hardshrink(1.0)(torch.tensor([0.5, 2.0]))
    tensor([0., 2.])
    """

    __constants__ = ["lambd"]

    def __init__(self, lambd=0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input):
        return F.hardshrink(input, self.lambd)

    def extra_repr(self):
        return str(self.lambd)


class GLU(Module):
    """The first half along ``dim`` times the sigmoid of the second (Dauphin et al., 2016).

    >>> import jtorch as torch
    >>> torch.nn.GLU()(torch.tensor([2.0, 0.0]))
    tensor([1.])
    """

    __constants__ = ["dim"]

    def __init__(self, dim=-1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(_OverDim):
    """Exponentials along ``dim``, scaled to sum to 1.

    >>> import jtorch as torch
    >>> torch.nn.Softmax(dim=0)(torch.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def forward(self, input):
        return F.softmax(input, self.dim)


class LogSoftmax(_OverDim):
    """The logarithm of softmax along ``dim``.

    >>> import jtorch as torch
    >>> torch.nn.LogSoftmax(dim=0)(torch.zeros(2))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, input):
        return F.log_softmax(input, self.dim)


class Softmin(_OverDim):
    """Softmax of ``-x`` along ``dim``.

    >>> import jtorch as torch
    >>> torch.nn.Softmin(dim=0)(torch.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def forward(self, input):
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W).

    >>> import jtorch as torch
    >>> torch.nn.Softmax2d()(torch.zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input):
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)
