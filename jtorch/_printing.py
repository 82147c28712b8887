"""``repr`` of tensors, equal to torch's character for character.

The text of a tensor has two parts. The body (:func:`tensor_str`) shows the values; every value is formatted with the
same width, which is found by looking at the values that will be shown. The suffixes (:func:`tensor_repr`) say what the
values do not: ``size``, ``dtype``, ``device``, ``grad_fn`` or ``requires_grad``.

Arrays come in as NumPy, half-like dtypes of ``ml_dtypes`` included; nothing here touches the engine but the one read.
"""

import contextlib
import dataclasses
import math
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from jtorch._engine.rows import differs
from jtorch._engine.tape import threads
from jtorch._types import dtype as DType
from jtorch._types import get_default_dtype


@dataclasses.dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}

_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are printed; what is not given stays, but for ``sci_mode``, which goes back to automatic.

    ``profile`` is ``"default"``, ``"short"`` or ``"full"``; the other arguments override it.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html

    >>> import jtorch as torch
    >>> torch.set_printoptions(precision=2)
    >>> torch.tensor([1.12345])
    tensor([1.12])
    >>> torch.set_printoptions(profile="default")
    """
    changes: dict[str, Any] = {}
    if profile in _PROFILES:
        changes.update(dataclasses.asdict(_PROFILES[profile]))
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes.update({name: value for name, value in given.items() if value is not None})
    changes["sci_mode"] = sci_mode
    for name, value in changes.items():
        setattr(_options, name, value)


def get_printoptions() -> dict[str, Any]:
    """Returns the current print options by name.

    >>> import jtorch as torch
    >>> torch._printing.get_printoptions()["precision"]
    4
    """
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Sets print options (those of :func:`set_printoptions`) for the length of a ``with`` block.

    >>> import jtorch as torch
    >>> with torch._printing.printoptions(precision=2):
    ...     print(torch.tensor([0.5]))
    tensor([0.50])
    """
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


class _Format(NamedTuple):
    """How one value is written, and the room a line of values reserves for it."""

    text: Callable[[Any], str]
    width: int


def _exact_format(values: np.ndarray) -> _Format:
    """Formats integers and booleans, right-aligned to the widest of ``values``."""
    width = max((len(str(value)) for value in values.ravel().tolist()), default=1)
    return _Format(lambda value: str(value).rjust(width), width)


def _float_format(values: np.ndarray) -> _Format:
    """Formats floats: scientific where the range asks for it, without decimals where all are whole."""
    # Zeros, infinities and nan take no part in the choice nor in the width: [0., nan] is printed without padding.
    shown = values[np.isfinite(values) & (values != 0)].astype(np.float64)
    magnitude = np.abs(shown)
    largest, smallest = (float(magnitude.max()), float(magnitude.min())) if shown.size else (1.0, 1.0)
    whole = bool((shown == np.ceil(shown)).all())
    scientific = _options.sci_mode
    if not shown.size:
        scientific = False
    elif scientific is None:
        scientific = largest > 1e8 or largest / smallest > 1000 or (not whole and smallest < 1e-4)

    spec = f".{_options.precision}e" if scientific else ".0f" if whole else f".{_options.precision}f"
    point = "." if whole and not scientific else ""
    width = max((len(format(value, spec) + point) for value in shown.tolist()), default=1)

    def text(value: float) -> str:
        return (format(value, spec) + (point if math.isfinite(value) else "")).rjust(width)

    return _Format(text, width)


def _complex_format(values: np.ndarray) -> _Format:
    """Formats complex numbers, real and imaginary parts each with a width of their own."""
    real, imaginary = _float_format(values.real), _float_format(values.imag)

    def text(value: complex) -> str:
        tail = imaginary.text(value.imag).lstrip()
        sign = "" if tail[0] in "+-" else "+"
        return f"{real.text(value.real)}{sign}{tail}j"

    return _Format(text, real.width + imaginary.width + 1)


def _choose_format(values: np.ndarray) -> _Format:
    if values.dtype.kind in "biu":
        return _exact_format(values)
    if values.dtype.kind == "c":
        return _complex_format(values)
    return _float_format(values)


def _ends(size: int) -> tuple[range, range] | None:
    """The indices shown of a summarised dimension, at its start and at its end; None where all are shown."""
    edge = _options.edgeitems
    if size <= 2 * edge:
        return None
    return range(edge), range(size - edge, size)


def _shown(array: np.ndarray) -> np.ndarray:
    """The part of ``array`` that a summary shows."""
    for axis, size in enumerate(array.shape):
        ends = _ends(size)
        if ends is not None:
            array = array.take([*ends[0], *ends[1]], axis=axis)
    return array


