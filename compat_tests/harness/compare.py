"""Says how a jtorch result differs from torch's: type, dtype, shape, then values at torch's own tolerances."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

import jtorch
from compat_tests.harness.convert import NOT_IN_NUMPY, dtype_to_torch, tensor_to_torch


class Difference(Exception):
    """What differs; ``kind`` is one word (value, dtype, shape, type)."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class _Allowed:
    """What rows of gaps.toml allow the comparison under way, and whether one needed it."""

    of_largest = 0.0
    used = False


_allowed = _Allowed()


@contextmanager
def allowing(of_largest: float) -> Iterator[_Allowed]:
    """Results may be this part of their largest element away from torch's."""
    _allowed.of_largest, _allowed.used = of_largest, False
    try:
        yield _allowed
    finally:
        _allowed.of_largest = 0.0


def distance(mine: torch.Tensor, other: torch.Tensor) -> float:
    """The largest difference of two tensors as a part of the other's largest element; infinite where nan or infinity
    stand in different places."""
    wide = torch.complex128 if other.is_complex() else torch.float64
    mine, other = mine.to(wide), other.to(wide)
    finite = mine.isfinite() & other.isfinite()
    if not torch.equal(mine[~finite].nan_to_num(7.0), other[~finite].nan_to_num(7.0)):
        return float("inf")
    mine, other = mine[finite], other[finite]
    if not other.numel():
        return 0.0
    off, largest = (mine - other).abs().max().item(), other.abs().max().item()
    return off / largest if largest else off


def compare(actual: Any, expected: Any, *, values: bool = True, where: str = "", **tolerances: float) -> None:
    """Raises Difference unless ``actual`` is torch's ``expected``; ``values=False`` leaves out the elements."""
    if isinstance(expected, torch.Tensor):
        compare_tensors(actual, expected, values, where, tolerances)
    elif isinstance(expected, (tuple, list)):
        if not isinstance(actual, (tuple, list)) or len(actual) != len(expected):
            raise Difference("type", f"{where}: {type(expected).__name__} of {len(expected)} expected, got {actual!r}")
        names, got = getattr(expected, "_fields", None), getattr(actual, "_fields", None)
        if names != got:
            raise Difference("type", f"{where}: fields {names} expected, got {got}")
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            compare(one, other, values=values, where=f"{where}[{index}]", **tolerances)
    elif isinstance(expected, dict):
        if not isinstance(actual, dict) or list(actual) != list(expected):
            raise Difference("type", f"{where}: keys {list(expected)} expected, got {actual!r}")
        for key in expected:
            compare(actual[key], expected[key], values=values, where=f"{where}[{key!r}]", **tolerances)
    else:
        compare_plain(actual, expected, values, where)


def compare_tensors(actual: Any, expected: torch.Tensor, values: bool, where: str, tolerances: dict) -> None:
    if not isinstance(actual, jtorch.Tensor):
        raise Difference("type", f"{where}: Tensor expected, got {type(actual).__name__}")
    if str(actual.dtype) != str(expected.dtype):
        raise Difference("dtype", f"{where}: {expected.dtype} expected, got {actual.dtype}")
    if tuple(actual.shape) != tuple(expected.shape):
        raise Difference("shape", f"{where}: {tuple(expected.shape)} expected, got {tuple(actual.shape)}")
    if str(actual.layout) != str(expected.layout):
        raise Difference("type", f"{where}: layout {expected.layout} expected, got {actual.layout}")
    if str(actual.device) != str(expected.device):
        raise Difference("type", f"{where}: a tensor on {expected.device} expected, got one on {actual.device}")
    if not values or expected.is_meta:
        return
    mine, plain = tensor_to_torch(actual), expected.detach()
    if plain.layout is torch.strided:
        plain = plain.resolve_conj().resolve_neg()
    elif plain.is_sparse:  # in which order one place is named, and how often, is not defined
        mine, plain = mine.coalesce(), plain.coalesce()
    try:
        torch.testing.assert_close(mine, plain, equal_nan=True, check_stride=False, check_device=False, **tolerances)
    except AssertionError as difference:
        if _allowed.of_largest > 0 and distance(mine, plain) <= _allowed.of_largest:
            _allowed.used = True
            return
        raise Difference("value", f"{where}: {difference}") from None


def compare_plain(actual: Any, expected: Any, values: bool, where: str) -> None:
    if isinstance(expected, torch.dtype):
        same = dtype_to_torch(actual) is expected
    elif isinstance(expected, (torch.device, torch.layout, torch.memory_format)):
        same = str(actual) == str(expected)
    elif isinstance(expected, (float, complex)) and type(actual) is type(expected):
        same = torch.isclose(torch.tensor(actual), torch.tensor(expected), rtol=1e-6, atol=1e-8, equal_nan=True).item()
    else:
        same = type(actual) is type(expected) and actual == expected
    if values and not same:
        raise Difference("value", f"{where}: {expected!r} expected, got {actual!r}")


def compare_strides(actual: Any, expected: Any, where: str = "") -> None:
    """Raises Difference unless the tensors lie in memory as torch's do, as far as their elements say how they lie."""
    if isinstance(expected, (tuple, list)):
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            compare_strides(one, other, where=f"{where}[{index}]")
    elif isinstance(expected, torch.Tensor) and expected.layout is torch.strided and expected.numel():
        definite = [place for place, size in enumerate(expected.shape) if size > 1]
        wanted, got = ([one.stride()[place] for place in definite] for one in (expected, actual))
        if wanted != got:
            raise Difference("strides", f"{where}: {expected.stride()} expected, got {tuple(actual.stride())}")


def compare_bits(actual: Any, expected: Any, where: str = "") -> None:
    """Raises Difference unless every element is torch's to the last bit."""
    if isinstance(expected, (tuple, list)):
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            compare_bits(one, other, where=f"{where}[{index}]")
    elif isinstance(expected, torch.Tensor):
        mine, theirs = tensor_to_torch(actual), expected.detach()
        if theirs.dtype in NOT_IN_NUMPY:
            mine, theirs = mine.float(), theirs.float()
        if theirs.dtype is torch.complex32:
            mine, theirs = torch.view_as_real(mine), torch.view_as_real(theirs)
        if mine.shape != theirs.shape or mine.numpy().tobytes() != theirs.numpy().tobytes():
            raise Difference("random", f"{where}: {expected} expected, got {actual}")


def is_same(actual: Any, expected: Any, **options: Any) -> bool:
    try:
        compare(actual, expected, **options)
    except Difference:
        return False
    return True
