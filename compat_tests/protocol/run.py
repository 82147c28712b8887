"""Runs one line with either library and says what it shows: the repr of its last expression, or the error."""

import array
import ast
import collections
import contextlib
import copy
import dataclasses
import datetime
import decimal
import fractions
import functools
import importlib
import inspect
import io
import itertools
import json
import math
import multiprocessing
import multiprocessing.reduction
import numbers
import operator
import pickle
import pydoc
import random
import re
import statistics
import time
import typing
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch as oracle

import jtorch
from compat_tests.harness.calls import first_sentence
from compat_tests.harness.same import warned

LINES = Path(__file__).parent / "lines"
MODULES = (
    array, collections, copy, dataclasses, datetime, decimal, fractions, functools, inspect, io, itertools, json, math,
    multiprocessing, numbers, operator, pickle, pydoc, random, statistics, time, typing,
)  # fmt: skip
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
FILE = re.compile(r" \(/[^)]*\)")


class TorchSub(oracle.Tensor):
    """A subclass whose pickles Python finds."""


class JtorchSub(jtorch.Tensor):
    """The same of jtorch's."""


def lines(theme: str) -> list[str]:
    """The lines of a theme, comments apart."""
    text = (LINES / f"{theme}.txt").read_text().splitlines()
    return [line for line in text if line and not line.startswith("#")]


def themes() -> list[str]:
    return sorted(path.stem for path in LINES.glob("*.txt"))


def parameters(function: Callable) -> list[str]:
    """Names and defaults; the tensor of a method may be called `self` or `input`."""
    found = inspect.signature(function).parameters.values()
    shown = [f"{'*' * (p.kind - 1) if p.kind in (2, 4) else ''}{p.name}" for p in found]
    defaults = ["" if p.default is p.empty else f"={p.default!r}" for p in found]
    first = ["self"] if shown and shown[0] in ("self", "input") else shown[:1]
    return [name + default for name, default in zip([*first, *shown[1:]], defaults, strict=True)]


def reference_names(path: str) -> list[str]:
    """What torch's own namespace lists."""
    return dir(functools.reduce(getattr, path.split(".")[1:], oracle))


def scope(library: Any) -> dict[str, Any]:
    found = {module.__name__.split(".")[-1]: module for module in MODULES}
    return found | {
        "__name__": "__main__",
        "torch": library,
        "np": np,
        "jnp": importlib.import_module("jax.numpy"),
        "dumps": lambda x: pickle.loads(pickle.dumps(x)),
        "warned": warned,
        "parameters": parameters,
        "reference_names": reference_names,
        "Sub": TorchSub if library is oracle else JtorchSub,
    }


def value_of(source: str, names: dict[str, Any]) -> Any:
    """Runs the statements; the value of the last one where it is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<line>", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "<line>", "eval"), names)


def words(text: str) -> str:
    """Text without what must differ: addresses, files and jtorch's own name."""
    text = FILE.sub("", text)
    return ADDRESS.sub("0x", re.sub(r"\bjtorch\b", "torch", text).replace("JtorchSub", "TorchSub"))


def put_back(library: Any) -> None:
    library.set_default_dtype(library.float32)
    library.set_default_device(None)
    library.set_grad_enabled(True)
    library.set_printoptions(profile="default")


def shown(source: str, library: Any) -> str:
    """What a line shows with one library."""
    library.manual_seed(0)
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            warnings.simplefilter("ignore")
            if (library is jtorch and "import torch" in source) or "from torch" in source:
                source = source.replace("torch", library.__name__)
            found = repr(value_of(source, scope(library)))
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        found = f"{type(error).__name__}: {first_sentence(str(error))}"
    finally:
        put_back(library)
    return words(printed.getvalue() + found)


def difference(source: str) -> str | None:
    """Both texts where they differ."""
    expected, found = shown(source, oracle), shown(source, jtorch)
    return None if expected == found else f"{source}\n    torch   {expected[:300]}\n    jtorch  {found[:300]}"
