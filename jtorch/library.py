"""torch.library: operators of your own, known as `torch.ops.namespace.name`.

The body of a `custom_op` is torch code. For a body of JAX code there is `jax_op`, an addition of jtorch: it is compiled
together with the operations around it, and its gradient is JAX's.

https://docs.pytorch.org/docs/stable/library.html
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from jtorch._custom_ops import ANY, OpOverload, define_op, defined_op, known
from jtorch._declare.bind import binder
from jtorch._declare.op import Op
from jtorch._declare.roles import Array, Arrays, Scalar
from jtorch._schemas import infer_schema, parse

__all__ = [
    "CustomOpDef", "Library", "custom_op", "define", "get_ctx", "impl", "impl_abstract", "infer_schema", "jax_op",
    "opcheck", "register_autocast", "register_autograd", "register_fake", "register_kernel", "register_torch_dispatch",
    "register_vmap", "triton_op", "wrap_triton",
]  # fmt: skip


class CustomOpDef:
    """An operator that `custom_op` made: a function, and where to register what belongs to it."""

    def __init__(self, op: OpOverload):
        self._opoverload = op
        self._qualname, self._schema = op.qualname, str(op.declared)
        op.shown = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._opoverload(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def register_kernel(self, device_types: Any, fn: Callable | None = None, /) -> Callable:
        """Gives the operator a body for some types of devices; None for all."""

        def register(kernel: Callable) -> Callable:
            kinds = (device_types,) if device_types is None or isinstance(device_types, str) else device_types
            for kind in kinds:
                self._opoverload.kernels[ANY if kind is None else kind] = kernel
            return kernel

        return register if fn is None else register(fn)

    def register_fake(self, fn: Callable, /) -> Callable:
        """Says what results look like: it is called for tensors on the meta device."""
        self._opoverload.fake = fn
        return fn

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """Gives the operator a gradient: `backward(ctx, *grads)` returns one for each argument; what it needs,
        `setup_context(ctx, inputs, output)` saves."""
        op = self._opoverload
        if op.writes:
            raise RuntimeError(
                f"Cannot register autograd formula for non-functional operator {op.shown!r} with schema "
                f"{op._schema}. Please create a functional operator and register an autograd formula for that."
            )
        op.backward, op.setup_context = backward, setup_context

    def register_vmap(self, func: Callable | None = None, /) -> Any:
        """Says what the operator does under `vmap`: `func(info, in_dims, *args)` takes tensors of all rows, and returns
        the output and where the rows lie in it. Without it the operator is called for one row after the other."""

        def register(rule: Callable) -> Callable:
            self._opoverload.vmap = rule
            return rule

        return register if func is None else register(func)

    def register_torch_dispatch(self, torch_dispatch_class: Any, fn: Callable | None = None, /) -> NoReturn:
        """Refused: there is no `__torch_dispatch__`."""
        raise NotImplementedError(_NO_DISPATCH)

    def register_autocast(self, device_type: str, cast_inputs: Any) -> NoReturn:
        """Refused."""
        raise NotImplementedError(_NO_AUTOCAST)

    @contextlib.contextmanager
    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Iterator[None]:
        """Without its kernel for a type of device, an operator runs the body it was made with."""
        kernels = self._opoverload.kernels
        kernel = kernels.get(device_type)
        if not enabled:
            kernels.pop(device_type, None)
        try:
            yield
        finally:
            if kernel is not None:
                kernels[device_type] = kernel


_NO_DISPATCH = (
    "jtorch: there is no __torch_dispatch__, because operations are recorded for XLA; let the class define "
    "__torch_function__ instead"
)
_NO_AUTOCAST = "jtorch: an operator has no casts of its own under autocast; cast its arguments in its body"


def custom_op(
    name: str,
    fn: Callable | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Makes a function of tensors an operator. Without a registered gradient a backward through it raises RuntimeError.

    >>> import jtorch as torch
    >>> @torch.library.custom_op("readme::cube", mutates_args=())
    ... def cube(x: torch.Tensor) -> torch.Tensor:
    ...     return x**3
    >>> def keep(ctx, inputs, output):
    ...     ctx.save_for_backward(*inputs)
    >>> cube.register_autograd(lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g, setup_context=keep)
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> torch.ops.readme.cube(x).backward()
    >>> x.grad
    tensor(12.)
    """

    def make(body: Callable) -> CustomOpDef:
        text = infer_schema(body, mutates_args=mutates_args) if schema is None else schema
        namespace, last = name.split("::")
        op = OpOverload(namespace, last, "default", parse(text))
        made = CustomOpDef(define_op(op))
        made.register_kernel(device_types, body)
        return made

    return make if fn is None else make(fn)


