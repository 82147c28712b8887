"""Activations: one value in, one value out, and softmax.

https://docs.pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions
Where a function has a kink its `where` is written so that JAX's gradient there is torch's.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from jtorch._declare import Array, Dim, DType, Operand, Scalar, composite, op, pointwise, reduction, write_back
from jtorch._declare.draws import Generator, rrelu_slopes
from jtorch._declare.once import warn
from jtorch._ops import elementary
from jtorch._ops.pointwise import no_bool_difference
from jtorch._ops.refusals import BOOL, COMPLEX, INT, first, floats_only, no_kernel, without_kernel
from jtorch.nn.functional import _rows
from jtorch.nn.functional._common import require_floating, type_name, wide, with_inplace

private = {"function": False, "method": False, "inplace": False, "out": False}


def _refuse(input: Any, bools: str) -> None:
    """Types that clipping does not take; `bools` is the sentence for booleans."""
    if input.dtype == bool:
        raise RuntimeError(bools)
    if jnp.iscomplexobj(input):
        raise NotImplementedError("clamp is not supported for complex types")


@pointwise(namespace="torch", name="relu", out=False, saves_result=True)
def relu_op(input: Operand) -> Array:
    """The positive part; the gradient at 0 is 0.

    >>> import jtorch as torch
    >>> torch.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    _refuse(input, "Boolean inputs not supported for relu")
    return jnp.where(input <= 0, jnp.zeros_like(input), input)


def _clip(input: Any, low: Any, high: Any) -> Any:
    """Between two bounds, with gradient 0 at and beyond them; NaN stays."""
    return jnp.where(input >= high, high, jnp.where(input <= low, low, input)).astype(input.dtype)


@pointwise(**private, grad="HardtanhBackward0", saves="input")
def hardtanh_op(input: Operand, min_val: Scalar = -1.0, max_val: Scalar = 1.0) -> Array:
    """Clips to [min_val, max_val]; the gradient at and beyond the bounds is 0."""
    _refuse(input, "Bool inputs not supported for hardtanh")
    return _clip(input, min_val, max_val)


@pointwise(**private, grad="HardtanhBackward0", saves="input")
def relu6_op(input: Operand) -> Array:
    """Clips to [0, 6]."""
    return hardtanh_op.body(input, 0, 6)


@pointwise(**private, grad="LeakyReluBackward0")
def leaky_relu_op(input: Operand, negative_slope: Scalar = 0.01) -> Array:
    """`input` where positive, else `negative_slope * input`."""
    require_floating(input, "leaky_relu_cpu")
    return jnp.where(input > 0, input, input * negative_slope)


def _elu(input: Any, alpha: Any, scale: Any, input_scale: Any) -> Any:
    require_floating(input, "elu_cpu")
    below = jnp.where(input > 0, jnp.zeros_like(input), input)  # keeps the exponential finite where it is not used
    return jnp.where(input > 0, scale * input, alpha * scale * jnp.expm1(below * input_scale))


@pointwise(**private, grad="EluBackward0", saves="input")
def elu_op(input: Operand, alpha: Scalar = 1.0) -> Array:
    """`input` where positive, else `alpha * (exp(input) - 1)`. Clevert et al., 2016."""
    return _elu(input, alpha, 1, 1)


@pointwise(namespace="torch", name="celu", method=False, inplace=False, out=False, grad="CeluBackward0",
    saves="input")  # fmt: skip
def celu_op(input: Operand, alpha: Scalar = 1.0) -> Array:
    """`input` where positive, else `alpha * (exp(input / alpha) - 1)`. Barron, 2017."""
    return _elu(input, alpha, 1, 1 / alpha)


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@pointwise(namespace="torch", name="selu", method=False, inplace=False, out=False, grad="EluBackward0", saves="input")
def selu_op(input: Operand) -> Array:
    """The exponential linear unit that keeps mean 0 and variance 1. Klambauer et al., 2017."""
    return _elu(input, SELU_ALPHA, SELU_SCALE, 1)


@pointwise(**private, grad="SiluBackward0", real_gradient="silu")
def silu_op(input: Operand) -> Array:
    """`input * sigmoid(input)`."""
    require_floating(input, "silu_cpu", complex_too=True)
    return input * jax.nn.sigmoid(input)


@pointwise(**private, grad="MishBackward0")
def mish_op(input: Operand) -> Array:
    """`input * tanh(softplus(input))`. Misra, 2019."""
    require_floating(input, "mish_cpu")
    return input * jnp.tanh(jnp.logaddexp(input, 0))


@pointwise(**private, grad="HardswishBackward0")
def hardswish_op(input: Operand) -> Array:
    """`input * clip(input + 3, 0, 6) / 6`."""
    require_floating(input, "hardswish_cpu")
    return input * _clip(input + 3, 0, 6) / 6


@pointwise(**private, grad="HardsigmoidBackward0", saves="input")
def hardsigmoid_op(input: Operand) -> Array:
    """`clip(input + 3, 0, 6) / 6`."""
    require_floating(input, "hardsigmoid_cpu")
    return _clip(input + 3, 0, 6) / 6


