"""How far results are from torch's, and both from the exact ones: ``python -m compat_tests.harness.rounding NAME...``.

For each dtype, the largest distance over the samples as a part of a tensor's largest element. Exact is what torch finds
in float64 or complex128 from the same numbers. It is where the numbers in reasons of ``gaps.toml`` come from.
"""

import argparse
import collections
import os
import warnings
from collections.abc import Iterator
from typing import Any

import torch

os.environ.setdefault("JTORCH_TIER", "op")

import jtorch
from compat_tests.harness.calls import Replaced, TorchRefuses, both_sides, on_torch, seed_both, tensors_in
from compat_tests.harness.check import chosen
from compat_tests.harness.compare import distance
from compat_tests.harness.convert import tensor_to_torch, to_jtorch
from compat_tests.harness.gradients import differentiable, directions
from compat_tests.harness.opdb import CAP, Entry, Sample, entries

NARROW = (torch.float16, torch.bfloat16, torch.float32, torch.complex64)


def widened(value: Any) -> Any:
    """The same arguments in float64 or complex128; `dtype=` arguments too."""

    def wide(x: torch.Tensor) -> torch.Tensor:
        if not (x.is_floating_point() or x.is_complex()):
            return x
        to = torch.complex128 if x.is_complex() else torch.float64
        return x.detach().to(to).requires_grad_(x.requires_grad)

    args, kwargs = Replaced(wide)(value)
    if kwargs.get("dtype") in NARROW:
        kwargs = kwargs | {"dtype": torch.complex128 if kwargs["dtype"].is_complex else torch.float64}
    return args, kwargs


def inexact(found: Any) -> list[Any]:
    return [one.detach() for one in tensors_in(found) if one.is_floating_point() or one.is_complex()]


def grads(lib: Any, op: Any, call: tuple, weigh: list[torch.Tensor], process: Any) -> list[Any]:
    """Gradients of all leaves, weighed by the directions given."""
    outputs, leaves = differentiable(process(op(*call[0], **call[1]))), differentiable(list(call))
    weights = [one if lib is torch else to_jtorch(one) for one in weigh]
    if lib is torch:
        weights = [one.to(out.dtype) for one, out in zip(weights, outputs, strict=True)]
    return [one for one in lib.autograd.grad(outputs, leaves, weights, allow_unused=True) if one is not None]


def triples(entry: Entry, sample: Sample) -> Iterator[tuple[str, list, list, list]]:
    """Ours, torch's and the exact tensors, of the result and of the gradients."""
    theirs, mine = both_sides(sample, requires_grad=True)
    exact = widened(list(theirs))
    seed_both()
    expected = on_torch(entry.torch_op, *theirs)
    seed_both()
    actual = entry.jtorch_op(*mine[0], **mine[1])
    seed_both()
    best = on_torch(entry.torch_op, *exact)
    yield "value", inexact(actual), inexact(expected), inexact(best)
    outputs = differentiable(sample.process[0](expected))
    if not outputs or not differentiable(list(theirs)):
        return
    weigh = directions(outputs, 1)
    calls = (jtorch, entry.jtorch_op, mine, 1), (torch, entry.torch_op, theirs, 0), (torch, entry.torch_op, exact, 0)
    found = []
    for lib, op, call, side in calls:
        seed_both()
        found.append(grads(lib, op, call, weigh, sample.process[side]))
    yield "grad", found[0], found[1], found[2]


def measured(entry: Entry, dtype: torch.dtype, count: int) -> dict[str, list[float]]:
    """By what was looked at: the distances of ours to torch's, of ours and of torch's to the exact tensors."""
    worst: dict[str, list[float]] = collections.defaultdict(lambda: [0.0, 0.0, 0.0])
    samples = entry.samples(dtype, requires_grad=entry.info.supports_autograd)
    for index in chosen(samples, entry, count):
        try:
            for what, ours, torchs, exact in triples(entry, samples[index]):
                for a, b, c in zip([tensor_to_torch(one) for one in ours], torchs, exact, strict=True):
                    found = distance(a, b), distance(a, c), distance(b, c)
                    worst[what] = [max(pair) for pair in zip(worst[what], found, strict=True)]
        except (TorchRefuses, RuntimeError, ValueError):
            continue
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--samples", type=int, default=CAP)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'entry':36}{'dtype':10}{'':7}{'ours-torch':>12}{'ours-exact':>12}{'torch-exact':>12}")
    for name in options.names:
        entry = entries()[name]
        for dtype in [one for one in NARROW if one in entry.dtypes()]:
            for what, (apart, ours, torchs) in measured(entry, dtype, options.samples).items():
                label = str(dtype).removeprefix("torch.")
                print(f"{name:36}{label:10}{what:7}{apart:12.2g}{ours:12.2g}{torchs:12.2g}", flush=True)


if __name__ == "__main__":
    main()
