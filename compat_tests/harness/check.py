"""The checks of one op: result, method, out=, in-place, gradient, gradient of the gradient, errors."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import jtorch
from compat_tests.harness.compare import Difference, compare
from compat_tests.harness.convert import ToJtorch, Unsupported, to_jtorch
from compat_tests.harness.opdb import Entry, Sample, variant_counterpart

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


@dataclass(frozen=True)
class Failure:
    """One difference; ``kind`` is the check, or for the plain call what differs (value, dtype, shape, type, raises)."""

    name: str
    kind: str
    dtype: str
    sample: int
    text: str

    def __str__(self) -> str:
        return f"{self.kind} ({self.dtype}, sample {self.sample}): {self.text}"


class TorchRefuses(Exception):
    """Real torch raises on this sample, or has no such form of the op: there is nothing to compare with."""


def tensors_in(value: Any) -> Iterator[Any]:
    """The tensors of nested containers, of either side, in order."""
    if isinstance(value, (torch.Tensor, jtorch.Tensor)):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))


class Copy:
    """Fresh leaves for one call on torch; a tensor that occurs twice stays one tensor."""

    def __init__(self, requires_grad: bool) -> None:
        self.requires_grad = requires_grad
        self.seen: dict[int, torch.Tensor] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self.seen:
                copy = value.detach().clone()
                self.seen[id(value)] = copy.requires_grad_(value.requires_grad and self.requires_grad)
            return self.seen[id(value)]
        if type(value) in (list, tuple):
            return type(value)(self(item) for item in value)
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        return value


def both_sides(sample: Sample, requires_grad: bool = False) -> tuple[tuple[tuple, dict], tuple[tuple, dict]]:
    """The sample's arguments as fresh torch tensors and as their jtorch twins."""
    args, kwargs = Copy(requires_grad)([sample.args, sample.kwargs])
    mine_args, mine_kwargs = ToJtorch()([args, kwargs])
    return (args, kwargs), (mine_args, mine_kwargs)


def on_torch(op: Callable, args: tuple, kwargs: dict) -> Any:
    try:
        return op(*args, **kwargs)
    except Exception as refusal:
        raise TorchRefuses(str(refusal)) from refusal


def seed_both() -> None:
    torch.manual_seed(7)
    jtorch.manual_seed(7)


def check_call(entry: Entry, sample: Sample) -> None:
    theirs, mine = both_sides(sample)
    seed_both()
    expected = on_torch(entry.torch_op, *theirs)
    seed_both()
    actual = entry.jtorch_op(*mine[0], **mine[1])
    has_values = entry.info.name not in UNINITIALISED
    if entry.info.name in UP_TO_PHASE:
        compare(actual, expected, values=False)
        expected, actual = sample.process[0](expected), sample.process[1](actual)
    compare(actual, expected, values=has_values)


def check_method(entry: Entry, sample: Sample) -> None:
    method = entry.info.method_variant
    if method is None or method is entry.torch_op or entry.info.name in UP_TO_PHASE:
        raise TorchRefuses
    theirs, mine = both_sides(sample)
    seed_both()
    expected = on_torch(method, *theirs)
    twin = variant_counterpart(method, entry.info)
    if twin is None:
        raise Difference("type", f"the method {entry.info.name} is missing")
    seed_both()
    compare(twin(*mine[0], **mine[1]), expected, values=entry.info.name not in UNINITIALISED)


def check_out(entry: Entry, sample: Sample) -> None:
    if not entry.info.supports_out or entry.info.name in UP_TO_PHASE:
        raise TorchRefuses
    theirs, mine = both_sides(sample)
    expected = on_torch(entry.torch_op, *theirs)
    shells = [torch.full_like(one, 1) for one in tensors_in(expected)]
    if not shells:
        raise TorchRefuses
    out = shells[0] if isinstance(expected, torch.Tensor) else tuple(shells)
    on_torch(entry.torch_op, theirs[0], theirs[1] | {"out": out})
    my_out = to_jtorch(out)
    actual = entry.jtorch_op(*mine[0], **mine[1], out=my_out)
    compare(my_out, out, values=entry.info.name not in UNINITIALISED)
    if actual is not None and any(a is not b for a, b in zip(tensors_in(actual), tensors_in(my_out), strict=True)):
        raise Difference("type", "the result is not the tensor given as out")


def check_inplace(entry: Entry, sample: Sample) -> None:
    method = entry.info.inplace_variant
    if method is None or sample.broadcasts:
        raise TorchRefuses
    theirs, mine = both_sides(sample)
    seed_both()
    expected = on_torch(method, *theirs)
    twin = variant_counterpart(method, entry.info)
    if twin is None:
        raise Difference("type", f"the in-place form of {entry.info.name} is missing")
    seed_both()
    actual = twin(*mine[0], **mine[1])
    compare(actual, expected)
    if expected is theirs[0][0] and actual is not mine[0][0]:
        raise Difference("type", "the result is not the tensor itself")
    compare(mine[0][0], theirs[0][0])


