"""gradcheck and gradgradcheck, compared with torch: verdicts and the first line of errors."""

from __future__ import annotations

import re
import warnings
from importlib import import_module

import torch as oracle

from compat_tests.harness.same import assert_same, each_program

with warnings.catch_warnings(action="ignore"), oracle.autograd.forward_ad.dual_level():
    oracle.autograd.forward_ad.make_dual(oracle.ones(1), oracle.ones(1)).sin()  # torch warns of its own code, once


def _verdict(call):
    """What a check says; of an error its type and words up to the numbers."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        return type(error).__name__, re.split(r"\nnumerical|The tolerance", str(error))[0]


def _x(torch, n=2, dtype="float64"):
    return torch.linspace(0.5, 1.5, n, dtype=getattr(torch, dtype)).requires_grad_()


def _complex(torch):
    return torch.tensor([1 + 2j, 0.5 - 1j], dtype=torch.complex128, requires_grad=True)


def _function(torch, forward, backward, **others):
    members = {"forward": forward, "backward": backward, **others}
    return type("F", (torch.autograd.Function,), {k: staticmethod(v) for k, v in members.items()}).apply


def _wrong(torch):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    return _function(torch, forward, lambda ctx, g: g * 3 * ctx.saved_tensors[0])


def right(torch):
    check = torch.autograd.gradcheck
    return [
        check(torch.sin, _x(torch)),
        check(torch.sin, (_x(torch),), fast_mode=True),
        check(lambda x, y: (x * y.sum(), y), (_x(torch), _x(torch, 3))),
        check(lambda x: x.expand(3, 2), _x(torch)),
        check(lambda x, n: x**n, (_x(torch), 3)),
        check(lambda x: (x.sin(), torch.ones(2)), _x(torch)),
        check(lambda x: torch.ones(2) * x, [_x(torch)]),
        check(torch.sin, torch.zeros(0, dtype=torch.float64, requires_grad=True)),
        check(torch.sin, torch.tensor(0.5, dtype=torch.float64, requires_grad=True)),
        check(torch.sin, _x(torch), check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True),
        check(torch.sin, _x(torch), check_forward_ad=True, check_backward_ad=False),
        check(lambda x: (x @ x).cumsum(0), _x(torch, 4).detach().view(2, 2).requires_grad_()),
    ]


def right_of_complex_numbers(torch):
    check = torch.autograd.gradcheck
    return [
        check(lambda z: z * z.conj(), _complex(torch)),
        check(lambda z: z.abs(), _complex(torch)),
        check(lambda x: x * (1 + 2j), _x(torch)),
        check(lambda z: z.exp(), _complex(torch), fast_mode=True),
    ]


def wrong(torch):
    check, wrong = torch.autograd.gradcheck, _wrong(torch)
    return [
        _verdict(lambda: check(wrong, _x(torch))),
        _verdict(lambda: check(wrong, _x(torch), fast_mode=True)),
        _verdict(lambda: check(wrong, _x(torch), raise_exception=False)),
        _verdict(lambda: check(wrong, _complex(torch))),
        _verdict(lambda: check(lambda x, y: (y * 2, wrong(x)), (_x(torch), _x(torch)))),
        _verdict(lambda: check(lambda x: x.detach(), _x(torch))),
        _verdict(lambda: check(_function(torch, lambda ctx, x: x**2, lambda ctx, g: None), _x(torch))),
        _verdict(
            lambda: check(_function(torch, lambda ctx, x: x * 1, lambda ctx, g: torch.ones_like(g)), _x(torch, 1))
        ),
    ]


def wrong_in_single_precision(torch):
    return _verdict(lambda: torch.autograd.gradcheck(torch.sin, _x(torch, dtype="float32")))


def wrong_forward(torch):
    f = _function(torch, lambda ctx, x: x**2, lambda ctx, g: g, jvp=lambda ctx, t: t)
    return _verdict(lambda: torch.autograd.gradcheck(f, _x(torch), check_forward_ad=True, check_backward_ad=False))


def different_each_time(torch):
    calls = []

    def backward(ctx, g):
        calls.append(1)
        return g * (1 + 1e-7 * len(calls))

    f = _function(torch, lambda ctx, x: x * 1, backward)
    check = torch.autograd.gradcheck
    return _verdict(lambda: check(f, _x(torch))), check(f, _x(torch), nondet_tol=1e-3)


def refused(torch):
    check = torch.autograd.gradcheck
    return [
        _verdict(lambda: check(torch.sin, torch.ones(2, dtype=torch.float64))),
        _verdict(lambda: check(torch.sum, _x(torch).expand(3, 2))),
        _verdict(lambda: check(torch.sin, _x(torch), check_batched_forward_grad=True)),
        _verdict(lambda: check(torch.sin, _x(torch), check_backward_ad=False)),
        _verdict(lambda: check(lambda x: x.to_sparse(), _x(torch))),
    ]


def error_of_the_function(torch):
    def backward(ctx, g):
        raise KeyError("mine")

    return _verdict(lambda: torch.autograd.gradcheck(_function(torch, lambda ctx, x: x * 1, backward), _x(torch)))


def second_order(torch):
    check = torch.autograd.gradgradcheck

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    cut = _function(torch, forward, lambda ctx, g: g * 3 * ctx.saved_tensors[0].detach() ** 2)
    return [
        check(lambda x: x**3, _x(torch)),
        check(lambda x, y: x * y, (_x(torch), _x(torch)), torch.ones(2, dtype=torch.float64)),
        check(lambda x: x**3, _x(torch), check_fwd_over_rev=True),
        check(lambda x: x * 2, _x(torch)),
        check(torch.sin, _x(torch), fast_mode=True),
        _verdict(lambda: check(cut, _x(torch))),
        check(cut, _x(torch), raise_exception=False),
    ]


def inputs_stay(torch):
    x = _x(torch)
    torch.autograd.gradcheck(torch.sin, x)
    return x, x._version, x.grad


def older_functions(torch):
    module, x = import_module(f"{torch.__name__}.autograd.gradcheck"), _x(torch)
    return (
        module.get_numerical_jacobian(lambda inputs: inputs[0].sin(), (x,), eps=1e-6),
        module.get_analytical_jacobian((x,), x.sin()),
        issubclass(module.GradcheckError, RuntimeError),
    )


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-6, atol=1e-8)
