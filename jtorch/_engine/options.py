"""XLA's compile options for a program, by what it holds. Measurements: bench/NOTES.md.

They are given with each program, never through the user's environment. Only the CPU backend takes any: the defaults of
the others are made for the machines they were measured on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import jax

Options = dict[str, str | bool]

# XLA's kernel library YNNPACK reduces rows and multiplies matrices faster than XLA's own loops and Eigen (the sum of
# 2048x2048: 0.16 ms against 1.9; a training step of an MLP of 1M parameters: 3.1 against 5.2), and convolves slower
# (3x3, 64 channels: 14.5 against 9.3), so convolutions are left out of the default's list. Its maxima and minima pass
# over nan, so a program with matrices that reduces by them keeps XLA's own reductions.
_LIBRARY = "xla_cpu_experimental_ynn_fusion_type"
_DOTS = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
_DOTS_AND_SUMS = f"LIBRARY_FUSION_TYPE_REDUCE,{_DOTS}"
# Its sum of a product in seven dimensions or more reads memory that is not its own (jaxlib 0.10.2): nan, or a crash.
_DEEP = re.compile(r"tensor<(?:\d+x){7}")
_EXTREMA = ("applies stablehlo.maximum", "applies stablehlo.minimum")
# Loops of long pointwise chains: 11.8 ms at the default of 256 bits, 7.3 at 512; no effect without AVX-512.
_WIDE = {"xla_cpu_prefer_vector_width": "512"}
# Touching fresh pages is what large temporaries cost: a GPT's training step needs 94 MB of them so, 131 otherwise
# (126 ms against 138, with the library's sums). Programs of small arrays lose (20-layer MLP: 0.50 ms against 0.44).
_FRUGAL = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
_LARGE = 1 << 20  # bytes of a program's largest array
# What a checkpoint computes again is computed late only by this order: a small GPT's step needs 9.4 MB either way else.
_BARRIER = "stablehlo.optimization_barrier"
# Most of a compile is LLVM's optimisation and the emitters of fusions through MLIR. A draft runs once: a small GPT's
# step takes 0.40 s instead of 1.45 to compile and 20 ms instead of 6 to run. A program of one op has little to fuse.
FULL, OP, DRAFT = "whole", "op", "draft"
_EMITTERS = "xla_cpu_use_fusion_emitters"
_LEVEL = "xla_backend_optimization_level"
_HASTE: dict[str, Options] = {FULL: {}, OP: {_EMITTERS: False, _LEVEL: "1"}, DRAFT: {_EMITTERS: False, _LEVEL: "0"}}
# XLA may leave out a rounding to a half type and back, so that a result would depend on what it is fused with.
_EXACT: Options = {"xla_allow_excess_precision": False}
_HALF_TYPES = ("xf16>", "xbf16>", "<f16>", "<bf16>")
_MATRICES = ("stablehlo.dot_general", "stablehlo.convolution")
_ARRAY = re.compile(r"tensor<([0-9x]+)x[a-z]+([0-9]+)")
_UNKNOWN = re.compile(r"No such compile option: '(\w+)'|While setting option (\w+), ")
_refused: set[str] = set()


def largest(text: str) -> int:
    """Bytes of the largest array in a program's StableHLO.

    >>> largest("%0 = stablehlo.add %a, %b : tensor<4x8xf32>")
    128
    """
    return max((math.prod(map(int, dims.split("x"))) * int(bits) // 8 for dims, bits in set(_ARRAY.findall(text))),
               default=0)  # fmt: skip


def choose(platform: str, text: str, effort: str = FULL) -> Options:
    """The options for a program, given as StableHLO, that this build of XLA has not refused yet."""
    if platform != "cpu":
        return {}
    size = largest(text)
    options: Options = {}
    if any(name in text for name in _MATRICES):
        options[_LIBRARY] = _DOTS if any(name in text for name in _EXTREMA) else _DOTS_AND_SUMS
    if _DEEP.search(text):
        options[_LIBRARY] = _DOTS
    if size >= _LARGE or options:
        options |= _WIDE
    if size >= _LARGE or _BARRIER in text:
        options |= _FRUGAL
    if any(name in text for name in _HALF_TYPES):
        options |= _EXACT
    options |= _HASTE[effort]
    return {name: value for name, value in options.items() if name not in _refused}


def compiled(compile: Callable[..., Any], options: Options) -> Any:
    """``compile(compiler_options=options)``, without those this build of XLA does not know."""
    while options:
        try:
            return compile(compiler_options=options)
        except jax.errors.JaxRuntimeError as error:
            unknown = _UNKNOWN.search(str(error))
            name = unknown and (unknown[1] or unknown[2])
            if name not in options:
                raise
            _refused.add(name)
            options = {k: v for k, v in options.items() if k != name}
    return compile()


def refused() -> tuple[str, ...]:
    """Compile options this build of XLA did not know; `explain` prints them."""
    return tuple(sorted(_refused))
