"""Convolutions of real layers, forward and both gradients: the forms jtorch chooses against `lax` and torch.

python -m bench.kernels            # every shape, each side in a process of its own
python -m bench.kernels r64 dw     # some
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch.nn.functional._conv_forms import convolution

# Name: batch, channels, height and width, outputs, kernel, stride, padding, groups.
SHAPES = {
    "stem": (64, 3, 32, 64, 3, 1, 1, 1), "r64": (64, 64, 32, 64, 3, 1, 1, 1), "r64s2": (64, 64, 32, 128, 3, 2, 1, 1),
    "skip": (64, 64, 32, 128, 1, 2, 0, 1), "r128": (64, 128, 16, 128, 3, 1, 1, 1),
    "r256": (64, 256, 8, 256, 3, 1, 1, 1), "r512": (64, 512, 4, 512, 3, 1, 1, 1),
    "small": (64, 512, 1, 512, 3, 1, 1, 1),
    "stem7": (64, 3, 32, 64, 7, 2, 3, 1), "digits1": (64, 1, 8, 16, 3, 1, 1, 1), "digits2": (64, 16, 8, 32, 3, 1, 1, 1),
    "dw": (64, 64, 16, 64, 3, 1, 1, 64), "dws2": (64, 64, 32, 64, 3, 2, 1, 64),
    "pw": (64, 64, 16, 128, 1, 1, 0, 1), "patch": (64, 3, 32, 192, 4, 4, 0, 1),
}  # fmt: skip
OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}
BUDGET_S = 0.1


def timed(call: Callable[[], object]) -> float:
    """Median milliseconds of a call."""
    call()
    began, times = time.perf_counter(), []
    while len(times) < 3 or time.perf_counter() - began < BUDGET_S:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times) * 1e3


def arrays(name: str) -> tuple[np.ndarray, np.ndarray]:
    batch, inputs, size, outputs, kernel, _, _, groups = SHAPES[name]
    draw = np.random.default_rng(0).standard_normal
    return draw((batch, inputs, size, size), np.float32), draw((outputs, inputs // groups, kernel, kernel), np.float32)


def of_torch(name: str) -> list[float]:
    torch = importlib.import_module("torch")  # not in the other sides' processes
    *_, stride, padding, groups = SHAPES[name]
    x, w = map(torch.from_numpy, arrays(name))
    y = torch.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)
    rest = (None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups)
    backward = torch.ops.aten.convolution_backward
    return [
        timed(lambda: torch.nn.functional.conv2d(x, w, None, stride, padding, 1, groups)),
        timed(lambda: backward(y, x, w, *rest, [True, False, False])),
        timed(lambda: backward(y, x, w, *rest, [False, True, False])),
    ]


def of_jax(name: str, form: str) -> list[float]:
    """Channels are innermost outside the timed program, as they are between the layers of a network."""
    *_, stride, padding, groups = SHAPES[name]
    steps, pads = (stride, stride), [(padding, padding)] * 2
    x, w = arrays(name)
    x, w = jnp.array(x.transpose(0, 2, 3, 1)), jnp.array(w.transpose(2, 3, 1, 0))

    def conv(x: jax.Array, w: jax.Array) -> jax.Array:
        if form == "lax":
            return lax.conv_general_dilated(
                x, w, steps, pads, dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
            )
        out = convolution(jnp.moveaxis(x, -1, 1), w.transpose(3, 2, 0, 1), steps, pads, (1, 1), groups)
        return jnp.moveaxis(out, 1, -1)

    g = jnp.ones(jax.eval_shape(conv, x, w).shape, jnp.float32)
    programs = (
        conv,
        lambda x, w, g: jax.vjp(lambda x: conv(x, w), x)[1](g)[0],
        lambda x, w, g: jax.vjp(lambda w: conv(x, w), w)[1](g)[0],
    )
    found = []
    for program, given in zip(programs, ((x, w), (x, w, g), (x, w, g)), strict=True):
        compiled = jax.jit(program).lower(*given).compile(compiler_options=OPTIONS)
        found.append(timed(lambda run=compiled, a=given: run(*a).block_until_ready()))
    return found


def main() -> None:
    side, *names = sys.argv[1:] or ["all"]
    if side not in ("torch", "lax", "chosen"):
        names = [side, *names] if side != "all" else list(SHAPES)
        for each in ("torch", "lax", "chosen"):
            subprocess.run([sys.executable, "-m", "bench.kernels", each, *names], check=True)
        return
    for name in names:
        forward, of_input, of_weight = of_torch(name) if side == "torch" else of_jax(name, side)
        print(f"{name:8} {side:7} result {forward:8.3f}  input {of_input:8.3f}  weight {of_weight:8.3f} ms", flush=True)


if __name__ == "__main__":
    main()
