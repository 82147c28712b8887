"""How an op is declared: a body from arrays to arrays, and the policy of its family.

A family is a decorator. It says how operands are promoted and what the result's dtype is; the body
sees arrays that are already cast, and returns arrays. From the annotated signature follow the public
function, the method, the in-place twin, `out=`, argument errors and the gradient.

    @pointwise
    def add(input: Operand, other: Operand, *, alpha: Scalar = 1) -> Array:
        return input + alpha * other
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare.devices import check_devices, device_of
from jtorch._declare.edges import edges_of
from jtorch._declare.once import warn_of_lost_part
from jtorch._declare.promote import DIMENSIONED, NUMBER, ZERO_DIM, compute_and_result, compute_dtype
from jtorch._declare.return_types import return_type
from jtorch._declare.roles import OPERANDS, Param, parameters, returns_tuple
from jtorch._engine import backend, grad
from jtorch._engine.aval import Aval, aval_of
from jtorch._engine.parts import HalfComplex
from jtorch._engine.tape import BaseOp, Fault
from jtorch._types import errors
from jtorch._types.dtype import PYTHON_DTYPES, dtype, from_numpy, get_default_dtype


def camel(name: str) -> str:
    """`log_softmax` -> `LogSoftmax`, torch's style in grad nodes."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class Op(BaseOp):
    """One declared op: what the engine needs to infer, trace and differentiate it."""

    def __init__(
        self,
        body: Callable,
        *,
        name: str | None = None,
        grad: str | Callable | None = None,
        kind: str | None = None,
        upcast: bool = False,
        steps: bool | Callable = False,
        differentiable: bool = True,
        no_gradient: tuple[type[Exception], str] | tuple[type[Exception], str, int] | None = None,
        real_gradient: str | Callable = "",
        constant: dict[str, str] | None = None,
        undefined: Callable | None = None,
        saves_result: bool = False,
        saves: str | Callable | None = None,
        residuals: bool = False,
        returns: Sequence[str] | None = None,
        checks: Callable | None = None,
        faults: Sequence[Fault] = (),
        refuse: Callable | None = None,
        warns: Callable | None = None,
        order: str | Sequence[str | None] | None = None,
        function_only: tuple[str, ...] = (),
        older: tuple[str, ...] = (),
    ):
        self.name = name or body.__name__
        self.body = body
        self.params: tuple[Param, ...] = parameters(body)
        self.grad_name = grad or camel(self.name.strip("_")) + "Backward0"
        self.kind = kind
        self.upcast = upcast
        self.steps = steps  # half types are computed in themselves: each step of the body rounds, as torch's do
        self.differentiable = differentiable
        # The error when the gradient of results that do require grad is asked for: by any operand, or by the one named.
        self.no_gradient = no_gradient
        self.real_gradient = real_gradient  # torch's function that refuses to be recorded where its results are complex
        self.constant = constant or {}  # operands that may not require grad, and torch's function that says so
        self.undefined = undefined  # the operands that torch gives no gradient, not zeros, by specs and statics
        self.saves_result = saves_result
        # What torch's formula saves, as words, where that is not what ours uses: parameters, "result" or "result0",
        # "result1"...; or a function of specs, statics and the operands that need a gradient.
        self.saves = saves
        self.residuals = residuals
        self.checks = checks
        self.faults = tuple(faults)
        self.refuse = refuse  # raises on operands the op does not take, given their specs before promotion
        self.warns = warns  # given the arguments of each call by name
        self.order = order  # of results: "pointwise", as operands lie; "images"; "columns"; None, rows; or one each
        self.function_only = function_only  # parameters the method does not have
        self.older = older  # keywords that torch also takes between the tensors: see older.py
        self.single = returns is None and not returns_tuple(body)
        self.result_type = return_type(self.name, returns) if returns else None

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def infer(self, specs: tuple, statics: tuple) -> tuple[Aval, ...]:
        """Shapes and dtypes of the results; wrong arguments raise torch's errors here."""
        self._check_statics(statics)
        if self.refuse is not None:
            self._refused(self.refuse, specs)
        wish = self._wished_dtype(statics)
        if wish is not None and not wish.is_complex and any(isinstance(s, Aval) and s.dtype.is_complex for s in specs):
            warn_of_lost_part()
        check_devices(self, specs)
        outs = grad.shape_of(lambda *arrays: self.trace(specs, statics, list(arrays)), specs)
        place = device_of(specs)
        return tuple(aval_of(o.shape, from_numpy(o.dtype), place) for o in outs)

    def check_gradient(self, statics: tuple, needs: tuple[int, ...], outs: tuple[Aval, ...]) -> None:
        if self.constant:
            operands = [p.name for p in self.params if p.kind in OPERANDS]
            for name in (operands[i] for i in needs):
                if name in self.constant:
                    raise errors.not_differentiable_by(self.constant[name], name)
        real = self.real_gradient if isinstance(self.real_gradient, str) else self.real_gradient(statics, outs)
        if real and any(out.dtype.is_complex for out in outs):
            raise errors.no_complex_gradient(real)

    def _check_statics(self, statics: tuple) -> None:
        """Raises for what is no int or bool where one decides; a binder tells it in torch's words."""
        fixed = [p for p in self.params if p.kind not in OPERANDS or p.kind == "arrays"]
        for p, value in zip(fixed, statics, strict=True):
            wrong = (bool, float, str) if p.type is int else (int, float, str) if p.type is bool else ()
            if value.__class__ in wrong:
                raise errors.argument_type(self.name, p.name, None, p.type.__name__, value)

    def _refused(self, refuse: Callable, specs: tuple) -> None:
        """Raises on operands the op does not take. Of elementwise ops torch looks for a kernel, with whose quoted name
        the sentence begins, after the shapes."""
        try:
            refuse(specs)
        except NotImplementedError as error:
            if self.order == "pointwise" and str(error).startswith('"'):
                functools.reduce(broadcast, (s.shape for s in specs if isinstance(s, Aval)))
            raise

    def trace(self, specs: tuple, statics: tuple, arrays: list) -> tuple:
        """Casts, calls the body and casts its results."""
        args, result = self._arguments(specs, statics, arrays)
        with backend.tracing_on(device_of(specs)):
            out = self.body(*args[0], **args[1])
        outs = tuple(out) if isinstance(out, (tuple, list)) else (out,)
        if result is not None:
            return tuple(_cast(o, result) for o in outs)
        return tuple(_strong(o) for o in outs)

    def graph_operands(self, specs: tuple) -> tuple[int, ...]:
        """The edges that torch shows."""
        return edges_of(self.name, [p for p in self.params if p.kind in OPERANDS], specs)

    def saved_by_torch(self, specs: tuple, statics: tuple, needs: tuple[int, ...]) -> Any:
        """The operands and the results named by `saves`."""
        if self.saves is None:
            return None
        words = (self.saves if isinstance(self.saves, str) else self.saves(specs, statics, needs)).split()
        names, fixed = [], iter(statics)
        for p in self.params:
            if p.kind == "arrays":
                names += [p.name] * next(fixed)
            elif p.kind in OPERANDS:
                names.append(p.name)
            else:
                next(fixed)
        numbers = {"result": 0} | {f"result{i}": i for i in range(_MOST_RESULTS)}
        unknown = set(words) - set(names) - set(numbers)
        assert not unknown, f"{self.name} has no {unknown}"
        operands = tuple(i for i, name in enumerate(names) if name in words and isinstance(specs[i], Aval))
        return operands, tuple(numbers[word] for word in words if word in numbers)

    def out_of_range(self, specs: tuple, statics: tuple, arrays: list) -> Any:
        """What `checks` found, or the number of the first of `faults`."""
        (positional, keyword), _ = self._arguments(specs, statics, list(arrays))
        if self.faults:
            found = jnp.stack([fault.found(*positional, **keyword) for fault in self.faults])
            return jnp.where(jnp.any(found), jnp.argmax(found) + 1, 0)
        assert self.checks is not None
        return self.checks(*positional, **keyword)

    def _arguments(self, specs: tuple, statics: tuple, arrays: list) -> tuple[tuple[list, dict], dtype | None]:
        compute, result = self._dtypes(specs, statics)
        rank = next((s.ndim for s in specs if isinstance(s, Aval)), 0)
        data, fixed = iter(zip(specs, arrays, strict=True)), iter(statics)
        positional, keyword = [], {}
        for p in self.params:
            if p.kind == "arrays":
                value: Any = [next(data)[1] for _ in range(next(fixed))]
            elif p.kind in OPERANDS:
                spec, array = next(data)
                value = self._operand(p, spec, array, compute)
            else:
                value = _static(p, next(fixed), rank)
            if p.keyword:
                keyword[p.name] = value
            else:
                positional.append(value)
        self._check_broadcast(specs)
        return (positional, keyword), result

    def _operand(self, p: Param, spec: Any, array: Any, compute: dtype | None) -> Any:
        if array is None:
            return p.default if p.kind == "scalar" and p.default is not None else None
        if compute is None or (p.kind == "array" and self.kind is not None and not self._casts_arrays):
            return _strong(array)
        return _cast(array, compute)

    @property
    def _casts_arrays(self) -> bool:
        """True when arrays are what the op promotes: it has no operands."""
        return not any(p.kind == "operand" for p in self.params)

    def _dtypes(self, specs: tuple, statics: tuple) -> tuple[dtype | None, dtype | None]:
        """The type operands are computed in and the type of the results; None leaves them alone."""
        promoting = self._promoting(specs)
        if not promoting:
            return None, None
        if self.kind is None:
            common = compute_and_result("default", promoting, get_default_dtype())[0]
            if not self.upcast and self._casts_arrays:
                return None, None
            return (compute_dtype(common) if self.upcast else common), (common if self.upcast else None)
        compute, result = compute_and_result(self.kind, promoting, get_default_dtype())
        wish = self._wished_dtype(statics)
        if wish is not None:
            compute = result = wish
        steps = self.steps(specs) if callable(self.steps) else self.steps
        return (compute if steps else compute_dtype(compute)), result

    def _wished_dtype(self, statics: tuple) -> dtype | None:
        """What the caller gave as `dtype=`."""
        fixed = [p for p in self.params if p.kind not in OPERANDS or p.kind == "arrays"]
        for p, value in zip(fixed, statics, strict=True):
            if p.kind == "dtype" and p.name == "dtype":
                return value
        return None

    def _promoting(self, specs: tuple) -> tuple:
        data = [p for p in self.params if p.kind in OPERANDS]
        if any(p.kind == "arrays" for p in data):
            return tuple(weighed(s) for s in specs if isinstance(s, Aval))
        kinds = ("array",) if self._casts_arrays else ("operand",)
        if self.kind is not None and not self._casts_arrays:
            kinds = ("operand",)
        return tuple(weighed(s) for p, s in zip(data, specs, strict=True) if p.kind in kinds and s is not None)

    def _check_broadcast(self, specs: tuple) -> None:
        if self.kind is None or self._casts_arrays:
            return
        shape: tuple[int, ...] = ()
        for s in specs:
            if isinstance(s, Aval):
                shape = broadcast(shape, s.shape)