@pointwise(namespace="torch", name="threshold", method=False, inplace=False,
           refuse=first(no_kernel("threshold_cpu", BOOL, COMPLEX)))  # fmt: skip
def threshold_op(input: Operand, threshold: Scalar, value: Scalar) -> Array:
    """`input` where it is above `threshold`, else `value`."""
    return jnp.where(input <= threshold, value, input)


relu = with_inplace(relu_op, "relu", twin=True)
relu6 = with_inplace(relu6_op, "relu6")


@composite(method=False)
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """Clips to [min_val, max_val]; the gradient at and beyond the bounds is 0."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    result = hardtanh_op(input, min_val, max_val)
    return write_back("hardtanh_", input, result) if inplace else result


@composite(method=False)
def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """In-place version of `hardtanh`."""
    return hardtanh(input, min_val, max_val, inplace=True)


leaky_relu = with_inplace(leaky_relu_op, "leaky_relu", twin=True)
elu = with_inplace(elu_op, "elu", twin=True)
celu = with_inplace(celu_op, "celu", twin=True, of_torch=True)
selu = with_inplace(selu_op, "selu", twin=True, of_torch=True)
silu = with_inplace(silu_op, "silu")
mish = with_inplace(mish_op, "mish")
hardswish = with_inplace(hardswish_op, "hardswish")
hardsigmoid = with_inplace(hardsigmoid_op, "hardsigmoid")
threshold = with_inplace(threshold_op, "threshold", twin=True, of_torch=True)


@pointwise(method=False, inplace=False)
def gelu(input: Operand, *, approximate: str = "none") -> Array:
    """`input` times the normal distribution function of it; "tanh" takes its usual approximation.

    >>> import jtorch as torch
    >>> torch.nn.functional.gelu(torch.tensor([1.0]))
    tensor([0.8413])
    """
    require_floating(input, "GeluKernelImpl")
    if approximate == "none":
        return input * 0.5 * (1 + jax.lax.erf(input * math.sqrt(0.5)))
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input * input * input)
        return 0.5 * input * (1 + jnp.tanh(inner))
    raise RuntimeError("approximate argument must be either none or tanh.")


@composite(method=False)
def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return elementary.tanh(input)


@composite(method=False)
def sigmoid(input: Any) -> Any:
    """`1 / (1 + exp(-input))`."""
    return elementary.sigmoid(input)


@pointwise(method=False, inplace=False, saves="input")
def softplus(input: Operand, beta: Scalar = 1, threshold: Scalar = 20) -> Array:
    """`log(1 + exp(beta * input)) / beta`, and `input` itself where `beta * input` is above `threshold`."""
    require_floating(input, "softplus_cpu")
    scaled = input * beta
    above = scaled > threshold
    return jnp.where(above, input, jnp.log1p(jnp.exp(jnp.where(above, 0, scaled))) / beta)


@pointwise(method=False, inplace=False, grad="LogSigmoidBackward0")
def logsigmoid(input: Operand) -> Array:
    """The logarithm of the sigmoid, without overflow."""
    require_floating(input, "log_sigmoid_cpu")
    return -jnp.logaddexp(-input, 0)


@pointwise(method=False, inplace=False, out=False, kind="float", grad="DivBackward0",
           refuse=no_kernel("abs_cpu", BOOL))  # fmt: skip
def softsign(input: Operand) -> Array:
    """`input / (1 + |input|)`."""
    return input / (1 + jnp.abs(input))


@pointwise(method=False, inplace=False, out=False, kind="float", steps=True, grad="SubBackward0",
           refuse=no_bool_difference, saves="")  # fmt: skip
def tanhshrink(input: Operand) -> Array:
    """`input - tanh(input)`."""
    return input - jnp.tanh(input)


@pointwise(namespace="torch", inplace=False, alias=("nn.functional.hardshrink",))
def hardshrink(input: Operand, lambd: Scalar = 0.5) -> Array:
    """0 where `|input| <= lambd`, else `input`."""
    require_floating(input, "hardshrink_cpu")
    return jnp.where((input >= -lambd) & (input <= lambd), 0, input)


@pointwise(method=False, inplace=False)
def softshrink(input: Operand, lambd: float = 0.5) -> Array:
    """`input` moved by `lambd` towards 0, and 0 within `lambd` of it."""
    require_floating(input, "softshrink_check")
    if not 0 <= lambd <= float(jnp.finfo(input.dtype).max):
        raise RuntimeError(
            f"lambda must be in range [0, {float(jnp.finfo(input.dtype).max):g}] for input dtype {type_name(input)}, "
            f"but found {lambd:g}"
        )
    inside = (input >= -lambd) & (input <= lambd)
    return jnp.where(inside, jnp.zeros_like(input), jnp.where(input < 0, input + lambd, input - lambd))


@op(namespace="torch", alias=("nn.functional.prelu",), grad="PreluKernelBackward0", order="pointwise",
    refuse=floats_only("prelu_cpu"))  # fmt: skip
def prelu(input: Array, weight: Array) -> Array:
    """`input` where positive, else `weight * input`; one weight, or one for each channel (dim 1). He et al., 2015."""
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {type_name(input)} and {type_name(weight)}")
    if weight.size > 1 and input.ndim == 0:
        raise RuntimeError("Not allow zero-dim input tensor.")
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.size not in (1, channels):
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {weight.size} and channel size = {channels}."
        )
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    slope = wide(weight).reshape(-1, *[1] * max(input.ndim - 2, 0)) if weight.size > 1 else wide(weight).reshape(())
    return jnp.where(input > 0, input, (slope * wide(input)).astype(input.dtype))


@op(method=False, upcast=True, order="pointwise")
def glu(input: Array, dim: Dim = -1) -> Array:
    """The first half along `dim` times the sigmoid of the second. Dauphin et al., 2017."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    require_floating(input, "glu_cpu")
    first, second = jnp.split(input, 2, dim)
    return first * jax.nn.sigmoid(second)