def jax_op(name: str, fn: Callable | None = None, /) -> Any:
    """Makes a function of JAX arrays an operator on tensors: an addition of jtorch.

    Parameters annotated `jax.Array`, or lists of them, are tensors; `float` is a number that may change without a new
    compilation; any other value is part of the program. It returns one array or a tuple. It is traced, so it may use
    all of JAX, and give itself a gradient by `jax.custom_vjp`.

    >>> import jax
    >>> import jtorch as torch
    >>> @torch.library.jax_op("readme::swish")
    ... def swish(x: jax.Array, beta: float = 1.0) -> jax.Array:
    ...     return x * jax.nn.sigmoid(beta * x)
    >>> x = torch.tensor([0.0, 1.0], requires_grad=True)
    >>> swish(x, beta=2.0).sum().backward()
    >>> x.grad
    tensor([0.5000, 1.0908])
    """

    def make(body: Callable) -> Callable:
        namespace, last = name.split("::")
        signature = inspect.signature(body, eval_str=True)

        numbers = [n for n, p in signature.parameters.items() if _role(p.annotation) in (Scalar, Scalar | None)]

        @functools.wraps(body)
        def traced(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            _cast_numbers(bound.arguments, numbers)
            return body(*bound.args, **bound.kwargs)

        params = [p.replace(annotation=_role(p.annotation)) for p in signature.parameters.values()]
        traced.__signature__ = signature.replace(parameters=params)  # type: ignore[attr-defined]  # inspect looks for it
        call = binder(Op(traced, name=last))
        words = ", ".join(_declared(p) for p in signature.parameters.values())
        define_op(OpOverload(namespace, last, "default", parse(f"({words}) -> Tensor"), call))
        call.__doc__ = body.__doc__
        return call

    return make if fn is None else make(fn)


def _cast_numbers(arguments: dict[str, Any], numbers: list[str]) -> None:
    """Gives numbers the type of the arrays, as JAX gives it to Python's."""
    arrays = jax.tree.leaves([x for name, x in arguments.items() if name not in numbers])
    kinds = [x.dtype for x in arrays if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jnp.inexact)]
    to = jnp.result_type(*kinds) if kinds else jnp.float32
    for name in numbers:
        if isinstance(arguments.get(name), jax.Array):
            arguments[name] = arguments[name].astype(to)


def _role(annotation: Any) -> Any:
    """What a parameter of JAX code is to the tape."""
    roles = {jax.Array: Array, jax.Array | None: Array | None, float: Scalar, float | None: Scalar | None}
    if annotation in (list[jax.Array], tuple[jax.Array, ...], Sequence[jax.Array]):
        return Arrays
    return roles.get(annotation, object)


def _declared(p: inspect.Parameter) -> str:
    words = {Array: "Tensor", Array | None: "Tensor?", Arrays: "Tensor[]", Scalar: "float", Scalar | None: "float?"}
    kind = words.get(_role(p.annotation), "Any")
    return f"{kind} {p.name}" + ("" if p.default is p.empty else f"={p.default}")


# By the operator's name


def _definition(op: Any) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    found = defined_op(op) if isinstance(op, str) else op
    shown = found.shown
    return shown if isinstance(shown, CustomOpDef) else CustomOpDef(found)


