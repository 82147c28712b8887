"""Accelerators that are not there: `JTORCH_FAKE_DEVICES=cuda:2,xla:4` takes extra host devices of JAX's for them.

So what a program does with devices can be tested without hardware: moves, errors, placement, counts. Numbers come out
as on the CPU. Without the variable nothing of JAX's configuration is changed.
"""

from __future__ import annotations

import os
import re

import jax

_VARIABLE = "JTORCH_FAKE_DEVICES"
_TYPES = ("cuda", "xla")


def counts(text: str) -> dict[str, int]:
    """How many devices of each type a value of the variable asks for.

    >>> counts("cuda:2,xla:4")
    {'cuda': 2, 'xla': 4}
    """
    found: dict[str, int] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"([a-z]+):([1-9][0-9]*)", part)
        if match is None or match[1] not in _TYPES or match[1] in found:
            raise ValueError(f"{_VARIABLE}={text}: expected 'cuda:N', 'xla:N' or both with a comma, not {part!r}")
        found[match[1]] = int(match[2])
    return found


def start() -> dict[str, slice]:
    """By type: which of JAX's CPU devices stand for it. The first one stays the CPU.

    RuntimeError when JAX runs already and has too few."""
    text = os.environ.get(_VARIABLE, "")
    places: dict[str, slice] = {}
    taken = 1
    for kind, count in counts(text).items():
        places[kind] = slice(taken, taken + count)
        taken += count
    if taken > 1:
        try:
            jax.config.update("jax_num_cpu_devices", taken)
        except RuntimeError:
            had = len(jax.devices("cpu"))
            if had < taken:
                raise RuntimeError(
                    f"{_VARIABLE}={text} needs {taken} CPU devices of JAX's, which has already started with {had}: "
                    "import jtorch before JAX is used"
                ) from None
    return places
