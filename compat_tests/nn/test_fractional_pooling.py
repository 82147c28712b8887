"""Fractional max pooling: the same places drawn, maxima, indices, gradients and refusals."""

from typing import Any

import pytest

from compat_tests.ops.agree import agree, agree_on_error

NAN = float("nan")


def image(t: Any, *shape: int) -> Any:
    t.manual_seed(3)
    return t.randn(*shape)


CALLS = {
    "size": lambda t: t.nn.functional.fractional_max_pool2d(image(t, 2, 3, 9, 8), 2, output_size=(4, 5)),
    "ratio": lambda t: t.nn.functional.fractional_max_pool2d(image(t, 3, 9, 8), (2, 3), output_ratio=(0.5, 0.4)),
    "indices": lambda t: t.nn.functional.fractional_max_pool3d(
        image(t, 2, 3, 7, 6, 5), (2, 3, 1), output_size=(4, 1, 3), return_indices=True),
    "samples": lambda t: t.nn.functional.fractional_max_pool2d(
        image(t, 1, 1, 7, 7), 2, output_size=4, _random_samples=t.tensor([[[0.1, 0.9]]])),
    "the draws after it": lambda t: [
        t.nn.functional.fractional_max_pool2d(image(t, 1, 2, 7, 7), 2, output_size=4), t.rand(3)],
    "nan and ties": lambda t: [t.nn.functional.fractional_max_pool2d(
        t.full((1, 1, 3, 3), value), 2, output_size=1, return_indices=True) for value in (NAN, 1.0)],
    "module": lambda t: [t.nn.FractionalMaxPool2d(2, output_ratio=0.5)(image(t, 1, 2, 8, 8)),
                         t.nn.FractionalMaxPool3d((2, 1, 2), output_size=3)(image(t, 1, 2, 6, 6, 6))],
}  # fmt: skip

REFUSED = {
    "no size": lambda t: t.nn.functional.fractional_max_pool2d(t.ones(2, 5, 5), 2),
    "too large": lambda t: t.nn.functional.fractional_max_pool2d(t.ones(2, 5, 5), 2, output_size=(2, 9)),
    "too large in 3-d": lambda t: t.nn.functional.fractional_max_pool3d(t.ones(2, 5, 5, 5), 2, output_size=(9, 2, 2)),
    "too flat": lambda t: t.nn.functional.fractional_max_pool2d(t.ones(5, 5), 2, output_size=2),
    "kernel": lambda t: t.nn.functional.fractional_max_pool2d(t.ones(2, 5, 5), (2, 2, 2), output_size=2),
    "samples": lambda t: t.nn.functional.fractional_max_pool2d(
        t.ones(2, 5, 5), 2, output_size=2, _random_samples=t.ones(1)),
    "samples of another batch": lambda t: t.nn.functional.fractional_max_pool2d(
        t.ones(3, 2, 5, 5), 2, output_size=2, _random_samples=t.ones(2, 2, 2)),
    "samples of other channels": lambda t: t.nn.functional.fractional_max_pool2d(
        t.ones(2, 5, 5), 2, output_size=2, _random_samples=t.ones(1, 3, 2)),
    "samples of other dimensions": lambda t: t.nn.functional.fractional_max_pool2d(
        t.ones(2, 5, 5), 2, output_size=2, _random_samples=t.ones(1, 2, 3)),
    "too many dimensions": lambda t: t.nn.functional.fractional_max_pool2d(t.ones(1, 1, 1, 5, 5), 2, output_size=2),
    "integers": lambda t: t.nn.functional.fractional_max_pool2d(t.ones(2, 5, 5).int(), 2, output_size=2),
    "module without size": lambda t: t.nn.FractionalMaxPool2d(2),
    "module with both": lambda t: t.nn.FractionalMaxPool2d(2, output_size=2, output_ratio=0.5),
    "module's ratio": lambda t: t.nn.FractionalMaxPool3d(2, output_ratio=(1.5, 0.5, 0.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_call(name):
    agree(CALLS[name])


@pytest.mark.parametrize("name", REFUSED)
def test_refusal(name):
    agree_on_error(REFUSED[name])


def test_gradient_goes_to_the_maxima():
    def gradient(t):
        x = image(t, 1, 2, 6, 6).requires_grad_()
        found = t.nn.functional.fractional_max_pool2d(x, 3, output_size=4)
        return t.autograd.grad((found * found).sum(), x)[0], type(found.grad_fn).__name__

    agree(gradient)
