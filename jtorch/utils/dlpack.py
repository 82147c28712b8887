"""torch.utils.dlpack: memory shared with other libraries.

https://docs.pytorch.org/docs/stable/dlpack.html

>>> import jtorch as torch
>>> torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(torch.ones(2)))
tensor([1., 1.])
"""

from jtorch._ops.interop import DLDeviceType as DLDeviceType
from jtorch._root import from_dlpack as from_dlpack
from jtorch._root import to_dlpack as to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
