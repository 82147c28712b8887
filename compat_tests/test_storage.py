"""Storages, deep copies and pickles: what shares memory with what, as in torch."""

import copy
import ctypes
import pickle
from typing import Any

import pytest
import torch

import jtorch

BOTH = pytest.mark.parametrize("side", [torch, jtorch], ids=["torch", "jtorch"])


def base_and_view(side: Any) -> tuple[Any, Any]:
    base = side.arange(6.0).view(2, 3)
    return base, base[1]


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@BOTH
def test_pickled(side: Any):
    base, view = base_and_view(side)
    new_base, new_view, leaf = pickled([base.t(), view, side.ones(2, requires_grad=True)])
    assert new_base.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert (new_base.stride(), new_view.tolist(), leaf.requires_grad) == ((1, 3), [3, 4, 5], True)


@BOTH
def test_deep_copies_share_among_themselves_only(side: Any):
    base, view = base_and_view(side)
    new_base, new_view = copy.deepcopy([base, view])
    new_view.zero_()
    assert new_base.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert base.tolist() == [[0, 1, 2], [3, 4, 5]]


@BOTH
def test_shallow_copy_shares(side: Any):
    base, _ = base_and_view(side)
    copy.copy(base)[0] = 7
    assert base.tolist() == [[7, 7, 7], [3, 4, 5]]


@BOTH
def test_deepcopy_keeps_what_a_tensor_carries(side: Any):
    leaf = side.ones(2, requires_grad=True)
    leaf.note = ["x"]
    (leaf * 2).sum().backward()
    new = copy.deepcopy(leaf)
    assert (new.requires_grad, new.grad.tolist(), new.note) == (True, [2, 2], ["x"])
    assert new.note is not leaf.note
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(leaf * 2)


@BOTH
def test_addresses(side: Any):
    base, view = base_and_view(side)
    address = base.data_ptr()
    assert view.data_ptr() - address == 12
    assert base.untyped_storage().data_ptr() == address
    base.add_(1)
    base.mul_(2)
    assert base.data_ptr() == address
    assert (ctypes.c_float * 6).from_address(address)[:] == [2, 4, 6, 8, 10, 12]
    assert (base + 0).data_ptr() != address


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
@BOTH
def test_storages(side: Any):
    base, view = base_and_view(side)
    assert view.untyped_storage().nbytes() == 24
    assert view.storage().tolist() == [0, 1, 2, 3, 4, 5]
    assert view.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()
    assert base.clone().untyped_storage().data_ptr() != base.untyped_storage().data_ptr()


@BOTH
def test_set_and_resize(side: Any):
    base, _ = base_and_view(side)
    other = side.zeros(0)
    other.set_(base)
    other[0, 0] = 9
    assert base[0, 0].item() == 9
    assert side.arange(6).resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert side.arange(2).resize_(4)[:2].tolist() == [0, 1]
    assert base.resize_(3).untyped_storage().nbytes() == 24


def test_address_of_a_view_written_through_the_base():
    x = jtorch.zeros(4)
    part = x[2:]
    address = part.data_ptr()
    x.fill_(3)
    assert part.data_ptr() == address
    assert (ctypes.c_float * 2).from_address(address)[:] == [3, 3]
    assert part.tolist() == [3, 3]
