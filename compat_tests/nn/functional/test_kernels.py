"""Convolutions, pools, losses and the rest where torch's sample database does not look: ties, kinks, sentences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
import jtorch.nn.functional as F
from compat_tests.ops.agree import agree, agree_on_error

RNG = np.random.default_rng(0)
TIGHT = {"rtol": 2e-5, "atol": 1e-5}


def values(*shape: int) -> list:
    return RNG.standard_normal(shape).astype(np.float32).tolist()


def both(call: Callable[..., Any], *given: list, **tolerances: float) -> None:
    """Results and gradients of ``call(side, *leaves)`` agree; the gradient weighs elements differently."""

    def run(side: Any) -> list:
        leaves = [side.tensor(v, dtype=side.float32).requires_grad_() for v in given]
        out = call(side, *leaves)
        weights = side.linspace(0.5, 1.5, int(np.prod(tuple(out.shape)))).reshape(tuple(out.shape))
        grads = side.autograd.grad((out * weights).sum(), leaves)
        return [out.detach(), *grads]

    agree(run, **(tolerances or TIGHT))


CONVOLUTIONS = {
    "one_channel": ((2, 1, 8, 8), (4, 1, 3, 3), {"padding": 1}),
    "three_channels_strided": ((2, 3, 9, 8), (5, 3, 3, 2), {"stride": (2, 1), "padding": (1, 0)}),
    "dilated": ((2, 2, 9, 9), (3, 2, 3, 3), {"dilation": (2, 3)}),
    "same_even_kernel": ((1, 2, 5, 6), (3, 2, 2, 4), {"padding": "same"}),
    "many_channels": ((2, 8, 6, 6), (6, 8, 3, 3), {"padding": 1, "stride": 2}),
    "groups": ((2, 6, 5, 5), (4, 3, 3, 3), {"groups": 2}),
    "depthwise": ((2, 4, 5, 5), (8, 1, 3, 3), {"groups": 4, "padding": 1}),
    "one_by_one": ((2, 8, 4, 4), (5, 8, 1, 1), {}),
    "one_by_one_strided": ((2, 8, 5, 5), (5, 8, 1, 1), {"stride": 2}),
    "unbatched": ((3, 6, 6), (2, 3, 3, 3), {}),
}


@pytest.mark.parametrize(("x", "w", "options"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_conv2d(x: tuple, w: tuple, options: dict):
    both(lambda side, *a: side.nn.functional.conv2d(*a, **options), values(*x), values(*w), values(w[0]))


def test_conv1d_and_conv3d():
    both(lambda side, *a: side.nn.functional.conv1d(*a, padding="same"), values(2, 3, 9), values(4, 3, 4), values(4))
    both(lambda side, *a: side.nn.functional.conv3d(*a, stride=2), values(1, 2, 4, 5, 6), values(3, 2, 2, 3, 2))


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "groups": 2}, {"stride": 3, "padding": 2}],
    ids=str,
)
def test_conv_transpose2d(options: dict):
    w = (4, 3 // options.get("groups", 1) + 1, 3, 3)
    outputs = w[1] * options.get("groups", 1)
    both(
        lambda side, *a: side.nn.functional.conv_transpose2d(*a, **options),
        values(2, 4, 5, 4),
        values(*w),
        values(outputs),
    )


def test_second_gradient_of_conv():
    def run(side: Any) -> list:
        x = side.tensor(X, requires_grad=True)
        w = side.tensor(W, requires_grad=True)
        (g,) = side.autograd.grad((side.nn.functional.conv2d(x, w, padding=1) ** 2).sum(), x, create_graph=True)
        return list(side.autograd.grad((g**2).sum(), (x, w)))

    X, W = values(1, 2, 4, 4), values(3, 2, 3, 3)
    agree(run, rtol=1e-4, atol=1e-2)


TIES = [[[[1.0, 1.0, 2.0, 2.0, 0.0], [1.0, 1.0, 2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0, 5.0], [0.0, 0.0, 0.0, 0.0, 5.0]]]]
NANS = [[[[1.0, float("nan"), 2.0, 2.0], [float("nan"), 1.0, 2.0, 3.0]]]]
POOLS = {
    "blocks": {"kernel_size": 2},
    "overlapping": {"kernel_size": 3, "stride": 1, "padding": 1},
    "dilated": {"kernel_size": 2, "stride": 1, "dilation": 2},
    "ceil": {"kernel_size": 2, "stride": 2, "ceil_mode": True},
    "uneven": {"kernel_size": (2, 3), "stride": (1, 2)},
}


@pytest.mark.parametrize("options", POOLS.values(), ids=POOLS)
def test_max_pool_gives_ties_to_the_first(options: dict):
    both(lambda side, x: side.nn.functional.max_pool2d(x, **options), TIES)
    agree(lambda side: side.nn.functional.max_pool2d(side.tensor(TIES), **options, return_indices=True))


def test_max_pool_of_nan():
    agree(lambda side: side.nn.functional.max_pool2d(side.tensor(NANS), 2, return_indices=True))


@pytest.mark.parametrize("size", [1, 2, 3, (2, None)], ids=str)
def test_adaptive_pools(size: Any):
    x = values(2, 2, 4, 5)
    both(lambda side, x: side.nn.functional.adaptive_avg_pool2d(x, size), x)
    both(lambda side, x: side.nn.functional.adaptive_max_pool2d(x, size), x)
    agree(lambda side: side.nn.functional.adaptive_max_pool2d(side.tensor(TIES), size, return_indices=True))


def test_batch_norm_moves_the_running_statistics():
    x, mean, var = values(4, 3, 5), values(3), [1.0, 2.0, 3.0]

    def run(side: Any) -> list:
        running = side.tensor(mean), side.tensor(var)
        leaf = side.tensor(x, requires_grad=True)
        out = side.nn.functional.batch_norm(leaf, *running, training=True, momentum=0.3)
        (out**2).sum().backward()
        assert not running[0].requires_grad
        return [out.detach(), *running, leaf.grad]

    agree(run, **TIGHT)


def test_batch_norm_of_a_large_mean():
    agree(lambda side: side.nn.functional.batch_norm(side.tensor(values_of_large_mean), None, None, training=True),
          rtol=1e-3, atol=1e-3)  # fmt: skip


values_of_large_mean = (RNG.standard_normal((64, 2)).astype(np.float32) + 1000).tolist()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("layer_norm", ((4,),)), ("group_norm", (2,)), ("instance_norm", ()), ("rms_norm", ((4,),)), ("normalize", ())],
)
def test_norms(name: str, arguments: tuple):
    both(lambda side, x: getattr(side.nn.functional, name)(x, *arguments), values(2, 4, 3, 4), rtol=1e-4, atol=1e-4)


def test_normalize_and_distances_at_zero():
    both(lambda side, x: side.nn.functional.normalize(x), [[0.0, 0.0], [3.0, 4.0]])
    both(lambda side, x, y: side.nn.functional.pairwise_distance(x, y, eps=0.0), [[1.0, 2.0]], [[1.0, 2.0]])
    both(lambda side, x, y: side.nn.functional.cosine_similarity(x, y), [[0.0, 0.0]], [[1.0, 2.0]])


KINKS = [-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0]
ACTIVATIONS = (
    "relu relu6 gelu tanh sigmoid silu leaky_relu elu celu selu softplus logsigmoid hardtanh hardswish hardsigmoid "
    "mish softsign tanhshrink hardshrink softshrink"
).split()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_their_kinks(name: str):
    both(lambda side, x: getattr(side.nn.functional, name)(x), KINKS)


@pytest.mark.parametrize("name", ["relu", "elu", "leaky_relu", "hardtanh", "celu", "selu"])
def test_inplace_activations(name: str):
    def run(side: Any) -> list:
        leaf = side.tensor(KINKS, requires_grad=True)
        y = leaf * 2
        same = getattr(side.nn.functional, name)(y, inplace=True)
        assert same is y
        y.sum().backward()
        return [y.detach(), leaf.grad]

    agree(run, **TIGHT)


ROWS, LABELS = values(4, 3), [0, 2, -100, 1]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 2.0]], ids=["plain", "weighted"])
def test_cross_entropy(weight: list | None, smoothing: float, reduction: str):
    def loss(side: Any, x: Any) -> Any:
        w = None if weight is None else side.tensor(weight)
        target = side.tensor(LABELS)
        return side.nn.functional.cross_entropy(x, target, w, reduction=reduction, label_smoothing=smoothing)

    both(loss, ROWS)


def test_cross_entropy_of_images_and_of_probabilities():
    target = RNG.integers(0, 3, (2, 4, 4)).tolist()
    both(lambda side, x: side.nn.functional.cross_entropy(x, side.tensor(target)), values(2, 3, 4, 4))
    soft = values(4, 3)
    both(lambda side, x, p: side.nn.functional.cross_entropy(x, p.softmax(1)), ROWS, soft)


def test_binary_cross_entropy_at_the_ends():
    both(
        lambda side, p: side.nn.functional.binary_cross_entropy(p, side.tensor([0.0, 1.0, 1.0, 0.5])),
        [0.0, 1.0, 0.0, 0.5],
    )


def test_embedding_gradient_skips_the_padding_row():
    both(lambda side, w: side.nn.functional.embedding(side.tensor([1, 0, 1, 2]), w, padding_idx=0), values(3, 2))


def test_embedding_shrinks_rows_in_place():
    def run(side: Any) -> list:
        w = side.tensor([[3.0, 4.0], [6.0, 8.0]])
        return [side.nn.functional.embedding(side.tensor([1]), w, max_norm=1.0), w]

    agree(run, **TIGHT)


ATTENTION = {
    "plain": {},
    "causal": {"is_causal": True},
    "scaled": {"scale": 0.3},
}


@pytest.mark.parametrize("options", ATTENTION.values(), ids=ATTENTION)
def test_attention(options: dict):
    q, k, v = values(2, 2, 4, 3), values(2, 2, 4, 3), values(2, 2, 4, 5)
    both(lambda side, *a: side.nn.functional.scaled_dot_product_attention(*a, **options), q, k, v)


def test_attention_masks():
    q, k, v = values(1, 2, 3, 4), values(1, 2, 3, 4), values(1, 2, 3, 4)
    seen = [[True, False, True], [False, False, False], [True, True, True]]
    agree(lambda side: side.nn.functional.scaled_dot_product_attention(
        *(side.tensor(x) for x in (q, k, v)), attn_mask=side.tensor(seen)), **TIGHT)  # fmt: skip
    both(lambda side, m: side.nn.functional.scaled_dot_product_attention(
        *(side.tensor(x) for x in (q, k, v)), attn_mask=m), values(3, 3))  # fmt: skip


HEADS: dict[str, dict] = {
    "plain": {},
    "no_weights": {"need_weights": False},
    "padding": {"key_padding_mask": [[False, True, False], [False, False, False]]},
    "each_head": {"average_attn_weights": False},
    "dropout": {"dropout_p": 0.3},
}


@pytest.mark.parametrize("options", HEADS.values(), ids=HEADS)
def test_multi_head_attention(options: dict):
    q, kv, in_weight, in_bias, out_weight, mask = (
        values(*shape) for shape in ((4, 2, 6), (3, 2, 6), (18, 6), (18,), (6, 6), (4, 3))
    )

    def run(side: Any) -> list:
        side.manual_seed(1)
        given = {k: side.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
        p = given.pop("dropout_p", 0.0)
        leaf = side.tensor(q, requires_grad=True)
        out, weights = side.nn.functional.multi_head_attention_forward(
            leaf, side.tensor(kv), side.tensor(kv), 6, 2, side.tensor(in_weight), side.tensor(in_bias), None, None,
            False, p, side.tensor(out_weight), None, attn_mask=side.tensor(mask), **given,
        )  # fmt: skip
        (grad,) = side.autograd.grad(out.sum(), leaf)
        return [out.detach(), grad, *([] if weights is None else [weights.detach()])]

    agree(run, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize("scale", [2, 0.6, 1.5])
def test_interpolate(mode: str, scale: float):
    both(lambda side, x: side.nn.functional.interpolate(x, scale_factor=scale, mode=mode), values(1, 2, 5, 6))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_interpolate_corners_and_antialias(mode: str):
    x = values(1, 2, 5, 6)
    both(lambda side, x: side.nn.functional.interpolate(x, (7, 4), mode=mode, align_corners=True), x)
    both(lambda side, x: side.nn.functional.interpolate(x, (3, 4), mode=mode, antialias=True), x)


ERRORS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda side: side.nn.functional.linear(side.ones(2, 3), side.ones(4, 5)),
    "linear_types": lambda side: side.nn.functional.linear(side.ones(2, 3), side.ones(4, 3).double()),
    "conv_channels": lambda side: side.nn.functional.conv2d(side.ones(1, 3, 8, 8), side.ones(4, 2, 3, 3)),
    "conv_rank": lambda side: side.nn.functional.conv2d(side.ones(8, 8), side.ones(4, 2, 3, 3)),
    "conv_kernel": lambda side: side.nn.functional.conv2d(side.ones(1, 3, 2, 2), side.ones(4, 3, 3, 3)),
    "conv_bias": lambda side: side.nn.functional.conv2d(side.ones(1, 3, 8, 8), side.ones(4, 3, 3, 3), side.ones(5)),
    "conv_same": lambda side: side.nn.functional.conv2d(side.ones(1, 3, 8, 8), side.ones(4, 3, 3, 3), padding="same",
                                                        stride=2),
    "batch_norm": lambda side: side.nn.functional.batch_norm(side.ones(1, 3), None, None, training=True),
    "batch_norm_size": lambda side: side.nn.functional.batch_norm(side.ones(2, 3), side.ones(4), side.ones(4)),
    "layer_norm": lambda side: side.nn.functional.layer_norm(side.ones(2, 3), (4,)),
    "target": lambda side: side.nn.functional.cross_entropy(side.ones(2, 3), side.tensor([0, 5])),
    "target_type": lambda side: side.nn.functional.cross_entropy(side.ones(2, 3), side.ones(2)),
    "target_batch": lambda side: side.nn.functional.cross_entropy(side.ones(2, 3), side.tensor([0, 1, 2])),
    "embedding": lambda side: side.nn.functional.embedding(side.tensor([0, 7]), side.ones(3, 2)),
    "embedding_type": lambda side: side.nn.functional.embedding(side.ones(2), side.ones(3, 2)),
    "one_hot": lambda side: side.nn.functional.one_hot(side.tensor([0, 7]), 3),
    "reduction": lambda side: side.nn.functional.mse_loss(side.ones(2), side.ones(2), reduction="foo"),
    "logits_size": lambda side: side.nn.functional.binary_cross_entropy_with_logits(side.ones(2), side.ones(3)),
    "pad": lambda side: side.nn.functional.pad(side.ones(1, 1, 4), (4, 4), mode="reflect"),
    "pool": lambda side: side.nn.functional.max_pool2d(side.ones(1, 1, 2, 2), 3),
}  # fmt: skip


@pytest.mark.parametrize("call", ERRORS.values(), ids=ERRORS)
def test_errors(call: Callable[[Any], Any]):
    agree_on_error(call)


GRAD_NAMES: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda side, x: side.nn.functional.linear(x, side.ones(2, 4), side.ones(2)),
    "relu": lambda side, x: side.relu(x),
    "softmax": lambda side, x: x.softmax(1),
    "cross_entropy": lambda side, x: side.nn.functional.cross_entropy(x, side.tensor([0, 1])),
    "mse_loss": lambda side, x: side.nn.functional.mse_loss(x, side.zeros(2, 4)),
    "layer_norm": lambda side, x: side.nn.functional.layer_norm(x, (4,)),
    "dropout": lambda side, x: side.nn.functional.dropout(x),
    "embedding": lambda side, x: side.nn.functional.embedding(side.tensor([1]), x),
    "conv2d": lambda side, x: side.nn.functional.conv2d(x.reshape(1, 1, 2, 4), side.ones(1, 1, 2, 2)),
    "max_pool2d": lambda side, x: side.nn.functional.max_pool2d(x.reshape(1, 1, 2, 4), 2),
    "batch_norm": lambda side, x: side.nn.functional.batch_norm(x, None, None, training=True),
}


@pytest.mark.parametrize("call", GRAD_NAMES.values(), ids=GRAD_NAMES)
def test_grad_nodes_have_torchs_names(call: Callable[[Any, Any], Any]):
    names = [type(call(side, side.ones(2, 4, requires_grad=True)).grad_fn).__name__ for side in (torch, jtorch)]
    assert names[0] == names[1]


def test_half_types_are_computed_in_float32():
    x = [[1.0, 2.0, 3.0], [300.0, 200.0, 100.0]]
    for name in ("softmax", "layer_norm", "gelu"):
        arguments = {"softmax": (1,), "layer_norm": ((3,),), "gelu": ()}[name]
        agree(
            lambda side, name=name, a=arguments: getattr(side.nn.functional, name)(side.tensor(x).bfloat16(), *a),
            rtol=1e-2, atol=1e-2,
        )  # fmt: skip


def test_module_is_a_namespace_of_functions():
    assert F.relu is jtorch.nn.functional.relu and callable(F.conv2d)
