"""torch.return_types: the classes of the tuples that functions with several results return.

>>> import jtorch as torch
>>> torch.return_types.sort(([1, 2], [1, 0])).indices
[1, 0]
"""

from jtorch import _root as _root  # every op is declared by then
from jtorch._declare.return_types import TYPES as _TYPES

all_return_types = [kind for name, kind in sorted(_TYPES.items()) if not name.startswith("_")]
globals().update(_TYPES)
