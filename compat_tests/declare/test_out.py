"""`out=` of another type, shape and memory: what torch casts, computes in, keeps, resizes, says and refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

import jtorch
from compat_tests.harness.same import warned

KINDS = ("float64", "float32", "bfloat16", "complex128", "int64", "bool", "uint8")

# Each is called with the library, its operand and `out`; the operands are one matrix of each kind.
CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "abs": lambda lib, x, out: lib.abs(x, out=out),
    "all": lambda lib, x, out: lib.all(x, 0, out=out),
    "bernoulli": lambda lib, x, out: lib.bernoulli(lib.ones(3, 3), out=out),
    "cat": lambda lib, x, out: lib.cat([x, x], out=out),
    "cumsum": lambda lib, x, out: lib.cumsum(x, 0, out=out),
    "cumprod": lambda lib, x, out: lib.cumprod(x, 0, out=out),
    "cumsum of a type": lambda lib, x, out: lib.cumsum(x, 0, dtype=lib.float32, out=out),
    "diff": lambda lib, x, out: lib.diff(x, out=out),
    "diff of order 0": lambda lib, x, out: lib.diff(x, n=0, out=out),
    "exp": lambda lib, x, out: lib.exp(x, out=out),
    "float_power": lambda lib, x, out: lib.float_power(x, 2, out=out),
    "inner": lambda lib, x, out: lib.inner(x, x, out=out),
    "inner with a number": lambda lib, x, out: lib.inner(x, x[0, 0], out=out),
    "logsumexp": lambda lib, x, out: lib.logsumexp(x, 0, out=out),
    "matmul": lambda lib, x, out: lib.matmul(x, x, out=out),
    "matmul with a vector": lambda lib, x, out: lib.matmul(x, x[0], out=out),
    "matmul of vectors": lambda lib, x, out: lib.matmul(x[0], x[0], out=out),
    "mean": lambda lib, x, out: lib.mean(x, 0, out=out),
    "nansum": lambda lib, x, out: lib.nansum(x, 0, out=out),
    "prod": lambda lib, x, out: lib.prod(x, 0, out=out),
    "stack": lambda lib, x, out: lib.stack([x, x], out=out),
    "sum": lambda lib, x, out: lib.sum(x, 0, out=out),
    "sum of a type": lambda lib, x, out: lib.sum(x, 0, dtype=lib.float32, out=out),
}


OTHERWISE = {("all", "uint8"), ("logsumexp", "bfloat16")}


def operand(lib: Any, kind: str) -> Any:
    return lib.tensor([[1.5, 0.25, 2.0], [0.0, 3.0, 1.25], [1.0, 1.0, 0.75]]).to(getattr(lib, kind))


def outcome(lib: Any, run: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What comes out, or the error, and what is warned of."""
    try:
        found, said = warned(run)
    except Exception as error:  # noqa: BLE001 - every kind of error is compared
        return f"{type(error).__name__}: {error}".split("\n")[0], []
    resized = [text for _, text in said if "resized" in text]
    return (found.to(lib.complex128).tolist(), tuple(found.shape), tuple(found.stride())), resized


def same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, str) or isinstance(theirs, str):
        return mine == theirs
    values = (torch.tensor(one[0], dtype=torch.complex128) for one in (mine, theirs))
    return mine[1:] == theirs[1:] and torch.allclose(*values, rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize("into", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_types(call: str, into: str) -> None:
    if (call, into) in OTHERWISE:
        pytest.skip("torch's kernel reads the operand's numbers in out's type")
    for kind in ("float32", "complex64", "int64"):
        plain, found = outcome(torch, lambda kind=kind: CALLS[call](torch, operand(torch, kind), None))[0], []
        for lib in (jtorch, torch):
            x, shape = operand(lib, kind), 0 if isinstance(plain, str) else plain[1]
            out = lib.ones(shape, dtype=getattr(lib, into))
            lib.manual_seed(0)
            found.append(outcome(lib, lambda lib=lib, x=x, out=out: CALLS[call](lib, x, out)))
        (mine, _), (theirs, _) = found
        assert same(mine, theirs), f"{kind} into {into}: {theirs} expected, got {mine}"


def definite(lib: Any) -> Any:
    return lib.tensor([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])


SHAPES: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda lib, out: lib.add(lib.ones(3, 3), 1, out=out),
    "arange": lambda lib, out: lib.arange(4.0, out=out),
    "linspace": lambda lib, out: lib.linspace(0, 1, 4, out=out),
    "ones": lambda lib, out: lib.ones(4, out=out),
    "randn": lambda lib, out: lib.randn(2, 2, out=out),
    "normal": lambda lib, out: lib.normal(lib.zeros(2, 2), lib.ones(2, 2), out=out),
    "normal of size": lambda lib, out: lib.normal(0.0, 1.0, (2, 2), out=out),
    "bernoulli": lambda lib, out: lib.bernoulli(lib.full((2, 2), 0.5), out=out),
    "bucketize": lambda lib, out: lib.bucketize(lib.ones(4), lib.ones(2), out=out.to(lib.int64)),
    "cholesky": lambda lib, out: lib.cholesky(definite(lib), out=out),
    "linalg.cholesky": lambda lib, out: lib.linalg.cholesky(definite(lib), out=out),
    "cholesky_inverse": lambda lib, out: lib.cholesky_inverse(definite(lib), out=out),
    "householder_product": lambda lib, out: lib.linalg.householder_product(definite(lib), lib.ones(3), out=out),
    "inv": lambda lib, out: lib.linalg.inv(definite(lib), out=out),
    "solve": lambda lib, out: lib.linalg.solve(definite(lib), definite(lib), out=out),
}
OUTS: dict[str, Callable[[Any], Any]] = {
    "no elements": lambda lib: lib.empty(0),
    "as many elements": lambda lib: lib.zeros(2, 2),
    "turned": lambda lib: lib.zeros(2, 2).t(),
    "others": lambda lib: lib.zeros(5),
}


@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("call", SHAPES)
def test_shapes(call: str, out: str) -> None:
    found = []
    for lib in (jtorch, torch):
        lib.manual_seed(0)
        found.append(outcome(lib, lambda lib=lib: SHAPES[call](lib, OUTS[out](lib))))
    (mine, said), (theirs, expected) = found
    assert same(mine, theirs), f"{theirs} expected, got {mine}"
    assert said == expected


@pytest.mark.parametrize("out", ["turned", "every second"])
def test_memory_filled_from_its_start(out: str) -> None:
    """This kernel of torch's does not look at the strides of what it is given."""
    found = []
    for lib in (jtorch, torch):
        x = lib.arange(12.0).reshape(1, 1, 3, 2, 2)
        base = lib.full((2, 2, 3, 1, 2), -1.0)
        given = base[..., 0].reshape(2, 2, 3, 1, 1).permute(4, 3, 2, 1, 0) if out == "turned" else None
        if given is None:
            base = lib.full((1, 1, 3, 2, 4), -1.0)
            given = base[..., ::2]
        assert lib.narrow_copy(x, 2, 0, 3, out=given) is given
        found.append((given.tolist(), base.tolist()))
    assert found[0] == found[1]