def differentiable(output: Any) -> list[Any]:
    return [one for one in tensors_in(output) if one.requires_grad]


def cotangents(outputs: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
    numbers = np.random.default_rng(seed)
    return [torch.from_numpy(np.asarray(numbers.uniform(-1, 1, tuple(one.shape)))).to(one.dtype) for one in outputs]


def check_grad(entry: Entry, sample: Sample, twice: bool = False) -> None:
    theirs, mine = both_sides(sample, requires_grad=True)
    leaves = [one for one in tensors_in(list(theirs)) if one.requires_grad]
    my_leaves = [one for one in tensors_in(list(mine)) if one.requires_grad]
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
    for order in range(1, 3 if twice else 2):
        if not outputs:
            break
        weights = cotangents(outputs, order)
        options = {"allow_unused": True, "create_graph": twice and order == 1}
        grads = on_torch(torch.autograd.grad, (outputs, leaves, weights), options)
        my_grads = jtorch.autograd.grad(my_outputs, my_leaves, to_jtorch(weights), **options)
        compare(list(my_grads), list(grads), where=f"gradient of order {order}")
        outputs = differentiable([one for one in grads if one is not None])
        my_outputs = differentiable([one for one in my_grads if one is not None])


def check_gradgrad(entry: Entry, sample: Sample) -> None:
    if not entry.info.supports_gradgrad:
        raise TorchRefuses
    check_grad(entry, sample, twice=True)


def first_sentence(text: str) -> str:
    return text.strip().split("\n")[0].split(". ")[0].rstrip(".")


def check_error(entry: Entry, sample: Sample) -> None:
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
    if got != said:
        raise Difference("value", f"{said!r} expected, got {got!r}")


def attempt(
    entry: Entry, kind: str, dtype: str, index: int, check: Callable, sample: Sample
) -> Iterator[Failure | None]:
    """One check: yields its Failure, None when it passes, nothing at all when there is nothing to compare."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            check(entry, sample)
        except (TorchRefuses, Unsupported):
            return
        except Difference as difference:
            yield Failure(entry.name, kind or difference.kind, dtype, index, str(difference))
        except Exception as error:  # noqa: BLE001 - an op that raises is one more difference to report
            yield Failure(entry.name, kind or "raises", dtype, index, f"{type(error).__name__}: {error}")
        else:
            yield None


def chosen(samples: list[Sample], entry: Entry, count: int) -> list[int]:
    """``count`` indices spread over the samples, starting where the entry's name says."""
    if len(samples) <= count:
        return list(range(len(samples)))
    return sorted({(entry.seed + step * len(samples) // count) % len(samples) for step in range(count)})


def check_dtype(entry: Entry, dtype: torch.dtype, count: int, deep: bool) -> Iterator[Failure | None]:
    """Yields one item a check made: a Failure, or None where it passed. ``deep`` looks at second gradients too."""
    has_grad = dtype in GRAD_DTYPES and entry.info.supports_autograd
    samples = entry.samples(dtype, requires_grad=has_grad)
    label = str(dtype).removeprefix("torch.")
    for place, index in enumerate(chosen(samples, entry, count)):
        checks = [("", check_call)]
        if deep or place == 0:
            checks += [("method", check_method), ("out", check_out), ("inplace", check_inplace)]
        if has_grad:
            checks.append(("grad", check_grad))
        if has_grad and deep and dtype is torch.float64:
            checks.append(("gradgrad", check_gradgrad))
        for kind, check in checks:
            yield from attempt(entry, kind, label, index, check, samples[index])


def first_dtypes(entry: Entry) -> list[torch.dtype]:
    """The dtypes of the quick run: one floating, int64, bool, as far as the op takes them."""
    taken = entry.dtypes()
    floating = [one for one in (torch.float32, torch.float64, torch.complex64) if one in taken]
    return floating[:1] + [one for one in (torch.int64, torch.bool) if one in taken]


def check_entry(entry: Entry, full: bool = False) -> Iterator[Failure | None]:
    """Every check of an entry: a few samples of three dtypes, or all of them."""
    if full:
        for dtype in sorted(entry.dtypes(), key=str):
            yield from check_dtype(entry, dtype, count=40, deep=True)
    else:
        for place, dtype in enumerate(first_dtypes(entry)):
            yield from check_dtype(entry, dtype, count=1 if place else 3, deep=False)
    for index, sample in enumerate(entry.error_samples()):
        yield from attempt(entry, "error", "", index, check_error, sample)
