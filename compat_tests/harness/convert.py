"""Carries values from real torch to jtorch and back.

Tensors travel as NumPy arrays; what NumPy has no dtype for (bfloat16, float8) travels as float32,
which holds it exactly, complex32 as pairs of float16.
Names carry the rest: a dtype, device, layout or memory format on one side is the one of the same name on the other.
"""

import dataclasses
import enum
from typing import Any

import numpy as np
import torch

import jtorch

NAMED_CLASSES = (torch.dtype, torch.layout, torch.memory_format)
NOT_IN_NUMPY = {
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2,
    torch.float8_e5m2fnuz,
}
PLAIN = (bool, int, float, complex, str, bytes, slice, type(None), type(Ellipsis), np.generic)


COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


class Unsupported(Exception):
    """A value with no counterpart: quantized tensors, modules."""


def dtype_to_jtorch(dtype: torch.dtype) -> Any:
    name = str(dtype).removeprefix("torch.")
    if not hasattr(jtorch, name):
        raise Unsupported(f"dtype {name}")
    return getattr(jtorch, name)


def dtype_to_torch(dtype: Any) -> torch.dtype:
    return getattr(torch, str(dtype).removeprefix("torch."))


def memory_order(tensor: torch.Tensor) -> list[int]:
    """The dimensions from the outermost in memory to the innermost, where the elements lie without holes."""
    plain = list(range(tensor.dim()))
    if tensor.is_contiguous():
        return plain
    order = sorted(plain, key=lambda place: -tensor.stride(place))
    return order if tensor.permute(order).is_contiguous() else plain


def sparse_parts(tensor: Any) -> tuple:
    """The index tensors and the values of a sparse tensor of either side."""
    if tensor.is_sparse:
        return tensor._indices(), tensor._values()
    if str(tensor.layout) in ("torch.sparse_csr", "torch.sparse_bsr"):
        return tensor.crow_indices(), tensor.col_indices(), tensor.values()
    return tensor.ccol_indices(), tensor.row_indices(), tensor.values()


def sparse_of(lib: Any, parts: list, like: Any) -> Any:
    """The sparse tensor of one library made of parts, in the layout of a tensor of the other."""
    size = tuple(like.shape)
    if like.is_sparse:
        return lib.sparse_coo_tensor(*parts, size, is_coalesced=like.is_coalesced())
    return lib.sparse_compressed_tensor(*parts, size, layout=getattr(lib, str(like.layout).removeprefix("torch.")))


def tensor_to_jtorch(tensor: torch.Tensor) -> Any:
    if tensor.layout is torch.sparse_coo or tensor.layout in COMPRESSED:
        result = sparse_of(jtorch, [tensor_to_jtorch(part) for part in sparse_parts(tensor.detach())], tensor)
        return result.requires_grad_() if tensor.requires_grad else result
    if tensor.is_meta and tensor.layout is torch.strided:
        dtype = dtype_to_jtorch(tensor.dtype)
        return jtorch.empty_strided(tuple(tensor.shape), tensor.stride(), dtype=dtype, device="meta")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise Unsupported(f"{tensor.layout} tensor on {tensor.device}")
    if tensor.dim() > 64:  # more than NumPy has
        result = tensor_to_jtorch(tensor.detach().reshape(-1)).reshape(tuple(tensor.shape))
        return result.requires_grad_() if tensor.requires_grad else result
    dtype = dtype_to_jtorch(tensor.dtype)
    plain = tensor.detach().resolve_conj().resolve_neg()
    if tensor.dtype is torch.complex32:
        pairs = tensor_to_jtorch(torch.view_as_real(plain))
        result = jtorch.complex(pairs[..., 0], pairs[..., 1])
        return result.requires_grad_() if tensor.requires_grad else result
    if tensor.dtype in NOT_IN_NUMPY:
        plain = plain.float()
    order = memory_order(plain)
    # a clone, because a tensor whose memory NumPy has seen can never be resized again
    result = jtorch.tensor(np.array(plain.permute(order).clone().numpy(), order="C"), dtype=dtype)
    if order != sorted(order):
        result = result.permute(*(order.index(place) for place in range(len(order))))
    if tensor.requires_grad:
        result.requires_grad_()
    return result


def generator_to_jtorch(generator: torch.Generator) -> Any:
    result = jtorch.Generator()
    result.set_state(tensor_to_jtorch(generator.get_state()))
    return result


def tensor_to_torch(tensor: Any) -> torch.Tensor:
    """The values of a jtorch tensor as a torch tensor of the same dtype; requires_grad is not carried."""
    if str(tensor.layout) != "torch.strided":
        return sparse_of(torch, [tensor_to_torch(part) for part in sparse_parts(tensor.detach())], tensor)
    dtype = dtype_to_torch(tensor.dtype)
    if dtype is torch.complex32:
        pairs = tensor_to_torch(jtorch.view_as_real(tensor.detach()))
        return torch.complex(pairs[..., 0], pairs[..., 1])
    plain = (tensor.detach() if tensor.device.type == "cpu" else tensor.detach().cpu()).resolve_conj().resolve_neg()
    if dtype in NOT_IN_NUMPY:
        plain = plain.float()
    return torch.from_numpy(np.array(plain.numpy(), copy=True)).to(dtype)


class ToJtorch:
    """Converts one call's arguments: a tensor that occurs twice is one tensor on the other side too."""

    def __init__(self) -> None:
        self.seen: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self.seen:
                self.seen[id(value)] = tensor_to_jtorch(value)
            return self.seen[id(value)]
        if isinstance(value, torch.dtype):
            return dtype_to_jtorch(value)
        if isinstance(value, NAMED_CLASSES):
            return getattr(jtorch, str(value).removeprefix("torch."))
        if isinstance(value, torch.nn.PairwiseDistance):
            return jtorch.nn.PairwiseDistance(value.norm, value.eps, value.keepdim)
        if isinstance(value, torch.Generator):
            return generator_to_jtorch(value)
        if isinstance(value, torch.device):
            return jtorch.device(str(value))
        if isinstance(value, torch.Size):
            return jtorch.Size(value)
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self(item) for item in value)
        if isinstance(value, np.ndarray):
            return value.copy()
        if isinstance(value, PLAIN) or value in (bool, int, float, complex):
            return value
        if isinstance(value, enum.Enum) or dataclasses.is_dataclass(value) or hasattr(type(value), "__members__"):
            return value  # options without tensors in them, which jtorch only reads
        raise Unsupported(type(value).__name__)


def to_jtorch(value: Any) -> Any:
    return ToJtorch()(value)
