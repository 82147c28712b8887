"""Random chains of views and in-place writes, compared with real torch after every step.

The machine holds pairs of a torch tensor and its jtorch twin, and NumPy arrays that share their memory. Every rule does
the same to both sides; then all pairs must have the same elements, shape, strides and offset.
"""

import gc
import re

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import jtorch

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=3)
NUMBERS = st.sampled_from([0.5, 2.0, -1.0, 3.0])
SEED = st.integers(0, 2**16)
MOST = 8  # tensors held at once


def overlaps(tensor: torch.Tensor) -> bool:
    """True when a write would reach one place twice; torch refuses some of these, others are undefined."""
    places = torch.zeros(1)
    if tensor.numel():
        places = torch.arange(tensor.untyped_storage().nbytes() // tensor.element_size())
        places = places.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).flatten()
    return len(set(places.tolist())) < tensor.numel()


def pick_view(tensor: torch.Tensor, seed: int):
    """A view that this tensor has: its name and arguments."""
    draw = np.random.default_rng(seed)
    rank, shape = tensor.dim(), tensor.shape
    found = [("unsqueeze", (int(draw.integers(0, rank + 1)),)), ("squeeze", ()), ("alias", ())]
    if rank:
        d = int(draw.integers(0, rank))
        found.append(("permute", tuple(int(i) for i in draw.permutation(rank))))
        found.append(("flatten", ()))
        found.append(("view", (-1,)))
        found.append(("t_or_T", ()))
        if shape[d]:
            i = int(draw.integers(0, shape[d]))
            found += [("select", (d, i)), ("narrow", (d, i, int(draw.integers(0, shape[d] - i + 1)))), ("index", (i,))]
            found.append(("slice", (d, i, int(draw.integers(1, 3)))))
            found.append(("unfold", (d, int(draw.integers(1, shape[d] + 1)), int(draw.integers(1, 3)))))
            found.append(("split", (int(draw.integers(1, shape[d] + 1)), d)))
        if rank > 1:
            found += [("diagonal", (int(draw.integers(-1, 2)),)), ("transpose", (0, rank - 1))]
        if shape[d] == 1:
            found.append(("expand", (d, 3)))
    return found[int(draw.integers(0, len(found)))]


def apply_view(tensor, name: str, args: tuple):
    """The view on either side."""
    if name == "alias":
        return tensor[...]
    if name == "t_or_T":
        return tensor.mT if tensor.dim() > 1 else tensor.t()
    if name == "index":
        return tensor[-args[0] - 1 : tensor.shape[0]] if args[0] else tensor[None, 0]
    if name == "slice":
        d, start, step = args
        return tensor[(slice(None),) * d + (slice(start, None, step),)]
    if name == "split":
        return tensor.split(*args)[-1]
    if name == "expand":
        d, n = args
        return tensor.expand(*(n if i == d else -1 for i in range(tensor.dim())))
    return getattr(tensor, name)(*args)


def write(tensor, name: str, number: float):
    """An in-place write on either side."""
    if name == "add_":
        tensor.add_(number)
    elif name == "mul_":
        tensor.mul_(number)
    elif name == "zero_":
        tensor.zero_()
    elif name == "fill_":
        tensor.fill_(number)
    elif name == "set all":
        tensor[...] = number
    elif name == "set first":
        if tensor.dim() and tensor.shape[0]:
            tensor[0] = number
    elif name == "set masked":
        tensor[tensor > 0] = number
    elif name == "set listed" and tensor.dim() and tensor.shape[0]:
        tensor[[0]] = number
    elif name == "neg":
        tensor.copy_(-tensor)


WRITES = st.sampled_from(["add_", "mul_", "zero_", "fill_", "set all", "set first", "set masked", "set listed", "neg"])


def same(theirs: torch.Tensor, mine) -> None:
    assert tuple(mine.shape) == tuple(theirs.shape)
    # A result of jtorch's lies row by row; torch's keeps the order of a permuted operand. So strides are compared where
    # torch's whole tensor lies row by row too. The stride of a dimension of size 1 has no meaning.
    root = theirs if theirs._base is None else theirs._base
    strides = [[s for n, s in zip(one.shape, one.stride(), strict=True) if n != 1] for one in (theirs, mine)]
    assert strides[0] == strides[1] or 0 in theirs.shape or not root.is_contiguous()
    assert mine.storage_offset() == theirs.storage_offset()
    np.testing.assert_array_equal(np.array(mine.detach().tolist()), np.array(theirs.detach().tolist()))


