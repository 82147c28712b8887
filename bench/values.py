"""The promised numbers, each from the results of the workloads and sides it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import geometric_mean

from bench.workloads import WORKLOADS

CHANGING = "changing_length"
LENGTHS = 97
MISSING = 0.1  # what a workload without a ratio counts
LONG_S = 5e-3  # a JAX step from which on XLA's time counts, not the host's
FAST_START = ("resnet18", "gpt")
MICRO = 1e6

Results = dict[str, dict]


def _of_step(results: Results, name: str, side: str, what: str) -> float | None:
    return results.get(name, {}).get("kinds", {}).get("step", {}).get(side, {}).get(what)


def _ratio(results: Results, name: str, pair: str) -> float | None:
    return results.get(name, {}).get("ratios", {}).get("step", {}).get(pair)


def _torch_ratios(results: Results) -> list[float]:
    found = [_ratio(results, name, "torch/jtorch") for name in WORKLOADS if name != CHANGING]
    return [MISSING if each is None else each for each in found]


def _by_jax(results: Results, long: bool) -> list[str]:
    """Workloads whose JAX step is long, or the others; changing length has rows of its own."""
    times = {name: _of_step(results, name, "jax", "median") for name in WORKLOADS if name != CHANGING}
    return [name for name, time in times.items() if time is not None and (time >= LONG_S) == long]


def _jax_ratios(results: Results) -> list[float]:
    return [_ratio(results, name, "jax/jtorch") or MISSING for name in _by_jax(results, long=True)]


def _beyond_jax(results: Results, name: str, side: str) -> float:
    """Seconds a step takes longer than JAX's."""
    ours, theirs = (_of_step(results, name, each, "median") for each in (side, "jax"))
    return float("nan") if ours is None or theirs is None else ours - theirs


def per_op(results: Results, name: str) -> float:
    """Microseconds beyond JAX for each operation of a step."""
    return MICRO * _beyond_jax(results, name, "jtorch") / (_of_step(results, name, "jtorch", "ops") or float("nan"))


def _worst(found: Iterable[float]) -> float:
    """The largest; nan when one of them is missing."""
    values = list(found) or [float("nan")]
    return max(values, key=lambda x: (x != x, x))


def _mean(found: list[float]) -> float:
    return geometric_mean(found) if found else float("nan")


def _least(found: list[float]) -> float:
    return min(found, default=float("nan"))


def _compile_host(results: Results) -> float:
    plain, compiled = (_of_step(results, "gpt", side, "host") for side in ("jtorch", "jtorch_compile"))
    return plain / compiled if plain and compiled else float("nan")


def _extra_programs(results: Results) -> float:
    found = _of_step(results, CHANGING, "jtorch", "programs")
    return float("nan") if found is None else float(found["whole"] - LENGTHS)


def _first_lengths(results: Results) -> float:
    start = results.get(CHANGING, {}).get("start", {})
    if "jtorch" not in start or "jax" not in start:
        return float("nan")
    return start["jtorch"]["cold"]["period"] / start["jax"]["cold"]["period"]


def _first_step(results: Results) -> float:
    starts = [results.get(name, {}).get("start", {}).get("jtorch", {}).get("warm") for name in FAST_START]
    return _worst(float("nan") if start is None else start["first"] for start in starts)


def memory_ratio(results: Results, name: str) -> float:
    ours, theirs = (_of_step(results, name, side, "memory") for side in ("jtorch", "torch"))
    return ours / theirs if ours and theirs else float("nan")


@dataclass(frozen=True)
class Value:
    """A promised number and what has to be measured for it."""

    of: Callable[[Results], float]
    sides: tuple[str, ...]
    sentence: str
    workloads: tuple[str, ...] | None = None  # None: all
    warm: bool = False


_STEADY = tuple(name for name in WORKLOADS if name != CHANGING)
_ALL_SIDES = ("torch", "jtorch", "jax")

VALUES = {
    "geomean": Value(
        lambda r: _mean(_torch_ratios(r)), ("torch", "jtorch"), "torch / jtorch, geometric mean of steps", _STEADY
    ),
    "worst": Value(lambda r: _least(_torch_ratios(r)), ("torch", "jtorch"), "torch / jtorch, worst workload", _STEADY),
    "jax_geomean": Value(
        lambda r: _mean(_jax_ratios(r)),
        ("jtorch", "jax"),
        "jax / jtorch, steps of 5 ms or more, geometric mean",
        _STEADY,
    ),
    "jax_worst": Value(lambda r: _least(_jax_ratios(r)), ("jtorch", "jax"), "the same, worst workload", _STEADY),
    "per_op": Value(
        lambda r: _worst(per_op(r, name) for name in _by_jax(r, long=False)),
        ("jtorch", "jax"),
        "(jtorch - jax) / operations, shorter steps, worst, us",
        _STEADY,
    ),
    "compiled_extra": Value(
        lambda r: _worst(MICRO * _beyond_jax(r, name, "jtorch_compile") for name in _by_jax(r, long=False)),
        ("jtorch_compile", "jax"),
        "jtorch's torch.compile - jax, shorter steps, worst, us",
        _STEADY,
    ),
    "compile_host": Value(
        _compile_host, ("jtorch", "jtorch_compile"), "gpt, time outside XLA, plain source / torch.compile", ("gpt",)
    ),
    "changing_steady": Value(
        lambda r: _ratio(r, CHANGING, "torch/jtorch") or float("nan"),
        ("torch", "jtorch"),
        "changing length, each met three times, torch / jtorch",
        (CHANGING,),
    ),
    "changing_programs": Value(
        _extra_programs, ("jtorch",), "changing length, whole programs beyond one a length", (CHANGING,)
    ),
    "changing_cold": Value(
        _first_lengths,
        ("jtorch", "jax"),
        "changing length, first 97 steps from empty caches, jtorch / jax",
        (CHANGING,),
    ),
    "first_step": Value(
        _first_step, ("jtorch",), "first step of resnet18 and gpt, warm disk cache, worst, s", FAST_START, warm=True
    ),
    "memory": Value(
        lambda r: _worst(memory_ratio(r, name) for name in WORKLOADS if name in r),
        ("torch", "jtorch"),
        "memory of a step, jtorch / torch, worst workload",
    ),
}


def print_all(results: Results) -> None:
    """Every promised number as these results have it; nan where they lack a part."""
    print()
    for name, value in VALUES.items():
        print(f"{name:18} {value.of(results):9.3f}  {value.sentence}")
