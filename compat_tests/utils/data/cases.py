"""The same line of code on torch and on jtorch, and what can be seen of its outcome."""

import re
import warnings
from collections import Counter, OrderedDict, defaultdict, namedtuple
from types import ModuleType
from typing import Any

import numpy as np
import torch.utils.data

import jtorch.utils.data

Point = namedtuple("Point", "x y")


def names(lib: ModuleType) -> dict[str, Any]:
    """What the lines of code see: the library as ``torch``, its data tools, and a few datasets made with them."""
    data = lib.utils.data

    class Stream(data.IterableDataset):
        def __iter__(self):
            return iter(range(5))

        def __repr__(self):
            return "Stream()"

    class SizedStream(Stream):
        """Says it is shorter than it is."""

        def __len__(self):
            return 2

    class NoLength(data.Dataset):
        def __getitem__(self, index):
            return index

    class Failing(NoLength):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            raise KeyError(index)

    class Many(Failing):
        def __getitem__(self, index):
            return index

        def __getitems__(self, indices):
            return [10 * index for index in indices]

    class WithIndex(data.TensorDataset):
        def __getitem__(self, index):
            return (*super().__getitem__(index), index)

    made = {kind.__name__: kind for kind in (Stream, SizedStream, NoLength, Failing, Many, WithIndex)}
    tools = {name: getattr(data, name) for name in jtorch.utils.data.__all__}
    python = {"np": np, "Point": Point, "Counter": Counter, "OrderedDict": OrderedDict, "defaultdict": defaultdict}
    rows = data.TensorDataset(lib.arange(10.0), lib.arange(20).reshape(10, 2))
    return {**tools, **python, **made, "torch": lib, "rows": rows, "seeded": lib.Generator().manual_seed(7)}


def outcome(code: str, lib: ModuleType) -> tuple[str, ...]:
    """What a line of code gives: its value as text, or its error, and the warnings on the way."""
    lib.manual_seed(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = repr(eval(code, names(lib)))
        except Exception as error:  # noqa: BLE001 - whatever torch raises is the answer
            value = f"{type(error).__name__}: {error}"
    following = lib.rand(2).tolist()
    return _neutral(value), *(_neutral(str(warning.message)) for warning in caught), str(following)


def _neutral(text: str) -> str:
    text = re.sub(r" at 0x[0-9a-f]+", "", text).replace("jtorch", "torch")
    return re.sub(r"compat_tests[\w.]*\.|<locals>\.|names\.", "", text)


def both(code: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The outcomes on jtorch and on torch."""
    return outcome(code, jtorch), outcome(code, torch)
