"""Recurrent networks: all layers, directions and steps of one call are one recorded op.

https://docs.pytorch.org/docs/stable/nn.html#recurrent-layers
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, Arrays, Handle, Scalar, composite, op, to_host
from jtorch._declare.autocast import state
from jtorch._declare.draws import keep_mask
from jtorch._declare.types import float32, float64
from jtorch._declare.variants import cast_to
from jtorch._ops import recurrence
from jtorch._ops.recurrence import gates_of_input, gru_cell, lstm_cell, lstm_layer, projected_lstm, recur

_CELLS = {
    "lstm": lstm_cell, "gru": gru_cell, "rnn_tanh": recurrence.tanh_cell, "rnn_relu": recurrence.relu_cell,
}  # fmt: skip


class _Weights(NamedTuple):
    """The parameters of one layer in one direction; biases are zeros where there are none."""

    of_input: Any
    of_state: Any
    input_bias: Any
    state_bias: Any
    projection: Any = None


def _grouped(weights: Sequence, has_biases: bool, projected: bool) -> list[_Weights]:
    each = 2 + 2 * has_biases + projected
    found = []
    for start in range(0, len(weights), each):
        w_in, w, *rest = (_wide(x) for x in weights[start : start + each])
        projection = rest.pop() if projected else None
        biases = rest if has_biases else [jnp.zeros(len(w), w.dtype)] * 2
        found.append(_Weights(w_in, w, biases[0], biases[1], projection))
    return found


def _wide(x: Any) -> Any:
    """Half types as float32."""
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 else x


def _direction(mode: str, x: Array, state: list, w: _Weights, mask: Array | None, reverse: bool) -> tuple[Array, list]:
    """One layer in one direction: (T, B, I) gives (T, B, H), and the last states (B, H)."""
    if mode == "lstm" and mask is None and w.projection is None:
        results: Any = lstm_layer(reverse, x, *state, w.of_input, w.of_state, w.input_bias + w.state_bias)
        return results[0], list(results[1:])
    gates = gates_of_input(x, w.of_input) + w.input_bias[:, None]
    turned, shift = tuple(s.T for s in state), w.state_bias[:, None]
    if w.projection is None:
        results: Any = recur(_CELLS[mode], reverse, gates, mask, turned, w.of_state, shift)
        seen, ends = results
    else:
        seen, ends = projected_lstm(reverse, gates, mask, turned, w.of_state, shift, w.projection)
    return seen.transpose(0, 2, 1), [s.T for s in ends]


def _layers(
    mode: str, x: Array, states: list, weights: list[_Weights], keeps: list, share: Any, bidirectional: bool,
    mask: Array | None,
) -> tuple[Array, list]:  # fmt: skip
    """All layers over (T, B, I); `states` are (layers * directions, B, H) each."""
    directions = 2 if bidirectional else 1
    ends: list = []
    for layer in range(len(weights) // directions):
        outs = []
        for d in range(directions):
            at = layer * directions + d
            out, last = _direction(mode, x, [s[at] for s in states], weights[at], mask, reverse=d == 1)
            outs.append(out)
            ends.append(last)
        x = jnp.concatenate(outs, -1) if bidirectional else outs[0]
        if layer < len(keeps):
            x = x * jnp.where(keeps[layer], 1 / share, 0).astype(x.dtype)
    return x, [jnp.stack(each) for each in zip(*ends, strict=True)]


@op(
    function=False, method=False, name="recurrent", residuals=True, grad=lambda specs, statics: _grad_name(*statics[3:])
)
def recurrent_op(
    input: Array, states: Arrays, weights: Arrays, keeps: Arrays, share: Scalar, mode: str, has_biases: bool,
    projected: bool, bidirectional: bool, batch_first: bool,
) -> tuple[Array, ...]:  # fmt: skip
    """Output (T, B, D * H) and last states; with `batch_first` the output and the input are (B, T, ...)."""
    x = _wide(input)
    x = x.swapaxes(0, 1) if batch_first else x
    share = jnp.asarray(share, x.dtype)
    groups = _grouped(weights, has_biases, projected)
    x, ends = _layers(mode, x, [_wide(s) for s in states], groups, keeps, share, bidirectional, None)
    x = x.swapaxes(0, 1) if batch_first else x
    return tuple(y.astype(input.dtype) for y in (x, *ends))


@op(function=False, method=False, name="recurrent_packed", residuals=True, grad="CatBackward0")
def packed_op(
    input: Array, states: Arrays, weights: Arrays, keeps: Arrays, share: Scalar, mode: str, has_biases: bool,
    projected: bool, bidirectional: bool, batch_sizes: tuple,
) -> tuple[Array, ...]:  # fmt: skip
    """The same for sequences of several lengths, packed: at each step `batch_sizes` of them go on. Computed padded."""
    seen = np.arange(batch_sizes[0]) < np.array(batch_sizes)[:, None]
    places = np.where(seen, np.cumsum(seen).reshape(seen.shape) - 1, 0)
    share = jnp.asarray(share, _wide(input).dtype)
    padded = [jnp.where(seen[..., None], keep[places], True) for keep in keeps]
    x, ends = _layers(
        mode, jnp.where(seen[..., None], _wide(input)[places], 0), [_wide(s) for s in states],
        _grouped(weights, has_biases, projected), padded, share, bidirectional, jnp.asarray(seen[:, None]),
    )  # fmt: skip
    return tuple(y.astype(input.dtype) for y in (x[seen], *ends))


def _grad_name(mode: str, has_biases: bool, projected: bool, bidirectional: bool, batch_first: bool) -> str:
    if batch_first:
        return "TransposeBackward0" if mode == "lstm" and not projected else "TransposeBackward1"
    if bidirectional:
        return "CatBackward0"
    return "MkldnnRnnLayerBackward0" if mode == "lstm" and not projected else "StackBackward0"


def _run(mode: str, *args: Any, **kwargs: Any) -> tuple:
    """Both signatures torch has: a padded batch, or packed data and its batch sizes in second place."""
    names = ["input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first"]
    packed = "batch_sizes" in kwargs or (len(args) > 3 and not isinstance(args[3], bool))
    if packed:
        names = ["data", "batch_sizes", *names[1:-1]]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    data, hx, params = given[names[0]], given["hx"], list(given["params"])
    states = [hx] if isinstance(hx, Handle) else list(hx)
    biases, bidirectional = bool(given["has_biases"]), bool(given["bidirectional"])
    projected = mode == "lstm" and states[0].shape[2] != states[1].shape[2]
    cell_type = states[-1].dtype
    keeps_type = mode == "gru" or (mode == "lstm" and packed and not projected)
    data, *rest = _under_autocast(keeps_type, data, *states, *params)
    states, params = rest[: len(states)], rest[len(states) :]
    _check_types(data, states)
    keeps, dropout = [], float(given["dropout"])
    if given["train"] and dropout > 0:
        rows = tuple(data.shape[:1]) if packed else tuple(data.shape[:2])
        if not packed and given["batch_first"]:
            rows = rows[::-1]
        width = states[0].shape[2] * (2 if bidirectional else 1)
        keeps = [keep_mask(data, (*rows, width), 1 - dropout) for _ in range(int(given["num_layers"]) - 1)]
    settings = (states, params, keeps, 1 - dropout, mode, biases, projected, bidirectional)
    if packed:
        found = packed_op(data, *settings, tuple(int(n) for n in to_host(given["batch_sizes"])))
    else:
        found = recurrent_op(data, *settings, bool(given["batch_first"]))
    return (*found[:-1], _cast(found[-1], cell_type)) if projected else found


def _cast(x: Any, to: Any) -> Any:
    return x if x is None or x.dtype is to else cast_to(x, to)


def _under_autocast(keeps_type: bool, *tensors: Any) -> Sequence:
    """The tensors, the input first and None among them, that a network takes under autocast on the CPU: all of the
    half type, where what it computes does not keep a state's wider one."""
    if tensors[0].device.type != "cpu" or not state().is_on("cpu"):
        return tensors
    kinds = {t.dtype for t in tensors if t is not None}
    if float64 in kinds:
        return tensors
    to = float32 if keeps_type and tensors[1].dtype is float32 else state().dtype_of("cpu")
    return [_cast(t, to) for t in tensors]


