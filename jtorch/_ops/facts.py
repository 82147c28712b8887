"""Plain facts about tensors, as functions and attributes.

https://docs.pytorch.org/docs/stable/torch.html#tensors
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jtorch._declare import Handle, composite, errors, placement, promote, registry
from jtorch._declare.op import weighed
from jtorch._declare.types import PYTHON_DTYPES, dtype, get_default_dtype
from jtorch._declare.verbs import lazy_bits
from jtorch._ops.arguments import check_tensor


@composite(method=False)
def is_tensor(obj: Any) -> bool:
    """True for tensors.

    >>> import jtorch as torch
    >>> torch.is_tensor(torch.zeros(1)), torch.is_tensor([0])
    (True, False)
    """
    return isinstance(obj, Handle)


@composite(method=False)
def is_storage(obj: Any) -> bool:
    """True for storages."""
    return type(obj).__module__ == "jtorch.storage" and type(obj).__name__ in ("UntypedStorage", "TypedStorage")


@composite(method=False)
def typename(obj: Any) -> str:
    """The name of an object's type: a tensor's with its dtype, others' with their module.

    >>> import jtorch as torch
    >>> torch.typename(torch.zeros(1, dtype=torch.int64)), torch.typename(3)
    ('torch.LongTensor', 'int')
    """
    if isinstance(obj, Handle):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(obj, "__module__", None) or named.__module__
    if module in (None, "builtins"):
        return named.__qualname__
    return f"{module.removeprefix('j') if module.startswith('jtorch.') else module}.{named.__qualname__}"


@composite
def numel(input: Any) -> int:
    """The number of elements."""
    check_tensor("numel", input)
    return input._v.aval.size


@composite
def is_floating_point(input: Any) -> bool:
    """True for floating-point types."""
    check_tensor("is_floating_point", input)
    return input._v.aval.dtype.is_floating_point


@composite
def is_complex(input: Any) -> bool:
    """True for complex types."""
    check_tensor("is_complex", input)
    return input._v.aval.dtype.is_complex


@composite
def is_signed(input: Any) -> bool:
    """True for types with negative numbers."""
    check_tensor("is_signed", input)
    return input._v.aval.dtype.is_signed


@composite
def is_inference(input: Any) -> bool:
    """True for a tensor made in inference mode."""
    check_tensor("is_inference", input)
    return input._inference


registry.add_method("nelement", numel)


@composite
def is_conj(input: Any) -> bool:
    """True where the tensor's memory holds the conjugates of its elements."""
    check_tensor("is_conj", input)
    return lazy_bits(input)[0]


@composite
def is_neg(input: Any) -> bool:
    """True where the tensor's memory holds the negatives of its elements."""
    check_tensor("is_neg", input)
    return lazy_bits(input)[1]


@composite
def is_distributed(input: Any) -> bool:
    """Always False, as in torch."""
    check_tensor("is_distributed", input)
    return False


@composite
def is_nonzero(input: Any) -> bool:
    """The truth of a tensor of one element."""
    check_tensor("is_nonzero", input)
    size = input._v.aval.size
    if size != 1:
        raise errors.bool_ambiguous(size)
    return bool(input.item())


@composite
def is_same_size(input: Any, other: Any) -> bool:
    """True when two tensors have the same shape."""
    check_tensor("is_same_size", input)
    if not isinstance(other, Handle):
        raise errors.argument_type("is_same_size", "other", 2, "Tensor", other)
    return input._v.aval.shape == other._v.aval.shape


@composite
def get_device(input: Any) -> int:
    """The number of the tensor's accelerator; -1 on the CPU."""
    check_tensor("get_device", input)
    found = input._v.aval.device
    return -1 if found.index is None else found.index


@composite(method=False, forms=("tensor, other", "scalar, tensor", "scalar1, scalar2"))
def result_type(*given: Any, **named: Any) -> dtype:
    """The dtype of `tensor + other`; either may be a number.

    >>> import jtorch as torch
    >>> torch.result_type(torch.ones(2, dtype=torch.int8), 1.5)
    torch.float32
    """
    for names in (("tensor", "other"), ("scalar", "tensor"), ("scalar1", "scalar2")):
        if named and named.keys() == set(names[len(given) :]):
            given = (*given, *(named[n] for n in names[len(given) :]))
            break
    if len(given) != 2 or not all(isinstance(x, Handle) or type(x) in PYTHON_DTYPES for x in given):
        raise errors.invalid_combination("result_type", given, {}, list(_refused(given)))
    operands = tuple(weighed(x._v.aval if isinstance(x, Handle) else type(x)) for x in given)
    return promote.result_type(operands, get_default_dtype())


def _refused(given: tuple) -> Iterator[str]:
    """torch's overloads, each with the reason why it does not take these arguments."""
    for signature in ("Tensor tensor, Tensor other", "Number scalar, Tensor tensor",
                      "Tensor tensor, Number other", "Number scalar1, Number scalar2"):  # fmt: skip
        marked = [
            found if found == "Tensor" and wanted.startswith(found) else f"!{found}!"
            for wanted, found in zip(signature.split(", "), map(errors.type_name, given), strict=False)
        ]
        yield f"{signature}\nsome of the arguments have invalid types: ({', '.join(marked)})"


registry.add_function("torch", "get_default_device", placement.get_default_device)
registry.add_function("torch", "set_default_device", placement.set_default_device)


def _flag(name: str, kind: str) -> None:
    registry.add_method(name, property(lambda self: self._v.aval.device.type == kind, doc=f"True on {kind} devices."))


for _name, _kind in {
    "is_cuda": "cuda",
    "is_cpu": "cpu",
    "is_xpu": "xpu",
    "is_mps": "mps",
    "is_xla": "xla",
    "is_meta": "meta",
}.items():
    _flag(_name, _kind)
for _name in (
    "is_sparse",
    "is_sparse_csr",
    "is_quantized",
    "is_mkldnn",
    "is_nested",
    "is_vulkan",
    "is_ipu",
    "is_mtia",
    "is_maia",
):
    registry.add_method(_name, property(lambda self: False, doc="Always False: jtorch has no such tensors."))


@composite(function=False)
def sum_to_size(self: Any, *size: Any) -> Any:
    """Summed over the dimensions that broadcasting to this shape from `size` would have made."""
    target = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    shape = self._v.aval.shape
    lead = len(shape) - len(target)
    if lead < 0 or any(n not in (1, m) for n, m in zip(target, shape[lead:], strict=False)):
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(shape)}}}.")
    if not target:
        return self.sum()
    over = (*range(lead), *(lead + d for d, n in enumerate(target) if n == 1 and shape[lead + d] != 1))
    return self.sum(over, keepdim=True).reshape(target) if over else self
