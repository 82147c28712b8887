"""jtorch's plain values under torch's names, and the comparison of one expression on both sides."""

import pickle
import sys
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import torch

from jtorch import _types

OURS = SimpleNamespace(**{name: getattr(_types, name) for name in vars(_types) if not name.startswith("_")})
vars(OURS).update(_types.DTYPES)
HELPERS = {"np": np, "pickle": pickle, "sys": sys, "OrderedDict": OrderedDict}


def outcome(expression: str, namespace: object) -> str:
    """The repr of the value, or the exception's type and sentence; the classes are called alike on both sides."""
    try:
        return repr(eval(expression, {**HELPERS, "torch": namespace}))
    except Exception as error:  # noqa: BLE001  # whatever torch raises is what is compared
        return f"{type(error).__name__}: {error}"


def assert_same(expression: str) -> None:
    """One expression in ``torch``, on both sides."""
    assert outcome(expression, OURS) == outcome(expression, torch)
