"""What is timed, written once for both sides: each case takes ``torch`` or ``jtorch`` and returns a function to time.

The function does ``work`` units of work (steps, chains, operations) and returns the seconds they took.
``python -m bench.cases SIDE CASE`` warms a case up, then times a block for every line it reads.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.turns import serve

clock = time.perf_counter
CHAIN = 500


def timed(work: Callable[[], Any], times: int) -> Callable[[], float]:
    def block() -> float:
        began = clock()
        for _ in range(times):
            work()
        return clock() - began

    return block


def chain(torch: Any, requires_grad: bool = False) -> Callable[[], float]:
    """500 chained additions of 8x8 tensors ended by ``.item()``."""
    x, start = torch.rand(8, 8), torch.rand(8, 8, requires_grad=requires_grad)

    def work() -> float:
        y = start
        for _ in range(CHAIN):
            y = x + y
        return y.sum().item()

    return timed(work, 10)


def chain_grad(torch: Any) -> Callable[[], float]:
    return chain(torch, requires_grad=True)


def training(torch: Any, model: Any, x: Any, y: Any, loss_of: Any, times: int, lr: float = 1e-3) -> Callable[[], float]:
    """Steps of plain eager training with Adam, the loss read back after each."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return timed(step, times)


def tiny_mlp(torch: Any) -> Callable[[], float]:
    """4-16-2, batch 16."""
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    x, y = torch.randn(16, 4), torch.randint(2, (16,))
    return training(torch, model, x, y, nn.functional.cross_entropy, 200)


def mlp20(torch: Any) -> Callable[[], float]:
    """20 layers of width 64, batch 32."""
    nn = torch.nn
    layers = [layer for _ in range(19) for layer in (nn.Linear(64, 64), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(64, 64))
    x, y = torch.randn(32, 64), torch.randn(32, 64)
    return training(torch, model, x, y, nn.functional.mse_loss, 40)


def digits(torch: Any) -> Any:
    """The example's module, for its model; it looks for ``--torch`` on the command line."""
    path = Path(__file__).parents[1] / "examples" / "digits.py"
    spec = importlib.util.spec_from_file_location("digits", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.argv = ["digits.py", "--torch"] if torch.__name__ == "torch" else ["digits.py"]
    spec.loader.exec_module(module)
    return module


def digits_step(torch: Any) -> Callable[[], float]:
    """The digits example's CNN, batch 64."""
    model = digits(torch).Net()
    x, y = torch.rand(64, 1, 8, 8), torch.randint(10, (64,))
    return training(torch, model, x, y, torch.nn.functional.cross_entropy, 20)


def op_known(torch: Any) -> Callable[[], float]:
    """An addition on a path seen before; the result is read outside the time."""
    x = torch.rand(8, 8)

    def block() -> float:
        y = x
        began = clock()
        for _ in range(CHAIN):
            y = x + y
        seconds = clock() - began
        y.sum().item()
        return seconds

    return block


def op_new(torch: Any) -> Callable[[], float]:
    """An addition never recorded before: each block has a length of its own."""
    lengths = itertools.count(11)

    def block() -> float:
        x = torch.rand(next(lengths))
        x.sum().item()
        y = x
        began = clock()
        for _ in range(50):
            y = x + y
        return clock() - began

    return block


def backward_node(torch: Any) -> Callable[[], float]:
    """A node of a backward pass, on a known path; the gradient is read outside the time."""
    x = torch.rand(8, 8)

    def block() -> float:
        leaf = torch.ones(8, 8, requires_grad=True)
        y = leaf
        for _ in range(200):
            y = x * y
        y = y.sum()
        began = clock()
        y.backward()
        seconds = clock() - began
        leaf.grad.sum().item()
        return seconds

    return block


def optimizer_step(torch: Any) -> Callable[[], float]:
    """Adam's step over 40 parameters of 64x64 and 64, gradients given; one parameter is read at the end."""
    params = [torch.nn.Parameter(torch.rand(shape)) for _ in range(20) for shape in ((64, 64), (64,))]
    optimizer = torch.optim.Adam(params, lr=1e-3)
    for param in params:
        param.grad = torch.rand(param.shape)

    def block() -> float:
        began = clock()
        for _ in range(20):
            optimizer.step()
        params[1].sum().item()
        return clock() - began

    return block


def row_gradients(torch: Any) -> Callable[[], float]:
    """The gradient of an MLP's loss for each row of a batch: `vmap` of `grad`."""
    nn, func = torch.nn, torch.func
    model = nn.Sequential(nn.Linear(32, 64), nn.Tanh(), nn.Linear(64, 1))
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    x, y = torch.randn(256, 32), torch.randn(256, 1)

    def loss(given: dict, row: Any, wanted: Any) -> Any:
        return ((func.functional_call(model, given, (row,)) - wanted) ** 2).sum()

    slopes = func.vmap(func.grad(loss), in_dims=(None, 0, 0))
    return timed(lambda: sum(g.sum() for g in slopes(parameters, x, y).values()).item(), 20)


# The function, units of work in a block, and what a unit is.
CASES: dict[str, tuple[Callable[[Any], Callable[[], float]], int, str]] = {
    "chain": (chain, 10, "chain of 500"),
    "chain_grad": (chain_grad, 10, "chain of 500"),
    "tiny_mlp": (tiny_mlp, 200, "training step"),
    "mlp20": (mlp20, 40, "training step"),
    "digits_step": (digits_step, 20, "training step"),
    "row_gradients": (row_gradients, 20, "batch of 256"),
    "op_known": (op_known, CHAIN, "operation"),
    "op_new": (op_new, 50, "operation"),
    "backward_node": (backward_node, 200, "node"),
    "optimizer_step": (optimizer_step, 20, "step of 40 parameters"),
}


def main() -> None:
    side, case = sys.argv[1:]
    torch = importlib.import_module(side)
    torch.manual_seed(0)
    block = CASES[case][0](torch)
    for _ in range(3):
        block()
    serve(lambda _: block())


if __name__ == "__main__":
    main()
