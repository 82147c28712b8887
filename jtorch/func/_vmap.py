"""`torch.vmap`: a function for each index of a dimension."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from jtorch import _root as torch
from jtorch._engine.handle import read
from jtorch._engine.rows import ByRow, Rows
from jtorch._engine.tape import forward_mode
from jtorch._types import vmap_errors
from jtorch.func._trees import leaves_of, parts_of, rebuilt


def _spread(dims: Any, tree: Any) -> list | None:
    """A dimension for each leaf: one may stand for a whole branch. None where the two do not fit."""
    if dims is None or isinstance(dims, (int, float)):
        return [dims] * len(leaves_of(tree))
    mine, parts = parts_of(dims), parts_of(tree)
    if parts is None or mine is None or len(mine) != len(parts) or isinstance(dims, dict) != isinstance(tree, dict):
        return None
    found = [_spread(d, part) for d, part in zip(mine, parts, strict=True)]
    return None if None in found else [d for branch in found for d in branch or ()]


def _input_dims(name: str, in_dims: Any, args: tuple) -> list:
    """The mapped dimension of each leaf of the arguments."""
    call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    dims = _spread(in_dims, args)
    if dims is None:
        raise ValueError(f"{call}: in_dims is not compatible with the structure of `inputs`.")
    for dim, leaf in zip(dims, leaves_of(args), strict=True):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
            )
        if not isinstance(leaf, torch.Tensor):
            raise ValueError(
                f"{call}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(
                f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {leaf.ndim} "
                f"so expected in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}."
            )
    return dims


def _batch_size(dims: list, leaves: list) -> int:
    sizes = [leaf.shape[dim] for dim, leaf in zip(dims, leaves, strict=True) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


def _calls(func: Callable, rows: list[list], args: tuple, kwargs: dict, randomness: str) -> list:
    """What the function returns for each row of the batch."""
    generator, found = torch.default_generator, []
    start = None if randomness == "different" else generator.get_state()
    for row in rows:
        if randomness == "same" and start is not None:
            generator.set_state(start)
        found.append(func(*rebuilt(args, iter(row)), **kwargs))
        if randomness == "error" and not torch.equal(start, generator.get_state()):
            raise vmap_errors.random()
    return found


def _joined(name: str, dim: Any, outputs: tuple, empty: bool) -> Any:
    """One leaf of the result, from what the calls returned there."""
    first = outputs[0]
    if dim is None:
        if isinstance(first, torch.Tensor) and not all(torch.equal(first, other) for other in outputs[1:]):
            raise ValueError(_has_rows(name))
        return first
    if not isinstance(first, torch.Tensor):
        raise ValueError(_not_a_tensor(name, first))
    found = torch.stack(outputs, dim)
    return found.narrow(dim, 0, 0) if empty else found


def vmap(
    func: Callable,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable:
    """The function for each index of the dimensions `in_dims` of its arguments, results joined along `out_dims`.

    Arguments and results may be nests of tuples, lists and dictionaries, and so may `in_dims` and `out_dims`; None
    leaves an argument whole. `randomness` says whether the calls may draw random numbers: "error", or "different" or
    "same" ones. The function runs once, recorded for one row, and what it recorded is mapped by `jax.vmap`
    (`_engine/rows.py`). Where that cannot be (shapes that depend on values, sparse tensors, a batch of none, under
    forward mode) it runs for one row after the other.

    >>> import jtorch as torch
    >>> torch.vmap(torch.dot)(torch.ones(3, 2), torch.ones(3, 2))
    tensor([2., 2., 2.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", repr(func))

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        dims, leaves = _input_dims(name, in_dims, args), leaves_of(args)
        size = _batch_size(dims, leaves)
        if size and forward_mode.level < 0 and not any(map(_is_parted, leaves)):
            call = _Call(func, name, out_dims, randomness, kwargs, [])
            try:
                return call.in_chunks(args, dims, size, chunk_size or size)
            except ByRow:
                if call.states:
                    torch.default_generator.set_state(call.states[0])
        columns = [
            [leaf] * max(size, 1)
            if dim is None
            else leaf.unbind(dim) or (leaf.new_zeros((*leaf.shape[:dim], *leaf.shape[dim:][1:])),)
            for dim, leaf in zip(dims, leaves, strict=True)
        ]
        outputs = _calls(func, [list(row) for row in zip(*columns, strict=True)], args, kwargs, randomness)
        places = _output_dims(name, out_dims, outputs[0])
        rows = zip(*map(leaves_of, outputs), strict=True)
        joined = [_joined(name, dim, row, not size) for dim, row in zip(places, rows, strict=False)]
        return rebuilt(outputs[0], iter(joined))

    return mapped


def _is_parted(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and (leaf.layout is not torch.strided or leaf.dtype is torch.complex32)


def _output_dims(name: str, out_dims: Any, outputs: Any) -> list:
    places = _spread(out_dims, outputs) if _are_places(out_dims) else None
    if places is None:
        raise ValueError(_wrong_places(name, out_dims))
    return places


class _Call(NamedTuple):
    """A function that is mapped, and how."""

    function: Callable
    name: str
    out_dims: Any
    randomness: str
    kwargs: dict[str, Any]
    states: list  # of the default generator, before the first draw

    def at_once(self, args: tuple, dims: list, size: int) -> Any:
        """The results of all rows, from one call."""
        leaves = leaves_of(args)
        rows = Rows(size, self.randomness, lambda: self.states.append(torch.default_generator.get_state()))
        given = [x if d is None else rows.take(x, d) for x, d in zip(leaves, dims, strict=True)]
        before = [None if d is None else x._v for x, d in zip(given, dims, strict=True)]
        with rows.running():
            outputs = self.function(*rebuilt(args, iter(given)), **self.kwargs)
            tensors = [x for x in leaves_of(outputs) if isinstance(x, torch.Tensor)]
            if any(map(_is_parted, tensors)):
                raise ByRow
            written = [i for i, v in enumerate(before) if v is not None and read(given[i]) is not v]
            for x in tensors:
                read(x)
        _write_back(rows, [(given[i], leaves[i], dims[i]) for i in written])
        found = rows.results(tensors)
        rows.link(tensors, found)
        made = iter(found)
        pairs = zip(_output_dims(self.name, self.out_dims, outputs), leaves_of(outputs), strict=True)
        joined = [_placed(self.name, dim, x, next(made) if isinstance(x, torch.Tensor) else None, size)
                  for dim, x in pairs]  # fmt: skip
        return rebuilt(outputs, iter(joined))

    def in_chunks(self, args: tuple, dims: list, size: int, chunk_size: int) -> Any:
        """The same for `chunk_size` rows at a time."""
        if chunk_size >= size:
            return self.at_once(args, dims, size)
        parts = []
        for start in range(0, size, chunk_size):
            n = min(chunk_size, size - start)
            chunk = [x if d is None else x.narrow(d, start, n) for x, d in zip(leaves_of(args), dims, strict=True)]
            parts.append(self.at_once(rebuilt(args, iter(chunk)), dims, n))
        places = _output_dims(self.name, self.out_dims, parts[0])
        columns = zip(*map(leaves_of, parts), strict=True)
        joined = [x[0] if d is None else torch.cat(x, d) for x, d in zip(columns, places, strict=True)]
        return rebuilt(parts[0], iter(joined))


def _write_back(rows: Rows, written: list[tuple]) -> None:
    """What the function wrote into its rows is written into the arguments."""
    if not written:
        return
    tensors = [row for row, _, _ in written]
    found = rows.results(tensors, axes=[dim % target.ndim for _, target, dim in written])
    rows.link(tensors, found)
    for (_, target, _), (new, _) in zip(written, found, strict=True):
        target.copy_(new)


def _placed(name: str, dim: Any, leaf: Any, made: tuple | None, size: int) -> Any:
    """One leaf of the result. `made`: of a tensor, what it is outside, and whether it has rows there."""
    if made is None:
        if dim is not None:
            raise ValueError(_not_a_tensor(name, leaf))
        return leaf
    found, has_rows = made
    if dim is None:
        if has_rows:
            raise ValueError(_has_rows(name))
        return found
    if not has_rows:
        found = found.expand(size, *found.shape)
    return found.movedim(0, dim) if dim % found.ndim else found


def _has_rows(name: str) -> str:
    return f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"


def _not_a_tensor(name: str, found: Any) -> str:
    return (
        f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(found)}. Did you mean to set out_dims= "
        "to None for output?"
    )


def _are_places(out_dims: Any) -> bool:
    return all(dim is None or isinstance(dim, int) for dim in leaves_of(out_dims))


def _wrong_places(name: str, out_dims: Any) -> str:
    if _are_places(out_dims):
        return (
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of "
            "`outputs`."
        )
    return (
        f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints "
        "representing where in the outputs the vmapped dimension should appear."
    )
