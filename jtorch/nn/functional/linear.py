"""Linear maps: linear, bilinear.

https://docs.pytorch.org/docs/stable/nn.functional.html#linear-functions
"""

from __future__ import annotations

import jax.numpy as jnp

from jtorch._declare import Array, cured, errors, op
from jtorch._ops.matmul import MM, check_product
from jtorch.nn.functional._common import listed, type_name, wide


def _check_types(input: Array, weight: Array, bias: Array | None) -> None:
    if input.dtype != weight.dtype and (bias is None or input.ndim != 2):
        raise errors.matmul_types(type_name(input), type_name(weight))
    if input.dtype != weight.dtype:
        raise cured(
            RuntimeError(f"mat1 and mat2 must have the same dtype, but got {type_name(input)} and {type_name(weight)}"),
            "the layer's weights are float32: x.float() (NumPy's numbers are float64), or model.double()",
        )
    if bias is not None and bias.dtype != input.dtype:
        raise RuntimeError(f"self and mat2 must have the same dtype, but got {type_name(bias)} and {type_name(weight)}")


def _check_bias(bias: Array, rows: int, columns: int) -> None:
    have, want = bias.shape, (rows, columns)
    for d in range(1, bias.ndim + 1):
        if d <= 2 and have[-d] not in (1, want[-d]):
            raise errors.expand_mismatch(want, have, 2 - d)


def _linear_name(specs: tuple, statics: tuple) -> str:
    """torch computes it by another function for each rank and with each kind of weight and bias."""
    input, weight, bias = specs
    if bias is not None:
        return "AddmmBackward0" if input.ndim == 2 else "ViewBackward0"
    if weight.ndim == 1:
        return "DotBackward0" if input.ndim == 1 else "MvBackward0" if input.ndim == 2 else "UnsafeViewBackward0"
    return {1: "SqueezeBackward4", 2: "MmBackward0"}.get(input.ndim, "UnsafeViewBackward0")


@op(method=False, out=True, grad=_linear_name)
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """`input @ weight.T + bias`: (..., in) with a weight (out, in) and a bias (out) gives (..., out).

    >>> import jtorch as torch
    >>> torch.nn.functional.linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([5.0]))
    tensor([[16.]])
    """
    if input.ndim == 0 or weight.ndim == 0:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and {weight.ndim}D"
        )
    if weight.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {weight.ndim}D")
    rows = 1
    for n in input.shape[:-1]:
        rows *= n
    if weight.ndim == 1 and bias is not None:
        raise RuntimeError("mat2 must be a matrix, got 1-D tensor")
    if input.shape[-1] != weight.shape[-1]:
        raise errors.mat_shapes((rows, input.shape[-1]), weight.shape[::-1])
    _check_types(input, weight, bias)
    check_product(MM, input, weight)
    out = wide(input) @ wide(weight).T
    if bias is not None:
        _check_bias(bias, rows, weight.shape[0])
        out = out + wide(bias)
    return out.astype(input.dtype)


def _check_one_type(**arrays: Array | None) -> None:
    types = {name: errors.c_name(type_name(x)) for name, x in arrays.items() if x is not None}
    if len(set(types.values())) > 1:
        said = ", ".join(f"{name}: {kind}" for name, kind in types.items())
        raise RuntimeError(f"All tensors must have the same dtype, got {said}")


@op(namespace="torch", method=False, alias=("nn.functional.bilinear",), grad="ViewBackward0",
    real_gradient="_trilinear")  # fmt: skip
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None) -> Array:
    """`input1 @ weight[k] @ input2 + bias[k]` for each output k: (..., in1), (..., in2), (out, in1, in2).

    Half types are rounded after each of the three steps, as by torch.
    """
    _check_one_type(input1=input1, input2=input2, weight=weight, bias=bias)
    for number, x in ((1, input1), (2, input2)):
        if x.shape[-1] != weight.shape[number]:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got {x.shape[-1]} "
                f"but expected {weight.shape[number]}"
            )
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got {listed(input1.shape)}")
    check_product("bmm", input1, input2, weight)
    if input1.dtype.itemsize > 2:
        out = jnp.einsum("...i,kij,...j->...k", input1, weight, input2)
    else:
        left = jnp.einsum("...i,kij->...kj", wide(input1), wide(weight)).astype(input1.dtype)
        out = jnp.einsum("...kj,...j->...k", wide(left), wide(input2)).astype(input1.dtype)
    return out if bias is None else out + bias
