"""Losses that compare an input with a target element by element.

https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions
Each takes `reduction`: "none", "mean" or "sum"; `size_average` and `reduce` are torch's older words for it.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from jtorch._declare import Array, Fault, Scalar, composite, cured, errors, op
from jtorch._declare.halves import once
from jtorch._declare.once import warn
from jtorch._declare.types import from_numpy
from jtorch._ops.pointwise import no_bool_difference
from jtorch._ops.refusals import BOOL, COMPLEX, INT, both, common, first, floats_only, kind_of, refused, without_kernel
from jtorch.nn.functional._common import (
    magnitude,
    reduced,
    reduction_of,
    require_floating,
    softplus,
    together,
    warn_of_flags,
)


def _warn_of_sizes(*, input: Any, target: Any, size_average: Any = None, reduce: Any = None, **_: Any) -> None:
    if input.shape != target.shape:
        warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
        )
    warn_of_flags(size_average=size_average, reduce=reduce)


def _warn_of_mean(*, size_average: Any, reduce: Any, reduction: str, **_: Any) -> None:
    if reduction == "mean" and size_average is None and reduce is None:
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release."
        )
    warn_of_flags(size_average=size_average, reduce=reduce)


def _weighted(loss: Array, weight: Array | None, reduction: str) -> Array:
    """Reduces a loss whose elements may carry weights, which the mean divides by."""
    if weight is None:
        return reduced(loss, reduction)
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return jnp.sum(loss) / jnp.sum(weight) if reduction == "mean" else reduced(loss, reduction)


@op(method=False, kind="default", steps=True, order="pointwise", warns=_warn_of_sizes)
def mse_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    weight: Array | None = None,
) -> Array:  # fmt: skip
    """The squared difference.

    >>> import jtorch as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    together(input, target)
    require_floating(input, "mse_cpu")
    return _weighted(jnp.square(input - target), weight, reduction_of(size_average, reduce, reduction))


@op(method=False, kind="complex_to_real", grad="MeanBackward0", order="pointwise", warns=_warn_of_sizes,
    refuse=no_bool_difference, saves="weight")  # fmt: skip
def l1_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    weight: Array | None = None,
) -> Array:  # fmt: skip
    """The absolute difference; its gradient at 0 is 0."""
    together(input, target)
    return _weighted(magnitude(input - target), weight, reduction_of(size_average, reduce, reduction))


def _huber(difference: Array, delta: Any) -> Array:
    """Half the square within `delta` of 0, beyond it a line that continues it."""
    size = jnp.sign(difference) * difference
    inside = size < delta
    near = jnp.where(inside, difference, 0)
    return jnp.where(inside, 0.5 * near * near, delta * (size - 0.5 * delta))


@op(method=False, upcast=True, order="pointwise", warns=_warn_of_sizes, refuse=floats_only("huber_cpu"))
def huber_loss(
    input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None
) -> Array:
    """Half the squared difference up to `delta`, linear beyond. Huber, 1964."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    together(input, target)
    return _weighted(_huber(input - target, delta), weight, reduction_of(None, None, reduction))


@op(method=False, upcast=True, grad="SmoothL1LossBackward0", order="pointwise", warns=_warn_of_sizes,
    refuse=floats_only("smooth_l1_cpu"))  # fmt: skip
def smooth_l1_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    beta: float = 1.0,
) -> Array:  # fmt: skip
    """The Huber loss divided by `beta`; the absolute difference when `beta` is 0."""
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    together(input, target)
    difference = input - target
    loss = jnp.sign(difference) * difference if beta == 0 else _huber(difference, beta) / beta
    return reduced(loss, reduction_of(size_average, reduce, reduction))


def _probability_sizes(input: Array, target: Array) -> None:
    if input.shape != target.shape:
        raise cured(
            ValueError(
                f"Using a target size (torch.Size({list(target.shape)})) that is different to the input size "
                f"(torch.Size({list(input.shape)})) is deprecated. Please ensure they have the same size."
            ),
            "prediction.squeeze(1), or target.unsqueeze(1): both must have one shape",
        )


@jax.custom_jvp
def _bce(x: Array, target: Array) -> Array:
    return -(target * jnp.maximum(jnp.log(x), -100) + (1 - target) * jnp.maximum(jnp.log1p(-x), -100))


# torch's gradient is (x - target) / max(x (1 - x), 1e-12), finite at 0 and 1, which no forward formula gives.
@_bce.defjvp
def _bce_tangent(primals: tuple, tangents: tuple) -> tuple:
    x, target = primals
    by_input = (x - target) / jnp.maximum(x * (1 - x), 1e-12)
    by_target = jnp.maximum(jnp.log1p(-x), -100) - jnp.maximum(jnp.log(x), -100)
    return _bce(x, target), by_input * tangents[0] + by_target * tangents[1]


def _refuse_other_type(specs: tuple) -> None:
    _probability_sizes(*specs[:2])
    input, target = (spec.dtype.type_name for spec in specs[:2])
    if target != input:
        raise cured(RuntimeError(f"Found dtype {target} but expected {input}"), _TARGETS_FLOAT)


def _same_size(input: Any, target: Any) -> None:
    if input.shape != target.shape:
        raise cured(
            ValueError(
                f"Target size (torch.Size({list(target.shape)})) must be the same as input size "
                f"(torch.Size({list(input.shape)}))"
            ),
            "logits.squeeze(1), or target.unsqueeze(1): both must have one shape",
        )


def _refuse_sizes(specs: tuple) -> None:
    _same_size(*specs[:2])


def _refuse_whole_targets(specs: tuple) -> None:
    input, target = (spec.dtype for spec in specs[:2])
    if target.name != "bool" and not target.is_floating_point:
        raise cured(errors.cast(input.type_name, target.type_name), _TARGETS_FLOAT)


_TARGETS_FLOAT = "the targets of binary cross entropy are numbers between 0 and 1 of the input's type: target.float()"


def _no_probability(name: str, cure: str) -> Fault:
    """torch's kernel looks at each number; nan is not between 0 and 1 either."""

    def found(input: Array, target: Array, *rest: Any) -> Array:
        x = input if name == "input" else target
        return ~((jnp.min(x, initial=0.5) >= 0) & (jnp.max(x, initial=0.5) <= 1))  # on CPU half the time of jnp.all

    return Fault(found, lambda: RuntimeError(f"all elements of {name} should be between 0 and 1"), cure)


