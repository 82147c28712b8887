"""One side of a workload, in a process of its own.

``python -m bench.sides SIDE WORKLOAD DEVICE DTYPE STATE`` builds it and trains the first steps, then answers words,
each with a line of JSON: ``forward``, ``backward`` or ``step`` chooses what is timed and warms it up; ``go`` times a
block and gives the seconds a step; ``look`` looks into one step of that kind. ``STATE`` is the file of initial
parameters that the JAX side starts from; the side named ``state`` writes it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench import inside
from bench.turns import serve

clock = time.perf_counter
WARM_SECONDS = 0.5  # at least, for each kind
BLOCK_SECONDS = 0.15
FIRST = 3  # steps whose losses are compared


class Placed:
    """A workload's batches as a side needs them; what is given again is converted once."""

    def __init__(self, batch: Callable[[int], tuple], convert: Callable[[Any], Any]):
        self.batch, self.convert = batch, convert
        self.known: dict[int, tuple[Any, Any]] = {}

    def __call__(self, i: int) -> tuple:
        return tuple(self._placed(x) for x in self.batch(i))

    def _placed(self, x: Any) -> Any:
        found = self.known.get(id(x))
        if found is None:
            found = self.known[id(x)] = (x, self.convert(x))  # holds x, so that its id stays its own
        return found[1]


class TorchRunner:
    """PyTorch or jtorch, from the same plain source; optionally compiled by its `torch.compile`."""

    def __init__(self, name: str, workload: Any, device: str, dtype: str):
        self.workload, self.device, self.dtype = workload, device, dtype
        self.library, _, compiled = name.partition("_")
        self.compiled = bool(compiled)
        self.torch = torch = importlib.import_module(self.library)
        if self.library == "torch" and device == "cuda":
            allowed = os.environ["JAX_DEFAULT_MATMUL_PRECISION"] == "tensorfloat32"  # what the XLA sides go by
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed

    def build(self) -> None:
        torch = self.torch
        torch.manual_seed(0)
        self.side = side = self.workload.torch_side(torch)
        self.batch = side.batch
        self.model = side.model
        if self.dtype != "float32" or self.device != "cpu":
            dtype = getattr(torch, self.dtype)
            self.model.to(device=self.device, dtype=dtype)
            self.batch = Placed(side.batch, lambda x: x.to(self.device, dtype if x.is_floating_point() else x.dtype))
        if self.compiled and self.library == "torch":
            self.model = torch.compile(side.model)

    def function(self, kind: str) -> Callable[[int], Any]:
        """What a step of this kind does; it returns the loss, not read yet."""
        torch, side, batch, model = self.torch, self.side, self.batch, self.model

        def forward(*args: Any) -> Any:
            with torch.no_grad():
                return side.loss(model, *args)

        def backward(*args: Any) -> Any:
            model.zero_grad()
            loss = side.loss(model, *args)
            loss.backward()
            return loss

        def step(*args: Any) -> Any:
            side.optimizer.zero_grad()
            loss = side.loss(model, *args)
            loss.backward()
            side.optimizer.step()
            return loss

        done = {"forward": forward, "backward": backward, "step": step if side.optimizer else forward}[kind]
        if self.compiled and self.library == "jtorch":
            done = torch.compile(done)
        return lambda i: done(*batch(i))

    def programs(self) -> dict[str, int]:
        return inside.jtorch_programs() if self.library == "jtorch" else {}

    def memory(self, run: Callable[[int], float]) -> int | None:
        if self.library == "jtorch":
            return inside.jtorch_bytes(lambda: run(0))
        return inside.torch_bytes(self.torch, self.side, self.batch(0), self.device, lambda: run(0))

    def host(self, run: Callable[[int], float]) -> dict[str, float]:
        return inside.jtorch_host(run) if self.library == "jtorch" else {}


