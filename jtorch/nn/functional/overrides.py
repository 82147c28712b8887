"""What torch.nn.functional shows of how functions are chosen: by an argument, or by an operand's own class.

https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-python-api
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jtorch._declare import composite, dispatch


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


@composite(method=False)
def has_torch_function(args: Iterable) -> bool:
    """True when somebody may answer a call with these arguments: a class with a `__torch_function__` of its own, or a
    mode."""
    return dispatch.seen(args)


@composite(method=False)
def has_torch_function_unary(obj: Any) -> bool:
    """`has_torch_function` of one object."""
    return dispatch.seen((obj,))


@composite(method=False)
def has_torch_function_variadic(*args: Any) -> bool:
    """`has_torch_function` of the arguments."""
    return dispatch.seen(args)


@composite(method=False)
def handle_torch_function(public_api: Callable, relevant_args: Iterable, *args: Any, **kwargs: Any) -> Any:
    """Asks the innermost mode, then the classes of `relevant_args`, subclasses first, until one answers."""
    name = f"{public_api.__module__}.{public_api.__name__}"
    return dispatch.handle(public_api, name, relevant_args, args, kwargs)
