"""torch.utils.hooks: the handle that takes a hook out again."""

from jtorch._engine.backward import RemovableHandle as RemovableHandle
