"""Which parameters, buffers and children a module has: registering, finding and listing them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from jtorch import _root as torch
from jtorch._engine.backward import RemovableHandle
from jtorch._types.cures import cured
from jtorch.nn.parameter import Buffer, Parameter

_parameter_registration_hooks: dict[int, Callable] = OrderedDict()
_buffer_registration_hooks: dict[int, Callable] = OrderedDict()
_module_registration_hooks: dict[int, Callable] = OrderedDict()

_EMPTY: dict[str, Any] = {}
_TABLES = ("_parameters", "_buffers", "_modules")


def _registered(hooks, module, name, value):
    """What the registration hooks make of ``value``."""
    for hook in hooks.values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def _not_yet(what):
    """The error when something is assigned to a module that was not initialised."""
    return cured(
        AttributeError(f"cannot assign {what} before Module.__init__() call"),
        "super().__init__() is the first line of the module's __init__",
    )


def _register_global(table, hook):
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle


def register_module_parameter_registration_hook(hook):
    """Calls ``hook(module, name, parameter)`` whenever any module registers a parameter; a result replaces it.

    >>> import jtorch as torch
    >>> names = []
    >>> note = lambda module, name, param: names.append(name)
    >>> with torch.nn.modules.module.register_module_parameter_registration_hook(note):
    ...     layer = torch.nn.Linear(2, 2)
    >>> names
    ['weight', 'bias']
    """
    return _register_global(_parameter_registration_hooks, hook)


def register_module_buffer_registration_hook(hook):
    """Calls ``hook(module, name, buffer)`` whenever any module registers a buffer; a result replaces it.

    >>> import jtorch as torch
    >>> names = []
    >>> note = lambda module, name, buffer: names.append(name)
    >>> with torch.nn.modules.module.register_module_buffer_registration_hook(note):
    ...     layer = torch.nn.BatchNorm1d(2)
    >>> names
    ['running_mean', 'running_var', 'num_batches_tracked']
    """
    return _register_global(_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook):
    """Calls ``hook(module, name, child)`` whenever any module registers a child; a result replaces it.

    >>> import jtorch as torch
    >>> names = []
    >>> note = lambda module, name, child: names.append(name)
    >>> with torch.nn.modules.module.register_module_module_registration_hook(note):
    ...     net = torch.nn.Sequential(torch.nn.ReLU())
    >>> names
    ['0']
    """
    return _register_global(_module_registration_hooks, hook)


class Registry:
    """The tables of a module and the attribute rules that fill them."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, torch.Tensor | None]
    _modules: dict[str, Any]  # Modules, or None for an absent one
    _non_persistent_buffers_set: set[str]

    # ---- attributes -------------------------------------------------------------------------------------------

    def __getattr__(self, name):
        # Reached only when ordinary lookup failed; the three lookups are written out because every
        # `self.weight` of every forward passes here.
        slots = self.__dict__
        table = slots.get("_parameters", _EMPTY)
        if name in table:
            return table[name]
        table = slots.get("_modules", _EMPTY)
        if name in table:
            return table[name]
        table = slots.get("_buffers", _EMPTY)
        if name in table:
            return table[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name, value):
        slots = self.__dict__
        if isinstance(value, Parameter):
            if slots.get("_parameters") is None:
                raise _not_yet("parameters")
            self._forget(name, keep="_parameters")
            self.register_parameter(name, value)
        elif name in slots.get("_parameters", ()):
            if value is not None:
                raise cured(
                    TypeError(
                        f"cannot assign '{torch.typename(value)}' as parameter '{name}' "
                        "(torch.nn.Parameter or None expected)"
                    ),
                    "with torch.no_grad(): layer.weight.copy_(x), or torch.nn.Parameter(x) in its place",
                )
            self.register_parameter(name, value)
        elif isinstance(value, Registry):
            self._set_module(name, value)
        elif name in slots.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{torch.typename(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            self._modules[name] = _registered(_module_registration_hooks, self, name, value)
        elif name in slots.get("_buffers", ()) or (isinstance(value, torch.Tensor) and isinstance(value, Buffer)):
            self._set_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def _set_module(self, name, value):
        if self.__dict__.get("_modules") is None:
            raise _not_yet("module")
        self._forget(name, keep="_modules")
        self._modules[name] = _registered(_module_registration_hooks, self, name, value)

    def _set_buffer(self, name, value):
        if self.__dict__.get("_buffers") is None:
            raise _not_yet("buffer")
        if value is not None and not isinstance(value, torch.Tensor):
            raise TypeError(
                f"cannot assign '{torch.typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        if name in self._buffers:
            self._buffers[name] = _registered(_buffer_registration_hooks, self, name, value)
            self._mark_persistent(name, persistent)
        else:
            self.register_buffer(name, value, persistent)

    def _forget(self, name, keep):
        """Drops ``name`` from the instance and from every table but ``keep``."""
        for table in (self.__dict__, *(self.__dict__.get(t, {}) for t in _TABLES if t != keep)):
            table.pop(name, None)
        if keep != "_buffers":
            self.__dict__.get("_non_persistent_buffers_set", set()).discard(name)

    def __delattr__(self, name):
        for table in _TABLES:
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self):
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        # The digits of a Sequential are children, but no attribute syntax reaches them.
        return sorted(name for name in names if not name[0].isdigit())

    # ---- registering ------------------------------------------------------------------------------------------

    def _check_name(self, kind, name, table):
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {torch.typename(name)}")
        if "." in name:
            suffix = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{suffix}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in table:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds ``param`` under ``name``; None registers a parameter that is absent.

        >>> import jtorch as torch
        >>> m = torch.nn.Module()
        >>> m.register_parameter("scale", torch.nn.Parameter(torch.ones(1)))
        >>> [name for name, _ in m.named_parameters()]
        ['scale']
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{torch.typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                    f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                    "forward() method."
                )
            param = _registered(_parameter_registration_hooks, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: torch.Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is state but not learned; ``persistent=False`` keeps it out of the ``state_dict``.

        >>> import jtorch as torch
        >>> m = torch.nn.Module()
        >>> m.register_buffer("steps", torch.zeros(()))
        >>> m.steps
        tensor(0.)
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"cannot assign '{torch.typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = _registered(_buffer_registration_hooks, self, name, tensor)
        self._mark_persistent(name, persistent)

    def _mark_persistent(self, name, persistent):
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module) -> None:
        """Adds a child under ``name``; None registers a child that is absent.

        >>> import jtorch as torch
        >>> m = torch.nn.Module()
        >>> m.add_module("act", torch.nn.ReLU())
        >>> m.act
        ReLU()
        """
        if not isinstance(module, Registry) and module is not None:
            raise cured(
                TypeError(f"{torch.typename(module)} is not a Module subclass"),
                "modules come one by one, made: nn.Sequential(*layers), nn.ReLU() instead of nn.ReLU",
            )
        self._check_name("module", name, self._modules)
        self._modules[name] = _registered(_module_registration_hooks, self, name, module)

    def register_module(self, name: str, module) -> None:
        """The same as :meth:`add_module`."""
        self.add_module(name, module)

    # ---- finding ----------------------------------------------------------------------------------------------

    def get_submodule(self, target: str):
        """The descendant at a dotted path; ``""`` is the module itself. Raises ``AttributeError``.

        >>> import jtorch as torch
        >>> torch.nn.Sequential(torch.nn.Sequential(torch.nn.ReLU())).get_submodule("0.0")
        ReLU()
        """
        found = self
        for name in target.split(".") if target else ():
            if not hasattr(found, name):
                raise AttributeError(f"{found._get_name()} has no attribute `{name}`")
            found = getattr(found, name)
            if not isinstance(found, Registry):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return found

    def set_submodule(self, target: str, module, strict: bool = False) -> None:
        """Puts ``module`` at a dotted path; ``strict`` demands that something is there already.

        >>> import jtorch as torch
        >>> net = torch.nn.Sequential(torch.nn.ReLU())
        >>> net.set_submodule("0", torch.nn.Tanh())
        >>> net[0]
        Tanh()
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Registry):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Registry):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _find(self, target):
        """Owner, name and value of the attribute at a dotted path."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        return owner, name, getattr(owner, name)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path. Raises ``AttributeError``.

        >>> import jtorch as torch
        >>> torch.nn.Sequential(torch.nn.Linear(3, 2)).get_parameter("0.weight").shape
        torch.Size([2, 3])
        """
        _, name, value = self._find(target)
        if not isinstance(value, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return value

    def get_buffer(self, target: str) -> torch.Tensor:
        """The buffer at a dotted path. Raises ``AttributeError``.

        >>> import jtorch as torch
        >>> torch.nn.Sequential(torch.nn.BatchNorm1d(2)).get_buffer("0.running_mean")
        tensor([0., 0.])
        """
        owner, name, value = self._find(target)
        if name not in owner._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return value

    # ---- listing ----------------------------------------------------------------------------------------------

    def _get_name(self):
        return type(self).__name__

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        """Pairs from ``get_members_fn(module)`` of this module and its descendants, names with their path."""
        seen = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in get_members_fn(module):
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield (f"{path}.{name}" if path else name), value

    def parameters(self, recurse: bool = True):
        """Every parameter, each once.

        >>> import jtorch as torch
        >>> [p.shape for p in torch.nn.Linear(3, 2).parameters()]
        [torch.Size([2, 3]), torch.Size([2])]
        """
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True):
        """Every parameter with its dotted name.

        >>> import jtorch as torch
        >>> [name for name, _ in torch.nn.Linear(3, 2).named_parameters()]
        ['weight', 'bias']
        """
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True):
        """Every buffer, each once.

        >>> import jtorch as torch
        >>> len(list(torch.nn.BatchNorm1d(3).buffers()))
        3
        """
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True):
        """Every buffer with its dotted name.

        >>> import jtorch as torch
        >>> [name for name, _ in torch.nn.BatchNorm1d(3).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def children(self):
        """The direct children, each once.

        >>> import jtorch as torch
        >>> list(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()).children())
        [ReLU(), Tanh()]
        """
        for _, module in self.named_children():
            yield module

    def named_children(self):
        """The direct children with their names, each once.

        >>> import jtorch as torch
        >>> list(torch.nn.Sequential(torch.nn.ReLU()).named_children())
        [('0', ReLU())]
        """
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate: bool = True):
        """The module itself and every descendant, parents first.

        >>> import jtorch as torch
        >>> len(list(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()).modules()))
        3
        """
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True):
        """The module itself (named ``prefix``) and every descendant with its dotted name, parents first.

        >>> import jtorch as torch
        >>> list(torch.nn.ModuleList([torch.nn.ReLU()]).named_modules())[1]
        ('0', ReLU())
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)
