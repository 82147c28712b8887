"""Gradients of gradients through recurrent networks, against torch."""

import numpy as np
import pytest

from compat_tests.harness.same import assert_same

# Constructor, shape of the input and of the states, batch sizes of packed data.
CASES = [
    *(
        case
        for name in ("LSTM", "GRU", "RNN")
        for case in [
            (f"{name}(3, 4, 2)", (5, 2, 3), (2, 2, 4), None),
            (f"{name}(3, 4, 2, bidirectional=True, batch_first=True)", (2, 5, 3), (4, 2, 4), None),
            (f"{name}(3, 4, bias=False)", (1, 2, 3), (1, 2, 4), None),
            (f"{name}(3, 4, bidirectional=True)", (8, 3), (2, 2, 4), [2, 2, 2, 1, 1]),
        ]
    ),
    ("RNN(3, 4, 2, nonlinearity='relu', bidirectional=True)", (5, 2, 3), (4, 2, 4), None),
    ("LSTM(3, 4, proj_size=2)", (5, 2, 3), (1, 2, 2), None),
]


def derivatives(torch, case):
    """Output, gradients of a loss of it and of the last state, and gradients of a number made of those."""
    text, shape, state, sizes = case
    torch.manual_seed(0)
    module = eval(f"torch.nn.{text}", {"torch": torch}).double()
    random = np.random.default_rng(0)

    def leaf(*shape):
        return torch.tensor(random.standard_normal(shape).tolist(), dtype=torch.float64).requires_grad_()

    x, h = leaf(*shape), leaf(*state)
    given = (h, leaf(*state[:2], 4)) if text.startswith("LSTM") else (h,)
    if sizes is None:
        output, last = module(x, given if len(given) > 1 else h)
        last = last[1] if len(given) > 1 else last
    else:
        function = {"L": torch.lstm, "G": torch.gru, "R": torch.rnn_tanh}[text[0]]
        states, weights = given if len(given) > 1 else h, list(module.parameters())
        output, *_, last = function(x, torch.tensor(sizes), states, weights, True, 1, 0.0, True, True)
    leaves = [x, *given, *module.parameters()]
    first = torch.autograd.grad((output**2).sum() + (last**3).sum(), leaves, create_graph=True)
    second = torch.autograd.grad(sum((g**2).sum() for g in first), leaves)
    return [output, *first, *second]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0] + ("" if case[3] is None else ", packed"))
def test_gradients_of_gradients(case):
    assert_same(lambda torch: derivatives(torch, case), rtol=1e-7, atol=1e-9)
