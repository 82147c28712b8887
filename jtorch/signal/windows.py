"""torch.signal.windows: symmetric windows, or periodic ones with `sym=False`.

https://docs.pytorch.org/docs/stable/signal.html
"""

from __future__ import annotations

from typing import Any

from jtorch._declare import Fill, composite, fill, registry
from jtorch._declare.types import float32, float64, get_default_dtype, strided
from jtorch._ops.spectral import BARTLETT, BLACKMAN_WEIGHTS, COSINES, EXPONENTIAL, GAUSSIAN, KAISER, SINE

_HERE = "torch.signal.windows"


def _window(
    kind: Fill, M: Any, numbers: tuple, *, name: str = "", sym: bool = True, dtype: Any = None, **options: Any
) -> Any:
    """Checks what all windows take, and fills. `name` is what errors say, `numbers` the kind's own."""
    name = name or kind.name
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    layout = options.get("layout", strided)
    if layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    found = get_default_dtype() if dtype is None else dtype
    if found not in (float32, float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {found}")
    return fill(kind, (_span(M, sym), *map(float, numbers)), (int(M),), found, **options)


def _span(M: int, sym: bool) -> float:
    return float(M - 1 if sym else M)


@composite(method=False, namespace=_HERE)
def bartlett(M: int, **options: Any) -> Any:
    """A triangle that is 0 at its ends.

    >>> import jtorch as torch
    >>> torch.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window(BARTLETT, M, (), **options)


@composite(method=False, namespace=_HERE)
def general_cosine(M: int, *, a: Any, **options: Any) -> Any:
    """The sum of cosines with the weights `a`, of alternating sign.

    >>> import jtorch as torch
    >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _window(COSINES, M, tuple(a), **options)


@composite(method=False, namespace=_HERE)
def blackman(M: int, **options: Any) -> Any:
    """The sum of three cosines after Blackman."""
    return _window(COSINES, M, BLACKMAN_WEIGHTS, name="blackman", **options)


@composite(method=False, namespace=_HERE)
def nuttall(M: int, **options: Any) -> Any:
    """The sum of four cosines after Nuttall."""
    return general_cosine(M, a=(0.3635819, 0.4891775, 0.1365995, 0.0106411), **options)


@composite(method=False, namespace=_HERE)
def general_hamming(M: int, *, alpha: float = 0.54, **options: Any) -> Any:
    """`alpha - (1 - alpha) cos`."""
    return general_cosine(M, a=(alpha, 1.0 - alpha), **options)


@composite(method=False, namespace=_HERE)
def hamming(M: int, **options: Any) -> Any:
    """A raised cosine that does not reach 0."""
    return general_hamming(M, **options)


@composite(method=False, namespace=_HERE)
def hann(M: int, **options: Any) -> Any:
    """A raised cosine that is 0 at its ends.

    >>> import jtorch as torch
    >>> torch.signal.windows.hann(4, sym=False)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return general_hamming(M, alpha=0.5, **options)


@composite(method=False, namespace=_HERE)
def cosine(M: int, **options: Any) -> Any:
    """Half a turn of the sine."""
    return _window(SINE, M, (), **options)


@composite(method=False, namespace=_HERE)
def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any) -> Any:
    """`exp(-|n - center| / tau)`."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _span(M, sym) / 2 if center is None else center
    return _window(EXPONENTIAL, M, (tau, middle), sym=sym, **options)


@composite(method=False, namespace=_HERE)
def gaussian(M: int, *, std: float = 1.0, **options: Any) -> Any:
    """The normal density, 1 in the middle."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window(GAUSSIAN, M, (std,), **options)


@composite(method=False, namespace=_HERE)
def kaiser(M: int, *, beta: float = 12.0, **options: Any) -> Any:
    """Kaiser's window, by the modified Bessel function of order 0; a larger `beta` makes it narrower."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window(KAISER, M, (beta,), **options)


globals().update(registry.namespace(_HERE))
