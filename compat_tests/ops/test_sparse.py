"""Sparse tensors against torch's: construction, layouts, arithmetic, products, errors, how they print."""

import io
import pickle
import re
import warnings

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare
from compat_tests.harness.convert import to_jtorch

# torch says once of COO tensors that nothing checks them, and of CSR tensors that they are new.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

SETUP = """
i = torch.tensor([[0, 1, 1], [2, 0, 2]])
v = torch.tensor([3.0, 4.0, 5.0])
d = torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]])
m = torch.arange(6.0).reshape(3, 2)
x = torch.tensor([1.0, 2.0, 3.0])
raw = torch.sparse_coo_tensor(i, v, (2, 3))
s = raw.coalesce()
s2 = torch.sparse_coo_tensor([[0, 1], [1, 2]], [7.0, 8.0], (2, 3)).coalesce()
twice = torch.sparse_coo_tensor([[0, 0, 1], [1, 1, 0]], [1.0, 2.0, 4.0], (2, 3))
whole = torch.sparse_coo_tensor(i, v.long(), (2, 3)).coalesce()
hybrid = torch.sparse_coo_tensor([[0, 2]], [[1.0, 2.0], [3.0, 4.0]], (3, 2)).coalesce()
c = d.to_sparse_csr()
c2 = torch.tensor([[0.0, 7.0, 0.0], [0.0, 0.0, 8.0]]).to_sparse_csr()
csc = d.to_sparse_csc()
bsr = d.to_sparse_bsr((1, 3))
sm, cm = m.to_sparse(), m.to_sparse_csr()
"""


def sides(code: str) -> list:
    """The value of an expression on both sides, or the error."""
    found = []
    for lib in (torch, jtorch):
        names = {"torch": lib}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(SETUP, names)
            try:
                found.append(eval(code, names))
            except Exception as error:  # noqa: BLE001 - the errors are compared
                found.append(error)
    return found


def first_line(error: Exception) -> tuple:
    return type(error), re.split(r"\n|\. ", str(error))[0].rstrip(".")


