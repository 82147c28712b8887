"""Dropout in its forms. The masks are drawn as torch draws them, so one seed drops the same elements.

https://docs.pytorch.org/docs/stable/nn.functional.html#dropout-functions
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._declare import Array, Scalar, composite, cured, errors, inplace_twin, op, write_back
from jtorch._declare.draws import keep_mask
from jtorch._declare.halves import rounded
from jtorch._declare.once import warn
from jtorch._declare.registry import add_function
from jtorch._ops.refusals import COMPLEX, without_kernel
from jtorch.nn.functional._common import number, wide

_ALPHA = 1.7580993408473766  # minus the limit of SELU at minus infinity


@op(function=False, method=False, name="dropout", grad="MulBackward0", order="pointwise")
def dropout_op(input: Array, keep: Array, share: Scalar) -> Array:
    """The mask divided by the share that is kept, rounded to the input's type, times the input: torch's order."""
    x = wide(input)
    scale = jnp.where(keep, 1 / number(share, x), 0).astype(input.dtype)
    return (x * wide(scale)).astype(input.dtype)


@op(function=False, method=False, name="drop_all", grad="MulBackward0", order="pointwise")
def drop_all_op(input: Array) -> Array:
    return input * jnp.zeros((), input.dtype)


@op(function=False, method=False, name="alpha_dropout", grad="AddBackward0", order="pointwise", saves="")
def alpha_dropout_op(input: Array, keep: Array, scale: Scalar, shift: Scalar, base: Scalar) -> Array:
    """Dropped elements become SELU's lowest value; `scale`, `shift` and `base` restore mean and variance.

    Each step is rounded to the input's type, as torch's are. The choice between product and nan, which changes nothing,
    keeps XLA from rounding product and sum as one.
    """
    x = wide(input)
    scale, shift, base = (rounded(number(one, x), input) for one in (scale, shift, base))
    product = jnp.where(x == x, x * jnp.where(keep, scale, 0), x)
    return (rounded(product, input) + rounded(base - jnp.where(keep, 0, shift), input)).astype(input.dtype)


def _dropped(input: Any, p: float, train: bool, alpha: bool = False, shape: Sequence[int] | None = None) -> Any:
    """Dropout with one draw for each element, or for each element of `shape`, which broadcasts."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")
    if p == 0 or not train or input.numel() == 0:
        return input
    if p == 1:
        return drop_all_op(input)
    without_kernel("bernoulli_scalar_cpu_", input.dtype, COMPLEX)
    keep = keep_mask(input, shape, 1 - p)  # also where torch refuses the type: its mask is drawn by then
    if not input.dtype.is_floating_point:
        raise errors.cast("Float", input.dtype.type_name)
    if not alpha:
        return dropout_op(input, keep, 1 - p)
    scale = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    return alpha_dropout_op(input, keep, scale, _ALPHA * scale, _ALPHA * scale * p)


def _features(input: Any) -> tuple[int, ...]:
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return (*tuple(input.shape)[:2], *[1] * (input.ndim - 2))


@composite(namespace="torch", method=False, public="dropout")
def dropout_of_torch(input: Any, p: float, train: bool) -> Any:
    """Zeroes elements with probability `p` and scales the others by 1 / (1 - p)."""
    return _dropped(input, p, train)


@composite(namespace="torch", method=False, public="alpha_dropout")
def alpha_dropout_of_torch(input: Any, p: float, train: bool) -> Any:
    """Dropout that keeps the mean and variance of SELU's output."""
    return _dropped(input, p, train, alpha=True)


@composite(namespace="torch", method=False, public="feature_dropout")
def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """Dropout of whole channels (dim 1) of each sample."""
    return _dropped(input, p, train, shape=_features(input) if train else None)


@composite(namespace="torch", method=False, public="feature_alpha_dropout")
def feature_alpha_dropout_of_torch(input: Any, p: float, train: bool) -> Any:
    """`alpha_dropout` of whole channels (dim 1) of each sample."""
    return _dropped(input, p, train, alpha=True, shape=_features(input) if train else None)


for _fn, _name in (
    (dropout_of_torch, "dropout"), (alpha_dropout_of_torch, "alpha_dropout"), (feature_dropout, "feature_dropout"),
    (feature_alpha_dropout_of_torch, "feature_alpha_dropout"),
):  # fmt: skip
    add_function("torch", f"{_name}_", inplace_twin(f"{_name}_", _fn))


def _check_p(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise cured(
            ValueError(f"dropout probability has to be between 0 and 1, but got {p}"),
            "p is the share that is dropped: 0.5 for 50 %",
        )


def _placed(input: Any, result: Any, inplace: bool) -> Any:
    return write_back("dropout_", input, result) if inplace and result is not input else result


@composite(method=False)
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes elements with probability `p` and scales the others by 1 / (1 - p). Srivastava et al., 2014.

    >>> import jtorch as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.functional.dropout(torch.ones(4))
    tensor([0., 0., 2., 0.])
    """
    _check_p(p)
    return _placed(input, _dropped(input, p, training), inplace)


@composite(method=False)
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout that keeps the mean and variance of SELU's output. Klambauer et al., 2017."""
    _check_p(p)
    return _placed(input, _dropped(input, p, training, alpha=True), inplace)


@composite(method=False)
def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """`alpha_dropout` of whole channels (dim 1) of each sample."""
    _check_p(p)
    return _placed(input, feature_alpha_dropout_of_torch(input, p, training), inplace)


_SPACES = {1: "1 spatial dimension", 2: "2 spatial dimensions", 3: "3 spatial dimensions"}


def _channels(n: int, input: Any, p: float, training: bool, inplace: bool) -> Any:
    """Drops channels of (N, C, *space), `n` being the dimensions of space, or of (C, *space)."""
    _check_p(p)
    rank, name = input.ndim, f"dropout{n}d"
    purpose = (
        f"Note that {name} exists to provide channel-wise dropout on inputs with {_SPACES[n]}, a channel dimension, "
        f"and an optional batch dimension (i.e. {n + 1}D or {n + 2}D inputs)."
    )
    if rank not in (n + 1, n + 2):
        if n == 1:
            raise RuntimeError(f"{name}: Expected 2D or 3D input, but received a {rank}D input. {purpose}")
        warn(
            f"{name}: Received a {rank}-D input to {name}, which is deprecated and will result in an error in a future "
            f"release. To retain the behavior and silence this warning, please use dropout instead. {purpose}"
        )
    if n == 2 and rank == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead."
        )
    if n != 2 and rank != n + 2:
        channels: tuple[int, ...] = (input.shape[0], *[1] * (rank - 1))
    else:
        channels = _features(input)
    return _placed(input, _dropped(input, p, training, shape=channels), inplace)


@composite(method=False)
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, L) or (C, L). Tompson et al., 2015."""
    return _channels(1, input, p, training, inplace)


@composite(method=False)
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels (dim 1) of (N, C, H, W); a 3-d input counts as (N, C, L), as in torch."""
    return _channels(2, input, p, training, inplace)


@composite(method=False)
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _channels(3, input, p, training, inplace)
