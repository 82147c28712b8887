"""Ops under `vmap`, compared with torch's called for each row: ``python -m compat_tests.harness.mapped [names]``.

Prints, in per cent, the entries of torch's database whose results and gradients agree, of those that can be mapped over
their floating-point arguments. Those that differ, and what fell back to calls for each row, go to standard error.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch

import jtorch
from compat_tests.harness.calls import (
    Parts,
    Replaced,
    Result,
    TorchRefuses,
    attempt,
    difference_in,
    on_torch,
    tensors_in,
)
from compat_tests.harness.check import UNINITIALISED, UP_TO_PHASE
from compat_tests.harness.compare import compare
from compat_tests.harness.convert import ToJtorch, tensor_to_jtorch
from compat_tests.harness.opdb import Entry, Sample, entries

SCALES = 1, 0.75, 0.5  # of the rows
MAPPED = {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128}
NOT_MAPPED = {
    "as_strided_scatter": "torch's gradient reads elsewhere where the gradient given is a view of all rows'",
    "chalf": "tensors of complex32 are not stacked",
    "special.airy_ai": "torch's is 7e-7 off near its first zero",
}


def batches_of(sample: Sample) -> dict[int, torch.Tensor]:
    """For each floating-point tensor of a sample, by id: the tensor and others of its kind as rows."""
    return {
        id(x): torch.stack([x.detach() * scale for scale in SCALES])
        for x in tensors_in([sample.args, sample.kwargs])
        if x.layout is torch.strided and x.dtype in MAPPED
    }


class RowsToJtorch(ToJtorch):
    """A sample's arguments for jtorch, rows in the place of the tensors that are mapped."""

    def __init__(self, rows: dict[int, Any]) -> None:
        super().__init__()
        self.rows = rows

    def __call__(self, value: Any) -> Any:
        return self.rows[id(value)] if id(value) in self.rows else super().__call__(value)


def called(op: Callable, sample: Sample, convert: Callable) -> list:
    """The tensors that an op returns for one row."""
    args, kwargs = convert([sample.args, sample.kwargs])
    return list(tensors_in(op(*args, **kwargs)))


def by_rows(entry: Entry, sample: Sample, batches: dict[int, torch.Tensor]) -> list[torch.Tensor]:
    """What torch's op returns for each row, stacked."""
    state = torch.default_generator.get_state()
    found = []
    for i in range(len(SCALES)):
        rows = {key: batch[i].clone() for key, batch in batches.items()}
        convert = Replaced(lambda x, rows=rows: rows[id(x)] if id(x) in rows else x.detach())
        found.append(on_torch(called, (entry.torch_op, sample, convert), {}))
    if not torch.equal(state, torch.default_generator.get_state()):
        raise TorchRefuses("random numbers")
    if not found[0] or any(x.layout is not torch.strided for row in found for x in row):
        raise TorchRefuses("nothing to stack")
    return [on_torch(torch.stack, (column,), {}) for column in zip(*found, strict=True)]


def energy(results: list) -> Any:
    """A number that depends on all elements of results."""
    return sum((x * x.conj()).real.sum() for x in results)


def check_vmap(entry: Entry, sample: Sample) -> Parts:
    """The op mapped over the floating-point arguments of a sample, and the gradient of its results."""
    batches = batches_of(sample)
    if entry.seeds_itself or not batches:
        raise TorchRefuses("nothing to map")
    theirs = {key: batch.clone().requires_grad_() for key, batch in batches.items()}
    expected = by_rows(entry, sample, theirs)
    values = entry.info.name not in UNINITIALISED | UP_TO_PHASE
    given = [tensor_to_jtorch(batch).requires_grad_() for batch in batches.values()]
    results: list = []

    def forward() -> None:
        def one(*rows: Any) -> tuple:
            return tuple(called(entry.jtorch_op, sample, RowsToJtorch(dict(zip(batches, rows, strict=True)))))

        results[:] = jtorch.vmap(one)(*given)
        compare(list(results), [x.detach() for x in expected], values=values)

    yield "vmap", difference_in(forward)
    differentiable = [i for i, x in enumerate(expected) if x.requires_grad]
    if not results or not differentiable:
        return
    loss = energy([expected[i] for i in differentiable])
    slopes = on_torch(torch.autograd.grad, (loss, list(theirs.values())), {"allow_unused": True})

    def backward() -> None:
        mine = jtorch.autograd.grad(energy([results[i] for i in differentiable]), given, allow_unused=True)
        pairs = [(g, slope) for g, slope in zip(mine, slopes, strict=True) if slope is not None]
        compare([g for g, _ in pairs], [slope for _, slope in pairs])

    yield "vmap_grad", difference_in(backward)


def check_mapped(entry: Entry) -> Iterator[Result]:
    """The check of one sample of an entry, in double precision where the op takes it."""
    kinds = sorted(entry.dtypes(), key=lambda kind: (kind != torch.float64, kind != torch.float32, str(kind)))
    samples = entry.samples(kinds[0], requires_grad=False)
    if samples:
        yield from attempt(entry, "forward", str(kinds[0]).removeprefix("torch."), 0, check_vmap, samples[0])


def main(names: list[str]) -> None:
    """Looks at every entry, or at those named, and prints how many agree."""
    looked, differ = 0, 0
    for name, entry in sorted(entries().items()):
        if names and name not in names:
            continue
        results = list(check_mapped(entry))
        failures = [r.failure for r in results if r.failure is not None]
        looked += bool(results)
        differ += bool(failures)
        for failure in failures:
            print(name, str(failure).split("\n")[0], file=sys.stderr)
    print(round(100 * (looked - differ) / looked, 2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    main(parser.parse_args().names)
