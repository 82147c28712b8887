"""Copies, deep copies and pickles: what they share, keep and refuse."""

import copy
import pickle

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.harness.same import assert_same, attempt


def pickled(value):
    return pickle.loads(pickle.dumps(value))


COPIES = (copy.copy, copy.deepcopy, pickled)


@pytest.mark.parametrize("made", COPIES)
def test_buffers_stay_buffers(made):
    def run(torch):
        found = made(torch.nn.Buffer(torch.ones(2), persistent=False))
        return isinstance(found, torch.nn.Buffer), found.persistent, found

    assert_same(run)


def test_what_shares_memory():
    def run(torch):
        x = torch.arange(6.0).view(2, 3)
        both = copy.deepcopy([x, x[0]])
        both[0][0, 0] = 9
        shallow = copy.copy(x[0])
        shallow[1] = 7
        apart = pickled([x, x[0]])
        apart[0][0, 0] = 5
        return x, both, both[1]._is_view(), shallow, apart

    assert_same(run)


@pytest.mark.parametrize("made", COPIES)
def test_strides_and_types(made):
    def run(torch):
        results = []
        for dtype in ("float16", "bfloat16", "float64", "int64", "bool", "complex64", "uint8"):
            x = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, dtype))
            for view in (x, x.t(), x[:, 1], x[:0], x[1, 2]):
                found = made(view)
                results.append((found, found.stride(), found.storage_offset()))
        bits = made(torch.arange(4.0).view(torch.int32))
        return results, bits

    assert_same(run)


@pytest.mark.parametrize("made", COPIES)
def test_leaves(made):
    def run(torch):
        leaf = torch.ones(2, requires_grad=True)
        leaf.grad, leaf.mark = torch.ones(2) * 3, [1]
        parameter = torch.nn.Parameter(torch.ones(2))
        parameter.mark, parameter.grad = 3, torch.ones(2)
        found, second = made(leaf), made(parameter)
        found.mark.append(2)
        facts = found, found.grad, found.mark, leaf.mark, second, second.grad, getattr(second, "mark", None)
        return facts, attempt(made, leaf * 2)

    assert_same(run)


@pytest.mark.parametrize("made", [copy.deepcopy, pickled])
def test_tied_weights_of_a_model(made):
    def run(torch):
        model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
        model[1].weight = model[0].weight
        found = made(model)
        found[0].weight.data.add_(1)
        return found[1].weight is found[0].weight, list(found.parameters()), list(model.parameters())

    assert_same(run)


def test_shared_numpy_memory():
    def run(torch):
        x = torch.ones(3)
        array = x.numpy()
        before = copy.deepcopy(x)
        array[0] = 7
        after = copy.deepcopy(x)
        after[1] = 8
        return x, before, after, array

    assert_same(run)


def test_memory_that_cannot_grow():
    """Memory that NumPy sees keeps its size; memory whose address is known does not."""

    def run(torch):
        held = np.ones(2)
        known, shown, shared = torch.ones(2), torch.ones(2), torch.from_numpy(held)
        known.data_ptr()
        array = shown.numpy()
        tensors = (known, shown, shared)
        grown = [attempt(lambda x=x: x.view(-1).resize_(3).shape) for x in tensors]
        return grown, [x.untyped_storage().resizable() for x in tensors], shared[:1].resize_(2), array, held

    assert_same(run)


def test_writes_of_copies_are_counted_apart():
    def run(torch):
        counts = []
        for made in COPIES:
            x = torch.ones(2)
            x.data = torch.zeros(2)
            x.add_(1)
            found = made(x)
            found.add_(1)
            counts.append((x._version, found._version))
        return counts

    assert_same(run)


def test_subclass():
    def run(torch):
        kind = type("Marked", (torch.Tensor,), {})
        x, leaf = torch.ones(2), torch.ones(2, requires_grad=True)
        x.as_subclass(kind)[0] = 5
        shown = leaf.as_subclass(kind)
        (shown * 2).sum().backward()
        return x, type(shown).__name__, shown.is_leaf, shown.requires_grad, leaf.grad

    assert_same(run)


def test_stale_views_of_different_kinds_are_read_each_in_its_own_way():
    """Verbs with equal fields (none for `real` and `imag`, the dimension 0 below) are not one verb."""
    found = []
    for lib in (torch, jtorch):
        z, x = lib.tensor([1 + 2j]), lib.ones(1)
        real, imag, moved, squeezed = z.real, z.imag, x.permute(0), x.squeeze(0)
        z.mul_(2)
        x.add_(1)
        found.append([t.tolist() for t in (real, imag, moved, squeezed)])
    assert found[1] == found[0] == [[2.0], [4.0], [2.0], 2.0]


def test_a_view_taken_before_still_refuses_wrong_arguments():
    for lib in (torch, jtorch):
        x = lib.zeros(2, 3)
        assert x.transpose(0, 1).shape == x.transpose(0, 1).shape == (3, 2)
        with pytest.raises(TypeError):
            x.transpose(0, 1.0)
        x.unsqueeze(1)
        assert x.view(3, 2).shape == x.view((3, 2)).shape == x.view(torch.Size([3, 2])).shape == (3, 2)
        with pytest.raises((TypeError, RuntimeError)):
            x.view(3.0, 2)