VALUES = """
torch.sparse_coo_tensor(i, v)
torch.sparse_coo_tensor(i.float(), v, (2, 3))
torch.sparse_coo_tensor([[0, 1]], [1.0, 2.0])
torch.sparse_coo_tensor((2, 3))
torch.sparse_coo_tensor(i, v, (2, 3), dtype=torch.float64)
torch.sparse_coo_tensor(i, v, (4, 3), is_coalesced=True).indices()
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5])
torch.sparse_csc_tensor([0, 1, 1, 3], [1, 0, 1], [4.0, 3, 5], (2, 3))
torch.sparse_bsr_tensor([0, 1, 2], [0, 1], [[[1.0, 2.0], [3, 4]], [[5, 6], [7, 8]]])
torch.sparse_bsc_tensor([0, 1, 2], [0, 1], [[[1.0, 2.0], [3, 4]], [[5, 6], [7, 8]]])
torch.sparse_compressed_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5], layout=torch.sparse_csr)
torch.sparse.spdiags(torch.arange(1.0, 10).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 4))
torch.sparse.spdiags(torch.arange(1.0, 10).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 4), layout=torch.sparse_csr)
d.to_sparse(1)
d.to_sparse(layout=torch.sparse_bsc, blocksize=(2, 1))
d.to_sparse(layout=torch.sparse_coo, dense_dim=1)
torch.ones(2, 2, 2).to_sparse_csr()
torch.ones(2, 2, 2).to_sparse_csr(dense_dim=1)
torch.eye(4).expand(3, 4, 4).to_sparse_bsr((2, 2))
torch.eye(4).expand(3, 4, 4).to_sparse_bsr((2, 2)).to_dense()
torch.tensor(5.0).to_sparse()
torch.zeros(3).to_sparse().to_dense()
s.to_sparse_csc()
c.to_sparse()
c.to_sparse_csc()
bsr.to_dense()
bsr.to_sparse()
twice.coalesce()
twice.to_dense()
whole.to_dense()
hybrid.to_dense()
(s.is_sparse, s.is_sparse_csr, s.layout, s.sparse_dim(), s.dense_dim(), s._nnz(), s.numel(), s.is_coalesced())
(c.is_sparse, c.is_sparse_csr, c.layout, c.sparse_dim(), c.dense_dim(), c._nnz(), hybrid.dense_dim())
(d.sparse_dim(), d.dense_dim(), s.stride(), s.is_contiguous(), s.type(), raw.is_coalesced())
s + s2
s - s2
twice + s
twice + twice
torch.add(s, s2, alpha=2)
torch.add(d, s, alpha=2)
d + s
d - s
c + c2
c + d
bsr + bsr
s * s2
s * 2
2 * s
whole * 2.5
whole / 2
s / torch.tensor(2.0)
s // 2
s ** 2
s ** 0.5
torch.square(s)
s * d
d * s
s * x
c * c2
c * d
-s
abs(twice)
torch.sin(twice)
torch.sqrt(whole)
torch.relu(-s)
torch.isnan(s)
torch.neg(twice)
torch.expm1(c)
torch.nan_to_num(s)
s.clone().mul_(2)
s.clone().add_(s2)
d.clone().add_(s)
s.clone().zero_()
s.clone().copy_(s2)
torch.sum(s)
s.sum(0)
s.sum((0, 1))
s.sum(1, keepdim=True)
whole.sum()
hybrid.sum(0)
hybrid.sum(1)
c.sum()
c.sum(1, keepdim=True)
s.any()
s.norm()
s.norm(1)
s.t()
s.T
s.mT
s.transpose(0, 1)
s.permute(1, 0)
c.t()
bsr.t()
csc.transpose(0, 1)
s.unsqueeze(0)
hybrid.unsqueeze(-1)
s[0]
s[0, 2]
s[:, 1]
c[1]
c[0, 2]
hybrid[0]
s.select(1, 2)
twice.select(0, 0)
s.index_select(0, torch.tensor([1]))
torch.index_select(s, 1, torch.tensor([2, 0, 2]))
s.narrow_copy(1, 1, 2)
torch.cat([s, s2])
torch.cat([s, s2], 1)
torch.cat([hybrid, hybrid])
torch.stack([s, s2])
s.unbind()
s.clone()
s.double()
c.to(torch.int64)
s.bool()
torch.zeros_like(s)
torch.zeros_like(c)
torch.zeros(2, 3, layout=torch.sparse_coo)
torch.empty(2, 3, layout=torch.sparse_coo, dtype=torch.int64)
torch.zeros(2, 3, layout=torch.sparse_csr)
torch.zeros(5, 2, 3, layout=torch.sparse_csc)
torch.zeros_like(d, layout=torch.sparse_coo)
s.new_zeros(2, 2)
torch.mm(s, m)
s @ m
m @ s
s @ sm
s @ x
torch.mv(c, x)
x[:2] @ s
twice @ m
torch.bmm(torch.stack([s, s2]), torch.stack([m, m]))
c @ m
d @ cm
csc @ m
torch.mm(s, m, out=torch.empty(2, 2))
torch.sparse.mm(s, m)
torch.sparse.mm(s, sm)
torch.sparse.mm(m, s)
torch.sparse.mm(c, m, 'mean')
torch.sparse.mm(c, m, 'amax')
torch.sparse.mm(c, m, reduce='amin')
torch.sparse.mm(torch.zeros(2, 3).to_sparse_csr(), m, 'amax')
torch.addmm(d @ m, s, m, beta=2, alpha=3)
torch.addmm(x[:2], c, m)
torch.addmv(x[:2], c, x)
torch.sparse.addmm(d @ m, s, m, beta=2, alpha=3)
torch.sparse.sampled_addmm(c, torch.ones(2, 2), torch.ones(2, 3), beta=2, alpha=3)
torch.smm(s, m)
torch.sspaddmm((d @ m).to_sparse(), s, m, beta=2, alpha=3)
torch.hspmm(s, m)
torch.spmm(s, m)
torch.nn.functional.linear(m.t(), c, x[:2])
torch.conj(s * 2j).to_dense()
(s * 2j).imag
(s * 2j).abs()
s.swapaxes(0, 1)
s.new_tensor([1])
torch.crow_indices_copy(c, out=torch.empty(3, dtype=torch.int64))
d.to_sparse(layout=torch.strided)
torch.sparse_csr_tensor(torch.tensor([0, 1, 3]).int(), torch.tensor([2, 0, 2]).int(), v, (2, 3))
torch.sparse_csr_tensor(torch.tensor([0, 1, 3]).int(), torch.tensor([2, 0, 2]).int(), v, (2, 3)).to_sparse_csc()
torch.sparse_coo_tensor(torch.zeros(2, 0), torch.zeros(0), (0, 3)) @ m
torch.zeros(0, 3).to_sparse_csr() @ m
torch.sparse.softmax(torch.zeros(2, 3).to_sparse(), 0)
torch.sparse.sum(torch.zeros(2, 3).to_sparse(), 0)
torch.zeros(2, 3).to_sparse() + s
torch.zeros(2, 3).to_sparse() * s
torch.dsmm(s, m)
torch.sparse.sum(s)
torch.sparse.sum(s, 0)
torch.sparse.sum(whole)
torch.sparse.sum(hybrid, 1)
torch.sparse.sum(twice, 1)
torch.sparse.sum(s, dim=0, dtype=torch.float64)
torch.sparse.softmax(s, 0)
torch.sparse.softmax(s, -1, dtype=torch.float64)
torch.sparse.softmax(hybrid, 0)
torch.sparse.softmax(hybrid, 1)
torch.sparse.softmax(twice, 1)
torch.sparse.log_softmax(s, 1)
d.sparse_mask(s)
d.sparse_mask(c)
d.sparse_mask(twice)
s.sparse_mask(s2)
s2.sparse_mask(s)
c.sparse_mask(c2)
s.clone().sparse_resize_((3, 3), 2, 0)
s.clone().sparse_resize_and_clear_((4, 3), 1, 1)
torch.resize_as_sparse_(s.clone(), torch.sparse_coo_tensor((3, 4)))
torch.crow_indices_copy(c)
torch.row_indices_copy(csc)
c.values()
torch.sparse_coo_tensor(torch.empty(0, 1), [2.0], ()).item()
len(s)
"""


