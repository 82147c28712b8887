"""Sequences and choices: gumbel_softmax, CTC.

https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Dim, Handle, Scalar, composite, from_host, op, to_host
from jtorch._declare.checks import check_bounds
from jtorch._declare.draws import dense, drawn, geometry, in_memory_order, source
from jtorch._declare.once import warn
from jtorch._ops.refusals import HALF, floats_only
from jtorch.nn.functional._common import number, reduced, reduction_of, wide


@op(function=False, method=False, name="gumbel_softmax", grad="SoftmaxBackward0")
def gumbel_softmax_op(logits: Array, waits: Array, tau: Scalar, hard: bool, dim: Dim) -> Array:
    x = wide(logits)
    soft = jax.nn.softmax((x - jnp.log(wide(waits))) / number(tau, x), dim)
    if hard:
        best = jnp.argmax(soft, dim, keepdims=True)
        places = lax.broadcasted_iota(best.dtype, soft.shape, dim)
        # The value of the first two terms, the gradient of the last.
        soft = (places == best).astype(soft.dtype) - lax.stop_gradient(soft) + soft
    return soft.astype(logits.dtype)


@composite(method=False)
def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A softmax of `logits` with Gumbel noise; `hard` gives one-hot vectors with the gradient of the soft ones.

    Jang et al., 2017; Maddison et al., 2017.
    """
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.")
    kind = logits.dtype
    g = dense(geometry(logits))
    waits = drawn(lambda: np.asarray(
        in_memory_order(g, lambda size: source(None).exponential(tuple(size), kind.np)), order="C"
    ), kind, logits.device, g.size)  # fmt: skip
    return gumbel_softmax_op(logits, waits, float(tau), bool(hard), dim)


def _extended(targets: Array, blank: int) -> Array:
    """Blanks around every label: (N, S) gives (N, 2 S + 1)."""
    n, s = targets.shape
    return jnp.full((n, 2 * s + 1), blank, targets.dtype).at[:, 1::2].set(targets)


def _log_sum(a: Array, b: Array, c: Array) -> Array:
    """The logarithm of a sum of exponentials, with gradient 0 where all are minus infinity."""
    top = jnp.maximum(jnp.maximum(a, b), c)
    held = lax.stop_gradient(jnp.where(top == -jnp.inf, 0, top))
    total = jnp.exp(a - held) + jnp.exp(b - held) + jnp.exp(c - held)
    return jnp.where(total == 0, -jnp.inf, jnp.log(jnp.where(total == 0, 1, total)) + held)


def _ctc(log_p: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int) -> Array:
    """Minus the log-likelihood of each sequence, by the forward variables of Graves et al., 2006."""
    steps, batch = log_p.shape[:2]
    labels = _extended(targets, blank)
    place = jnp.arange(labels.shape[1])
    emitted = jnp.take_along_axis(log_p, jnp.broadcast_to(labels, (steps, *labels.shape)), 2)
    # Two places back may be skipped to where the label between is a blank and the two labels differ.
    two_back = jnp.pad(labels, ((0, 0), (2, 0)), constant_values=-1)[:, :-2]
    skips = (labels != blank) & (labels != two_back) & (place >= 2)
    start = jnp.where((place == 0) | ((place == 1) & (target_lengths[:, None] > 0)), emitted[0], -jnp.inf)

    def step(alpha: Array, now: tuple) -> tuple[Array, None]:
        t, emission = now
        one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=-jnp.inf)[:, :-1]
        two = jnp.where(skips, jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=-jnp.inf)[:, :-2], -jnp.inf)
        new = _log_sum(alpha, one, two) + emission
        return jnp.where((t < input_lengths)[:, None], new, alpha), None

    alpha, _ = lax.scan(step, start, (jnp.arange(1, steps), emitted[1:]))
    last = 2 * target_lengths[:, None]
    ends = [jnp.take_along_axis(alpha, jnp.maximum(last - k, 0), 1)[:, 0] for k in (0, 1)]
    second = jnp.where(target_lengths > 0, ends[1], -jnp.inf)
    nothing = jnp.full((batch,), -jnp.inf, log_p.dtype)
    found = -_log_sum(ends[0], second, nothing)
    return jnp.where(input_lengths == 0, jnp.where(target_lengths == 0, 0, jnp.inf), found)


def _saved_of_ctc(specs: tuple, statics: tuple, needs: tuple) -> str:
    _, reduction, zero_infinity = statics
    return "log_probs targets" if reduction != "none" or zero_infinity else "log_probs targets result"