@op(function=False, method=False, grad="RreluWithNoiseBackward0")
def rrelu_with_slopes(input: Array, slopes: Array) -> Array:
    return jnp.where(input > 0, input, (wide(input) * slopes).astype(input.dtype))


@composite(namespace="torch", method=False, public="rrelu")
def rrelu_drawn(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Generator | None = None
) -> Any:
    """Leaky ReLU with the slope (lower + upper) / 2, or in training a slope drawn for each negative element.

    torch draws for the negative elements only, so in training the input's values are needed at once.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return leaky_relu_op(input, (lower + upper) / 2)
    without_kernel("rrelu_with_noise_out_cpu", input.dtype, BOOL, INT, COMPLEX, "float16")
    return rrelu_with_slopes(input, rrelu_slopes(input, lower, upper, generator))


@composite(method=False)
def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Any:
    """Leaky ReLU with a random slope in training. Xu et al., 2015."""
    result = rrelu_drawn(input, lower, upper, training)
    return write_back("rrelu_", input, result) if inplace else result


@composite(method=False, alias=("nn.functional.rrelu_",), namespace="torch")
def rrelu_(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Generator | None = None
) -> Any:
    """In-place version of `rrelu`."""
    return write_back("rrelu_", input, rrelu_drawn(input, lower, upper, training, generator))


def softmax_input(input: Any, dim: int, name: str) -> Any:
    """The operand of a softmax, whose kernel is another one along the last dimension, and none where it is empty."""
    if input.size:
        last = "_lastdim" if dim in (-1, input.ndim - 1) or not input.ndim else ""
        require_floating(input, f"{name}{last}_kernel_impl")
    elif input.dtype == bool:  # which the formulas do not take
        input = input.astype(jnp.uint8)
    return input.reshape(1) if input.ndim == 0 else input


def _is_last(x: Array, dim: int) -> bool:
    return not jnp.iscomplexobj(x) and dim in (-1, x.ndim - 1)


@reduction(namespace="torch", name="softmax", grad="SoftmaxBackward0", saves_result=True,
           real_gradient="_softmax")  # fmt: skip
def softmax_op(input: Array, dim: Dim, dtype: DType = None) -> Array:
    """Exponentials of `input` that sum to one along `dim`.

    >>> import jtorch as torch
    >>> torch.softmax(torch.tensor([0.0, 0.0]), 0)
    tensor([0.5000, 0.5000])
    """
    x = softmax_input(input, dim, "softmax")
    return (_rows.row_softmax(x) if _is_last(x, dim) else jax.nn.softmax(x, dim)).reshape(input.shape)


@reduction(namespace="torch", name="log_softmax", steps=True, grad="LogSoftmaxBackward0", saves_result=True,
           real_gradient="_log_softmax")  # fmt: skip
def log_softmax_op(input: Array, dim: Dim, dtype: DType = None) -> Array:
    """The logarithm of `softmax`, without overflow."""
    x = softmax_input(input, dim, "log_softmax")
    found = _rows.row_log_softmax(x) if _is_last(x, dim) else jax.nn.log_softmax(wide(x), dim).astype(x.dtype)
    return found.reshape(input.shape)


def _default_dim(name: str, rank: int) -> int:
    warn(f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.")
    return 0 if rank in (0, 1, 3) else 1


@composite(method=False)
def softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Exponentials of `input` that sum to one along `dim`; computed in `dtype` if given."""
    return softmax_op(input, _default_dim("softmax", input.ndim) if dim is None else dim, dtype)


@composite(method=False)
def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """The softmax of `-input`."""
    return softmax_op(-input, _default_dim("softmin", input.ndim) if dim is None else dim, dtype)


@composite(method=False)
def log_softmax(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """The logarithm of `softmax`, without overflow."""
    return log_softmax_op(input, _default_dim("log_softmax", input.ndim) if dim is None else dim, dtype)
