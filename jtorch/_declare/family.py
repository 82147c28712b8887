"""The decorators ops are declared with. Each family carries defaults; a declaration overrides them.

============== ======================================================= ======== ======= =====
family         result dtype                                            method   twin    out=
============== ======================================================= ======== ======= =====
`@pointwise`   the promoted one, or by `kind`                          yes      yes     yes
`@reduction`   by `kind`; `dtype=` overrides                           yes      no      yes
`@op`          the body's; `Operand`s promote                          yes      no      no
`@view`        shares storage; the body returns a verb                 yes      no      no
`@composite`   a plain function of tensors                             yes      no      -
============== ======================================================= ======== ======= =====

`kind` is one of promote.py's: default, float, bool, complex_to_real, float_to_real, integers_to_int64.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from jtorch._declare import registry
from jtorch._declare.bind import _finisher, as_int, binder
from jtorch._declare.calls import FAILURES, MISSING, as_public, refuse
from jtorch._declare.dispatch import met
from jtorch._declare.op import Op, camel
from jtorch._declare.roles import REQUIRED
from jtorch._declare.shown import looks_itself
from jtorch._declare.variants import inplace_twin, out_finisher, without_out
from jtorch._declare.verbs import lazy_bits
from jtorch._engine.geometry import Bitcast, Geometry
from jtorch._engine.handle import Handle, ViewOp, ViewPlan, alias, geometry, plan_key, take_view
from jtorch._engine.parts import Parted, answer
from jtorch._types import errors

OPS: dict[str, Op] = {}  # every op declared, by qualified name


def _declare(
    body: Callable,
    *,
    method: bool,
    inplace: bool,
    out: bool,
    function: bool = True,
    alias: Sequence[str] = (),
    namespace: str | None = None,
    public: str | None = None,
    forms: tuple[str, ...] = (),
    **policy: Any,
) -> Callable:
    """Builds the op's binder and registers its names."""
    op = Op(body, **policy)
    name = public or op.name
    place = namespace or registry.namespace_of(body.__module__)
    OPS[f"{body.__module__}.{body.__name__}"] = op
    finish = None
    if out:
        ends = _finisher(op), _finisher(op, out=True)
        finish = out_finisher(op.name.strip("_"), *ends, op.single, op.order == "pointwise")
    fn: Any = binder(op, out=out, finish=finish, space=place, tells=function)
    if forms:
        fn.forms = forms
    if function:
        registry.add_function(place, name, fn)
    for other in alias:
        space, last = _split(other, place)
        said = last if space == "torch.nn.functional" else other.replace(".", "_")
        as_alias: Any = binder(op, out=out, finish=finish, called=said, space=space)
        if forms:
            as_alias.forms = forms
        registry.add_function(space, last, as_alias)
    names = (name, *(a for a in alias if "." not in a))  # of methods
    if method:
        for called in names:
            registry.add_method(called, binder(op, method=True, called=called))
    if inplace:
        for base in names:
            twin = inplace_twin(f"{base}_", binder(op, method=True, called=f"{base}_"))
            if forms:
                twin.forms = without_out(forms)
            registry.add_method(f"{base}_", twin)
            if place == "torch" and function and base in INPLACE_FUNCTIONS:
                registry.add_function(place, f"{base}_", twin)
    return fn


# In-place twins that torch also offers as functions: torch.relu_(x).
INPLACE_FUNCTIONS = frozenset(
    "abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil celu clamp clamp_max "
    "clamp_min clip conj_physical cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac log log10 log1p log2 logit "
    "nan_to_num neg negative rad2deg reciprocal relu round rsqrt sigmoid sin sinc sinh sqrt square tan tanh trunc "
    "xlogy threshold selu rrelu ldexp gcd lcm i0 dropout alpha_dropout feature_dropout feature_alpha_dropout "
    "index_put resize_as_ zero fill detach embedding_renorm".split()
)


def _split(name: str, default: str) -> tuple[str, str]:
    space, _, last = name.rpartition(".")
    return (f"torch.{space}" if space else default), last


def _family(**defaults: Any) -> Callable[..., Any]:
    def decorator(body: Callable | None = None, **given: Any) -> Any:
        if body is not None:
            return _declare(body, **defaults)
        return lambda body: _declare(body, **{**defaults, **given})

    return decorator


