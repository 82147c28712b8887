"""Control flow as functions, and calls that may run at another time: eager code runs them as they come.

https://docs.pytorch.org/docs/stable/cond.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare import Handle, composite


def _truth(pred: Any) -> bool:
    if isinstance(pred, (bool, int, float)):
        return bool(pred)
    if isinstance(pred, Handle) and pred._v.aval.size == 1:
        return bool(pred.item())
    raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")


@composite(method=False)
def cond(pred: Any, true_fn: Callable, false_fn: Callable, operands: Sequence = ()) -> Any:
    """`true_fn(*operands)` where `pred` is true, else `false_fn(*operands)`; `pred` is looked at once.

    >>> import jtorch as torch
    >>> x = torch.tensor(2.0)
    >>> torch.cond(x > 1, lambda x: x.sin() * 0, lambda x: x, (x,))
    tensor(0.)
    """
    if isinstance(pred, Handle) and not all(isinstance(x, (Handle, tuple, list, dict)) for x in operands):
        raise RuntimeError(
            "Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor leaves, but "
            f"got {operands}."
        )
    return (true_fn if _truth(pred) else false_fn)(*operands)


@composite(method=False)
def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: Sequence) -> tuple:
    """Replaces the values by `body_fn(*values)` as long as `cond_fn(*values)` is true.

    >>> import jtorch as torch
    >>> torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (torch.tensor(0), torch.tensor(1.0)))
    (tensor(3), tensor(8.))
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    values: Any = tuple(carried_inputs)
    while True:
        given = values if isinstance(values, tuple) else (values,)
        if not _truth(cond_fn(*given)):
            return values
        values = body_fn(*given)


class Future:
    """What a call that was forked gave."""

    def __init__(self, found: Any):
        self._found = found

    def done(self) -> bool:
        """Always True: the call ran when it was forked."""
        return True

    def wait(self) -> Any:
        """What the call returned."""
        return self._found

    value = wait

    def then(self, callback: Callable) -> Future:
        """What `callback` makes of this."""
        return Future(callback(self))


@composite(method=False)
def fork(func: Callable, *args: Any, **kwargs: Any) -> Future:
    """Calls a function; `wait` gives its result. Eager code runs it at once, as in torch.

    >>> import jtorch as torch
    >>> torch.wait(torch.fork(lambda x: x + 1, torch.tensor(1)))
    tensor(2)
    """
    return Future(func(*args, **kwargs))


@composite(method=False)
def wait(future: Future) -> Any:
    """What a forked call returned."""
    if not isinstance(future, Future):
        raise TypeError(
            "wait(): incompatible function arguments. The following argument types are supported:\n"
            f"    1. (arg0: torch._C.Future) -> object\n\nInvoked with: {future!r}"
        )
    return future.wait()
