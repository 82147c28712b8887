"""Recurrent networks and their cells."""

from __future__ import annotations

import math
from typing import Any

from jtorch import _root as torch
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn
from jtorch.nn import init
from jtorch.nn.modules.module import Module
from jtorch.nn.parameter import Parameter

__all__ = ["RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: the parameters of all layers and directions, and the checks of a call.

    Layer ``k`` has ``weight_ih_l{k}`` (gates * hidden, input), ``weight_hh_l{k}`` (gates * hidden, hidden),
    ``bias_ih_l{k}``, ``bias_hh_l{k}`` and, with ``proj_size``, ``weight_hr_l{k}``; the other direction's end in
    ``_reverse``. All start uniform within ``1 / sqrt(hidden_size)``.
    """

    __constants__ = [
        "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional",
        "proj_size",
    ]  # fmt: skip
    __jit_unused_properties__ = ["all_weights"]

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        _check_dropout(dropout, num_layers)
        _check_sizes(mode, input_size, hidden_size, num_layers, proj_size)
        self._all_weights = []
        for layer in range(num_layers):
            for suffix in self._suffixes():
                shapes = self._shapes(layer)
                names = {name: f"{name}_l{layer}{suffix}" for name in shapes}
                self._all_weights.append(list(names.values()))
                for name, shape in shapes.items():
                    setattr(self, names[name], Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def _suffixes(self):
        return ("", "_reverse") if self.bidirectional else ("",)

    def _shapes(self, layer):
        """The parameters of a layer in one direction, by the first part of their names."""
        rows, output = _GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        width = output * len(self._suffixes()) if layer else self.input_size
        shapes = {"weight_ih": (rows, width), "weight_hh": (rows, output)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    @property
    def _flat_weights_names(self):
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self):
        return [getattr(self, name) for names in self._all_weights for name in names]

    @property
    def all_weights(self):
        """The parameters of each layer and direction, as lists."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Does nothing: XLA lays parameters out itself."""

    def reset_parameters(self) -> None:
        """Draws the first values anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def check_input(self, input, batch_sizes) -> None:
        """Raises torch's errors about the input's dtype, dimensions and width."""
        weight: Any = self._parameters[self._all_weights[0][0]]
        if input.dtype != weight.dtype and not torch.is_autocast_enabled(input.device.type):
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise cured(
                RuntimeError(
                    f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
                ),
                "the last dimension holds the features: nn.LSTM(input_size, ...) takes x of shape (L, "
                "N, input_size), with batch_first=True (N, L, input_size)",
            )

    def _batch(self, input, batch_sizes):
        return int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)

    def get_expected_hidden_size(self, input, batch_sizes):
        """The shape of the hidden state: (layers * directions, batch, features)."""
        rows = self.num_layers * len(self._suffixes())
        return (rows, self._batch(input, batch_sizes), self.proj_size or self.hidden_size)

    def check_hidden_size(self, hx, expected_hidden_size, msg="Expected hidden size {}, got {}") -> None:
        """Raises RuntimeError for a state of another shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input, hidden, batch_sizes) -> None:
        """Raises torch's errors about input and state."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx, permutation):
        """The state with its batch in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def _zeros(self, shape, like):
        return torch.zeros(shape, dtype=like.dtype, device=like.device)

    def _initial(self, input, batch_sizes):
        """The state before the first step where none is given."""
        return self._zeros(self.get_expected_hidden_size(input, batch_sizes), input)

    def _batched_state(self, hx, batched):
        """A given state with a batch dimension; torch's error where its number of dimensions is wrong."""
        if hx is None:
            return None
        if hx.dim() != (3 if batched else 2):
            raise RuntimeError(_wrong_state(batched, "hx", f"{hx.dim()}-D tensor"))
        return hx if batched else hx.unsqueeze(1)

    def _compute(self, function, input, hx):
        """The call of all modes: adds what is missing, runs `function`, takes away what was added."""
        if input.dim() not in (2, 3):
            words = " tensor" if self.mode.startswith("RNN") else ""
            raise ValueError(f"{_name(self)}: Expected input to be 2D or 3D, got {input.dim()}D{words} instead")
        batched, time = input.dim() == 3, 1 if self.batch_first else 0
        hx = self._batched_state(hx, batched)
        if not batched:
            input = input.unsqueeze(1 - time)
        hx = self._initial(input, None) if hx is None else hx
        self.check_forward_args(input, hx, None)
        if input.size(time) == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        output, *last = function(
            input, hx, self._flat_weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional,
            self.batch_first,
        )  # fmt: skip
        if not batched:
            output, last = output.squeeze(1 - time), [state.squeeze(1) for state in last]
        return output, last

    def extra_repr(self):
        text = "{input_size}, {hidden_size}"
        if self.proj_size != 0:
            text += ", proj_size={proj_size}"
        if self.num_layers != 1:
            text += ", num_layers={num_layers}"
        if self.bias is not True:
            text += ", bias={bias}"
        if self.batch_first is not False:
            text += ", batch_first={batch_first}"
        if self.dropout != 0:
            text += ", dropout={dropout}"
        if self.bidirectional is not False:
            text += ", bidirectional={bidirectional}"
        return text.format(**self.__dict__)


