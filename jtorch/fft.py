"""torch.fft: discrete Fourier transforms, shifts of their results, their frequencies.

Three recorded ops, from complex to complex, real to complex and complex to real, along any dimensions; the eighteen
transforms are these with other defaults. https://docs.pytorch.org/docs/stable/fft.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jtorch import _ops as _ops
from jtorch._declare import (
    Array,
    Fill,
    Handle,
    cast_to,
    composite,
    dtype_of,
    errors,
    fill,
    lay,
    lying,
    moved_last,
    op,
    registry,
    wrap_dims,
    write_out,
)
from jtorch._declare.autocast import under_autocast
from jtorch._declare.types import get_default_dtype
from jtorch._ops.arguments import check_tensor, whole, wholes
from jtorch._ops.complex_parts import conj
from jtorch._ops.conversion import resolve_conj
from jtorch._ops.structure import roll

_SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


@op(name="fft_c2c", method=False, function=False, grad="FftC2CBackward0")
def _c2c(input: Array, sizes: tuple, dims: tuple, norm: str, inverse: bool) -> Array:
    transform = jnp.fft.ifftn if inverse else jnp.fft.fftn
    return transform(input, sizes, dims, norm) if dims else input


def _saved_of_real(specs: tuple, statics: tuple, needs: tuple) -> str:
    """Padded input is saved as a copy."""
    sizes, dims = statics[:2]
    return "" if any(n > specs[0].shape[d] for n, d in zip(sizes, dims, strict=True)) else "input"


@op(name="fft_r2c", method=False, function=False, grad="FftR2CBackward0", saves=_saved_of_real)
def _r2c_whole(input: Array, sizes: tuple, dims: tuple, norm: str, inverse: bool) -> Array:
    return _c2c.body(lax.complex(input, jnp.zeros_like(input)), sizes, dims, norm, inverse)


@op(name="fft_r2c", method=False, function=False, grad="FftR2CBackward0", saves=_saved_of_real)
def _r2c(input: Array, sizes: tuple, dims: tuple, norm: str) -> Array:
    return jnp.fft.rfftn(input, sizes, dims, norm)


@op(name="fft_c2r", method=False, function=False, grad="FftC2RBackward0")
def _c2r(input: Array, sizes: tuple, dims: tuple, norm: str) -> Array:
    return jnp.fft.irfftn(input, sizes, dims, norm)


# torch moves what it transforms to the end of memory: all at once between complex numbers, else the halved dimension
# in a step of its own.


def _laid(found: Any, x: Any, sizes: tuple, dims: tuple, *groups: tuple) -> Any:
    padded = any(n > x._v.aval.shape[d] for n, d in zip(sizes, dims, strict=True))
    return lay(found, moved_last(range(x._v.aval.ndim) if padded else lying(x), *groups))


def _to_complex(x: Any, sizes: tuple, dims: tuple, norm: str, inverse: bool) -> Any:
    transform = _c2c if x._v.aval.dtype.is_complex else _r2c_whole
    return _laid(transform(x, sizes, dims, norm, inverse), x, sizes, dims, dims)


def _forward(x: Any, sizes: tuple, dims: tuple, norm: str) -> Any:
    return _to_complex(x, sizes, dims, norm, False)


def _inverse(x: Any, sizes: tuple, dims: tuple, norm: str) -> Any:
    return _to_complex(x, sizes, dims, norm, True)


def _halved(x: Any, sizes: tuple, dims: tuple, norm: str) -> Any:
    return _laid(_r2c(x, sizes, dims, norm), x, sizes, dims, dims[:-1], dims[-1:])


def _doubled(x: Any, sizes: tuple, dims: tuple, norm: str) -> Any:
    return _laid(_c2r(x, sizes, dims, norm), x, (*sizes[:-1], sizes[-1] // 2 + 1), dims, dims[:-1], dims[-1:])


def _from_hermitian(x: Any, sizes: tuple, dims: tuple, norm: str) -> Any:
    return _doubled(conj(x), sizes, dims, _SWAPPED[norm])


def _to_hermitian(x: Any, sizes: tuple, dims: tuple, norm: str) -> Any:
    return conj(_laid(_r2c(x, sizes, dims, _SWAPPED[norm]), x, sizes, dims, dims[-1:], dims[:-1]))


def _ready(input: Any, to_complex: bool, refusal: str, stays_real: bool = False) -> Any:
    """The input in a type that can be transformed; `refusal` is said of a complex one where a real one is wanted.
    Where both are `stays_real` leaves a real one as it is."""
    (input,) = under_autocast("fft_c2c", input)
    found = input._v.aval.dtype
    if found.is_complex and not to_complex:
        raise RuntimeError(refusal.format(found.type_name))
    if found.name == "complex32":
        raise RuntimeError("MKL FFT doesn't support tensors of type: Half")
    if not (found.is_complex or found.is_floating_point):
        found = get_default_dtype()
    if found.is_floating_point and found.itemsize < 4:
        raise RuntimeError(f"Unsupported dtype {found.type_name}")
    return cast_to(input, found.to_complex() if to_complex and not stays_real and not found.is_complex else found)


def _mode(name: str, position: int, norm: Any) -> str:
    if norm is None:
        return "backward"
    if not isinstance(norm, str):
        raise errors.argument_type(name, "norm", position, "str", norm)
    if norm not in _SWAPPED:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return norm


def _wrapped(dims: tuple[int, ...], rank: int) -> tuple[int, ...]:
    if dims and not rank:
        raise errors.dim_of_scalar(dims[0])
    found = tuple(wrap_dims((d,), rank)[0] for d in dims)
    if len(set(found)) < len(found):
        raise RuntimeError("FFT dims must be unique")
    return found


def _extent(shape: tuple[int, ...], sizes: Any, dims: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sizes and dimensions of a transform along several: -1 is the input's size, None all of it."""
    rank = len(shape)
    along = None if dims is None else _wrapped(dims, rank)
    if sizes is not None and along is not None and len(sizes) != len(along):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    if along is None:
        count = rank if sizes is None else len(sizes)
        if count > rank:
            raise RuntimeError(f"Got shape with {count} values but input tensor only has {rank} dimensions.")
        along = tuple(range(rank - count, rank))
    own = tuple(shape[d] for d in along)
    found = own if sizes is None else tuple(m if n == -1 else n for n, m in zip(sizes, own, strict=True))
    _check_sizes(found)
    return found, along


