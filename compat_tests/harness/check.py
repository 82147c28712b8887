"""The checks of one op: result, strides, random numbers, method, out=, in-place, derivatives, errors."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from compat_tests.harness.calls import (
    Difference,
    Parts,
    Result,
    TorchRefuses,
    attempt,
    both_sides,
    difference_in,
    first_sentence,
    on_torch,
    seed_both,
    without_ties,
)
from compat_tests.harness.compare import compare, compare_bits, compare_strides
from compat_tests.harness.gradients import check_both_grads, check_forward_mode, check_grad
from compat_tests.harness.opdb import Entry, Sample, variant_counterpart
from compat_tests.harness.outs import check_out, check_out_forms
from compat_tests.harness.saved import check_saved

# Their elements are whatever memory held.
UNINITIALISED = {
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
    "resize_",
    "resize_as_",
}
# Unique only up to signs or phases: compared through the database's own invariants.
UP_TO_PHASE = {"svd", "linalg.svd", "linalg.eigh", "linalg.eig", "svd_lowrank", "pca_lowrank"}
GRAD_DTYPES = (torch.float32, torch.float64)
SAVED_STEP = 5  # one sample of so many is called again for each tensor that may be written
COMPLEX_DTYPES = (torch.complex64, torch.complex128)  # where an op takes no others


def grad_dtypes(entry: Entry) -> tuple[torch.dtype, torch.dtype]:
    """The narrow and the wide type that derivatives are looked at in."""
    return GRAD_DTYPES if set(GRAD_DTYPES) & set(entry.dtypes()) else COMPLEX_DTYPES


def check_call(entry: Entry, sample: Sample) -> Parts:
    theirs, mine = both_sides(sample)
    seed_both()
    before = torch.get_rng_state()
    expected = on_torch(entry.torch_op, *theirs)
    draws = entry.seeds_itself or not torch.equal(before, torch.get_rng_state())
    seed_both()
    actual = entry.jtorch_op(*mine[0], **mine[1])
    has_values = entry.info.name not in UNINITIALISED
    yield "strides", difference_in(compare_strides, actual, expected)
    if entry.info.name in UP_TO_PHASE:
        compare(actual, expected, values=False)
        expected, actual = sample.process[0](expected), sample.process[1](actual)
        if draws:
            yield "random", difference_in(compare, actual, expected)
    elif draws and has_values:
        yield "random", difference_in(compare_bits, actual, expected)
    expected, actual = without_ties(entry, theirs, expected), without_ties(entry, mine, actual)
    yield "", difference_in(compare, actual, expected, values=has_values)


def of_variant(entry: Entry, sample: Sample, method: Callable, kind: str) -> tuple:
    """Arguments of torch and of jtorch, then their results, of a method that is another form of the op."""
    theirs, mine = both_sides(sample)
    seed_both()
    expected = on_torch(method, *theirs)
    twin = variant_counterpart(method, entry.info)
    if twin is None:
        raise Difference("type", f"the {kind} {entry.info.name} is missing")
    seed_both()
    return theirs, mine, expected, twin(*mine[0], **mine[1])


def check_method(entry: Entry, sample: Sample) -> Parts:
    method = entry.info.method_variant
    if method is None or method is entry.torch_op or entry.info.name in UP_TO_PHASE:
        raise TorchRefuses
    theirs, mine, expected, actual = of_variant(entry, sample, method, "method")
    expected, actual = without_ties(entry, theirs, expected), without_ties(entry, mine, actual)
    compare(actual, expected, values=entry.info.name not in UNINITIALISED)
    yield "", None


def check_inplace(entry: Entry, sample: Sample) -> Parts:
    method = entry.info.inplace_variant
    if method is None or sample.broadcasts:
        raise TorchRefuses
    theirs, mine, expected, actual = of_variant(entry, sample, method, "in-place form of")
    compare(actual, expected)
    if expected is theirs[0][0] and actual is not mine[0][0]:
        raise Difference("type", "the result is not the tensor itself")
    compare(mine[0][0], theirs[0][0])
    yield "", None


def check_error(entry: Entry, sample: Sample) -> Parts:
    theirs, mine = both_sides(sample)
    try:
        entry.torch_op(*theirs[0], **theirs[1])
    except Exception as refusal:  # noqa: BLE001 - every kind of error is compared
        expected = refusal
    else:
        raise TorchRefuses
    if str(expected).startswith("descriptor '"):
        raise TorchRefuses  # CPython's words about a class of torch's, not torch's
    said = f"{type(expected).__name__}: {first_sentence(str(expected))}"
    try:
        entry.jtorch_op(*mine[0], **mine[1])
    except Exception as refusal:  # noqa: BLE001 - every kind of error is compared
        got = f"{type(refusal).__name__}: {first_sentence(str(refusal))}"
    else:
        got = "no error"
    yield "", None if got == said else Difference("value", f"{said!r} expected, got {got!r}")


def chosen(samples: list[Sample], entry: Entry, count: int) -> list[int]:
    """``count`` indices spread over the samples, starting where the entry's name says."""
    if len(samples) <= count:
        return list(range(len(samples)))
    return sorted({(entry.seed + step * len(samples) // count) % len(samples) for step in range(count)})


def checks_of(entry: Entry, dtype: torch.dtype, place: int, deep: bool) -> Iterator[tuple[str, object]]:
    """What is looked at in one sample. ``deep`` looks at second and forward derivatives and all forms of out= too."""
    info, (narrow, wide) = entry.info, grad_dtypes(entry)
    first = place == 0
    values = info.name not in UNINITIALISED | UP_TO_PHASE
    yield "forward", check_call
    if deep or first:
        yield "method", check_method
        yield "inplace", check_inplace
        if info.supports_out:
            yield "out", partial(check_out, values=values)
            if deep and first:
                yield "out", partial(check_out_forms, values=values)
    if dtype in (narrow, wide) and info.supports_autograd:
        twice = deep and dtype is wide and info.supports_gradgrad
        yield "grad", check_both_grads if twice else check_grad
        if deep and dtype is wide and info.supports_forward_ad:
            yield "forward_mode", check_forward_mode
        if dtype is narrow and (place % SAVED_STEP == 0 if deep else first):
            yield "saved", check_saved


def check_dtype(entry: Entry, dtype: torch.dtype, count: int, deep: bool) -> Iterator[Result]:
    has_grad = dtype in grad_dtypes(entry) and entry.info.supports_autograd
    samples = entry.samples(dtype, requires_grad=has_grad)
    label = str(dtype).removeprefix("torch.")
    for place, index in enumerate(chosen(samples, entry, count)):
        for check, run in checks_of(entry, dtype, place, deep):
            yield from attempt(entry, check, label, index, run, samples[index])


def first_dtypes(entry: Entry) -> list[torch.dtype]:
    """The dtypes of the quick run: one floating, int64, bool, as far as the op takes them, or the first it takes."""
    taken = entry.dtypes()
    floating = [one for one in (torch.float32, torch.float64, torch.complex64) if one in taken]
    return floating[:1] + [one for one in (torch.int64, torch.bool) if one in taken] or sorted(taken, key=str)[:1]


def check_entry(entry: Entry, most: int = 0) -> Iterator[Result]:
    """Every check of an entry: a few samples of three dtypes, or of every dtype up to ``most``, where that is given."""
    if most:
        for dtype in sorted(entry.dtypes(), key=str):
            yield from check_dtype(entry, dtype, count=most, deep=True)
    else:
        for place, dtype in enumerate(first_dtypes(entry)):
            yield from check_dtype(entry, dtype, count=1 if place else 3, deep=False)
    for index, sample in enumerate(entry.error_samples()):
        yield from attempt(entry, "error", "", index, check_error, sample)
