"""Tensors of evenly spaced numbers: arange, range, linspace, logspace.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import (
    Fill,
    Handle,
    as_int,
    composite,
    dtype_of,
    errors,
    fill,
    to_host,
)
from jtorch._declare.bind import MISSING
from jtorch._declare.halves import rounded, wide
from jtorch._declare.indices import index_type
from jtorch._declare.once import warn
from jtorch._declare.types import FLOAT, INT, get_default_dtype, int64
from jtorch._ops.creation import number_dtype


def _arange(aval: Any, start: Any, step: Any) -> Any:
    kind = np.float64 if aval.dtype.category >= FLOAT else np.int64
    return _as(start, kind) + lax.iota(kind, aval.size) * _as(step, kind)


def _count(aval: Any) -> Any:
    """0, 1, 2, ...: without numbers, so that it is known to fit 32 bits."""
    return lax.iota(index_type(aval.size), aval.size)


def _as(x: Any, kind: Any) -> Any:
    if jnp.iscomplexobj(x) and not np.issubdtype(kind, np.complexfloating):
        x = jnp.real(x)
    return lax.convert_element_type(x, kind)


def _linspace(aval: Any, start: Any, end: Any) -> Any:
    """From both ends to the middle, as torch counts, in the result's own type."""
    kind = aval.dtype.np
    if aval.dtype.category < FLOAT:
        start, end, kind = _as(_as(start, np.int64), kind), _as(_as(end, np.int64), kind), np.float64
    start, end = _as(start, kind), _as(end, kind)
    if aval.size == 1:
        return start
    i, last = lax.iota(np.int64, aval.size), aval.size - 1

    def each(x: Any) -> Any:
        return rounded(wide(x), start)

    low, high = each(start), each(end)
    # Behind the barrier XLA does not multiply by the reciprocal instead.
    step = each(each(high - low) / lax.optimization_barrier(each(_as(last, kind))))
    up = low + each(step * each(_as(i, kind)))
    return jnp.where(i < aval.size // 2, up, high - each(step * each(_as(last - i, kind))))


def _logspace(aval: Any, start: Any, end: Any, base: Any) -> Any:
    kind = aval.dtype.np if aval.dtype.category >= FLOAT else np.float64
    start, end = _as(start, kind), _as(end, kind)
    step = (end - start) / _as(max(aval.size - 1, 1), kind)
    return jnp.power(_as(base, kind), start + step * _as(lax.iota(np.int64, aval.size), kind))


ARANGE = Fill("arange", _arange)
COUNT = Fill("arange", _count)
LINSPACE = Fill("linspace", _linspace)
LOGSPACE = Fill("logspace", _logspace)


_ARANGE = "torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False"
_ARANGE_SIGNATURES = (
    f"Number end, *, Tensor out = None, torch.dtype dtype = None, {_ARANGE}",
    f"Number start, Number end, *, torch.dtype dtype = None, {_ARANGE}",
    f"Number start, Number end, Number step = 1, *, Tensor out = None, torch.dtype dtype = None, {_ARANGE}",
)


def _number(name: str, argument: str, position: int, x: Any) -> Any:
    """A range's bound as a Python number: it decides the shape."""
    if isinstance(x, Handle) and x._v.aval.size == 1:
        return to_host(x).item()
    if isinstance(x, np.generic):
        return x.item()
    if not isinstance(x, (bool, int, float, complex)):
        raise errors.argument_type(name, argument, position, "Number", x)
    return x


def _length(start: Any, end: Any, step: Any) -> int:
    """How many steps lie between two bounds."""
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start:g} -> {end:g}")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    exact = all(isinstance(x, int) for x in (start, end, step))
    return -((start - end) // step) if exact else math.ceil((end - start) / step)


def _interval(name: str, args: tuple, given: dict) -> list:
    """(start, end, step) of torch's three ways to say it."""
    named = {k: given.pop(k) for k in ("start", "end", "step") if k in given}
    if len(args) == 1 and "end" not in named and "start" not in named:
        args = (0, *args)
    values = {**dict(zip(("start", "end", "step"), args, strict=False)), **named}
    if "end" not in values or len(args) > 3:
        raise errors.invalid_combination(name, args, {**named, **given}, _ARANGE_SIGNATURES)
    order = (values.get("start", 0), values["end"], values.get("step", 1))
    return [_number(name, k, i + 1, x) for i, (k, x) in enumerate(zip(("start", "end", "step"), order, strict=True))]


@composite(
    method=False,
    forms=tuple(f"{ends}, *, dtype=None, **options" for ends in ("end", "start, end", "start, end, step=1")),
)
def arange(*args: Any, dtype: Any = None, **options: Any) -> Any:
    """Numbers from `start` (0) up to but not including `end`, by `step` (1).

    >>> import jtorch as torch
    >>> torch.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    start, end, step = _interval("arange", args, options)
    whole = all(isinstance(x, int) for x in (start, end, step))
    out = options.get("out")
    if isinstance(out, Handle) and dtype is None:
        dtype = out._v.aval.dtype
    to = dtype_of("arange", dtype) if dtype is not None else int64 if whole else None
    if to is not None and (to.is_complex or to.name == "bool"):
        raise errors.not_implemented_for("arange_cpu", to.type_name)
    if to is not None and to.category <= INT and step and not int(step):
        raise ValueError("step must be nonzero")
    if to is int64:
        start, end, step = int(start), int(end), int(step)
    count = _length(start, end, step)
    if to is not None and to.category <= INT:
        start, step = int(start), int(step)
    if whole and (start, step) == (0, 1):
        return fill(COUNT, (), (count,), to, **options)
    return fill(ARANGE, (start, step), (count,), to, **options)


@composite(method=False, public="range", forms=("start, end, step=1, *, dtype=None, **options",))
def _range(*args: Any, dtype: Any = None, **options: Any) -> Any:
    """Numbers from `start` to `end`, both included; `arange` is what torch recommends instead."""
    if len(args) + len({"start", "end"} & options.keys()) < 2:
        raise errors.missing_arguments("range", ["end"])
    warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end)."
    )
    start, end, step = _interval("range", args, options)
    _length(start, end, step)
    return fill(ARANGE, (start, step), (math.floor((end - start) / step) + 1,), dtype, **options)


def _spaced_signatures(name: str) -> list[str]:
    base = "float base = 10.0, " if name == "logspace" else ""
    bounds = [("Tensor", "Tensor"), ("Number", "Tensor"), ("Tensor", "Number"), ("Number", "Number")]
    options = f"*, Tensor out = None, torch.dtype dtype = None, {_ARANGE}"
    return [f"{start} start, {end} end, int steps, {base}{options}" for start, end in bounds]


def _spaced(name: str, start: Any, end: Any, steps: Any, dtype: Any) -> tuple[tuple, tuple[int], Any]:
    count = as_int(steps)
    if count is None or not all(isinstance(x, (Handle, np.generic, int, float, complex)) for x in (start, end)):
        given = (start, end) if steps is MISSING else (start, end, steps)
        raise errors.invalid_combination(name, given, {}, _spaced_signatures(name))
    if count < 0:
        raise RuntimeError("number of steps must be non-negative")
    for given in (start, end):
        if isinstance(given, Handle) and given._v.aval.ndim:
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got start with "
                f"{_rank(start)} dimension(s) and end with {_rank(end)} dimension(s)."
            )
    bounds = tuple(x.detach() if isinstance(x, Handle) else _number(name, "start", 1, x) for x in (start, end))
    default = get_default_dtype()
    if dtype is None:
        is_complex = any(number_dtype(x).is_complex for x in bounds)
        dtype = default.to_complex() if is_complex else default
    return bounds, (count,), dtype_of(name, dtype)


def _rank(x: Any) -> int:
    return x._v.aval.ndim if isinstance(x, Handle) else 0


@composite(method=False)
def linspace(start: Any, end: Any, steps: Any = MISSING, *, dtype: Any = None, **options: Any) -> Any:
    """`steps` evenly spaced numbers from `start` to `end`, both included.

    >>> import jtorch as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    numbers, shape, to = _spaced("linspace", start, end, steps, dtype)
    return fill(LINSPACE, numbers, shape, to, **options)


@composite(method=False)
def logspace(
    start: Any, end: Any, steps: Any = MISSING, base: float = 10.0, *, dtype: Any = None, **options: Any
) -> Any:
    """`base` to the powers of `steps` evenly spaced numbers.

    >>> import jtorch as torch
    >>> torch.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    numbers, shape, to = _spaced("logspace", start, end, steps, dtype)
    return fill(LOGSPACE, (*numbers, base), shape, to, **options)
