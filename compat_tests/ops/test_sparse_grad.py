"""Gradients through sparse tensors against torch's: values, layouts, and gradients of gradients."""

import copy
import warnings

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare

# torch says once of COO tensors that nothing checks them, and of CSR tensors that they are new.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")


def leaves(lib) -> dict:
    d = lib.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]], dtype=lib.float64)
    i = lib.tensor([[0, 1, 1], [2, 0, 2]])
    v = lib.tensor([3.0, 4.0, 5.0], dtype=lib.float64)
    found = {
        "d": d, "v": v, "m": lib.arange(6.0, dtype=lib.float64).reshape(3, 2),
        "s": lib.sparse_coo_tensor(i, v, (2, 3)),
        "other": lib.sparse_coo_tensor([[0, 1], [1, 2]], lib.tensor([7.0, 8.0], dtype=lib.float64), (2, 3)),
        "twice": lib.sparse_coo_tensor([[0, 0], [1, 1]], lib.tensor([1.0, 2.0], dtype=lib.float64), (2, 3)),
        "c": d.to_sparse_csr(),
    }  # fmt: skip
    found = {name: t.detach().clone().requires_grad_() for name, t in found.items()}
    return found | {"i": i}


def backward(lib, code: str) -> dict:
    """The gradients of a weighted sum of what an expression gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = leaves(lib)
        out = eval(code, {"torch": lib, **names})
        weights = lib.arange(1.0, out.numel() + 1, dtype=out.dtype).reshape(out.shape)
        (out * weights).sum().backward()
    return {name: t.grad for name, t in names.items() if t.grad is not None}


CASES = """
d.to_sparse().to_dense()
d.to_sparse(1).values()
d.to_sparse_csr().values()
d.to_sparse_bsr((1, 3)).values()
d.to_sparse_csc().to_dense()
s.to_dense()
s.to_dense(masked_grad=False)
twice.to_dense()
c.to_dense()
c.to_dense(masked_grad=False)
s.coalesce().values()
twice.coalesce().values()
c.values()
torch.sparse_coo_tensor(i, v, (2, 3)).to_dense()
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], v, (2, 3)).to_dense()
torch.sparse.mm(s, m)
torch.sparse.mm(c, m)
torch.sparse.mm(twice, m)
torch.sparse.mm(m.t(), s.t())
torch.mm(s, m)
torch.mm(c, m)
s @ m
torch.sparse.addmm(d[:, :2], s, m, beta=2, alpha=3)
torch.sparse.mm(c, m, 'sum')
torch.sparse.mm(c, m, 'mean')
torch.sparse.mm(c, m, 'amax')
torch.sparse.mm(c, m, 'amin')
s.sum()
c.sum()
torch.sparse.sum(s)
torch.sparse.sum(twice)
torch.sparse.sum(s, 0).to_dense()
torch.sparse.sum(twice, 0).to_dense()
(s + other).to_dense()
(s + twice).to_dense()
(s - other).to_dense()
(s * 2).to_dense()
(s * s).to_dense()
(s * d).to_dense()
(c * 2).to_dense()
d + s
(-s).to_dense()
s.t().to_dense()
s.transpose(0, 1).to_dense()
s.clone().to_dense()
s.float().to_dense()
s.to_sparse_csr().to_dense()
c.to_sparse().to_dense()
d.sparse_mask(other).to_dense()
torch.sparse.softmax(s, 1).to_dense()
torch.sparse.log_softmax(s, 1).to_dense()
s.to_dense() + s.to_dense()
torch.sparse.sampled_addmm(c, m.t()[:, :2], m.t() * d, beta=2, alpha=3).sum()
"""


@pytest.mark.parametrize("code", CASES.strip().splitlines())
def test_gradient(code: str):
    expected, actual = backward(torch, code), backward(jtorch, code)
    assert expected
    compare(actual, expected)


DENSE_CASES = """
torch.sparse.mm(s, sm).to_dense()
(s * other).to_dense()
torch.cat([s, other]).to_dense()
s[1].to_dense()
s.unsqueeze(0).to_dense()
s.sin().to_dense()
s.sum(1).to_dense()
s.index_select(1, torch.tensor([2, 0])).to_dense()
"""


@pytest.mark.parametrize("code", DENSE_CASES.strip().splitlines())
def test_gradient_stands_for_the_dense_one(code: str):
    """Where torch has no gradient, or one with zeros specified: as the same operation on the dense tensor, masked."""
    names = leaves(jtorch)
    names["sm"] = names["m"].detach().to_sparse()
    eval(code, {"torch": jtorch, **names}).pow(2).sum().backward()
    given = {n: t.detach().to_dense().requires_grad_() for n, t in names.items() if n in ("s", "other", "sm")}
    eval(code, {"torch": jtorch, **given}).pow(2).sum().backward()
    mask = names["s"].detach().to_dense() != 0
    assert jtorch.allclose(names["s"].grad.to_dense() * mask, given["s"].grad * mask)


def test_gradient_of_gradient():
    def second(lib):
        names = leaves(lib)
        s, m = names["s"], names["m"]
        (g,) = lib.autograd.grad(lib.sparse.mm(s, m).pow(2).sum(), m, create_graph=True)
        return lib.autograd.grad(g.pow(2).sum(), m)[0]

    compare(second(jtorch), second(torch))


def test_grad_of_a_sparse_root():
    def run(lib):
        names = leaves(lib)
        g = lib.sparse_coo_tensor([[0, 1], [1, 2]], lib.tensor([7.0, 8.0], dtype=lib.float64), (2, 3)).coalesce()
        (names["s"] * 3).backward(g)
        return names["s"].grad

    compare(run(jtorch), run(torch))


def test_second_backward_raises():
    s = leaves(jtorch)["s"]
    out = s.to_dense().sum()
    out.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        out.backward()


def test_leaf_in_place_raises():
    for lib in (jtorch, torch):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            leaves(lib)["s"].mul_(2)


def embedding_grads(lib) -> list:
    found = []
    e = lib.nn.Embedding(5, 2, sparse=True, padding_idx=3)
    with lib.no_grad():
        e.weight.copy_(lib.arange(10.0).reshape(5, 2))
    for index in ([[1, 2], [1, 0]], [4], [3, 1]):
        out = e(lib.tensor(index))
        (out * out).sum().backward()
        found.append(e.weight.grad.detach().clone())
    (e.weight.sum() + e(lib.tensor([4])).sum()).backward()
    found.append(e.weight.grad.detach().clone())
    e.weight.grad = None
    (e(lib.tensor([4, 1])).sum() + e(lib.tensor([4])).sum()).backward()
    return [*found, e.weight.grad]


def test_sparse_embedding():
    compare(embedding_grads(jtorch), embedding_grads(torch))


@pytest.mark.parametrize("options", [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}, {"maximize": True}])
def test_sparse_adam(options: dict):
    def run(lib):
        e = lib.nn.Embedding(5, 2, sparse=True)
        with lib.no_grad():
            e.weight.copy_(lib.arange(10.0).reshape(5, 2) / 7)
        opt = lib.optim.SparseAdam(e.parameters(), **options)
        for index in ([1, 2, 1], [4], [0, 1]):
            opt.zero_grad()
            (e(lib.tensor(index)) ** 2).sum().backward()
            opt.step()
        return e.weight.detach(), opt.state_dict()["state"][0]

    compare(run(jtorch), run(torch))


@pytest.mark.parametrize("momentum", [0, 0.9])
def test_sgd_takes_sparse_gradients(momentum: float):
    def run(lib):
        e = lib.nn.Embedding(3, 1, sparse=True)
        lib.nn.init.ones_(e.weight)
        opt = lib.optim.SGD(e.parameters(), lr=0.1, momentum=momentum)
        for index in ([1, 1], [2, 0]):
            opt.zero_grad()
            (e(lib.tensor(index)) ** 2).sum().backward()
            opt.step()
        return e.weight.detach()

    compare(run(jtorch), run(torch))


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_adam_refuses_sparse_gradients(name: str):
    for lib in (jtorch, torch):
        e = lib.nn.Embedding(3, 1, sparse=True)
        e(lib.tensor([1])).sum().backward()
        with pytest.raises(RuntimeError, match="Adam does not support sparse gradients, please consider SparseAdam"):
            getattr(lib.optim, name)(e.parameters()).step()


def test_sparse_adam_wants_sparse_gradients():
    for lib in (jtorch, torch):
        w = lib.ones(2, requires_grad=True)
        w.sum().backward()
        with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
            lib.optim.SparseAdam([w]).step()


def test_hooks_see_sparse_gradients():
    def run(lib):
        names, seen = leaves(lib), []
        s = names["s"]
        s.register_hook(lambda g: seen.append((str(g.layout), tuple(g.shape))))
        twice = s * 2
        twice.retain_grad()
        twice.to_dense().sum().backward()
        return seen, twice.grad, s.grad

    (mine, *my_grads), (theirs, *their_grads) = run(jtorch), run(torch)
    assert mine == theirs
    compare(my_grads, their_grads)


def test_deepcopy_is_apart():
    for lib in (jtorch, torch):
        s = leaves(lib)["s"]
        copied = copy.deepcopy(s)
        with lib.no_grad():
            copied.mul_(2)
        assert copied.requires_grad
        assert s.detach().to_dense().sum().item() == 12
        assert copied.detach().to_dense().sum().item() == 24


def test_compiled_function_of_sparse_tensors():
    """A function that makes or takes sparse tensors is eager code under `torch.compile`."""
    names = leaves(jtorch)
    c, m = names["c"].detach(), names["m"].detach()

    @jtorch.compile
    def product(m):
        return c @ m

    @jtorch.compile
    def made(m):
        return m.to_sparse().to_dense()

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for k in (1.0, 2.0, 3.0):
            assert jtorch.equal(product(m * k), c.to_dense() @ m * k)
            assert jtorch.equal(made(m * k), m * k)
    assert ["runs as eager code" in str(w.message) for w in said] == [True, True]


def test_sparse_argument_of_compiled_function():
    c = leaves(jtorch)["c"].detach()
    double = jtorch.compile(lambda t: t.to_dense() * 2)
    with pytest.warns(UserWarning, match="layout torch.sparse_csr"):
        found = [double(c) for _ in range(3)]
    assert all(jtorch.equal(t, c.to_dense() * 2) for t in found)


def test_autograd_function_takes_sparse_tensors():
    class Double(jtorch.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            return t.to_dense() * 2

        @staticmethod
        def backward(ctx, g):
            return (g * 2).to_sparse()

    s = leaves(jtorch)["s"]
    Double.apply(s).sum().backward()
    assert s.grad.layout is jtorch.sparse_coo
    assert (s.grad.to_dense() == 2).all()
