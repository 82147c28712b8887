"""torch.utils.flop_counter: refused, with the way to the numbers that XLA has."""

from __future__ import annotations

from typing import Any

from jtorch.utils._python_dispatch import TorchDispatchMode


class FlopCounterMode(TorchDispatchMode):
    """Refused when it is entered: it would see each operation by `__torch_dispatch__`."""

    def __init__(self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: Any = None):
        super().__init__()
        self.depth, self.display, self.custom_mapping = depth, display, custom_mapping
