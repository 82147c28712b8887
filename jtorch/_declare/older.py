"""Argument orders torch has deprecated and still takes: `add(input, alpha, other)`, `addmm(beta, input, alpha, ...)`.

Their numbers stand between the tensors; today they are keywords. An op says which, in order: `older=("beta", "alpha")`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare.once import warn_once
from jtorch._engine.handle import Handle
from jtorch._types import errors


def _names(fn: Callable, args: tuple) -> tuple[str, ...] | None:
    """What the numbers among the arguments are, or None when torch has no such order."""
    numbers: tuple[str, ...] = fn.op.older
    places = "".join("T" if isinstance(x, Handle) else "N" for x in args)
    if len(numbers) == 2:  # beta first, also where the tensor of a method stands before it
        known = {"NTTT": 1, "TNTT": 1, "NTNTT": 2, "TNNTT": 2}
        return numbers[: known[places]] if places in known else None
    tensors = len([p for p in fn.op.params if not p.keyword]) - 1
    if places == "TN" + "T" * tensors:
        return numbers
    return ("other", *numbers) if places == "TNN" and tensors == 1 else None


def called(said: str, method: bool, fn: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The call in today's order, with torch's warning. `said`: the name it was called by."""
    names = _names(fn, args)
    today = [p.name for p in fn.op.params if not p.keyword][: len(fn.op.params) - len(fn.op.older)]
    keywords = ", ".join(f"Number {name} = 1" for name in fn.op.older)
    signature = ", ".join(f"Tensor {name}" for name in today[method:] if name not in fn.op.function_only)
    if names is None:
        raise errors.invalid_combination(said, args, {}, [f"{signature}, *, {keywords}, Tensor out = None"])
    numbers = dict(zip(names, (x for x in args if not isinstance(x, Handle)), strict=True))
    tensors = [x for x in args if isinstance(x, Handle)]
    if names[0] == "other":
        return fn(*tensors, numbers.pop("other"), **numbers, **kwargs)
    out = ", *, Tensor out = None" if "out" in kwargs else ""
    older = _older(names, today, args)
    forms = [f"{said}({signature}, *, {keywords}{out.removeprefix(', *')})"]
    if said == "addmm" and not method:
        forms.append(forms[0].replace(", *,", ", torch.dtype out_dtype, *,"))
    if method:
        older = older.replace("Tensor input, ", "", 1)
    warn_once(
        f"This overload of {said} is deprecated:\n\t{said}({older}{out})\n"
        "Consider using one of the following signatures instead:\n\t" + "\n\t".join(forms),
        key="an argument order",
    )
    return fn(*tensors, **numbers, **kwargs)


def _older(names: tuple[str, ...], today: list[str], args: tuple) -> str:
    numbers, tensors = iter(names), iter(today)
    return ", ".join(f"Tensor {next(tensors)}" if isinstance(x, Handle) else f"Number {next(numbers)}" for x in args)
