"""Seeds and states of the streams that GPUs draw from. The numbers are those of the CPU's algorithm.

https://docs.pytorch.org/docs/stable/cuda.html#random-number-generator
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jtorch._accelerators import count, on
from jtorch._declare.draws import default_of


class _OfGPUs(Sequence):
    """One generator for each GPU. JAX is asked how many there are when somebody wants to know."""

    def __len__(self) -> int:
        return count("cuda")

    def __getitem__(self, index: Any) -> Any:
        return tuple(default_of(on("cuda", i)) for i in range(len(self)))[index]

    def __repr__(self) -> str:
        return repr(tuple(self))


default_generators = _OfGPUs()


def manual_seed(seed: int) -> None:
    """Restarts the current GPU's stream; nothing without a GPU."""
    if count("cuda"):
        default_of(on("cuda")).manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Restarts every GPU's stream."""
    for generator in default_generators:
        generator.manual_seed(int(seed))


def seed() -> None:
    """Restarts the current GPU's stream at a number from the operating system."""
    if count("cuda"):
        default_of(on("cuda")).seed()


def seed_all() -> None:
    """Restarts every GPU's stream at one number from the operating system."""
    for i, generator in enumerate(default_generators):
        generator.manual_seed(generator.seed() if i == 0 else default_generators[0].initial_seed())


def initial_seed() -> int:
    """The seed the current GPU's stream was last started with."""
    return default_of(on("cuda")).initial_seed()


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of a GPU's stream: a uint8 tensor in the layout of the CPU's."""
    return default_of(on("cuda", device)).get_state()


def get_rng_state_all() -> list[Any]:
    """The states of all GPUs' streams."""
    return [g.get_state() for g in default_generators]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Takes a state from `get_rng_state`."""
    default_of(on("cuda", device)).set_state(new_state)


def set_rng_state_all(new_states: Iterable[Any]) -> None:
    """Takes the states from `get_rng_state_all`."""
    for index, state in enumerate(new_states):
        set_rng_state(state, index)


__all__ = ["get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all", "seed", "seed_all",
           "set_rng_state", "set_rng_state_all"]  # fmt: skip
