"""The arithmetic of the optimizers: pure functions over lists of arrays, the only part of optim that sees an array.

Each takes ``(tensors, numbers, statics)``. ``tensors`` holds one list per kind (parameters, state, gradients), all in
the order of the parameters; ``numbers`` are 0-d float64 arrays, data, so that a new learning rate is no new program;
``statics`` are the flags that choose the formula. The result has the new arrays of every kind, and None for the
gradients, which are only read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

Tensors = Sequence[Sequence[Array]]
Numbers = Sequence[Array]
Updated = list[list[Array] | None]


class SGDFlags(NamedTuple):
    """What chooses SGD's formula."""

    maximize: bool
    decays: bool
    momentum: bool
    nesterov: bool


class AdamFlags(NamedTuple):
    """What chooses Adam's formula; ``decay`` is "none", "gradient" (Adam) or "parameter" (AdamW)."""

    maximize: bool
    decay: str
    amsgrad: bool


def _arithmetic_type(dtype: jnp.dtype) -> jnp.dtype:
    """Half types are computed in float32 and rounded once, when they are stored."""
    return jnp.promote_types(dtype, jnp.float32)


def _each(one: Callable[..., tuple], tensors: Tensors, numbers: Numbers) -> list[list[Array]]:
    """``one(numbers, *written, grad=grad)`` for each parameter, in its arithmetic type; the results list by list."""
    results = []
    for arrays in zip(*tensors, strict=True):
        wide = _arithmetic_type(arrays[0].dtype)
        scalar = jnp.finfo(wide).dtype
        *written, grad = (a.astype(wide) for a in arrays)
        new = one([n.astype(scalar) for n in numbers], *written, grad=grad)
        results.append([a.astype(arrays[0].dtype) for a in new])
    return [list(kind) for kind in zip(*results, strict=True)]


def sgd(tensors: Tensors, numbers: Numbers, statics: tuple) -> Updated:
    """Stochastic gradient descent on ``[params, grads]`` or, with momentum, ``[params, buffers, grads]``.

    ``numbers``: lr, weight decay, momentum, and the shares of the old buffer and of the gradient in the new one.
    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """
    flags = SGDFlags(*statics)

    def one(numbers, param, *buffer, grad):
        lr, decay, momentum, carried, kept = numbers
        if flags.maximize:
            grad = -grad
        if flags.decays:
            grad = optax.tree.add_scale(grad, decay, param)
        if flags.momentum:
            follow = optax.trace(carried)
            buffer = (follow.update(kept * grad, optax.TraceState(buffer[0]))[0],)
            grad = optax.tree.add_scale(grad, momentum, buffer[0]) if flags.nesterov else buffer[0]
        return optax.apply_updates(param, -lr * grad), *buffer

    return [*_each(one, tensors, numbers), None]


def _as_real(array: Array) -> Array:
    """Complex numbers as pairs of reals: torch's Adam scales the real and the imaginary part each by its own moment."""
    return jnp.stack([array.real, array.imag], -1) if jnp.iscomplexobj(array) else array


def _as_before(array: Array, like: Array) -> Array:
    return jax.lax.complex(array[..., 0], array[..., 1]) if jnp.iscomplexobj(like) else array


def adam(tensors: Tensors, numbers: Numbers, statics: tuple) -> Updated:
    """Adam, AdamW and AMSGrad on ``[params, exp_avgs, exp_avg_sqs, (AMSGrad: max_exp_avg_sqs), grads]``.

    ``numbers``: the decay (the weight decay when it goes into the gradient, ``1 - lr * weight_decay`` when into the
    parameter), 1 - beta1, beta2, 1 - beta2, ``lr / (1 - beta1**step)``, ``sqrt(1 - beta2**step)``, eps. Kingma and Ba,
    "Adam", 2015; Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; Reddi et al., "On the
    convergence of Adam and beyond", 2018.

    ``optax.scale_by_adam`` is the same method, but it counts the steps in an array and has ``1 - beta2`` and
    ``beta2**step`` in float32: 1.3e-5 off for beta2 = 0.999, which a loss shows within 100 steps. So torch's order is
    written out here; the tests compare it with both.
    """
    flags = AdamFlags(*statics)

    def one(numbers, param, mean, square, *most, grad):
        decay, fresh1, beta2, fresh2, step_size, correction, eps = numbers
        before = param
        param, grad, mean, square, *most = map(_as_real, (before, grad, mean, square, *most))
        if flags.maximize:
            grad = -grad
        if flags.decay == "parameter":
            param = decay * param
        elif flags.decay == "gradient":
            grad = optax.tree.add_scale(grad, decay, param)
        # From the nearer end, so that beta1 = 0 gives the gradient exactly.
        near = fresh1 < 0.5
        mean = jnp.where(near, mean, grad) + jnp.where(near, fresh1, fresh1 - 1) * (grad - mean)
        square = fresh2 * grad * grad + beta2 * square  # in this order XLA fuses the product torch fuses
        if flags.amsgrad:
            most = [jnp.maximum(most[0], square)]
        scale = jnp.sqrt(most[0] if flags.amsgrad else square) / correction + eps
        param = param - step_size * mean / scale
        return tuple(_as_before(a, before) for a in (param, mean, square, *most))

    return [*_each(one, tensors, numbers), None]
