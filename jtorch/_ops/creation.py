"""Creation: torch.tensor, zeros, arange and their relatives.

https://docs.pytorch.org/docs/stable/torch.html#creation-ops
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from jtorch._declare import Array, DType, Size, composite, from_host, op


@op(method=False, function=False, differentiable=False)
def zeros_op(size: Size, dtype: DType) -> Array:
    return jnp.zeros(size, dtype.np)


@composite(method=False)
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False):
    """A new tensor with a copy of `data`."""
    array = np.array(data)
    if array.dtype == np.float64 and not isinstance(data, np.ndarray) and dtype is None:
        array = array.astype(np.float32)
    t = from_host(array, dtype)
    return t.requires_grad_(requires_grad)
