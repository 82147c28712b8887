"""Indexing on the tape: how many steps and programs it takes, and what is read of shared memory."""

import numpy as np
import pytest

import jtorch
from jtorch._engine import explain
from jtorch._engine.tape import settings, threads


def depth() -> int:
    """Steps recorded since the last flush."""
    return threads.tape.epoch.node.depth


@pytest.mark.skipif(settings.eager, reason="every step is run at once")
@pytest.mark.parametrize("index", [(0,), (0, slice(1, 3)), (None, 1, slice(None), slice(0, 4, 2))])
def test_a_run_of_basic_indices_is_one_step(index: tuple):
    x = jtorch.arange(24.0).view(2, 3, 4) + 1
    before = depth()
    x[index]
    assert depth() == before + 1


@pytest.mark.skipif(settings.eager, reason="every step is run at once")
def test_basic_and_advanced_together_are_one_step():
    x = jtorch.arange(24.0).view(2, 3, 4) + 1
    rows = jtorch.tensor([2, 0])
    (rows + 0).tolist()
    before = depth()
    x[1, rows]
    assert depth() == before + 3  # both tensors enter the tape, then one op


def test_another_index_is_the_same_program():
    x = jtorch.arange(12.0).view(3, 4)
    rows = [x[i].sum().item() for i in (0, 0, 0)]
    before = dict(explain.counts)
    rows += [x[i].sum().item() for i in (1, 2)]
    assert rows == [6, 6, 6, 22, 38]
    assert [explain.counts[k] - before[k] for k in ("whole_programs", "op_programs")] == [0, 0]


def test_a_part_of_shared_memory_is_read_alone():
    big = np.zeros((1000, 1000), np.float32)
    x = jtorch.from_numpy(big)
    part, picked = x[3:5], x[jtorch.tensor([1, 3])]
    big[3] = 1
    assert part.sum().item() == 1000
    assert picked.sum().item() == 0  # a copy, made when it was asked for
    assert part._v.aval.size == 2000
    part[1] = 2
    assert big[4, 0] == 2


def test_wrong_index_computed_on_the_way():
    x, i = jtorch.arange(3.0), jtorch.tensor([1]) * 5
    with pytest.raises(IndexError, match="index"):
        x[i].tolist()


def test_wrong_index_known_at_the_call():
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 0 with size 3"):
        jtorch.arange(3.0)[jtorch.tensor([1, 5])]
