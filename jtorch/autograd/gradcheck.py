"""torch.autograd.gradcheck: gradients compared with differences of values.

https://docs.pytorch.org/docs/stable/autograd.html#numerical-gradient-checking

A Jacobian here has a row for each element of the input and a column for each of the output. A complex input has the
derivatives along its real and imaginary parts as one complex number, as torch's gradients do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from jtorch._ops.comparison import allclose
from jtorch._ops.complex_parts import imag, real
from jtorch._ops.creation import zeros, zeros_like
from jtorch._ops.joining import stack
from jtorch._ops.random import rand_like
from jtorch._tensor import Tensor as _Tensor
from jtorch._types.user_frame import warn
from jtorch.autograd import forward_ad
from jtorch.autograd.engine import grad
from jtorch.autograd.modes import no_grad

Tensor = Any  # its operators are declared, which the checker cannot follow


class GradcheckError(RuntimeError):
    """A gradient is not what differences of values say."""


class _Options(NamedTuple):
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    dtypes: bool
    forward: bool
    backward: bool
    fast: bool


def _listed(x: Any) -> tuple:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _differentiable(x: Any) -> bool:
    return isinstance(x, _Tensor) and x.requires_grad


def _outputs(found: Any) -> tuple:
    return tuple(o for o in _listed(found) if o.requires_grad)


def _check_inputs(inputs: tuple) -> None:
    if not any(map(_differentiable, inputs)):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i, x in enumerate(inputs):
        if not _differentiable(x):
            continue
        if x.dtype.itemsize != (16 if x.dtype.is_complex else 8):
            warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                "will likely fail if all the inputs are not of double precision floating point or complex. "
            )
        if not all(stride > 0 or size <= 1 for stride, size in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call .contiguous "
                "on the input before passing it to gradcheck."
            )


# Differences of values


def _places(x: Tensor) -> Iterator[tuple]:
    return itertools.product(*map(range, x.shape))


def _difference(fn: Callable, inputs: tuple, x: Tensor, step: Any, eps: float) -> list[Tensor]:
    """Slopes of the outputs while `x` moves by `step`."""
    shown = x.data  # what is written here is seen in x, and leaves no trace in the graph

    def values() -> list[Tensor]:
        return [o.detach().clone() for o in _listed(fn(*inputs))]

    def move(by: float) -> None:
        with no_grad():
            shown.add_(step, alpha=by)

    before = x.detach().clone()
    move(-eps)
    low = values()
    with no_grad():
        shown.copy_(before)
    move(eps)
    high = values()
    with no_grad():
        shown.copy_(before)
    return [(b - a) / (2 * eps) for a, b in zip(low, high, strict=True)]


def _unit(x: Tensor, place: tuple, value: complex = 1.0) -> Tensor:
    found = zeros_like(x.detach())
    found[place] = value
    return found


def _numerical(fn: Callable, inputs: tuple, x: Tensor, eps: float, outputs: int) -> list[Tensor]:
    """One Jacobian for each output, with respect to one input."""
    rows: list[list[Tensor]] = []
    for place in _places(x):
        found = _difference(fn, inputs, x, _unit(x, place), eps)
        if x.is_complex():
            other = _difference(fn, inputs, x, _unit(x, place, 1j), eps)
            found = [a + 1j * b for a, b in zip(found, other, strict=True)]
        rows.append([f.reshape(-1) for f in found])
    if not rows:
        return [zeros(0, o.numel(), dtype=x.dtype) for o in _listed(fn(*inputs))]
    return [stack([row[i] for row in rows]) for i in range(outputs)]


# Gradients


def _gradients(out: Tensor, inputs: Sequence[Tensor], vector: Tensor) -> list[Tensor]:
    found = grad(out, inputs, vector, retain_graph=True, allow_unused=True)
    return [zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def _analytical(out: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """One Jacobian for each input, from backward."""
    columns = [_gradients(out, inputs, _unit(out, place)) for place in _places(out)]
    if not columns:
        return [zeros(x.numel(), 0, dtype=x.dtype) for x in inputs]
    return [stack([c[i].detach().reshape(-1) for c in columns], 1) for i in range(len(inputs))]


def _tangents(fn: Callable, inputs: tuple, x: Tensor, step: Tensor) -> list[Tensor]:
    """Tangents of the outputs, of one of the inputs' tangent."""
    with forward_ad.dual_level():
        given = [forward_ad.make_dual(y, step) if y is x else y for y in inputs]
        found = [forward_ad.unpack_dual(o) for o in _listed(fn(*given))]
        return [zeros_like(o.primal).detach() if o.tangent is None else o.tangent.detach() for o in found]