def _check_types(data: Any, states: list) -> None:
    for t in states:
        if t.dtype is not data.dtype:
            first, second = t.dtype.type_name, data.dtype.type_name
            raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {first} and {second}")


_REST = "params, has_biases, num_layers, dropout, train, bidirectional"
_LAYER_FORMS = (f"data, batch_sizes, hx, {_REST}", f"input, hx, {_REST}, batch_first")


@composite(method=False, forms=_LAYER_FORMS)
def lstm(*args: Any, **kwargs: Any) -> tuple:
    """What nn.LSTM computes: output, last h, last c.

    Arguments: input (T, B, I), hx (h, c), params, has_biases, num_layers, dropout, train, bidirectional, batch_first;
    or packed data, batch_sizes, hx and the rest but batch_first.
    """
    return _run("lstm", *args, **kwargs)


def _of_one_state(mode: str, module: str) -> Callable:
    def call(*args: Any, **kwargs: Any) -> tuple:
        return _run(mode, *args, **kwargs)

    call.__name__ = call.__qualname__ = mode
    call.__doc__ = f"What {module} computes: output and last state; its arguments are those of `lstm`, hx one tensor."
    return composite(call, method=False, forms=_LAYER_FORMS)


gru = _of_one_state("gru", "nn.GRU")
rnn_tanh = _of_one_state("rnn_tanh", "nn.RNN")
rnn_relu = _of_one_state("rnn_relu", "nn.RNN with nonlinearity='relu'")


