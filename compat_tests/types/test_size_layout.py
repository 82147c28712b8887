"""jtorch._types.size and layout against real torch."""

import copy
import operator
import pickle

import pytest

from compat_tests.types.namespace import assert_same
from jtorch import _types


@pytest.mark.parametrize(
    "expression",
    [
        "torch.Size()",
        "torch.Size([])",
        "torch.Size([]).numel()",
        "torch.Size([2, 3]).numel()",
        "torch.Size([-1, 3]).numel()",
        "torch.Size([2, 3])[0]",
        "torch.Size([2, 3])[-1]",
        "torch.Size([2, 3])[True]",
        "torch.Size([2, 3])[:1]",
        "torch.Size([2, 3])[5]",
        "torch.Size([2, 3]) + (1,)",
        "torch.Size([2, 3]) + torch.Size([4])",
        "(1,) + torch.Size([2, 3])",
        "torch.Size([2, 3]) + [1]",
        "torch.Size([2]) + 3",
        "torch.Size([1]) + (1.5,)",
        "torch.Size([1]) + ('a',)",
        "torch.Size([2, 3]) * 2",
        "2 * torch.Size([2, 3])",
        "torch.Size([2]) * 0",
        "torch.Size([2]) * 2.0",
        "torch.Size([2, 3]) == (2, 3)",
        "torch.Size([2, 3]) == [2, 3]",
        "hash(torch.Size([2, 3])) == hash((2, 3))",
        "torch.Size([2, 3]).index(3)",
        "list(torch.Size([2, 3]))",
        "str(torch.Size([2]))",
        "pickle.loads(pickle.dumps(torch.Size([2, 3])))",
        "torch.Size([True])",
        "torch.Size([np.int64(3)])",
        "torch.Size(np.ones(2, int))",
        "torch.Size(i for i in range(3))",
        "torch.Size([1.0])",
        "torch.Size([2, 'a'])",
        "torch.Size([None])",
        "torch.Size('ab')",
        "torch.Size([np.float64(3)])",
        "torch.Size([torch.float32])",
        "torch.Size(3)",
        "torch.Size((2**70,))",
    ],
)
def test_size(expression):
    assert_same(expression)


def test_list_plus_size():
    with pytest.raises(TypeError, match="can only concatenate list"):
        operator.add([1], _types.Size([2]))


LAYOUTS = ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged")
FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d", "legacy_contiguous_format")


@pytest.mark.parametrize("name", [*LAYOUTS, *FORMATS])
def test_names(name):
    assert_same(f"torch.{name}")
    assert_same(f"isinstance(torch.{name}, torch.layout)")
    assert_same(f"isinstance(torch.{name}, torch.memory_format)")
    ours = getattr(_types, name)
    assert pickle.loads(pickle.dumps(ours)) is ours
    assert copy.deepcopy(ours) is ours


@pytest.mark.parametrize("expression", ["torch.layout()", "torch.memory_format()"])
def test_no_instances(expression):
    assert_same(expression)
