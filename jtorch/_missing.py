"""Names that are not there: torch's errors for them, with a note that says which name was meant.

Modules ask `__getattr__` for a name they do not have, so names they have cost nothing more. What a Tensor does not have
cannot be asked so, because a class with `__getattr__` makes every attribute slower: the names people try most often are
descriptors that raise what a missing attribute raises.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from opcode import opmap
from types import FrameType, ModuleType
from typing import Any, NoReturn

from jtorch._types.cures import cured

# Where a name is looked for, in this order, when another module does not have it.
_MODULES = (
    "jtorch", "jtorch.nn", "jtorch.nn.functional", "jtorch.optim", "jtorch.optim.lr_scheduler", "jtorch.utils.data",
    "jtorch.nn.utils", "jtorch.nn.init", "jtorch.autograd", "jtorch.linalg", "jtorch.fft", "jtorch.special",
    "jtorch.cuda",
)  # fmt: skip
_ELSEWHERE = {
    ("jtorch.nn.functional", "F"): "F is a name people give the module: import torch.nn.functional as F",
    ("jtorch.nn", "optim"): "torch.optim stands beside torch.nn: torch.optim.SGD, or from torch import optim",
    ("jtorch", "Variable"): "tensors are variables: torch.tensor(..., requires_grad=True)",
    ("jtorch", "array"): "torch.tensor(...) makes a tensor of numbers, torch.from_numpy(a) of a NumPy array",
    ("jtorch", "astype"): "a tensor is converted by x.to(torch.float32), x.float(), x.long()",
    ("jtorch", "copy"): "a tensor is copied by x.clone(), x.detach().clone() without its history",
    ("jtorch", "expand_dims"): "torch.unsqueeze(x, dim)",
    ("jtorch", "append"): "torch.cat([x, y])",
    ("jtorch", "zeros_grad"): "optimizer.zero_grad()",
}
_TENSOR = {
    "grad_zero_": "w.grad.zero_(), or w.grad = None; optimizer.zero_grad() does it for all parameters",
    "zero_grad": "optimizer.zero_grad() or model.zero_grad(); of one tensor: x.grad = None",
    "backwards": "x.backward()",
    "copy": "x.clone() copies; x.detach().clone() without the history",
    "astype": "x.to(torch.float32), or x.float(), x.long(), x.bool()",
    "to_numpy": "x.numpy(), or x.detach().cpu().numpy() of a tensor with gradients or on another device",
    "asnumpy": "x.numpy(), or x.detach().cpu().numpy() of a tensor with gradients or on another device",
    "to_list": "x.tolist()",
    "append": "tensors do not grow: collect in a list, then torch.stack(list) or torch.cat(list)",
    "extend": "tensors do not grow: collect in a list, then torch.stack(list) or torch.cat(list)",
    "concat": "torch.cat([x, y])",
    "cat": "torch.cat([x, y])",
    "stack": "torch.stack([x, y])",
    "expand_dims": "x.unsqueeze(dim)",
    "dims": "x.dim() or x.ndim is the number of dimensions, x.shape their sizes",
    "length": "len(x), or x.numel() for all elements",
    "len": "len(x), or x.numel() for all elements",
    "linear": "torch.nn.functional.linear(x, weight)",
    "one_hot": "torch.nn.functional.one_hot(x, num_classes)",
    "parameters": "a model has parameters; of a tensor: optimizer = torch.optim.SGD([x], lr=0.1)",
    "required_grad": "x.requires_grad",
    "no_grad": "with torch.no_grad(): ..., or x.detach()",
}
_IMPORTS_FROM = opmap["IMPORT_FROM"]


def _as_torch(name: str) -> str:
    return "torch" + name.removeprefix("jtorch")


def _public(home: str) -> list[str]:
    """A module's names, those of modules last."""
    found = vars(sys.modules[home])
    return sorted((n for n in found if not n.startswith("_")), key=lambda n: isinstance(found[n], ModuleType))


@cache
def _meant(home: str, name: str) -> str | None:
    """What may have been meant by a name that the module `home` does not have."""
    if (home, name) in _ELSEWHERE:
        return _ELSEWHERE[home, name]
    folded = name.casefold()
    for other in sorted(_MODULES, key=home.__ne__):
        for found in _public(other):
            if found.casefold() == folded:
                return f"did you mean {_as_torch(other)}.{found}?"
    there = {found.casefold(): found for found in reversed(_public(home))}
    close = get_close_matches(folded, there, 1, 0.75)
    return f"did you mean {_as_torch(home)}.{there[close[0]]}?" if close else None


def _imports_from(frame: FrameType) -> bool:
    """True when a frame stands at `from module import name`."""
    return frame.f_code.co_code[frame.f_lasti] == _IMPORTS_FROM


def _getattr_of(module: ModuleType) -> Callable[[str], Any]:
    home, shown = module.__name__, _as_torch(module.__name__)

    def __getattr__(name: str) -> Any:
        cure = None if name.startswith("__") else _meant(home, name)
        error: Exception = AttributeError(f"module '{shown}' has no attribute '{name}'", name=name, obj=module)
        if cure is not None and _imports_from(sys._getframe(1)):
            # Python would make an error of its own, which takes no note, out of an AttributeError.
            path = module.__file__
            error = ImportError(f"cannot import name '{name}' from '{shown}' ({path})", name=home, path=path)
        raise error if cure is None else cured(error, cure)

    return __getattr__


class _Missing:
    """An attribute that objects of a class do not have."""

    def __init__(self, name: str, cure: str):
        self.name = name
        self.cure = cure

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        who = f"type object '{owner.__name__}'" if instance is None else f"'{owner.__name__}' object"
        error = AttributeError(f"{who} has no attribute '{self.name}'", name=self.name, obj=instance)
        raise cured(error, self.cure)


def install(tensor_class: type) -> None:
    """Lets modules and tensors say what was meant."""
    for name in _MODULES:
        module = sys.modules[name]
        module.__getattr__ = _getattr_of(module)
    for name, cure in _TENSOR.items():
        setattr(tensor_class, name, _Missing(name, cure))
