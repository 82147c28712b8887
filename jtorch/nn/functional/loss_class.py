"""Losses over classes: cross entropy, negative log likelihood, multi-class margins.

https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jtorch._declare import Array, Scalar, composite, cured, op
from jtorch._declare.checks import check_bounds
from jtorch._declare.indices import clipped, index_type, narrow, outside
from jtorch._ops.refusals import HALF, floats_only
from jtorch.nn.functional._common import (
    listed,
    number,
    reduced,
    reduction_of,
    require_floating,
    softplus,
    warn_of_flags,
    wide,
)
from jtorch.nn.functional._rows import row_log_softmax


def _as_rows(x: Array, target: Array) -> tuple[Array, Array]:
    """(C), (N, C) or (N, C, *d) with targets (), (N) or (N, *d), as classes last."""
    return (x, target) if x.ndim == 1 else (jnp.moveaxis(x, 1, -1), target)


def _check_indices(name: str, x: Array, target: Array, weight: Array | None) -> None:
    batch = x.shape[0] if x.ndim else 0
    labels = target.shape[0] if target.ndim else 0
    if x.ndim == 0 or (x.ndim == 1 and target.ndim > 1) or (x.ndim > 1 and batch != labels):
        raise cured(
            ValueError(f"Expected input batch_size ({batch}) to match target batch_size ({labels})."),
            "inputs are (N, C), targets (N): print both shapes; sequences are flattened, logits.view(-1, C) and "
            "target.view(-1)",
        )
    if x.ndim > 2 and x.shape[2:] != target.shape[1:]:
        if target.ndim != x.ndim - 1:
            raise RuntimeError(
                f"only batches of spatial targets supported ({x.ndim - 1}D tensors) but got targets of dimension: "
                f"{target.ndim}"
            )
        raise RuntimeError(f"size mismatch (got input: {listed(x.shape)} , target: {listed(target.shape)}")
    if x.ndim == 2 and target.ndim != 1:
        raise cured(
            RuntimeError("0D or 1D target tensor expected, multi-target not supported"),
            "targets are class numbers (N), not a column (N, 1): target.squeeze(1)",
        )
    classes = x.shape[0] if x.ndim == 1 else x.shape[1]
    if weight is not None and weight.shape != (classes,):
        shape = f"torch.Size({list(weight.shape)})" if name == "cross_entropy" else listed(weight.shape)
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {shape}"
        )


def _picked(log_p: Array, target: Array) -> Array:
    """The entry of each row that the target names. As a masked sum its gradient needs no scatter."""
    classes = jnp.arange(log_p.shape[-1], dtype=target.dtype)
    return jnp.sum(jnp.where(classes == target[..., None], log_p, 0), -1)


def _outside(input: Array, target: Array, weight: Array | None, ignore_index: int, *rest: Any) -> Array:
    """True when some target that counts names no class."""
    classes = input.shape[min(1, input.ndim - 1)]
    return outside(target, classes, ignored=ignore_index)


def _nll(
    log_p: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, smoothing: float
) -> Array:
    """The loss of log-probabilities, classes last, for class indices."""
    target = narrow(target, max(log_p.shape[-1], abs(ignore_index)))
    kept = target != ignore_index
    safe = jnp.where(kept, target, 0)
    share = kept.astype(log_p.dtype)
    if weight is not None:
        share = share * _picked(jnp.broadcast_to(weight, log_p.shape), safe)
    loss = jnp.where(kept, -_picked(log_p, safe), 0)
    loss = loss * share if weight is not None else loss
    if smoothing:
        spread = jnp.where(kept, -jnp.sum(log_p if weight is None else log_p * weight, -1), 0)
        loss = (1 - smoothing) * loss + smoothing / log_p.shape[-1] * spread
    if reduction == "mean":
        return jnp.sum(loss) / jnp.sum(share)
    return reduced(loss, reduction)


@op(
    function=False,
    method=False,
    name="nll_loss",
    checks=_outside,
    constant={"weight": "nll_loss_forward"},
    saves="input target weight",
)
def nll_loss_op(input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str) -> Array:
    _check_indices("nll_loss", input, target, weight)
    require_floating(input, "nll_loss_out_frame" if input.ndim < 3 else "nll_loss2d_forward_out_frame")
    rows, target = _as_rows(wide(input), target)
    return _nll(rows, target, wide(weight), ignore_index, reduction, 0).astype(input.dtype)


@op(function=False, method=False, name="nll_loss2d", grad="NllLoss2DBackward0", checks=_outside,
    constant={"weight": "nll_loss2d_forward"}, saves="input target weight")  # fmt: skip
def nll_loss_2d_op(input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str) -> Array:
    return nll_loss_op.body(input, target, weight, ignore_index, reduction)


def _check_log_softmax(input: Array) -> None:
    """The classes are dimension 1, the last one of (N, C) and (C)."""
    require_floating(input, f"log_softmax{'_lastdim' if input.ndim < 3 else ''}_kernel_impl")


@op(function=False, method=False, name="cross_entropy", grad="NllLossBackward0", checks=_outside,
    constant={"weight": "nll_loss_forward"}, saves="target weight")  # fmt: skip
def cross_entropy_op(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, smoothing: float
) -> Array:
    _check_indices("cross_entropy", input, target, weight)
    _check_log_softmax(input)
    rows, target = _as_rows(wide(input), target)
    loss = _nll(row_log_softmax(rows), target, wide(weight), ignore_index, reduction, smoothing)
    return loss.astype(input.dtype)


@op(function=False, method=False, name="cross_entropy_2d", grad="NllLoss2DBackward0", checks=_outside,
    constant={"weight": "nll_loss2d_forward"}, saves="target weight")  # fmt: skip
def cross_entropy_2d_op(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, smoothing: float
) -> Array:
    return cross_entropy_op.body(input, target, weight, ignore_index, reduction, smoothing)


def _saved_of_soft(specs: tuple, statics: tuple, needs: tuple) -> str:
    smoothing = statics[-1]
    return "weight" if smoothing or 0 not in needs else "target weight"


@op(function=False, method=False, name="cross_entropy_of_probabilities", upcast=True, grad="DivBackward1",
    saves=_saved_of_soft)  # fmt: skip
def cross_entropy_soft_op(input: Array, target: Array, weight: Array | None, reduction: str, smoothing: float) -> Array:
    """Targets are probabilities of the input's shape."""
    if input.shape != target.shape:
        raise RuntimeError("Expected target to have the same shape as input")
    _check_log_softmax(input)
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    log_p = jax.nn.log_softmax(input, axis)
    if weight is not None:
        target = target * weight.reshape(-1, *[1] * (input.ndim - 1 - axis))
    loss = -jnp.sum(log_p * target, axis)
    if reduction == "mean":
        return jnp.sum(loss) / max(input.size // classes, 1)
    return reduced(loss, reduction)


def _check_targets(target: Any, classes: int, ignore_index: int) -> None:
    def wrong(index: int) -> Exception:
        return cured(
            IndexError(f"Target {index} is out of bounds."),
            "class numbers run from 0 to C - 1: the last layer needs as many outputs as there are "
            "classes; numbers from 1 on: target - 1",
        )

    check_bounds(target, 0, classes, wrong, ignore_index)


def _check_target_type(target: Any) -> None:
    if target.dtype.name not in ("int64", "uint8"):
        raise cured(
            RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype.type_name}"),
            "class numbers are whole: target.long(); class probabilities are a floating tensor of the input's shape",
        )


