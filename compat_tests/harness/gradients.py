"""The checks of derivatives: gradients, gradients of gradients, forward mode."""

from typing import Any

import numpy as np
import torch

import jtorch
from compat_tests.harness.calls import (
    Parts,
    Replaced,
    TorchRefuses,
    both_sides,
    difference_in,
    on_torch,
    seed_both,
    tensors_in,
)
from compat_tests.harness.compare import Difference, compare
from compat_tests.harness.convert import to_jtorch
from compat_tests.harness.opdb import Entry, Sample


def differentiable(output: Any) -> list[Any]:
    return [one for one in tensors_in(output) if one.requires_grad]


def directions(like: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
    """Numbers between -1 and 1 in the shapes and dtypes given, both parts of complex ones."""
    numbers = np.random.default_rng(seed)
    found = []
    for one in like:
        drawn = numbers.uniform(-1, 1, tuple(one.shape))
        if one.is_complex():
            drawn = drawn + 1j * numbers.uniform(-1, 1, tuple(one.shape))
        found.append(torch.from_numpy(np.asarray(drawn)).to(one.dtype))
    return found


def compare_or_zeros(actual: list[Any], expected: list[Any]) -> None:
    """None and zeros say the same."""
    if len(actual) != len(expected):
        raise Difference("type", f"{len(expected)} tensors expected, got {len(actual)}")
    for place, (mine, theirs) in enumerate(zip(actual, expected, strict=True)):
        if mine is not None and theirs is not None:
            compare(mine, theirs, where=f"[{place}]")
        elif any(one is not None and one.detach().count_nonzero().item() for one in (mine, theirs)):
            raise Difference("value", f"[{place}]: {theirs} expected, got {mine}")


def derivatives(outputs: list[Any], leaves: list[Any]) -> list[Any]:
    """The gradients of the sum of jtorch's tensors that depend on something."""
    depending = [one for one in outputs if one is not None and one.requires_grad]
    if not depending:
        return [None] * len(leaves)
    return list(
        jtorch.autograd.grad(depending, leaves, [jtorch.ones_like(one) for one in depending], allow_unused=True)
    )


def gradients(entry: Entry, sample: Sample, twice: bool) -> Parts:
    """Gradients of first order; ``twice`` looks at the derivatives of those too, by leaves and by what they weigh."""
    theirs, mine = both_sides(sample, requires_grad=True)
    leaves, my_leaves = differentiable(list(theirs)), differentiable(list(mine))
    if not leaves:
        raise TorchRefuses
    seed_both()
    expected = sample.process[0](on_torch(entry.torch_op, *theirs))
    seed_both()
    actual = sample.process[1](entry.jtorch_op(*mine[0], **mine[1]))
    flags, my_flags = ([one.requires_grad for one in tensors_in(side)] for side in (expected, actual))
    if flags != my_flags:
        raise Difference("value", f"requires_grad {flags} expected, got {my_flags}")
    outputs, my_outputs = differentiable(expected), differentiable(actual)
    my_grads: list[Any] = []
    for order in range(1, 3 if twice else 2):
        weights = [one.requires_grad_(twice and order == 1) for one in directions(outputs, order)]
        my_weights = to_jtorch(weights)
        if not outputs:
            if order == 2:  # torch's gradients depend on nothing
                yield (
                    "gradgrad",
                    difference_in(compare_or_zeros, derivatives(my_grads, my_leaves), [None] * len(leaves)),
                )
            return
        options = {"allow_unused": True, "create_graph": twice and order == 1}
        grads = on_torch(torch.autograd.grad, (outputs, leaves, weights), options)
        my_grads = [None] * len(leaves)
        kept = [place for place, one in enumerate(my_outputs) if one.requires_grad]
        try:
            if kept:
                given = [[side[place] for place in kept] for side in (my_outputs, my_weights)]
                my_grads = list(jtorch.autograd.grad(given[0], my_leaves, given[1], **options))
        except Exception as error:  # noqa: BLE001 - a gradient that raises is one more difference to report
            yield ("", "gradgrad")[order - 1], Difference("raises", f"{type(error).__name__}: {error}")
            return
        yield ("", "gradgrad")[order - 1], difference_in((compare, compare_or_zeros)[order - 1], my_grads, list(grads))
        # A gradient is a function of its weights too; one of jtorch's that depends on nothing has gradients of zero.
        pairs = [(one, mine) for one, mine in zip(grads, my_grads, strict=True) if one is not None and mine is not None]
        pairs = [(one, mine) for one, mine in pairs if one.requires_grad]
        outputs, my_outputs = [one for one, _ in pairs], [mine for _, mine in pairs]
        leaves, my_leaves = leaves + weights, my_leaves + my_weights


def check_grad(entry: Entry, sample: Sample) -> Parts:
    return gradients(entry, sample, twice=False)


def check_both_grads(entry: Entry, sample: Sample) -> Parts:
    return gradients(entry, sample, twice=True)


def tangents(output: Any, forward_ad: Any) -> list[Any]:
    """The tangents of an output's tensors, zeros or whatever else they are as plain tensors."""
    return [forward_ad.unpack_dual(one).tangent for one in tensors_in(output)]


def check_forward_mode(entry: Entry, sample: Sample) -> Parts:
    theirs, mine = both_sides(sample, requires_grad=True)
    leaves, my_leaves = differentiable(list(theirs)), differentiable(list(mine))
    if not leaves:
        raise TorchRefuses
    given = directions(leaves, 3)
    expected = on_torch(pushed, (torch, entry.torch_op, theirs, leaves, given, sample.process[0]), {})
    actual = pushed(jtorch, entry.jtorch_op, mine, my_leaves, to_jtorch(given), sample.process[1])
    compare_or_zeros(actual, expected)
    yield "", None


def pushed(lib: Any, op: Any, call: tuple, leaves: list, given: list, process: Any) -> list[Any]:
    """The tangents of ``op``'s results where its leaves have the ones given."""
    forward_ad = lib.autograd.forward_ad
    with forward_ad.dual_level():
        duals = {
            id(leaf): forward_ad.make_dual(leaf.detach(), tangent) for leaf, tangent in zip(leaves, given, strict=True)
        }
        args, kwargs = Replaced(lambda x: duals.get(id(x), x))(list(call))
        lib.manual_seed(7)
        found = tangents(process(op(*args, **kwargs)), forward_ad)
        return [one if one is None else one.clone() for one in found]
