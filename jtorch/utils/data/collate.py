"""How samples become a batch."""

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from jtorch import _root as torch
from jtorch._types.cures import cured

_NO_BATCH = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _is_named_tuple(data: Any) -> bool:
    return isinstance(data, tuple) and hasattr(data, "_fields")


def _holds_numbers(array: Any) -> bool:
    return array.dtype.kind in "biufc"


def default_collate(batch: Any) -> Any:
    """Stacks samples, tensor by tensor, into one sample with a new first dimension; containers keep their structure.

    Numbers become tensors (floats float64), strings stay a list. RuntimeError if samples differ in shape or length.
    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.default_collate

    >>> import jtorch as torch
    >>> torch.utils.data.default_collate([{"x": 1, "y": "a"}, {"x": 2, "y": "b"}])
    {'x': tensor([1, 2]), 'y': ['a', 'b']}
    """
    first = batch[0]
    if isinstance(first, torch.Tensor):
        return torch.stack(batch, 0)
    if isinstance(first, np.ndarray):
        if not _holds_numbers(first):
            raise TypeError(_NO_BATCH.format(first.dtype))
        return torch.stack([torch.as_tensor(sample) for sample in batch], 0)
    if isinstance(first, np.generic) and _holds_numbers(first):
        return torch.as_tensor(np.array(batch))
    if isinstance(first, float):
        return torch.tensor(batch, dtype=torch.float64)
    if isinstance(first, int):
        return torch.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _like_mapping(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise cured(
                RuntimeError("each element in list of batch should be of equal size"),
                "pad the lists to one length, or give the DataLoader a collate_fn that does",
            )
        return _like_sequence(first, [default_collate(column) for column in zip(*batch, strict=True)])
    raise cured(
        TypeError(_NO_BATCH.format(type(first))),
        "return tensors, arrays or numbers from __getitem__ (transforms.ToTensor() of an image), or give a collate_fn",
    )


def default_convert(data: Any) -> Any:
    """Turns NumPy arrays and numbers, in containers too, into tensors; leaves everything else.

    >>> import jtorch as torch
    >>> import numpy as np
    >>> torch.utils.data.default_convert([np.arange(2), "a"])
    [tensor([0, 1]), 'a']
    """
    if isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, (str, bytes)):
        return torch.as_tensor(data) if _holds_numbers(data) else data
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data


def _like_mapping(model: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """A mapping of the model's own kind with these items, or a dict where that cannot be made."""

    def filled() -> Any:
        if not isinstance(model, MutableMapping):
            return type(model)(items)  # pyright: ignore[reportCallIssue]  # what fails is caught by _made
        clone = copy.copy(model)
        clone.update(items)
        return clone

    return _made(filled, items)


def _like_sequence(model: Sequence[Any], items: list[Any]) -> Any:
    """A sequence of the model's own kind with these items, or a list where that cannot be made (or for a tuple)."""
    if _is_named_tuple(model):
        return type(model)(*items)
    if isinstance(model, tuple):
        return items

    def filled() -> Any:
        if not isinstance(model, MutableSequence):
            return type(model)(items)  # pyright: ignore[reportCallIssue]  # what fails is caught by _made
        clone = copy.copy(model)
        for i, item in enumerate(items):
            clone[i] = item
        return clone

    return _made(filled, items)


def _made(make: Callable[[], Any], instead: Any) -> Any:
    try:
        return make()
    except TypeError:
        return instead