@op(function=False, method=False, name="ctc_loss", grad="MeanBackward0", residuals=True,
    refuse=floats_only("ctc_loss_cpu", HALF), saves=_saved_of_ctc)  # fmt: skip
def ctc_op(
    log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int, reduction: str,
    zero_infinity: bool,
) -> Array:  # fmt: skip
    x = wide(log_probs)
    loss = _ctc(x, targets, input_lengths, target_lengths, blank)
    # torch's gradient is that of log_softmax and this loss together: it holds the softmax's own part already.
    p = jnp.where((jnp.arange(x.shape[0])[:, None] < input_lengths)[..., None], jnp.exp(x), 0)
    loss = loss + jnp.sum(p - lax.stop_gradient(p), (0, 2))
    if zero_infinity:
        loss = jnp.where(jnp.isinf(loss), 0, loss)
    if reduction == "mean":
        loss = loss / jnp.maximum(target_lengths, 1)
    return reduced(loss, reduction).astype(log_probs.dtype)


def _lengths(name: str, given: Any, place: Any) -> Any:
    """Lengths as a tensor on a device, from a tensor or a sequence of ints."""
    if isinstance(given, Handle):
        if given.dtype.is_floating_point:
            raise RuntimeError(f"{name} must be integral")
        return given.to(place)
    return from_host(np.array(given, np.int64).reshape(-1), place=place)


@op(function=False, method=False, name="padded_targets", differentiable=False)
def padded_targets_op(targets: Array, lengths: Array, width: int) -> Array:
    """Targets laid end to end as rows of one width."""
    starts = jnp.cumsum(lengths) - lengths
    at = jnp.minimum(starts[:, None] + jnp.arange(width), max(targets.size - 1, 0))
    return targets[at]


def _ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int, reduction: str,
    zero_infinity: bool,
) -> Any:  # fmt: skip
    batched = log_probs.ndim == 3
    place = log_probs.device
    given_in = _lengths("input_lengths", input_lengths, place)
    given_out = _lengths("target_lengths", target_lengths, place)
    if not batched:
        log_probs, targets = log_probs.unsqueeze(1), targets.reshape(1, -1)
        given_in, given_out = given_in.reshape(1), given_out.reshape(1)
    batch, classes = log_probs.shape[1:]
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, t in (("input_lengths", given_in), ("target_lengths", given_out)):
        if t.numel() != batch:
            raise RuntimeError(f"{name} must be of size batch_size")
    _check_lengths(log_probs.shape[0], targets, given_in, given_out)
    if targets.ndim == 1:
        # Without labels there is still one column, which no length reaches.
        width = max(targets.numel() - batch + 1, 1) if batch else 1
        width = targets.numel() if batch == 1 else width
        targets = padded_targets_op(targets, given_out, max(width, 1)) if targets.numel() else _no_targets(batch, place)
    elif targets.shape[1] == 0:
        targets = _no_targets(batch, place)
    loss = ctc_op(log_probs, targets, given_in, given_out, int(blank), reduction, bool(zero_infinity))
    return loss if batched or reduction != "none" else loss.reshape(())


def _check_lengths(steps: int, targets: Any, given_in: Any, given_out: Any) -> None:
    during = "(while checking arguments for ctc_loss_allocate_outputs)"

    def wrong(name: str, bound: str) -> Callable[[int], Exception]:
        return lambda n: RuntimeError(f"Expected {name} to have value {bound}, but got value {n} {during}")

    def too_few(_: int) -> Exception:
        return RuntimeError(
            f"Expected tensor to have size at least {to_host(given_out).max()} at dimension 1, but got size "
            f"{targets.shape[1]} for argument #2 'targets' {during}"
        )

    check_bounds(given_out, 0, _ANY, wrong("target_lengths", "at least 0"))
    if targets.ndim == 2:
        check_bounds(given_out, 0, targets.shape[1] + 1, too_few)
    check_bounds(given_in, 0, _ANY, wrong("input_lengths", "at least 0"))
    check_bounds(given_in, 0, steps + 1, wrong("input_lengths", f"at most {steps}"))


_ANY = 2**63


def _no_targets(batch: int, place: Any) -> Any:
    return from_host(np.zeros((batch, 1), np.int64), place=place)


@composite(method=False)
def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """Connectionist temporal classification: (T, N, C) log-probabilities against (N, S) labels, or labels end to end.

    Graves et al., 2006.
    """
    reduction_of(None, None, reduction)
    return _ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)


@composite(namespace="torch", method=False, public="ctc_loss")
def ctc_loss_of_torch(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: int = 1,
    zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """The function of torch.nn.functional with the reduction as a number."""
    named = ("none", "mean", "sum")[reduction]
    return _ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, named, zero_infinity)
