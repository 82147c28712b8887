"""Rows of a table by index, sums of such rows, and one-hot vectors.

https://docs.pytorch.org/docs/stable/nn.functional.html#sparse-functions
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, Scalar, composite, cured, errors, op, sparse_gradients, to_host
from jtorch._declare.checks import check_bounds
from jtorch._declare.indices import IN_BOUNDS, clipped, index_type, narrow, outside
from jtorch._declare.variants import read, write_value
from jtorch._ops.creation_ranges import arange
from jtorch._ops.joining import cat
from jtorch._ops.masking import where
from jtorch._ops.older_norms import check_floating
from jtorch.nn.functional._common import wide


def _check_indices(function: str, indices: Any, rows: int) -> None:
    if indices.dtype.name not in ("int64", "int32"):
        error = RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{indices.dtype.type_name}Tensor instead (while checking arguments for {function})"
        )
        raise cured(error, "indices are whole: x.long()")
    check_bounds(indices, 0, rows, lambda _: errors.index_out_of_range_in_self())


def _without_gradient(rows: Array, at: Array) -> Array:
    """Rows of which those marked take no gradient."""
    return jnp.where(at[..., None], lax.stop_gradient(rows), rows)


@op(
    function=False,
    method=False,
    name="embedding",
    grad="EmbeddingBackward0",
    real_gradient="embedding",
    checks=lambda weight, indices, padding_idx, scale_grad_by_freq: outside(indices, weight.shape[0]),
)
def embedding_op(weight: Array, indices: Array, padding_idx: int | None, scale_grad_by_freq: bool) -> Array:
    indices = clipped(indices, weight.shape[0])
    rows = weight.at[indices].get(mode=IN_BOUNDS)
    if scale_grad_by_freq:
        rows = _by_frequency(rows, indices, weight.shape[0])
    return rows if padding_idx is None else _without_gradient(rows, indices == padding_idx)


def _by_frequency(rows: Array, indices: Array, count: int) -> Array:
    """Rows whose gradient is divided by how often each is looked up."""
    often = jnp.zeros(count, rows.dtype).at[indices.reshape(-1)].add(1)[indices]
    fixed = lax.stop_gradient(rows)
    return fixed + (rows - fixed) / often[..., None]


def _padding_row(padding_idx: int | None, rows: int) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _looked_up(sparse: bool) -> Any:
    """The op, or what does the same and has a sparse gradient."""
    return sparse_gradients[embedding_op.op] if sparse else embedding_op


@op(function=False, method=False, name="embedding_renorm", differentiable=False)
def renorm_op(weight: Array, indices: Array, max_norm: Scalar, norm_type: float) -> Array:
    w = wide(weight)
    norm = jnp.sum(jnp.abs(w) ** norm_type, 1) ** (1 / norm_type) if norm_type != 2 else jnp.sqrt(jnp.sum(w * w, 1))
    used = jnp.zeros(w.shape[0], bool).at[clipped(indices.reshape(-1), w.shape[0])].set(True)
    limit = max_norm.astype(w.dtype)
    scale = jnp.where(used & (norm > limit), limit / (norm + 1e-7), 1)
    return (w * scale[:, None]).astype(weight.dtype)


def _renorm(weight: Any, indices: Any, max_norm: float | None, norm_type: float) -> None:
    """Shrinks the rows that are looked up, outside the graph."""
    if max_norm is not None:
        check_floating(weight)
        write_value(weight, read(renorm_op(weight, indices, float(max_norm), float(norm_type))))


@composite(namespace="torch", method=False, public="embedding_renorm_")
def embedding_renorm_(input: Any, indices: Any, max_norm: float, norm_type: float) -> Any:
    """Shrinks, in place, the rows that `indices` names to at most `max_norm`."""
    _check_indices("embedding_renorm_", indices, input.shape[0])
    _renorm(input, indices, max_norm, norm_type)
    return input


@composite(method=False)
def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of `weight` that `input` names: (*) of indices with (rows, width) gives (*, width).

    The row `padding_idx` takes no gradient. `max_norm` first shrinks, in place, the rows looked up.

    >>> import jtorch as torch
    >>> torch.nn.functional.embedding(torch.tensor([1]), torch.tensor([[1.0], [2.0]]))
    tensor([[2.]])
    """
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    rows = weight.shape[0]
    padding = _padding_row(padding_idx, rows)
    _check_indices("embedding", input, rows)
    _renorm(weight, input, max_norm, norm_type)
    return _looked_up(sparse)(weight, input, padding, bool(scale_grad_by_freq))