_PROBABILITIES = (
    _no_probability("input", "torch.sigmoid(input) first, or binary_cross_entropy_with_logits (nn.BCEWithLogitsLoss)"),
    _no_probability("target", "the targets of binary cross entropy are probabilities or classes 0 and 1: scale them"),
)


@op(method=False, upcast=True, order="pointwise", warns=warn_of_flags, refuse=_refuse_other_type,
    constant={"weight": "binary_cross_entropy"}, faults=_PROBABILITIES)  # fmt: skip
def binary_cross_entropy(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Array:  # fmt: skip
    """The cross entropy of probabilities; logarithms are held above -100, as in torch."""
    require_floating(input, "binary_cross_entropy")
    loss = _bce(input, target)
    if weight is not None:
        loss = loss * weight
    return reduced(loss, reduction_of(size_average, reduce, reduction))


@op(
    method=False, kind="default", steps=True, order="pointwise", warns=warn_of_flags,
    refuse=both(_refuse_sizes, floats_only("log_sigmoid_cpu"), _refuse_whole_targets),
    constant=dict.fromkeys(("weight", "pos_weight"), "binary_cross_entropy_with_logits"),
)  # fmt: skip
def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Array | None = None,
) -> Array:  # fmt: skip
    """The cross entropy of the sigmoid of `input`, without overflow; `pos_weight` weighs the positive targets.

    >>> import jtorch as torch
    >>> torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    return _with_logits(input, target, weight, pos_weight, reduction_of(size_average, reduce, reduction))


def _with_logits(input: Array, target: Array, weight: Array | None, pos_weight: Array | None, reduction: str) -> Array:
    positive = 1 if pos_weight is None else 1 + (pos_weight - 1) * target
    loss = (1 - target) * input + positive * softplus(-input)
    return reduced(loss if weight is None else loss * weight, reduction)


_REDUCTIONS = ("none", "mean", "sum")  # torch's numbers for them in torch.* functions


@op(
    method=False, namespace="torch", name="binary_cross_entropy_with_logits", kind="default", steps=True,
    order="pointwise",
)  # fmt: skip
def binary_cross_entropy_with_logits_of_torch(
    input: Array, target: Array, weight: Array | None = None, pos_weight: Array | None = None, reduction: int = 1
) -> Array:
    """The function of torch.nn.functional with the reduction as a number."""
    return _with_logits(input, target, weight, pos_weight, _REDUCTIONS[reduction])


_refuse_kl_div = both(
    refused(RuntimeError, "kl_div: Complex inputs not supported.", COMPLEX),
    refused(RuntimeError, "kl_div: Integral inputs not supported.", BOOL, INT),
)


def _kl_div(input: Array, target: Array, reduction: str, log_target: bool) -> Array:
    if log_target:
        loss = jnp.exp(target) * (target - input)
    else:
        entropy = target * jnp.log(jnp.where(target == 0, 1, target))  # 0 at 0, NaN below
        loss = entropy - target * input
    if reduction == "batchmean":
        return jnp.sum(loss) / (input.shape[0] if input.ndim else 1)
    return reduced(loss, reduction)


def _saved_of_kl(specs: tuple, statics: tuple, needs: tuple) -> str:
    log_target = statics[-1]
    return "" if log_target else "input target" if 1 in needs else "target"


@op(method=False, upcast=True, grad="MeanBackward0", order="pointwise", warns=_warn_of_mean,
    refuse=_refuse_kl_div, saves=_saved_of_kl)  # fmt: skip
def kl_div(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
    log_target: bool = False,
) -> Array:  # fmt: skip
    """The Kullback-Leibler divergence of log-probabilities `input` from `target`.

    "batchmean" is the mathematical mean.
    """
    if reduction != "batchmean":
        reduction = reduction_of(size_average, reduce, reduction)
    return _kl_div(input, target, reduction, log_target)


@op(method=False, namespace="torch", name="kl_div", upcast=True, grad="MeanBackward0", order="pointwise",
    refuse=_refuse_kl_div)  # fmt: skip
def kl_div_of_torch(input: Array, target: Array, reduction: int = 1, *, log_target: bool = False) -> Array:
    """The function of torch.nn.functional with the reduction as a number."""
    return _kl_div(input, target, _REDUCTIONS[reduction], log_target)


def _poisson(input: Array, target: Array, log_input: bool, full: bool, eps: Any, reduction: str) -> Array:
    if full:
        without_kernel("le_cpu", from_numpy(target.dtype), COMPLEX)
    target, input = together(target, input)
    loss = once(jnp.exp, input) - target * input if log_input else input - target * once(jnp.log, input + eps)
    if full:
        safe = jnp.where(target > 1, target, 1)
        stirling = target * once(jnp.log, safe) - target + 0.5 * once(jnp.log, once(lambda x: 2 * math.pi * x, safe))
        loss = loss + jnp.where(target > 1, stirling, 0)
    return reduced(loss, reduction)


def _saved_of_poisson(specs: tuple, statics: tuple, needs: tuple) -> str:
    log_input, full = statics[:2]
    words = ["target"] if full or 0 in needs else []
    return " ".join([*words, "input"] if log_input and 1 in needs else words)


@op(method=False, kind="float", steps=True, grad="MeanBackward0", order="pointwise", warns=warn_of_flags,
    refuse=first(no_bool_difference), saves=_saved_of_poisson)  # fmt: skip
def poisson_nll_loss(
    input: Array, target: Array, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: Scalar = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Array:  # fmt: skip
    """The negative log likelihood of counts; `full` adds Stirling's approximation of the factorial."""
    return _poisson(input, target, log_input, full, eps, reduction_of(size_average, reduce, reduction))