def _line_text(array: np.ndarray, indent: int, summarize: bool, write: _Format) -> str:
    """One row of values, broken into as many lines as ``linewidth`` asks for."""
    ends = _ends(array.size) if summarize else None
    if ends is None:
        words = [write.text(value) for value in array.tolist()]
    else:
        first, last = ([write.text(value) for value in array[list(part)].tolist()] for part in ends)
        words = [*first, " ...", *last]
    per_line = max(1, (_options.linewidth - indent) // (write.width + 2))
    lines = (", ".join(words[start : start + per_line]) for start in range(0, len(words), per_line))
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested_text(array: np.ndarray, indent: int, summarize: bool, write: _Format) -> str:
    if array.ndim == 0:
        return write.text(array.item())
    if array.ndim == 1:
        return _line_text(array, indent, summarize, write)
    ends = _ends(len(array)) if summarize else None

    def rows(indices: range) -> list[str]:
        return [_nested_text(array[i], indent + 1, summarize, write) for i in indices]

    parts = rows(range(len(array))) if ends is None else [*rows(ends[0]), "...", *rows(ends[1])]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def tensor_str(array: np.ndarray, indent: int = 0) -> str:
    """Returns the values of ``array`` as torch prints them between ``tensor(`` and the first suffix.

    ``indent`` is the column the text starts at; continuation lines are indented by it.

    >>> import numpy as np
    >>> from jtorch._printing import tensor_str
    >>> tensor_str(np.array([1.0, 2.5], dtype=np.float32))
    '[1.0000, 2.5000]'
    """
    if array.size == 0:
        return "[]"
    if array.dtype.kind not in "biufc" or array.dtype == np.float16:
        # ml_dtypes of half precision and below report other kinds and lack arithmetic; float32 holds each exactly.
        array = array.astype(np.float32)
    summarize = array.size > _options.threshold
    if summarize and array.ndim and _options.edgeitems == 0:
        return "[...]"
    return _nested_text(array, indent, summarize, _choose_format(_shown(array) if summarize else array))


def with_suffixes(text: str, suffixes: list[str], indent: int, break_first: bool = False) -> str:
    """Appends the suffixes, each on the last line where it fits and on a new one where it does not."""
    room = _options.linewidth
    # One more than the length of the last line: torch counts so, and lines break one column early.
    length = len(text) - text.rfind("\n") + 1
    for place, suffix in enumerate(suffixes):
        if length + len(suffix) + 2 > room or (break_first and not place):
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def dtype_is_obvious(dtype: DType) -> bool:
    """Whether values alone tell the dtype, so that no suffix is needed."""
    default = get_default_dtype()
    return dtype in (default, default.to_complex()) or str(dtype) in ("torch.int64", "torch.bool")


def graph_suffix(tensor: Any) -> list[str]:
    """What says where a tensor stands in the autograd graph; nothing outside it."""
    if tensor.grad_fn is not None:
        return [f"grad_fn=<{type(tensor.grad_fn).__name__}>"]
    return ["requires_grad=True"] if tensor.requires_grad else []


def _suffixes(tensor: Any) -> list[str]:
    suffixes = []
    shape, dtype, device_type = tuple(tensor.shape), tensor.dtype, tensor.device.type
    if device_type != "cpu":
        suffixes.append(f"device='{tensor.device}'")
    if device_type == "meta":
        sized, named = True, dtype != get_default_dtype()
    elif 0 in shape:
        sized, named = len(shape) != 1, dtype != get_default_dtype()
    else:
        sized, named = _options.edgeitems == 0, not dtype_is_obvious(dtype)
    if sized:
        suffixes.append(f"size={shape}")
    if named:
        suffixes.append(f"dtype={dtype}")
    suffixes += graph_suffix(tensor)
    if tensor._tangent is not None:
        suffixes.append(f"tangent={tensor._tangent}")
    return suffixes


def _repr_of_rows(rows: Any, tensor: Any) -> str:
    """A tensor inside of vmap, all its rows."""
    with rows.outside():
        value, dim = rows.shown(tensor)
        text = tensor_repr(value)
    return f"BatchedTensor(lvl={rows.depth()}, bdim={dim}, value=\n{textwrap.indent(text, '    ')}\n)"


def tensor_repr(tensor: Any) -> str:
    """Returns ``repr(tensor)``: the values, then the suffixes that say what values do not.

    >>> import jtorch as torch
    >>> torch.zeros(0, 3, dtype=torch.int32)
    tensor([], size=(0, 3), dtype=torch.int32)
    """
    if differs(tensor):
        return _repr_of_rows(threads.tape.rows, tensor)
    name = type(tensor).__name__
    prefix = "tensor(" if name in ("Tensor", "Parameter", "HalfComplexTensor") else name + "("
    on_meta = tensor.device.type == "meta"
    body = "..." if on_meta else tensor_str(tensor._numpy_copy(), len(prefix))
    found = with_suffixes(prefix + body, _suffixes(tensor), len(prefix))
    return f"Parameter({found})" if tensor._is_param and name != "Parameter" else found