@composite(namespace="torch", method=False, public="embedding")
def embedding_of_torch(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    """`torch.nn.functional.embedding` with the table first; a negative `padding_idx` is none."""
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    _check_indices("embedding", indices, weight.shape[0])
    return _looked_up(sparse)(weight, indices, padding_idx if padding_idx >= 0 else None, bool(scale_grad_by_freq))


@op(
    function=False,
    method=False,
    name="embedding_bag",
    grad="EmbeddingBagBackward0",
    checks=lambda weight, indices, *rest: outside(indices, weight.shape[0]),
    saves=lambda specs, statics, needs: "weight " * (3 in needs) + "indices offsets per_sample_weights",
)
def embedding_bag_op(
    weight: Array, indices: Array, offsets: Array | None, per_sample_weights: Array | None, bags: int, mode: str,
    padding_idx: int | None, scale_grad_by_freq: bool,
) -> Array:  # fmt: skip
    """`indices` in a row, `offsets` where each bag starts; without them all bags have one length."""
    place = jnp.arange(indices.size, dtype=index_type(indices.size))
    if offsets is None:
        bag = place // max(indices.size // max(bags, 1), 1)
    else:
        bag = jnp.searchsorted(narrow(offsets, indices.size), place, side="right").astype(place.dtype) - 1
    indices = clipped(indices, weight.shape[0])
    rows = wide(weight.at[indices].get(mode=IN_BOUNDS))
    if scale_grad_by_freq:
        rows = _by_frequency(rows, indices, weight.shape[0])
    kept = jnp.ones(indices.size, bool) if padding_idx is None else indices != padding_idx
    if per_sample_weights is not None:
        rows = rows * wide(per_sample_weights)[:, None]
    if mode == "max":
        lowest = jnp.full((bags, rows.shape[1]), -jnp.inf, rows.dtype)
        best = lowest.at[bag].max(lax.stop_gradient(jnp.where(kept[:, None], rows, -jnp.inf)))
        hit = (rows == best[bag]) & kept[:, None]
        none = jnp.full(best.shape, indices.size, place.dtype)
        first = none.at[bag].min(jnp.where(hit, place[:, None], indices.size))
        out = jnp.take_along_axis(rows, jnp.minimum(first, max(indices.size - 1, 0)), 0) if indices.size else best
        return jnp.where(first < indices.size, out, 0).astype(weight.dtype)
    rows = rows if padding_idx is None else jnp.where(kept[:, None], rows, 0)

    def summed(x: Array) -> Array:
        if offsets is None:
            return x.reshape(bags, indices.size // max(bags, 1), *x.shape[1:]).sum(1)
        return jnp.zeros((bags, *x.shape[1:]), x.dtype).at[bag].add(x)

    total = summed(rows)
    if mode == "mean":
        count = summed(kept.astype(rows.dtype))
        total = total / jnp.maximum(count, 1)[:, None]
    return total.astype(weight.dtype)


@composite(method=False)
def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """Sums, means or maxima of bags of rows: the rows of a 2-d `input`, or runs of a 1-d one starting at `offsets`."""
    if weight.dtype.name in ("int64", "int32") and input.dtype.is_floating_point:
        raise ValueError("Argument order of nn.functional.embedding_bag changed: input comes before weight")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )
    kind = weight.dtype
    if not kind.is_floating_point:
        raise RuntimeError(
            "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, "
            f"Float, Double; but got {errors.tensor_type(kind.type_name)} instead (while checking arguments for "
            "embedding_bag)"
        )
    given = input
    input, starts, per_sample_weights = _bags(input, offsets, per_sample_weights)
    padding = _padding_row(padding_idx, weight.shape[0])
    _check_indices("embedding_bag", input, weight.shape[0])
    _renorm(weight, input, max_norm, norm_type)
    bags = given.shape[0] if starts is None else starts.shape[0] - bool(include_last_offset)
    scaled = bool(scale_grad_by_freq)
    if sparse:
        weight, input, padding = _own_table(_looked_up(True)(weight, input, padding, scaled), input, padding)
    return embedding_bag_op(weight, input, starts, per_sample_weights, bags, mode, padding, scaled and not sparse)


def _own_table(rows: Any, input: Any, padding: int | None) -> tuple[Any, Any, int | None]:
    """The rows looked up as a table of their own, each named once; a row of padding is behind them."""
    n = input.shape[0]
    places = arange(n)
    if padding is None:
        return rows, places, None
    return cat([rows, rows.new_zeros((1, rows.shape[1]))]), where(input == padding, n, places), n


def _bags(input: Any, offsets: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Bags as one row of indices and the places where they start, None if all have one length."""
    if weights is not None and tuple(weights.shape) != tuple(input.shape):
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({tuple(weights.shape)}) is not None, then it must have the same "
            f"shape as the input ({tuple(input.shape)})"
        )
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        return flat(input), None, None if weights is None else flat(weights)
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    return input, offsets, weights


@op(function=False, method=False, name="flat")
def flat(input: Array) -> Array:
    return input.reshape(-1)


@op(
    function=False,
    method=False,
    name="one_hot",
    differentiable=False,
    checks=outside,
)
def one_hot_op(input: Array, classes: int) -> Array:
    index = narrow(input, classes)
    return (index[..., None] == jnp.arange(classes, dtype=index.dtype)).astype(jnp.int64)


def _too_few_classes(_: int) -> Exception:
    error = RuntimeError("Class values must be smaller than num_classes.")
    return cured(error, "num_classes is the largest class number + 1")


@composite(method=False)
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Vectors of zeros with a one at each index: (*) gives (*, num_classes), int64.

    Without `num_classes` it is one more than the largest index, which has to be computed for it.

    >>> import jtorch as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype.name != "int64":
        raise cured(
            RuntimeError("one_hot is only applicable to index tensor of type LongTensor."),
            "class numbers are whole: x.long()",
        )
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return one_hot_op(tensor, num_classes)
    check_bounds(tensor, 0, 2**63, lambda _: RuntimeError("Class values must be non-negative."))
    if num_classes == -1:
        num_classes = int(to_host(tensor).max()) + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    check_bounds(tensor, 0, num_classes, _too_few_classes)
    return one_hot_op(tensor, int(num_classes))