_MOST_RESULTS = 8  # of an op that saves some


def weighed(spec: Any) -> tuple[dtype, int]:
    """An operand as `promote` wants it: its dtype and its weight."""
    if isinstance(spec, Aval):
        return spec.dtype, DIMENSIONED if spec.ndim else ZERO_DIM
    return PYTHON_DTYPES[spec], NUMBER


def broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of two; torch's error when there is none."""
    if a == b:
        return a
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise errors.broadcast_mismatch(a, b) from None


def wrap_dim(dim: int, rank: int) -> int:
    """A dimension counted from the front; IndexError in torch's words when there is no such one."""
    if dim.__class__ is bool or dim.__class__ is float:
        raise TypeError(f"a dimension must be int, not {dim.__class__.__name__}")
    span = max(rank, 1)
    if not -span <= dim < span:
        raise errors.dim_out_of_range(dim, rank)
    return dim % span


_MOST_DIMS = 64  # torch keeps sets of dimensions in the bits of a word


def check_rank(rank: int) -> None:
    """torch's error where dimensions are named of a tensor that has too many."""
    if rank > _MOST_DIMS:
        raise RuntimeError(f"only tensors with up to {_MOST_DIMS} dims are supported")


def wrap_dims(dims: Sequence[int], rank: int) -> tuple[int, ...]:
    """Several dimensions counted from the front, without repeats."""
    check_rank(rank)
    wrapped = tuple(wrap_dim(d, rank) for d in dims)
    for i, d in enumerate(wrapped):
        if d in wrapped[:i]:
            raise errors.dim_repeated(d)
    return wrapped


