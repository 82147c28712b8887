"""The part of the `torch` namespace that the layers above use: `from jtorch import _root as torch`.

Names of ops come from the registry, where each is declared once; `jtorch/__init__.pyi` lists them.
"""

from jtorch import _indexing as _indexing
from jtorch import _ops as _ops
from jtorch import _storage as _storage
from jtorch import linalg as linalg
from jtorch._declare import registry as _registry
from jtorch._declare.draws import Generator as Generator
from jtorch._declare.draws import default_generator as default_generator
from jtorch._declare.promote import can_cast as can_cast
from jtorch._declare.promote import promote_types as promote_types
from jtorch._engine.anomaly import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from jtorch._engine.anomaly import is_anomaly_enabled as is_anomaly_enabled
from jtorch._engine.anomaly import set_anomaly_enabled as set_anomaly_enabled
from jtorch._printing import set_printoptions as set_printoptions
from jtorch._tensor import Tensor as Tensor
from jtorch._types.device import device as device
from jtorch._types.dtype import DTYPES as _DTYPES
from jtorch._types.dtype import dtype as dtype
from jtorch._types.dtype import finfo as finfo
from jtorch._types.dtype import get_default_dtype as get_default_dtype
from jtorch._types.dtype import iinfo as iinfo
from jtorch._types.dtype import set_default_dtype as set_default_dtype
from jtorch._types.layout import channels_last as channels_last
from jtorch._types.layout import channels_last_3d as channels_last_3d
from jtorch._types.layout import contiguous_format as contiguous_format
from jtorch._types.layout import contiguous_format as legacy_contiguous_format  # noqa: F401 - a name of torch
from jtorch._types.layout import layout as layout
from jtorch._types.layout import memory_format as memory_format
from jtorch._types.layout import preserve_format as preserve_format
from jtorch._types.layout import sparse_bsc as sparse_bsc
from jtorch._types.layout import sparse_bsr as sparse_bsr
from jtorch._types.layout import sparse_coo as sparse_coo
from jtorch._types.layout import sparse_csc as sparse_csc
from jtorch._types.layout import sparse_csr as sparse_csr
from jtorch._types.layout import strided as strided
from jtorch._types.size import Size as Size
from jtorch.autograd.modes import enable_grad as enable_grad
from jtorch.autograd.modes import inference_mode as inference_mode
from jtorch.autograd.modes import is_grad_enabled as is_grad_enabled
from jtorch.autograd.modes import is_inference_mode_enabled as is_inference_mode_enabled
from jtorch.autograd.modes import no_grad as no_grad
from jtorch.autograd.modes import set_grad_enabled as set_grad_enabled

globals().update(_DTYPES)
globals().update(_registry.namespace("torch"))