@composite(method=False)
def nll_loss(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
    reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Minus the log-probability that `input` (N, C, ...) gives to the class `target` (N, ...) names."""
    warn_of_flags(size_average=size_average, reduce=reduce)
    reduction = reduction_of(size_average, reduce, reduction)
    _check_target_type(target)
    _check_targets(target, input.shape[min(1, input.ndim - 1)] if input.ndim else 0, ignore_index)
    op = nll_loss_2d_op if input.ndim > 2 else nll_loss_op
    return op(input, target, weight, ignore_index, reduction)


@composite(method=False)
def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: bool | None = None, ignore_index: int = -100,
    reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """Minus the log-probability that the softmax of `input` (N, C, ...) gives to `target`.

    `target` holds class indices (N, ...) or probabilities of the shape of `input`.

    >>> import jtorch as torch
    >>> torch.nn.functional.cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor(0.6931)
    """
    warn_of_flags(size_average=size_average, reduce=reduce)
    reduction = reduction_of(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if tuple(input.shape) == tuple(target.shape):
        if not target.dtype.is_floating_point:
            raise cured(
                RuntimeError(
                    "Expected floating point type for target with class probabilities, got " + target.dtype.type_name
                ),
                "a target of the input's shape holds probabilities: target.float(); one-hot rows "
                "become class numbers by target.argmax(1)",
            )
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return cross_entropy_soft_op(input, target, weight, reduction, float(label_smoothing))
    _check_target_type(target)
    _check_targets(target, input.shape[min(1, input.ndim - 1)] if input.ndim else 0, ignore_index)
    op = cross_entropy_2d_op if input.ndim > 2 else cross_entropy_op
    return op(input, target, weight, ignore_index, reduction, float(label_smoothing))


def _check_vectors(input: Any) -> None:
    if input.ndim not in (1, 2) or not input.shape[-1]:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {listed(input.shape)}"
        )


@op(
    function=False,
    method=False,
    name="multi_margin_loss",
    refuse=floats_only("multi_margin_loss_cpu_kernel", HALF),
    constant={"weight": "multi_margin_loss"},
    checks=lambda input, target, *rest: outside(target, input.shape[-1]),
)
def multi_margin_op(input: Array, target: Array, weight: Array | None, margin: Scalar, p: int, reduction: str) -> Array:
    x = wide(input)
    rows = x if x.ndim == 2 else x[None]
    target = narrow(target.reshape(-1), rows.shape[1])
    own = _picked(rows, target)[:, None]
    over = number(margin, x) - own + rows
    loss = jnp.where(over > 0, over, 0) ** p
    if weight is not None:
        loss = loss * wide(weight)[clipped(target, rows.shape[1])][:, None]
    others = jnp.arange(rows.shape[1], dtype=target.dtype) != target[:, None]
    loss = jnp.sum(jnp.where(others, loss, 0), 1) / rows.shape[1]
    return reduced(loss if x.ndim == 2 else loss[0], reduction).astype(input.dtype)


def _check_multi_margin(input: Any, target: Any, p: int, weight: Any) -> None:
    rows = input.shape[0] if input.ndim == 2 else 1
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    if weight is not None and weight.shape[0] != input.shape[-1]:
        raise RuntimeError(f"inconsistent weight size, expected {input.shape[-1]} but got {listed(weight.shape)}")
    if target.ndim > 1 or target.numel() != rows:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size)"
        )
    if target.dtype.name != "int64":
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.type_name}")


@composite(method=False)
def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """How far other classes come within `margin` of the target's score, to the power `p`, over the classes' number."""
    warn_of_flags(size_average=size_average, reduce=reduce)
    reduction = reduction_of(size_average, reduce, reduction)
    if not input.ndim:
        input = input.reshape(1)
    _check_vectors(input)
    _check_multi_margin(input, target, p, weight)
    check_bounds(target, 0, input.shape[-1], lambda _: RuntimeError("target out of range"))
    return multi_margin_op(input, target, weight, margin, p, reduction)


@op(function=False, method=False, name="multilabel_margin_loss",
    refuse=floats_only("multilabel_margin_loss_forward_out_frame", HALF))  # fmt: skip
def multilabel_margin_op(input: Array, target: Array, reduction: str) -> Array:
    x = jnp.atleast_2d(wide(input))
    rows = narrow(jnp.atleast_2d(target), x.shape[1])
    given = jnp.cumprod(rows >= 0, 1).astype(bool)  # labels up to the first -1
    classes = jnp.arange(x.shape[1], dtype=index_type(x.shape[1]))
    hits = given[:, :, None] & (rows[:, :, None] == classes)
    is_target = hits.any(1)
    own = jnp.sum(jnp.where(hits, x[:, None, :], 0), 2)
    over = 1 - own[:, :, None] + x[:, None, :]
    counted = given[:, :, None] & ~is_target[:, None, :]
    loss = jnp.sum(jnp.where(counted & (over > 0), over, 0), (1, 2)) / x.shape[1]
    return reduced(loss if input.ndim == 2 else loss[0], reduction).astype(input.dtype)


@composite(method=False)
def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """How far other classes come within 1 of the scores of the targets, which end at the first -1."""
    warn_of_flags(size_average=size_average, reduce=reduce)
    reduction = reduction_of(size_average, reduce, reduction)
    sizes = f"{listed(target.shape)} for input of size: {listed(input.shape)}"
    input, target = (x.reshape(1) if not x.ndim else x for x in (input, target))
    _check_vectors(input)
    if tuple(input.shape) != tuple(target.shape):
        raise RuntimeError(f"inconsistent target size: {sizes}")
    check_bounds(target, -1, input.shape[-1], lambda _: RuntimeError("argument #2 'target' is out of range"))
    return multilabel_margin_op(input, target, reduction)


@op(method=False, kind="default", steps=True, grad="MeanBackward0", warns=warn_of_flags,
    refuse=floats_only("log_sigmoid_cpu"))  # fmt: skip
def multilabel_soft_margin_loss(
    input: Array, target: Array, weight: Array | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Array:  # fmt: skip
    """The mean over classes of the binary cross entropy with logits."""
    loss = target * softplus(-input) + (1 - target) * softplus(input)
    loss = loss if weight is None else loss * weight
    means = wide(jnp.sum(loss, -1)) / loss.shape[-1]
    return reduced(means.astype(loss.dtype), reduction_of(size_average, reduce, reduction))
