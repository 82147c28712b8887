"""Reduction ops: sums, means, extrema, spread.

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import jax.scipy.special as jss
from jax import lax

from jtorch._declare import (
    Array,
    Dim,
    Dims,
    DType,
    Handle,
    Scalar,
    composite,
    errors,
    op,
    overload,
    platform,
    reduction,
    write_out,
)
from jtorch._declare.halves import wide
from jtorch._declare.indices import index_type
from jtorch._declare.once import warn
from jtorch._declare.op import check_rank
from jtorch._declare.promote import can_cast
from jtorch._declare.types import from_numpy
from jtorch._declare.variants import without_out
from jtorch._ops import comparison
from jtorch._ops.pointwise import is_integral
from jtorch._ops.refusals import BOOL, COMPLEX, INT, first, no_kernel, refused, without_kernel


def axes(x: Array, dim: Sequence[int] | int | None) -> tuple[int, ...]:
    """The axes to reduce: all when none is named; none at all in a 0-dim array."""
    if x.ndim == 0:
        return ()
    if isinstance(dim, int):
        return (dim,)
    return tuple(dim) if dim else tuple(range(x.ndim))


def type_name(x: Array) -> str:
    """torch's word for an array's element type, such as Long."""
    return from_numpy(x.dtype).type_name


def _by_dim(base: str, whole: int, along: int) -> Callable:
    """A grad node's name by whether dimensions were named; `dim` is the first static argument."""
    return lambda specs, statics: f"{base}Backward{whole if statics[0] is None else along}"


@reduction(kind="integers_to_int64", grad=_by_dim("Sum", 0, 1))
def sum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The sum of all elements, or along dimensions. Integers and bools are summed as int64.

    >>> import jtorch as torch
    >>> torch.sum(torch.tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4, 6])
    """
    return jnp.sum(input, axes(input, dim), keepdims=keepdim)


@reduction(kind="integers_to_int64", refuse=refused(
    RuntimeError, "nansum on CPU does not support complex inputs", COMPLEX))  # fmt: skip
def nansum(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The sum with nan counted as 0."""
    return jnp.sum(jnp.where(input != input, 0, input), axes(input, dim), keepdims=keepdim)


@reduction(grad=_by_dim("Mean", 0, 1))
def mean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The mean of all elements, or along dimensions.

    >>> import jtorch as torch
    >>> torch.mean(torch.tensor([[1., 2.], [3., 5.]]), 1)
    tensor([1.5000, 4.0000])
    """
    if is_integral(input):
        raise errors.reduction_float_only("mean", type_name(input), argument="Input" if dtype is None else "Optional")
    return jnp.mean(input, axes(input, dim), keepdims=keepdim)


@reduction(grad="DivBackward0", refuse=refused(
    RuntimeError, "nansum on CPU does not support complex inputs", COMPLEX))  # fmt: skip
def nanmean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The mean of the elements that are not nan."""
    if is_integral(input):
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {type_name(input)}"
        )
    valid = input == input
    total = jnp.sum(jnp.where(valid, input, 0), axes(input, dim), keepdims=keepdim)
    return total / jnp.sum(valid, axes(input, dim), keepdims=keepdim).astype(total.dtype)


