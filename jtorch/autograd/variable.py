"""torch.autograd.variable: the older name of Tensor."""

from jtorch._tensor import Tensor as Variable

VariableMeta = type(Variable)

__all__ = ["Variable", "VariableMeta"]
