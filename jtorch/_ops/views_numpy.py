"""Views under NumPy's names.

https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import view
from jtorch._ops.views import expand, transpose
from jtorch._ops.views_in_place import in_place


@view(grad="TransposeBackward0")
def swapaxes(input, axis0: int, axis1: int):
    """`transpose` under NumPy's name."""
    return transpose.body(input, axis0, axis1)


in_place("swapaxes_", swapaxes)


@view(varargs=True, grad="ExpandBackward0")
def broadcast_to(input, size: Any):
    """`expand` under NumPy's name."""
    return expand.body(input, size)