pointwise = _family(method=True, inplace=True, out=True, kind="default", order="pointwise")
reduction = _family(method=True, inplace=False, out=True, kind="default")
op = _family(method=True, inplace=False, out=False)


def composite(body: Callable | None = None, **given: Any) -> Any:
    """Registers a plain function of tensors: made of other ops, or needing the host.

    Options: `method`, `function`, `alias`, `inplace`, `namespace`, `public` (its public name), `forms` (torch's
    parameter lists where it has several that one Python signature cannot say), `tensors` (the parameters, as words,
    that must be tensors).
    """
    if body is None:
        return lambda body: composite(body, **given)
    fn: Any = body
    if "forms" in given:
        fn.forms = given["forms"]
    name = given.get("public") or fn.__name__
    place = given.get("namespace") or registry.namespace_of(fn.__module__)
    names = (name, *given.get("alias", ()))
    tensors = given.get("tensors", "").split()
    for n in names:
        if given.get("function", True):
            registry.add_function(*_split(n, place), checked(fn, n, tensors))
        if given.get("method", True) and "." not in n:
            registry.add_method(n, checked(fn, n, tensors, method=True))
        if given.get("inplace", False) and "." not in n:
            twin = inplace_twin(f"{n}_", checked(fn, f"{n}_", tensors, method=True))
            registry.add_method(f"{n}_", twin)
            if place == "torch" and n in INPLACE_FUNCTIONS:
                registry.add_function(place, f"{n}_", twin)
    return fn


def checked(fn: Callable, called: str, tensors: Sequence[str], method: bool = False) -> Callable:
    """A plain function that refuses what is no tensor in torch's words, which say its name and where that stood."""
    if not tensors:
        return fn
    places = [(fn.__code__.co_varnames.index(name), name) for name in tensors]

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        for at, name in places:
            by_position = at < len(args)
            if by_position or name in kwargs:
                value = args[at] if by_position else kwargs[name]
                if not isinstance(value, Handle):
                    position = (at if method else at + 1) if by_position else None
                    raise errors.argument_type(called, name, position, "Tensor", value)
        return fn(*args, **kwargs)

    return call


