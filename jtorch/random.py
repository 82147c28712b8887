"""torch.random: seeds and states of the streams random numbers come from.

https://docs.pytorch.org/docs/stable/random.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from jtorch import _root as torch
from jtorch._accelerators import count, on
from jtorch._declare.draws import Generator, default_generator, default_of
from jtorch._types.user_frame import warn

manual_seed = torch.manual_seed
seed = torch.seed
initial_seed = torch.initial_seed
get_rng_state = torch.get_rng_state
set_rng_state = torch.set_rng_state
thread_safe_generator = torch.thread_safe_generator


@contextlib.contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """Draws in the block leave the CPU's and the devices' streams as they were; `devices` are all by default.

    >>> import jtorch as torch
    >>> state = torch.get_rng_state()
    >>> with torch.random.fork_rng():
    ...     _ = torch.rand(3)
    >>> torch.equal(state, torch.get_rng_state())
    True
    """
    if not enabled:
        yield
        return
    kind = torch.device(device_type).type
    places: list[Any] = []
    if kind not in ("cpu", "meta"):
        there = count(kind)
        if devices is None and there > 1:
            warn(
                f"{kind.upper()} reports that you have {there} available devices, and you have used {_caller} without "
                f"explicitly specifying which devices are being used. All are taken: '{_devices_kw}' says which."
            )
        places = [on(kind, d) for d in (range(there) if devices is None else devices)]
    generators: list[Generator] = [default_generator, *map(default_of, places)]
    states = [g.get_state() for g in generators]
    try:
        yield
    finally:
        for g, state in zip(generators, states, strict=True):
            g.set_state(state)


__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]
