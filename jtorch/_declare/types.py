"""The plain values of layer 0 that op files need: they see `_declare` only."""

from jtorch._types import BOOL as BOOL
from jtorch._types import COMPLEX as COMPLEX
from jtorch._types import FLOAT as FLOAT
from jtorch._types import INT as INT
from jtorch._types import PYTHON_DTYPES as PYTHON_DTYPES
from jtorch._types import bool_ as bool_
from jtorch._types import channels_last as channels_last
from jtorch._types import contiguous_format as contiguous_format
from jtorch._types import cpu as cpu
from jtorch._types import device as device
from jtorch._types import dtype as dtype
from jtorch._types import dtype_named as dtype_named
from jtorch._types import float32 as float32
from jtorch._types import float64 as float64
from jtorch._types import from_numpy as from_numpy
from jtorch._types import get_default_dtype as get_default_dtype
from jtorch._types import int32 as int32
from jtorch._types import int64 as int64
from jtorch._types import layout as layout
from jtorch._types import memory_format as memory_format
from jtorch._types import preserve_format as preserve_format
from jtorch._types import set_default_dtype as set_default_dtype
from jtorch._types import strided as strided
from jtorch._types import uint8 as uint8
from jtorch._types import unchecked_size as unchecked_size