def _forward(fn: Callable, inputs: tuple, x: Tensor, outputs: int) -> list[Tensor]:
    """One Jacobian for each output, with respect to one input, from forward mode."""
    rows = []
    for place in _places(x):
        found = _tangents(fn, inputs, x, _unit(x, place))
        if x.is_complex():
            other = _tangents(fn, inputs, x, _unit(x, place, 1j))
            found = [a + 1j * b for a, b in zip(found, other, strict=True)]
        rows.append([f.reshape(-1) for f in found])
    if not rows:
        return [zeros(0, o.numel(), dtype=x.dtype) for o in _listed(fn(*inputs))]
    return [stack([row[i] for row in rows]) for i in range(outputs)]


def _close(found: Tensor, expected: Tensor, options: _Options) -> bool:
    if found.is_complex() != expected.is_complex():
        found, expected = found + 0j, expected + 0j
    wide = found.dtype if found.dtype.itemsize >= expected.dtype.itemsize else expected.dtype
    return allclose(found.to(wide), expected.to(wide), options.rtol, options.atol)


def _mismatch(found: Any, expected: Any, out: int, given: int, words: str, prefix: str) -> GradcheckError:
    return GradcheckError(
        f"{prefix}Jacobian {words}mismatch for output {out} with respect to input {given},\n"
        f"numerical:{expected}\nanalytical:{found}\n"
    )


_REENTRANT = (
    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different "
    "values, although analytical gradient matches numerical gradient.The tolerance for nondeterminism was {}.\n\nNOTE: "
    "If your op relies on non-deterministic operations, call gradcheck with `nondet_tol=<tol>` as a keyword argument."
)


def _check(fn: Callable, inputs: tuple, options: _Options, prefix: str) -> None:
    """Both ways of differentiating against differences, for real outputs or one part of complex ones."""
    given = [x for x in inputs if _differentiable(x)]
    results = _listed(fn(*inputs))
    numerical = [_numerical(fn, inputs, x, options.eps, len(results)) for x in given]
    live = [i for i, o in enumerate(results) if o.requires_grad]
    if not live:
        if any(bool((jacobian != 0).any()) for row in numerical for jacobian in row):
            raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    if options.backward:
        for o in live:
            found, again = _analytical(results[o], given), _analytical(results[o], given)
            for a, b in zip(found, again, strict=True):
                if not a.numel() or float((a - b).abs().max()) <= options.nondet_tol:
                    continue
                raise GradcheckError(_REENTRANT.format(options.nondet_tol))
            for i, x in enumerate(given):
                if not _close(found[i], numerical[i][o], options):
                    raise _mismatch(found[i], numerical[i][o], o, i, "", prefix)
                if options.dtypes and found[i].dtype is not x.dtype:
                    raise GradcheckError("Gradient has dtype mismatch")
    if options.forward:
        for i, x in enumerate(given):
            for o, found in enumerate(_forward(fn, inputs, x, len(results))):
                if not _close(found, numerical[i][o], options):
                    raise _mismatch(found, numerical[i][o], o, i, "computed with forward mode ", prefix)


def _check_fast(fn: Callable, inputs: tuple, options: _Options, prefix: str) -> None:
    """The same along one direction of each input and one of each output."""
    given = [x for x in inputs if _differentiable(x)]
    results = _listed(fn(*inputs))
    vectors = [rand_like(o.detach()) for o in results]
    for i, x in enumerate(given):
        parts = [rand_like(x.detach())] if not x.is_complex() else [rand_like(real(x.detach())) * k for k in (1, 1j)]
        for step in parts:
            slopes = _difference(fn, inputs, x, step, options.eps)
            forward = _tangents(fn, inputs, x, step) if options.forward else [None] * len(results)
            for o, (out, v) in enumerate(zip(results, vectors, strict=True)):
                expected = (slopes[o] * v).sum()
                if options.backward:
                    g = _gradients(out, [x], v)[0] if out.requires_grad else zeros_like(x)
                    found = real((g.conj() * step).sum()) if x.is_complex() else (g * step).sum()
                    if not _close(found.detach(), expected, options):
                        raise _mismatch(found.item(), expected.item(), o, i, "", prefix)
                if options.forward:
                    tangent = (forward[o] * v).sum()
                    if not _close(tangent, expected, options):
                        words = "computed with forward mode "
                        raise _mismatch(tangent.item(), expected.item(), o, i, words, prefix)


def _check_zeros(fn: Callable, inputs: tuple) -> None:
    """A gradient of zeros must give zeros."""
    outputs = _outputs(fn(*inputs))
    given = [x for x in inputs if _differentiable(x)]
    if not outputs:
        return
    for g in grad(outputs, given, [zeros_like(o) for o in outputs], allow_unused=True):
        if g is not None and bool((g != 0).any()):
            raise GradcheckError("backward not multiplied by grad_output")


