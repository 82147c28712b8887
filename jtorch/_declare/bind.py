"""One binder per op, generated when the op is declared.

`inspect.Signature.bind` costs 3 us a call, so the public function of an op is written out as source
and compiled, as `dataclasses` does. Its fast path is a few type tests; whatever they refuse goes to
the slow functions here, which convert it or raise torch's error.
"""

from __future__ import annotations

import functools
import inspect
import operator
import sys
import types
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from jtorch._declare import older
from jtorch._declare.calls import FAILURES, MISSING, Public, as_public, refuse, written
from jtorch._declare.dispatch import code_holder, met
from jtorch._declare.fastpath import NAMES, fast_lines
from jtorch._declare.op import Op
from jtorch._declare.out_rules import COMPUTED_IN_OUT, computing_dtype
from jtorch._declare.overloads import of_several
from jtorch._declare.refusals import NUMBERS_FOR_TENSORS
from jtorch._declare.return_types import out_type
from jtorch._declare.roles import OPERANDS, REQUIRED, Param
from jtorch._declare.shown import given, looks_itself
from jtorch._declare.variants import from_shared
from jtorch._engine import handle
from jtorch._engine.handle import Handle, apply, read
from jtorch._engine.tape import NUMBERS, force
from jtorch._types import errors
from jtorch._types.dtype import dtype
from jtorch._types.size import Size

_NUMBERS = frozenset(NUMBERS)
_ALIASES = {"dim": "axis", "keepdim": "keepdims"}  # NumPy's names, which torch accepts too


def _unbound(*args: Any, **kwargs: Any) -> Any:
    """The code every binder starts with: at the first call it is replaced by the op's own, because
    compiling the source of a thousand ops would be most of the time `import jtorch` takes."""
    return _build()(*args, **kwargs)  # type: ignore[name-defined]  # noqa: F821 - in the binder's own globals


def binder(
    op: Op,
    method: bool = False,
    out: bool = False,
    finish: Callable | None = None,
    operator: bool = False,
    called: str | None = None,
    space: str = "torch",
    tells: bool = True,
) -> Callable:
    """The public function of an op. As a method, a trailing `Size` or `Dims` takes varargs, and errors count positions
    from what follows the tensor; as an operator it answers NotImplemented to what is no operand. `called`: the name
    that errors say, of an alias or an in-place form; `space`: the namespace. `tells`: users call it, so an error about
    its arguments is theirs; what calls a hidden op is a function that tells of its own."""
    called = called or op.name
    names: dict[str, Any] = {"_op": op, "_finish": finish or _finisher(op)}
    fn: Any = types.FunctionType(_unbound.__code__, names, called)
    fn.__qualname__ = called  # Python's errors about wrong keywords say it
    names["_fn"] = fn

    def build() -> Callable:
        names.update(_NAMES)
        names["_Tensor"] = handle.tensor_class
        source = _source(op, called, method, out, operator, names)
        exec(compile(source, f"<jtorch {called}>", "exec"), names)
        real, own = names[called], code_holder(fn)
        own.__defaults__, own.__kwdefaults__ = real.__defaults__, real.__kwdefaults__
        own.__code__ = real.__code__
        return own

    names["_build"] = build
    said = called.removesuffix("_op")  # of functions that one of torch's name stands before
    public = as_public(fn, "torch.Tensor" if method else space, said, bool(op.older))
    names["_why"] = partial(_refuse, op, public) if tells else _as_it_is
    fn.__doc__ = op.body.__doc__
    fn.__module__ = op.body.__module__
    fn.__signature__ = _signature(op, out, method)
    fn.op = op
    fn.body = op.body
    return looks_itself(fn)


