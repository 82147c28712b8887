"""Distances and the losses made of them.

https://docs.pytorch.org/docs/stable/nn.functional.html#distance-functions
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, Scalar, composite, op, wrap_dim
from jtorch._ops.pointwise import no_bool_difference, no_complex_clamp, no_two_bools
from jtorch._ops.refusals import BOOL, COMPLEX, HALF, INT, both, first, refused, without_kernel
from jtorch.nn.functional._common import (
    is_floating,
    p_norm,
    reduced,
    reduction_of,
    together,
    type_name,
    warn_of_flags,
    wide,
)

_REDUCTIONS = ("none", "mean", "sum")  # torch's numbers for them in torch.* functions


def _positive(x: Array) -> Array:
    """The positive part, with gradient 1 at 0, as torch's clamp has it."""
    return jnp.where(x < 0, 0, x)


def _cosine(x1: Array, x2: Array, axis: int, eps: Any) -> Array:
    norms = [p_norm(x, 2, axis, True) for x in (x1, x2)]
    norms = [wide(jnp.where(n < eps, eps, n)) for n in norms]
    first, second = ((wide(x) / n).astype(x.dtype) for x, n in zip((x1, x2), norms, strict=True))
    return jnp.sum(first * second, axis)


@op(
    namespace="torch", method=False, kind="default", steps=True, alias=("nn.functional.cosine_similarity",),
    grad="SumBackward1",
)  # fmt: skip
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: Scalar = 1e-8) -> Array:
    """The cosine of the angle along `dim`; norms are held above `eps`.

    >>> import jtorch as torch
    >>> torch.cosine_similarity(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0]), dim=0)
    tensor(0.7071)
    """
    x1, x2 = together(x1, x2)
    if not is_floating(x1):
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {type_name(x1)}")
    axis = wrap_dim(dim, x1.ndim)
    if x1.ndim == 0:
        x1, x2 = x1[None], x2[None]
    return _cosine(x1, x2, axis, eps)


@op(
    namespace="torch", method=False, kind="float_to_real", steps=True, alias=("nn.functional.pairwise_distance",),
    grad="NormBackward1", refuse=no_bool_difference, saves="result",
)  # fmt: skip
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: Scalar = 1e-6, keepdim: bool = False) -> Array:
    """The p-norm over the last dimension of `x1 - x2 + eps`."""
    x1, x2 = together(x1, x2)
    return p_norm(x1 - x2 + eps, p, -1, keepdim)


def _no_half_pairs(specs: tuple) -> None:
    rows, columns = specs[0].shape if specs[0].ndim == 2 else (0, 0)
    if rows > 1 and columns:
        without_kernel("pdist", specs[0].dtype, HALF)