def _static(p: Param, value: Any, rank: int) -> Any:
    if value is None:
        return None
    if p.kind == "dim":
        return wrap_dim(value, rank)
    if p.kind == "new_dim":
        return wrap_dim(value, rank + 1)
    if p.kind == "dims":
        return wrap_dims((value,) if isinstance(value, int) else value, rank)
    return value


def _cast(array: Any, to: dtype) -> Any:
    if not hasattr(array, "dtype"):
        array = jnp.asarray(array)
    if to.np is None:
        raise HalfComplex
    if array.dtype == to.np:
        return _strong(array)
    if to.name == "bool":
        return array != 0
    if array.dtype == bool:  # XLA makes `bool * x` a choice, in which 0 * nan is 0
        array = lax.convert_element_type(array, np.uint8)
    if jnp.iscomplexobj(array) and not to.is_complex:
        array = jnp.real(array)
    if to.name == "float8_e4m3fn":  # it has no infinity; torch stops at its largest number, XLA goes on to nan
        array = jnp.clip(array, -448, 448)
    return lax.convert_element_type(array, to.np)


def _strong(array: Any) -> Any:
    """Without JAX's weak type, which must not leave a program."""
    return lax.convert_element_type(array, array.dtype) if getattr(array, "weak_type", False) else jnp.asarray(array)
