"""Methods of sparse tensors that no stand-in gives: indexing, new tensors, operations in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch import _root as torch
from jtorch.sparse import _shape
from jtorch.sparse._arithmetic import UNARY
from jtorch.sparse._tensor import SparseTensor, become, is_sparse

_OPERATORS = {"__iadd__": "add", "__isub__": "sub", "__imul__": "mul", "__itruediv__": "div"}


def _in_place(name: str, function: Callable) -> Callable:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return become(self, function(self, *args, **kwargs))

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"`{name.strip('_')}` in place."
    return method


def _copied(self: Any, src: Any, non_blocking: bool = False) -> Any:
    if not is_sparse(src):
        raise RuntimeError(
            "copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{self.type()} and src type = {src.type()}"
        )
    return src.to(self.dtype).clone()


def _refusing(name: str) -> Callable:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name} does not take tensors with layout {self.layout}: use .to_dense() first")

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "Refused: the result would not be sparse."
    return method


for _name in ("add", "sub", "mul", "div", "pow", "square", "relu", "floor_divide", *UNARY):
    setattr(SparseTensor, f"{_name}_", _in_place(f"{_name}_", getattr(torch.Tensor, _name)))
for _name, _of in _OPERATORS.items():
    setattr(SparseTensor, _name, _in_place(_name, getattr(torch.Tensor, _of)))
for _name, _function in {"copy_": _copied, "zero_": _shape.zeros_like}.items():
    setattr(SparseTensor, _name, _in_place(_name, _function))
for _name in ("new_ones", "new_full", "fill_", "resize_", "set_", "__setitem__"):
    setattr(SparseTensor, _name, _refusing(_name))
SparseTensor.__getitem__ = _shape.item_of
SparseTensor.narrow_copy = _shape.narrow_copy
SparseTensor.new_zeros = SparseTensor.new_empty = _shape.new_zeros