def _source(op: Op, called: str, method: bool, out: bool, operator: bool, names: dict[str, Any]) -> str:
    star = _star(op) if method else None
    head, lines = [], []
    rest = "" if operator or star else "*_more"  # what is too much is told in torch's words
    keyword_seen = False
    for p in op.params:
        if p.name == star:
            head += [f"*_v_{p.name}", f"{p.name}=_MISSING"]
            keyword_seen = True
            continue
        if method and p.name in op.function_only:
            lines.append(f"    {p.name} = {p.default!r}")
            continue
        if p.keyword and not keyword_seen:
            head.append(rest or "*")
            keyword_seen = True
        names[f"_d_{p.name}"] = MISSING if p.default is REQUIRED else p.default
        head.append(f"{p.name}=_d_{p.name}")
    if rest and not keyword_seen:
        head.append(rest)
        keyword_seen = True
    taken = {p.name for p in op.params}
    extra = {n: a for n, a in _ALIASES.items() if n in taken and a not in taken and n != star}
    several = of_several(called, method) is not None  # torch's error about unknown keywords is then its own
    if (extra or several) and not operator:  # keywords cost less when they are looked for only if there are any
        if not keyword_seen:
            head.append("*")
        head.append("**_named")
        known = {**extra, **({"out": "out"} if out else {})}
        lines.append("    if _named:")
        lines += [f"        {n} = _named.get('{a}', {'None' if n == 'out' else n})" for n, a in known.items()]
        lines.append(f"        if not _named.keys() <= {set(known.values()) or '_nothing'}: raise TypeError")
        lines += ["    else: out = None"] if out else []
    elif out:
        head += [] if keyword_seen else ["*"]
        head.append("out=None")
    if op.older and not operator:
        lines += _older_lines(op, called, method, out, names)
    elif rest:
        lines.append("    if _more: raise TypeError")
    if out and op.name in COMPUTED_IN_OUT:
        lines.append(
            f"    if dtype is None and out is not None: dtype = _computing_dtype('{op.name}', input, dim, out)"
        )
    first = len(lines)
    lines += _checks(op, called, method, operator, star)
    data, statics = [], []
    for p in op.params:
        if p.kind in OPERANDS:
            data.append(f"*{p.name}" if p.kind == "arrays" else p.name)
        if p.kind == "arrays":
            statics.append(f"len({p.name})")
        elif p.kind not in OPERANDS:
            statics.append(p.name)
    if op.warns is not None:
        names["_warns"] = op.warns
        lines.append(f"    _warns({', '.join(f'{p.name}={p.name}' for p in op.params)})")
    fixed = f"({', '.join(statics)}{',' if statics else ''})"
    if op.single and not op.residuals:
        lines += fast_lines(op.params, fixed, op.differentiable, out, op.order)
    lines += _general(op, data, fixed, out)
    if called in NUMBERS_FOR_TENSORS and not method:
        lines[first:first] = _number_lines(op, called, _general(op, data, fixed, out))
    body = [f"    {line}" for line in lines]
    source = [f"def {called}({', '.join(head)}):", "    try:", *body, *_overridden(op, star, out, method, operator)]
    return "\n".join(source) + "\n"


def _checks(op: Op, called: str, method: bool, operator: bool, star: str | None) -> list[str]:
    """The tests of the arguments."""
    lines = []
    for at, p in enumerate(op.params):
        lines += _check(called, p, at, at if method else at + 1, p.name == star)
        if operator and p.kind == "operand" and at:
            test, convert = lines.pop().split(": ", 1)
            refused = f"        if not _is_operand({p.name}): {_other_operand(op, p)}"
            lines += [f"{test}:", refused, f"        {convert}"]
    return lines


def _number_lines(op: Op, called: str, call: list[str]) -> list[str]:
    """A call whose first operand is a number."""
    first, *rest = op.params
    lines = [f"    {first.name} = _operand('{called}', '{first.name}', 1, {first.name})"]
    for at, p in enumerate(rest, 2):
        lines += _check(called, p, at - 1, at, False)
    return [f"    if not isinstance({first.name}, _Handle):", *(f"    {line}" for line in (*lines, *call))]


