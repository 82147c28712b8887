"""Out-of-range indices: at the call when the index is known, deferred with op and line when it is pending."""

from __future__ import annotations

import pytest
import torch

import jtorch
from compat_tests.engine.counting import lazy_only, whole_tier
from jtorch._engine.flush import end_of_work
from jtorch._engine.tape import current


@pytest.mark.parametrize(
    "call",
    [
        lambda lib: lib.arange(5)[lib.tensor([1, 7])],
        lambda lib: lib.arange(5)[9],
        lambda lib: lib.nn.functional.embedding(lib.tensor([3]), lib.ones(2, 2)),
        lambda lib: lib.index_select(lib.ones(2, 2), 0, lib.tensor([5])),
        lambda lib: lib.gather(lib.ones(2, 2), 1, lib.tensor([[0], [4]])),
        lambda lib: lib.nn.functional.cross_entropy(lib.ones(2, 3), lib.tensor([0, 3])),
    ],
    ids=["index", "int", "embedding", "index_select", "gather", "cross_entropy"],
)
def test_a_known_index_is_refused_at_the_call(call):
    messages = []
    for lib in (torch, jtorch):
        with pytest.raises((IndexError, RuntimeError)) as caught:
            call(lib)
        messages.append((type(caught.value), str(caught.value)))
    assert messages[1] == messages[0]


@lazy_only
def test_a_pending_index_names_op_and_line():
    x = jtorch.arange(5.0)
    at = jtorch.ones(3, dtype=jtorch.int64).cumsum(0) * 3  # 3, 6, 9: not computed yet
    y = jtorch.index_select(x, 0, at)
    with pytest.raises(IndexError, match=r"index_select\(\) recorded at .*test_index_errors.py:\d+") as caught:
        y.tolist()
    assert "is lost" in str(caught.value)


@lazy_only
def test_a_pending_index_of_an_embedding_is_refused_when_it_is_computed():
    at = jtorch.ones(2, dtype=jtorch.int64).cumsum(0)  # 1, 2
    rows = jtorch.nn.functional.embedding(at, jtorch.ones(2, 3))
    with pytest.raises(IndexError, match=r"embedding\(\) recorded at .*test_index_errors.py:\d+"):
        rows.tolist()


@lazy_only
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1)], ids=["rows", "pixels"])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_a_pending_label_is_refused_when_it_is_computed(name, shape):
    x = jtorch.zeros(shape, requires_grad=True)
    labels = jtorch.ones((2, *shape[2:]), dtype=jtorch.int64).cumsum(0) + 1  # 2, 3
    loss = getattr(jtorch.nn.functional, name)(x, labels)
    loss.backward()
    with pytest.raises(IndexError, match=r"recorded at .*test_index_errors.py:\d+"):
        loss.item()


@lazy_only
@pytest.mark.parametrize(
    "read", [lambda: jtorch.ones(2).sum().item(), lambda: jtorch.tensor([1.0]).tolist()], ids=["pending", "concrete"]
)
def test_an_error_that_was_not_seen_yet_comes_with_the_next_value(read):
    at = jtorch.ones(2, dtype=jtorch.int64).cumsum(0)  # 1, 2
    rows = jtorch.index_select(jtorch.ones(2), 0, at)
    with pytest.raises(IndexError, match=r"index_select\(\) recorded at .*test_index_errors.py:\d+"):
        end_of_work()
        read()
    assert jtorch.ones(1).tolist() == [1.0]
    del rows


@whole_tier
def test_the_host_does_not_wait_for_a_program_that_looks_at_indices():
    def run(rows):
        at = jtorch.ones(2, dtype=jtorch.int64).cumsum(0)
        rows.append(jtorch.index_select(jtorch.ones(3), 0, at))
        end_of_work()
        return current().word

    rows = []
    words = [run(rows) for _ in range(3)]
    assert None not in words[1:]  # the first time may be op by op
    assert rows[-1].tolist() == [1.0, 1.0]
    assert current().word is None


def test_a_pending_label_to_ignore_is_no_error():
    labels = jtorch.ones(2, dtype=jtorch.int64).cumsum(0) * 2  # 2, 4
    found = jtorch.nn.functional.cross_entropy(jtorch.zeros(2, 3), labels, ignore_index=4)
    expected = torch.nn.functional.cross_entropy(torch.zeros(2, 3), torch.tensor([2, 4]), ignore_index=4)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)


def test_a_pending_index_in_range_is_no_error():
    x = jtorch.arange(5.0)
    at = jtorch.ones(3, dtype=jtorch.int64).cumsum(0)
    assert jtorch.index_select(x, 0, at).tolist() == [1.0, 2.0, 3.0]


def test_the_call_may_be_caught_locally():
    x = jtorch.zeros(3)
    try:
        x[jtorch.tensor([4])]
    except IndexError:
        x = x + 1
    assert x.tolist() == [1.0, 1.0, 1.0]
