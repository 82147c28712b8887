"""Reduction ops: sums, means, extrema, spread, norms.

https://docs.pytorch.org/docs/stable/torch.html#reduction-ops
"""

from __future__ import annotations

import math
import warnings
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
    Operand,
    Scalar,
    composite,
    errors,
    op,
    overload,
    platform,
    reduction,
    to_host,
    write_out,
)
from jtorch._declare.halves import wide
from jtorch._declare.indices import index_type
from jtorch._declare.promote import can_cast
from jtorch._declare.types import from_numpy, get_default_dtype
from jtorch._declare.variants import without_out
from jtorch._ops import comparison
from jtorch._ops.pointwise import abs, is_integral, is_number
from jtorch._ops.refusals import BOOL, COMPLEX, INT, first, no_kernel, refused


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


@reduction(grad="DivBackward0")
def nanmean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The mean of the elements that are not nan."""
    if is_integral(input):
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {type_name(input)}"
        )
    valid = input == input
    total = jnp.sum(jnp.where(valid, input, 0), axes(input, dim), keepdims=keepdim)
    return total / jnp.sum(valid, axes(input, dim), keepdims=keepdim).astype(total.dtype)


@reduction(kind="integers_to_int64", residuals=True, grad=_by_dim("Prod", 0, 1))
def prod(input: Array, dim: Dim | None = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    """The product of all elements, or along one dimension. Integers and bools are multiplied as int64."""
    return jnp.prod(input, axes(input, dim), keepdims=keepdim)


def _truth(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Array, dim: Dims = None, keepdim: bool = False) -> Array:
        found = fn(input, () if dim == () else axes(input, dim), keepdims=keepdim)  # unlike sum, () reduces nothing
        return found.astype(jnp.uint8) if input.dtype == jnp.uint8 else found

    body.__name__ = name
    body.__doc__ = doc
    return reduction(kind=None, differentiable=False)(body)


all = _truth("all", jnp.all, "True when all elements are not 0; uint8 for uint8.")
any = _truth("any", jnp.any, "True when one element is not 0; uint8 for uint8.")


def _nonempty(name: str, x: Array, dim: Sequence[int] | int | None) -> None:
    """torch's error for a largest or smallest element of nothing."""
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


@reduction(refuse=no_kernel("max_values_cpu", COMPLEX))
def amax(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """The largest element, of all or along dimensions. Equal ones share the gradient.

    >>> import jtorch as torch
    >>> torch.amax(torch.tensor([[1., 5.], [7., 2.]]), dim=1)
    tensor([5., 7.])
    """
    _nonempty("amax", input, dim)
    return extremum(jnp.max, input, axes(input, dim), keepdim)


@reduction(refuse=no_kernel("min_values_cpu", COMPLEX))
def amin(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """The smallest element, of all or along dimensions. Equal ones share the gradient."""
    _nonempty("amin", input, dim)
    return extremum(jnp.min, input, axes(input, dim), keepdim)


@op(returns=("min", "max"), out=True, refuse=no_kernel("aminmax_cpu", COMPLEX))
def aminmax(input: Array, *, dim: Dim | None = None, keepdim: bool = False) -> tuple[Array, Array]:
    """The smallest and the largest element."""
    if not input.size and dim is None:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    if dim is not None and not input.size and input.shape[dim] == 0:
        raise IndexError(f"aminmax: Expected reduction dim {dim} to have non-zero size.")
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
    return op(name=name, public=f"_{name}_dim", grad=grad, refuse=no_complex, **options)(body)


_whole: dict[str, Any] = {"function": False, "method": False}


@reduction(name="max", public="_max_all", grad="MaxBackward1", refuse=no_kernel("max_all", COMPLEX), **_whole)
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


@reduction(name="min", public="_min_all", grad="MinBackward1", refuse=no_kernel("min_all", COMPLEX), **_whole)
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


def _root(variance: Array) -> Array:
    """The square root whose gradient at 0 is 0."""
    zero = variance == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, variance)))


_spread: dict[str, Any] = {
    "function": False,
    "method": False,
    "refuse": first(refused(RuntimeError, "std and var only support floating point and complex dtypes", BOOL, INT)),
}


