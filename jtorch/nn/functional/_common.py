"""What several files of torch.nn.functional share: types, reductions, numbers per dimension."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from jtorch._declare import as_int, broadcast, errors, registry, write_back
from jtorch._declare.halves import is_half, once
from jtorch._declare.halves import wide as wide
from jtorch._declare.once import warn
from jtorch._declare.types import from_numpy
from jtorch._ops.norms import magnitude as magnitude
from jtorch._ops.norms import vector_norm

SPACE = "torch.nn.functional"


def type_name(x: Any) -> str:
    """torch's name of an array's element type in messages: "Float"."""
    return from_numpy(x.dtype).type_name


def is_floating(x: Any) -> bool:
    """True for real floating-point arrays."""
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def require_floating(x: Any, kernel: str, complex_too: bool = False) -> None:
    """Refuses integers, as the kernels of torch do that have no form for them."""
    if not (is_floating(x) or (complex_too and jnp.iscomplexobj(x))):
        raise errors.not_implemented_for(kernel, type_name(x))


def number(value: Any, like: Any) -> Any:
    """A Python number, which enters an op as float64, in the type of an array."""
    return jnp.asarray(value, like.dtype)


def together(*arrays: Any) -> tuple:
    """Arrays expanded to their common shape; torch's error when they have none."""
    shape: tuple[int, ...] = ()
    for x in arrays:
        shape = broadcast(shape, x.shape)
    return tuple(jnp.broadcast_to(x, shape) for x in arrays)


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that torch's old flags and `reduction` ask for together."""
    if size_average is not None or reduce is not None:
        return "none" if reduce is False else "sum" if size_average is False else "mean"
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def warn_of_flags(*, size_average: bool | None, reduce: bool | None, **_: Any) -> None:
    """Warns of torch's old flags where one is given."""
    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, "")
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")


def reduced(loss: Any, reduction: str) -> Any:
    """A loss of every element, or their mean or sum."""
    if reduction == "none":
        return loss
    if reduction == "mean" and not jnp.issubdtype(loss.dtype, jnp.inexact):
        raise errors.reduction_float_only("mean", type_name(loss))
    return jnp.mean(loss) if reduction == "mean" else jnp.sum(loss)


def per_dim(function: str, name: str, value: Any, count: int) -> tuple[int, ...]:
    """One int for each of `count` spatial dimensions, from an int or a sequence of ints."""
    if isinstance(value, (tuple, list)):
        found = tuple(as_int(v) for v in value)
        if None in found:
            raise errors.argument_type(function, name, None, "tuple of ints", value)
        if len(found) == 1:
            return found * count  # type: ignore[return-value]  # None was refused above
        if len(found) != count:
            raise RuntimeError(f"{function}: {name} must either be a single int, or a tuple of {count} ints")
        return found  # type: ignore[return-value]  # None was refused above
    single = as_int(value)
    if single is None:
        raise errors.argument_type(function, name, None, "tuple of ints", value)
    return (single,) * count


def with_inplace(fn: Callable, name: str, twin: bool = False, of_torch: bool = False) -> Callable:
    """Makes a pointwise function public in torch.nn.functional with torch's last argument `inplace`.

    `twin` adds the function with a trailing underscore, `of_torch` also to `torch`.
    """
    count = len(fn.op.params)

    def call(*args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        if len(args) == count + 1:
            args, inplace = args[:count], args[count]
        result = fn(*args, **kwargs)
        if not inplace:
            return result
        return write_back(f"{name}_", args[0] if args else kwargs["input"], result)

    call.__name__ = call.__qualname__ = name
    call.__doc__, call.__module__ = fn.__doc__, fn.__module__
    call.op, call.body = fn.op, fn.body
    plain = [p for p in inspect.signature(fn).parameters.values() if p.name != "out"]
    last = inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)
    call.__signature__ = inspect.Signature([*plain, last])
    registry.add_function(SPACE, name, call)
    if twin:

        def write(*args: Any, **kwargs: Any) -> Any:
            return call(*args, inplace=True, **kwargs)

        write.__name__ = write.__qualname__ = f"{name}_"
        write.__doc__, write.__module__ = f"In-place version of `{name}`.", fn.__module__
        write.__signature__ = inspect.Signature(plain)
        registry.add_function(SPACE, f"{name}_", write)
        if of_torch:
            registry.add_function("torch", f"{name}_", write)
    return call


def listed(shape: Sequence[int]) -> str:
    """A shape as torch's kernels print it: [2, 3]."""
    return str(list(shape))


def softplus(x: Any) -> Any:
    """`log(1 + exp(x))` without overflow; of half types it rounds once."""
    return once(lambda wider: jnp.logaddexp(wider, 0), x)


def p_norm(x: Any, p: float, axis: int, keepdims: bool) -> Any:
    """The p-norm along one axis, with torch's gradient 0 where it is 0; of half types it rounds once."""
    if is_half(x):
        return once(lambda wider: p_norm(wider, p, axis, keepdims), x)
    if not x.ndim:
        return p_norm(x.reshape(1), p, 0, False)
    if jnp.iscomplexobj(x):
        return vector_norm(x, p, (axis,), keepdims)
    size = jnp.sign(x) * x
    if p == 0:
        return jnp.sum(x != 0, axis, keepdims=keepdims).astype(x.dtype)
    if p == 1:
        return jnp.sum(size, axis, keepdims=keepdims)
    if math.isinf(p):
        return (jnp.max if p > 0 else jnp.min)(size, axis, keepdims=keepdims)
    powers = jnp.sum(x * x if p == 2 else size**p, axis, keepdims=keepdims)
    empty = powers == 0
    safe = jnp.where(empty, 1, powers)
    return jnp.where(empty, 0, jnp.sqrt(safe) if p == 2 else safe ** (1 / p))
