"""What torch.nn.functional shows of how functions are chosen: by an argument, or by an operand's own class.

https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-python-api
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jtorch._declare import composite


@composite(method=False)
def assert_int_or_pair(arg: Any, arg_name: str, message: str) -> None:
    """AssertionError unless an argument is an int or two of them."""
    assert isinstance(arg, int) or len(arg) == 2, message.format(arg_name)


@composite(method=False)
def boolean_dispatch(
    arg_name: str, arg_index: int, default: bool, if_true: Callable, if_false: Callable, module_name: str,
    func_name: str,
) -> Callable:  # fmt: skip
    """A function that calls one of two, as one of its arguments says."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        wish = kwargs.get(arg_name, args[arg_index] if arg_index < len(args) else default)
        return (if_true if wish else if_false)(*args, **kwargs)

    first, second = if_true.__doc__, if_false.__doc__
    if first is not None and second is not None:
        raise RuntimeError("only one function can have a docstring")
    fn.__doc__ = first if first is not None else second
    fn.__module__, fn.__name__ = module_name, func_name
    return fn


def _overrides(x: Any) -> bool:
    return hasattr(type(x), "__torch_function__")


@composite(method=False)
def has_torch_function(args: Iterable) -> bool:
    """True when the class of one of these brings its own `__torch_function__`.

    jtorch's own functions do not ask for it: what such a class defines is called by `handle_torch_function` alone.
    """
    return any(map(_overrides, args))


@composite(method=False)
def has_torch_function_unary(obj: Any) -> bool:
    """`has_torch_function` of one object."""
    return _overrides(obj)


@composite(method=False)
def has_torch_function_variadic(*args: Any) -> bool:
    """`has_torch_function` of the arguments."""
    return has_torch_function(args)


@composite(method=False)
def handle_torch_function(public_api: Callable, relevant_args: Iterable, *args: Any, **kwargs: Any) -> Any:
    """Asks each class that brings its own `__torch_function__`, subclasses first, until one answers."""
    found: list = []
    for x in relevant_args:
        if _overrides(x) and type(x) not in map(type, found):
            place = next((i for i, old in enumerate(found) if issubclass(type(x), type(old))), len(found))
            found.insert(place, x)
    types = tuple(map(type, found))
    for x in found:
        result = x.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{public_api.__module__}.{public_api.__name__}"
    raise TypeError(f"no implementation found for '{name}' on types that implement __torch_function__: {list(types)}")