def _check_sizes(sizes: tuple[int, ...]) -> None:
    for n in sizes:
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _finished(name: str, result: Any, out: Any, exact: bool = False) -> Any:
    if out is None:
        return result
    if not isinstance(out, Handle):
        raise errors.argument_type(f"fft_{name}", "out", None, "Tensor", out)
    found, to = result._v.aval.dtype, out._v.aval.dtype
    if found.is_complex and not to.is_complex:
        raise RuntimeError(f"{name} expects a complex output tensor, but got {to.type_name}")
    if not found.is_complex and not to.is_floating_point:
        raise RuntimeError(f"{name} expects a floating point output tensor, but got {to.type_name}")
    if exact and to is not found:
        raise RuntimeError(f"Found dtype {to.type_name} but expected {found.type_name}")
    return write_out("fft_ifft_of_real" if exact and name == "ifft" else f"fft_{name}", out, resolve_conj(result))


def _along_one(name: str, transform: Callable, doc: str, *, real: bool = False, to_real: bool = False) -> Callable:
    """Declares a transform along one dimension. `real`: of real input; `to_real`: with a real result."""
    fn = f"fft_{name}"

    def body(input: Any, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Any:
        check_tensor(fn, input)
        size = None if n is None else whole(fn, "n", 2, n)
        along, mode = whole(fn, "dim", 3, dim), _mode(fn, 4, norm)
        ready = _ready(input, not real, f"{name} expects a real input tensor, but got {{}}", name in ("fft", "ifft"))
        shape = input._v.aval.shape
        dims = _wrapped((along,), len(shape))
        own = shape[dims[0]]
        sizes = (2 * (own - 1) if to_real else own,) if size is None else (size,)
        _check_sizes(sizes)
        exact = name in ("ifft", "ihfft") and not input._v.aval.dtype.is_complex
        return _finished(name, transform(ready, sizes, dims, mode), out, exact)

    return _declared(name, body, doc)


def _along_several(
    name: str, default: tuple[int, ...] | None, transform: Callable, doc: str, *, real: str = "", to_real: bool = False
) -> Callable:
    """Declares a transform along several dimensions. `real`: what torch says of input that is complex."""
    fn, general = f"fft_{name}", name.replace("2", "n")

    def body(input: Any, s: Any = None, dim: Any = default, norm: str | None = None, *, out: Any = None) -> Any:
        check_tensor(fn, input)
        given = None if s is None else wholes(fn, "s", 2, s)
        along = None if dim is None and default is None else wholes(fn, "dim", 3, dim)
        mode = _mode(fn, 4, norm)
        ready = _ready(input, not real, real)
        sizes, dims = _extent(input._v.aval.shape, given, along)
        if not dims and (real or to_real):
            raise RuntimeError(f"{general} must transform at least one axis")
        if to_real and (given is None or given[-1] == -1):
            sizes = (*sizes[:-1], 2 * (sizes[-1] - 1))
            _check_sizes(sizes)
        return _finished(general, transform(ready, sizes, dims, mode), out)

    return _declared(name, body, doc)


def _declared(name: str, body: Callable, doc: str) -> Callable:
    body.__name__ = body.__qualname__ = name
    body.__doc__ = doc
    return composite(body, method=False)


_HERMITIAN = "Only supports floating-point dtypes, but found: {}"
_REAL = "rfftn expects a real-valued input tensor, but got {}"

_along_one("fft", _forward, "The Fourier transform along one dimension; `n` cuts or pads with zeros first.")
_along_one("ifft", _inverse, "The inverse of `fft`.")
_along_one("rfft", _halved, "`fft` of real input: the `n // 2 + 1` frequencies that are not negative.", real=True)
_along_one("irfft", _doubled, "The inverse of `rfft`; `n` is the size of the result.", to_real=True)
_along_one("hfft", _from_hermitian, "`fft` of a Hermitian signal, of which one half is given.", to_real=True)
_along_one("ihfft", _to_hermitian, "The inverse of `hfft`.", real=True)

for _end, _dims, _where in (("2", (-2, -1), "two dimensions"), ("n", None, "several dimensions")):
    _along_several(f"fft{_end}", _dims, _forward, f"The Fourier transform along {_where}, the last unless told.")
    _along_several(f"ifft{_end}", _dims, _inverse, f"The inverse of `fft{_end}`.")
    _along_several(f"rfft{_end}", _dims, _halved, f"`fft{_end}` of real input, the last dimension's half.", real=_REAL)
    _along_several(f"irfft{_end}", _dims, _doubled, f"The inverse of `rfft{_end}`.", to_real=True)
    _along_several(f"hfft{_end}", _dims, _from_hermitian, f"`fft{_end}` of half a Hermitian signal.", to_real=True)
    _along_several(f"ihfft{_end}", _dims, _to_hermitian, f"The inverse of `hfft{_end}`.", real=_HERMITIAN)


def _shifted(input: Any, dim: Any, name: str, by: Callable[[int], int]) -> Any:
    check_tensor(name, input)
    shape = input._v.aval.shape
    dims = range(len(shape)) if dim is None else wholes(name, "dim", 2, dim)
    places = tuple(wrap_dims((d,), len(shape))[0] for d in dims)
    return roll(input, tuple(by(shape[d]) for d in places), places)


@composite(method=False)
def fftshift(input: Any, dim: Any = None) -> Any:
    """The frequency 0 moved to the middle.

    >>> import jtorch as torch
    >>> torch.fft.fftshift(torch.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted(input, dim, "fft_fftshift", lambda n: n // 2)


@composite(method=False)
def ifftshift(input: Any, dim: Any = None) -> Any:
    """The inverse of `fftshift`."""
    return _shifted(input, dim, "fft_ifftshift", lambda n: (n + 1) // 2)


def _steps(aval: Any, step: Any, signed: bool) -> Array:
    """0, 1, 2... times `step` in the result's type, the second half counted from -n / 2 when `signed`."""
    n = aval.shape[0]
    place = jnp.arange(n)
    counted = jnp.where(place < (n + 1) // 2, place, place - n) if signed else place
    width = jnp.promote_types(aval.dtype.np, jnp.float32)
    return counted.astype(width) * jnp.asarray(step, width)


_FFTFREQ = Fill("fft_fftfreq", lambda aval, step: _steps(aval, step, True))
_RFFTFREQ = Fill("fft_rfftfreq", lambda aval, step: _steps(aval, step, False))


def _frequencies(kind: Fill, n: Any, d: Any, count: Callable[[int], int], to: Any, options: dict[str, Any]) -> Any:
    total, name, out = whole(kind.name, "n", 1, n), kind.name.removeprefix("fft_"), options.get("out")
    if isinstance(d, Handle):
        d = d.item()
    if not isinstance(d, (int, float)):
        raise errors.argument_type(kind.name, "d", 2, "float", d)
    wish = get_default_dtype() if to is None else dtype_of(kind.name, to)
    if out is not None:
        if to is not None and wish is not out._v.aval.dtype:
            sentence = "dtype {} does not match dtype of out parameter ({})"
            raise RuntimeError(sentence.format(wish.type_name, out._v.aval.dtype.type_name))
        wish = out._v.aval.dtype
    if not (wish.is_floating_point or wish.is_complex):
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    if wish.is_complex:
        raise errors.not_implemented_for("arange_cpu", wish.type_name)
    if count(total) < 0:
        size = count(total)
        raise RuntimeError(f"Trying to create tensor with negative dimension {size}: [{size}]")
    span = total * d
    return fill(kind, (1 / span if span else math.copysign(math.inf, span),), (count(total),), wish, **options)


@composite(method=False)
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, **options: Any) -> Any:
    """The frequencies of `fft`'s results for `n` samples that are `d` apart.

    >>> import jtorch as torch
    >>> torch.fft.fftfreq(5)
    tensor([ 0.0000,  0.2000,  0.4000, -0.4000, -0.2000])
    """
    return _frequencies(_FFTFREQ, n, d, lambda n: n, dtype, options)


@composite(method=False)
def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, **options: Any) -> Any:
    """The frequencies of `rfft`'s results for `n` samples that are `d` apart."""
    return _frequencies(_RFFTFREQ, n, d, lambda n: int(n / 2) + 1, dtype, options)


globals().update(registry.namespace("torch.fft"))
