"""What follows from a result: `out=`, in-place twins, casts, results made on the host."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import overlap
from jtorch._declare.calls import FAILURES, as_public, refuse
from jtorch._declare.devices import several_devices
from jtorch._declare.layouts import laid
from jtorch._declare.op import _cast, broadcast, camel, weighed
from jtorch._declare.out_rules import FILLS_MEMORY, check_type, keeps_shape, lies_by_rows, warning_of_resize
from jtorch._declare.promote import can_cast, result_type
from jtorch._declare.return_types import out_type
from jtorch._declare.shown import tells_itself
from jtorch._declare.verbs import as_strided_view, is_contiguous
from jtorch._declare.written import UNTRACKED, in_graph
from jtorch._engine import backend
from jtorch._engine.aval import NO_DATA, Aval, aval_of
from jtorch._engine.flush import end_of_work
from jtorch._engine.handle import EngineOp, Handle, apply, geometry, own_cell, read, rename_node, wrap
from jtorch._engine.parts import HalfComplex, Parted, answer
from jtorch._engine.storage import Cell
from jtorch._engine.tape import concrete, force, threads
from jtorch._engine.transfer import moved_to
from jtorch._engine.underivable import sever
from jtorch._engine.writing import assign, check_inplace, own_write, write_value
from jtorch._types import autograd_errors, errors, vmap_errors
from jtorch._types.device import cpu, device, meta
from jtorch._types.dtype import INT, dtype, from_numpy, get_default_dtype
from jtorch._types.user_frame import warn


def _converted(statics: tuple, x: Any) -> Any:
    """A cast as C makes it: floats outside a narrow integer type wrap, where XLA alone would saturate."""
    (to,) = statics
    if jnp.iscomplexobj(x) and not to.is_complex and to.name != "bool":
        x = jnp.real(x)
    if jnp.issubdtype(x.dtype, jnp.floating) and to.category == INT and to.itemsize < 4:
        x = lax.convert_element_type(x, np.int64)
    return _cast(x, to)


TO = EngineOp("to_copy", "ToCopyBackward0", _converted)
EXPAND = EngineOp("expand_copy", "ExpandBackward0", lambda statics, x: jnp.broadcast_to(x, statics[0]))
RESHAPE = EngineOp("reshape", "ViewBackward0", lambda statics, x: jnp.reshape(x, statics[0]))
COPY = EngineOp("clone", "CloneBackward0", lambda _, x: lax.convert_element_type(x, x.dtype))


def cast_to(t: Any, to: dtype) -> Any:
    """A copy of a tensor in another dtype, recorded; the tensor itself when it has it already."""
    return t if t._v.aval.dtype is to else laid(apply(TO, (t,), (to,))[0], None, t)


def copy_of(t: Any) -> Any:
    """A copy of a tensor in its order of memory, recorded and differentiable."""
    return copy_in(t, None)


def copy_in(t: Any, memory_format: Any) -> Any:
    """A copy in a `torch.memory_format`."""
    return laid(apply(COPY, (t,), ())[0], memory_format, t)


def from_host(array: np.ndarray, to: dtype | None = None, place: device = cpu, constant: bool = True) -> Any:
    """A tensor of a NumPy array that nobody else holds or will write. `constant`: it comes from Python data alone, so a
    compiled function may use it again."""
    found = to or from_numpy(array.dtype)
    if found.np is None:  # which NumPy takes for float64
        raise HalfComplex
    if array.dtype != found.np:
        array = array.astype(found.np)
    value = concrete(backend.adopt(array, place), aval_of(array.shape, found, place))
    capture = threads.tape.capture
    if capture is not None and constant:
        capture.constant(value)
    rows = threads.tape.rows
    return wrap(value if rows is None else rows.stand_in(value))


class _Drawing(threading.local):
    place = cpu  # where the random numbers that are being drawn will be: see draws.source


drawing = _Drawing()


def without_data(shape: tuple[int, ...], to: dtype) -> Any:
    """A tensor on `meta`."""
    return wrap(concrete(NO_DATA, aval_of(shape, to, meta)))


def drawn(draw: Callable[[], np.ndarray], to: dtype, place: device, shape: tuple[int, ...]) -> Any:
    """A tensor of random numbers, drawn from the device's stream; a compiled function draws anew at each call."""
    if place == meta:
        return without_data(shape, to)
    rows = threads.tape.rows
    if rows is not None:
        return _drawn_for_rows(rows, draw, to, place, shape)

    def make() -> Any:
        before, drawing.place = drawing.place, place
        try:
            return from_host(draw(), to, place)
        finally:
            drawing.place = before

    capture = threads.tape.capture
    return make() if capture is None else capture.draw(make)