@op(
    namespace="torch",
    method=False,
    alias=("nn.functional.pdist",),
    upcast=True,
    refuse=both(refused(RuntimeError, "pdist only supports floating-point dtypes", BOOL, INT, COMPLEX), _no_half_pairs),
    saves="input result",
)
def pdist(input: Array, p: float = 2.0) -> Array:
    """The p-norm distances of all pairs of rows: (N, M) to (N (N - 1) / 2)."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = np.triu_indices(input.shape[0], 1)
    return p_norm(input[first] - input[second], p, -1, False)


def _named(reduction: Any) -> str:
    return _REDUCTIONS[reduction] if isinstance(reduction, int) else reduction


def _cosine_embedding(input1: Array, input2: Array, target: Array, margin: Any, reduction: str) -> Array:
    if target.ndim > 1 or (target.ndim == 0) != (input1.ndim == 1):
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    eps = 1e-12  # torch adds this to the squared norms here
    product = jnp.sum(input1 * input2, -1)
    squares = [jnp.sum(x * x, -1) + eps for x in (input1, input2)]
    cosine = product / jnp.sqrt(squares[0] * squares[1])
    over = cosine - margin
    loss = jnp.where(target == 1, 1 - cosine, 0) + jnp.where(target == -1, _positive(over), 0)
    return reduced(loss, reduction)


@op(function=False, method=False, kind="float", grad="MeanBackward0", refuse=no_complex_clamp, saves="input1 input2")
def cosine_embedding_op(input1: Array, input2: Array, target: Array, margin: Scalar, reduction: str) -> Array:
    return _cosine_embedding(input1, input2, target, margin, reduction)


@composite(method=False)
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """One minus the cosine for targets 1, the cosine above `margin` for targets -1; the target takes no gradient."""
    warn_of_flags(size_average=size_average, reduce=reduce)
    reduction = reduction_of(size_average, reduce, reduction)
    return cosine_embedding_op(input1, input2, target.detach(), margin, reduction)


@composite(namespace="torch", public="cosine_embedding_loss", method=False)
def cosine_embedding_loss_of_torch(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: int = 1
) -> Any:
    """The function of torch.nn.functional with the reduction as a number."""
    return cosine_embedding_op(input1, input2, target.detach(), margin, _named(reduction))


def _hinge(input: Array, target: Array, margin: Any, reduction: str) -> Array:
    over = margin - input
    loss = jnp.where(target != 1, _positive(over), 0) + jnp.where(target != -1, input, 0)
    return reduced(loss, reduction)


@op(function=False, method=False, kind="default", steps=True, grad="MeanBackward0", order="pointwise",
    refuse=both(first(no_two_bools), no_complex_clamp), saves="")  # fmt: skip
def hinge_op(input: Array, target: Array, margin: Scalar, reduction: str) -> Array:
    x, y = together(input, target)
    return _hinge(x, y, margin, reduction)


@composite(method=False)
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """The input for targets 1, what it lacks to `margin` for targets -1; the target takes no gradient."""
    warn_of_flags(size_average=size_average, reduce=reduce)
    return hinge_op(input, target.detach(), margin, reduction_of(size_average, reduce, reduction))


@composite(namespace="torch", public="hinge_embedding_loss", method=False)
def hinge_embedding_loss_of_torch(input: Any, target: Any, margin: float = 1.0, reduction: int = 1) -> Any:
    """The function of torch.nn.functional with the reduction as a number."""
    return hinge_op(input, target.detach(), margin, _named(reduction))


def _margin_ranking(input1: Array, input2: Array, target: Array, margin: Any, reduction: str) -> Array:
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: torch.Size({list(input1.shape)}), input2: torch.Size({list(input2.shape)}), "
            f"target: torch.Size({list(target.shape)}) "
        )
    input1, input2, target = together(input1, input2, target)
    over = -target * (input1 - input2) + margin
    return reduced(_positive(over), reduction)


@op(method=False, kind="float", grad="MeanBackward0", order="pointwise", warns=warn_of_flags, saves="")
def margin_ranking_loss(
    input1: Array, input2: Array, target: Array, margin: Scalar = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Array:  # fmt: skip
    """What `target * (input1 - input2)` lacks to `margin`."""
    return _margin_ranking(input1, input2, target, margin, reduction_of(size_average, reduce, reduction))


@op(namespace="torch", name="margin_ranking_loss", method=False, kind="float", grad="MeanBackward0", order="pointwise",
    refuse=both(no_bool_difference, no_complex_clamp))  # fmt: skip
def margin_ranking_loss_of_torch(
    input1: Array, input2: Array, target: Array, margin: Scalar = 0.0, reduction: int = 1
) -> Array:
    """The function of torch.nn.functional with the reduction as a number."""
    return _margin_ranking(input1, input2, target, margin, _named(reduction))


def _check_triplet_ranks(anchor: Any, positive: Any, negative: Any) -> None:
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )


def _triplet(
    anchor: Array, positive: Array, negative: Array, margin: Any, p: float, eps: Any, swap: bool, reduction: str
) -> Array:
    _check_triplet_ranks(anchor, positive, negative)
    anchor, positive, negative = together(anchor, positive, negative)
    near = p_norm(anchor - positive + eps, p, -1, False)
    far = p_norm(anchor - negative + eps, p, -1, False)
    if swap:
        far = jnp.minimum(far, p_norm(positive - negative + eps, p, -1, False))
    over = margin + near - far
    return reduced(_positive(over), reduction)


@op(method=False, kind="float_to_real", steps=True, grad="MeanBackward0", warns=warn_of_flags,
    refuse=no_bool_difference, saves="")  # fmt: skip
def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2, eps: Scalar = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Array:  # fmt: skip
    """How much closer than `margin` the negative is to the anchor, compared with the positive. Balntas et al., 2016."""
    reduction = reduction_of(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(anchor, positive, negative, margin, p, eps, swap, reduction)


@op(
    namespace="torch", name="triplet_margin_loss", method=False, kind="float_to_real", steps=True,
    grad="MeanBackward0",
)  # fmt: skip
def triplet_margin_loss_of_torch(
    anchor: Array, positive: Array, negative: Array, margin: Scalar = 1.0, p: float = 2.0, eps: Scalar = 1e-6,
    swap: bool = False, reduction: int = 1,
) -> Array:  # fmt: skip
    """The function of torch.nn.functional with the reduction as a number."""
    return _triplet(anchor, positive, negative, margin, p, eps, swap, _named(reduction))


@op(function=False, method=False, kind="default", steps=True, grad="MeanBackward0", saves="")
def triplet_of_distances(near: Array, far: Array, swapped: Array | None, margin: Scalar, reduction: str) -> Array:
    if swapped is not None:
        far = jnp.minimum(far, swapped)
    near, far = together(near, far)
    return reduced(_positive(margin + near - far), reduction)


@composite(method=False)
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Callable | None = None, margin: float = 1.0,
    swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """`triplet_margin_loss` with a distance of one's own."""
    reduction_of(None, None, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _check_triplet_ranks(anchor, positive, negative)
    distance = distance_function or pairwise_distance
    swapped = distance(positive, negative) if swap else None
    return triplet_of_distances(distance(anchor, positive), distance(anchor, negative), swapped, margin, reduction)
