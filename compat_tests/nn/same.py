"""Runs one function with torch and with jtorch and compares what can be seen: result, error, warnings."""

import re
import warnings

import torch as oracle

import jtorch


def plain(value):
    """``value`` as plain data that is equal on both sides when the two libraries agree."""
    if isinstance(value, (oracle.Tensor, jtorch.Tensor)):
        data = value.detach()
        return type(value).__name__, str(value.dtype), tuple(value.shape), data.tolist(), value.requires_grad
    if isinstance(value, (oracle.nn.Module, jtorch.nn.Module)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(v) for v in value]
    if isinstance(value, dict):
        return type(value).__name__, [(plain(k), plain(v)) for k, v in value.items()]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return re.sub(r"\bjtorch\b", "torch", value if isinstance(value, str) else repr(value))


def attempt(function, *args):
    """The result of a call, or the error as data."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        return type(error).__name__, str(error)


def outcome(scenario, torch):
    """Result and warnings of ``scenario(torch)``."""
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = attempt(scenario, torch)
    # Sentences torch writes in C++ end with the file that raised them.
    said = [(w.category.__name__, re.sub(r" \(Triggered .*", "", str(w.message))) for w in caught]
    return plain(result), said


def assert_same(scenario):
    """Fails unless both libraries do the same."""
    assert outcome(scenario, jtorch) == outcome(scenario, oracle)