def _drawn_for_rows(rows: Any, draw: Callable, to: dtype, place: device, shape: tuple[int, ...]) -> Any:
    """Random numbers inside of vmap: for each row its own, or for all the same."""
    if rows.randomness == "error":
        raise vmap_errors.random()
    with rows.outside():
        rows.draws()
    if rows.randomness == "same":
        with rows.outside():
            return rows.take(drawn(draw, to, place, shape), None)
    with rows.outside():
        all_rows = drawn(lambda: np.stack([draw() for _ in range(rows.size)]), to, place, (rows.size, *shape))
        return rows.take(all_rows, 0)


def without_gradient(result: Any, source: Handle, name: str) -> Any:
    """A result that the tape did not see made from `source`, with the node of torch's op `name`, whose gradient is not
    implemented."""
    if source._requires_grad and threads.tape.grad_enabled:
        error = NotImplementedError(f"the derivative for '{name}' is not implemented.")
        sever(result, f"{camel(name)}Backward0", error, source)
    return result


def from_shared(array: np.ndarray) -> Any:
    """A tensor on a NumPy array's own memory: `torch.from_numpy`."""
    cell = Cell.over(array)
    t = wrap(cell._value)
    t._cell = cell
    return t


def to_host(t: Handle) -> np.ndarray:
    """A tensor's contents as a NumPy array that must not be written; runs what is pending."""
    return np.asarray(force(read(t)))


def to_host_of_rows(t: Handle) -> np.ndarray:
    """The same; of a row under vmap, those of all rows."""
    rows = threads.tape.rows
    if rows is None or not rows.has(read(t)):
        return to_host(t)
    with rows.outside():
        return to_host_of_rows(rows.shown(t)[0])


def write_back(name: str, target: Any, result: Any, reads: Iterable = (), pointwise: bool = False) -> Any:
    """The end of an in-place op: checks in torch's words, casts, writes, returns the target. `reads`: what else it
    reads; `pointwise`: element by element."""
    tape = threads.tape
    if name in UNTRACKED and tape.grad_enabled:
        tape.grad_enabled = False
        try:
            return write_back(name, target, result, reads, pointwise)
        finally:
            tape.grad_enabled = True
    check_inplace(target, tape)
    if not pointwise or target._cell is not None:
        overlap.check(name, target, reads, pointwise)
    own_write(target, result)
    aval, found = target._v.aval, result._v.aval
    _check_place(aval, found)
    if found.shape != aval.shape:
        if broadcast(aval.shape, found.shape) != aval.shape:
            raise errors.output_shape(aval.shape, found.shape)
        result = apply(EXPAND, (result,), (aval.shape,))[0]
    if found.dtype is not aval.dtype:
        _check_cast(name, found.dtype, aval, reads)
        node = type(result._node).__name__
        result = cast_to(result, aval.dtype)
        if result._node is not None:
            rename_node(result, node)
    assign(target, in_graph(name, target, result, reads))
    return target


_NUMBERED = frozenset({"clamp_", "clip_", "clamp_min_", "clamp_max_"})  # name C's types where bounds are numbers