@op(
    method=False, namespace="torch", name="poisson_nll_loss", kind="float", steps=True, grad="MeanBackward0",
    order="pointwise",
)  # fmt: skip
def poisson_nll_loss_of_torch(
    input: Array, target: Array, log_input: bool, full: bool, eps: Scalar, reduction: int
) -> Array:
    """The function of torch.nn.functional with the reduction as a number."""
    return _poisson(input, target, log_input, full, eps, _REDUCTIONS[reduction])


def _refuse_variance(specs: tuple) -> None:
    """torch holds a copy of the variance above `eps` in place."""
    kind = specs[2].dtype
    without_kernel("lt_cpu", kind, COMPLEX)
    if not kind.is_floating_point:
        raise errors.cast("Float", errors.c_name(kind.type_name))


_NEGATIVE_VARIANCE = Fault(
    lambda input, target, var, *rest: jnp.any(var < 0),
    lambda: ValueError("var has negative entry/entries"),
    "the third argument is a variance: torch.exp(log_var), or F.softplus of what the network returns",
)


@op(
    function=False,
    method=False,
    upcast=True,
    grad="MeanBackward0",
    order="pointwise",
    refuse=_refuse_variance,
    saves="",
    faults=(_NEGATIVE_VARIANCE,),
)
def gaussian_nll_op(input: Array, target: Array, var: Array, eps: Scalar, full: bool, reduction: str) -> Array:
    shape = input.shape
    if var.shape not in (shape, ()):
        if shape[:-1] == var.shape:
            var = var[..., None]
        elif not ((shape[:-1] == var.shape[:-1] and var.shape[-1] == 1) or _one_less(shape, var.shape)):
            raise ValueError("var is of incorrect size")
    input, target, var = together(input, target, var)
    below = var < eps
    held = jnp.where(below, eps, jax.lax.stop_gradient(var)) + (var - jax.lax.stop_gradient(var))
    loss = 0.5 * (jnp.log(held) + jnp.square(input - target) / held)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


def _one_less(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """True when the shapes are equal but for one dimension of size 1."""
    return len(shape) == len(other) and sum(a != b for a, b in zip(shape, other, strict=True)) == 1 and 1 in other


@composite(method=False)
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """The negative log likelihood of normal numbers with variance `var`, held above `eps`. Nix and Weigend, 1994."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = input * 0 + var
    return gaussian_nll_op(input, target, var, eps, full, reduction)


def _refuse_soft_margin(specs: tuple) -> None:
    kind = common(specs[:2])
    if kind_of(kind) == BOOL:
        raise errors.bool_negation()
    if kind_of(kind) == INT:
        raise errors.cast("Float", kind.type_name)


@op(method=False, kind="default", steps=True, order="pointwise", warns=warn_of_flags,
    refuse=_refuse_soft_margin, constant={"target": "soft_margin_loss"}, real_gradient="soft_margin_loss")  # fmt: skip
def soft_margin_loss(
    input: Array, target: Array, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Array:
    """`log(1 + exp(-target * input))` for targets 1 and -1."""
    input, target = together(input, target)
    loss = once(jnp.log1p, once(jnp.exp, -target * input))
    return reduced(loss, reduction_of(size_average, reduce, reduction))
