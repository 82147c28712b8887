"""Products, powers, the exponential, Vandermonde's matrix.

https://docs.pytorch.org/docs/stable/linalg.html#matrix-products
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np

from jtorch._declare import Array, Dim, Handle, composite, op, write_out
from jtorch._declare.out_rules import check_type
from jtorch._ops import distance, matmul, views
from jtorch.linalg.checks import check_inexact, check_square, word
from jtorch.linalg.inverses import inv


@composite(method=False)
def matrix_power(input: Any, n: int, *, out: Any = None) -> Any:
    """The matrix multiplied `n` times with itself; negative powers are those of the inverse.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1, 1], [0, 1]]), 3)
    tensor([[1, 3],
            [0, 1]])
    """
    check_square("linalg.matrix_power", input._v.aval)
    found = _power(inv(input) if n < 0 else input, abs(n))
    if isinstance(out, Handle):
        kinds = found._v.aval.dtype, out._v.aval.dtype
        check_type("linalg_matrix_power", *kinds)
        if n not in (0, 1):
            check_type("mm", *kinds)
    return found if out is None else write_out("linalg_matrix_power", out, found)


def _power(A: Any, n: int) -> Any:
    if n == 0:
        return A.clone().copy_(A.new_ones(A._v.aval.shape[-1]).diag())  # a function of A whose derivative is 0
    found = None
    while n:
        if n & 1:
            found = A if found is None else matmul.matmul(found, A)
        n >>= 1
        A = matmul.matmul(A, A) if n else A
    assert found is not None  # n is positive
    return found.clone() if found is A else found


@op(name="linalg_matrix_exp", public="matrix_exp", method=False, residuals=True, saves="input")
def matrix_exp(input: Array) -> Array:
    """The matrix exponential.

    >>> import jtorch as torch
    >>> torch.linalg.matrix_exp(torch.zeros(1, 1))
    tensor([[1.]])
    """
    check_square("linalg.matrix_exp", input)
    if input.dtype.itemsize < 4 and jnp.issubdtype(input.dtype, jnp.floating):
        return jsl.expm(input.astype(np.float32)).astype(input.dtype)
    check_inexact("linalg.matrix_exp", input)
    return jsl.expm(input)


@composite(method=False)
def multi_dot(tensors: Sequence, *, out: Any = None) -> Any:
    """The product of several matrices in the cheapest order; the first and last may be vectors.

    >>> import jtorch as torch
    >>> torch.linalg.multi_dot([torch.ones(2, 3), torch.ones(3, 2), torch.ones(2)])
    tensor([6., 6.])
    """
    found = list(tensors)
    if len(found) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(found)}")
    row, column = found[0]._v.aval.ndim == 1, found[-1]._v.aval.ndim == 1
    if row:
        found[0] = views.unsqueeze(found[0], 0)
    if column:
        found[-1] = views.unsqueeze(found[-1], 1)
    product = matmul.chained(found)
    product = product.squeeze(-1) if column else product
    product = product.squeeze(0) if row else product
    return product if out is None else write_out("linalg_multi_dot", out, product)


@op(name="linalg_vecdot", public="vecdot", method=False, kind="default", out=True, grad="SumBackward1")
def vecdot(x: Array, y: Array, *, dim: Dim = -1) -> Array:
    """The sum of products along a dimension, the first factor conjugated."""
    check_inexact("linalg.vecdot", x, half=True)
    return jnp.sum(jnp.conj(x) * y, dim)


@composite(method=False)
def cross(input: Any, other: Any, *, dim: int = -1, out: Any = None) -> Any:
    """The cross product of vectors of three elements along `dim`."""
    return distance.cross(input, other, dim, out=out)


@op(name="linalg_vander", public="vander", method=False, grad="CatBackward0", saves="x")
def vander(x: Array, *, N: int | None = None) -> Array:
    """The powers 0 to N - 1 of each element, as rows.

    >>> import jtorch as torch
    >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if x.dtype == np.bool_ or (jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize < 4):
        raise RuntimeError(f"linalg.vander supports floating point, complex, and integer tensors, but got {word(x)}")
    x = jnp.atleast_1d(x)
    count = N if N is not None else x.shape[-1]
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(np.int64)
    powers = [jnp.ones_like(x)]
    for _ in range(count - 1):
        powers.append(powers[-1] * x)
    return jnp.stack(powers, -1)
