"""The checks of ``out=``: what it may be given, and what torch says to the rest."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

import jtorch
from compat_tests.harness.calls import (
    Parts,
    TorchRefuses,
    both_sides,
    difference_in,
    on_torch,
    seed_both,
    tensors_in,
    without_ties,
)
from compat_tests.harness.compare import Difference, compare, compare_strides
from compat_tests.harness.convert import dtype_to_jtorch, to_jtorch
from compat_tests.harness.opdb import Entry, Sample

# What was computed in a small type is no more exact in a larger one.
TOLERANCES = {
    torch.float16: {"rtol": 1e-3, "atol": 1e-5},
    torch.bfloat16: {"rtol": 1.6e-2, "atol": 1e-5},
    torch.float32: {"rtol": 1.3e-6, "atol": 1e-5},
    torch.complex64: {"rtol": 1.3e-6, "atol": 1e-5},
}
OTHER_DTYPES = (torch.float64, torch.complex128, torch.int64, torch.bool)


def expected_tensors(op: Callable, call: tuple) -> tuple[Any, list[torch.Tensor]]:
    seed_both()
    expected = on_torch(op, *call)
    found = list(tensors_in(expected))
    if not found:
        raise TorchRefuses
    return expected, found


def like(expected: Any, shells: list[Any]) -> Any:
    return shells[0] if isinstance(expected, torch.Tensor) else tuple(shells)


def same_objects(actual: Any, out: Any) -> None:
    if actual is not None and any(a is not b for a, b in zip(tensors_in(actual), tensors_in(out), strict=True)):
        raise Difference("type", "the result is not the tensor given as out")


def check_out(entry: Entry, sample: Sample, values: bool = True) -> Parts:
    """A tensor of the right shape and dtype."""
    theirs, mine = both_sides(sample)
    expected, found = expected_tensors(entry.torch_op, theirs)
    out = like(expected, [torch.full_like(one, 1) for one in found])
    my_out = to_jtorch(out)
    seed_both()
    on_torch(entry.torch_op, theirs[0], theirs[1] | {"out": out})
    seed_both()
    actual = entry.jtorch_op(*mine[0], **mine[1], out=my_out)
    compare(without_ties(entry, mine, my_out), without_ties(entry, theirs, out), values=values)
    same_objects(actual, my_out)
    yield "", None


def wider(lib: Any, shape: tuple, dtype: Any) -> Any:
    return lib.full((*shape, 2), 1, dtype=dtype)


def reversed_memory(lib: Any, shape: tuple, dtype: Any) -> Any:
    return lib.full(shape[::-1], 1, dtype=dtype).permute(*range(len(shape) - 1, -1, -1)) if shape else None


def every_second(lib: Any, shape: tuple, dtype: Any) -> Any:
    return lib.full((*shape[:-1], 2 * shape[-1]), 1, dtype=dtype)[..., ::2] if shape else None


def forms(found: list[torch.Tensor]) -> Iterator[tuple[str, Callable[[Any], list[Any]]]]:
    """Names of forms of ``out`` and what makes them for one of the libraries."""

    def shells(make: Callable, dtype: torch.dtype | None = None) -> Callable[[Any], list[Any]]:
        def of(lib: Any) -> list[Any]:
            made = []
            for one in found:
                wanted = dtype or one.dtype
                made.append(make(lib, tuple(one.shape), wanted if lib is torch else dtype_to_jtorch(wanted)))
            return made

        return of

    yield "no elements", shells(lambda lib, shape, dtype: lib.empty(0, dtype=dtype))
    yield "another shape", shells(wider)
    yield "reversed memory", shells(reversed_memory)
    yield "every second element", shells(every_second)
    for dtype in OTHER_DTYPES:
        yield str(dtype), shells(lambda lib, shape, dtype: lib.full(shape, 1, dtype=dtype), dtype)


def outcome(op: Callable, call: tuple, out: Any) -> tuple[Any, str, bool]:
    """Result, kind of error, whether a resize is warned of; the words of errors are looked at in error samples."""
    result, error = None, ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = op(*call[0], **call[1], out=out)
        except Exception as refusal:  # noqa: BLE001 - every kind of error is compared
            error = type(refusal).__name__
    return result, error, any("resized" in str(one.message) for one in caught)


def check_out_forms(entry: Entry, sample: Sample, values: bool = True) -> Parts:
    """Tensors of other shapes, dtypes and memory: resized, cast into, written through or refused."""
    expected, found = expected_tensors(entry.torch_op, both_sides(sample)[0])
    for name, make in forms(found):
        shells = make(torch)
        if any(one is None for one in shells):
            continue
        out, my_out = like(expected, shells), like(expected, make(jtorch))
        yield "", difference_in(check_form, entry, sample, name, out, my_out, found, values=values)


def check_form(
    entry: Entry, sample: Sample, name: str, out: Any, my_out: Any, found: list[torch.Tensor], values: bool
) -> None:
    """One form of ``out=``, given what the call finds without it."""
    theirs, mine = both_sides(sample)
    seed_both()
    _, error, said = outcome(entry.torch_op, theirs, out)
    seed_both()
    actual, my_error, my_said = outcome(entry.jtorch_op, mine, my_out)
    if error != my_error:
        raise Difference("value", f"{name}: {error or 'no error'} expected, got {my_error or 'no error'}")
    if error:
        return
    if said != my_said:
        raise Difference("value", f"{name}: {'a' if said else 'no'} warning of the resize expected")
    ties = without_ties(entry, mine, my_out), without_ties(entry, theirs, out)
    compare(*ties, values=values, where=name, **TOLERANCES.get(found[0].dtype, {}))
    compare_strides(my_out, out, where=name)
    same_objects(actual, my_out)
