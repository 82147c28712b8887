"""default_collate and default_convert against torch."""

import pytest

from compat_tests.utils.data.cases import both

COLLATE = """
[1, 2]
[1.0, 2]
[1, 2.5]
[True, False]
['a', 'b']
[b'a']
[(1, 2.0), (3, 4.0)]
[[1, 2], [3, 4]]
[{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]
[{'a': 1}, {'b': 2}]
[[1, 2], [3]]
[torch.ones(2), torch.zeros(2)]
[torch.tensor(1, dtype=torch.int8), torch.tensor(2, dtype=torch.int8)]
[torch.ones(2), torch.ones(3)]
[torch.ones(2), 3]
[np.ones(2), np.zeros(2)]
[np.ones(2, np.float16), np.zeros(2, np.float16)]
[np.float32(1), np.float32(2)]
[np.float64(1), np.float64(2)]
[np.int8(1), np.int8(2)]
[np.bool_(True)]
[np.array(1), np.array(2)]
[np.array(['a'])]
[np.array([object()])]
[np.str_('a')]
[None]
[{1, 2}]
[1 + 2j]
[]
[Point(1, 2.0), Point(3, 4.0)]
[OrderedDict(a=1), OrderedDict(a=2)]
[defaultdict(int, a=1)]
[range(2), range(2)]
[()]
[[{'a': (1, [2])}], [{'a': (3, [4])}]]
""".strip().splitlines()

CONVERT = """
np.ones(2)
np.ones(2, np.uint8)
np.int32(3)
np.array('a')
np.str_('a')
{'a': np.ones(1), 'b': [np.int32(3), 's', 4]}
(np.ones(1), 2)
Point(np.ones(1), 2)
[b'x', 1.5, None]
torch.ones(2)
OrderedDict(a=np.ones(1))
'text'
{1, 2}
""".strip().splitlines()


@pytest.mark.parametrize("code", COLLATE)
def test_collate(code):
    ours, torchs = both(f"default_collate({code})")
    assert ours == torchs


@pytest.mark.parametrize("code", CONVERT)
def test_convert(code):
    ours, torchs = both(f"default_convert({code})")
    assert ours == torchs


def test_collate_leaves_the_samples():
    code = "(lambda samples: (default_collate(samples), samples))([{'a': [1]}, {'a': [2]}])"
    ours, torchs = both(code)
    assert ours == torchs
