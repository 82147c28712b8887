"""One layer of a recurrent network in one direction: the loops over time.

Inside a loop a state is (features, batch), so that the product of a step is `weight @ state`: XLA's CPU product of
(512, 128) with (128, 32) takes 25 us, that of (32, 128) with (128, 512) 49. The input's part of the gates is one
product before the loop, the weights' gradient one after it: `jax.vjp` of a scan would add it up step by step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def gates_of_input(x: Any, weight: Any) -> Any:
    """(T, B, I) with (G, I) gives (T, G, B). A bias is added in the loop: here it costs a pass over the gates."""
    t, b, width = x.shape
    return (x.reshape(t * b, width) @ weight.T).reshape(t, b, -1).transpose(0, 2, 1)


def _over_time(gradient: Any) -> Any:
    """(T, G, B) as (G, T * B): times what a weight multiplied, (T * B, H), it gives the weight's gradient."""
    return gradient.transpose(1, 0, 2).reshape(gradient.shape[1], -1)


def _advance(point: Callable, state: tuple, gates: Any, product: Any, mask: Any) -> tuple:
    new = point(state, gates, product)
    return new if mask is None else tuple(jnp.where(mask, n, old) for n, old in zip(new, state, strict=True))


def _run(point: Callable, reverse: bool, gates: Any, mask: Any, state: tuple, weight: Any, bias: Any) -> tuple:
    def step(state: tuple, now: tuple) -> tuple:
        product = weight @ state[0] + bias
        new = _advance(point, state, now[0], product, now[1])
        return new, (new[0], state, product)

    last, (seen, before, products) = lax.scan(step, state, (gates, mask), reverse=reverse)
    return (seen, last), (gates, mask, before, products, weight)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def recur(point: Callable, reverse: bool, gates: Any, mask: Any, state: tuple, weight: Any, bias: Any) -> tuple:
    """All states (T, H, B) and the last ones of `state = point(state, gates[t], weight @ state[0] + bias)`.

    Where `mask` (T, 1, B) is False a state stays as it is. `reverse` goes from the last gates to the first.
    """
    return _run(point, reverse, gates, mask, state, weight, bias)[0]


def _recur_backward(point: Callable, reverse: bool, kept: tuple, cotangents: tuple) -> tuple:
    gates, mask, before, products, weight = kept
    transposed = weight.T

    def step(later: tuple, now: tuple) -> tuple:
        out, g, m, state, product = now
        _, vjp = jax.vjp(lambda s, g, p: _advance(point, s, g, p, m), state, g, product)
        earlier, of_gates, of_product = vjp((later[0] + out, *later[1:]))
        return (earlier[0] + transposed @ of_product, *earlier[1:]), (of_gates, of_product)

    of_seen, of_last = cotangents
    of_state, (of_gates, of_products) = lax.scan(
        step, of_last, (of_seen, gates, mask, before, products), reverse=not reverse
    )
    of_weight = _over_time(of_products) @ before[0].transpose(0, 2, 1).reshape(-1, weight.shape[1])
    return of_gates, None, of_state, of_weight, of_products.sum((0, 2))[:, None]


recur.defvjp(_run, _recur_backward)


def relu_cell(state: tuple, gates: Any, product: Any) -> tuple:
    """Elman's cell with ReLU."""
    total = gates + product
    return (jnp.where(total > 0, total, 0),)


def tanh_cell(state: tuple, gates: Any, product: Any) -> tuple:
    """Elman's cell. Elman, 1990."""
    return (jnp.tanh(gates + product),)


def gru_cell(state: tuple, gates: Any, product: Any) -> tuple:
    """Gates: reset, update, new. Cho et al., 2014."""
    (reset, update, new), (reset_h, update_h, new_h) = jnp.split(gates, 3), jnp.split(product, 3)
    new = jnp.tanh(new + jax.nn.sigmoid(reset + reset_h) * new_h)
    return (new + jax.nn.sigmoid(update + update_h) * (state[0] - new),)


