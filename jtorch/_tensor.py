"""The Tensor class: what is not declared as an op.

Methods of ops (`x.add`, `x.sum_`) come from the registry; here are the Python protocol, the autograd
attributes, storage and conversions.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any

import numpy as np

from jtorch._declare import as_int, lies_in, registry
from jtorch._declare.dispatch import learn
from jtorch._declare.once import warn_of_graph, warn_once
from jtorch._declare.operators import operator_methods
from jtorch._declare.variants import cast_to, to_host
from jtorch._declare.verbs import lazy_bits
from jtorch._engine import backward
from jtorch._engine.backward import GradientEdge, RemovableHandle, accumulate_itself
from jtorch._engine.handle import Handle, alias, data_of, geometry, install_tensor, own_cell, read, version
from jtorch._engine.rows import refuse
from jtorch._engine.tape import threads
from jtorch._engine.writing import rebind
from jtorch._legacy import construct
from jtorch._ops.creation import from_numpy
from jtorch._ops.facts import is_nonzero
from jtorch._printing import tensor_repr
from jtorch._subclasses import as_subclass, disabled_dispatch, make_subclass, make_wrapper_subclass, torch_function
from jtorch._types import autograd_errors, errors, graph_errors, vmap_errors
from jtorch._types.device import device
from jtorch._types.dtype import dtype, get_default_dtype
from jtorch._types.layout import layout, strided
from jtorch._types.size import Size, unchecked_size
from jtorch._types.user_frame import warn


class Tensor(Handle):
    """A multi-dimensional array with a place in the autograd graph.

    https://docs.pytorch.org/docs/stable/tensors.html

    >>> import jtorch as torch
    >>> torch.Tensor([1, 2])
    tensor([1., 2.])
    """

    __module__ = "jtorch"
    __array_priority__ = 1000
    _is_param = False
    _any_grad_dtype = False
    name = None  # of Caffe2's tensors

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:
        found = construct(get_default_dtype(), args, kwargs, any_type=True)
        return found if cls is Tensor else make_subclass(cls, found)

    _make_subclass = staticmethod(make_subclass)
    _make_wrapper_subclass = staticmethod(make_wrapper_subclass)
    as_subclass = as_subclass
    __torch_function__ = classmethod(torch_function)
    __torch_dispatch__ = staticmethod(disabled_dispatch)

    # Plain facts

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return unchecked_size(self._v.aval.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        shape = self._v.aval.shape
        if dim is None:
            return unchecked_size(shape)
        return _entry("size", shape, dim)

    @property
    def dtype(self) -> dtype:
        """The element type."""
        return self._v.aval.dtype

    @property
    def device(self) -> device:
        """Where the tensor lives."""
        return self._v.aval.device

    @property
    def layout(self) -> layout:
        """Always `torch.strided`."""
        return strided

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._v.aval.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._v.aval.ndim

    ndimension = dim

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._v.aval.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._v.aval.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._v.aval.nbytes

    def stride(self, dim: int | None = None) -> Any:
        """Steps in elements between neighbours along each dimension."""
        found = geometry(self).stride
        if dim is None:
            return found
        return _entry("stride", found, dim)

    def storage_offset(self) -> int:
        """Elements before this tensor's first one in its storage."""
        return geometry(self).offset

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """True when the elements lie in row-major order, or in that of `memory_format`, without gaps."""
        return lies_in(self, memory_format)

    @property
    def _version(self) -> int:
        return version(self)

    # Autograd

    @property
    def requires_grad(self) -> bool:
        """True when gradients flow to or through this tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wish: bool) -> None:
        if self._node is not None:
            raise autograd_errors.requires_grad_non_leaf(wish)
        found = self._v.aval.dtype
        if wish and not (found.is_floating_point or found.is_complex):
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self.requires_grad_(wish)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Says whether gradients are wanted for this leaf."""
        if requires_grad and threads.tape.rows is not None:
            raise vmap_errors.requires_grad()
        if requires_grad == self._requires_grad:
            if requires_grad:
                accumulate_itself(self)
            return self
        if not requires_grad and self._node is not None:
            raise autograd_errors.requires_grad_non_leaf()
        found = self._v.aval.dtype
        if requires_grad and not (found.is_floating_point or found.is_complex):
            raise autograd_errors.requires_grad_dtype()
        if requires_grad and self._inference and not threads.tape.inference:
            raise autograd_errors.inference_requires_grad()
        self._requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """True for tensors no recorded operation made."""
        return self.grad_fn is None

    @property
    def grad_fn(self) -> Any:
        """The node that made this tensor."""
        if self._cell is not None:
            read(self)
            if self._stale and self._requires_grad:
                raise autograd_errors.view_modified(self._made)
        return self._node

    @property
    def output_nr(self) -> int:
        """Which result of its node this tensor is."""
        return self._index

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient."""
        if self._grad is None and self._node is not None and not self._retains:
            warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated for "
                "a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
                "mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for "
                "more information."
            )
        return self._grad

    @grad.setter
    def grad(self, new: Tensor | None) -> None:
        if new is not None:
            if not isinstance(new, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {errors.type_name(new)!r}"
                )
            if new is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if new.dtype is not self.dtype and not self._any_grad_dtype:
                raise autograd_errors.assigned_grad_dtype(new.dtype.type_name, self.dtype.type_name)
            if new._v.aval.shape != self._v.aval.shape:
                raise autograd_errors.assigned_grad_size(new._v.aval.shape, self._v.aval.shape)
        self._grad = new

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_dtype(self) -> dtype | None:
        """The dtype that `.grad` must have: the tensor's own, or None for any."""
        if self.grad_fn is not None:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        return None if self._any_grad_dtype else self.dtype

    @grad_dtype.setter
    def grad_dtype(self, wish: Any) -> None:
        if self.grad_fn is not None:
            raise RuntimeError("grad_dtype can only be set on leaf tensors.")
        if wish is not None and not isinstance(wish, dtype):
            raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {errors.type_name(wish)}")
        if wish not in (None, self.dtype):
            raise NotImplementedError("grad_dtype: gradients have the tensor's own dtype; cast them in a hook")
        self._any_grad_dtype = wish is None

    @property
    def _grad_fn(self) -> Any:
        return self.grad_fn

    @property
    def _backward_hooks(self) -> OrderedDict | None:
        node = self._node or self._accumulator
        found = None if node is None else node.tensor_hooks
        return found.get(self._index) if found else None

    @property
    def _cdata(self) -> int:
        return id(self)

    @property
    def volatile(self) -> bool:
        """Always False, with a warning."""
        warn("volatile was removed (Variable.volatile is always False)")
        return False

    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
        inputs: Any = None,
    ) -> None:  # fmt: skip
        """Accumulates the gradients of this tensor into the leaves it was made from."""
        backward_of((self,), (gradient,), retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same data outside the autograd graph."""
        return alias(self)

    def detach_(self) -> Tensor:
        """Takes this tensor out of the graph that made it; RuntimeError for a view, whose base has a say in it."""
        if self._is_view():
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._index, self._requires_grad = None, 0, False
        return self

    @property
    def data(self) -> Tensor:
        """The same data, unknown to autograd."""
        return data_of(self)

    @data.setter
    def data(self, new: Tensor) -> None:
        if not isinstance(new, Handle):
            raise autograd_errors.data_of_no_tensor(type(new).__name__)
        mine, other = self._v.aval, new._v.aval
        if (mine.device.type == "meta") != (other.device.type == "meta"):
            raise autograd_errors.data_type()
        if self._requires_grad and not (other.dtype.is_floating_point or other.dtype.is_complex):
            raise autograd_errors.data_dtype()
        rebind(self, new)

    @data.deleter
    def data(self) -> None:
        raise autograd_errors.data_deleted()

    def _is_view(self) -> bool:
        return self._base is not None

    def retain_grad(self) -> None:
        """Keeps the gradient of a tensor that is not a leaf."""
        if not self._requires_grad:
            raise autograd_errors.retain_without_grad()
        node = self._node
        if node is not None and self._index not in (node.retained or {}):
            node.retained = {**(node.retained or {}), self._index: _keeper(self)}
            node.hooked = True
            self._retains = True

    @property
    def retains_grad(self) -> bool:
        """True when `retain_grad` was called on a tensor that is not a leaf."""
        return self._node is not None and self._retains

    def register_hook(self, hook: Any) -> RemovableHandle:
        """Calls `hook(grad)` when the gradient of this tensor is computed; what it returns replaces it."""
        if not self._requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = self.grad_fn or backward.accumulator(self)
        if node.tensor_hooks is None:
            node.tensor_hooks = {}
        node.hooked = True
        hooks = node.tensor_hooks.setdefault(self._index, OrderedDict())
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        return handle

    def register_post_accumulate_grad_hook(self, hook: Any) -> RemovableHandle:
        """Calls `hook(tensor)` each time a gradient was added into this leaf's `.grad`."""
        if not self._requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._post_hooks is None:
            self._post_hooks = {}
        handle = RemovableHandle(self._post_hooks)
        self._post_hooks[handle.id] = hook
        return handle

    # Leaving the tape

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._v.aval.size != 1:
            raise errors.item_many(self._v.aval.size)
        if self._v.aval.device.type == "meta":
            raise errors.item_of_meta()
        refuse(self, vmap_errors.item)
        return to_host(self).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        refuse(self, vmap_errors.no_storage)
        return to_host(self).tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The tensor's own memory as a NumPy array."""
        if not isinstance(force, bool):
            raise errors.argument_type("numpy", "force", None, "bool", force)
        if force:
            return self.detach().resolve_conj().resolve_neg().cpu().numpy()
        if self._requires_grad:
            raise errors.numpy_requires_grad()
        if self.device.type != "cpu":
            raise errors.numpy_device(str(self.device))
        refuse(self, vmap_errors.no_storage)
        for bit, name, cure in zip(lazy_bits(self), ("conjugate", "negative"), ("conj", "neg"), strict=True):
            if bit:
                raise RuntimeError(
                    f"Can't call numpy() on Tensor that has {name} bit set. Use tensor.resolve_{cure}().numpy() "
                    "instead."
                )
        if self._v.aval.dtype.np.isbuiltin != 1:
            raise TypeError(f"Got unsupported ScalarType {self._v.aval.dtype.type_name}")
        return own_cell(self).export(geometry(self), self._v.aval.dtype.np)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        found = self.numpy()
        if copy is False and dtype is not None and found.dtype != dtype:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return found if dtype is None and not copy else found.astype(dtype or found.dtype, copy=bool(copy))

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
        return from_numpy(array.astype(np.uint8) if array.dtype == bool else array)

    @property
    def __cuda_array_interface__(self) -> Any:
        if self.device.type != "cuda":
            raise AttributeError(
                f"Can't get __cuda_array_interface__ on non-CUDA tensor type: {self.type()} If CUDA data is required "
                "use tensor.cuda() to copy tensor to device memory."
            )
        raise NotImplementedError(
            "__cuda_array_interface__: a GPU's memory is JAX's; share it through torch.utils.dlpack"
        )

    def _numpy_copy(self) -> np.ndarray:
        return to_host(self)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return tensor_repr(self)

    def __format__(self, format_spec: str) -> str:
        if self.ndim == 0 and type(self) is Tensor:
            return self.item().__format__(format_spec)
        return object.__format__(self, format_spec)

    def __bool__(self) -> bool:
        refuse(self, vmap_errors.control_flow)
        return is_nonzero(self)

    __nonzero__ = __bool__

    def __int__(self) -> int:
        return int(self._only("int64_t"))

    __long__ = __int__

    def __float__(self) -> float:
        warn_of_graph(self)
        return float(self._only("double"))

    def __complex__(self) -> complex:
        warn_of_graph(self)
        return complex(self._only())

    def _only(self, real: str = "") -> Any:
        """The one element; of a complex one the real part, for a number of the C type `real`."""
        if self._v.aval.size != 1:
            raise errors.number_many()
        found = self.item()
        if not real or not isinstance(found, complex):
            return found
        if found.imag:
            raise errors.value_overflow(real)
        return found.real

    def __index__(self) -> int:
        found = self.item() if self._v.aval.size == 1 else None
        if not isinstance(found, int):
            raise errors.not_an_index()
        return int(found)

    def __len__(self) -> int:
        if not self._v.aval.ndim:
            raise errors.len_zero_dim()
        return self._v.aval.shape[0]

    __hash__ = object.__hash__  # by identity; optimizers and modules look tensors up all the time

    def __delitem__(self, index: Any) -> None:
        raise TypeError("Tensor does not support deleting items")

    def __reversed__(self) -> Any:
        return self.flip(0) if self.ndim else self

    def __dir__(self) -> list[str]:
        unlisted = {"volatile"} if self.is_cuda else {"volatile", "__cuda_array_interface__"}
        return sorted({*filter(partial(hasattr, type(self)), dir(type(self))), *self.__dict__} - unlisted)


def _entry(function: str, entries: tuple[int, ...], dim: Any) -> int:
    """The size or stride at a dim."""
    place = as_int(dim)
    if place is None:
        raise errors.argument_type(function, "dim", 1, "int", dim)
    if not entries:
        raise errors.dim_of_scalar(place)
    if not -len(entries) <= place < len(entries):
        raise errors.dim_out_of_range(place, len(entries))
    return entries[place]


def _keeper(t: Tensor) -> Any:
    def keep(g: Any) -> None:
        t._grad = g if t._grad is None else t._grad + g

    return keep


def backward_of(tensors: Any, gradients: Any, retain_graph: Any, create_graph: bool, inputs: Any = None) -> None:
    """Shared by `Tensor.backward` and `autograd.backward`."""
    if threads.tape.rows is not None:
        raise vmap_errors.backward()
    if inputs is not None:
        inputs = (inputs,) if isinstance(inputs, (Tensor, GradientEdge)) else tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    grads = root_gradients(tensors, gradients)
    if inputs is not None and not all(isinstance(x, GradientEdge) or x._requires_grad for x in inputs):
        raise autograd_errors.retain_without_grad()
    if create_graph:
        warn_once(
            "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
            "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid "
            "this. If you have to use this function, make sure to reset the .grad fields of your parameters to None "
            "after use to break the cycle and avoid the leak."
        )
    keep = create_graph if retain_graph is None else retain_graph
    backward.run_backward(tensors, grads, keep, create_graph, inputs)


def root_gradients(tensors: Any, gradients: Any) -> list:
    """Gradients to start from: ones for scalars, checked shapes for the rest."""
    if len(gradients) < len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    found = []
    for i, (t, g) in enumerate(zip(tensors, gradients, strict=False)):
        if not isinstance(t, GradientEdge) and not t._requires_grad:
            raise autograd_errors.no_grad_fn(i)
        aval = backward.aval_of_root(t)
        if g is None:
            if aval.size != 1:
                raise autograd_errors.grad_scalar_only()
            if aval.dtype.is_complex:
                raise autograd_errors.grad_real_only(str(aval.dtype))
            g = backward.ones(aval)
        elif g._v.aval.shape != aval.shape:
            raise autograd_errors.grad_shape(i, g._v.aval.shape, aval.shape)
        elif g._v.aval.dtype is not aval.dtype:
            if g._v.aval.dtype.is_complex or aval.dtype.is_complex:
                raise graph_errors.complex_grad_dtype(i, g._v.aval.dtype, aval.dtype)
            g = cast_to(g, aval.dtype)
        found.append(g)
    return found


def _install_operators() -> None:
    for name, method in operator_methods(registry.namespace("torch")).items():
        setattr(Tensor, name, method)


def _refuse_writes() -> None:
    """Gives each property without a setter torch's error."""
    for name, found in list(vars(Tensor).items()):
        if isinstance(found, property) and found.fset is None:
            setattr(Tensor, name, property(found.fget, _not_writable(name), found.fdel, found.__doc__))


def _not_writable(name: str) -> Any:
    def refuse(self: Tensor, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch._C.TensorBase' objects is not writable")

    return refuse


install_tensor(Tensor)
learn(Tensor)
registry.install_methods(Tensor)
_install_operators()
_refuse_writes()
