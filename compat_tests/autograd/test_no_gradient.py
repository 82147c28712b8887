"""Where torch gives None and where zeros: an input its formula leaves out, and one whose derivative is zero."""

from __future__ import annotations

from compat_tests.harness.same import assert_same, each_program


def _of(torch, function, *shapes):
    """Whether the result requires grad, and the gradients by inputs of these shapes, None where torch gives none."""
    inputs = [torch.arange(1.0, 1 + torch.empty(shape).numel()).reshape(shape).requires_grad_() for shape in shapes]
    out = function(*inputs)
    return out.requires_grad, list(torch.autograd.grad(out.sum(), inputs, allow_unused=True))


def norm_of_order_zero(torch):
    return [
        _of(torch, lambda x: torch.linalg.vector_norm(x, 0), (3, 2)),
        _of(torch, lambda x: torch.linalg.norm(x, 0, dim=0), (3, 2)),
        _of(torch, lambda x: torch.norm(x, 0, dim=1), (3, 2)),
        _of(torch, lambda x: x.norm(1, dim=1), (3, 2)),
    ]


def backward_of_norm_of_order_zero(torch):
    x = torch.ones(3, requires_grad=True)
    y = torch.ones(3, requires_grad=True)
    (torch.linalg.vector_norm(x, 0) * y).sum().backward()
    return x.grad, y.grad


def norm_of_order_zero_refuses_without_allow_unused(torch):
    x = torch.ones(3, requires_grad=True)
    return torch.autograd.grad(torch.linalg.vector_norm(x, 0), x)


def difference_of_order_zero(torch):
    shapes = ((2, 3), (2, 1), (2, 2))
    return [
        _of(torch, lambda x, a, b, n=n: torch.diff(x, n=n, prepend=a, append=b), *shapes) for n in (0, 1)
    ]  # fmt: skip


def quantile_by_interpolation(torch):
    kinds = ("linear", "lower", "higher", "nearest", "midpoint")
    return [
        _of(torch, lambda x, q, f=f, kind=kind: f(x, q / 4, dim=1, interpolation=kind), (2, 3), (2,))
        for f in (torch.quantile, torch.nanquantile)
        for kind in kinds
    ]


def householder_without_reflectors(torch):
    f = torch.linalg.householder_product
    return [_of(torch, f, *shapes) for shapes in (((0, 0), (0,)), ((2, 0), (0,)), ((0, 3, 2), (0, 2)))]


def cat_with_an_empty_vector(torch):
    def joined(*tensors):
        return torch.cat(tensors, 1)

    return _of(torch, joined, (0,), (2, 3), (2, 1)), _of(torch, joined, (2, 2), (0,))


def cat_takes_the_dtype_of_an_empty_vector_too(torch):
    empty = torch.zeros(0, dtype=torch.float64)
    return torch.cat([empty, torch.ones(2, 2)], -1), torch.cat([empty.half(), torch.ones(1, 2, dtype=torch.int32)])


def zero_derivatives(torch):
    return [
        _of(torch, torch.sign, (3,)),
        _of(torch, torch.floor, (3,)),
        _of(torch, lambda x: torch.fill(x, 2.0), (3,)),
        _of(torch, lambda x: torch.pow(x, 0), (3,)),
        _of(torch, lambda x, y: torch.copysign(x, y), (3,), (3,)),
        _of(torch, lambda x, y: torch.cdist(x, y, 0.0), (2, 3), (2, 3)),
        _of(torch, lambda x, y: torch.clamp(x, y, y), (0, 3), (0, 3)),
    ]


def strided_scatter(torch):
    def written(x, y):
        return torch.as_strided_scatter(x, y, (2, 2), (1, 2), 1) * torch.arange(9.0).reshape(3, 3)

    return _of(torch, written, (3, 3), (2, 2))


@each_program(globals())
def test_as_torch(program):
    assert_same(program, rtol=1e-6)
