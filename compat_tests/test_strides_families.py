"""Strides of whole families of ops: Fourier transforms, linear algebra, copies of views, channels last."""

from __future__ import annotations

import itertools

import pytest
import torch

import jtorch
from compat_tests.harness.calls import tensors_in
from compat_tests.harness.compare import compare, compare_strides

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def same(program) -> None:
    """Values and strides are torch's."""
    mine, theirs = program(jtorch), program(torch)
    compare(list(tensors_in(mine)), list(tensors_in(theirs)))
    compare_strides(list(tensors_in(mine)), list(tensors_in(theirs)))


def numbers(lib, *shape, dtype="float32"):
    """Fixed numbers without order, none of them 0."""
    count = 1
    for n in shape:
        count *= n
    x = (lib.arange(count) * 7 % 11 + 1).to(lib.float32).reshape(shape) / 4
    return (x + x.flip(0) * 1j).to(getattr(lib, dtype)) if dtype.startswith("complex") else x.to(getattr(lib, dtype))


STARTS = {
    "rows": lambda x: x,
    "turned": lambda x: x.permute(2, 0, 1),
    "part": lambda x: x.transpose(0, 2)[:, 1:],
}
TRANSFORMS = [
    *((name, {"dim": dim}) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for dim in range(3)),
    *((name, {"n": n, "dim": 1}) for name in ("fft", "rfft", "irfft", "ihfft") for n in (2, 9)),
    *(
        (name, {"dim": dim})
        for name in ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn")
        for count in (1, 2, 3)
        for dim in itertools.permutations(range(3), count)
    ),
    *((name, {"s": (2, 8), "dim": (2, 0)}) for name in ("fft2", "rfft2", "irfft2", "hfft2", "ihfft2")),
]


@pytest.mark.parametrize("start", STARTS)
def test_fourier_transforms(start):
    for name, options in TRANSFORMS:
        for dtype in ("float32",) if name.startswith(("rfft", "ihfft")) else ("float32", "complex64"):
            found = [getattr(lib.fft, name)(STARTS[start](numbers(lib, 4, 5, 6, dtype=dtype)), **options)
                     for lib in (jtorch, torch)]  # fmt: skip
            assert found[0].stride() == found[1].stride(), (name, options, dtype)
            assert found[0].shape == found[1].shape


COPIES = {
    "as_strided_copy": ((2, 3), (1, 2)),
    "diagonal_copy": (0, 0, 1),
    "permute_copy": ((2, 0, 1),),
    "transpose_copy": (0, 1),
    "unfold_copy": (0, 2, 1),
    "expand_copy": ((4, 2, 3, 4),),
    "select_copy": (2, 1),
    "squeeze_copy": (),
    "unsqueeze_copy": (1,),
    "detach_copy": (),
    "alias_copy": (),
    "narrow_copy": (1, 0, 2),
    "unbind_copy": (2,),
    "split_with_sizes_copy": ([1, 3], 2),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_views_lie_by_rows(name):
    same(lambda lib: getattr(lib, name)(numbers(lib, 2, 3, 4), *COPIES[name]))
    same(lambda lib: getattr(lib, name)(numbers(lib, 4, 3, 2).transpose(0, 2).clone(), *COPIES[name]))


def regular(lib, *batch):
    return numbers(lib, *batch, 4, 4) + 5 * lib.eye(4)


LINEAR = {
    "solve": lambda lib: lib.linalg.solve(regular(lib, 2), numbers(lib, 2, 4, 3)),
    "solve, right": lambda lib: lib.linalg.solve(regular(lib, 2), numbers(lib, 2, 3, 4), left=False),
    "solve, vectors": lambda lib: lib.linalg.solve(regular(lib, 2, 3), numbers(lib, 2, 3, 4)),
    "solve_ex, vectors": lambda lib: lib.linalg.solve_ex(regular(lib, 2), numbers(lib, 2, 4)),
    "lu_solve": lambda lib: lib.linalg.lu_solve(*lib.linalg.lu_factor(regular(lib, 2)), numbers(lib, 2, 4, 3)),
    "lu_solve, right": lambda lib: lib.linalg.lu_solve(
        *lib.linalg.lu_factor(regular(lib, 2)), numbers(lib, 2, 3, 4), left=False
    ),
    "lu_solve, old": lambda lib: lib.lu_solve(numbers(lib, 2, 4, 3), *lib.linalg.lu_factor(regular(lib, 2))),
    "cholesky_solve": lambda lib: lib.cholesky_solve(numbers(lib, 2, 4, 3), regular(lib, 2).tril()),
    "householder_product": lambda lib: lib.linalg.householder_product(regular(lib, 2), numbers(lib, 2, 4) / 9),
    "geqrf": lambda lib: lib.geqrf(regular(lib, 2)),
    "conjugated": lambda lib: [numbers(lib, 3, 4, dtype="complex64").H, numbers(lib, 2, 3, 4, dtype="complex64").mH],
    "polar": lambda lib: lib.polar(numbers(lib, 3, 4).T, numbers(lib, 3, 4).T),
    "unravel_index": lambda lib: lib.unravel_index(lib.arange(6).reshape(2, 3).T, (2, 3)),
    "rot90": lambda lib: [lib.rot90(numbers(lib, 2, 3, 4), k, (2, 0)) for k in range(4)],
    "rot90, turned": lambda lib: [lib.rot90(numbers(lib, 2, 3, 4).permute(2, 0, 1), k) for k in range(4)],
    "argwhere": lambda lib: [lib.argwhere(lib.ones(2, 3)), lib.nonzero(lib.ones(2, 3)), lib.ones(2, 3).nonzero()],
    "stft": lambda lib: [
        lib.stft(numbers(lib, 2, 40), 8, window=lib.ones(8), return_complex=True),
        lib.stft(numbers(lib, 40), 8, window=lib.ones(8), return_complex=False),
    ],
}


@pytest.mark.parametrize("name", LINEAR)
def test_matrices(name):
    same(LINEAR[name])


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (4, 4)])
def test_least_squares_lie_in_the_memory_of_the_right_sides(driver, shape):
    def program(lib, *right):
        A = numbers(lib, 2, *shape) + 3 * lib.eye(*shape)
        return lib.linalg.lstsq(A, numbers(lib, 2, shape[0], *right), driver=driver).solution

    same(lambda lib: program(lib, 2))
    same(lambda lib: program(lib))


def test_a_solution_that_lies_in_more_memory_is_an_ordinary_tensor():
    def program(lib):
        A = numbers(lib, 4, 3) + 3 * lib.eye(4, 3)
        X = lib.linalg.lstsq(A.requires_grad_(), numbers(lib, 4, 2), driver="gels").solution
        X.sum().backward()
        Y = X.detach()
        Y[0] = 2
        Y.mul_(3)
        return [X, Y, Y.T, Y.as_strided((4,), (1,)), A.grad, lib.tensor(X.is_contiguous())]

    mine, theirs = program(jtorch), program(torch)
    for at in (0, 1, 2, 4, 5):
        compare(mine[at], theirs[at], rtol=1e-4, atol=1e-4)
    compare(mine[3][:3], theirs[3][:3], rtol=1e-4, atol=1e-4)
    assert not mine[0]._is_view() and mine[0].grad_fn.name() == theirs[0].grad_fn.name()
