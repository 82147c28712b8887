"""torch's sentences about arguments; as in ``errors``, the caller raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .cures import cured

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: set on classes written in Python
_OUR_TYPES = frozenset({"dtype", "device", "Size", "layout", "memory_format", "finfo", "iinfo"})


def type_name(value: object) -> str:
    """The type's name as torch shows it: classes written in C carry their module (``numpy.ndarray``), others do not."""
    kind = type(value)
    if kind.__module__ == "jtorch" and kind.__name__ in _OUR_TYPES:
        return f"torch.{kind.__name__}"
    if kind.__flags__ & _HEAP_TYPE or kind.__module__ == "builtins":
        return kind.__name__
    return f"{kind.__module__}.{kind.__name__}"


def listed(items: Iterable[object]) -> str:
    return f"[{', '.join(map(str, items))}]"


def argument_type(function: str, name: str, position: int | None, expected: str, got: object) -> TypeError:
    """A value of the wrong type; position counts from 1, None when it came by keyword."""
    place = "" if position is None else f" (position {position})"
    error = TypeError(f"{function}(): argument '{name}'{place} must be {expected}, not {type_name(got)}")
    instead = _INSTEAD.get((expected, type_name(got)))
    return error if instead is None else cured(error, instead)


_LAYERS = "nn.LSTM and nn.GRU return (output, state): take the output, x, _ = layer(x)"
_CLASS = "torch has types of its own: torch.float32, torch.int64"
_INSTEAD = {
    ("Tensor", "tuple"): _LAYERS,
    ("Tensor", "list"): "torch.tensor(list) of numbers, torch.stack(list) of tensors",
    ("Tensor", "int"): "torch.tensor(number), or the function of Python's math module",
    ("Tensor", "float"): "torch.tensor(number), or the function of Python's math module",
    ("Tensor", "numpy.ndarray"): "torch.from_numpy(array) shares its memory, torch.tensor(array) copies",
    ("Tensor", "NoneType"): "a function without `return` gives None: look at the forward() before",
    ("tuple of Tensors", "Tensor"): "give the tensors as one list: torch.cat([x, y]), torch.stack([x, y])",
    ("tuple of ints", "float"): "sizes are whole: n // 2 instead of n / 2, or int(n)",
    ("tuple of ints", "Tensor"): "sizes and dims are Python ints: x.shape, x.tolist(), x.item()",
    ("int", "float"): "counts and dims are whole: n // 2 instead of n / 2, or int(n)",
    ("torch.dtype", "str"): _CLASS,
    ("torch.dtype", "type"): _CLASS,
}  # by what is expected and what is given


def sequence_item_type(function: str, name: str, position: int, expected: str, item: int, got: object) -> TypeError:
    """A tuple argument whose item (from 0) is of the wrong type, ``expected`` being "tuple of ints"."""
    if item == 0:  # torch looks at the first item to choose the overload, at the others when it unpacks them
        found = f"but found element of type {type_name(got)} at pos 0"
        return TypeError(f"{function}(): argument '{name}' (position {position}) must be {expected}, {found}")
    found = f'"type must be {expected},but got {type_name(got)}"'
    return TypeError(
        f"{function}(): argument '{name}' failed to unpack the object at pos {item + 1} with error {found}"
    )


def tensor_list_item(argument: int, item: int, got: object) -> TypeError:
    """A list of tensors with something else in it."""
    error = TypeError(f"expected Tensor as element {item} in argument {argument}, but got {type_name(got)}")
    if isinstance(got, tuple):
        return cured(error, _LAYERS)
    return cured(error, "the list holds tensors: torch.tensor(list) makes one of numbers")


def missing_arguments(function: str, names: Sequence[str]) -> TypeError:
    """Required arguments that were not given."""
    quoted = ", ".join(f'"{name}"' for name in names)
    plural = "s" if len(names) == 1 else ""  # as torch has it, the wrong way round
    return TypeError(f"{function}() missing {len(names)} required positional argument{plural}: {quoted}")


def unexpected_keyword(function: str, name: str) -> TypeError:
    """A keyword the function does not have."""
    return TypeError(f"{function}() got an unexpected keyword argument '{name}'")


def multiple_values(function: str, name: str) -> TypeError:
    """An argument given both by position and by keyword."""
    return TypeError(f"{function}() got multiple values for argument '{name}'")


def too_many_positional(function: str, accepted: int, given: int, least: int | None = None) -> TypeError:
    """More positional arguments than the function takes; ``least``: how many it must be given, where that differs."""
    if least is not None and least != accepted:
        return TypeError(f"{function}() takes from {least} to {accepted} positional arguments but {given} were given")
    plural, verb = "" if accepted == 1 else "s", "was" if given == 1 else "were"
    return TypeError(f"{function}() takes {accepted} positional argument{plural} but {given} {verb} given")


def takes_no_arguments(function: str, given: int) -> TypeError:
    """Arguments to a method that has none beside the tensor."""
    return TypeError(f"TensorBase.{function}() takes no arguments ({given} given)")


def takes_no_keywords(function: str) -> TypeError:
    """Keywords to a method that has no arguments."""
    return TypeError(f"TensorBase.{function}() takes no keyword arguments")


def invalid_combination(
    function: str, args: Sequence[object], kwargs: Mapping[str, object], signatures: Sequence[str]
) -> TypeError:
    """No overload fits; each signature is torch's text without parentheses, a reason may follow it after a newline."""
    positional = ", ".join(map(type_name, args))
    keywords = ", ".join(f"{name}={type_name(value)}" for name, value in kwargs.items())
    got = f"{positional}, {keywords}" if args and kwargs else positional or (f"{keywords}, " if kwargs else "")
    intro = f"{function}() received an invalid combination of arguments - got ({got}), but expected"
    if len(signatures) == 1:
        return TypeError(f"{intro} ({signatures[0].partition(chr(10))[0]})")
    lines = [
        f" * ({text})" + (f"\n      didn't match because {why}" if why else "") for text, why in map(_split, signatures)
    ]
    return TypeError(f"{intro} one of:\n" + "\n".join(lines) + "\n")


def unrecognized_keywords(function: str, names: Sequence[str]) -> TypeError:
    """Keywords that the only signature torch tells does not have."""
    unknown = ", ".join(names)
    return TypeError(
        f"{function}() received an invalid combination of arguments - got unrecognized keyword arguments: {unknown}"
    )


def _split(signature: str) -> tuple[str, str]:
    text, _, reason = signature.partition("\n")
    return text, reason
