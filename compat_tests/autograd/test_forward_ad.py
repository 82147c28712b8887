"""torch.autograd.forward_ad: tangents of values, views, writes and gradients, against torch."""

from __future__ import annotations

import contextlib

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's first dual tensor loads torch.jit
SIDES = (torch, jtorch)


def both(program) -> None:
    """Runs a program on both sides and compares what it returns."""
    found = []
    for lib in SIDES:
        with lib.autograd.forward_ad.dual_level():
            found.append(program(lib, lib.autograd.forward_ad))
    compare(found[1], found[0])


def dual(lib, fw, *shape, dtype="float64"):
    count = 1
    for n in shape:
        count *= n
    numbers = lib.arange(count, dtype=getattr(lib, dtype)).reshape(shape)
    return fw.make_dual((numbers + 1) / count, (numbers * 7 + 3) % 5 - 1.5)


def parts(fw, *tensors):
    """Value and tangent of each."""
    return [tuple(fw.unpack_dual(t)) for t in tensors]


@pytest.mark.parametrize(
    "op",
    [
        lambda lib, x: x.sin() * x + 2,
        lambda lib, x: lib.softmax(x, -1).log(),
        lambda lib, x: (x @ x.t()).relu().sum(0),
        lambda lib, x: x.max(1).values,
        lambda lib, x: lib.cat([x, lib.ones_like(x)]),
        lambda lib, x: lib.nn.functional.layer_norm(x, (4,)),
        lambda lib, x: lib.nn.functional.conv1d(x[None], lib.ones(2, 3, 2, dtype=x.dtype)),
        lambda lib, x: lib.linalg.svd(x).S[:2],  # the third is 0
        lambda lib, x: x.cumsum(0).sort(1).values,
        lambda lib, x: x.float(),
        lambda lib, x: x.detach() * x,
    ],
)
def test_values_and_tangents(op):
    both(lambda lib, fw: parts(fw, op(lib, dual(lib, fw, 3, 4))))


def test_what_has_no_tangent():
    def program(lib, fw):
        x = dual(lib, fw, 3)
        found = [x > 0, x.int(), x.detach(), lib.ones(3), x.argmax()]
        return [fw.unpack_dual(t).tangent is None for t in found]

    both(program)


def test_a_view_shares_its_base_s_tangent():
    def program(lib, fw):
        base = lib.zeros(3, 4, dtype=lib.float64)
        row = base[1]
        row.copy_(dual(lib, fw, 4))
        base[0, 1:3] = dual(lib, fw, 2)
        column = base[:, 2]
        column.mul_(3)
        base[2].zero_()
        return parts(fw, base, base[1], column)

    both(program)


def test_a_write_replaces_the_tangent():
    def program(lib, fw):
        x = dual(lib, fw, 4)
        y = x.clone()
        y.mul_(x).add_(1)
        z = x * 1
        z[:2] = 5.0
        w = x * 1
        w.fill_(2)
        return parts(fw, y, z, w)

    both(program)


def test_a_gradient_s_tangent_is_a_hessian_times_a_vector():
    def program(lib, fw):
        x = dual(lib, fw, 5).requires_grad_()
        (found,) = lib.autograd.grad((x.sin() * x * x).sum(), x)
        return [tuple(fw.unpack_dual(found))]

    both(program)


def test_a_tangent_has_a_gradient():
    def program(lib, fw):
        x = (lib.arange(4, dtype=lib.float64) + 1).requires_grad_()
        y = fw.make_dual(x, lib.ones(4, dtype=lib.float64))
        tangent = fw.unpack_dual(y.exp() * y).tangent
        return list(lib.autograd.grad(tangent.sum(), x))

    both(program)


def test_modules_carry_tangents():
    def program(lib, fw):
        lib.manual_seed(0)
        net = lib.nn.Sequential(lib.nn.Linear(4, 8), lib.nn.Tanh(), lib.nn.LayerNorm(8), lib.nn.Linear(8, 2)).double()
        return parts(fw, net(dual(lib, fw, 3, 4)).detach(), net(dual(lib, fw, 3, 4)))

    found = []
    for lib in SIDES:
        with lib.autograd.forward_ad.dual_level(), lib.no_grad():
            found.append(program(lib, lib.autograd.forward_ad))
    compare(found[1], found[0])


def test_tangents_end_with_their_level():
    for lib in SIDES:
        fw = lib.autograd.forward_ad
        with fw.dual_level():
            x = dual(lib, fw, 3)
        with fw.dual_level():
            assert fw.unpack_dual(x).tangent is None
            assert fw.unpack_dual(x * x).tangent is None


def test_factors_of_symmetric_matrices():
    """torch takes the tangent of a symmetric matrix as it comes, though the function reads one triangle."""

    def program(lib, fw):
        given = lib.tensor([[4.0, 0.5, 0.2], [0.5, 3.0, -0.1], [0.2, -0.1, 2.0]], dtype=lib.float64)
        x = fw.make_dual(given, lib.arange(9.0, dtype=lib.float64).reshape(3, 3))
        lower, upper = lib.linalg.cholesky(x), lib.linalg.cholesky_ex(x, upper=True).L
        values, vectors = lib.linalg.eigh(x)
        return parts(fw, lower, upper, values, lib.linalg.eigvalsh(x, UPLO="U"), vectors.abs())

    both(program)


def test_strides_over_a_dual():
    """A strided view reads the whole storage; the tangent of a dual tensor lies in a storage of its own."""

    def program(lib, fw):
        x = dual(lib, fw, 3, 4)
        rows = (x * 2)[1:]
        views = x.as_strided((2, 2), (1, 3)), x[1:].as_strided((2,), (5,)), x.t().as_strided((3,), (2,), 1)
        written = rows.as_strided((2, 2), (4, 1), 5)
        written.mul_(3)
        scattered = lib.as_strided_scatter(x, rows[:, :2] * x[0, 0], (2, 2), (1, 4), 2)
        return parts(fw, *views, written, rows, lib.as_strided_copy(x, (4,), (2,)), scattered)

    both(program)


def test_printing():
    texts = []
    for lib in SIDES:
        with lib.autograd.forward_ad.dual_level():
            texts.append(repr(dual(lib, lib.autograd.forward_ad, 3)))
    assert texts[1] == texts[0]


MISTAKES = [
    lambda lib, fw: fw.make_dual(lib.arange(3), lib.ones(3)),
    lambda lib, fw: fw.make_dual(lib.ones(3), lib.arange(3)),
    lambda lib, fw: fw.make_dual(lib.ones(3), lib.ones(4)),
    lambda lib, fw: fw.make_dual(fw.make_dual(lib.ones(3), lib.ones(3)), lib.ones(3)),
    lambda lib, fw: fw.unpack_dual(3),
    lambda lib, fw: fw.enter_dual_level(),
    lambda lib, fw: fw.exit_dual_level(level=3),
]


CASES = [*((mistake, True) for mistake in MISTAKES), *((mistake, False) for mistake in MISTAKES[:3])]


@pytest.mark.parametrize(("mistake", "inside"), CASES)
def test_errors(mistake, inside):
    said = []
    for lib in SIDES:
        fw = lib.autograd.forward_ad
        with fw.dual_level() if inside else contextlib.nullcontext(), pytest.raises(Exception) as caught:
            mistake(lib, fw)
        said.append((type(caught.value), str(caught.value)))
    assert said[1] == said[0]
