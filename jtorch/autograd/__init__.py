"""torch.autograd: the public side of the engine's graph."""

from jtorch.autograd import anomaly_mode as anomaly_mode
from jtorch.autograd import forward_ad as forward_ad
from jtorch.autograd import function as function
from jtorch.autograd import functional as functional
from jtorch.autograd import grad_mode as grad_mode
from jtorch.autograd import graph as graph
from jtorch.autograd import saved_attributes as saved_attributes
from jtorch.autograd import variable as variable
from jtorch.autograd.anomaly_mode import detect_anomaly as detect_anomaly
from jtorch.autograd.anomaly_mode import set_detect_anomaly as set_detect_anomaly
from jtorch.autograd.engine import backward as backward
from jtorch.autograd.engine import grad as grad
from jtorch.autograd.function import Function as Function
from jtorch.autograd.function import NestedIOFunction as NestedIOFunction
from jtorch.autograd.grad_mode import enforce_grad_layout_policy as enforce_grad_layout_policy
from jtorch.autograd.grad_mode import is_multithreading_enabled as is_multithreading_enabled
from jtorch.autograd.grad_mode import set_multithreading_enabled as set_multithreading_enabled
from jtorch.autograd.gradcheck import gradcheck as gradcheck
from jtorch.autograd.gradcheck import gradgradcheck as gradgradcheck
from jtorch.autograd.modes import enable_grad as enable_grad
from jtorch.autograd.modes import inference_mode as inference_mode
from jtorch.autograd.modes import no_grad as no_grad
from jtorch.autograd.modes import set_grad_enabled as set_grad_enabled
from jtorch.autograd.variable import Variable as Variable

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "forward_ad", "grad", "inference_mode",
    "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
