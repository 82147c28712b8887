"""Products of groups of matrices.

https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grouped_mm.html
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import composite, to_host
from jtorch._ops import joining, matmul

_OFFSETS = "Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d"


@composite(method=False)
def grouped_mm(mat_a: Any, mat_b: Any, *, offs: Any = None, bias: Any = None, out_dtype: Any = None) -> Any:
    """The product of each group: of batches (3d), or of parts of a matrix (2d) that end at `offs`.

    A 2d `mat_a` is cut into rows, a 2d `mat_b` into columns, two of them along the dimension that is summed; what
    follows the last offset is left out. The offsets are needed at once, for they are shapes.

    >>> import jtorch as torch
    >>> ends = torch.tensor([1, 3], dtype=torch.int32)
    >>> torch.nn.functional.grouped_mm(torch.ones(3, 4), torch.ones(2, 4, 8), offs=ends).shape
    torch.Size([3, 8])
    """
    ranks = (mat_a._v.aval.ndim, mat_b._v.aval.ndim)
    for name, rank in zip(("mat_a", "mat_b"), ranks, strict=True):
        if rank not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
    if (offs is None) is not (ranks == (3, 3)):
        raise RuntimeError(_OFFSETS)
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype is not None and out_dtype is not mat_a.dtype:
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
    if offs is None:
        return matmul.bmm(mat_a, mat_b)
    ends = to_host(offs).tolist()
    parts = list(zip([0, *ends[:-1]], ends, strict=True))
    if ranks == (2, 3):
        return joining.cat([matmul.mm(mat_a[first:last], mat_b[g]) for g, (first, last) in enumerate(parts)])
    if ranks == (3, 2):
        return joining.cat([matmul.mm(mat_a[g], mat_b[:, first:last]) for g, (first, last) in enumerate(parts)], 1)
    return joining.stack([matmul.mm(mat_a[:, first:last], mat_b[first:last]) for first, last in parts])