def lstm_cell(state: tuple, gates: Any, product: Any) -> tuple:
    """Gates: input, forget, new, output. Hochreiter and Schmidhuber, 1997; Gers et al., 2000."""
    i, f, z, o = jnp.split(gates + product, 4)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(z)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def projected_lstm(
    reverse: bool, gates: Any, mask: Any, state: tuple, weight: Any, bias: Any, projection: Any
) -> tuple:
    """`recur` of the LSTM whose output is projected to fewer features. Sak et al., 2014."""

    def point(state: tuple, gates: Any, product: Any) -> tuple:
        h, c = lstm_cell(state, gates, product)
        return projection @ h, c

    def step(state: tuple, now: tuple) -> tuple:
        new = _advance(point, state, now[0], weight @ state[0] + bias, now[1])
        return new, new[0]

    last, seen = lax.scan(step, state, (gates, mask), reverse=reverse)
    return seen, last


# The LSTM again, written out: on CPU its training step takes half of what `recur` takes. All gates go through one
# formula, because XLA would make a loop of each slice: sigmoid(x) is tanh(x / 2) / 2 + 1 / 2, so a row is
# tanh(s x) s + (1 - s), s being 1/2 or 1. The input's part of the gates stays as its product gives it, (4H, T, B), and
# a step reads its rows from there: transposed, or written over by the activations, it would be copied.