def _general(op: Op, data: list[str], fixed: str, out: bool) -> list[str]:
    """The call where there is no faster way."""
    operands = f"({', '.join(data)}{',' if data else ''})"
    call = f"_apply(_op, {operands}, {fixed})"
    if op.order == "pointwise":
        call = f"_kept({call}, {operands})"
    elif op.order == "images":
        call = f"_as_images({call}, {operands})"
    elif op.order is not None:
        call = f"_laid_by({call}, {(op.order,) if op.order.__class__ is str else tuple(op.order)})"
    return [f"    return _finish({call}, out, {operands})" if out else f"    return _finish({call})"]


def _as_it_is(error: Exception, frame: FrameType) -> None:
    """Leaves an error to the function that called."""


def _refuse(op: Op, public: Public, error: Exception, frame: FrameType) -> None:
    """Raises torch's error about a call of a binder that failed."""
    params = [p for p in op.params if not (public.method and p.name in op.function_only)]
    star = _star(op) if public.method else None
    places = tuple(p.name for p in params if not p.keyword and p.name != star)
    named = tuple(p.name for p in params if p.keyword or p.name == star)
    if "out" in frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]:
        named = (*named, "out")
    defaults = {p.name: p.default for p in params if p.default is not REQUIRED}
    args, kwargs = written(
        frame, places, named, public.method, {"out": None, **defaults}, f"_v_{star}" if star else "_more", "_named"
    )
    cleared = {p.name: p.default for p in params if p.kind == "scalar" and p.default is not REQUIRED}
    args = tuple(cleared.get(n, x) if x is None else x for n, x in zip((*places, *args), args, strict=False))
    refuse(error, public, args, {n: cleared.get(n, x) if x is None else x for n, x in kwargs.items()})


def _other_operand(op: Op, p: Param) -> str:
    """An operator's answer to what is no operand."""
    call = f"return _fn({op.params[0].name}, {{}})"
    refused = f"{call.format(p.name)} if _met(({p.name},)) else NotImplemented"
    if op.name != "eq":
        return refused
    taken = call.format(f"_on_ndarray({p.name})")
    return f"{taken} if {p.name}.__class__ is _ndarray else {refused.removeprefix('return ')}"


def _overridden(op: Op, star: str | None, out: bool, method: bool, operator: bool) -> list[str]:
    """What follows when an argument was refused: it may answer the call itself (dispatch.py)."""
    params = [p for p in op.params if not (method and p.name in op.function_only)]
    placed = [p.name for p in params if p.default is REQUIRED and not p.keyword and p.name != star]
    named = [p.name for p in params if p.name not in placed and p.name != star] + (["out"] if out else [])
    if star:
        placed.append(f"*(({star},) if {star} is not _MISSING else _v_{star})")
    given = "".join(f"{name}, " for name in placed)
    return [
        "    except _FAILURES as _error:",
        f"        if not _met(({given}{''.join(f'{name}, ' for name in named)})):",
        *([] if operator else ["            _why(_error, _frame())"]),
        "            raise",
        f"        return _fn({given}**_given(dict({', '.join(f'{n}={n}' for n in named)}), _fn))",
    ]


def _given(arguments: dict[str, Any], fn: Any) -> dict[str, Any]:
    """The arguments that are not the defaults: what was given by place is handed on by name."""
    defaults = {name: p.default for name, p in inspect.signature(fn).parameters.items()}
    return given({name: x for name, x in arguments.items() if x is not MISSING}, defaults)


def _older_lines(op: Op, called: str, method: bool, out: bool, names: dict[str, Any]) -> list[str]:
    """Calls in an order torch has deprecated: more arguments than there are, or a tensor where none belongs."""
    names["_older"] = partial(older.called, called, method)
    places = [p.name for p in op.params if not p.keyword and not (method and p.name in op.function_only)]
    test = " or ".join(["_more", *(f"isinstance({n}, _Handle)" for n in places if n in op.function_only)])
    found = f"tuple(x for x in ({', '.join(places)}, *_more) if x is not None)"
    return [f"    if {test}: return _older(_fn, {found}, {'dict(out=out)' if out else '{}'})"]


