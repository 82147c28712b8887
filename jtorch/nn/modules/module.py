"""Module, the base of every layer and network."""

from __future__ import annotations

from collections import OrderedDict

from jtorch import _root as torch
from jtorch._compile.function import compile_call
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn
from jtorch.autograd.engine import clear_gradients
from jtorch.nn.modules._hooks import (
    Hooked,
    _has_any_global_hook,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from jtorch.nn.modules._registry import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from jtorch.nn.modules._state_dict import Stateful, _IncompatibleKeys
from jtorch.nn.parameter import Parameter

__all__ = [
    "register_module_forward_pre_hook",
    "register_module_forward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_backward_hook",
    "register_module_full_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
    "Module",
    "_IncompatibleKeys",
    "_has_any_global_hook",
]

_HOOK_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class Module(Hooked, Stateful):
    """The base of every layer: parameters, buffers and children are what is assigned to its attributes.

    A subclass calls ``super().__init__()`` first and defines ``forward``; a call of the module runs it and its hooks.

    >>> import jtorch as torch
    >>> class Scale(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = torch.nn.Parameter(torch.tensor(2.0))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(torch.ones(2)).tolist()
    [2.0, 2.0]
    """

    dump_patches: bool = False
    call_super_init: bool = False
    _watched = True  # a compiled function looks at its attributes, except those that say nothing without hooks
    _unwatched = frozenset((*_HOOK_TABLES, "_is_full_backward_hook", "_non_persistent_buffers_set"))
    training: bool

    def __init__(self, *args, **kwargs) -> None:
        if not self.call_super_init:
            if kwargs:
                name = next(iter(kwargs))
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument '{name}'")
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        slots = self.__dict__
        slots["training"] = True
        slots["_parameters"] = {}
        slots["_buffers"] = {}
        slots["_non_persistent_buffers_set"] = set()
        slots["_is_full_backward_hook"] = None
        for table in _HOOK_TABLES:
            slots[table] = OrderedDict()
        slots["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input):
        """What the module computes; every subclass defines it."""
        raise cured(
            NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function'),
            "define forward(self, x) in the class, spelled so and not inside __init__",
        )

    def compile(self, *args, **kwargs):
        """Compiles the module's call in place; the arguments are those of `torch.compile`."""
        self._compiled_call_impl = compile_call(self._call_impl, *args, **kwargs)
        self._hooked = True

    # ---- train, eval ------------------------------------------------------------------------------------------

    def train(self, mode: bool = True):
        """Sets training mode on the module and its descendants; dropout and batch norm look at it.

        >>> import jtorch as torch
        >>> torch.nn.Dropout().train(False).training
        False
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """The same as ``train(False)``.

        >>> import jtorch as torch
        >>> torch.nn.Dropout().eval()(torch.ones(2))
        tensor([1., 1.])
        """
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True):
        """Sets ``requires_grad`` of every parameter.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).requires_grad_(False).weight.requires_grad
        False
        """
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradient of every parameter, or fills it with zeros.

        >>> import jtorch as torch
        >>> m = torch.nn.Linear(1, 1)
        >>> m(torch.ones(1)).backward()
        >>> m.zero_grad()
        >>> m.weight.grad is None
        True
        """
        clear_gradients(self.parameters(), set_to_none)

    def apply(self, fn):
        """Calls ``fn`` on every descendant, then on the module itself.

        >>> import jtorch as torch
        >>> net = torch.nn.Sequential(torch.nn.ReLU()).apply(lambda m: print(type(m).__name__))
        ReLU
        Sequential
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # ---- moving and casting -----------------------------------------------------------------------------------

    def _apply(self, fn, recurse=True):
        """Replaces every parameter's value, its gradient and every buffer by ``fn`` of it.

        The parameters stay the same objects, so an optimizer that holds them goes on working.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, param in self._parameters.items():
            if param is None:
                continue
            with torch.no_grad():
                value = fn(param)
                grad = None if param.grad is None else fn(param.grad).requires_grad_(param.grad.requires_grad)
            if (param.device.type == "meta") != (value.device.type == "meta"):
                # Storage of a meta tensor cannot be replaced, so the parameter is a new object, as in torch.
                param = self._parameters[name] = Parameter(value, param.requires_grad)
            elif value is not param:
                param.data = value
            param.grad = grad
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args, **kwargs):
        """Moves or casts parameters and buffers in place; only floating ones are cast.

        ``to(device, dtype, non_blocking)``, ``to(dtype)``, ``to(tensor)``, ``to(memory_format=...)``; returns itself.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).to(torch.float64).weight.dtype
        torch.float64
        """
        device, dtype, non_blocking, memory_format = _parse_to(args, kwargs)
        if dtype is not None:
            _check_module_dtype(dtype)

        def convert(t):
            cast = dtype if t.is_floating_point() or t.is_complex() else None
            try:
                if memory_format is not None and t.dim() in (4, 5):
                    return t.to(device, cast, non_blocking, memory_format=memory_format)
                return t.to(device, cast, non_blocking)
            except NotImplementedError as error:
                if str(error) != "Cannot copy out of meta tensor; no data!":
                    raise
                raise NotImplementedError(
                    f"{error} Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() "
                    "when moving module from meta to a different device."
                ) from None

        return self._apply(convert)

    def to_empty(self, *, device, recurse: bool = True):
        """Moves to ``device`` without copying: the values are undefined until they are initialised.

        >>> import jtorch as torch
        >>> torch.nn.Linear(2, 1).to_empty(device="cpu").weight.shape
        torch.Size([1, 2])
        """
        return self._apply(lambda t: torch.empty_like(t, device=device), recurse=recurse)

    def type(self, dst_type):
        """Casts every parameter and buffer, integer ones too.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).type(torch.float64).bias.dtype
        torch.float64
        """
        return self._apply(lambda t: t.type(dst_type))

    def _cast_floating(self, dtype):
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self):
        """Casts floating parameters and buffers to float32.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1, dtype=torch.float64).float().weight.dtype
        torch.float32
        """
        return self._cast_floating(torch.float32)

    def double(self):
        """Casts floating parameters and buffers to float64.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).double().weight.dtype
        torch.float64
        """
        return self._cast_floating(torch.float64)

    def half(self):
        """Casts floating parameters and buffers to float16.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).half().weight.dtype
        torch.float16
        """
        return self._cast_floating(torch.float16)

    def bfloat16(self):
        """Casts floating parameters and buffers to bfloat16.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).bfloat16().weight.dtype
        torch.bfloat16
        """
        return self._cast_floating(torch.bfloat16)

    def cpu(self):
        """Moves parameters and buffers to the CPU.

        >>> import jtorch as torch
        >>> torch.nn.Linear(1, 1).cpu().weight.device
        device(type='cpu')
        """
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Moves parameters and buffers to a GPU."""
        return self._apply(lambda t: t.cuda(device))

    def share_memory(self):
        """Puts parameters and buffers into shared memory; see ``Tensor.share_memory_``."""
        return self._apply(lambda t: t.share_memory_())

    # ---- printing, pickling -----------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the brackets of the ``repr``; override it."""
        return ""

    def __repr__(self):
        lines = [line for line in self.extra_repr().split("\n") if line]
        children = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        return _layout(self._get_name(), lines, children)

    def __getstate__(self):
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        for table in _HOOK_TABLES:
            self.__dict__.setdefault(table, OrderedDict())
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)
        self._restore_hook_flag()


