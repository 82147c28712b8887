"""Padding.

https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from jtorch._declare import Array, Scalar, as_int, composite, errors, op
from jtorch._ops.refusals import BOOL, no_kernel
from jtorch.nn.functional._common import listed, number


def _pairs(pad: Sequence[int], rank: int) -> list[tuple[int, int]]:
    """torch lists pads from the last dimension on; here they are in the order of dimensions."""
    given = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    return [(0, 0)] * (rank - len(given)) + given[::-1]


@op(function=False, method=False, name="constant_pad_nd", grad="ConstantPadNdBackward0", order="images")
def constant_op(input: Array, pad: tuple, value: Scalar) -> Array:
    pairs = _pairs(pad, input.ndim)
    for d, (before, after) in enumerate(pairs):
        if input.shape[d] + before + after < 0:
            raise RuntimeError(
                f"The input size {input.shape[d]}, plus negative padding {before} and {after} resulted in a negative "
                f"output size, which is invalid. Check dimension {d} of your input."
            )
    return lax.pad(input, number(value, input), [(a, b, 0) for a, b in pairs])


def _check_wrapping(input: Array, pairs: Sequence[tuple[int, int]], mode: str) -> None:
    for d, (before, after) in enumerate(pairs):
        size = input.shape[d]
        if mode == "reflect" and max(before, after) >= size and (before or after):
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
                f"({before}, {after}) at dimension {d} of input {listed(input.shape)}"
            )
        if mode == "circular" and max(before, after) > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")


_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _sources(size: int, before: int, after: int, mode: str) -> np.ndarray:
    """Which element of the input each element of the result is."""
    place = np.arange(-before, size + after)
    if mode == "replicate":
        return np.clip(place, 0, size - 1)
    period = max(2 * (size - 1), 1)
    place = np.abs(place) % period
    return np.where(place >= size, period - place, place)


def _padded(input: Array, pad: tuple, mode: str) -> Array:
    pairs = _pairs(pad, input.ndim)
    _check_wrapping(input, pairs, mode)
    if min(pad) >= 0:
        return jnp.pad(input, pairs, mode=_NUMPY_MODES[mode])
    if mode == "circular":
        cut = input[tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, input.shape, strict=True))]
        return jnp.pad(cut, [(max(a, 0), max(b, 0)) for a, b in pairs], mode="wrap")
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            input = jnp.take(input, _sources(input.shape[axis], before, after, mode), axis)
    return input


def _declare(n: int, mode: str, grad: str) -> Any:
    copies = mode == "circular"
    kernel = f"{'reflection' if mode == 'reflect' else 'replication'}_pad{n}d"

    @op(function=False, method=False, name=f"{mode}_pad{n}d", grad=grad, order=None if copies else "images",
        refuse=None if copies else no_kernel(kernel, BOOL), saves=None if copies else "input")  # fmt: skip
    def padded(input: Array, pad: tuple) -> Array:
        return _padded(input, pad, mode)

    return padded


_BY_MODE = {
    (mode, n): _declare(n, mode, grad.format(n))
    for mode, grad in (
        ("reflect", "ReflectionPad{}DBackward0"),
        ("replicate", "ReplicationPad{}DBackward0"),
        ("circular", "CopySlices"),
    )
    for n in (1, 2, 3)
}  # fmt: skip


@composite(method=False)
def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Pads the last dimensions: `pad` is (left, right, top, bottom, front, back); negative numbers cut.

    >>> import jtorch as torch
    >>> torch.nn.functional.pad(torch.tensor([1.0, 2.0]), (1, 0))
    tensor([0., 1., 2.])
    """
    pads = _checked(pad)
    if len(pads) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pads) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pads)} and input of dimension {input.ndim}"
        )
    if mode == "constant":
        return constant_op(input, pads, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _NUMPY_MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    n = len(pads) // 2
    if n not in (1, 2, 3) or input.ndim not in (n + 1, n + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    return _BY_MODE[mode, n](input, pads)


def _checked(pad: Any) -> tuple[int, ...]:
    if not isinstance(pad, (tuple, list)):
        raise errors.argument_type("pad", "pad", 2, "tuple of ints", pad)
    found = tuple(as_int(p) for p in pad)
    if None in found:
        raise errors.argument_type("pad", "pad", 2, "tuple of ints", pad)
    return found  # type: ignore[return-value]  # None was refused above


@composite(namespace="torch", method=False)
def constant_pad_nd(input: Any, pad: Sequence[int], value: float = 0) -> Any:
    """`torch.nn.functional.pad` with a constant."""
    pads = _checked(pad)
    if len(pads) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pads)}")
    if len(pads) > 2 * input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(pads)}while the input has {input.ndim}dimensions."
        )
    return constant_op(input, pads, value)