def _star(op: Op) -> str | None:
    """The parameter a method takes as varargs: a last `Size` or `Dims` right after the tensor."""
    if len(op.params) == 1 or op.params[1].kind not in ("size", "dims") or op.params[1].default is not REQUIRED:
        return None
    return op.params[1].name if all(p.keyword for p in op.params[2:]) else None


def _check(fn: str, p: Param, at: int, position: int, star: bool) -> list[str]:
    n = p.name
    none = f"{n} is not None and " if p.optional else ""
    args = f"'{fn}', '{n}', {None if p.keyword else position}"
    if star:
        given = f"{n} if {n} is not _MISSING else _v_{n}[0] if len(_v_{n}) == 1 else _v_{n} or _MISSING"
        return [f"    {n} = _{p.kind}({args}, {given})"]
    tensor = f"{n}.__class__ is not _Tensor and not isinstance({n}, _Handle)"  # the class alone is quicker
    if p.kind == "array":
        return [f"    if {none}{tensor}: {n} = _array({args}, {n})"]
    if p.kind == "operand":
        test = f"{n}.__class__ is not _Tensor and {n}.__class__ not in _NUMBERS and not isinstance({n}, _Handle)"
        if n == "input" and at == 0:
            return [f"    if {tensor}: {n} = _array({args}, {n})"]
        return [f"    if {none}{test}: {n} = _operand({args}, {n})"]
    if p.kind == "scalar":
        default = f"{n} is _d_{n}" if p.default is not REQUIRED else "False"
        test = f"{n}.__class__ not in _NUMBERS and not isinstance({n}, _Handle)"
        return [f"    if {default}: {n} = None", f"    elif {none}{test}: {n} = _scalar({args}, {n})"]
    if p.kind == "arrays":
        return [f"    {n} = _arrays({args}, {n})"]
    if p.kind in ("dim", "new_dim"):
        return [f"    if {none}{n}.__class__ is not int: {n} = _dim({args}, {n})"]
    if p.kind == "dims":
        return [f"    if {none}{n}.__class__ is not int: {n} = _dims({args}, {n})"]
    if p.kind == "size":
        return [f"    if {none[:-5]}: {n} = _size({args}, {n})" if none else f"    {n} = _size({args}, {n})"]
    if p.kind == "dtype":
        return [f"    if {none}{n}.__class__ is not _dtype_class: {n} = _dtype({args}, {n})"]
    if p.kind == "float":
        return [f"    if {none}{n}.__class__ is not float: {n} = _float({args}, {n})"]
    if p.default is REQUIRED:
        return [f"    if {n} is _MISSING or {n}.__class__ is list: {n} = _static({args}, {n})"]
    return [f"    if {n}.__class__ is list: {n} = tuple({n})"]


def _finisher(op: Op, out: bool = False) -> Callable:
    if op.result_type is not None:
        return functools.partial(tuple.__new__, out_type(op.result_type) if out else op.result_type)
    if op.single:
        return operator.itemgetter(0)
    return tuple


def is_operand(x: Any) -> bool:
    """True for what may stand beside a tensor in an expression."""
    return isinstance(x, (Handle, float, int, complex, np.generic))


# Ops whose numbers torch turns into tensors first.
SINGLE_OVERLOAD = frozenset({"add", "sub", "mul", "div"})


def _array(fn: str, name: str, position: int | None, value: Any) -> Any:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    raise errors.argument_type(fn, name, position, "Tensor", value)