def _layout(name, lines, children):
    """``name(...)``: one line if there is at most one extra line and no child."""
    if not children and len(lines) <= 1:
        return f"{name}({''.join(lines)})"
    return f"{name}(\n  " + "\n  ".join(lines + children) + "\n)"


def _addindent(text, spaces):
    """``text`` with every line but the first moved to the right."""
    return text.replace("\n", "\n" + " " * spaces)


_TO_TAIL = "bool non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)"
_TO_FORMS = (
    f"\n * (torch.device device = None, torch.dtype dtype = None, {_TO_TAIL}"
    f"\n * (torch.dtype dtype, {_TO_TAIL}"
    f"\n * (Tensor tensor, {_TO_TAIL}\n"
)


def _parse_to(args, kwargs):
    """device, dtype, non_blocking, memory_format of the forms of ``Module.to``."""
    if len(args) > 4:
        raise TypeError(f"to() takes from 0 to 4 positional arguments but {len(args)} were given")
    first = args[0] if args else kwargs.get("tensor")
    if isinstance(first, torch.Tensor):
        names = ("tensor", "non_blocking", "copy")
    elif isinstance(first, torch.dtype):
        names = ("dtype", "non_blocking", "copy")
    else:
        names = ("device", "dtype", "non_blocking", "copy")
    if len(args) > len(names) or not kwargs.keys() <= {*names, "memory_format"} - set(names[: len(args)]):
        raise _bad_to(args, kwargs)
    given = dict(zip(names, args, strict=False)) | kwargs
    device, dtype = given.get("device"), given.get("dtype")
    if names[0] == "tensor":
        device, dtype = first.device, first.dtype
    if not isinstance(device, (str, int, torch.device, type(None))) or not isinstance(dtype, (torch.dtype, type(None))):
        raise _bad_to(args, kwargs)
    if given.get("copy"):
        raise RuntimeError(".to() does not accept copy argument")
    device = None if device is None else torch.device(device)
    return device, dtype, given.get("non_blocking", False), given.get("memory_format")


def _bad_to(args, kwargs):
    given = ", ".join(type(a).__name__ for a in args)
    given += "".join(f"{name}={type(value).__name__}, " for name, value in kwargs.items())
    return TypeError(
        f"to() received an invalid combination of arguments - got ({given}), but expected one of:{_TO_FORMS}"
    )


def _check_module_dtype(dtype):
    if not (dtype.is_floating_point or dtype.is_complex):
        raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")
    if dtype.is_complex:
        warn(
            "Complex modules are a new feature under active development whose design may change, and some modules "
            "might not work as expected when using complex tensors as parameters or buffers. Please file an issue at "
            "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not work "
            "as expected."
        )
