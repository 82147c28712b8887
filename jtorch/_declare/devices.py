"""On which device an op runs, and torch's errors where its tensors are on several.

A number that is a tensor of the CPU without dimensions may stand beside tensors of an accelerator where torch's kernel
goes element by element; the program then takes it over. All else must be on one device.
"""

from __future__ import annotations

from typing import Any

from jtorch._declare.roles import OPERANDS
from jtorch._engine.aval import Aval
from jtorch._engine.backend import devices_of
from jtorch._types import cpu, meta
from jtorch._types.device import device
from jtorch._types.device_errors import no_cuda_library

# Beside the pointwise families.
_ELEMENTWISE = frozenset({"where", "masked_fill", "index_fill", "lerp", "clamp", "isclose"})
# torch's kernels that are named otherwise than the op, and their arguments in its order by the names of ours.
_KERNELS: dict[str, tuple[str, dict[str, str]]] = {
    "embedding": ("_index_select", {"weight": "self", "indices": "index"}),
    "layer_norm": ("_native_layer_norm", {"input": "input", "weight": "weight", "bias": "bias"}),
    "group_norm": ("_native_group_norm", {"input": "input", "weight": "weight", "bias": "bias"}),
    "batch_norm": ("_native_batch_norm", {"input": "input", "weight": "weight", "bias": "bias"}),
    "nll_loss": ("nll_loss_forward", {"input": "self", "target": "target", "weight": "weight"}),
    "cross_entropy": ("nll_loss_forward", {"input": "self", "target": "target", "weight": "weight"}),
    "addmm": ("addmm", {"bias": "self", "input": "mat1", "weight": "mat2", "mat1": "mat1", "mat2": "mat2"}),
    "mm": ("mm", {"input": "self", "weight": "mat2", "mat2": "mat2", "other": "mat2"}),
    "bmm": ("bmm", {"input": "self", "mat2": "mat2", "other": "mat2"}),
    "addmv": ("addmv", {"input": "self", "other": "vec"}),
    "dot": ("_dot", {"input": "self", "other": "tensor", "tensor": "tensor"}),
}
# Kernels made from a description of shapes are named as they are; others have an empty overload before the name.
_STRUCTURED = frozenset("addbmm addmv baddbmm cat gather index_add scatter scatter_add sort topk".split())
_BACKENDS = {"cuda": "CUDA", "xla": "XLA", "meta": "Meta"}


def several_devices(one: device, other: device) -> RuntimeError:
    """The error of a kernel that goes element by element, and of writing what is on another device."""
    return RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, {one} and {other}!"
    )


def has_cuda() -> bool:
    """Whether there is such a device, be it a fake one."""
    return bool(devices_of("cuda"))


def check_cuda() -> None:
    """torch's error where there is none."""
    if not has_cuda():
        raise no_cuda_library()


def device_of(specs: tuple) -> device:
    """The device an op runs on: that of its tensors on an accelerator, else the CPU."""
    return next((s.device for s in specs if isinstance(s, Aval) and s.device != cpu), cpu)


def check_devices(op: Any, specs: tuple) -> None:
    """Raises torch's error when an op's tensors may not meet."""
    arrays = [s for s in specs if isinstance(s, Aval)]
    if len({s.device for s in arrays}) < 2:
        return
    if any(s.device == meta for s in arrays):
        _check_meta(op, arrays)
        return
    lists = any(p.kind == "arrays" for p in op.params)
    if _elementwise(op) and not lists:
        check_elementwise(arrays)
    elif op.name.startswith("conv"):
        raise _convolution(arrays[0], arrays[1])
    else:
        raise _of_argument(op, specs)


def _elementwise(op: Any) -> bool:
    return op.kind is not None or op.name.strip("_") in _ELEMENTWISE


def _check_meta(op: Any, arrays: list[Aval]) -> None:
    """On `meta` torch looks at shapes alone: products take what they get, the rest is told by the first tensor."""
    expected = arrays[0].device
    if expected == meta and not _elementwise(op):
        return
    other = next((s.device for s in arrays if s.device != expected and (s.device == meta or s.ndim)), None)
    if other is not None:
        raise RuntimeError(f"Tensor on device {other} is not on the expected device {expected}!")


def check_elementwise(arrays: list[Aval]) -> None:
    """Raises torch's error unless all are on one device or are single numbers of the CPU."""
    common = device_of(tuple(arrays))
    other = next((s.device for s in arrays if s.device != common and (s.device != cpu or s.ndim)), None)
    if other is not None:
        raise several_devices(common, other)


def check_indices_on(aval: Aval, index: list[Aval]) -> None:
    """Index tensors are on the CPU or beside the tensor they index."""
    if any(i.device not in (aval.device, cpu) for i in index):
        raise RuntimeError(
            f"indices should be either on cpu or on the same device as the indexed tensor ({aval.device})"
        )


def _convolution(input: Aval, weight: Aval) -> RuntimeError:
    also = " or input should be a MKLDNN tensor and weight is a dense tensor" if input.device == cpu else ""
    return RuntimeError(f"Input type ({_type(input)}) and weight type ({_type(weight)}) should be the same{also}")


def _type(aval: Aval) -> str:
    space = "" if aval.device == cpu else f"{aval.device.type}."
    return f"torch.{space}{aval.dtype.type_name}Tensor"


def _of_argument(op: Any, specs: tuple) -> RuntimeError:
    """The error of a kernel that names the argument."""
    name, given = _call(op, specs)
    expected = given[0][1].device
    argument, found = next((a, s.device) for a, s in given if s.device != expected)
    backend = _BACKENDS.get(device_of(specs).type, "")
    return RuntimeError(
        f"Expected all tensors to be on the same device, but got {argument} is on {found}, different from other "
        f"tensors on {expected} (when checking argument in method wrapper_{backend}_{name})"
    )


def _call(op: Any, specs: tuple) -> tuple[str, list[tuple[str, Aval]]]:
    """torch's kernel and its tensors with their names, in its order."""
    data = [p for p in op.params if p.kind in OPERANDS]
    if any(p.kind == "arrays" for p in data):
        return _overloaded(op.name), [("tensors", s) for s in specs if isinstance(s, Aval)]
    named = {p.name: s for p, s in zip(data, specs, strict=True) if isinstance(s, Aval)}
    kernel = _product(op.name, list(named.values())) if op.name in ("linear", "matmul") else op.name.strip("_")
    if kernel not in _KERNELS:
        return _overloaded(kernel), [("self" if n == "input" else n, s) for n, s in named.items()]
    kernel, arguments = _KERNELS[kernel]
    given = [(theirs, named.pop(ours)) for ours, theirs in arguments.items() if ours in named]
    return kernel, [*given, *named.items()]


def _overloaded(name: str) -> str:
    name = name.strip("_")
    return name if name in _STRUCTURED else f"_{name}"


def _product(name: str, arrays: list[Aval]) -> str:
    """Which product of matrices torch makes of `linear` and `matmul`."""
    if name == "linear" and len(arrays) == 3:
        return "addmm"
    if name == "linear" or arrays[1].ndim == 2:
        return "mm"
    if arrays[1].ndim == 1:
        return "dot" if arrays[0].ndim == 1 else "addmv"
    return "bmm"