@pytest.mark.parametrize("code", VALUES.strip().splitlines())
def test_value(code: str):
    theirs, mine = sides(code)
    assert not isinstance(theirs, Exception), theirs
    if isinstance(mine, Exception):
        raise mine
    theirs = to_jtorch(theirs).layout if isinstance(theirs, torch.layout) else theirs
    compare(mine, theirs)


COALESCED = """
raw
s + s2
s * 2
-twice
torch.sin(twice)
s.t()
s.select(0, 1)
s[0]
s.sum(0)
torch.cat([s, s2])
torch.sparse.softmax(twice, 0)
d.to_sparse()
"""


@pytest.mark.parametrize("code", COALESCED.strip().splitlines())
def test_is_coalesced(code: str):
    theirs, mine = sides(code)
    assert mine.is_coalesced() == theirs.is_coalesced()


ERRORS = """
torch.sparse_coo_tensor(i, v, (2, 2), check_invariants=True)
torch.sparse_coo_tensor(-i, v, (2, 3), check_invariants=True)
torch.sparse_coo_tensor(-i, v)
torch.sparse_coo_tensor(i, v, (2, 3, 4))
torch.sparse_coo_tensor(i, v[:2], (2, 3))
torch.sparse_coo_tensor(i.flip(1), v, (2, 3), is_coalesced=True, check_invariants=True)
torch.sparse_coo_tensor(i, v.long(), requires_grad=True)
torch.sparse_coo_tensor(s, v)
torch.sparse_coo_tensor(i, s)
torch.sparse_coo_tensor(i)
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5], (2, 2), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4], (2, 3), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 4], [2, 0, 2], [3.0, 4, 5], (2, 3), check_invariants=True)
torch.sparse_csr_tensor([1, 1, 3], [2, 0, 2], [3.0, 4, 5], (2, 3), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2, 2, 0], [3.0, 4, 5], (2, 3), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5], (3, 3), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5], (2,), check_invariants=True)
torch.sparse_csr_tensor([[0, 1, 3]], [2, 0, 2], [3.0, 4, 5], check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2.0, 0, 2], [3.0, 4, 5], (2, 3), check_invariants=True)
torch.sparse_bsr_tensor([0, 1, 2], [0, 1], [1.0, 2], (4, 4), check_invariants=True)
torch.sparse_bsr_tensor([0, 1, 2], [0, 1], [[[1.0, 2], [3, 4]]] * 2, (4, 5), check_invariants=True)
torch.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5], layout=torch.sparse_csc)
torch.sparse_compressed_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5])
torch.sparse_compressed_tensor([0, 1, 3], [2, 0, 2], [3.0, 4, 5], layout=torch.strided)
d.to_sparse(3)
d.to_sparse(0)
d.to_sparse_bsr((2, 2))
d.to_sparse_csr(dense_dim=1)
s.to_sparse(1)
c.to_sparse(1)
bsr.to_sparse_csr()
torch.tensor([[[1.0, 0], [0, 1]], [[1, 1], [0, 1]]]).to_sparse_csr()
s.to_dense(dtype=torch.float64)
twice.indices()
twice.values()
d.indices()
d.values()
d.coalesce()
d.crow_indices()
c.row_indices()
c.indices()
c.coalesce()
s + d
s + 1
s / s2
s ** 0
c / 2
s.numpy()
s.data_ptr()
s.item()
s.storage()
s.nbytes
hybrid.t()
hybrid.transpose(0, 1)
torch.cat([s, d])
torch.mm(s, cm)
torch.mm(s, s)
torch.addmm((d @ m).to_sparse(), s, m)
torch.addmm(d @ m, s, sm)
torch.sparse.mm(c, m, 'prod')
torch.sparse.sampled_addmm(c, torch.ones(2, 2), torch.ones(2, 2))
torch.sparse.sampled_addmm(c, torch.ones(2, 2), torch.ones(3, 3))
torch.sparse.sampled_addmm(c, torch.ones(2), torch.ones(3, 3))
torch.sparse.sampled_addmm(c, torch.ones(2, 2).double(), torch.ones(2, 3))
torch.sparse.sampled_addmm(csc, torch.ones(2, 2), torch.ones(2, 3))
torch.smm(d, m)
torch.sparse.sum(s, 5)
torch.sparse.sum(s, (0, 0))
torch.sparse.softmax(s, 3)
torch.sparse.softmax(whole, 0)
torch.sparse.spdiags(torch.ones(3), torch.tensor([0, 1]), (3, 4))
torch.sparse.spdiags(torch.ones(2, 3), torch.tensor([1, 1]), (3, 4))
torch.sparse.spdiags(torch.ones(2, 3), torch.tensor([1, 0]), (3, 4), layout=torch.strided)
c.sum(1)
csc.sum(0, keepdim=True)
d[:1].sparse_mask(s)
s.clone().sparse_resize_((1, 3), 2, 0)
s.clone().sparse_resize_((3, 3), 1, 1)
s.clone().copy_(d)
"""


