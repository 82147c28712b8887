"""The annotation words of an op's signature: what each parameter is to the tape.

==========  ==========================================================================
`Operand`   a tensor or a Python number; takes part in type promotion
`Array`     a tensor; does not promote
`Arrays`    a sequence of tensors; does not promote
`Scalar`    a Python number (or a 0-dim tensor) that is data: it never recompiles
`Dim`       a dimension of `input`, wrapped and checked
`NewDim`    a place between dimensions: one more than `Dim` allows
`Dims`      one dimension or several, wrapped and checked, no repeats
`Size`      a shape: varargs in methods, a tuple or list elsewhere
`DType`     an element type
==========  ==========================================================================

Each may be `| None`. Any other annotation is a static Python value: it is part of the program.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import jax

    from jtorch._types.dtype import dtype

    Operand = jax.Array
    Array = jax.Array
    Arrays = list[jax.Array]
    Scalar = jax.Array | float
    Dim = int
    NewDim = int
    Dims = tuple[int, ...]
    Size = tuple[int, ...]
    DType = dtype
else:

    class Operand: ...

    class Array: ...

    class Arrays: ...

    class Scalar: ...

    class Dim: ...

    class NewDim: ...

    class Dims: ...

    class Size: ...

    class DType: ...


_KINDS = {
    Operand: "operand", Array: "array", Arrays: "arrays", Scalar: "scalar", Dim: "dim", NewDim: "new_dim",
    Dims: "dims", Size: "size", DType: "dtype", float: "float",
}  # fmt: skip
OPERANDS = frozenset({"operand", "array", "arrays", "scalar"})  # kinds that are data; the rest is static
REQUIRED = inspect.Parameter.empty


class Param(NamedTuple):
    """One parameter of an op."""

    name: str
    kind: str  # a role's name in lower case, "float" for a constant of the program, or "static"
    optional: bool  # None is accepted
    default: Any  # REQUIRED when there is none
    keyword: bool  # keyword-only
    type: Any = None  # the annotation of a static one


def parameters(body: Callable) -> tuple[Param, ...]:
    """Reads a body's annotated signature."""
    found = []
    for p in _signature(body).parameters.values():
        annotation, optional = p.annotation, p.default is None
        if isinstance(annotation, types.UnionType):
            members = [a for a in annotation.__args__ if a is not types.NoneType]
            optional = optional or len(members) < len(annotation.__args__)
            annotation = next((a for a in members if a in _KINDS), members[0])
            if annotation is float and len(members) > 1:  # "float | str": also takes what no float is
                annotation = object
        kind = _KINDS.get(annotation, "static")
        static = annotation if kind == "static" else None
        found.append(Param(p.name, kind, optional, p.default, p.kind is p.KEYWORD_ONLY, static))
    return tuple(found)


def returns_tuple(body: Callable) -> bool:
    """True when a body is annotated to return several results."""
    return typing.get_origin(_signature(body).return_annotation) is tuple


@functools.lru_cache(maxsize=1)
def _signature(body: Callable) -> inspect.Signature:
    return inspect.signature(body, eval_str=True)
