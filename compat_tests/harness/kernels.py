"""Element types that torch refuses, op by op: the same calls in every type on both sides, and what each says.

``python -m compat_tests.harness.kernels [NAME...]`` prints the calls that are refused otherwise, and how many pairs of
op and type they are. The samples are those of the database in a type the op takes, with every tensor of it converted.
"""

import argparse
import collections
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from compat_tests.harness.calls import Replaced, first_sentence, seed_both
from compat_tests.harness.check import chosen
from compat_tests.harness.convert import Unsupported, to_jtorch
from compat_tests.harness.opdb import Entry, entries, variant_counterpart

TYPES = (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.float16, torch.bfloat16,
    torch.float32, torch.float64, torch.complex64, torch.complex128,
)  # fmt: skip
BASES = (torch.float32, torch.complex64, torch.int64, torch.bool)  # what samples are made in: the first the op takes
SAMPLES = 4


class Call(NamedTuple):
    """One way to call an op in one element type."""

    form: str  # "function", "in place", or "grad" where the tensors require grad
    dtype: torch.dtype
    sample: int
    torch_op: Callable
    jtorch_op: Callable
    args: tuple
    kwargs: dict


class Outcome(NamedTuple):
    """What both sides said of a call."""

    form: str
    dtype: str
    sample: int
    expected: str
    got: str


def as_type(value: Any, base: torch.dtype, dtype: torch.dtype, requires_grad: bool) -> Any:
    """A call's arguments with the tensors of one type in another; its numbers and its `dtype=` stay."""

    def converted(x: torch.Tensor) -> torch.Tensor:
        if x.dtype is not base:
            return x.detach().clone()
        return x.detach().to(dtype, copy=True).requires_grad_(requires_grad)

    return Replaced(converted)(value)


def calls_of(entry: Entry, samples: int = SAMPLES, types: tuple[torch.dtype, ...] = TYPES) -> Iterator[Call]:
    base = next((one for one in BASES if one in entry.dtypes()), None)
    if base is None:
        return
    made = entry.samples(base, requires_grad=False)
    inplace = entry.info.inplace_variant
    twin = variant_counterpart(inplace, entry.info) if inplace is not None else None
    for index in chosen(made, entry, samples):
        given = [made[index].args, made[index].kwargs]
        for dtype in types:
            for grad in (False, True) if dtype.is_floating_point or dtype.is_complex else (False,):
                args, kwargs = as_type(given, base, dtype, grad)
                yield Call("grad" if grad else "function", dtype, index, entry.torch_op, entry.jtorch_op, args, kwargs)
            if twin is not None and not made[index].broadcasts:
                args, kwargs = as_type(given, base, dtype, False)
                yield Call("in place", dtype, index, inplace, twin, args, kwargs)


def said(op: Callable, args: tuple, kwargs: dict) -> str:
    """The type and the first sentence of the error, or "no error"."""
    seed_both()
    try:
        op(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - every kind of error is compared
        return f"{type(error).__name__}: {first_sentence(str(error))}"
    return "no error"


def is_of_types(said: str) -> bool:
    """True for the sentences of a type without a kernel or without a gradient."""
    return (
        "not implemented for '" in said or "automatic differentiation" in said or "is not differentiable with" in said
    )


def outcomes(entry: Entry, samples: int = SAMPLES, types: tuple[torch.dtype, ...] = TYPES) -> Iterator[Outcome]:
    """What both sides say of every call of an entry."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in calls_of(entry, samples, types):
            try:
                mine_args, mine_kwargs = to_jtorch([call.args, call.kwargs])
            except Unsupported:
                continue
            expected = said(call.torch_op, call.args, call.kwargs)
            got = said(call.jtorch_op, mine_args, mine_kwargs)
            yield Outcome(call.form, str(call.dtype).removeprefix("torch."), call.sample, expected, got)


def differs(one: Outcome) -> bool:
    """True where types are refused otherwise. Where torch refuses an operand's gradient, it may be its type here."""
    if one.expected == one.got or not (is_of_types(one.expected) or is_of_types(one.got)):
        return False
    return not ("is not differentiable with" in one.expected and is_of_types(one.got))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--all", action="store_true", help="other differences between errors too")
    options = parser.parse_args()
    pairs = 0
    for name in options.names or sorted(entries()):
        found = collections.defaultdict(set)
        for one in outcomes(entries()[name], options.samples):
            if differs(one) or (options.all and one.expected != one.got):
                found[one.form, one.expected, one.got].add(one.dtype)
        pairs += len(set().union(*found.values()))
        for (form, expected, got), dtypes in found.items():
            print(f"{name} {form} {' '.join(sorted(dtypes))}\n    {expected[:150]}\n    {got[:150]}", flush=True)
    print("value:", pairs)


if __name__ == "__main__":
    main()