def register_kernel(op: Any, device_types: Any, func: Callable | None = None, /, *, lib: Any = None) -> Any:
    """Gives an operator, or the one of a name, a body for some types of devices."""
    return _definition(op).register_kernel(device_types, func)


def register_fake(
    op: Any, func: Callable | None = None, /, *, lib: Any = None, _stacklevel: int = 1, allow_override: bool = True
) -> Any:
    """Says what an operator's results look like, on the meta device."""
    definition = _definition(op)
    return definition.register_fake if func is None else definition.register_fake(func)


def impl_abstract(qualname: str, func: Callable | None = None, *, lib: Any = None, _stacklevel: int = 1) -> Any:
    """The older name of `register_fake`."""
    return register_fake(qualname, func)


def register_autograd(
    op: Any, backward: Callable, /, *, setup_context: Callable | None = None, lib: Any = None
) -> None:
    """Gives an operator, or the one of a name, a gradient.

    >>> import jtorch as torch
    >>> torch.library.define("readme::thrice", "(Tensor x) -> Tensor")
    >>> _ = torch.library.impl("readme::thrice", "default", lambda x: x * 3)
    >>> torch.library.register_autograd("readme::thrice", lambda ctx, g: g * 3)
    >>> torch.ops.readme.thrice(torch.ones(1, requires_grad=True))
    tensor([3.], grad_fn=<GeneratedBackwardFor_readme_thrice_defaultBackward>)
    """
    _definition(op).register_autograd(backward, setup_context=setup_context)


def register_vmap(op: Any, func: Callable | None = None, /, *, lib: Any = None) -> Any:
    """Says what an operator, or the one of a name, does under `vmap`."""
    return _definition(op).register_vmap(func)


def register_torch_dispatch(
    op: Any, torch_dispatch_class: Any, func: Callable | None = None, /, *, lib: Any = None
) -> NoReturn:
    """Refused: there is no `__torch_dispatch__`."""
    raise NotImplementedError(_NO_DISPATCH)


def register_autocast(op: Any, device_type: str, cast_inputs: Any, /, *, lib: Any = None) -> NoReturn:
    """Refused."""
    raise NotImplementedError(_NO_AUTOCAST)


def opcheck(
    op: Any,
    args: tuple,
    kwargs: dict[str, Any] | None = None,
    *,
    test_utils: Any = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic"),
    raise_exception: bool = True,
    atol: float | None = None,
    rtol: float | None = None,
) -> NoReturn:
    """Refused: its tests are of torch's tracers."""
    raise NotImplementedError(
        "jtorch: opcheck tests an operator with torch's tracers, which jtorch does not have; compare its gradients by "
        "torch.autograd.gradcheck"
    )


def triton_op(name: str, fn: Callable | None = None, /, *, mutates_args: Any, schema: str | None = None) -> NoReturn:
    """Refused: there is no Triton."""
    raise NotImplementedError("jtorch: there are no Triton kernels; write the operator's body in JAX with jax_op")


def wrap_triton(triton_kernel: Callable, /) -> NoReturn:
    """Refused: there is no Triton."""
    raise NotImplementedError("jtorch: there are no Triton kernels; write the operator's body in JAX with jax_op")


def get_ctx() -> NoReturn:
    """Refused: shapes that depend on values are known when they are asked for."""
    raise NotImplementedError("jtorch: a fake implementation has no context; return tensors of a size it can know")


# Libraries

_KEYS = {"CPU": "cpu", "CUDA": "cuda", "XLA": "xla", "cpu": "cpu", "cuda": "cuda", "xla": "xla"}
_EVERYWHERE = ("", "default", "CompositeExplicitAutograd", "CompositeImplicitAutograd", "BackendSelect")
_blocks: dict[str, str] = {}  # where the one DEF block of a namespace was made


def _caller() -> str:
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


