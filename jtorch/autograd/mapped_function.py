"""Code under `vmap` that says itself what it does for rows: it is called with tensors that hold all of them.

A `Function` says so by its static method `vmap`, a custom operator by `register_vmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jtorch._engine.handle import Handle, read
from jtorch._engine.rows import Rows
from jtorch._engine.tape import threads
from jtorch._ops.joining import stack
from jtorch._types import vmap_errors


class VmapInfo(NamedTuple):
    """What a Function's `vmap` is told: how many rows there are, and vmap's `randomness`."""

    batch_size: int
    randomness: str


def check_rule(name: str, generated: bool, overridden: bool) -> None:
    """Raises where a Function does not say, or says twice, what it does for rows."""
    if generated and overridden:
        raise vmap_errors.two_rules(name)
    if not generated and not overridden:
        raise vmap_errors.no_rule(name)


def call(rule: Callable, apply: Callable, args: tuple) -> Any:
    """What `rule` returns for rows, as rows; where no argument has rows, what `apply` returns."""
    rows = threads.tape.rows
    tensors = list(_tensors(args))
    for x in tensors:
        read(x)
    with rows.outside():
        found = rows.outer(tensors)
        whole = _each(args, iter([t for t, _ in found]), lambda x: x)
        dims = _each(args, iter([dim for _, dim in found]), lambda x: None)
        if all(dim is None for _, dim in found):
            out, out_dims = apply(*whole), None
        else:
            out, out_dims = _two(rule(VmapInfo(rows.size, rows.randomness), dims, *whole))
        if not isinstance(out, tuple):
            return _taken(rows, out, _dims_of(out, out_dims)[0])
        return tuple(_taken(rows, o, dim) for o, dim in zip(out, _dims_of(out, out_dims), strict=True))


def one_by_one(function: Callable) -> Callable:
    """A rule that calls a function for each row."""

    def rule(info: VmapInfo, in_dims: tuple, *args: Any) -> tuple:
        found = [function(*_row(args, in_dims, i)) for i in range(info.batch_size)]
        if isinstance(found[0], (tuple, list)):
            return tuple(stack(column) for column in zip(*found, strict=True)), 0
        return stack(found), 0

    return rule


def _row(value: Any, dims: Any, i: int) -> Any:
    """A row of each tensor of a nest that has rows."""
    if isinstance(value, (tuple, list)):
        return type(value)(_row(x, dim, i) for x, dim in zip(value, dims or (None,) * len(value), strict=True))
    return value if dims is None else value.select(dims, i)


def _tensors(value: Any) -> Iterator[Handle]:
    if isinstance(value, Handle):
        yield value
    elif isinstance(value, (tuple, list)):
        for x in value:
            yield from _tensors(x)


def _each(value: Any, tensors: Iterator, other: Callable) -> Any:
    """The same nest with each tensor replaced by the next of `tensors`, and what else it holds by `other` of it."""
    if isinstance(value, Handle):
        return next(tensors)
    if isinstance(value, (tuple, list)):
        return type(value)(_each(x, tensors, other) for x in value)
    return other(value)


def _two(found: Any) -> tuple:
    if not (isinstance(found, tuple) and len(found) == 2):
        raise vmap_errors.not_two_returns(found)
    return found


def _dims_of(out: Any, dims: Any) -> tuple:
    """A dimension for each output: one may stand for all."""
    count = len(out) if isinstance(out, tuple) else None
    if dims is None or isinstance(dims, int):
        return (dims,) * (1 if count is None else count)
    if not isinstance(dims, tuple) or len(dims) != count:
        raise vmap_errors.wrong_out_dims(dims, _structure(dims), _structure(out))
    return dims


def _structure(tree: Any) -> str:
    """A nest as torch prints its structure."""
    if not isinstance(tree, (tuple, list)):
        return "*"
    inner = ",\n  ".join(_structure(x).replace("\n", "\n  ") for x in tree)
    return f"TreeSpec({type(tree).__name__}, None, [{inner}])"


def _taken(rows: Rows, out: Any, dim: int | None) -> Any:
    return rows.take(out, dim) if isinstance(out, Handle) else out
