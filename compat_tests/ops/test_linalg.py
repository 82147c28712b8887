"""Linear algebra beside what torch's database samples: errors, LAPACK's pivots, drivers, names of old."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.check import first_sentence
from compat_tests.harness.compare import compare
from compat_tests.ops.agree import agree

KINDS = ("vector", "wide", "whole", "half", "three")
DECOMPOSITIONS = (
    "eig eigvals lu lu_factor lu_factor_ex ldl_factor ldl_factor_ex cond svd qr svdvals eigh eigvalsh cholesky "
    "cholesky_ex inv det slogdet matrix_exp matrix_rank"
).split()
REFUSED = """
L.lu(square, pivot=False)
L.lu_factor(zeros)
L.lu_factor(pair)
L.lu_factor_ex(pair, check_errors=True)
L.ldl_solve(*ldl, ones(3, 1))
L.ldl_solve(ldl[0], ldl[1][:2], column)
L.ldl_solve(*ldl, column.double())
L.lu_solve(*lu, ones(4))
L.lu_solve(*lu, ones(3, 1))
L.lu_solve(lu[0], lu[1].long(), column)
L.lu_solve(lu[0], lu[1][:2], column)
L.lu_solve(*lu, column.double())
torch.lu_unpack(lu[0], lu[1].long())
torch.lu_unpack(vector, lu[1])
L.householder_product(wide, vector)
L.householder_product(wide.T, ones(5))
L.householder_product(wide.T, vector.double())
L.householder_product(wide.T[None], vector)
torch.ormqr(vector, vector, vector)
torch.ormqr(wide.T, vector, vector)
torch.ormqr(wide.T, vector, ones(2, 4))
torch.ormqr(wide.T, ones(5), column)
torch.ormqr(wide.T, vector.double(), column)
torch.geqrf(vector)
torch.geqrf(whole)
torch.cholesky_inverse(wide)
torch.cholesky_inverse(zeros)
torch.cholesky_inverse(half)
torch.svd(vector)
torch.cholesky_solve(vector, vector)
torch.cholesky_solve(column, wide)
torch.cholesky_solve(column, square.double())
torch.triangular_solve(ones(3, 1), square)
torch.triangular_solve(half, half)
L.solve_triangular(square, wide, upper=True)
L.solve_triangular(square, vector, upper=True)
L.solve(square, wide)
L.solve(square, square.double())
L.solve_ex(zeros, zeros, check_errors=True)
L.inv_ex(zeros, check_errors=True)
torch.inverse(zeros)
L.cholesky(indefinite)
L.cholesky(torch.stack([indefinite.abs(), indefinite]))
L.cholesky_ex(indefinite, check_errors=True)
L.svd(square, driver="gesvd")
L.cond(wide, 1)
L.cond(square, 3)
L.cond(square, "abc")
L.tensorinv(square, 0)
L.tensorinv(square.reshape(2, 2, 4), 1)
L.tensorsolve(square, vector)
L.tensorsolve(zeros, vector)
L.vander(vector, N=1)
L.vander(torch.tensor([True]))
L.lstsq(square, vector)
L.lstsq(square, ones(3, 1))
L.lstsq(square, column.double())
L.lstsq(whole, whole)
L.lstsq(ones(4, 3), column, driver="gels")
L.lstsq(square, column, driver="abc")
L.matrix_power(wide, 2)
L.matrix_power(zeros, -1)
torch.lobpcg(square, k=2)
torch.eig(square)
torch.lstsq(square, square)
torch.solve(square, square)
torch.symeig(square)
torch.matrix_rank(square)
square.eig()
torch.geqrf(leaf)[0].sum().backward()
L.ldl_factor(leaf)[0].sum().backward()
L.ldl_solve(*ldl, leaf).sum().backward()
""".strip().splitlines()


def names(side: Any) -> dict[str, Any]:
    """What the lines may use."""
    square = side.tensor(np.random.default_rng(3).normal(size=(4, 4)).astype(np.float32))
    zeros = side.zeros(3, 3)
    return {
        "torch": side, "L": side.linalg, "ones": side.ones, "square": square, "zeros": zeros, "vector": side.ones(3),
        "wide": square[:3], "whole": side.ones(3, 3, dtype=side.int64), "half": side.ones(3, 3).half(),
        "column": side.ones(4, 1), "three": 3, "pair": side.stack([side.eye(3), zeros]),
        "lu": tuple(side.linalg.lu_factor(square)), "ldl": tuple(side.linalg.ldl_factor(square + square.T)),
        "indefinite": side.tensor([[4.0, 2, 0], [2, 3, 5], [0, 5, 1]]), "leaf": square.clone().requires_grad_(),
    }  # fmt: skip


def said(side: Any, line: str) -> str:
    """The error of a line: its type and first sentence; "no error" when there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            eval(line, names(side))
        except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
            return f"{type(error).__name__}: {first_sentence(str(error))}"
    return "no error"