def _cell(
    mode: str, input: Array, state: tuple, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> Any:
    """One step of a cell, (B, I) and states (B, H) to new states."""
    gates, product = _wide(w_ih) @ _wide(input).T, _wide(w_hh) @ _wide(state[0]).T
    gates = gates if b_ih is None else gates + _wide(b_ih)[:, None]
    product = product if b_hh is None else product + _wide(b_hh)[:, None]
    new = _CELLS[mode](tuple(_wide(s).T for s in state), gates, product)
    return tuple(s.T.astype(input.dtype) for s in new)


@op(function=False, method=False, name="lstm_cell", grad="ThnnFusedLstmCellBackward0")
def lstm_cell_op(
    input: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> tuple[Array, Array]:
    return _cell("lstm", input, (h, c), w_ih, w_hh, b_ih, b_hh)


@composite(method=False, public="lstm_cell")
def lstm_cell_of_torch(
    input: Any, hx: Sequence, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> tuple[Any, Any]:
    """One step of an LSTM: (B, I) with hx = (h, c), both (B, H), gives the next h and c."""
    input, h, c, w_ih, w_hh, b_ih, b_hh = _under_autocast(True, input, *hx, w_ih, w_hh, b_ih, b_hh)
    _check_cell(input, h, w_ih, w_hh)
    return lstm_cell_op(input, h, c, w_ih, w_hh, b_ih, b_hh)


def _check_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any) -> None:
    if input.shape[1] != w_ih.shape[1]:
        raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]} expected {w_ih.shape[1]}")
    if hx.shape[1] != w_hh.shape[1]:
        raise RuntimeError(f"hidden0 has inconsistent hidden_size: got {hx.shape[1]}, expected {w_hh.shape[1]}")
    if input.shape[0] != hx.shape[0]:
        raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden0 batch size {hx.shape[0]}")
    if input.dtype is not w_ih.dtype:
        first, second = (t.dtype.type_name for t in (input, w_ih))
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {first} and {second}")


def _cell_of_one_state(mode: str, does: str) -> Callable:
    name = f"{mode}_cell"

    def body(
        input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None
    ) -> Array:
        return _cell(mode, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]

    body.__name__ = name
    step = op(function=False, method=False, name=name, grad=_CELL_GRADS[mode])(body)

    def call(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
        given = input, hx, w_ih, w_hh, b_ih, b_hh
        input, hx, w_ih, w_hh, b_ih, b_hh = _under_autocast(mode == "gru", *given)
        _check_cell(input, hx, w_ih, w_hh)
        return step(input, hx, w_ih, w_hh, b_ih, b_hh)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"One step of {does}: (B, I) with hx (B, H) gives the next (B, H)."
    return composite(call, method=False)


_CELL_GRADS = {"gru": "AddBackward0", "rnn_tanh": "TanhBackward0", "rnn_relu": "ReluBackward0"}
gru_cell_of_torch = _cell_of_one_state("gru", "a GRU")
rnn_tanh_cell = _cell_of_one_state("rnn_tanh", "an Elman network")
rnn_relu_cell = _cell_of_one_state("rnn_relu", "an Elman network with ReLU")