def _check_cast(name: str, found: dtype, target: Aval, reads: Iterable) -> None:
    """Raises where an op in place may not write its result's type into the tensor's."""
    to = target.dtype
    if name in ("cumsum_", "cumprod_"):
        _check_running(name, found, target)
        return
    if name in ("abs_", "absolute_") and to.is_complex:
        raise RuntimeError("In-place abs is not supported for complex tensors.")
    if name == "float_power_":
        raise RuntimeError(
            f"the base given to float_power_ has dtype {to.type_name} but the operation's result requires dtype "
            f"{found.type_name}"
        )
    if can_cast(found, to):
        return
    if name == "ldexp_":
        raise RuntimeError(f"ldexp can't be cast to the desired output type {to.type_name}")
    by_numbers = name in _NUMBERED and not any(isinstance(x, Handle) for x in reads)
    raise errors.cast(found.type_name, errors.c_name(to.type_name) if by_numbers else to.type_name)


def _check_running(name: str, found: dtype, target: Aval) -> None:
    """Integers are summed as what they are, though the result alone would be int64; another `dtype=` is refused."""
    to = target.dtype
    if to.is_floating_point or to.is_complex or found.name != "int64":
        kinds = [errors.c_name(kind.type_name) for kind in (to, found)]
        raise RuntimeError(
            "Bad in-place call: input tensor dtype {} and output tensor dtype {} should match".format(*kinds)
        )
    if to.name == "bool" and target.ndim and target.size:
        raise errors.not_implemented_for(f"{name}out_cpu", to.type_name)


def refuse_write(name: str, target: Any, operands: Iterable, error: Exception) -> None:
    """Raises what torch looks at before an op in place fails with `error`: whether the tensor may be written and, if a
    kernel fails, whether the result fits."""
    check_inplace(target, threads.tape)
    if isinstance(error, NotImplementedError) or str(error).startswith("The size of tensor"):
        overlap.check(name, target, operands, True)
    if not isinstance(error, NotImplementedError) and str(error) != "ZeroDivisionError":
        return
    mine, specs = target._v.aval, [target._v.aval]
    shape = mine.shape
    for x in operands:
        if isinstance(x, Handle):
            shape = broadcast(shape, x._v.aval.shape)
        if x is not None:
            specs.append(x._v.aval if isinstance(x, Handle) else type(x))
    if shape != mine.shape:
        raise errors.output_shape(mine.shape, shape)
    found = result_type(tuple(map(weighed, specs)), get_default_dtype())
    if not can_cast(found, mine.dtype):
        raise errors.cast(found.type_name, mine.dtype.type_name)


def _check_place(written: Aval, result: Aval) -> None:
    """What an op writes must be where it computes."""
    if written.device is not result.device and written.device != result.device:
        raise several_devices(*sorted((written.device, result.device), key=lambda place: place == cpu))


