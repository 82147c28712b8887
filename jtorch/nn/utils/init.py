"""Modules without first values."""

from __future__ import annotations

import inspect

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
    final_device = kwargs.pop("device", "cpu")
    kwargs["device"] = "meta"
    return module_cls(*args, **kwargs).to_empty(device=final_device)
