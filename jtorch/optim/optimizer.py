"""The base of every optimizer: parameter groups, state, hooks, saving and loading."""

from __future__ import annotations

import functools
import importlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._engine.flush import end_of_work
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn
from jtorch.autograd.engine import clear_gradients
from jtorch.utils.hooks import RemovableHandle

_global_pre_hooks: dict = OrderedDict()
_global_post_hooks: dict = OrderedDict()
_HOOKS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_state_dict_pre", "load_state_dict_post")


class _Required:
    """Marks an option without a default."""

    def __repr__(self):
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook):
    """Registers ``hook(optimizer, args, kwargs)``, called before every optimizer's step; returns a removable handle."""
    return _register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Registers ``hook(optimizer, args, kwargs)``, called after every optimizer's step; returns a removable handle."""
    return _register(_global_post_hooks, hook)


@functools.cache
def updates():
    """The arithmetic of the steps. It is imported at the first one: optax takes longer than all of jtorch."""
    return importlib.import_module("jtorch.optim._updates")


def _register(table, hook, prepend=False):
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def _with_hooks(step):
    """``step`` between its hooks; its end is a natural end of work, so what was recorded runs now."""

    @functools.wraps(step)
    def hooked(*args, **kwargs):
        self = args[0]
        for hook in chain(_global_pre_hooks.values(), self._optimizer_step_pre_hooks.values()):
            result = hook(self, args, kwargs)
            if isinstance(result, tuple) and len(result) == 2:
                args, kwargs = result
            elif result is not None:
                raise RuntimeError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got {result}.")
        loss = step(*args, **kwargs)
        for hook in chain(self._optimizer_step_post_hooks.values(), _global_post_hooks.values()):
            hook(self, args, kwargs)
        end_of_work()
        return loss

    hooked.hooked = True
    return hooked


def _listed(params):
    try:
        return list(params)
    except TypeError as error:
        cured(error, "model.parameters(), called, gives what the optimizer takes")
        raise


