"""The harness sees what it is for: each planted fault is reported under its kind, and a right op is not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import jtorch
from compat_tests.harness.calls import first_sentence
from compat_tests.harness.check import check_entry
from compat_tests.harness.compare import Difference, compare
from compat_tests.harness.convert import ToJtorch, tensor_to_torch, to_jtorch
from compat_tests.harness.opdb import CAP, entries

import torch  # isort: skip  - after the harness, which silences the warnings of its import


def kinds_found(name: str, op: Callable) -> set[str]:
    entry = replace(entries()[name], jtorch_op=op)
    return {one.failure.kind for one in check_entry(entry, CAP) if one.failure is not None}


def wrong_gradient(x):
    return jtorch.tanh(x.detach()) + 0 * x


def wrong_out(x, out=None):
    return jtorch.tanh(x)


def wrong_second_gradient(x):
    return DetachedGradient.apply(x)


class DetachedGradient(jtorch.autograd.Function):
    """A gradient that hides how it depends on the input."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return jtorch.tanh(x)

    @staticmethod
    def backward(ctx, given):
        (x,) = ctx.saved_tensors
        return given * (1 - jtorch.tanh(x.detach()) ** 2)


def lies_by_columns(x, out=None):
    return jtorch.tanh(x).t().contiguous().t() if x.dim() == 2 else jtorch.tanh(x)


def never_resizes(x, out=None):
    return jtorch.tanh(x) if out is None else out.copy_(jtorch.tanh(x))


def refuses(x, out=None):
    raise NotImplementedError("not here")


@pytest.mark.parametrize(
    ("kind", "op"),
    [
        ("value", lambda x, out=None: jtorch.tanh(x) * 1.001),
        ("dtype", lambda x, out=None: jtorch.tanh(x).double()),
        ("shape", lambda x, out=None: jtorch.tanh(x).unsqueeze(0)),
        ("type", lambda x, out=None: (jtorch.tanh(x),)),
        ("grad", wrong_gradient),
        ("gradgrad", wrong_second_gradient),
        ("forward_mode", wrong_gradient),
        ("strides", lies_by_columns),
        ("out", wrong_out),
        ("out", never_resizes),
        ("raises", refuses),
    ],
)
def test_planted_fault_is_seen(kind: str, op: Callable):
    assert kind in kinds_found("tanh", op)


def test_other_random_numbers_are_seen():
    assert "random" in kinds_found("nn.functional.dropout", lambda x, *rest, **options: jtorch.rand_like(x))


def test_missing_error_is_seen():
    assert "error" in kinds_found("gather", lambda input, *rest, **options: input)


def test_seeded_samples_are_the_same_each_time():
    entry = entries()["add"]
    first, second = (entry.samples(torch.float32, requires_grad=False) for _ in range(2))
    assert len(first) == len(second)
    assert all(torch.equal(a.args[0], b.args[0]) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)
def test_values_survive_the_way_there_and_back(dtype):
    value = torch.tensor([[0, 1, 2], [3, 4, 250]]).to(dtype)
    back = tensor_to_torch(to_jtorch(value))
    assert back.dtype is dtype
    assert torch.equal(back, value)


def test_a_tensor_that_occurs_twice_is_one_tensor():
    x = torch.ones(2)
    first, (second,) = ToJtorch()([x, (x,)])
    assert first is second


def test_plain_values_are_compared_by_type_too():
    compare(2, 2)
    with pytest.raises(Difference):
        compare(2.0, 2)
    with pytest.raises(Difference):
        compare(True, 1)


def test_first_sentence():
    assert first_sentence("Shapes differ. See below.\nmore") == "Shapes differ"
