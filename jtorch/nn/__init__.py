"""Layers, losses and what they are made of."""

from jtorch.nn import functional, init, modules, parameter, utils
from jtorch.nn.modules import *  # noqa: F403 - the layers are listed in modules/__init__.py
from jtorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "modules",
    "parameter",
    "utils",
]
__all__ += modules.__all__
