"""jtorch: the PyTorch API on JAX. `import jtorch as torch`."""

import gc as _gc
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from jtorch import _dynamo as _dynamo
from jtorch import _missing as _missing
from jtorch import accelerator as accelerator
from jtorch import autograd as autograd
from jtorch import backends as backends
from jtorch import compiler as compiler
from jtorch import config as config
from jtorch import cpu as cpu
from jtorch import cuda as cuda
from jtorch import fft as fft
from jtorch import nn as nn  # before _root: torch.relu, torch.conv2d and others are declared in nn.functional

# isort: split
from jtorch import _C as _C
from jtorch import _complex32 as _complex32
from jtorch import amp as amp
from jtorch import library as library
from jtorch import masked as masked
from jtorch import ops as ops
from jtorch import optim as optim
from jtorch import overrides as overrides
from jtorch import random as random
from jtorch import return_types as return_types
from jtorch import serialization as serialization
from jtorch import signal as signal
from jtorch import sparse as sparse
from jtorch import special as special
from jtorch import storage as storage
from jtorch import testing as testing
from jtorch import torch_version as torch_version
from jtorch import types as types
from jtorch import utils as utils
from jtorch import version as version
from jtorch._alias import __version__ as __version__
from jtorch._alias import install as install
from jtorch._alias import uninstall as uninstall
from jtorch._declare import registry as _registry
from jtorch._dynamo.eval_frame import compile as compile
from jtorch._engine.explain import explain as explain
from jtorch._root import *  # noqa: F403 - the root namespace is the registry's
from jtorch._root import Tensor as Tensor
from jtorch._streams import Event as Event
from jtorch._streams import Stream as Stream
from jtorch._tensor_types import CUDA_TENSOR_TYPES as _CUDA_TENSOR_TYPES
from jtorch._tensor_types import TENSOR_TYPES as _TENSOR_TYPES
from jtorch._types.device_errors import AcceleratorError as AcceleratorError
from jtorch._types.device_errors import OutOfMemoryError as OutOfMemoryError
from jtorch._utils import classproperty as classproperty
from jtorch._utils import get_device_module as get_device_module
from jtorch.amp import GradScaler as GradScaler
from jtorch.amp import autocast as autocast
from jtorch.cuda import amp as _cuda_amp  # noqa: F401 - it stands on torch.amp, torch.cuda below that
from jtorch.func import vmap as vmap
from jtorch.serialization import load as load
from jtorch.serialization import save as save
from jtorch.storage import STORAGE_TYPES as _STORAGE_TYPES
from jtorch.storage import TypedStorage as TypedStorage
from jtorch.storage import UntypedStorage as UntypedStorage

# The star leaves out names that begin with an underscore, and torch has some: torch._chunk_cat.
globals().update(_registry.namespace("torch"))
globals().update(_TENSOR_TYPES)
globals().update(_STORAGE_TYPES)
vars(cuda).update(_CUDA_TENSOR_TYPES)
Storage = _STORAGE_TYPES["FloatStorage"]
newaxis = None
_missing.install(Tensor)

# A training step makes thousands of small objects, so Python's collector runs often and each time walks all of JAX's
# modules (half of a step of many tiny operations). What exists by now stays for good: it need not be walked.
_gc.freeze()