def inplace_twin(name: str, fn: Callable) -> Callable:
    """`f_` from `f`, which errors call `f_` where it was bound so: computes, then writes into the first argument."""

    order = getattr(getattr(fn, "op", None), "order", None)

    def twin(input: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            result = fn(input, *args, **kwargs)
        except Exception as error:  # whatever failed, torch looks first at the arguments, then at the tensor
            if isinstance(error, FAILURES):
                refuse(error, public, (input, *args), kwargs)
            if not isinstance(error, (TypeError, AttributeError)):
                if name not in UNTRACKED:
                    check_inplace(input, threads.tape)
                if order == "pointwise":
                    refuse_write(name, input, (*args, *kwargs.values()), error)
            raise
        return write_back(name, input, result, (*args, *kwargs.values()), order == "pointwise")

    twin.__name__ = twin.__qualname__ = name
    public = as_public(twin, "torch.Tensor", name, bool(getattr(getattr(fn, "op", None), "older", ())))
    twin.__doc__ = f"In-place version of `{name[:-1]}`."
    forms = [_in_place(one) for one in getattr(fn, "alternatives", (fn,))]
    twin.__signature__ = forms[0]  # type: ignore[attr-defined]  # inspect looks for it
    twin.signatures = forms  # type: ignore[attr-defined]  # of an op with several
    tells_itself(twin)
    if hasattr(fn, "forms"):
        twin.forms = without_out(fn.forms)  # type: ignore[attr-defined]  # the same lists, the tensor for `input`
    return twin


def without_out(forms: Sequence[str]) -> tuple[str, ...]:
    """Parameter lists without `out=`."""
    return tuple(form.replace(", *, out=None", "").replace(", out=None", "") for form in forms)


def _in_place(fn: Callable) -> inspect.Signature:
    """The signature of an op's in-place form: the tensor itself takes the place of `out`."""
    first, *rest = inspect.signature(fn).parameters.values()
    left_out = {"out", *getattr(getattr(fn, "op", None), "function_only", ())}
    return inspect.Signature([first.replace(name="input"), *(p for p in rest if p.name not in left_out)])


def write_out(
    name: str, out: Any, result: Any, reads: Iterable = (), *, several: bool = False, pointwise: bool = False
) -> Any:
    """`out=`: checks in torch's words, resizes, casts, writes, returns `out`. `reads`: the operands; `pointwise`: they
    are read element by element."""
    if not isinstance(out, Handle):
        raise errors.argument_type(name, "out", None, "Tensor", out)
    try:
        overlap.check(name, out, reads, pointwise)
    except Parted as met:
        return answer(met, write_out, (name, out, result), {})
    if threads.tape.grad_enabled and (out._requires_grad or result._requires_grad):
        raise autograd_errors.out_requires_grad(name)
    aval, found = out._v.aval, result._v.aval
    _check_place(aval, found)
    if found.dtype is not aval.dtype:
        check_type(name, found.dtype, aval.dtype, several, tuple(x for x in reads if isinstance(x, Handle)))
        result = cast_to(result, aval.dtype)
    if found.shape != aval.shape and keeps_shape(name, aval.shape, found.shape):
        result = apply(RESHAPE, (result,), (aval.shape,))[0]
    elif found.shape != aval.shape:
        return _resized(name, out, result)
    target = out
    if name in FILLS_MEMORY and not is_contiguous(*geometry(out)[:2]):
        target = as_strided_view(out, (aval.size,), (1,), None)
        result = apply(RESHAPE, (result,), ((aval.size,),))[0]
    write_value(target, read(result))
    return out


def _resized(name: str, out: Any, result: Any) -> Any:
    """`out` with the shape of the result, in memory of its own."""
    old = out._v.aval
    words = warning_of_resize(name, old.shape, result._v.aval.shape)
    if words is not None:
        warn(words)
    order = None if lies_by_rows(name, old.size > 0) else result._order
    out._v, out._cell, out._chain, out._base, out._geometry = read(result), None, (), None, None
    out._order, out._bent = order, order is not None
    return out


def write_outs(name: str, out: Any, results: Sequence, reads: Iterable = ()) -> list:
    """`out=` of an op with several results: a tuple of as many tensors."""
    if not isinstance(out, (tuple, list)):
        raise errors.argument_type(name, "out", None, "tuple of Tensors", out)
    if len(out) != len(results):
        raise TypeError(f"expected tuple of {len(results)} elements but got {len(out)}")
    return [write_out(name, o, r, reads, several=True) for o, r in zip(out, results, strict=True)]


def named_results(kind: type, name: str, results: Sequence, out: Any) -> Any:
    """The tuple a function written out returns, whose `out=` makes one of another name."""
    return kind(results) if out is None else out_type(kind)(write_outs(name, out, results))


def out_finisher(name: str, finish: Callable, finish_out: Callable, single: bool, pointwise: bool) -> Callable:
    """Ends a call that may have `out=`."""

    def end(results: list, out: Any, operands: tuple) -> Any:
        if out is None:
            return finish(results)
        if single:
            return write_out(name, out, results[0], operands, pointwise=pointwise)
        return finish_out(write_outs(name, out, results, operands))

    return end


__all__ = [
    "cast_to", "copy_in", "copy_of", "drawn", "end_of_work", "from_host", "from_shared", "inplace_twin", "moved_to",
    "out_finisher", "named_results", "own_cell", "to_host", "to_host_of_rows", "write_back", "write_out", "write_outs",
]  # fmt: skip
