"""repr of random tensors under random print options, and of modules, optimizers and containers, against torch's."""

import random
from typing import Any

import numpy as np
import pytest
import torch

import jtorch

FLOATS = ("float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "bool", "uint16", "uint32", "uint64")
COMPLEX = ("complex64", "complex128")
SIDES = (0, 1, 2, 3, 4, 7, 12, 30)
PER_TEST = 50
OPTIONS = {
    "precision": (0, 1, 2, 6, 8, 12),
    "threshold": (0, 5, 20, 1000, float("inf")),
    "edgeitems": (0, 1, 2, 3, 5),
    "linewidth": (10, 20, 40, 60, 80, 120, 200),
    "profile": ("default", "short", "full"),
    "sci_mode": (True, False, None),
}


def shape_of(draw: random.Random) -> tuple[int, ...]:
    if draw.random() < 0.1:
        return draw.choice([(1100,), (40, 40)])
    rank = draw.choice([0, 1, 1, 2, 2, 3, 4])
    return tuple(draw.choice(SIDES if rank < 3 else (1, 2, 3, 7)) for _ in range(rank))


def floats(draw: random.Random, shape: tuple[int, ...]) -> np.ndarray:
    stream = np.random.RandomState(draw.randrange(2**31))
    x = stream.randn(*shape)
    special = stream.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], shape)
    styles = {
        "near one": lambda: x,
        "scaled": lambda: x * 10.0 ** draw.randint(-12, 12),
        "whole": lambda: np.round(x * 10 ** draw.randint(0, 9)),
        "many sizes": lambda: x * 10.0 ** stream.randint(-6, 7, shape),
        "special": lambda: np.where(stream.rand(*shape) < 0.3, special, x),
        "tiny": lambda: x * 1e-30,
        "huge": lambda: x * 1e30,
        "zeros": lambda: x * 0,
    }
    return np.asarray(styles[draw.choice(list(styles))]())


def data(draw: random.Random) -> tuple[np.ndarray, str]:
    shape = shape_of(draw)
    kind = draw.choice([FLOATS, FLOATS, INTEGERS, COMPLEX])
    if kind is FLOATS:
        return floats(draw, shape), draw.choice(kind)
    if kind is COMPLEX:
        whole = np.empty(shape, np.complex128)
        whole.real, whole.imag = floats(draw, shape), floats(draw, shape)
        return whole, draw.choice(kind)
    bound = 2 ** draw.randint(1, 30)
    return np.random.RandomState(draw.randrange(2**31)).randint(-bound, bound, shape), draw.choice(kind)


def shown(lib: Any, x: Any, form: int) -> Any:
    """The tensor in one of the forms in which users see it."""
    inexact = x.is_floating_point() or x.is_complex()
    if form == 0 and inexact:
        return x.clone().requires_grad_()
    if form == 1 and inexact and x.itemsize > 1:
        return x.clone().requires_grad_().view(-1) * 2
    if form == 2 and inexact:
        return lib.nn.Parameter(x)
    if form == 3:
        return [x, {"a": x}]
    if form == 4 and x.ndim > 1:
        return x.transpose(0, 1)
    if form == 5 and inexact and x.ndim:
        return lib.nn.ParameterList([x, x])
    return x.shape if form == 6 else x


def text(lib: Any, seed: int) -> str:
    draw = random.Random(seed)
    array, dtype = data(draw)
    options = {name: draw.choice(values) for name, values in OPTIONS.items() if draw.random() < 0.35}
    form, default = draw.randrange(8), draw.choice(["float32", "float32", "float64"])
    lib.set_printoptions(profile="default")
    lib.set_printoptions(**options)
    lib.set_default_dtype(getattr(lib, default))
    try:
        return repr(shown(lib, lib.tensor(array).to(getattr(lib, dtype)), form))
    finally:
        lib.set_printoptions(profile="default")
        lib.set_default_dtype(lib.float32)


@pytest.mark.parametrize("first", range(0, 300, PER_TEST))
def test_random_tensors(first):
    for seed in range(first, first + PER_TEST):
        assert text(jtorch, seed) == text(torch, seed), f"seed {seed}"


def parameters(lib: Any) -> list:
    return [lib.nn.Parameter(lib.ones(2)), lib.nn.Parameter(lib.zeros(3, 2))]


OBJECTS = {
    "nested modules": lambda lib: lib.nn.Sequential(
        lib.nn.Linear(2, 3), lib.nn.Sequential(lib.nn.ReLU(inplace=True), lib.nn.Dropout(0.1)), lib.nn.Identity()
    ),
    "repeated modules": lambda lib: lib.nn.ModuleList([lib.nn.Linear(2, 2) for _ in range(4)]),
    "a dict of modules": lambda lib: lib.nn.ModuleDict(
        {"a": lib.nn.Conv2d(1, 2, 3, padding="same"), "b": lib.nn.GELU()}
    ),
    "a transformer": lambda lib: lib.nn.TransformerDecoderLayer(4, 2, 8, batch_first=True),
    "a list of parameters": lambda lib: lib.nn.ParameterList([*parameters(lib), 3]),
    "a dict of parameters": lambda lib: lib.nn.ParameterDict({"a": lib.ones(2), "b": lib.nn.Parameter(lib.ones(1))}),
    "an LSTM": lambda lib: lib.nn.LSTM(2, 3, num_layers=2, bidirectional=True, batch_first=True),
    "an embedding": lambda lib: lib.nn.Embedding(10, 3, padding_idx=0),
    "normalizations": lambda lib: [lib.nn.LayerNorm(4), lib.nn.BatchNorm2d(3, affine=False), lib.nn.GroupNorm(2, 4)],
    "losses": lambda lib: [lib.nn.CrossEntropyLoss(), lib.nn.MSELoss(), lib.nn.BCEWithLogitsLoss()],
    "SGD": lambda lib: lib.optim.SGD(parameters(lib), 0.1, momentum=0.9),
    "Adam in groups": lambda lib: lib.optim.Adam(
        [{"params": [p], "lr": 0.1 * i} for i, p in enumerate(parameters(lib))]
    ),
    "AdamW": lambda lib: lib.optim.AdamW(parameters(lib), weight_decay=0.1),
    "sizes": lambda lib: [lib.Size([]), lib.Size([2, 3]), lib.ones(2, 3).shape[1:], (lib.Size([1]), "a")],
    "types": lambda lib: [lib.float32, lib.device("cuda:1"), lib.strided, lib.channels_last, lib.finfo(lib.float16)],
    "results": lambda lib: lib.max(lib.tensor([[1.5, 2.0]], requires_grad=True), 1),
    "a state": lambda lib: lib.nn.Linear(1, 2).state_dict(),
    "a sparse matrix": lambda lib: lib.eye(2).to_sparse(),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects(name):
    texts = []
    for lib in (jtorch, torch):
        lib.manual_seed(0)
        texts.append(repr(OBJECTS[name](lib)))
    assert texts[0].replace("jtorch", "torch") == texts[1]