def _name(module):
    return "RNN" if module.mode.startswith("RNN") else module.mode


def _wrong_state(batched, names, found):
    kind = "batched 3-D" if batched else "unbatched 2-D"
    return f"For {kind} input, {names} should also be {3 if batched else 2}-D but got {found}"


def _check_dropout(dropout: Any, num_layers: int) -> None:
    if not isinstance(dropout, (int, float)) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
            f"greater than 1, but got dropout={dropout} and num_layers={num_layers}"
        )


def _check_sizes(mode, input_size, hidden_size, num_layers, proj_size):
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
    for name, size in (("hidden_size", hidden_size), ("num_layers", num_layers)):
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in _GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)


class RNN(RNNBase):
    """Elman's network: ``h = tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)``, step by step.

    From (time, batch, input_size) to the output (time, batch, directions * hidden_size) and the last state (layers *
    directions, batch, hidden_size); ``batch_first`` swaps time and batch of input and output.

    >>> import jtorch as torch
    >>> output, last = torch.nn.RNN(3, 4, num_layers=2)(torch.ones(5, 2, 3))
    >>> output.shape, last.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            self.nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            self.nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if self.nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self.nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{self.nonlinearity.upper()}", *args, **kwargs)

    def forward(self, input, hx=None):
        function = torch.rnn_tanh if self.mode == "RNN_TANH" else torch.rnn_relu
        output, last = self._compute(function, input, hx)
        return output, last[0]


class LSTM(RNNBase):
    """Long short-term memory. Hochreiter and Schmidhuber, 1997; ``proj_size``: Sak et al., 2014.

    From (time, batch, input_size) to the output (time, batch, directions * hidden_size) and the pair of last states
    (h, c), each (layers * directions, batch, hidden_size); ``batch_first`` swaps time and batch of input and output.

    >>> import jtorch as torch
    >>> output, (h, c) = torch.nn.LSTM(3, 4, bidirectional=True)(torch.ones(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input, batch_sizes):
        """The shape of the cell state: (layers * directions, batch, hidden_size)."""
        return (self.num_layers * len(self._suffixes()), self._batch(input, batch_sizes), self.hidden_size)

    def check_forward_args(self, input, hidden, batch_sizes) -> None:
        """Raises torch's errors about input and states."""
        self.check_input(input, batch_sizes)
        sizes = (self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes))
        for i, size in enumerate(sizes):
            self.check_hidden_size(hidden[i], size, f"Expected hidden[{i}] size {{}}, got {{}}")

    def permute_hidden(self, hx, permutation):
        """Both states with their batch in another order."""
        return hx if permutation is None else tuple(state.index_select(1, permutation) for state in hx)

    def _initial(self, input, batch_sizes):
        cell = self._zeros(self.get_expected_cell_size(input, batch_sizes), input)
        return super()._initial(input, batch_sizes), cell

    def _batched_state(self, hx, batched):
        if hx is None:
            return None
        h, c = hx[0], hx[1]
        if h.dim() != (3 if batched else 2) or c.dim() != (3 if batched else 2):
            raise RuntimeError(_wrong_state(batched, "hx and cx", f"({h.dim()}-D, {c.dim()}-D) tensors"))
        return (h, c) if batched else (h.unsqueeze(1), c.unsqueeze(1))

    def forward(self, input, hx=None):
        output, last = self._compute(torch.lstm, input, hx)
        return output, tuple(last)