@reduction(name="var", public="_var", kind="complex_to_real", **_spread)
def _var(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> Array:
    return _variance(input, dim, correction, keepdim)[0]


@reduction(name="std", public="_std", kind="complex_to_real", **_spread)
def _std(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> Array:
    return _root(_variance(input, dim, correction, keepdim)[0])


@op(name="var_mean", public="_var_mean", **_spread)
def _var_mean(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> tuple[Array, Array]:
    variance, middle = _variance(wide(input), dim, correction, keepdim)
    return variance.astype(input.real.dtype), middle.astype(input.dtype)


@op(name="std_mean", public="_std_mean", **_spread)
def _std_mean(input: Array, correction: Scalar, dim: Dims = None, keepdim: bool = False) -> tuple[Array, Array]:
    variance, middle = _variance(wide(input), dim, correction, keepdim)
    return _root(variance).astype(input.real.dtype), middle.astype(input.dtype)


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
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel).",
            UserWarning,
            stacklevel=4,
        )


var = _spread_of("var", _var, "The variance of all elements, or along dimensions.")
std = _spread_of("std", _std, "The standard deviation of all elements, or along dimensions; its gradient at 0 is 0.")
var_mean = _with_mean_of("var_mean", _var_mean, "Variance and mean.")
std_mean = _with_mean_of("std_mean", _std_mean, "Standard deviation and mean.")


@reduction(kind="float", name="logsumexp", public="_logsumexp", function=False, method=False)
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


def vector_norm(x: Array, p: float, over: tuple[int, ...], keepdim: bool) -> Array:
    """The p-norm over axes. Its gradient at 0 is 0, as torch's is."""
    size = abs.body(x) if not jnp.iscomplexobj(x) else _length(x)
    if p in (math.inf, -math.inf):
        return extremum(jnp.max if p > 0 else jnp.min, size, over, keepdim)
    if p == 0:
        return jnp.sum(x != 0, over, keepdims=keepdim).astype(size.dtype)
    if p == 1:
        return jnp.sum(size, over, keepdims=keepdim)
    if p == 2:
        return _root(jnp.sum(size * size, over, keepdims=keepdim))
    zero = size == 0
    powers = jnp.where(zero, 0 if p > 0 else jnp.inf, jnp.where(zero, 1, size) ** p)
    total = jnp.sum(powers, over, keepdims=keepdim)
    none = (total == 0) | jnp.isinf(total)
    return jnp.where(none, total if p > 0 else 1 / total, jnp.where(none, 1, total) ** (1 / p))


def _length(x: Array) -> Array:
    """The absolute value of complex numbers, with gradient 0 at 0."""
    return _root(x.real * x.real + x.imag * x.imag)


_NO_NORM = "linalg.vector_norm: Expected a floating point or complex tensor as input. Got {}"


def only_counted(specs: tuple, statics: tuple) -> tuple[int, ...]:
    """The input of a norm of order 0, which is the first static argument."""
    return (0,) if statics[0] == 0 else ()


@reduction(name="norm", public="_vector_norm", kind="complex_to_real", grad="LinalgVectorNormBackward0",
           undefined=only_counted, function=False, method=False,
           refuse=refused(RuntimeError, _NO_NORM, BOOL, INT))  # fmt: skip
def _vector_norm(input: Array, p: float, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    if not input.size and (p < 0 or p == math.inf) and not math.prod(input.shape[d] for d in axes(input, dim)):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because the operation does not have "
            "an identity"
        )
    return vector_norm(input, p, axes(input, dim), keepdim)


@reduction(name="norm", public="_nuclear_norm", kind="complex_to_real", residuals=True, function=False, method=False,
           grad="SumBackward1")  # fmt: skip
def _nuclear_norm(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: DType = None) -> Array:
    pair = axes(input, dim)
    if len(pair) != 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    values = jnp.linalg.svd(jnp.moveaxis(input, pair, (-2, -1)), compute_uv=False)
    total = jnp.sum(values, -1)
    return jnp.expand_dims(total, pair) if keepdim else total


@composite(method=False)
def norm(
    input: Any, p: float | str | None = "fro", dim: Any = None, keepdim: bool = False, out: Any = None,
    dtype: Any = None,
) -> Any:  # fmt: skip
    """The p-norm of all elements, or along dimensions; "fro" is the 2-norm, "nuc" the sum of singular values.

    >>> import jtorch as torch
    >>> torch.norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    if p == "nuc":
        return _nuclear_norm(input, dim, keepdim, dtype=dtype, out=out)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    order = 2.0 if p is None or p == "fro" else float(p)
    return _vector_norm(input, order, dim, keepdim, dtype=dtype, out=out)


@reduction(kind="complex_to_real", out=False)
def dist(input: Operand, other: Operand, p: float = 2) -> Array:
    """The p-norm of `input - other`."""
    off = input - other
    return vector_norm(off, p, axes(off, None), False)


def _matrix(name: str, x: Array) -> None:
    if x.ndim > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with {x.ndim} dimensions"
        )


def _as_float(x: Array) -> Array:
    return x.astype(get_default_dtype().np) if is_integral(x) else x


def _weights(name: str, kind: str, weights: Array | None, x: Array) -> None:
    """torch's checks of the weights of observations."""
    if weights is None:
        return
    count = x.shape[-1] if x.ndim else 1
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions"
        )
    if is_integral(weights) is not (kind == "integral") or weights.dtype == bool:
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with {type_name(weights)} dtype"
        )
    if weights.size != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{weights.size} != {count}"
        )


