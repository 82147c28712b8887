"""What every check of the harness is made of: fresh arguments for both sides, and how one outcome is written down."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

import jtorch
from compat_tests.harness.compare import Difference, allowing
from compat_tests.harness.convert import ToJtorch, Unsupported
from compat_tests.harness.gaps import allowance
from compat_tests.harness.opdb import Entry, Sample

# A check yields what it looked at, each with the difference or None; "" is the check's own name.
Parts = Iterator[tuple[str, Difference | None]]


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


@dataclass(frozen=True)
class Result:
    """One look at one sample: equal, or how it differs."""

    check: str
    dtype: str
    failure: Failure | None
    loosened: bool = False  # equal by what a row of gaps.toml allows


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


class Replaced:
    """A copy of nested containers with each tensor replaced; one that occurs twice is replaced once."""

    def __init__(self, replace: Callable[[Any], Any]) -> None:
        self.replace = replace
        self.seen: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, (torch.Tensor, jtorch.Tensor)):
            if id(value) not in self.seen:
                self.seen[id(value)] = value, self.replace(value)
            return self.seen[id(value)][1]
        if type(value) in (list, tuple):
            return type(value)(self(item) for item in value)
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        return value


def both_sides(sample: Sample, requires_grad: bool = False) -> tuple[tuple[tuple, dict], tuple[tuple, dict]]:
    """The sample's arguments as fresh torch tensors and as their jtorch twins."""

    def leaf(x: torch.Tensor) -> torch.Tensor:
        return x.detach().clone().requires_grad_(x.requires_grad and requires_grad)

    args, kwargs = Replaced(leaf)([sample.args, sample.kwargs])
    mine_args, mine_kwargs = ToJtorch()([args, kwargs])
    return (args, kwargs), (mine_args, mine_kwargs)


def on_torch(op: Callable, args: tuple, kwargs: dict) -> Any:
    try:
        return op(*args, **kwargs)
    except Exception as refusal:  # any error of torch's: there is nothing to compare with then
        raise TorchRefuses(str(refusal)) from refusal


def seed_both() -> None:
    torch.default_generator.manual_seed(7)  # torch.manual_seed formats a stack for accelerators, 0.8 ms
    jtorch.manual_seed(7)


# Which of equal elements comes first is not defined. The place of ``dim`` among the arguments.
WITH_TIES = {"sort": 1, "argsort": 1, "topk": 2, "kthvalue": 2, "mode": 1}


def without_ties(entry: Entry, call: tuple[tuple, dict], result: Any) -> Any:
    """The result with indices of equal elements replaced by the elements themselves, where their order is undefined."""
    place = WITH_TIES.get(entry.info.name)
    args, kwargs = call
    if place is None or kwargs.get("stable") or not args[0].dim():
        return result
    dim = kwargs.get("dim", args[place] if len(args) > place else -1)
    if entry.info.name == "argsort":
        return args[0].gather(dim, result)
    indices = result[1] if result[1].dim() == args[0].dim() else result[1].unsqueeze(dim)
    return result[0], args[0].gather(dim, indices)


def first_sentence(text: str) -> str:
    return text.strip().split("\n")[0].split(". ")[0].rstrip(".")


def difference_in(look: Callable, *args: Any, **options: Any) -> Difference | None:
    """The difference that ``look`` finds; an error of jtorch's is one."""
    try:
        look(*args, **options)
    except (TorchRefuses, Unsupported):
        raise
    except Difference as difference:
        return difference
    except Exception as error:  # noqa: BLE001 - an op that raises is one more difference to report
        return Difference("raises", f"{type(error).__name__}: {error}")
    return None


def attempt(entry: Entry, check: str, dtype: str, index: int, run: Callable, sample: Sample) -> Iterator[Result]:
    """One check: a Result for each part it looked at, nothing at all when there is nothing to compare."""

    def result(part: str, difference: Difference | None) -> Result:
        part = part or check
        if difference is None:
            return Result(part, dtype, None, allowed.used)
        kind = difference.kind if part == "forward" else part
        return Result(part, dtype, Failure(entry.name, kind, dtype, index, str(difference)))

    with warnings.catch_warnings(), allowing(allowance(entry.name, dtype, check)) as allowed:
        warnings.simplefilter("ignore")
        try:
            for part, difference in run(entry, sample):
                yield result(part, difference)
        except TorchRefuses:
            return
        except Unsupported as value:
            yield Result("unsupported", dtype, Failure(entry.name, "unsupported", dtype, index, str(value)))
        except Difference as difference:
            yield result("", difference)
        except Exception as error:  # noqa: BLE001 - an op that raises is one more difference to report
            yield result("", Difference("raises", f"{type(error).__name__}: {error}"))