class Views(RuleBasedStateMachine):
    """Plain tensors, with NumPy arrays on their memory."""

    def __init__(self):
        super().__init__()
        self.pairs = []
        self.arrays = []

    def pair(self, seed: int):
        return self.pairs[seed % len(self.pairs)]

    def hold(self, theirs, mine) -> None:
        self.pairs.append((theirs, mine))
        del self.pairs[:-MOST]

    @rule(size=SIZES, shared=st.booleans())
    def start(self, size, shared):
        values = np.arange(np.prod(size), dtype=np.float32).reshape(size)
        if shared:
            first, second = values.copy(), values.copy()
            self.arrays.append((first, second))
            self.hold(torch.from_numpy(first), jtorch.from_numpy(second))
        else:
            self.hold(torch.tensor(values), jtorch.tensor(values))

    @precondition(lambda self: self.pairs)
    @rule(which=SEED, how=SEED)
    def view(self, which, how):
        theirs, mine = self.pair(which)
        name, args = pick_view(theirs, how)
        try:
            expected = apply_view(theirs, name, args)
        except RuntimeError as refusal:
            with pytest.raises(RuntimeError, match=re.escape(str(refusal))):
                apply_view(mine, name, args)
            return
        self.hold(expected, apply_view(mine, name, args))

    @precondition(lambda self: self.pairs)
    @rule(which=SEED, name=WRITES, number=NUMBERS)
    def write(self, which, name, number):
        theirs, mine = self.pair(which)
        if not overlaps(theirs):
            write(theirs, name, number)
            write(mine, name, number)

    @precondition(lambda self: self.pairs)
    @rule(which=SEED, other=SEED)
    def copy_from_another(self, which, other):
        (theirs, mine), (source, my_source) = self.pair(which), self.pair(other)
        if theirs.shape == source.shape and not overlaps(theirs):
            theirs.copy_(source.clone())
            mine.copy_(my_source.clone())

    @precondition(lambda self: self.pairs)
    @rule(which=SEED)
    def detach(self, which):
        theirs, mine = self.pair(which)
        self.hold(theirs.detach(), mine.detach())

    @precondition(lambda self: self.pairs)
    @rule(which=SEED)
    def turn_itself(self, which):
        theirs, mine = self.pair(which)
        if theirs.dim() > 1:
            theirs.transpose_(0, -1)
            mine.transpose_(0, -1)
        else:
            theirs.unsqueeze_(0)
            mine.unsqueeze_(0)

    @precondition(lambda self: self.pairs)
    @rule(which=SEED)
    def clone(self, which):
        theirs, mine = self.pair(which)
        self.hold(theirs.contiguous().clone(), mine.contiguous().clone())

    @precondition(lambda self: self.pairs)
    @rule(which=SEED)
    def to_numpy(self, which):
        theirs, mine = self.pair(which)
        if not overlaps(theirs):
            self.arrays.append((theirs.numpy(), mine.numpy()))

    @precondition(lambda self: self.arrays)
    @rule(which=SEED, number=NUMBERS)
    def write_numpy(self, which, number):
        first, second = self.arrays[which % len(self.arrays)]
        if {*np.lib.stride_tricks.as_strided(first).strides} and not np.may_share_memory(first, second):
            np.multiply(first, number, out=first)
            np.multiply(second, number, out=second)

    @precondition(lambda self: self.arrays)
    @rule()
    def forget_numpy(self):
        self.arrays.clear()
        gc.collect()

    @invariant()
    def all_equal(self):
        for theirs, mine in self.pairs:
            same(theirs, mine)
        for first, second in self.arrays:
            np.testing.assert_array_equal(second, first)


class GraphViews(RuleBasedStateMachine):
    """Tensors in an autograd graph: values after every step, gradients of the leaf at the end."""

    def __init__(self):
        super().__init__()
        values = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
        self.leaf = torch.tensor(values, requires_grad=True)
        self.my_leaf = jtorch.tensor(values, requires_grad=True)
        self.pairs = [(self.leaf * 2, self.my_leaf * 2)]

    pair = Views.pair
    hold = Views.hold

    @rule(which=SEED, how=SEED)
    def view(self, which, how):
        theirs, mine = self.pair(which)
        name, args = pick_view(theirs, how)
        if name in ("split", "unfold"):  # torch forbids in-place writes to the first; the second may overlap
            return
        try:
            expected = apply_view(theirs, name, args)
        except RuntimeError:
            return
        self.hold(expected, apply_view(mine, name, args))

    @rule(which=SEED, name=WRITES, number=NUMBERS)
    def write(self, which, name, number):
        theirs, mine = self.pair(which)
        if not overlaps(theirs):
            write(theirs, name, number)
            write(mine, name, number)

    @rule(which=SEED, number=NUMBERS)
    def compute(self, which, number):
        theirs, mine = self.pair(which)
        self.hold((theirs * number).clone(), (mine * number).clone())

    @invariant()
    def all_equal(self):
        for theirs, mine in self.pairs:
            same(theirs, mine)
            assert mine.requires_grad == theirs.requires_grad

    def teardown(self):
        total = sum((theirs * (i + 1)).sum() for i, (theirs, _) in enumerate(self.pairs))
        mine = sum((mine * (i + 1)).sum() for i, (_, mine) in enumerate(self.pairs))
        if total.requires_grad:
            total.backward()
            mine.backward()
            if self.leaf.grad is None:
                assert self.my_leaf.grad is None
            else:
                np.testing.assert_allclose(self.my_leaf.grad.tolist(), self.leaf.grad.tolist(), rtol=1e-6)


QUICK = settings(
    max_examples=15, stateful_step_count=15, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip

TestViews = Views.TestCase
TestViews.settings = QUICK
TestGraphViews = GraphViews.TestCase
TestGraphViews.settings = QUICK
