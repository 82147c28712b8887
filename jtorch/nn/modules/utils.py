"""Numbers that stand for tuples."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat


def _ntuple(n, name):
    """A function that repeats a number ``n`` times and leaves an iterable as a tuple."""

    def parse(x):
        return tuple(x) if isinstance(x, Iterable) else tuple(repeat(x, n))

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t, n):
    """``t`` backwards, each element ``n`` times: padding by dimension as :func:`jtorch.nn.functional.pad` wants it.

    >>> _reverse_repeat_tuple((1, 2), 2)
    (2, 2, 1, 1)
    """
    return tuple(x for x in reversed(t) for _ in range(n))