class JaxRunner:
    """Hand-written JAX: jit of the whole step, parameters and optimizer state donated."""

    def __init__(self, workload: Any, dtype: str, state: str):
        self.jax, self.optax = importlib.import_module("jax"), importlib.import_module("optax")
        self.workload, self.dtype, self.state = workload, dtype, state

    def _converted(self, x: Any) -> Any:
        jnp = self.jax.numpy
        x = jnp.array(x)  # a copy: what is donated may belong to nobody else
        return x.astype(self.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

    def build(self) -> None:
        with np.load(self.state) as file:
            self.side = side = self.workload.jax_side(dict(file))
        params = self.jax.tree.map(self._converted, side.params)
        self.train = params.pop("train", {})
        self.kept = params
        self.batch = Placed(side.batch, self._converted)
        self.moments = side.optimizer.init(self.train) if side.optimizer else None

    def _loss(self, train: Any, kept: Any, *args: Any) -> tuple[Any, Any]:
        found = self.side.loss({**kept, "train": train}, *args)
        if not self.side.keeps:
            return found, kept
        loss, new = found
        return loss, {name: value for name, value in new.items() if name != "train"}

    def _backward(self, train: Any, kept: Any, *args: Any) -> Any:
        (loss, kept), grads = self.jax.value_and_grad(self._loss, has_aux=True)(train, kept, *args)
        return loss, kept, grads

    def _step(self, train: Any, kept: Any, moments: Any, *args: Any) -> Any:
        loss, kept, grads = self._backward(train, kept, *args)
        updates, moments = self.side.optimizer.update(grads, moments, train)
        return loss, self.optax.apply_updates(train, updates), kept, moments

    def function(self, kind: str) -> Callable[[int], Any]:
        def jit(fn: Callable, donated: tuple[int, ...]) -> Callable:
            return self.jax.jit(fn, donate_argnums=donated) if self.side.jit else fn

        if kind == "forward" or self.side.optimizer is None:
            run = jit(self._loss, (1,))

            def forward(i: int) -> Any:
                loss, self.kept = run(self.train, self.kept, *self.batch(i))
                return loss

            return forward
        if kind == "backward":
            run = jit(self._backward, (1,))

            def backward(i: int) -> Any:
                loss, self.kept, self.grads = run(self.train, self.kept, *self.batch(i))
                return loss

            return backward
        run = jit(self._step, (0, 1, 2))

        def step(i: int) -> Any:
            loss, self.train, self.kept, self.moments = run(self.train, self.kept, self.moments, *self.batch(i))
            return loss

        return step

    def programs(self) -> dict[str, int]:
        return {}

    def memory(self, run: Callable[[int], float]) -> int | None:
        return inside.jax_bytes()

    def host(self, run: Callable[[int], float]) -> dict[str, float]:
        return {}


class Side:
    """Runs one side: its first steps, then what it is asked for."""

    def __init__(self, runner: TorchRunner | JaxRunner, period: int):
        self.runner, self.period = runner, period
        self.block = period

    def start(self) -> dict:
        """The first steps, timed from before the model is built; importing is over by then."""
        began = clock()
        self.runner.build()
        built = clock() - began
        side = self.runner.side
        self._choose("step")
        losses, marks = [], []
        for _ in range(max(FIRST, self.period)):
            losses.append(self.run(self.i))
            self.i += 1
            marks.append(clock() - began)
        return {
            "built": built,
            "first": marks[0],
            "third": marks[2],
            "period": marks[self.period - 1] - built,
            "losses": losses[:FIRST],
            "programs": self.runner.programs(),
            "trains": side.optimizer is not None,
            "draws": getattr(side, "draws", False),
        }

    def _choose(self, kind: str) -> None:
        self.chosen, self.i = kind, 0
        work = self.runner.function(kind)
        self.run = lambda i: work(i).item()

    def _timed(self, steps: int) -> float:
        """Seconds a step."""
        run, first = self.run, self.i
        self.i += steps
        began = clock()
        for i in range(first, first + steps):
            run(i)
        return (clock() - began) / steps

    def kind(self, kind: str) -> dict:
        """Warms a kind up: every batch three times and for some time. Then a block's length is chosen."""
        if kind != self.chosen:
            self._choose(kind)
        began, seconds = clock(), []
        while self.i < 3 * self.period or not seconds or clock() - began < WARM_SECONDS:
            seconds.append(self._timed(self.period))
        self.block = self.period * max(1, round(BLOCK_SECONDS / min(seconds) / self.period))
        return {"block": self.block, "seconds": min(seconds), "programs": self.runner.programs()}

    def answer(self, word: str) -> str:
        if word == "go":
            return str(self._timed(self.block))
        if word == "look":
            return json.dumps({"memory": self.runner.memory(self.run), **self.runner.host(self.run)})
        return json.dumps(self.kind(word))


def write_state(workload: Any, file: str) -> None:
    """Writes the initial parameters as every side draws them."""
    torch = importlib.import_module("torch")
    torch.manual_seed(0)
    state = workload.torch_side(torch).model.state_dict()
    np.savez(file, **{name: value.numpy() for name, value in state.items()})


def main() -> None:
    name, which, device, dtype, state = sys.argv[1:]
    workload = importlib.import_module(f"bench.workloads.{which}")
    if name == "state":
        write_state(workload, state)
        return
    runner = JaxRunner(workload, dtype, state) if name == "jax" else TorchRunner(name, workload, device, dtype)
    side = Side(runner, getattr(workload, "PERIOD", 1))
    serve(side.answer, json.dumps(side.start()))


if __name__ == "__main__":
    main()
