"""Tensors a module owns: :class:`Parameter` is learned, :class:`Buffer` is state."""

from __future__ import annotations

from collections import OrderedDict

from jtorch import _root as torch
from jtorch._declare.dispatch import disabled, overrides
from jtorch._storage import own_attributes

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


class _ParameterMeta(type(torch.Tensor)):
    """A tensor of a class of its own stays of it as a parameter and gets a mark, for which ``isinstance`` looks."""

    def __instancecheck__(cls, instance):
        if cls is Parameter and isinstance(instance, torch.Tensor):
            return instance._is_param
        return super().__instancecheck__(instance)


class Parameter(torch.Tensor, metaclass=_ParameterMeta):
    """A tensor that becomes one of the module's parameters when it is assigned to an attribute.

    It shares the memory of ``data`` and is a leaf. ``requires_grad=True`` on an integer tensor raises ``RuntimeError``.

    >>> import jtorch as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __torch_function__ = disabled
    _is_param = True

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = torch.empty(0)
        if overrides(type(data)):
            return _of_its_class(data, requires_grad)
        if not isinstance(data, torch.Tensor):
            data = data.detach()
        return torch.Tensor._make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, proto):
        state = own_attributes(self)
        if state:
            return _rebuild_parameter_with_state, (self.data, self.requires_grad, OrderedDict(), state)
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict())


def _of_its_class(data, requires_grad):
    found = data.detach().requires_grad_(requires_grad)
    if type(found) is not type(data):
        raise RuntimeError(
            f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns an "
            f"instance of the same type, but return type {type(found).__name__} was found instead. To use the type as "
            "a Parameter, please correct the detach() semantics defined by its __torch_dispatch__() implementation."
        )
    found._is_param = True
    return found


# The names and arguments are those of torch's file format; the third, the hooks, is always empty in a file.
def _rebuild_parameter(data, requires_grad, backward_hooks):
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    parameter = Parameter(data, requires_grad)
    vars(parameter).update(state)
    return parameter


class _BufferMeta(type(torch.Tensor)):
    """A buffer is a plain tensor with a mark, so ``isinstance`` looks for the mark."""

    def __instancecheck__(cls, instance):
        if cls is Buffer and isinstance(instance, torch.Tensor):
            return getattr(instance, "_is_buffer", False)
        return super().__instancecheck__(instance)


class Buffer(torch.Tensor, metaclass=_BufferMeta):
    """A tensor that becomes one of the module's buffers when it is assigned to an attribute.

    ``persistent=False`` keeps it out of the ``state_dict``.

    >>> import jtorch as torch
    >>> m = torch.nn.Module()
    >>> m.mean = torch.nn.Buffer(torch.zeros(2))
    >>> list(m.state_dict())
    ['mean']
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = torch.empty(0)
        buffer = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer


def is_lazy(param):
    """True for a parameter or buffer whose shape is not known yet.

    >>> import jtorch as torch
    >>> torch.nn.parameter.is_lazy(torch.nn.Parameter(torch.zeros(1)))
    False
    """
    return isinstance(param, UninitializedTensorMixin)


_CALL_FORWARD = "Call `forward` to initialize the parameters before accessing their attributes."


class UninitializedTensorMixin:
    """A tensor without a shape: it has a dtype and a device, and waits for :meth:`materialize`."""

    # What modules and optimizers do with any parameter.
    _allowed_methods = frozenset(
        getattr(torch.Tensor, name)
        for name in (
            "__hash__ size copy_ is_complex is_floating_point half float double char short int long cuda cpu to "
            "get_device"
        ).split()
    )
    cls_to_become = torch.Tensor

    def materialize(self, shape, device=None, dtype=None):
        """Takes a shape, with whatever memory held, and is an ordinary parameter or buffer from then on."""
        device = self.data.device if device is None else device
        self.data = torch.empty(shape, device=device, dtype=self.data.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. " + _CALL_FORWARD
        )

    def share_memory_(self):
        """Refused until there is memory."""
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer. " + _CALL_FORWARD)

    def __repr__(self):
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, proto):
        return type(self), (self.requires_grad,)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        # What reads or sets an attribute comes as the slot of a property.
        if func in cls._allowed_methods or type(func).__name__ == "method-wrapper":
            return super().__torch_function__(func, types, args, kwargs or {})
        shown = f"<method '{func.__name__}' of 'torch._C.TensorBase' objects>"
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {shown}. This error happens when you are using a "
            "`LazyModule` or explicitly manipulating `torch.nn.parameter.UninitializedParameter` objects. When using "
            "LazyModules Call `forward` with a dummy batch to initialize the parameters before calling torch functions"
        )


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is found when data comes.

    >>> import jtorch as torch
    >>> p = torch.nn.UninitializedParameter()
    >>> p.materialize((2, 3))
    >>> p.shape
    torch.Size([2, 3])
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return torch.Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, torch.Tensor):
    """A buffer whose shape is found when data comes."""

    cls_to_become = torch.Tensor

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        found = torch.Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)
        found.persistent = persistent
        found._is_buffer = True
        return found