@reduction(kind="integers_to_int64", residuals=True, grad=_by_dim("Prod", 0, 1), saves="input result")
def prod(input: Array, dim: Dim | None = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The product of all elements, or along one dimension. Integers and bools are multiplied as int64."""
    return jnp.prod(input, axes(input, dim), keepdims=keepdim)


def _truth(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
        where = () if dim == () else axes(input, dim)  # unlike sum, () reduces nothing
        found = fn(input != 0, where, keepdims=keepdim)
        return found.astype(jnp.uint8) if input.dtype == jnp.uint8 else found

    body.__name__ = name
    body.__doc__ = doc
    return reduction(kind=None, differentiable=False)(body)


all = _truth("all", jnp.all, "True when all elements are not 0; uint8 for uint8.")
any = _truth("any", jnp.any, "True when one element is not 0; uint8 for uint8.")


def _nonempty(name: str, x: Array, dim: Sequence[int] | int | None) -> None:
    """torch's error for a largest or smallest element of nothing."""
    if dim is not None and dim != ():
        check_rank(x.ndim)
    if x.size:
        return
    if dim is None or dim == ():
        raise errors.reduction_empty(name)
    for d in (dim,) if isinstance(dim, int) else dim:
        if x.ndim and x.shape[d] == 0:
            raise errors.reduction_empty_dim(name, d)


def extremum(fn: Callable, x: Array, over: tuple[int, ...] | None, keepdim: bool = False) -> Array:
    """The largest or smallest element; nan when one is nan, which the kernel library of XLA on CPU passes over."""
    found = fn(x, over, keepdims=keepdim)
    if platform() != "cpu" or not jnp.issubdtype(x.dtype, jnp.floating):
        return found
    nans = jnp.sum((x != x).astype(x.dtype), over, keepdims=keepdim)
    return jnp.where(nans > 0, jnp.nan, found)


@reduction(refuse=no_kernel("max_values_cpu", COMPLEX), saves="input result")
def amax(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """The largest element, of all or along dimensions. Equal ones share the gradient.

    >>> import jtorch as torch
    >>> torch.amax(torch.tensor([[1., 5.], [7., 2.]]), dim=1)
    tensor([5., 7.])
    """
    _nonempty("amax", input, dim)
    return extremum(jnp.max, input, axes(input, dim), keepdim)


@reduction(refuse=no_kernel("min_values_cpu", COMPLEX), saves="input result")
def amin(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """The smallest element, of all or along dimensions. Equal ones share the gradient."""
    _nonempty("amin", input, dim)
    return extremum(jnp.min, input, axes(input, dim), keepdim)


@op(returns=("min", "max"), out=True, saves="input result0 result1")
def aminmax(input: Array, *, dim: Dim | None = None, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest and the largest element."""
    if jnp.iscomplexobj(input) and dim is not None and not input.ndim:
        raise RuntimeError(f"aminmax not implemented for {type_name(input)}")
    if not input.size and dim is None:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    if dim is not None and not input.size and input.shape[dim] == 0:
        raise IndexError(f"aminmax: Expected reduction dim {dim} to have non-zero size.")
    without_kernel("aminmax_cpu", from_numpy(input.dtype), COMPLEX)
    return amin.body(input, dim, keepdim), amax.body(input, dim, keepdim)


def _arg(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Array, dim: Dim | None = None, keepdim: bool = False) -> Array:
        if not input.size and dim is None:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        _nonempty(name, input, dim)
        whole = dim is None or not input.ndim
        found = fn(input.reshape(-1) if whole else input, 0 if whole else dim).astype(jnp.int64)
        if whole:
            return found.reshape((1,) * input.ndim if keepdim else ())
        return jnp.expand_dims(found, dim) if keepdim and dim is not None else found

    body.__name__ = name
    body.__doc__ = doc
    refuse = refused(RuntimeError, f"{name}(): does not support complex input", COMPLEX)
    refuse_bool = refused(RuntimeError, f"{name}(): does not support bool input", BOOL)

    def both(specs: tuple) -> None:
        refuse(specs)
        refuse_bool(specs)

    return reduction(kind=None, differentiable=False, refuse=both)(body)


_LARGEST_EXACT = 1 << 24  # float32 holds every whole number up to here
_MOST_HALVED = 1 << 16


def by_halves(extremum: Callable, x: Array, dim: int) -> Array:
    """The extremum along `dim`, which stays with length 1, as extrema of two halves again and again. On CPU a reduction
    by maximum or minimum would keep the whole program from the kernel library's sums (`_engine/options.py`)."""
    while (size := x.shape[dim]) > 1:
        half = (size + 1) // 2  # of an odd length both halves hold the middle
        x = extremum(lax.slice_in_dim(x, 0, half, axis=dim), lax.slice_in_dim(x, size - half, size, axis=dim))
    return x


def _kept_extremum(extremum: Callable, x: Array, dim: int) -> Array:
    """The extremum along `dim`, which stays with length 1."""
    if x.size <= _MOST_HALVED:
        return by_halves(extremum, x, dim)
    return (jnp.max if extremum is jnp.maximum else jnp.min)(x, dim, keepdims=True)


def _where(x: Array, dim: int, extremum: Callable, search: Callable) -> Array:
    """The index of an extremum along `dim`: the first nan, else the first of equal ones.

    XLA's CPU backend runs the reduction of pairs one element at a time (9.5 ms for 2048x2048); two reductions of
    numbers, which it vectorises, take 3.3.
    """
    size = x.shape[dim]
    if platform() != "cpu" or 2 * size > _LARGEST_EXACT:
        return search(x, dim, index_type(size))
    place = lax.broadcasted_iota(jnp.float32, x.shape, dim)
    reached = jnp.where(x == _kept_extremum(extremum, x, dim), place + size, 2 * size)
    first = _kept_extremum(jnp.minimum, jnp.where(x != x, place, reached), dim)
    first = jnp.squeeze(first, dim).astype(index_type(2 * size))
    return jnp.where(first < size, first, first - size)


def _argmax(x: Array, dim: int) -> Array:
    return _where(x, dim, jnp.maximum, lax.argmax)


def _argmin(x: Array, dim: int) -> Array:
    return _where(x, dim, jnp.minimum, lax.argmin)


argmax = _arg("argmax", _argmax, "The index of the largest element, the first of equal ones.")
argmin = _arg("argmin", _argmin, "The index of the smallest element, the first of equal ones.")


def take(x: Array, indices: Array, dim: int) -> Array:
    """Elements of `x` at one index along `dim`, which is kept with size 1."""
    return jnp.take_along_axis(x, jnp.expand_dims(indices, dim), dim)


def _extremum_dim(name: str, arg: Callable) -> Callable:
    def body(input: Array, dim: Dim, keepdim: bool = False) -> tuple[Array, Array]:
        _nonempty(name, input, dim)
        if not input.ndim:
            return input, jnp.zeros((), jnp.int64)
        indices = arg(input, dim)
        values = take(input, indices, dim)
        if keepdim:
            return values, jnp.expand_dims(indices, dim).astype(jnp.int64)
        return jnp.squeeze(values, dim), indices.astype(jnp.int64)

    body.__name__ = name
    body.__doc__ = f"The {name} along a dimension and where it stands; the gradient goes there."
    options: dict[str, Any] = {"function": False, "method": False, "out": True, "returns": ("values", "indices")}
    no_complex = refused(RuntimeError, f"{name}(): does not support complex input", COMPLEX)
    grad = f"{name.capitalize()}Backward0"
    return op(name=name, public=f"_{name}_dim", grad=grad, refuse=no_complex, saves="result1", **options)(body)


_whole: dict[str, Any] = {"function": False, "method": False}


@reduction(name="max", public="_max_all", grad="MaxBackward1", refuse=no_kernel("max_all", COMPLEX), **_whole,
    saves="input result")  # fmt: skip
def _max_all(input: Array) -> Array:
    """The largest element; with a dimension, the largest along it and its index; of two tensors, the larger.

    >>> import jtorch as torch
    >>> torch.max(torch.tensor([[1., 5.], [7., 2.]]), 1)
    torch.return_types.max(
    values=tensor([5., 7.]),
    indices=tensor([1, 0]))
    """
    _nonempty("max", input, None)
    return extremum(jnp.max, input, None)


@reduction(name="min", public="_min_all", grad="MinBackward1", refuse=no_kernel("min_all", COMPLEX), **_whole,
    saves="input result")  # fmt: skip
def _min_all(input: Array) -> Array:
    """The smallest element; with a dimension, the smallest along it and its index; of two tensors, the smaller."""
    _nonempty("min", input, None)
    return extremum(jnp.min, input, None)


max = overload("max", _max_all, _extremum_dim("max", _argmax), comparison.maximum)
min = overload("min", _min_all, _extremum_dim("min", _argmin), comparison.minimum)


def _variance(x: Array, dim: Any, correction: Any, keepdim: bool) -> tuple[Array, Array]:
    """Variance and mean."""
    over = axes(x, dim)
    count = math.prod(x.shape[d] for d in over)
    middle = jnp.mean(x, over, keepdims=True)
    off = x - middle
    squares = (off * jnp.conj(off)).real if jnp.iscomplexobj(x) else off * off
    total = jnp.sum(squares, over, keepdims=keepdim)
    return total / jnp.maximum(count - correction, 0), middle if keepdim else jnp.squeeze(middle, over)


def root(variance: Array) -> Array:
    """The square root whose gradient at 0 is 0."""
    zero = variance == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, variance)))


_spread: dict[str, Any] = {
    "function": False,
    "method": False,
    "refuse": first(refused(RuntimeError, "std and var only support floating point and complex dtypes", BOOL, INT)),
}


def _with_mean(name: str) -> dict[str, Any]:
    sentence = f"{name} only support floating point and complex dtypes"
    return {**_spread, "refuse": first(refused(RuntimeError, sentence, BOOL, INT))}


@reduction(name="var", public="_var", kind="complex_to_real", **_spread)
def _var(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> Array:
    return _variance(input, dim, correction, keepdim)[0]


@reduction(name="std", public="_std", kind="complex_to_real", **_spread, saves="input result")
def _std(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> Array:
    return root(_variance(input, dim, correction, keepdim)[0])


@op(name="var_mean", public="_var_mean", **_with_mean("var_mean"))
def _var_mean(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> tuple[Array, Array]:
    variance, middle = _variance(wide(input), dim, correction, keepdim)
    return variance.astype(input.real.dtype), middle.astype(input.dtype)


@op(name="std_mean", public="_std_mean", **_with_mean("std_mean"), saves="input result0")
def _std_mean(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> tuple[Array, Array]:
    variance, middle = _variance(wide(input), dim, correction, keepdim)
    return root(variance).astype(input.real.dtype), middle.astype(input.dtype)


def _spread_of(name: str, fn: Callable, doc: str) -> Callable:
    """Both of torch's signatures: `unbiased`, and `correction` to the number of elements."""

    def call(
        input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None,
        axis: Any = None, out: Any = None,
    ) -> Any:  # fmt: skip
        arguments = _spread_arguments(name, input, dim, unbiased, keepdim, correction, axis)
        if isinstance(out, Handle):
            _check_spread_out(input, arguments[2], out.dtype)
        return fn(*arguments, out=out)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composite(call, forms=_SPREAD_FORMS)


def _check_spread_out(input: Any, dim: Any, to: Any) -> None:
    """Real numbers have a complex spread only over all dimensions, for which half types have one of their own size."""
    own, rank = input.dtype, input.ndim
    dims = () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if dims and len(dims) < rank:
        if to.is_complex and own.is_floating_point:
            raise errors.not_implemented_for("std_cpu", to.type_name)
    elif own.is_floating_point and own.itemsize == 2 and to.itemsize > 2 and can_cast(own, to):
        raise RuntimeError(f"std_var_all: Unsupported dtype {own.type_name}")


_SPREAD_FORMS = (
    "input, dim, unbiased=True, keepdim=False, *, out=None",
    "input, dim=None, *, correction=None, keepdim=False, out=None",
    "input, unbiased=True",
)


def _with_mean_of(name: str, fn: Callable, doc: str) -> Callable:
    """The same for two results, which torch offers as a function alone and without `out=`."""

    def call(
        input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None,
        axis: Any = None,
    ) -> Any:  # fmt: skip
        return fn(*_spread_arguments(name, input, dim, unbiased, keepdim, correction, axis))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composite(call, method=False, forms=without_out(_SPREAD_FORMS))


def _spread_arguments(
    name: str, input: Any, dim: Any, unbiased: bool, keepdim: bool, correction: Any, axis: Any
) -> tuple:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    dim = axis if dim is None else dim
    less = (1 if unbiased else 0) if correction is None else correction
    _warn_freedom(name, input.shape, dim, less)
    return input, float(less), dim, keepdim


def _warn_freedom(name: str, shape: Sequence[int], dim: Any, correction: float) -> None:
    dims = range(len(shape)) if dim is None or dim == () else (dim,) if isinstance(dim, int) else dim
    if shape and math.prod(shape[d] for d in dims if -len(shape) <= d < len(shape)) <= correction:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel).",
            UserWarning,
        )


var = _spread_of("var", _var, "The variance of all elements, or along dimensions.")
std = _spread_of("std", _std, "The standard deviation of all elements, or along dimensions; its gradient at 0 is 0.")
var_mean = _with_mean_of("var_mean", _var_mean, "Variance and mean.")
std_mean = _with_mean_of("std_mean", _std_mean, "Standard deviation and mean.")


@reduction(kind="float", name="logsumexp", public="_logsumexp", function=False, method=False, saves="input result")
def _logsumexp(input: Array, dim: Dims, keepdim: bool = False) -> Array:
    return jss.logsumexp(input, axes(input, dim), keepdims=keepdim)


@composite(alias=("special.logsumexp",))
def logsumexp(input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """`log(sum(exp(input)))` along dimensions, without overflow.

    >>> import jtorch as torch
    >>> torch.logsumexp(torch.tensor([-1000., 100.]), 0)
    tensor(100.)
    """
    if isinstance(out, Handle) and isinstance(input, Handle) and input.is_complex() and out.is_floating_point():
        return write_out("logsumexp", out, sum(input.exp().real, dim, keepdim).log())  # torch sums in the type of `out`
    return _logsumexp(input, dim, keepdim, out=out)


@reduction(kind=None, out=False, differentiable=False)
def count_nonzero(input: Array, dim: Dims = None) -> Array:
    """How many elements are not 0."""
    return jnp.sum(input != 0, axes(input, dim), dtype=jnp.int64)
