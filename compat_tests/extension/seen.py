"""What `__torch_function__` sees of one expression: the names of the functions, the classes, how arguments came."""

from typing import Any


def classes(torch: Any) -> dict[str, Any]:
    """Names for expressions: tensors of classes of their own, and a list of the calls that `S` and `Mode` saw."""
    log: list = []

    def note(func: Any, types: Any, args: tuple, kwargs: Any) -> None:
        name = torch.overrides.resolve_name(func) or getattr(func, "__name__", "")
        log.append((name, [kind.__name__ for kind in types], len(args), sorted(kwargs or {})))

    class S(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            note(func, types, args, kwargs)
            return super().__torch_function__(func, types, args, kwargs)

    class P(torch.Tensor):
        pass

    class Q(P):
        pass

    class Duck:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            note(func, types, args, kwargs)
            return "answered" if func is not torch.mul else NotImplemented

    class Mode(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            note(func, types, args, kwargs)
            return func(*args, **(kwargs or {}))

    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    s, p, q = x.as_subclass(S), x.as_subclass(P), x.as_subclass(Q)
    return {
        "torch": torch, "F": torch.nn.functional, "x": x, "s": s, "p": p, "q": q, "S": S, "P": P, "d": Duck(),
        "Mode": Mode, "log": log,
    }  # fmt: skip


def observed(torch: Any, expression: str, mode: bool = False) -> tuple:
    """The class of the value of an expression, or its error, and the calls that were seen."""
    names = classes(torch)
    try:
        if mode:
            with names["Mode"]():
                found = type(eval(expression, names)).__name__
        else:
            found = type(eval(expression, names)).__name__
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        found = f"{type(error).__name__}: {error}".partition("\n")[0]
    return found, names["log"]