def overload(name: str, *alternatives: Callable, method: bool = True, alias: Sequence[str] = (), **given: Any) -> Any:
    """One public name for several signatures, tried in order. Alternatives are declared with
    `function=False, method=False`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        for fn in alternatives:
            if _fits(fn.op, args, kwargs):
                return fn(*args, **kwargs)
        if met((*args, *kwargs.values())):
            return call(*args, **kwargs)
        return alternatives[0](*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = alternatives[0].__doc__
    call.__module__ = alternatives[0].__module__
    call.alternatives = alternatives
    return composite(call, method=method, alias=alias, **given)


_NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def _fits(op: Op, args: tuple, kwargs: dict[str, Any]) -> bool:
    """True when a call's arguments have the roles of the op's parameters."""
    params = [p for p in op.params if not p.keyword]
    if len(args) > len(params):
        return False
    given: dict[str, Any] = {p.name: a for p, a in zip(params, args, strict=False)}
    if given.keys() & kwargs.keys():
        return False
    names = {p.name: p for p in op.params}
    renamed: dict[str, Any] = {_NUMPY_NAMES.get(k, k): v for k, v in kwargs.items() if k != "out"}
    given.update(renamed)
    if given.keys() - names.keys() or any(p.default is REQUIRED and p.name not in given for p in op.params):
        return False
    return all(_suits(names[n], value) for n, value in given.items())


def _suits(p: Any, value: Any) -> bool:
    if value is None:
        return p.optional
    is_tensor = isinstance(value, Handle)
    if p.kind == "array" or (p.kind == "operand" and p.name == "input"):
        return is_tensor
    if p.kind == "operand":
        return is_tensor or isinstance(value, (bool, int, float, complex))
    if p.kind == "arrays":
        return isinstance(value, (tuple, list))
    if p.kind == "scalar":
        return isinstance(value, (bool, int, float, complex)) or (is_tensor and value._v.aval.ndim == 0)
    if p.kind in ("dim", "new_dim"):
        return not isinstance(value, (bool, float)) and not is_tensor and as_int(value) is not None
    if p.kind in ("dims", "size"):
        return not isinstance(value, (bool, float)) and not is_tensor
    return not is_tensor


def view(body: Callable | None = None, **options: Any) -> Any:
    """Declares a view: the body takes the tensor's `Geometry` in place of the tensor and returns a verb,
    `(verb, numbers)`, or None for the tensor's alias. Other arguments come as the user gave them.

    Options: `grad` (the grad node's name), `method`, `function`, `alias`, `varargs` (the second argument
    takes varargs as a method).
    """
    if body is None:
        return lambda body: view(body, **options)
    fn_name = options.get("public") or body.__name__
    read = ViewOp(fn_name, options.get("grad") or camel(fn_name) + "Backward0")
    OPS[f"{body.__module__}.{body.__name__}"] = read  # type: ignore[assignment]  # a ViewOp has what readers of OPS use
    plans: dict[tuple, ViewPlan] = {}  # of views taken before

    def shown(space: str, called: str, varargs: bool) -> Callable:
        """The view as a namespace or the Tensor class shows it. `varargs`: `x.view(2, 3)` is `x.view((2, 3))`."""

        def call(input: Any = MISSING, *given: Any, **kwargs: Any) -> Any:
            args = given
            try:
                if varargs and given:
                    several = len(given) == 1 and isinstance(given[0], (tuple, list))
                    args = (tuple(given[0]),) if several else (given,)
                if not isinstance(input, Handle):
                    raise errors.argument_type(fn_name, "input", 1, "Tensor", input)
                key = plan_key(input, args) if not kwargs and _are_ints(args) else None
                if key in plans:
                    return take_view(read, input, plans[key])
                if key is None and any(x.__class__ in _NO_INTS for x in (*args, *kwargs.values())):
                    refuse(TypeError(), public, (input, *given), kwargs)
                found = body(ViewInput(input), *args, **kwargs)
            except Parted as parted:
                return answer(parted, read, (input, *args), kwargs)
            except FAILURES as error:
                if met((input,)):
                    return call(input, *given, **kwargs)
                refuse(error, public, given if input is MISSING else (input, *given), kwargs)
                raise
            if found is None:
                return input
            verb, numbers = found if found.__class__ is tuple else (found, ())
            plan = ViewPlan(input, verb, numbers)
            if key is not None:
                if len(plans) >= _MOST_PLANS:
                    plans.clear()
                plans[key] = plan
            t = take_view(read, input, plan)
            return alias(t) if verb.__class__ is Bitcast else t  # bytes of another type have no gradient

        public = as_public(call, space, called)
        call.__name__ = call.__qualname__ = fn_name
        call.__doc__ = body.__doc__
        call.__module__ = body.__module__
        call.__signature__ = inspect.signature(body)  # type: ignore[attr-defined]  # inspect looks for it
        vars(call).update(op=read, body=body)
        if "forms" in options:
            vars(call)["forms"] = options["forms"]
        return looks_itself(call)

    place = options.get("namespace") or registry.namespace_of(body.__module__)
    own = shown(place, fn_name, False)
    for n in (fn_name, *options.get("alias", ())):
        if options.get("function", True):
            space, last = _split(n, place)
            registry.add_function(space, last, own if n == fn_name else shown(space, last, False))
        if options.get("method", True):
            registry.add_method(n, shown("torch.Tensor", n, options.get("varargs", False)))
    return own


_NO_INTS = frozenset({bool, float})  # which would pass for ints
_MOST_PLANS = 1024  # for each kind of view


def _are_ints(args: tuple) -> bool:
    """True for ints and tuples of ints, of these very classes: to a dictionary 1, 1.0 and True are one key."""
    for x in args:
        if x.__class__ is tuple:
            for n in x:
                if n.__class__ is not int:
                    return False
        elif x.__class__ is not int:
            return False
    return True


class ViewInput:
    """What a view's body sees of the tensor: `shape`, `ndim`, `dtype`, and lazily its strides."""

    __slots__ = ("_tensor", "dtype", "ndim", "shape")

    def __init__(self, tensor: Handle):
        aval = tensor._v.aval
        self.shape = aval.shape
        self.ndim = aval.ndim
        self.dtype = aval.dtype
        self._tensor = tensor

    @property
    def conjugate(self) -> bool:
        """Whether the memory holds the conjugates."""
        return lazy_bits(self._tensor)[0]

    @property
    def geometry(self) -> Geometry:
        """Size, stride and offset."""
        return geometry(self._tensor)