@op(name="cov", grad="SqueezeBackward0", function=False, method=False)
def _cov(input: Array, *, correction: int = 1, fweights: Array = None, aweights: Array = None) -> Array:
    _matrix("cov", input)
    _weights("fweights", "integral", fweights, input)
    _weights("aweights", "floating point", aweights, input)
    x = _as_float(jnp.atleast_2d(input))
    weights = [w.reshape(-1) for w in (fweights, aweights) if w is not None]
    each = math.prod(weights) if weights else 1
    total = jnp.sum(each) if weights else x.shape[1]  # in the weights' own precision
    lost = 1 if aweights is None else jnp.sum(each * weights[-1]) / total
    x = x - jnp.sum(x * each, 1, keepdims=True) / total
    return jnp.squeeze(x @ (x * each).conj().T / jnp.maximum(total - correction * lost, 0))


@composite
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of variables, which are rows. Weights of observations are read: none may be negative.

    >>> import jtorch as torch
    >>> torch.cov(torch.tensor([[1., 2., 3.], [3., 2., 1.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    found = _cov(input, correction=correction, fweights=fweights, aweights=aweights)
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is not None and (to_host(weights) < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")
    return found


@reduction(kind="float", out=False, grad="SqueezeBackward0")
def corrcoef(input: Array) -> Array:
    """The correlation matrix of variables, which are rows."""
    _matrix("corrcoef", input)
    return jnp.corrcoef(input)


QUANTILE_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, fn: Callable, doc: str) -> Callable:
    def body(input: Array, q: Scalar | Array, dim: Dim | None, keepdim: bool, interpolation: str) -> Array:
        if not input.size:
            raise RuntimeError(f"{name}() input tensor must be non-empty")
        q = jnp.asarray(q).astype(input.dtype)
        return fn(input, q, axis=dim if input.ndim else None, method=interpolation, keepdims=keepdim and input.ndim > 0)

    body.__name__ = f"_{name}"
    inner = op(name=name, public=f"_{name}", out=True, residuals=True, grad="SqueezeBackward4", function=False,
               method=False, undefined=_only_chooses)(body)  # fmt: skip

    def call(
        input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
        out: Any = None,
    ) -> Any:  # fmt: skip
        _check_quantile(name, input, q, interpolation)
        return inner(input, q, dim, keepdim, interpolation, out=out)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return composite(call)


def _only_chooses(specs: tuple, statics: tuple) -> tuple[int, ...]:
    """`q` where it decides which elements are taken and weighs none: it does by linear interpolation alone."""
    return () if statics[-1] == "linear" else (1,)


def _check_quantile(name: str, input: Any, q: Any, interpolation: str) -> None:
    if input.dtype.name not in ("float32", "float64"):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in QUANTILE_METHODS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if is_number(q):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q:g}")
        return
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")


quantile = _quantile("quantile", jnp.quantile, "The value below which a share `q` of the elements lies.")
nanquantile = _quantile("nanquantile", jnp.nanquantile, "`quantile` of the elements that are not nan.")
