"""Warnings of ops: torch's categories and sentences, each time or once in a process as torch gives them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.same import warned


def said(lib, program) -> list[tuple[type, str]]:
    return warned(lambda: program(lib))[1]


def matrix(lib):
    return lib.arange(9.0).reshape(3, 3) + 9 * lib.eye(3)


def positive(lib):
    return matrix(lib) @ matrix(lib).mT


def complex_matrix(lib):
    return lib.complex(matrix(lib), matrix(lib))


def row(lib, **options):
    return lib.tensor([1.0, 2.0, 3.0], **options)


EACH_TIME = {
    "mse_loss, sizes": lambda lib: lib.nn.functional.mse_loss(row(lib), row(lib)[:1]),
    "huber_loss, sizes": lambda lib: lib.nn.functional.huber_loss(row(lib), matrix(lib)),
    "mse_loss, flags": lambda lib: lib.nn.functional.mse_loss(row(lib), row(lib), size_average=False),
    "l1_loss, flags": lambda lib: lib.nn.functional.l1_loss(row(lib), row(lib)[:1], reduce=False),
    "kl_div, mean": lambda lib: lib.nn.KLDivLoss()(row(lib), row(lib)),
    "kl_div, flags": lambda lib: lib.nn.functional.kl_div(row(lib), row(lib), reduce=True),
    "cross_entropy, flags": lambda lib: lib.nn.functional.cross_entropy(matrix(lib), lib.arange(3), reduce=False),
    "nll_loss, flags": lambda lib: lib.nn.functional.nll_loss(matrix(lib), lib.arange(3), size_average=True),
    "hinge, flags": lambda lib: lib.nn.functional.hinge_embedding_loss(row(lib), row(lib), size_average=False),
    "cosine, flags": lambda lib: lib.nn.functional.cosine_embedding_loss(
        matrix(lib), matrix(lib), row(lib), size_average=False
    ),
    "ranking, flags": lambda lib: lib.nn.functional.margin_ranking_loss(row(lib), row(lib), row(lib), reduce=True),
    "multi_margin, flags": lambda lib: lib.nn.functional.multi_margin_loss(matrix(lib), lib.arange(3), reduce=True),
    "logits, flags": lambda lib: lib.nn.functional.binary_cross_entropy_with_logits(row(lib), row(lib), reduce=True),
    "std of one": lambda lib: row(lib)[:1].std(),
    "var of one": lambda lib: lib.var(row(lib)[:1], 0),
    "new_tensor": lambda lib: row(lib).new_tensor(row(lib)),
    "tensor of a tensor": lambda lib: lib.tensor(row(lib)),
    "grad of a result": lambda lib: (row(lib, requires_grad=True) * 2).grad,
    "retained grad": lambda lib: retained(lib),
    "grad of a leaf": lambda lib: row(lib, requires_grad=True).grad,
    "range": lambda lib: lib.range(0, 3),
    "uint8 index": lambda lib: row(lib)[lib.ones(3, dtype=lib.uint8)],
    "softmax without dim": lambda lib: lib.nn.functional.softmax(matrix(lib)),
    "resized out": lambda lib: lib.add(row(lib), row(lib), out=lib.empty(2)),
    "grad of no graph": lambda lib: (row(lib, requires_grad=True) * 2).detach().grad,
}


def retained(lib):
    x = row(lib, requires_grad=True) * 2
    x.retain_grad()
    return x.grad


@pytest.mark.parametrize("name", EACH_TIME)
def test_each_time(name):
    for _ in range(2):
        assert said(jtorch, EACH_TIME[name]) == said(torch, EACH_TIME[name])


def image(lib):
    return lib.ones(1, 2, 5)


def whole(lib):
    return lib.zeros(3, dtype=lib.int64).unsqueeze(0).repeat(3, 1)


ONCE = {
    "lu": lambda lib: lib.lu(matrix(lib)),
    "Tensor.lu": lambda lib: matrix(lib).lu(),
    "lu_solve": lambda lib: lib.lu_solve(matrix(lib), *lib.linalg.lu_factor(matrix(lib))),
    "qr": lambda lib: lib.qr(matrix(lib)),
    "cholesky": lambda lib: positive(lib).cholesky(),
    "triangular_solve": lambda lib: lib.triangular_solve(matrix(lib), matrix(lib)),
    "chain_matmul": lambda lib: lib.chain_matmul(matrix(lib), matrix(lib)),
    "cross": lambda lib: lib.cross(matrix(lib), matrix(lib)),
    "meshgrid": lambda lib: lib.meshgrid(row(lib), row(lib)),
    "T of a vector": lambda lib: row(lib).T,
    "T of a number": lambda lib: lib.tensor(1.0).T,
    "H of a number": lambda lib: lib.tensor(1.0).H,
    "float": lambda lib: float(row(lib, requires_grad=True)[0]),
    "complex": lambda lib: complex(row(lib, requires_grad=True)[0]),
    "tensor of results": lambda lib: lib.tensor([row(lib, requires_grad=True)[0]]),
    "complex to real": lambda lib: complex_matrix(lib).float(),
    "complex written": lambda lib: matrix(lib).copy_(complex_matrix(lib)),
    "complex assigned": lambda lib: matrix(lib).__setitem__(0, complex_matrix(lib)[0]),
    "complex sum": lambda lib: complex_matrix(lib).sum(dtype=lib.float32),
    "complex softmax": lambda lib: complex_matrix(lib).softmax(0, dtype=lib.float64),
    "padding of even kernels": lambda lib: lib.nn.functional.conv1d(image(lib), lib.ones(1, 2, 2), padding="same"),
    "index_reduce": lambda lib: matrix(lib).index_reduce(0, lib.arange(3), matrix(lib), "mean"),
    "scatter": lambda lib: matrix(lib).scatter(0, whole(lib), matrix(lib), reduce="add"),
    "searchsorted": lambda lib: lib.searchsorted(row(lib), matrix(lib).T),
    "searchsorted, sequence": lambda lib: lib.searchsorted(matrix(lib).T, matrix(lib)),
    "create_graph": lambda lib: row(lib, requires_grad=True).sum().backward(create_graph=True),
}


@pytest.mark.usefixtures("warn_always")
@pytest.mark.parametrize("name", ONCE)
def test_once(name):
    expected = said(torch, ONCE[name])
    assert expected
    assert said(jtorch, ONCE[name]) == expected
    for lib in (torch, jtorch):
        lib.set_warn_always(False)
        said(lib, ONCE[name])
        assert said(lib, ONCE[name]) == []


SILENT = {
    "int": lambda lib: int(row(lib, requires_grad=True)[0]),
    "item": lambda lib: row(lib, requires_grad=True)[0].item(),
    "bool": lambda lib: bool(row(lib, requires_grad=True)[0]),
    "detached": lambda lib: float(row(lib, requires_grad=True)[0].detach()),
    "T of a matrix": lambda lib: matrix(lib).T,
    "meshgrid": lambda lib: lib.meshgrid(row(lib), row(lib), indexing="ij"),
    "cartesian_prod": lambda lib: lib.cartesian_prod(row(lib), row(lib)),
    "padding of odd kernels": lambda lib: lib.nn.functional.conv1d(image(lib), lib.ones(1, 2, 3), padding="same"),
    "scatter of a number": lambda lib: matrix(lib).scatter(0, whole(lib), 1.0, reduce="add"),
    "searchsorted": lambda lib: lib.searchsorted(row(lib), matrix(lib)),
    "linalg": lambda lib: [lib.linalg.qr(matrix(lib)), lib.linalg.cholesky(positive(lib)), lib.svd(matrix(lib))],
    "batchmean": lambda lib: lib.nn.functional.kl_div(row(lib), row(lib), reduction="batchmean"),
    "absolute value": lambda lib: complex_matrix(lib).abs(),
    "arrays": lambda lib: lib.tensor(np.zeros((2, 2))),
}


@pytest.mark.usefixtures("warn_always")
@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_said(name):
    assert said(torch, SILENT[name]) == []
    assert said(jtorch, SILENT[name]) == []


@pytest.mark.usefixtures("warn_always")
@pytest.mark.parametrize("program", [*EACH_TIME.values(), *ONCE.values()], ids=[*EACH_TIME, *ONCE])
def test_the_caller_is_named(program):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program(jtorch)
    assert {w.filename for w in caught} <= {__file__}


@pytest.mark.usefixtures("warn_always")
def test_memory_as_elements_is_deprecated_once_whatever_is_set():
    for lib in (torch, jtorch):
        said(lib, lambda lib: row(lib).storage())
        assert said(lib, lambda lib: row(lib).storage()) == []