@pytest.mark.parametrize("code", ERRORS.strip().splitlines())
def test_error(code: str):
    theirs, mine = sides(code)
    assert isinstance(theirs, Exception) and isinstance(mine, Exception), (theirs, mine)
    assert first_line(mine) == first_line(theirs)


REFUSED = """
s == s
torch.cos(s)
s.exp()
s.mean()
s.max()
s.clamp(0, 1)
s.reshape(3, 2)
s[0:1]
s.nonzero()
s.flip(0)
torch.where(d > 0, s, d)
torch.ones_like(s)
torch.rand_like(s)
s.fill_(1)
s.tolist()
torch.sparse.spsolve(c, x)
"""


@pytest.mark.parametrize("code", REFUSED.strip().splitlines())
def test_refused_by_both(code: str):
    theirs, mine = sides(code)
    assert isinstance(theirs, RuntimeError), theirs
    assert isinstance(mine, RuntimeError), mine


PRINTED = """
raw
c
csc
bsr
hybrid
whole
torch.sparse_coo_tensor((2, 3))
s.half()
raw.clone().requires_grad_()
raw.clone().requires_grad_().coalesce()
d.clone().requires_grad_().to_sparse()
c.clone().requires_grad_()
c.clone().requires_grad_() * 2
torch.arange(2000.0).to_sparse()
"""


@pytest.mark.parametrize("code", PRINTED.strip().splitlines())
def test_repr(code: str):
    theirs, mine = sides(code)
    assert repr(mine) == repr(theirs)


def test_invariants_switch():
    def steps(lib):
        check = lib.sparse.check_sparse_tensor_invariants
        yield check.is_enabled()
        with check():
            yield check.is_enabled()
            with check(False):
                yield check.is_enabled()
            with pytest.raises(RuntimeError, match="size is inconsistent with indices"):
                lib.sparse_coo_tensor([[5]], [1.0], (2,))
        yield check.is_enabled()
        yield check(True)(check.is_enabled)()
        lib.sparse_coo_tensor([[5]], [1.0], (2,))

    assert list(steps(jtorch)) == list(steps(torch))


@pytest.mark.parametrize("code", ["s", "twice", "c", "bsr", "hybrid"])
def test_saved_as_torch_saves(code: str):
    theirs, mine = sides(code)
    buffer = io.BytesIO()
    jtorch.save({"a": mine}, buffer)
    buffer.seek(0)
    torch.testing.assert_close(torch.load(buffer)["a"], theirs)
    buffer = io.BytesIO()
    torch.save(theirs, buffer)
    buffer.seek(0)
    compare(jtorch.load(buffer), theirs)
    compare(pickle.loads(pickle.dumps(mine)), theirs)


