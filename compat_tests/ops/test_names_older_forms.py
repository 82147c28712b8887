"""Keywords and argument orders beside the usual ones: what torch's parser takes, and what it refuses."""

import warnings

import pytest
import torch

import jtorch
from compat_tests.ops.told import calls, same
from jtorch._declare import once

SETUP = """
m, v = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([5.0, 6.0])
batch = m[None]
"""


@calls("""
    torch.add(m, 3, 2)
    torch.add(m, 2, m)
    torch.add(m, 2, m, out=torch.empty(2, 2))
    torch.sub(m, 2, m)
    torch.sub(m, 3, 2)
    torch.subtract(m, 3, 2)
    torch.rsub(m, 3, 2)
    m.add(2, m)
    m.sub(2, m)
    m.clone().add_(2, m)
    torch.addmm(2, m, 3, m, m)
    torch.addmm(2, m, m, m)
    m.addmm(2, 3, m, m)
    m.addmm(2, m, m)
    m.clone().addmm_(2, 3, m, m)
    torch.baddbmm(2, batch, 3, batch, batch)
    torch.baddbmm(2, batch, batch, batch)
    torch.addbmm(2, m, 3, batch, batch)
    torch.addmv(2, v, 3, m, v)
    torch.addmv(2, v, m, v)
    torch.addr(2, m, 3, v, v)
    torch.addcmul(m, 2, m, m)
    torch.addcdiv(m, 2, m, m)
    m.clone().addcdiv_(2, m, m)
""")
def test_deprecated_order(call):
    same(call, SETUP)


def test_deprecated_order_warns_once(monkeypatch):
    monkeypatch.setattr(once, "_given", set())
    m = jtorch.ones(2, 2)
    with pytest.warns(UserWarning, match="This overload of addmm is deprecated:\n\taddmm.Number beta, Tensor input"):
        jtorch.addmm(2, m, 3, m, m)
    with warnings.catch_warnings(action="error"):
        jtorch.addmm(2, m, 3, m, m)


@pytest.mark.parametrize("given", [("m", "m", "m"), ("m", "m", "2", "2")])
def test_too_many_operands_are_refused(given):
    for side in (torch, jtorch):
        m = side.ones(2)
        with pytest.raises(TypeError, match="add"):
            side.add(*(m if word == "m" else 2 for word in given))


def test_wrong_forms_are_refused():
    for side in (torch, jtorch):
        m = side.ones(2)
        with pytest.raises(TypeError, match=r"isin\(\) received an invalid combination of arguments"):
            side.isin(element=m, test_elements=m)
        with pytest.raises(TypeError, match=r"result_type\(\) received an invalid combination of arguments"):
            side.result_type(1)


@calls("""
    torch.isin(elements=m, test_element=1)
    torch.isin(element=1, test_elements=m)
    torch.isin(1, 1)
    torch.nan_to_num(torch.tensor([float("nan"), 1.0]), None)
    torch.histogram(m)
    torch.numel(input=m)
    torch.split(tensor=m, split_size_or_sections=1)
    m.split(split_size=1)
    torch.unsafe_split(input=m, split_size=1)
    torch.tensor_split(m, tensor_indices_or_sections=torch.tensor(2))
    torch.tensor_split(m, sections=2)
    torch.tensor_split(m, indices=[1])
    torch.hsplit(m, sections=2)
    torch.hsplit(m, indices=[1])
    m.hsplit(1, 2)
    m.vsplit(2)
    m.vsplit(indices=[1])
    torch.std(m, True)
    torch.std(m, unbiased=False)
    torch.var_mean(m, 0, True, True)
    torch.var(m, dim=None, correction=None)
    torch.repeat_interleave(repeats=torch.tensor([1, 2]))
    torch.repeat_interleave(input=m, repeats=2)
    torch.result_type(scalar=1, tensor=m)
    torch.result_type(scalar1=1, scalar2=2.0)
    torch.scatter(m, 0, torch.zeros(1, 2).long(), value=2)
    torch.scatter(m, 0, torch.zeros(1, 2).long(), src=m)
    m.clone().scatter_(0, torch.zeros(1, 2).long(), 2, reduce="add")
    torch.view_copy(m, dtype=torch.int32)
    torch.view_copy(m, size=(4,))
    m.view(size=(4,))
    m.view(dtype=torch.int32)
    m.clone().copy_(other=m + 1)
    torch.fill_(input=m, value=1)
    torch.zero_(input=m)
    m.new(2, 3).shape
    m.new(size=(2,)).shape
    m.new(other=m)
    m.to(tensor=m.double())
    m.to(other=m)
    m.resize_(size=(1,))
    m.random_(to=5).shape
    m.random_(**{"from": 2, "to": 3})
    torch.arange(end=3)
    torch.arange(start=1, end=5, step=2)
    torch.range(start=1, end=3)
    torch.range(5)
    torch.linspace(start=0, end=1, steps=2)
    torch.linspace(0, 1)
    torch.randint(high=5, size=(2,))
    torch.randint(low=3, high=5, size=(2,))
    torch.randint_like(m, low=2, high=5)
    torch.asarray([1.0], requires_grad=None).requires_grad
    torch.asarray(v.requires_grad_()).requires_grad
    torch.asarray(v.requires_grad_(), requires_grad=False).requires_grad
    torch.rrelu_(m, 0.1, 0.2, True, None)
    torch.special.airy_ai(x=m)
    torch.special.spherical_bessel_j0(x=m)
    torch.special.hermite_polynomial_h(x=2, n=m)
    torch.special.chebyshev_polynomial_t(2, 3)
    torch.set_default_device(device="cpu")
    torch.eig(m, eigenvectors=True)
    torch.lstsq(m, m)
    m.solve(m)
    m.symeig()
    torch.matrix_rank(m)
""")
def test_keyword(call):
    same(call, SETUP)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_product_of_half_types_as_float32(kind):
    """torch has it on GPUs alone; the oracle is the product of what the half types hold."""
    m = jtorch.tensor([[1.1, 2.2], [3.3, 4.4]], dtype=getattr(jtorch, kind))
    whole = m.float()
    compared = [
        (jtorch.mm(m, m, jtorch.float32), whole @ whole),
        (jtorch.bmm(m[None], m[None], out_dtype=jtorch.float32), (whole @ whole)[None]),
        (jtorch.addmm(m, m, m, jtorch.float32, beta=2), 2 * whole + whole @ whole),
        (jtorch.baddbmm(whole[None], m[None], m[None], jtorch.float32), (whole + whole @ whole)[None]),
    ]
    for found, expected in compared:
        assert found.dtype is jtorch.float32
        assert jtorch.allclose(found, expected, rtol=1e-6)
    with pytest.raises(RuntimeError, match="out_dtype must be the same as input dtype or fp32"):
        jtorch.mm(m, m, jtorch.float64)
