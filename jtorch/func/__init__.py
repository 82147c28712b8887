"""torch.func: functions made of functions.

https://docs.pytorch.org/docs/stable/func.html
"""

from jtorch.func._modules import debug_unwrap as debug_unwrap
from jtorch.func._modules import functional_call as functional_call
from jtorch.func._modules import functionalize as functionalize
from jtorch.func._modules import replace_all_batch_norm_modules_ as replace_all_batch_norm_modules_
from jtorch.func._modules import stack_module_state as stack_module_state
from jtorch.func._transforms import grad as grad
from jtorch.func._transforms import grad_and_value as grad_and_value
from jtorch.func._transforms import hessian as hessian
from jtorch.func._transforms import jacfwd as jacfwd
from jtorch.func._transforms import jacrev as jacrev
from jtorch.func._transforms import jvp as jvp
from jtorch.func._transforms import linearize as linearize
from jtorch.func._transforms import vjp as vjp
from jtorch.func._vmap import vmap as vmap

__all__ = [
    "debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp",
    "linearize", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap",
]  # fmt: skip