def _scales(rows: int, like: Any) -> Any:
    return np.repeat(np.array([0.5, 0.5, 1, 0.5], like.dtype), rows // 4)[:, None]


def _at(stack: Any, t: Any, axis: int = 0) -> Any:
    return lax.dynamic_index_in_dim(stack, t, axis, False, allow_negative_indices=False)


def _put(stack: Any, value: Any, t: Any) -> Any:
    return lax.dynamic_update_index_in_dim(stack, value, t, 0, allow_negative_indices=False)


def _lstm_forward(reverse: bool, x: Any, h: Any, c: Any, w_in: Any, w: Any, bias: Any) -> tuple:
    """Activations (T, 4H, B), cells (T + 1, H, B) in the order of time with the first one, outputs (T, H, B)."""
    steps, batch, width = x.shape
    gates = (w_in @ x.transpose(2, 0, 1).reshape(width, -1)).reshape(-1, steps, batch)
    s, shift = _scales(len(w), x), bias[:, None]
    before, after = (1, 0) if reverse else (0, 1)

    def step(n: Any, carry: tuple) -> tuple:
        t = steps - 1 - n if reverse else n
        h, activations, cells, seen = carry
        activations = _put(activations, jnp.tanh((_at(gates, t, 1) + w @ h + shift) * s) * s + (1 - s), t)
        i, f, z, o = jnp.split(_at(activations, t), 4)
        cells = _put(cells, f * _at(cells, t + before) + i * z, t + after)
        seen = _put(seen, o * jnp.tanh(_at(cells, t + after)), t)
        return _at(seen, t), activations, cells, seen

    empty = jnp.zeros((steps, *h.T.shape), h.dtype)
    first = c.T[None]
    cells = jnp.concatenate([empty, first] if reverse else [first, empty])
    activations = jnp.zeros((steps, len(w), batch), x.dtype)
    return lax.fori_loop(0, steps, step, (h.T, activations, cells, empty))[1:]


def _lstm_results(reverse: bool, cells: Any, seen: Any) -> tuple:
    outputs = seen.transpose(0, 2, 1)
    return (outputs, outputs[0], cells[0].T) if reverse else (outputs, outputs[-1], cells[-1].T)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def lstm_layer(reverse: bool, x: Any, h: Any, c: Any, w_in: Any, w: Any, bias: Any) -> tuple:
    """Outputs (T, B, H) and the last h and c (B, H) of one direction over (T, B, I)."""
    _, cells, seen = _lstm_forward(reverse, x, h, c, w_in, w, bias)
    return _lstm_results(reverse, cells, seen)


def _lstm_kept(reverse: bool, *given: Any) -> tuple:
    activations, cells, seen = _lstm_forward(reverse, *given)
    results = _lstm_results(reverse, cells, seen)
    return results, (given, activations, cells, results[0])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _lstm_gradients(
    reverse: bool, given: tuple, activations: Any, cells: Any, outputs: Any, cotangents: tuple
) -> tuple:
    x, h, _, w_in, w, _ = given
    of_outputs, of_h, of_c = cotangents
    steps, hidden, width = len(x), w.shape[1], x.shape[2]
    before, after = (cells[1:], cells[:-1]) if reverse else (cells[:-1], cells[1:])
    a = activations.reshape(steps, 4, hidden, -1)
    i, f, z, o = (a[:, k] for k in range(4))
    s = _scales(len(w), x).reshape(4, hidden, 1)
    gate = lax.broadcasted_iota(jnp.int32, a.shape, 1)
    squashed = jnp.tanh(after)
    # What multiplies the cell's gradient (the output's, in the last gate), and the output's on its way to the cell.
    other = _choose(gate, *(v[:, None] for v in (z, before, i, squashed)))
    slopes = (s * s - (a + (s - 1)) ** 2) * other
    through = o * (1 - squashed * squashed)
    transposed, out = w.T, of_outputs.transpose(0, 2, 1)

    def step(n: Any, carry: tuple) -> tuple:
        t = n if reverse else steps - 1 - n
        of_h, of_c, slopes = carry
        of_h = of_h + _at(out, t)
        of_c = of_c + of_h * _at(through, t)
        slopes = _put(slopes, _at(slopes, t) * jnp.where(gate[0] < 3, of_c[None], of_h[None]), t)
        of_gates = _at(slopes, t).reshape(len(w), -1)
        return transposed @ of_gates, of_c * _at(f, t), slopes

    of_h, of_c, of_gates = lax.fori_loop(0, steps, step, (of_h.T, of_c.T, slopes))
    of_gates = _over_time(of_gates.reshape(activations.shape))
    of_x = (w_in.T @ of_gates).reshape(width, steps, -1).transpose(1, 2, 0)
    earlier = jnp.concatenate([outputs[1:], h[None]] if reverse else [h[None], outputs[:-1]])
    # The bias takes a product for its sum: as a reduction XLA makes a reduce-window of it.
    of_bias = of_gates @ jnp.ones(of_gates.shape[1], x.dtype)
    return (
        of_x, of_h.T, of_c.T, of_gates @ x.reshape(-1, width), of_gates @ earlier.reshape(-1, hidden), of_bias
    )  # fmt: skip


def _choose(number: Any, *arrays: Any) -> Any:
    """Of arrays that broadcast, the one of each element's number; a concatenation would not vectorise."""
    out = arrays[-1]
    for k in range(len(arrays) - 2, -1, -1):
        out = jnp.where(number == k, arrays[k], out)
    return out


def _plain_lstm(reverse: bool, x: Any, h: Any, c: Any, w_in: Any, w: Any, bias: Any) -> tuple:
    results: Any = recur(lstm_cell, reverse, gates_of_input(x, w_in), None, (h.T, c.T), w, bias[:, None])
    seen, last = results
    return seen.transpose(0, 2, 1), last[0].T, last[1].T


def _lstm_gradients_kept(reverse: bool, given: tuple, activations: Any, cells: Any, outputs: Any, of: tuple) -> tuple:
    return _lstm_gradients(reverse, given, activations, cells, outputs, of), (given, activations, cells, outputs, of)


def _lstm_second_gradients(reverse: bool, kept: tuple, cotangents: tuple) -> tuple:
    """Gradients of gradients, through the plain form: differentiated, the loop above would keep every state of the
    arrays it writes over. What was kept depends on the inputs alone, so all of it counts as theirs."""
    given, activations, cells, outputs, of = kept

    def gradients(given: tuple, of: tuple) -> tuple:
        return jax.vjp(functools.partial(_plain_lstm, reverse), *given)[1](of)

    of_given, of_of = jax.vjp(gradients, given, of)[1](cotangents)
    return (of_given, *(jnp.zeros_like(k) for k in (activations, cells, outputs)), of_of)


_lstm_gradients.defvjp(_lstm_gradients_kept, _lstm_second_gradients)
lstm_layer.defvjp(_lstm_kept, lambda reverse, kept, cotangents: _lstm_gradients(reverse, *kept, cotangents))
