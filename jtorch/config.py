"""Switches of this process: what environment variables say when jtorch is imported, and what a program says later.

`check`, from `JTORCH_CHECK=1`: every fused program is run a second time, operation by operation from the same inputs.
The first operation that differs is reported by an error with its name, the user's line and the largest difference. Each
program then takes about as long as eager code; while the switch is off it costs nothing.

`tier`, from `JTORCH_TIER`: "" lets the engine choose how what was recorded runs, "op" takes it operation by operation,
"whole" compiles each path as one program with all of XLA's optimisation, "draft" in haste.

>>> import jtorch as torch
>>> torch.config.check = True
>>> float((torch.ones(3) * 2).sum())
6.0
>>> torch.config.check = False
"""

from __future__ import annotations

import sys
from types import ModuleType

from jtorch._engine import options
from jtorch._engine.tape import settings

_TIERS = ("", options.OP, options.DRAFT, options.FULL)


class _Config(ModuleType):
    """The module itself, so that assignment reaches the engine."""

    @property
    def check(self) -> bool:
        return settings.check

    @check.setter
    def check(self, value: bool) -> None:
        settings.check = bool(value)

    @property
    def tier(self) -> str:
        return settings.tier

    @tier.setter
    def tier(self, value: str) -> None:
        if value not in _TIERS:
            raise ValueError(f"jtorch.config.tier is one of {', '.join(map(repr, _TIERS))}, not {value!r}")
        settings.tier = value

    def __setattr__(self, name: str, value: object) -> None:
        if not hasattr(self, name) and not name.startswith("_"):
            raise AttributeError(f"jtorch.config has no switch '{name}'")
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Config
