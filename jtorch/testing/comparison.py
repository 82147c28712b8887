"""assert_close: tensors, numbers, NumPy arrays, and sequences and mappings of them."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._types.user_frame import warn

# Relative and absolute tolerance. Whatever is not here has to be equal.
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex32": (1e-3, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
_PLAIN = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}


@dataclass(frozen=True)
class _Options:
    rtol: float | None
    atol: float | None
    equal_nan: bool
    subclasses: bool
    device: bool
    dtype: bool
    layout: bool
    stride: bool

    def tolerances(self, place: tuple, *dtypes: str) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        if self.rtol is not None or self.atol is not None:
            absent = "rtol" if self.rtol is None else "atol"
            text = f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {absent}."
            raise _Failure(ValueError, text, place)
        pairs = [_TOLERANCES.get(one, (0.0, 0.0)) for one in dtypes]
        return max(r for r, _ in pairs), max(a for _, a in pairs)


class _Failure(Exception):
    def __init__(self, kind: type[Exception], text: str, place: tuple, of_structure: bool = False) -> None:
        super().__init__(text)
        self.kind, self.place, self.of_structure = kind, place, of_structure


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True,
    check_stride: bool = False, msg: str | Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """Raises AssertionError unless `actual` and `expected` are close: |a - e| <= atol + rtol * |e|.

    The tolerances follow from the dtype (float32 1.3e-6 and 1e-5, float64 1e-7 and 1e-7; integers are equal or not).

    >>> import jtorch as torch
    >>> torch.testing.assert_close(torch.tensor([1.0]), torch.tensor([1.0 + 1e-7]))
    """
    options = _Options(rtol, atol, equal_nan, allow_subclasses, check_device, check_dtype, check_layout, check_stride)
    try:
        for one, other, place in _pairs(actual, expected, ()):
            _compare(one, other, options, place)
    except _Failure as failure:
        raise failure.kind(_told(failure, msg)) from None


def _told(failure: _Failure, msg: Any) -> str:
    text = str(failure)
    if failure.place:
        text += f"\n\nThe failure occurred for item {''.join(f'[{one!r}]' for one in failure.place)}"
    if failure.kind is not AssertionError or failure.of_structure or msg is None:
        return text
    return str(msg(text) if callable(msg) else msg)


def assert_allclose(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
    msg: str = "",
) -> None:  # fmt: skip
    """The older form of `assert_close`: deprecated."""
    warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. Please use"
        " `torch.testing.assert_close()` instead. You can find detailed upgrade instructions in "
        "https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
    )
    if not isinstance(actual, torch.Tensor):
        actual = torch.tensor(actual)
    if not isinstance(expected, torch.Tensor):
        expected = torch.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        older = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
        pairs = [older.get(_name(one.dtype), (0.0, 0.0)) for one in (actual, expected)]
        rtol, atol = max(r for r, _ in pairs), max(a for _, a in pairs)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        check_stride=False, msg=msg or None,
    )  # fmt: skip


# What is inside what


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _pairs(actual: Any, expected: Any, place: tuple) -> Iterator[tuple[Any, Any, tuple]]:
    """The pairs to compare, each with where it stands."""
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            text = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
            raise _Failure(AssertionError, text, place, of_structure=True)
        for i in range(len(actual)):
            yield from _pairs(actual[i], expected[i], (*place, i))
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, additional = set(expected) - set(actual), set(actual) - set(expected)
        if missing or additional:
            raise _Failure(
                AssertionError,
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(missing)}\n"
                f"Additional keys in the actual mapping: {sorted(additional)}",
                place,
                of_structure=True,
            )
        for key in actual:
            yield from _pairs(actual[key], expected[key], (*place, key))
    else:
        yield actual, expected, place


# One pair


def _compare(actual: Any, expected: Any, options: _Options, place: tuple) -> None:
    if actual is None or expected is None:
        if actual is not expected:
            raise _Failure(AssertionError, f"None mismatch: {actual} is not {expected}", place)
        return
    pair = (actual, expected)
    if all(isinstance(one, (bool, np.bool_)) for one in pair):
        if bool(actual) is not bool(expected):
            raise _Failure(AssertionError, f"Booleans mismatch: {actual} is not {expected}", place)
    elif all(isinstance(one, numbers.Number) for one in pair):
        _compare_numbers(actual, expected, options, place)
    elif all(isinstance(one, (torch.Tensor, np.ndarray)) for one in pair) and _same_family(*pair, options):
        _compare_tensors(torch.as_tensor(actual), torch.as_tensor(expected), options, place)
    else:
        raise _Failure(
            TypeError,
            f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.",
            place,
        )


def _same_family(actual: Any, expected: Any, options: _Options) -> bool:
    """One class, or a class and one derived from it where that is allowed."""
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    return related if options.subclasses else type(actual) is type(expected)


def _compare_numbers(actual: Any, expected: Any, options: _Options, place: tuple) -> None:
    actual, expected = (one.item() if isinstance(one, np.generic) else one for one in (actual, expected))
    rtol, atol = options.tolerances(place, _PLAIN.get(type(actual), ""), _PLAIN.get(type(expected), ""))
    if options.dtype and type(actual) is not type(expected):
        raise _Failure(AssertionError, f"The (d)types do not match: {type(actual)} != {type(expected)}.", place)
    _compare_scalars(actual, expected, rtol, atol, options, place)


def _compare_scalars(actual: Any, expected: Any, rtol: float, atol: float, options: _Options, place: tuple) -> None:
    if actual == expected or (options.equal_nan and actual != actual and expected != expected):
        return
    difference = abs(actual - expected)
    finite = difference < float("inf")
    if finite and difference <= atol + rtol * abs(expected):
        return
    exact = rtol == atol == 0
    relative = difference / abs(expected) if expected != 0 else float("inf")
    raise _Failure(
        AssertionError,
        f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{'' if exact else f' (up to {atol} allowed)'}\n"
        f"Relative difference: {relative}{'' if exact else f' (up to {rtol} allowed)'}",
        place,
    )


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _compare_tensors(actual: Any, expected: Any, options: _Options, place: tuple) -> None:
    rtol, atol = options.tolerances(place, _name(actual.dtype), _name(expected.dtype))
    _compare_attributes(actual, expected, options, place)
    if actual.is_meta or expected.is_meta:
        return
    actual, expected = actual.detach().to("cpu"), expected.detach().to("cpu")
    if actual.layout is not torch.strided:
        actual, expected = actual.to_dense(), expected.to_dense()
    common = torch.promote_types(actual.dtype, expected.dtype)
    actual, expected = actual.to(common), expected.to(common)
    matches = torch.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    if bool(matches.all()):
        return
    if actual.ndim == 0:
        number, other = actual.item(), expected.item()
        _compare_scalars(number, other, rtol, atol, options, place)
        # isclose in the tensors' dtype has the last word
    raise _Failure(AssertionError, _description(actual, expected, ~matches, rtol, atol), place)


def _compare_attributes(actual: Any, expected: Any, options: _Options, place: tuple) -> None:
    wanted = {
        "shape": True,
        "layout": options.layout,
        "device": options.device,
        "dtype": options.dtype,
        "stride()": options.stride,
    }
    for name, wants in wanted.items():
        both = [one.stride() if name == "stride()" else getattr(one, name) for one in (actual, expected)]
        if wants and both[0] != both[1]:
            text = f"The values for attribute '{name}' do not match: {both[0]} != {both[1]}."
            raise _Failure(AssertionError, text, place)


def _description(actual: Any, expected: Any, differs: Any, rtol: float, atol: float) -> str:
    exact = rtol == atol == 0
    if not (actual.is_floating_point() or actual.is_complex()):
        actual, expected = actual.to(torch.int64), expected.to(torch.int64)
    count, size = int(differs.sum()), differs.numel()
    apart = (actual - expected).abs()
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n",
        f"Mismatched elements: {count} / {size} ({count / size:.1%})",
    ]
    both = {"absolute": (apart, atol), "relative": (apart / expected.abs(), rtol)}
    for kind, (difference, allowed) in both.items():
        shown = torch.where(differs, difference, torch.zeros_like(difference)).reshape(-1)
        place = int(shown.argmax())
        where = tuple(int(one) for one in np.unravel_index(place, tuple(differs.shape)))
        limit = "" if exact else f" (up to {allowed} allowed)"
        lines.append(f"Greatest {kind} difference: {shown[place].item()} at index {where}{limit}")
    return "\n".join(lines)
