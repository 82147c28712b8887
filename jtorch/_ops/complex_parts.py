"""Complex tensors from their parts, and their parts as views.

https://docs.pytorch.org/docs/stable/complex_numbers.html
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jtorch._declare import Array, HalfComplex, composite, op, registry, view
from jtorch._declare.types import float16, float32, float64, from_numpy, strided
from jtorch._declare.verbs import AsComplex, AsReal, Conj, ImagPart, Negative, RealPart, lazy_bits
from jtorch._ops.arguments import check_tensor


@op(name="complex", method=False, out=True, order="pointwise", saves="real imag")
def _complex(real: Array, imag: Array) -> Array:
    """A complex tensor of real and imaginary parts.

    >>> import jtorch as torch
    >>> torch.complex(torch.tensor(1.), torch.tensor(2.))
    tensor(1.+2.j)
    """
    _check_parts("complex", "real", "imag", real, imag)
    if real.dtype == jnp.float16:
        raise HalfComplex
    return lax.complex(*jnp.broadcast_arrays(real, imag))


@jax.custom_jvp
def _polar(abs: Array, angle: Array) -> Array:
    """A complex number. The gradient of a negative absolute value is torch's: along the number, not the angle."""
    return abs * _direction(angle)


def _direction(angle: Array) -> Array:
    """The complex number of length 1 and that angle."""
    return lax.complex(jnp.cos(angle), jnp.sin(angle))


@_polar.defjvp
def _polar_slope(primals: tuple, tangents: tuple) -> tuple:
    abs, angle = primals
    found = _polar(abs, angle)
    return found, tangents[0] * jnp.sign(abs) * _direction(angle) + tangents[1] * 1j * found


@op(method=False, out=True, order="pointwise", saves="result")
def polar(abs: Array, angle: Array) -> Array:
    """A complex tensor of absolute values and angles.

    >>> import jtorch as torch
    >>> torch.polar(torch.tensor(2.), torch.tensor(0.))
    tensor(2.+0.j)
    """
    _check_parts("polar", "abs", "angle", abs, angle)
    if abs.dtype == jnp.float16:
        raise NotImplementedError("\"polar_cpu\" not implemented for 'Half'")
    return _polar(abs, angle)


def _check_parts(name: str, first: str, second: str, a: Any, b: Any) -> None:
    names = {jnp.float16: "Half", jnp.float32: "Float", jnp.float64: "Double"}
    kinds = [names.get(x.dtype.type) for x in (a, b)]
    if None in kinds:
        raise RuntimeError(
            f"Expected both inputs to be Half, Float or Double tensors but got {from_numpy(a.dtype).type_name} and "
            f"{from_numpy(b.dtype).type_name}"
        )
    if kinds[0] != kinds[1]:
        raise RuntimeError(
            f"Expected object of scalar type {kinds[0]} but got scalar type {kinds[1]} for second argument"
        )


@view(public="real", grad="SelectBackward0", method=False, function=False)
def _real(input):
    return RealPart()


@view(public="imag", grad="SelectBackward0", method=False, function=False)
def _imag(input):
    return ImagPart()


@op(name="conj", method=False, function=False, grad="ConjBackward0", order="pointwise")
def _conj(input: Array) -> Array:
    return jnp.conj(input)


@view(public="conj", grad="ConjBackward0", method=False, function=False)
def _conj_view(input):
    return Conj()


@view(public="_neg_view", grad="NegViewBackward0", method=False)
def _neg_view(input):
    """The negative, on the same memory."""
    return Negative()


@composite
def conj(input: Any) -> Any:
    """The complex conjugate, a view; a real tensor itself.

    >>> import jtorch as torch
    >>> torch.conj(torch.tensor(1 + 2j))
    tensor(1.-2.j)
    """
    check_tensor("conj", input)
    if not input._v.aval.dtype.is_complex:
        return input
    parted = input.layout is not strided or input._v.aval.dtype.np is None
    return _conj(input) if parted else _conj_view(input)


@composite(method=False)
def real(input: Any) -> Any:
    """The real part; a real tensor itself."""
    check_tensor("real", input)
    return _real(input) if input._v.aval.dtype.is_complex else input


@composite(method=False)
def imag(input: Any) -> Any:
    """The imaginary part of a complex tensor."""
    check_tensor("imag", input)
    if not input._v.aval.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _imag(input)


def _set_part(part: Any) -> Any:
    def write(self: Any, new: Any) -> None:
        part(self).copy_(new)

    return write


registry.add_method("real", property(real, _set_part(real)))
registry.add_method("imag", property(imag, _set_part(imag)))


@view(public="view_as_real", method=False, function=False)
def _view_as_real(input):
    if not input.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return AsReal()


@composite(method=False)
def view_as_real(input: Any) -> Any:
    """A complex tensor as a real one with a last dimension of 2."""
    check_tensor("view_as_real", input)
    if lazy_bits(input)[0]:
        raise RuntimeError(
            "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate tensor so you can "
            "view it as real, use self.resolve_conj(); however, be warned that the resulting tensor will NOT alias the "
            "original."
        )
    return _view_as_real(input)


@view(method=False)
def view_as_complex(input):
    """A real tensor with a last dimension of 2 as a complex one."""
    if input.dtype not in (float16, float32, float64):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{input.dtype.type_name}"
        )
    if not input.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    g = input.geometry
    if g.stride[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in g.stride[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if input.dtype is float16:
        raise HalfComplex
    return AsComplex()