def _operand(fn: str, name: str, position: int | None, value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    kind: Any = next((k for k in (bool, int, float, complex) if isinstance(value, k)), None)
    if kind is not None:
        return kind(value)
    return _array(fn, name, position, value)


def _scalar(fn: str, name: str, position: int | None, value: Any) -> Any:
    if isinstance(value, (np.generic, bool, int, float, complex)):
        return _operand(fn, name, position, value)
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    raise errors.argument_type(fn, name, position, "Number", value)


def _float(fn: str, name: str, position: int | None, value: Any) -> float:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    if isinstance(value, (int, float, np.generic)):
        return float(value)
    if isinstance(value, Handle) and value._v.aval.size == 1:
        return float(force(read(value)))
    raise errors.argument_type(fn, name, position, "float", value)


def _arrays(fn: str, name: str, position: int | None, value: Any) -> tuple:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    if isinstance(value, Handle) or not isinstance(value, Iterable):
        raise errors.argument_type(fn, name, position, "tuple of Tensors", value)
    found = tuple(value)
    for i, x in enumerate(found):
        if not isinstance(x, Handle):
            raise errors.tensor_list_item(position or 1, i, x)
    return found


def as_int(value: Any) -> int | None:
    """An int from anything that is one exactly: int, NumPy int, 0-dim integer tensor; else None."""
    if isinstance(value, (bool, float, complex, str)):
        return int(value) if isinstance(value, bool) else None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _wrong_dim(fn: str, name: str, position: int | None, expected: str, value: Any) -> TypeError:
    if fn in ("sum", "prod", "mean") and isinstance(value, Handle):
        return errors.cured(TypeError(fn), f"x + y adds two tensors; torch.stack([x, y]).{fn}(0) takes several")
    return errors.argument_type(fn, name, position, expected, value)


def _dim(fn: str, name: str, position: int | None, value: Any) -> int:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    found = None if value.__class__ is bool else as_int(value)
    if found is None:
        raise _wrong_dim(fn, name, position, "int", value)
    return found


_new_dim = _dim


def _dims(fn: str, name: str, position: int | None, value: Any) -> tuple[int, ...]:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    single = None if isinstance(value, (tuple, list, bool)) else as_int(value)
    if single is not None:
        return (single,)
    return _ints(fn, name, position, value)


def _size(fn: str, name: str, position: int | None, value: Any) -> tuple[int, ...]:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    if value.__class__ is Size:
        return tuple(value)
    single = None if isinstance(value, (tuple, list, bool)) else as_int(value)
    if single is not None:
        return (single,)
    return _ints(fn, name, position, value)


size_of = _size  # for functions that read a shape themselves


def _ints(fn: str, name: str, position: int | None, value: Any) -> tuple[int, ...]:
    if not isinstance(value, (tuple, list)):
        raise _wrong_dim(fn, name, position, "tuple of ints", value)
    found = []
    for i, item in enumerate(value):
        number = item if item.__class__ is int else None if i == 0 and item.__class__ is bool else as_int(item)
        if number is None:
            raise errors.sequence_item_type(fn, name, position or 1, "tuple of ints", i, item)
        found.append(number)
    return tuple(found)


def _dtype(fn: str, name: str, position: int | None, value: Any) -> dtype:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    raise errors.argument_type(fn, name, position, "torch.dtype", value)


def _static(fn: str, name: str, position: int | None, value: Any) -> Any:
    if value is MISSING:
        raise errors.missing_arguments(fn, [name])
    return tuple(value) if isinstance(value, list) else value


_NAMES: dict[str, Any] = {
    "_apply": apply, "_Handle": Handle, "_NUMBERS": _NUMBERS, "_MISSING": MISSING, "_array": _array,
    "_operand": _operand, "_arrays": _arrays, "_float": _float, "_scalar": _scalar,
    "_dim": _dim, "_dims": _dims, "_size": _size, "_dtype": _dtype, "_static": _static, "_is_operand": is_operand,
    "_ndarray": np.ndarray, "_on_ndarray": from_shared,
    "_met": met, "_given": _given, "_FAILURES": FAILURES, "_nothing": frozenset(),
    "_frame": sys._getframe, "_dtype_class": dtype, "_computing_dtype": computing_dtype, **NAMES,
}  # fmt: skip


def _signature(op: Op, out: bool, method: bool) -> inspect.Signature:
    kinds = inspect.Parameter
    params = [
        kinds(p.name, kinds.KEYWORD_ONLY if p.keyword else kinds.POSITIONAL_OR_KEYWORD, default=p.default)
        for p in op.params
        if not (method and p.name in op.function_only)
    ]
    if out:
        params.append(kinds("out", kinds.KEYWORD_ONLY, default=None))
    return inspect.Signature(params)
