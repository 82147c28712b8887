"""Finds the examples: every docstring of the namespaces that users read, as lists of statements. Imports real torch."""

import doctest
import inspect
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch
import torch.fft
import torch.linalg
import torch.nn.functional
import torch.optim
import torch.special
import torch.utils.data

NAMESPACES = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn": torch.nn,
    "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg,
    "torch.fft": torch.fft,
    "torch.special": torch.special,
    "torch.optim": torch.optim,
    "torch.utils.data": torch.utils.data,
}


def members(space: Any) -> Iterator[tuple[str, Any]]:
    """Public names; of classes in a namespace also their public methods."""
    for name in sorted(vars(space) if inspect.isclass(space) else dir(space)):
        one = getattr(space, name, None)
        if name.startswith("_") or isinstance(one, ModuleType):
            continue
        yield name, one
        if inspect.isclass(one) and one.__module__.startswith("torch"):
            yield from ((f"{name}.{inner}", getattr(one, inner, None)) for inner in vars(one) if inner[0] != "_")


def collect() -> dict[str, list[str]]:
    """The statements of each docstring that has any, by the first name that shows it."""
    parser, found, seen = doctest.DocTestParser(), {}, set()
    for prefix, space in NAMESPACES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # reading some attributes warns that they are deprecated
            here = list(members(space))
        for name, one in here:
            text = getattr(one, "__doc__", None)
            if not isinstance(text, str) or ">>>" not in text or text in seen:
                continue
            seen.add(text)
            try:
                statements = [example.source for example in parser.get_examples(inspect.cleandoc(text))]
            except ValueError:
                continue  # prose set as an example
            found[f"{prefix}.{name}"] = statements
    return found