def test_numbers_stay_data():
    """Values that change make no new programs: the structure alone decides."""
    for lib in (jtorch, torch):
        found = [(lib.sparse_coo_tensor([[0, 1]], lib.tensor([k, 2 * k])) * k).sum().item() for k in (1.0, 2.0, 3.0)]
        assert found == [3.0, 12.0, 27.0]


def drawn(seed: int) -> tuple:
    """A dense tensor with zeros, how many of its dimensions to index, and the same entries in another order, some
    of them in two parts."""
    numbers = np.random.default_rng(seed)
    rank = int(numbers.integers(1, 4))
    shape = tuple(int(n) for n in numbers.integers(1, 5, rank))
    kind = (np.float64, np.int64, np.float32, np.complex128)[seed % 4]
    dense = np.where(numbers.random(shape) < 0.5, numbers.integers(-3, 4, shape), 0).astype(kind)
    indexed = int(numbers.integers(1, rank + 1))
    mask = dense.reshape(*shape[:indexed], -1).any(-1)
    where = np.stack(np.nonzero(mask))
    order = numbers.permutation(where.shape[1])
    where = np.concatenate([where[:, order], where[:, order[:2]]], 1)
    values = dense[tuple(where)]
    return dense, indexed, where, values


STEPS = """
t.coalesce()
t.to_dense()
t + t
t + t.coalesce()
t * 3
t.coalesce() * t.coalesce()
t * d
d + t
-t
t.clone()
t.select(0, 0)
t.select(-1, -1)
t.sum()
t.sum(0)
t.unsqueeze(0)
t.unsqueeze(-1)
torch.cat([t, t])
torch.stack([t, t])
t.index_select(0, torch.tensor([0, 0]))
torch.sparse.sum(t)
torch.sparse.sum(t, -1)
d.sparse_mask(t.coalesce())
d.to_sparse(t.sparse_dim())
torch.abs(t)
(t.sparse_dim(), t.dense_dim(), t._nnz(), t.is_coalesced())
torch.zeros_like(t)
"""


@pytest.mark.parametrize("seed", range(16))
def test_drawn_coo_tensors(seed: int):
    dense, indexed, where, values = drawn(seed)
    found = []
    for lib in (torch, jtorch):
        d = lib.tensor(dense)
        t = lib.sparse_coo_tensor(lib.tensor(where), lib.tensor(values), dense.shape)
        assert t.sparse_dim() == indexed
        found.append({"torch": lib, "d": d, "t": t})
    for step in STEPS.strip().splitlines():
        theirs, mine = (attempt(step, names) for names in found)
        if isinstance(theirs, Exception):
            assert isinstance(mine, Exception), step
        elif isinstance(mine, Exception):
            raise AssertionError(step) from mine
        else:
            compare(mine, theirs, where=step)


def attempt(code: str, names: dict) -> object:
    try:
        return eval(code, names)
    except Exception as error:  # noqa: BLE001 - the errors are compared
        return error


LAYOUTS = ["sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "sparse_coo"]


SOURCES = [(layout, batch) for layout in LAYOUTS for batch in ((), (2,), (2, 3)) if layout != "sparse_coo" or not batch]


@pytest.mark.parametrize("dense_dim", [0, 1])
@pytest.mark.parametrize(("source", "batch"), SOURCES)
def test_between_layouts(source: str, batch: tuple, dense_dim: int):
    """Each layout to each other: a pattern that every matrix of a batch has, in blocks that divide its sizes."""
    mask = np.random.default_rng(1).random((4, 6)) < 0.4
    shape = (*batch, 4, 6, *[2] * dense_dim)
    array = np.arange(1.0, np.prod(shape) + 1).reshape(shape) * mask.reshape(4, 6, *[1] * dense_dim)

    def convert(lib, t, target):
        options = {"blocksize": (2, 3)} if "bs" in target else {}
        if t.layout is lib.strided:
            options["dense_dim"] = dense_dim
        return t.to_sparse(layout=getattr(lib, target), **options)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for target in LAYOUTS:
            found = []
            for lib in (torch, jtorch):
                try:
                    first = convert(lib, lib.tensor(array), source)
                    second = convert(lib, first, target)
                    found.append([first, second, first.to_dense(), second.to_dense()])
                except (RuntimeError, NotImplementedError) as error:
                    found.append(error)
            if isinstance(found[0], list):
                assert isinstance(found[1], list), (target, found[1])
                compare(found[1], found[0], where=target)
