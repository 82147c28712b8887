"""torch.autograd.forward_ad: derivatives carried along with the values.

https://docs.pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation
"""

from __future__ import annotations

from typing import Any, NamedTuple

from jtorch._engine import forward
from jtorch._engine.handle import Handle
from jtorch._engine.tape import forward_mode
from jtorch._types import errors, graph_errors
from jtorch.autograd.modes import Mode


class UnpackedDualTensor(NamedTuple):
    """The two parts of a dual tensor."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Opens a forward-mode level and returns its number; levels do not nest."""
    return forward.enter()


def exit_dual_level(*, level: int | None = None) -> None:
    """Closes the level; all tangents end with it."""
    level = forward_mode.level if level is None else level
    if level < 0:
        raise RuntimeError("Dual level must be a positive number.")
    if level != forward_mode.level:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    forward.leave()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A view of `tensor` that carries `tangent`, a tensor of its shape.

    >>> import jtorch as torch
    >>> import jtorch.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]))
    ...     fwAD.unpack_dual(x * x).tangent
    tensor([2., 0.])
    """
    if (forward_mode.level if level is None else level) < 0:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, x in (("primal", tensor), ("tangent", tangent)):
        if not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {x.dtype}")
    if tensor._tangent is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not "
            "supported."
        )
    if tensor.shape != tangent.shape:
        raise graph_errors.tangent_size(tensor.shape, tangent.shape)
    dual = tensor.view_as(tensor)
    forward.carry(dual, tangent)
    return dual


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of a tensor without its tangent, and the tangent or None.

    >>> import jtorch as torch
    >>> torch.autograd.forward_ad.unpack_dual(torch.ones(2)).tangent is None
    True
    """
    if (forward_mode.level if level is None else level) < 0:
        return UnpackedDualTensor(tensor, None)
    if not isinstance(tensor, Handle):
        raise errors.argument_type("_unpack_dual", "dual", 1, "Tensor", tensor)
    with forward.without_tangents():
        primal = tensor.view_as(tensor)  # type: ignore[attr-defined]  # every handle users see is a Tensor
    return UnpackedDualTensor(primal, tensor._tangent)


class dual_level(Mode):
    """A `with` block inside which tensors may carry tangents.

    >>> import jtorch as torch
    >>> with torch.autograd.forward_ad.dual_level() as level:
    ...     print(level)
    0
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]
