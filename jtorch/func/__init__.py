"""torch.func: functions made of functions.

https://docs.pytorch.org/docs/stable/func.html
"""

from jtorch.func._vmap import vmap as vmap

__all__ = ["vmap"]