class GRU(RNNBase):
    """Gated recurrent units. Cho et al., 2014. Input, output and last state are those of :class:`RNN`.

    >>> import jtorch as torch
    >>> output, last = torch.nn.GRU(3, 4, batch_first=True)(torch.ones(2, 5, 3))
    >>> output.shape, last.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args, **kwargs):
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input, hx=None):
        output, last = self._compute(torch.gru, input, hx)
        return output, last[0]


class RNNCellBase(Module):
    """What the cells share: ``weight_ih``, ``weight_hh`` and the biases, uniform within ``1 / sqrt(hidden_size)``."""

    __constants__ = ["input_size", "hidden_size", "bias"]

    input_size: int
    hidden_size: int
    bias: bool
    weight_ih: torch.Tensor
    weight_hh: torch.Tensor

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device=None, dtype=None) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows, made = num_chunks * hidden_size, {"device": device, "dtype": dtype}
        self.weight_ih = Parameter(torch.empty((rows, input_size), **made))
        self.weight_hh = Parameter(torch.empty((rows, hidden_size), **made))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(torch.empty(rows, **made)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the first values anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, function, input, hx):
        """One step of a cell, with a batch of one where the input has none."""
        if input.dim() not in (1, 2):
            raise ValueError(f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        batched, pair = input.dim() == 2, isinstance(self, LSTMCell)
        for i, state in enumerate(() if hx is None else hx if pair else (hx,)):
            if state.dim() not in (1, 2):
                what = f"hx[{i}]" if pair else "hidden"
                raise ValueError(f"{type(self).__name__}: Expected {what} to be 1D or 2D, got {state.dim()}D instead")
        input = input if batched else input.unsqueeze(0)
        if hx is None:
            zeros = torch.zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device)
            hx = (zeros, zeros) if pair else zeros
        elif not batched:
            hx = tuple(state.unsqueeze(0) for state in hx) if pair else hx.unsqueeze(0)
        new = function(input, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if batched:
            return new
        return tuple(state.squeeze(0) for state in new) if pair else new.squeeze(0)

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: (batch, input_size) and the state (batch, hidden_size) give the next state.

    >>> import jtorch as torch
    >>> torch.nn.RNNCell(3, 4)(torch.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    __constants__ = ["input_size", "hidden_size", "bias", "nonlinearity"]

    nonlinearity: str

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device=None, dtype=None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(torch.rnn_tanh_cell if self.nonlinearity == "tanh" else torch.rnn_relu_cell, input, hx)


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: (batch, input_size) and the pair (h, c) give the next pair.

    >>> import jtorch as torch
    >>> h, c = torch.nn.LSTMCell(3, 4)(torch.ones(2, 3))
    >>> h.shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        return self._step(torch.lstm_cell, input, hx)


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`: (batch, input_size) and the state (batch, hidden_size) give the next state.

    >>> import jtorch as torch
    >>> torch.nn.GRUCell(3, 4)(torch.ones(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input, hx=None):
        return self._step(torch.gru_cell, input, hx)
