"""Errors of `torch.compile`."""

from jtorch._compile.function import TorchDynamoException as TorchDynamoException
from jtorch._compile.function import Unsupported as Unsupported

__all__ = ["TorchDynamoException", "Unsupported"]
