"""Gradients of gradients at the places where formulas part: at 0, below 0, of products with zeros."""

from __future__ import annotations

import warnings

from compat_tests.harness.same import assert_same, each_program


def _twice(torch, function, *given):
    """First and second gradients of floating-point inputs, the second of a sum with different weights."""
    inputs = [x.requires_grad_() for x in given]
    out = function(*inputs)
    weights = (torch.arange(1.0, out.numel() + 1, dtype=out.dtype) / 4).reshape(out.shape).requires_grad_()
    first = torch.autograd.grad(out, inputs, weights, create_graph=True)
    total = sum((g * torch.arange(1.0, g.numel() + 1, dtype=g.dtype).reshape(g.shape)).sum() for g in first)
    return list(first), list(torch.autograd.grad(total, [*inputs, weights]))


def _numbers(torch, *numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def bessel_functions(torch):
    return [
        _twice(torch, f, _numbers(torch, 0.0, -7.5, -0.6, 1.5, 12.0))
        for f in (torch.i0, torch.special.i0e, torch.special.i1, torch.special.i1e)
    ]


def lgamma_below_zero(torch):
    return _twice(torch, torch.lgamma, _numbers(torch, -8.3, -3.06, -0.5, 0.25, 3.0, 40.0))


def products_scattered(torch):
    index = torch.tensor([0, 2, 0, 1, 0])
    parts = ((2.0, 3.0, -1.5, 4.0, 0.5), (2.0, 0.0, -1.5, 4.0, 0.5), (0.0, 3.0, -1.5, 0.0, 0.5))

    def scattered(include_self, x, y):
        return x.scatter_reduce(0, index, y, "prod", include_self=include_self)

    return [
        _twice(torch, lambda x, y, own=own: scattered(own, x, y), _numbers(torch, *start, 7.0), _numbers(torch, *part))
        for own in (True, False)
        for part in parts
        for start in ((1.5, -2.0, 0.25), (0.0, -2.0, 0.25), (0.0, 0.0, 0.0))
    ]


def products_of_slices(torch):
    index = torch.tensor([1, 0, 1])
    x = _numbers(torch, 0.0, 2.0, 3.0, -1.0).reshape(2, 2)
    y = _numbers(torch, 1.0, 0.0, 2.0, 5.0, 3.0, 4.0).reshape(3, 2)
    with warnings.catch_warnings():  # torch's says that its interface may change
        warnings.simplefilter("ignore")
        return _twice(torch, lambda x, y: x.index_reduce(0, index, y, "prod"), x, y)


def matrix_power_zero(torch):
    x = _numbers(torch, 1.0, 2.0, 3.0, 4.0).reshape(2, 2).requires_grad_()
    y = torch.linalg.matrix_power(x, 0)
    return y, torch.autograd.grad(y.sum(), x)


def inverse_error_function(torch):
    return _twice(torch, torch.erfinv, _numbers(torch, 0.0, -0.3, 0.5, 0.9, -0.999))


def single_scores(torch):
    x = _numbers(torch, 2.0).reshape(()).requires_grad_()
    loss = torch.nn.functional.multilabel_margin_loss(x, torch.tensor(0))
    return loss, torch.autograd.grad(loss, x)


def logarithms_of_sums_of_powers(torch):
    inf = float("inf")
    x, y = (1.0, -inf, -inf, 2.0, inf, inf, -inf, 0.0), (2.0, -inf, 1.0, -inf, inf, 0.0, inf, 0.0)
    return [_twice(torch, f, _numbers(torch, *x), _numbers(torch, *y)) for f in (torch.logaddexp, torch.logaddexp2)]


def distances_by_product(torch):
    x = _numbers(torch, 1.0, 4.0, 2.5, -3.0, 0.5, 2.0).reshape(3, 2)
    y = _numbers(torch, 1.0, 4.5, 2.5, 3.0).reshape(2, 2)
    return _twice_of_points(torch, x, y)


def _twice_of_points(torch, x, y):
    first = torch.autograd.grad
    x, y = x.requires_grad_(), y.requires_grad_()
    d = torch.cdist(x, y, compute_mode="use_mm_for_euclid_dist")
    return d, first(d.sum(), (x, y))


def covariance(torch):
    x = _numbers(torch, 1.0, 4.0, 2.5, -3.0, 0.5, 2.0, 7.0, -1.0).reshape(2, 4)
    counts, weights = torch.tensor([1, 2, 1, 3]), _numbers(torch, 0.1, 0.4, 0.2, 0.9)
    return [
        _twice(torch, torch.cov, x.clone()),
        _twice(torch, lambda x: torch.cov(x, fweights=counts), x.clone()),
        _twice(torch, lambda x, w: torch.cov(x, aweights=w, correction=0), x.clone(), weights.clone()),
        _twice(torch, lambda x, w: torch.cov(x, fweights=counts, aweights=w), x.clone(), weights.clone()),
    ]


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-9, atol=1e-12)


def weights_of_less_precision(torch):
    """float32 weights of float64 observations are summed in float32."""
    x = _numbers(torch, -4.8, -7.6, 1.25, -0.6, -1.5, 0.3).reshape(2, 3)
    w = torch.tensor([0.2598, 0.3666, 0.7006])
    return torch.cov(x, aweights=w, correction=0), torch.cov(x, aweights=w, fweights=torch.tensor([7, 4, 3]))


def test_weights_of_less_precision():
    assert_same(weights_of_less_precision, rtol=1e-12)
