"""Modules without first values."""

from __future__ import annotations

import inspect

from jtorch import _root as torch
from jtorch.nn.modules.module import Module


def skip_init(module_cls, *args, **kwargs):
    """Builds a module that takes ``device`` without computing its first values; they are undefined.

    >>> import jtorch as torch
    >>> torch.nn.utils.skip_init(torch.nn.Linear, 2, 1).weight.shape
    torch.Size([1, 2])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.setdefault("device", "cpu")
    # First values that nothing reads are never computed; the numbers they would have drawn are left to others.
    state = torch.get_rng_state()
    module = module_cls(*args, **kwargs)
    torch.set_rng_state(state)
    return module.to_empty(device=device)
