"""The check of what torch's formulas save: after a write to an operand or a result, does backward refuse?"""

from collections.abc import Callable
from typing import Any

import torch

import jtorch
from compat_tests.harness.calls import Parts, TorchRefuses, both_sides, seed_both, tensors_in
from compat_tests.harness.compare import Difference
from compat_tests.harness.opdb import Entry, Sample

RESULTS = 3  # of each call at most so many are written
_SENTENCE = "has been modified by an inplace operation"


def check_saved(entry: Entry, sample: Sample) -> Parts:
    differing = []
    compared = 0
    for place in range(-RESULTS, len(_operands(list(both_sides(sample, True)[0])))):
        theirs, mine = both_sides(sample, True)
        expected = refuses(torch, entry.torch_op, theirs, place, sample.process[0])
        got = None if expected is None else refuses(jtorch, entry.jtorch_op, mine, place, sample.process[1])
        if got is None:
            continue
        compared += 1
        if got is not expected:
            what = f"operand {place}" if place >= 0 else f"result {-place - 1}"
            differing.append(f"{what}: " + ("refused by torch, computed here" if expected else "computed by torch"))
    if not compared:
        raise TorchRefuses
    yield "", Difference("value", "; ".join(differing)) if differing else None


def refuses(lib: Any, op: Callable, call: tuple, place: int, process: Callable) -> bool | None:
    """Whether backward refuses after a write to operand ``place``, or to result 0 where that is -1, and so on.

    None where there is no such tensor or it may not be written, or where torch's backward raises something else.
    """
    args, kwargs = call
    seed_both()
    try:
        found = op(*args, **kwargs)
    except Exception as refusal:  # other checks compare it
        if lib is torch:
            raise TorchRefuses(str(refusal)) from refusal
        raise
    operands, results = _operands([args, kwargs]), list(tensors_in(found))
    totals = [t for t in tensors_in(process(found)) if t.requires_grad and _inexact(t)]
    aim = (operands if place >= 0 else results)[place if place >= 0 else -place - 1 :][:1]
    if not totals or not aim or (place < 0 and any(aim[0] is t for t in operands)):
        return None
    total = sum((t.real if t.is_complex() else t).sum() for t in totals)
    with lib.no_grad():
        try:
            aim[0].detach().mul_(1)
        except (RuntimeError, NotImplementedError):
            return None
    try:
        total.backward()
    except (RuntimeError, NotImplementedError) as error:
        if _SENTENCE in str(error):
            return True
        if lib is torch:
            return None
        raise
    return False


def _operands(call: list) -> list[Any]:
    return list({id(t): t for t in tensors_in(call)}.values())


def _inexact(t: Any) -> bool:
    return t.is_floating_point() or t.is_complex()