class Library:
    """A namespace's operators: `define` says their schemas, `impl` what they do.

    >>> import jtorch as torch
    >>> lib = torch.library.Library("readme_lib", "DEF")
    >>> lib.define("plus(Tensor x, int n=1) -> Tensor")
    'plus'
    >>> lib.impl("plus", lambda x, n=1: x + n, "CPU")
    >>> torch.ops.readme_lib.plus(torch.ones(1), n=2)
    tensor([3.])
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = ""):
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns == "prim":
            raise ValueError(f"{ns} is a reserved namespace. Please try creating a library with another name.")
        if kind == "DEF" and ns in _blocks:
            raise RuntimeError(
                f"Only a single TORCH_LIBRARY can be used to register the namespace {ns}; please put all of your "
                "definitions in a single TORCH_LIBRARY block.  If you were trying to specify implementations, consider "
                "using TORCH_LIBRARY_IMPL (which can be duplicated).  If you really intended to define operators for a "
                "single namespace in a distributed way, you can use TORCH_LIBRARY_FRAGMENT to explicitly indicate "
                f"this.  Previous registration of TORCH_LIBRARY was registered at {_blocks[ns]}; latest registration "
                f"was registered at {_caller()}"
            )
        if kind == "DEF":
            _blocks[ns] = _caller()
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Defines an operator by its schema, `name(Tensor x) -> Tensor`, and returns its name."""
        name, _, rest = schema.partition("(")
        last, _, overload = name.strip().partition(".")
        if (overload or "default") in known(self.ns, last):
            raise RuntimeError(
                f"Tried to register an operator ({self.ns}::{schema}) with the same name and overload name multiple "
                "times. Each overload's schema should only be registered with a single call to def(). Duplicate "
                f"registration: registered at {_caller()}. Original registration: registered at "
                f"{known(self.ns, last)[overload or 'default'].place}"
            )
        op = define_op(OpOverload(self.ns, last, overload or "default", parse(f"({rest}")))
        op.place = _caller()
        return name

    def impl(
        self, op_name: Any, fn: Callable, dispatch_key: str = "", *, with_keyset: bool = False,
        allow_override: bool = False,
    ) -> None:  # fmt: skip
        """Gives an operator a body, for one of torch's dispatch keys."""
        op = op_name if isinstance(op_name, OpOverload) else defined_op(f"{self.ns}::{op_name.split('::')[-1]}")
        _implement(op, dispatch_key or self.dispatch_key, fn)

    def _destroy(self) -> None:
        if self.kind == "DEF":
            _blocks.pop(self.ns, None)


def _implement(op: OpOverload, key: str, fn: Callable) -> None:
    if key == "Meta":
        op.fake = fn
    elif key.startswith("Autograd"):
        op.autograd_kernel = fn
    elif key == "CompositeImplicitAutograd":  # the graph goes through what it is made of
        op.function = fn
    elif key in _EVERYWHERE:
        op.kernels[ANY] = fn
    elif key in _KEYS:
        op.kernels[_KEYS[key]] = fn
    else:
        raise NotImplementedError(f"jtorch: an operator has no kernel for the dispatch key {key}; use CPU, CUDA or ''")


def define(qualname: str, schema: str, *, lib: Any = None, tags: Any = ()) -> None:
    """Defines an operator by its full name and a schema without it, `(Tensor x) -> Tensor`."""
    if not isinstance(qualname, str):
        raise ValueError(f"define(qualname, schema): expected qualname to be instance of str, got {type(qualname)}")
    namespace, name = qualname.split("::")
    Library(namespace, "FRAGMENT").define(name + schema)


def impl(qualname: str, types: str | Sequence[str], func: Callable | None = None, *, lib: Any = None) -> Any:
    """Gives an operator a body for some types of devices, or "default" for all; without `func`, a decorator."""

    def register(fn: Callable) -> Callable:
        for kind in (types,) if isinstance(types, str) else types:
            _implement(defined_op(qualname), kind, fn)
        return fn

    return register if func is None else register(func)
