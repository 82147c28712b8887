"""Views in place: the tensor becomes its own view.

https://docs.pytorch.org/docs/stable/tensor_view.html
"""

from __future__ import annotations

import inspect
from typing import Any

from jtorch._declare import registry
from jtorch._declare.draws import check_writable
from jtorch._declare.verbs import become
from jtorch._ops.views import as_strided, squeeze, t, transpose, unsqueeze


def _named_in_place(node: str) -> str:
    """torch's name of the node: it counts the overloads in place after the others, `SqueezeBackward0` to `2`."""
    stem, number = node.rsplit("Backward", 1)
    return f"{stem}Backward{int(number) + (3 if stem == 'Squeeze' else 1)}"


def in_place(name: str, fn: Any) -> None:
    """Declares the method that makes a tensor its own view."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            shown = fn(self, *args, **kwargs)
        except RuntimeError as error:
            check_writable(self)
            if name == "t_":  # the one whose error names the form in place
                raise RuntimeError(str(error).replace("t()", "t_()")) from None
            raise
        return become(self, shown, _named_in_place)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"In-place version of `{name[:-1]}`."
    method.__signature__ = inspect.signature(fn)  # type: ignore[attr-defined]  # inspect looks for it
    registry.add_method(name, method)
    if name == "as_strided_":
        registry.add_function("torch", name, method)


for _name, _fn in {
    "squeeze_": squeeze, "unsqueeze_": unsqueeze, "transpose_": transpose,
    "swapdims_": transpose, "t_": t, "as_strided_": as_strided,
}.items():  # fmt: skip
    in_place(_name, _fn)
