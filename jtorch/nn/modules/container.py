"""Modules that hold modules or parameters: in a row, in a list, by name."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any

from jtorch import _root as torch
from jtorch.nn.modules.module import Module, _addindent
from jtorch.nn.parameter import Parameter

__all__ = ["Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"]


def wrapped_index(index, length):
    """``index`` as an int from 0 to ``length - 1``; negative ones count from the end."""
    index = operator.index(index)
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range")
    return index % length


def key_value_pairs(owner, pairs, called):
    """Checks that ``pairs`` is a mapping or an iterable of pairs, in torch's words, and yields the pairs."""
    if not isinstance(pairs, Iterable):
        raise TypeError(
            f"{called}.update should be called with an iterable of key/value pairs, but got {type(pairs).__name__}"
        )
    if isinstance(pairs, (Mapping, type(owner))):
        yield from pairs.items()
        return
    for number, pair in enumerate(pairs):
        what = f"{type(owner).__name__} update sequence element #{number}"
        if not isinstance(pair, Iterable):
            # Torch's sentence has no space here.
            raise TypeError(f"{what} should be Iterable; is{type(pair).__name__}")
        pair = tuple(pair)
        if len(pair) != 2:
            raise ValueError(f"{what} has length {len(pair)}; 2 is required")
        yield pair


class _Row(Module):
    """Children in a row, registered under their positions."""

    def _renumber(self, modules):
        """Takes ``modules`` as the children, under 0, 1, 2, ..."""
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def __len__(self):
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __delitem__(self, idx):
        if isinstance(idx, slice):
            doomed = set(list(self._modules)[idx])
            self._renumber([module for name, module in self._modules.items() if name not in doomed])
        else:
            position = wrapped_index(idx, len(self))
            self._renumber([module for i, module in enumerate(self) if i != position])

    def pop(self, key):
        """Removes and returns the child at ``key``."""
        module = self[key]
        del self[key]
        return module

    def append(self, module):
        """Adds a child at the end."""
        self.add_module(str(len(self)), module)
        return self


class Sequential(_Row):
    """Modules run one after another, each on the result of the one before.

    Takes modules, or an ``OrderedDict`` of named ones.

    >>> import jtorch as torch
    >>> net = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten())
    >>> net(torch.ones(2, 3, 4)).shape
    torch.Size([2, 12])
    >>> net[1:]
    Sequential(
      (1): Flatten(start_dim=1, end_dim=-1)
    )
    """

    def __init__(self, *args):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named = args[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(args))
        for name, module in named:
            self.add_module(name, module)

    def _name_at(self, idx):
        return list(self._modules)[wrapped_index(idx, len(self))]

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._name_at(idx)]

    def __setitem__(self, idx, module):
        setattr(self, self._name_at(idx), module)

    def __delitem__(self, idx):
        names = list(self._modules)[idx] if isinstance(idx, slice) else [self._name_at(idx)]
        for name in names:
            delattr(self, name)
        self._renumber(self._modules.values())

    def forward(self, input):
        for module in self._modules.values():
            input = module(input)
        return input

    def insert(self, index, module):
        """Puts ``module`` before position ``index``."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        if index == len(self):
            return self.append(module)
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, sequential):
        """Adds every module of ``sequential`` at the end."""
        for module in list(sequential):
            self.append(module)
        return self

    def _check_sequential(self, other):
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")

    def __add__(self, other):
        self._check_sequential(other)
        return Sequential(*self, *other)

    def __iadd__(self, other):
        self._check_sequential(other)
        return self.extend(other)

    def _check_factor(self, other):
        if not isinstance(other, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
        if other <= 0:
            raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")

    def __mul__(self, other):
        self._check_factor(other)
        return Sequential(*list(self) * other)

    def __rmul__(self, other):
        return self * other

    def __imul__(self, other):
        self._check_factor(other)
        return self.extend(list(self) * (other - 1))


class ModuleList(_Row):
    """A list of modules that are registered, so that their parameters are found. It has no forward.

    >>> import jtorch as torch
    >>> layers = torch.nn.ModuleList([torch.nn.Linear(2, 2) for _ in range(3)])
    >>> layers
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return type(self)(list(self._modules.values())[idx])
        return self._modules[str(wrapped_index(idx, len(self)))]

    def __setitem__(self, idx, module):
        setattr(self, str(wrapped_index(idx, len(self))), module)

    def insert(self, index, module):
        """Puts ``module`` before position ``index``."""
        if index < 0:
            # Torch's list accepts no negative position here, and this is how it says so.
            raise KeyError("-1")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)

    def extend(self, modules):
        """Adds every one of ``modules`` at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}")
        for i, module in enumerate(list(modules), start=len(self)):
            self.add_module(str(i), module)
        return self

    def __iadd__(self, modules):
        return self.extend(modules)

    def __add__(self, other):
        return ModuleList(chain(self, other))

    def __repr__(self):
        if len(self) == 0:
            return f"{self._get_name()}()"
        lines, first = [], 0
        for text, run in groupby(repr(module) for module in self):
            count = len(list(run))
            name, times = (f"({first})", "") if count == 1 else (f"({first}-{first + count - 1})", f"{count} x ")
            lines.append(_addindent(f"{name}: {times}{text}", 2))
            first += count
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """Modules by name, registered. It has no forward.

    >>> import jtorch as torch
    >>> heads = torch.nn.ModuleDict({"a": torch.nn.ReLU()})
    >>> heads["a"]
    ReLU()
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, key):
        return key in self._modules

    def clear(self) -> None:
        """Removes every child."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Removes and returns one child."""
        module = self[key]
        del self[key]
        return module

    def keys(self):
        """The names."""
        return self._modules.keys()

    def items(self):
        """Pairs of name and child."""
        return self._modules.items()

    def values(self):
        """The children."""
        return self._modules.values()

    def update(self, modules) -> None:
        """Adds the children of a mapping or of an iterable of pairs."""
        for name, module in key_value_pairs(self, modules, "ModuleDict"):
            self[name] = module


