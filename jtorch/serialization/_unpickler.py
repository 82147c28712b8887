"""Unpickles torch's files: with ``weights_only`` by a small set of opcodes and names, else without limits."""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from jtorch._types.cures import cured

from . import _names
from ._safe_globals import trusted_by_name

_PURE: Any = pickle._Unpickler  # the form that can be restricted

_BLOCKED_MODULES = frozenset({"sys", "os", "posix", "nt"})

_CHOICE = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to "
    "`True`. Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can result in "
    "arbitrary code execution. Do it only if you got the file from a trusted source."
)
_DOCUMENTATION = (
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only "
    "https://pytorch.org/docs/stable/generated/torch.load.html."
)


class _Refused(pickle.UnpicklingError):
    """The file asks for something that a file of weights may not ask for."""


class _UnknownName(_Refused):
    """The file names a class or function that is not trusted."""


class _BlockedModule(_Refused):
    """The file names something of a module that nobody can make trusted."""


_SIGNS_OF_CORRUPTION = (
    *(pickle.UnpicklingError, KeyError, IndexError, TypeError, ValueError, AttributeError),
    *(AssertionError, OverflowError, MemoryError),
)


def load_weights(read: Callable[[], Any]) -> Any:
    """Calls ``read``, and tells the user of a refusal what to do about it, in torch's words."""
    try:
        return read()
    except _UnknownName as error:
        refusal = pickle.UnpicklingError(
            "Weights only load failed. This file can still be loaded, to do so you have two options, "
            f"\033[1mdo those steps only if you trust the source of the checkpoint\033[0m. \n\t(1) {_CHOICE}\n\t(2) "
            "Alternatively, to load with `weights_only=True` please check the recommended steps in the following error "
            f"message.\n\tWeightsUnpickler error: {error}{_DOCUMENTATION}"
        )
        cure = "torch.load(f, weights_only=False) for files you trust; save model.state_dict() instead of the model"
        raise cured(refusal, cure) from None
    except _BlockedModule as error:
        raise pickle.UnpicklingError(f"Weights only load failed. {_CHOICE}\n\n\n{error}{_DOCUMENTATION}") from None
    except _Refused as error:
        raise pickle.UnpicklingError(
            f"Weights only load failed. {_CHOICE}\nPlease file an issue with the following so that we can make "
            f"`weights_only=True` compatible with your use case: WeightsUnpickler error: \n\n{error}{_DOCUMENTATION}"
        ) from None
    except EOFError as error:
        raise EOFError("Ran out of input") from error
    except _SIGNS_OF_CORRUPTION as error:
        raise pickle.UnpicklingError(
            f"Weights only load failed. The file is corrupt, or not one that torch.save wrote: {error!r}"
        ) from error


class _Opcodes(dict[int, Any]):
    def __missing__(self, code: int) -> Any:
        raise _Refused(f"Unsupported operand {code}")


_ALLOWED_OPCODES = [
    pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK, pickle.DUP, pickle.PUT,
    pickle.BINPUT, pickle.LONG_BINPUT, pickle.GET, pickle.BINGET, pickle.LONG_BINGET, pickle.MEMOIZE, pickle.NONE,
    pickle.NEWTRUE, pickle.NEWFALSE, pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.LONG4,
    pickle.BINFLOAT, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8, pickle.BINSTRING,
    pickle.SHORT_BINSTRING, pickle.BINBYTES, pickle.SHORT_BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8,
    pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.EMPTY_LIST, pickle.APPEND,
    pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS, pickle.EMPTY_SET, pickle.ADDITEMS,
    pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.BINPERSID, pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD,
]  # fmt: skip


class WeightsUnpickler(_PURE):
    """Reads a pickle that holds weights: containers, numbers, text, tensors, and what the user trusts."""

    dispatch = _Opcodes({code[0]: _PURE.dispatch[code[0]] for code in _ALLOWED_OPCODES})

    def __init__(self, file: Any, persistent_load: Callable[[Any], Any]) -> None:
        super().__init__(file, encoding="utf-8")
        self._load_storage = persistent_load
        self._trusted = trusted_by_name()
        callables = (*_names.FUNCTIONS.values(), *_names.CLASSES.values(), *_names.PYTHON_NAMES.values())
        self._callable = {id(value) for value in (*callables, *self._trusted.values())}

    def persistent_load(self, pid: Any) -> Any:
        return self._load_storage(pid)

    def find_class(self, module: str, name: str) -> Any:
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        full_name = f"{module}.{name}"
        if module.partition(".")[0] in _BLOCKED_MODULES:
            raise _BlockedModule(f"Trying to load unsupported GLOBAL {full_name} whose module {module} is blocked.")
        for table in (_names.TORCH_NAMES, _names.PYTHON_NAMES, self._trusted):
            if full_name in table:
                return table[full_name]
        if module.partition(".")[0] == "torch":
            found = _names.find_in_jtorch(module, name)
            if found is not None and any(found is value for value in self._trusted.values()):
                return found
        shown = full_name.removeprefix("builtins.")
        raise _UnknownName(
            f"Unsupported global: GLOBAL {shown} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{shown}])` or the `torch.serialization.safe_globals([{shown}])` "
            "context manager to allowlist this global if you trust this class/function."
        )

    def load_reduce(self) -> None:
        function, args = self.stack[-2:]
        if id(function) not in self._callable:
            raise _Refused(f"Trying to call reduce for unrecognized function {function}")
        self.stack[-2:] = [function(*args)]

    def load_newobj(self) -> None:
        kind, args = self.stack[-2:]
        if not any(kind is value for value in self._trusted.values()) or not isinstance(kind, type):
            raise _Refused(
                "Can only create new object for nn.Parameter or classes allowlisted via `add_safe_globals` but got "
                f"{kind}"
            )
        self.stack[-2:] = [kind.__new__(kind, *args)]

    def load_build(self) -> None:
        instance = self.stack[-2]
        if type(instance) is OrderedDict:
            instance.__dict__.update(self.stack.pop())
        elif any(type(instance) is value for value in self._trusted.values()):
            super().load_build()
        else:
            raise _Refused(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via `add_safe_globals`, but got "
                f"{type(instance)}"
            )

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.BUILD[0]] = load_build


def open_unpickler(
    file: Any, persistent_load: Callable[[Any], Any], pickle_module: Any, options: dict[str, Any]
) -> Any:
    """Returns an unpickler that makes any object, and takes what torch has from jtorch."""

    class OpenUnpickler(pickle_module.Unpickler):
        def persistent_load(self, pid: Any) -> Any:
            return persistent_load(pid)

        def find_class(self, module: str, name: str) -> Any:
            if module.partition(".")[0] != "torch":
                return super().find_class(module, name)
            found = _names.find_in_jtorch(module, name)
            if found is None:
                raise AttributeError(f"Can't get attribute {name!r} on module {module!r} of jtorch")
            return found

    return OpenUnpickler(file, **options)
