"""Samplers: the order of indices, what they leave in the random stream, and their errors, against torch."""

import pytest

from compat_tests.utils.data.cases import both

CASES = """
Sampler(None)
list(SequentialSampler(range(3))), len(SequentialSampler(range(3)))
list(RandomSampler(range(20)))
[list(RandomSampler(range(20))) for _ in range(3)]
RandomSampler([])
RandomSampler(range(3), num_samples=0)
RandomSampler(range(3), num_samples=1.5)
RandomSampler(range(3), num_samples=-2)
RandomSampler(range(3), replacement=1)
len(RandomSampler(range(3), True, 7)), RandomSampler(range(3)).num_samples
list(SubsetRandomSampler([4, 8, 15, 16])), len(SubsetRandomSampler([1]))
list(SubsetRandomSampler("abcd", seeded))
WeightedRandomSampler([1, 2], 0)
WeightedRandomSampler([1, 2], 1.5)
WeightedRandomSampler([1, 2], True)
WeightedRandomSampler([1, 2], 3, replacement=1)
WeightedRandomSampler([[1, 2]], 3)
WeightedRandomSampler([1, 2], 3).weights
WeightedRandomSampler(torch.ones(3), 2).weights
list(WeightedRandomSampler([0.1, 0.7, 0.2], 9)), len(WeightedRandomSampler([1], 9))
list(WeightedRandomSampler([0.1, 0.7, 0.2], 3, replacement=False, generator=seeded))
list(WeightedRandomSampler([1, 2], 3, replacement=False))
BatchSampler(range(3), 0, False)
BatchSampler(range(3), 1.5, False)
BatchSampler(range(3), True, False)
BatchSampler(range(3), 2, 1)
list(BatchSampler(range(5), 2, False)), len(BatchSampler(range(5), 2, False))
list(BatchSampler(range(5), 2, True)), len(BatchSampler(range(5), 2, True))
list(BatchSampler(range(4), 2, True)), len(BatchSampler(range(4), 2, False))
list(BatchSampler([], 2, False))
list(BatchSampler(RandomSampler(range(9), generator=seeded), 4, False))
""".strip().splitlines()


@pytest.mark.parametrize("code", CASES)
def test_as_torch(code):
    ours, torchs = both(code)
    assert ours == torchs


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("count", [1, 3, 4, 7, 8, 31, 32, 33, 70])
def test_the_generator_is_left_as_torch_leaves_it(count, replacement):
    sampler = f"RandomSampler(range(4), {replacement}, {count}, seeded)"
    ours, torchs = both(f"(list({sampler}), torch.randint(99, (3,), generator=seeded))")
    assert ours == torchs
