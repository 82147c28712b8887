"""Products of float8 matrices that come with scales.

https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_mm.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jtorch._declare import Handle, composite, errors, write_out
from jtorch._declare.types import float32


def _check(a: Any, b: Any, scale_a: Any, scale_b: Any) -> None:
    if a.shape[-1] != b.shape[0]:
        raise errors.mat_shapes(tuple(a.shape), tuple(b.shape))
    rows, columns = (a.shape[0], 1), (1, b.shape[1])
    fits = (scale_a.numel() == scale_b.numel() == 1) or (tuple(scale_a.shape), tuple(scale_b.shape)) == (rows, columns)
    narrow = a.dtype.itemsize == b.dtype.itemsize == 1
    if not (narrow and fits and scale_a.dtype is scale_b.dtype is float32):
        raise ValueError(
            "Invalid scaling configuration.\n"
            "- For TensorWise scaling, a and b should be float8, scales should be float and singletons.\n"
            "- For RowWise scaling, a and b should be float8, scales should be float, scale_a should be "
            f"{rows} and scale_b should be {columns}, and both should be contiguous.\nGot mat_a.dtype()"
        )


@composite(method=False)
def _scaled_mm(
    input: Any, mat2: Any, scale_a: Any, scale_b: Any, bias: Any = None, scale_result: Any = None,
    out_dtype: Any = None, use_fast_accum: bool = False, *, out: Any = None,
) -> Any:  # fmt: skip
    """The product of two float8 matrices times the scale of each, which is one number or one a row and a column.

    >>> import jtorch as torch
    >>> a = torch.ones(2, 2).to(torch.float8_e5m2)
    >>> torch._scaled_mm(a, a, torch.tensor(3.), torch.tensor(1.), out_dtype=torch.float32)
    tensor([[6., 6.],
            [6., 6.]])
    """
    _check(input, mat2, scale_a, scale_b)
    found = input.to(float32) @ mat2.to(float32) * (scale_a * scale_b)
    if bias is not None:
        found = found + bias.to(float32)
    found = found.to(out_dtype or (out if isinstance(out, Handle) else input).dtype)
    return found if out is None else write_out("_scaled_mm", out, found)


@composite(method=False)
def _scaled_mm_v2(
    input: Any, mat2: Any, scale_a: Sequence, recipe_a: Sequence, swizzle_a: Sequence, scale_b: Sequence,
    recipe_b: Sequence, swizzle_b: Sequence, bias: Any, out_dtype: Any, contraction_dim: Sequence = (),
    use_fast_accum: bool = False, *, out: Any = None,
) -> Any:  # fmt: skip
    """`_scaled_mm` with lists of scales, of which one for each matrix is understood."""
    if len(scale_a) != 1 or len(scale_b) != 1:
        raise NotImplementedError("jtorch: _scaled_mm_v2 takes one scale for each matrix; multiply the scales first")
    if isinstance(out, Handle) and out.dtype is not (out_dtype or input.dtype):
        raise ValueError("out_dtype must match output matrix type")
    return _scaled_mm(input, mat2, scale_a[0], scale_b[0], bias, None, out_dtype, use_fast_accum, out=out)