class Optimizer:
    """Base class: holds parameters in groups, each with its options, and per-parameter state.

    Args: ``params``, tensors, ``(name, tensor)`` pairs or dicts with ``"params"`` and options of their own;
    ``defaults``, the options of a group that does not give them.

    >>> import jtorch as torch
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> optimizer = torch.optim.SGD([{"params": [weight], "lr": 0.5}], lr=0.1)
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    _watched = True  # a compiled function looks at its attributes
    _unwatched = frozenset({"_host_steps", "defaults"})
    _numbers_are_read = False  # by a compiled step at every call: see fused_update

    def __init__(self, params, defaults):
        if isinstance(params, torch.Tensor):
            raise cured(
                TypeError(
                    "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                    + params.type()
                ),
                "give a list: torch.optim.SGD([x], lr=0.1), or model.parameters()",
            )
        self.defaults = defaults
        self._make_hook_tables()
        self._patch_step_function()
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = _listed(params)
        if len(groups) == 0:
            raise cured(
                ValueError("optimizer got an empty parameter list"),
                "model.parameters() finds what __init__ assigned to self: nn.ModuleList instead of a "
                "list of layers; a generator is empty after its first use",
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hook_tables(self):
        for name in _HOOKS:
            self.__dict__.setdefault(f"_optimizer_{name}_hooks", OrderedDict())
        self._host_steps = {}

    def _patch_step_function(self):
        # On the class and here, as in torch: a user's optimizer gets its hooks without having to ask for them.
        if not getattr(self.__class__.step, "hooked", False):
            self.__class__.step = _with_hooks(self.__class__.step)

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_hook_tables()
        self._patch_step_function()
        self.__dict__.setdefault("defaults", {})

    def __repr__(self):
        lines = [f"{self.__class__.__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {index}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            lines.append("")
        return "\n".join(lines[:-1]) + "\n)"

    def add_param_group(self, param_group):
        """Adds parameters with options of their own, such as layers unfrozen in the middle of training."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        params: list = [params] if isinstance(params, torch.Tensor) else list(params)
        named = [isinstance(param, tuple) for param in params]
        if any(named):
            if not all(named):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = [name for name, _ in params]
            params = [param for _, param in params]
        param_group["params"] = params
        _check_leaves(params)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self._check_apart(param_group)
        self.param_groups.append(param_group)

    def _check_apart(self, group):
        """Raises unless the group's parameters are in no other group, and it has names exactly if the others have."""
        params = set(group["params"])
        if len(params) != len(group["params"]):
            warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information"
            )
        if not params.isdisjoint(param for other in self.param_groups for param in other["params"]):
            raise cured(
                ValueError("some parameters appear in more than one parameter group"),
                "give each parameter to one group: filter by name, or by id",
            )
        has_names = "param_names" in group
        if self.param_groups and has_names != ("param_names" in self.param_groups[0]):
            with_or_without = "with" if has_names else "without"
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {with_or_without} names to the optimizer"
            )

    def zero_grad(self, set_to_none=True):
        """Forgets the gradients of all parameters, or sets them to zero in place with ``set_to_none=False``."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def step(self, closure=None):
        """Updates the parameters once; ``closure`` computes the loss again, with gradients, and returns it."""
        raise NotImplementedError

    def _loss(self, closure):
        """What the closure returns, computed with gradients on, or None without a closure."""
        if closure is None:
            return None
        with torch.enable_grad():
            return closure()

    def _tick(self, param, state):
        """Counts a step of ``param`` and returns the count as a Python number.

        ``state["step"]`` is a tensor, as in torch, over host memory: it is counted and read without recording anything.
        """
        step = state["step"]
        held = self._host_steps.get(id(param))
        if held is None or held[0] is not step:
            held = self._host_steps[id(param)] = step, step.numpy()
        count = held[1]
        count[()] = count.item() + 1  # a third of the time of `count += 1`
        return count.item()

    def state_dict(self):
        """State and options as a dict that ``torch.save`` can write: parameters are numbered, not stored."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers = {}
        groups = []
        for group in self.param_groups:
            for param in group["params"]:
                numbers.setdefault(param, len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[param] for param in group["params"]]
            groups.append(packed)
        state = {numbers[key] if isinstance(key, torch.Tensor) else key: value for key, value in self.state.items()}
        result = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict):
        """Takes state and options from ``state_dict``, in the order of the parameters; nothing changes on an error."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
        params = {
            number: param
            for group, saved in zip(self.param_groups, saved_groups, strict=True)
            for number, param in zip(saved["params"], group["params"], strict=True)
        }
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            param = params.get(key)
            state[key if param is None else param] = value if param is None else _like(param, value)
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def register_step_pre_hook(self, hook):
        """Registers ``hook(optimizer, args, kwargs)``, called before each step; may return new ``(args, kwargs)``."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Registers ``hook(optimizer, args, kwargs)``, called after each step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer)``, called before ``state_dict``."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer, state_dict)``, called after ``state_dict``; it may return another one."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer, state_dict)``, called before loading; it may return another state_dict."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer)``, called after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _check_leaves(params):
    for param in params:
        if not isinstance(param, torch.Tensor):
            kind = type(param)
            name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
            raise cured(
                TypeError(f"optimizer can only optimize Tensors, but one of the params is {name}"),
                'model.parameters(), or a list of tensors or of dicts with "params"',
            )
        if not (param.is_leaf or param.retains_grad):
            raise cured(
                ValueError("can't optimize a non-leaf Tensor"),
                "x = x.detach().requires_grad_() after .to(...), a product or a cast; make leaves "
                "with requires_grad=True last",
            )


def _like(param, value, key=None):
    """A loaded value with the parameter's dtype and device; step counts stay as they are."""
    if isinstance(value, torch.Tensor):
        if key == "step":
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)
    if isinstance(value, dict):
        return {name: _like(param, item, name) for name, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        kind: Any = type(value)
        return kind(_like(param, item) for item in value)
    return value


def zeros_for(param):
    """Zeros like ``param`` that are data, not a recorded operation: so the first step runs the program of all steps."""
    return torch.tensor(np.zeros(tuple(param.shape), np.float32), dtype=param.dtype, device=param.device)


def new_step_count(count=0.0):
    """A 0-dim tensor holding a step count, in the default dtype torch gives it."""
    dtype = np.float64 if torch.get_default_dtype() == torch.float64 else np.float32
    return torch.from_numpy(np.array(count, dtype))


def as_number(value):
    """A number given as such or as a tensor of one element."""
    return value.item() if isinstance(value, torch.Tensor) else float(value)


def check_numbers(lr, others):
    """Raises unless the learning rate and ``others``, values by what the error calls them, are numbers >= 0."""
    if isinstance(lr, torch.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    for name, value in {"learning rate": lr, **others}.items():
        if value < 0.0:
            raise ValueError(f"Invalid {name}: {value}")


def check_implementation(foreach, fused, differentiable):
    """Raises for the combinations of these options that torch refuses, and for differentiable updates."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise NotImplementedError(
            "differentiable=True is not supported: to differentiate through an update, write it with tensors and "
            "torch.autograd.grad(..., create_graph=True)."
        )