def _as_parameter(value):
    """Tensors become parameters; anything else is kept as it is."""
    if isinstance(value, torch.Tensor) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _describe(name, value, dtype_text):
    if not isinstance(value, torch.Tensor):
        return f"  ({name}): Object of type: {type(value).__name__}"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    size = "x".join(str(n) for n in value.size())
    device = "" if value.device.type == "cpu" else f" ({value.device})"
    return f"  ({name}): {kind} containing: [{dtype_text(value)} of size {size}{device}]"


class _ParameterHolder(Module):
    def __call__(self, input):
        raise RuntimeError(f"{type(self).__name__} should not be called.")

    def _described(self, items, dtype_text):
        return "\n".join(_describe(name, value, dtype_text) for name, value in items)


class ParameterList(_ParameterHolder):
    """A list of parameters that are registered; tensors become parameters, other values are kept.

    >>> import jtorch as torch
    >>> torch.nn.ParameterList([torch.zeros(2), torch.ones(3, 2)])
    ParameterList(
        (0): Parameter containing: [torch.float32 of size 2]
        (1): Parameter containing: [torch.float32 of size 3x2]
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return type(self)(self[i] for i in range(*idx.indices(len(self))))
        return getattr(self, str(wrapped_index(idx, len(self))))

    def __setitem__(self, idx, param):
        setattr(self, str(wrapped_index(idx, len(self))), _as_parameter(param))

    def __len__(self):
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter(self[i] for i in range(len(self)))

    def __iadd__(self, parameters):
        return self.extend(parameters)

    def append(self, value):
        """Adds a value at the end."""
        position = len(self)
        self._size += 1
        self[position] = value
        return self

    def extend(self, values):
        """Adds every one of ``values`` at the end."""
        if not isinstance(values, Iterable) or isinstance(values, torch.Tensor):
            raise TypeError(f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self):
        return self._described(enumerate(self), lambda value: str(value.dtype))


class ParameterDict(_ParameterHolder):
    """Parameters by name, registered; tensors become parameters, other values are kept.

    >>> import jtorch as torch
    >>> torch.nn.ParameterDict({"left": torch.zeros(2)})["left"]
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def _key_to_attr(self, key):
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string "
                f"(type is '{type(key).__name__}'). Open an issue on github if you need non-string keys."
            )
        return key

    def __getitem__(self, key):
        return getattr(self, self._key_to_attr(key))

    def __setitem__(self, key, value):
        attribute = self._key_to_attr(key)
        self._keys[key] = None
        setattr(self, attribute, _as_parameter(value))

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, self._key_to_attr(key))

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(list(self._keys))

    def __contains__(self, key):
        return key in self._keys

    def __or__(self, other):
        copy = self.copy()
        copy.update(other)
        return copy

    def __ror__(self, other):
        copy = other.copy()
        copy.update(self.items())
        return copy

    def __ior__(self, other):
        self.update(other)
        return self

    def copy(self):
        """A new dict of the same parameters."""
        return ParameterDict(self.items())

    def clear(self) -> None:
        """Removes everything."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key):
        """Removes and returns one value."""
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        """Removes and returns the pair that was added last."""
        key, _ = self._keys.popitem()
        value = self[key]
        delattr(self, key)
        return key, value

    def get(self, key, default=None):
        """The value, or ``default``."""
        return self[key] if key in self else default

    def setdefault(self, key, default=None):
        """The value; if there is none, ``default`` is put there first."""
        if key not in self:
            self[key] = default
        return self[key]

    def fromkeys(self, keys, default=None):
        """A new dict with ``default`` under every one of ``keys``."""
        return ParameterDict((key, default) for key in keys)

    def keys(self):
        """The names."""
        return self._keys.keys()

    def items(self):
        """Pairs of name and value."""
        return ((key, self[key]) for key in self._keys)

    def values(self):
        """The values."""
        return (self[key] for key in self._keys)

    def update(self, parameters) -> None:
        """Adds the entries of a mapping or of an iterable of pairs."""
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            # Torch sorts a plain dict here, so that the order of the parameters does not depend on it.
            parameters = sorted(parameters.items())
        for key, value in key_value_pairs(self, parameters, "ParametersDict"):
            self[key] = value

    def extra_repr(self):
        return self._described(self.items(), torch.typename)
