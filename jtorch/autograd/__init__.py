"""torch.autograd: the public side of the engine's graph."""

from jtorch.autograd.modes import enable_grad as enable_grad
from jtorch.autograd.modes import inference_mode as inference_mode
from jtorch.autograd.modes import no_grad as no_grad
from jtorch.autograd.modes import set_grad_enabled as set_grad_enabled
