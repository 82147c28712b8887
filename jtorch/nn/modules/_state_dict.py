"""state_dict and load_state_dict, with torch's keys, metadata, hooks and messages."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping

from jtorch import _root as torch
from jtorch._engine.backward import RemovableHandle
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn
from jtorch.nn.modules._registry import Registry
from jtorch.nn.parameter import Parameter, is_lazy

_EXTRA_STATE_KEY = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def _add(table, entry):
    handle = RemovableHandle(table)
    table[handle.id] = entry
    return handle


def _quoted(keys):
    return ", ".join(f'"{key}"' for key in keys)


class Stateful(Registry):
    """Saving the tensors of a tree of modules to a flat dict and loading them back."""

    # Saved beside the tensors as state_dict()._metadata; a subclass that changes its keys raises it.
    _version: int = 1

    _state_dict_hooks: dict[int, tuple[Callable, bool]]
    _state_dict_pre_hooks: dict[int, Callable]
    _load_state_dict_pre_hooks: dict[int, tuple[Callable, bool]]
    _load_state_dict_post_hooks: dict[int, Callable]

    # ---- saving -----------------------------------------------------------------------------------------------

    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        """Every parameter and persistent buffer under its dotted name, in an ``OrderedDict``.

        The tensors share memory with the module and are detached unless ``keep_vars``.

        >>> import jtorch as torch
        >>> list(torch.nn.Sequential(torch.nn.Linear(2, 1)).state_dict())
        ['0.weight', '0.bias']
        """
        if args:
            warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details.",
                FutureWarning,
            )
            given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
            destination = given.get("destination", destination)
            prefix = given.get("prefix", prefix)
            keep_vars = given.get("keep_vars", keep_vars)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook, is_public in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, local_metadata)
            if is_public:
                if replaced is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif replaced is not None:
                destination = replaced
        return destination

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        """This module's own entries, without its children's."""
        for name, value in (*self._parameters.items(), *self._buffers.items()):
            if value is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = value if keep_vars else value.detach()
        if self._has_extra_state():
            destination[prefix + _EXTRA_STATE_KEY] = self.get_extra_state()

    def _has_extra_state(self):
        return type(self).get_extra_state is not Stateful.get_extra_state

    def get_extra_state(self):
        """Override to put something besides tensors into the ``state_dict``; needs :meth:`set_extra_state` too."""
        raise RuntimeError(_NOT_OVERRIDDEN.format("get_extra_state"))

    def set_extra_state(self, state):
        """Override to read back what :meth:`get_extra_state` returned."""
        raise RuntimeError(_NOT_OVERRIDDEN.format("set_extra_state"))

    # ---- loading ----------------------------------------------------------------------------------------------

    def load_state_dict(self, state_dict: Mapping, strict: bool = True, assign: bool = False):
        """Copies tensors into this module's parameters and buffers by name.

        ``strict`` makes missing and unexpected keys an error; ``assign`` keeps the given tensors themselves instead of
        copying. Returns ``missing_keys`` and ``unexpected_keys``; raises ``RuntimeError`` that lists every problem.

        >>> import jtorch as torch
        >>> a, b = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        >>> a.load_state_dict(b.state_dict())
        <All keys matched successfully>
        """
        if not isinstance(state_dict, Mapping):
            raise cured(
                TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}."),
                "model.load_state_dict(other.state_dict()), or what torch.load gives",
            )
        metadata = getattr(state_dict, "_metadata", None)
        # A copy, because pre-hooks may add and drop keys.
        state_dict = OrderedDict(state_dict)
        if metadata is not None:
            state_dict._metadata = metadata
        loading = _Loading(metadata, assign)
        loading.load(self, state_dict, "")
        errors = loading.errors
        if strict:
            if loading.unexpected:
                errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(loading.unexpected)}. ")
            if loading.missing:
                errors.insert(0, f"Missing key(s) in state_dict: {_quoted(loading.missing)}. ")
        if errors:
            sentence = f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors)
            raise cured(RuntimeError(sentence), _cure(loading))
        return _IncompatibleKeys(loading.missing, loading.unexpected)

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        """Loads this module's own entries; problems go to the three lists. Override to read older formats."""
        for hook, with_module in self._load_state_dict_pre_hooks.values():
            before = (self,) if with_module else ()
            hook(*before, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = {
            name: value
            for name, value in (*self._parameters.items(), *self._buffers.items())
            if value is not None and name not in self._non_persistent_buffers_set
        }
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, target in own.items():
            key = prefix + name
            if key in state_dict:
                self._load_tensor(name, target, key, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        extra = prefix + _EXTRA_STATE_KEY
        has_extra = type(self).set_extra_state is not Stateful.set_extra_state
        if has_extra and extra in state_dict:
            self.set_extra_state(state_dict[extra])
        elif has_extra and strict:
            missing_keys.append(extra)
        if strict:
            for key in state_dict:
                if not key.startswith(prefix) or (key == extra and has_extra):
                    continue
                name, *below = key[len(prefix) :].split(".", 1)
                if name not in (self._modules if below else own):
                    unexpected_keys.append(key)

    def _load_tensor(self, name, target, key, source, assign, error_msgs):
        if not isinstance(source, torch.Tensor):
            error_msgs.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(source)}"
            )
            return
        if is_lazy(target) and is_lazy(source):
            return  # neither has a shape; what one has goes to the other by the lazy module's own hook
        # Version 0.3 of torch saved numbers with one dimension.
        if target.shape == () and source.shape == (1,):
            source = source[0]
        if source.shape != target.shape:
            error_msgs.append(
                f"size mismatch for {key}: copying a param with shape {source.shape} from checkpoint, "
                f"the shape in current model is {target.shape}."
            )
            return
        if target.device.type == "meta" and source.device.type != "meta" and not assign:
            warn(
                f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current "
                "model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary "
                "to their corresponding key in the module instead of copying them in place?)"
            )
        try:
            with torch.no_grad():
                if assign:
                    setattr(self, name, _like_parameter(source, target))
                else:
                    target.copy_(source)
        except Exception as error:  # noqa: BLE001 - every problem is reported together
            error_msgs.append(
                f'While copying the parameter named "{key}", whose dimensions in the model are {target.shape} '
                f"and whose dimensions in the checkpoint are {source.shape}, an exception occurred : {error.args}."
            )

    # ---- hooks ------------------------------------------------------------------------------------------------

    def register_state_dict_post_hook(self, hook):
        """Calls ``hook(module, state_dict, prefix, local_metadata)`` after saving; it may change the dict in place."""
        return _add(self._state_dict_hooks, (hook, True))

    def _register_state_dict_hook(self, hook):
        """As the public one, but a result replaces the dict."""
        if (hook, True) in self._state_dict_hooks.values():
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return _add(self._state_dict_hooks, (hook, False))

    def register_state_dict_pre_hook(self, hook):
        """Calls ``hook(module, prefix, keep_vars)`` before saving."""
        return _add(self._state_dict_pre_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook):
        """Calls the hook before loading, with the module and the arguments of ``_load_from_state_dict``:

        ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)``.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        return _add(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook):
        """Calls ``hook(module, incompatible_keys)`` after loading; it may change the two lists in place."""
        return _add(self._load_state_dict_post_hooks, hook)


_NOT_OVERRIDDEN = (
    "Reached a code path in Module.{}() that should never be called. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this bug."
)


def _cure(loading):
    """What to do about keys or shapes that do not fit."""
    if loading.unexpected and all(key.startswith("module.") for key in loading.unexpected):
        return (
            'the model was saved inside a DataParallel: {key.removeprefix("module."): value for key, value in '
            "state.items()}"
        )
    if loading.unexpected or loading.missing:
        return (
            "build the model as it was when it was saved; strict=False loads the keys that fit; a checkpoint often "
            'holds more: checkpoint["model"]'
        )
    return "build the model with the sizes it was saved with; strict=False loads a part, without keys of other shapes"


class _Loading:
    """One load_state_dict: the walk over the modules and what went wrong."""

    def __init__(self, metadata, assign):
        self.metadata = metadata
        self.assign = assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []

    def load(self, module, state_dict, prefix):
        local = {} if self.metadata is None else dict(self.metadata.get(prefix[:-1], {}))
        if self.assign:
            local["assign_to_params_buffers"] = True
        # Always strict here: the lists of keys are returned even when they are no error.
        module._load_from_state_dict(state_dict, prefix, local, True, self.missing, self.unexpected, self.errors)
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                self.load(child, {k: v for k, v in state_dict.items() if k.startswith(below)}, below)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, _IncompatibleKeys(self.missing, self.unexpected)) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                    "values, if incompatible_keys need to be modified, it should be done inplace."
                )


def _like_parameter(source, target):
    """``source`` made a parameter if ``target`` is one."""
    if not isinstance(target, Parameter):
        return source
    if isinstance(source, Parameter):
        return source.requires_grad_(target.requires_grad)
    return Parameter(source, requires_grad=target.requires_grad)