@pytest.mark.parametrize("line", REFUSED)
def test_refusal(line: str):
    expected = said(torch, line)
    assert expected != "no error"
    assert said(jtorch, line) == expected


@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_decomposition_of_what_it_does_not_take(name: str):
    lines = [f"L.{name}({kind})" for kind in KINDS if (name, kind) != ("matrix_rank", "three")]
    assert [said(jtorch, line) for line in lines] == [said(torch, line) for line in lines]


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5, 8, 13])
def test_ldl_pivots_are_those_of_lapack(size: int, hermitian: bool):
    numbers = np.random.default_rng(size)
    A = numbers.normal(size=(20, size, size)) + 1j * numbers.normal(size=(20, size, size)) * hermitian
    A = A + np.swapaxes(A, -1, -2).conj()
    A[::4, range(size), range(size)] = 0  # blocks of two
    B = numbers.normal(size=(20, size, 2)).astype(A.dtype)

    def factors(side: Any) -> Any:
        LD, pivots = side.linalg.ldl_factor(side.tensor(A), hermitian=hermitian)
        return LD, pivots, side.linalg.ldl_solve(LD, pivots, side.tensor(B), hermitian=hermitian)

    agree(factors, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
def test_lstsq_returns_what_the_driver_computes(driver: str):
    numbers = np.random.default_rng(1)
    A, B = numbers.normal(size=(3, 6, 4)), numbers.normal(size=(3, 6, 2))
    agree(lambda t: t.linalg.lstsq(t.tensor(A), t.tensor(B), driver=driver))
    wide, low = A.swapaxes(1, 2), B[:, :4]
    agree(lambda t: t.linalg.lstsq(t.tensor(wide), t.tensor(low), driver=driver))


@pytest.mark.parametrize("driver", ["gelsy", "gelsd", "gelss"])
def test_lstsq_of_low_rank(driver: str):
    A, B = np.outer(np.arange(1.0, 6), [1.0, 2, 3]), np.arange(10.0).reshape(5, 2)
    agree(lambda t: t.linalg.lstsq(t.tensor(A), t.tensor(B), driver=driver)[:3])


def test_cholesky_ex_says_which_minor_fails():
    A = np.stack([np.eye(4), np.diag([1.0, 2, -1, 3]), np.diag([0.0, 1, 1, 1]), np.diag([1.0, 1, 1, -1])])
    agree(lambda t: t.linalg.cholesky_ex(t.tensor(A)).info)


@pytest.mark.parametrize(("largest", "general"), list(itertools.product([True, False], [True, False])))
def test_lobpcg(largest: bool, general: bool):
    numbers = np.random.default_rng(2)
    A, B = (m @ m.T + np.eye(12) for m in numbers.normal(size=(2, 12, 12)))

    def pairs(side: Any) -> Any:
        side.manual_seed(0)
        options = {"B": side.tensor(B)} if general else {}
        values, vectors = side.lobpcg(side.tensor(A), k=2, largest=largest, niter=200, tol=1e-12, **options)
        return values, vectors.abs()

    agree(pairs, rtol=1e-5, atol=1e-5)


def test_complex_gradients_of_eigenvalues():
    numbers = np.random.default_rng(4)
    A = numbers.normal(size=(4, 4)) + 1j * numbers.normal(size=(4, 4))

    def gradient(side: Any) -> Any:
        leaf = side.tensor(A).requires_grad_()
        values, vectors = side.linalg.eig(leaf)
        loss = (values.abs() ** 2).sum() + (vectors.abs() * side.arange(4.0, dtype=side.float64)).sum()
        return side.autograd.grad(loss, leaf)

    compare(gradient(jtorch), gradient(torch))
