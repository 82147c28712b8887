"""Sparse tensors in modules: buffers, state dicts, training; what shares memory with what."""

import copy
import io

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare

# torch says once of COO tensors that nothing checks them, and of CSR tensors that they are new.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")


def graph_layer(lib):
    """A layer that sums over neighbours before it maps them."""

    class GraphLayer(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("adjacency", lib.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]]).to_sparse())
            self.linear = lib.nn.Linear(2, 2, bias=False)
            lib.nn.init.ones_(self.linear.weight)

        def forward(self, x):
            return lib.sparse.mm(self.adjacency, self.linear(x))

    return GraphLayer()


def trained(lib):
    layer = graph_layer(lib)
    optimizer = lib.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (layer(lib.arange(6.0).reshape(3, 2)) ** 2).sum().backward()
        optimizer.step()
    return layer.linear.weight.detach()


def restored(lib):
    layer, other = graph_layer(lib), graph_layer(lib)
    with lib.no_grad():
        layer.adjacency.mul_(2)
    file = io.BytesIO()
    lib.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(lib.load(file))
    return other.adjacency


def wider(lib):
    layer = graph_layer(lib).double()
    layer(lib.ones(3, 2).double()).sum().backward()
    return layer.adjacency, layer.linear.weight.grad


def copied(lib):
    layer = graph_layer(lib)
    twin = copy.deepcopy(layer)
    with lib.no_grad():
        twin.adjacency.mul_(2)
    return layer.adjacency, twin.adjacency


def in_place(lib):
    s = lib.eye(2).to_sparse()
    s += s
    s *= 3
    s -= lib.eye(2).to_sparse()
    s /= 2
    d = lib.ones(2, 2)
    d += s
    d.sub_(s, alpha=3)
    return s, d


def shared_values(lib):
    s, c = lib.eye(3).to_sparse(), lib.eye(3).to_sparse_csr()
    s._values().mul_(2)
    s.values()[0] = 5
    c.values().fill_(7)
    return s, c, s.to_dense(), c.to_dense()


def through_both_kinds(lib):
    x = lib.ones(2, 2, requires_grad=True)
    y = x * 1
    s = y.to_sparse()
    (lib.sparse.mm(s, y).sum() + s.values().sum()).backward()
    return x.grad


def leaf_gradient_by_grad(lib):
    s = lib.eye(2).to_sparse().requires_grad_()
    return lib.autograd.grad(lib.sparse.sum(s * 3), s)


@pytest.mark.parametrize("program", [
    trained, restored, wider, copied, in_place, shared_values, through_both_kinds, leaf_gradient_by_grad,
])  # fmt: skip
def test_program(program):
    compare(program(jtorch), program(torch))


def test_rows_of_a_sparse_tensor():
    def rows(lib):
        return [row.to_dense() for row in lib.tensor([[0.0, 2], [3, 0]]).to_sparse()]

    compare(rows(jtorch), rows(torch))


def test_names_of_grad_nodes():
    def names(lib):
        d = lib.eye(2, requires_grad=True)
        s = d.to_sparse()
        found = [
            s,
            d.to_sparse(1),
            d.to_sparse_csr(),
            s * 2,
            s.coalesce(),
            s.coalesce().values(),
            s.to_dense(),
            s.sum(),
        ]
        found += [s + s, s.t(), lib.sparse.mm(s, d), lib.mm(s, d), lib.sparse.sum(s, 0), lib.sparse.softmax(s, 0), -s]
        return [t.grad_fn.name() for t in found]

    assert names(jtorch) == names(torch)


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags_of_rows(mode, sparse, padding):
    def summed(lib):
        lib.manual_seed(0)
        bags = lib.nn.EmbeddingBag(6, 3, sparse=sparse, padding_idx=padding, mode=mode)
        found = bags(lib.tensor([1, 2, 2, 5, 0]), lib.tensor([0, 2]))
        (found**2).sum().backward()
        return found.detach(), bags.weight.grad

    (theirs, gradient), (mine, own) = summed(torch), summed(jtorch)
    compare(mine, theirs)
    assert own.is_sparse is gradient.is_sparse is sparse
    compare(own.to_dense(), gradient.to_dense())


def test_gradient_by_frequency():
    """Of indices in order of first use; else torch divides by how often another index is there."""
    found = []
    for lib in (torch, jtorch):
        weight = lib.ones(6, 1, requires_grad=True)
        bags = lib.nn.functional.embedding_bag(
            lib.tensor([3, 3, 0]), weight, lib.tensor([0, 1]), mode="sum", scale_grad_by_freq=True
        )
        (bags**2).sum().backward()
        found.append(weight.grad)
    compare(found[1], found[0])


def test_largest_of_bags_takes_no_sparse_gradient():
    for lib in (torch, jtorch):
        with pytest.raises(ValueError, match="max mode does not support sparse weights"):
            lib.nn.EmbeddingBag(6, 3, mode="max", sparse=True)(lib.tensor([1, 2]), lib.tensor([0]))