def _part(fn: Callable, part: Callable) -> Callable:
    def taken(*inputs: Any) -> tuple:
        return tuple(part(o) if o.is_complex() else o for o in _listed(fn(*inputs)))

    return taken


def gradcheck(
    func: Callable,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """True when the gradients of `func` agree with differences of its values; GradcheckError, or False, otherwise.

    Inputs should be double. Batched gradients are computed one by one here, so there is nothing more to check of them.

    >>> import jtorch as torch
    >>> torch.autograd.gradcheck(torch.sin, torch.ones(2, dtype=torch.float64, requires_grad=True))
    True
    """
    assert check_forward_ad or check_backward_ad, (
        "Expected at least one of check_forward_ad or check_backward_ad to be True"
    )
    assert not (check_batched_grad and not check_backward_ad), (
        "Setting check_batched_grad=True requires check_backward_ad to be True"
    )
    assert not (check_batched_forward_grad and not check_forward_ad), (
        "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
    )
    options = _Options(eps, atol, rtol, nondet_tol, check_grad_dtypes, check_forward_ad, check_backward_ad, fast_mode)
    try:
        _gradcheck(func, _listed(inputs), options)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _gradcheck(func: Callable, inputs: tuple, options: _Options) -> None:
    _check_inputs(inputs)
    outputs = _outputs(func(*inputs))
    if any(o.is_sparse for o in outputs):
        raise ValueError(
            "Sparse output is not supported at gradcheck yet. Please call to_dense(masked_grad=...) on the output of "
            "fn for gradcheck."
        )
    check = _check_fast if options.fast else _check
    if any(o.is_complex() for o in outputs):
        for name, part in (("imaginary", imag), ("real", real)):
            check(_part(func, part), inputs, options, f"While considering the {name} part of complex outputs only, ")
    else:
        check(func, inputs, options, "")
    if options.backward:
        _check_zeros(func, inputs)


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """`gradcheck` of the gradients of `func`, as a function of its inputs and of the gradients of its outputs.

    >>> import jtorch as torch
    >>> torch.autograd.gradgradcheck(torch.sin, torch.ones(2, dtype=torch.float64, requires_grad=True))
    True
    """
    assert check_fwd_over_rev or check_rev_over_rev, (
        "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
    )
    inputs = _listed(inputs)
    outputs = _outputs(func(*inputs))
    if grad_outputs is None:
        grad_outputs = tuple((rand_like(o.detach()) * 2 - 1).requires_grad_() for o in outputs)
    vectors = _listed(grad_outputs)

    def slopes(*args: Any) -> tuple:
        given, after = args[: len(inputs)], args[len(inputs) :]
        wanted = [x for x in given if _differentiable(x)]
        found = grad(_outputs(func(*given)), wanted, after, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        slopes,
        (*inputs, *vectors),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        masked=masked,
    )


def _warn_private(name: str) -> None:
    warn(
        f"`{name}` was part of PyTorch's private API and not meant to be exposed. We are deprecating it and it will be "
        "removed in a future version of PyTorch. If you have a specific use for this or feature request for this to be "
        "a stable API, please file us an issue at https://github.com/pytorch/pytorch/issues/new",
        FutureWarning,
    )


def get_numerical_jacobian(
    fn: Callable, inputs: Any, target: Any = None, eps: float = 1e-3, grad_out: float = 1.0
) -> tuple:
    """The Jacobians of a function of the tuple of inputs, by differences; torch's FutureWarning."""
    _warn_private("get_numerical_jacobian")
    if grad_out != 1.0:
        raise ValueError(
            "Expected grad_out to be 1.0. get_numerical_jacobian no longer supports values of grad_out != 1.0."
        )
    inputs = _listed(inputs)
    wanted = [x for x in _listed(inputs if target is None else target) if _differentiable(x)]
    return tuple(_numerical(lambda *args: fn(args), inputs, x, eps, 1)[0] for x in wanted)


def get_analytical_jacobian(inputs: Any, output: Tensor, nondet_tol: float = 0.0, grad_out: float = 1.0) -> tuple:
    """The Jacobians of an output by backward, and whether it was the same twice and had the inputs' sizes and types."""
    _warn_private("get_analytical_jacobian")
    if grad_out != 1.0:
        raise ValueError(
            "Expected grad_out to be 1.0. get_analytical_jacobian no longer supports values of grad_out != 1.0."
        )
    given = [x for x in _listed(inputs) if _differentiable(x)]
    found, again = _analytical(output, given), _analytical(output, given)
    same = all(float((a - b).abs().max()) <= nondet_tol for a, b in zip(found, again, strict=True))
    types = all(a.dtype is x.dtype for a, x in zip(found, given, strict=True))
    return tuple(found), same, True, types


__all__ = ["GradcheckError", "get_analytical_jacobian", "get_numerical_jacobian", "gradcheck", "gradgradcheck"]
