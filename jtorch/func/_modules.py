"""Modules as functions of their parameters: `torch.func.functional_call`, `stack_module_state`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jtorch import _root as torch
from jtorch.nn.modules.batchnorm import _BatchNorm


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Calls a module with other parameters and buffers than its own, given by name.

    >>> import jtorch as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> torch.func.functional_call(layer, {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, torch.ones(2))
    tensor([2.])
    """
    given = _merged(parameter_and_buffer_dicts)
    positional: Any = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*positional, **(kwargs or {}))


def _merged(dicts: Any) -> dict:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            "Expected all elements of parameter_and_buffer_dicts to be dictionaries, but got "
            f"{[type(d) for d in dicts if not isinstance(d, dict)]}"
        )
    names = [name for d in dicts for name in d]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {name: x for d in dicts for name, x in d.items()}


@contextmanager
def _replaced(module: Any, given: dict, tie_weights: bool, strict: bool) -> Iterator[None]:
    """Puts tensors in the place of a module's own until the block ends."""
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    if strict:
        _check_names(module, own, given)
    new = _tied(own, given) if tie_weights else given
    places = [(*_place(module, name), value) for name, value in new.items() if name in own]
    before = [(holder, name, holder[name]) for holder, name, _ in places]
    for holder, name, value in places:
        holder[name] = value
    try:
        yield
    finally:
        for holder, name, value in before:
            holder[name] = value


def _tied(own: dict, given: dict) -> dict:
    """What is given for one name of a tensor is meant for all."""
    groups: dict[int, list[str]] = {}
    for name, x in own.items():
        groups.setdefault(id(x), []).append(name)
    new = dict(given)
    for names in groups.values():
        found = [name for name in names if name in given]
        if len({id(given[name]) for name in found}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {found}, which are tied. Consider using "
                "tie_weights=False"
            )
        new.update((name, given[found[0]]) for name in names if found)
    return new


def _check_names(module: Any, own: dict, given: dict) -> None:
    words = []
    unexpected, missing = sorted(given.keys() - own.keys()), sorted(own.keys() - given.keys())
    for kind, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            words.append(f"\n\t{kind} key(s): " + ", ".join(map(repr, names)) + ".")
    if words:
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:{''.join(words)}")


def _place(module: Any, name: str) -> tuple[dict, str]:
    """The dictionary that holds a parameter or buffer, and its name there."""
    *path, last = name.split(".")
    for part in path:
        module = module._modules[part]
    return (module._parameters if last in module._parameters else module._buffers), last


def stack_module_state(models: Sequence) -> tuple[dict, dict]:
    """Parameters and buffers of modules of one class, by name, each stacked along a new first dimension.

    >>> import jtorch as torch
    >>> parameters, buffers = torch.func.stack_module_state([torch.nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape
    torch.Size([3, 1, 2])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    return _stacked([dict(m.named_parameters()) for m in models]), _stacked([dict(m.named_buffers()) for m in models])


def _stacked(states: list[dict]) -> dict:
    found = {}
    for name, first in states[0].items():
        tensors = [state[name] for state in states]
        if len({t.requires_grad for t in tensors}) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        joined = torch.stack(tensors)
        found[name] = joined.detach().requires_grad_() if first.requires_grad else joined
    return found


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Makes all batch norms of a module take the statistics of the batch, in place: they keep none of their own.

    >>> import jtorch as torch
    >>> torch.func.replace_all_batch_norm_modules_(torch.nn.BatchNorm1d(2)).track_running_stats
    False
    """
    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """The function itself: programs here are without writes and views already.

    >>> import jtorch as torch
    >>> torch.func.functionalize(torch.sin)(torch.zeros(1))
    tensor([0.])
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            "functionalize(f, remove='mutations'): received invalid argument for remove=. Valid options are:\n"
            "     remove='mutations': all inplace and out= operators will be removed from the program, and replaced "
            f"with their out-of-place equivalents.\n     remove='mutations_and_views'. But received: {remove}"
        )
    return func


def debug_unwrap(tensor: Any, *, recurse: bool = True) -> Any:
    """The tensor itself: transforms wrap nothing here."""
    return tensor
