"""Datasets, their errors and the order of random splits against torch."""

import pytest

from compat_tests.utils.data.cases import both

CASES = """
len(rows), rows[2], rows[1:4], rows[[1, 2]], rows[-1]
rows[rows.tensors[0] > 6]
list(rows)[8:]
rows[100]
TensorDataset(torch.ones(2), torch.ones(3))
TensorDataset(torch.tensor(1.0))
TensorDataset([1, 2])
len(NoLength())
NoLength() + rows
Dataset()[0]
(rows + rows)[12]
StackDataset()
StackDataset(rows, a=rows)
StackDataset(rows, [1])
StackDataset(3)
StackDataset(a=[1, 2], b=[3, 4])[1]
StackDataset([1, 2], [3, 4])[1]
StackDataset(a=[1, 2], b=[3, 4]).__getitems__([0, 1])
StackDataset([1, 2, 3], Many()).__getitems__([0, 1])
len(StackDataset([1, 2], [3, 4]))
ConcatDataset([])
ConcatDataset([Stream()])
ConcatDataset([[1, 2], [3]])[2]
ConcatDataset([[1, 2], [], [3]])[-1]
ConcatDataset([[1, 2], [3]])[-4]
ConcatDataset([[1, 2], [3]])[3]
ConcatDataset([[1, 2], [3]]).cumulative_sizes
list(ChainDataset([Stream(), Stream()]))
list(ChainDataset([[1, 2]]))
len(ChainDataset([[1, 2]]))
len(ChainDataset([SizedStream(), SizedStream()]))
len(ChainDataset([Stream()]))
list(Stream() + Stream())
len(Stream())
Stream()[0]
len(Subset(rows, [0, 2])), Subset(rows, [0, 2])[1]
Subset([1, 2, 3], [0, 2])[[0, 1]]
Subset([1, 2, 3], [0, 2]).__getitems__([0, 1])
Subset(rows, [0, 2]).__getitems__([0, 1])
Subset(Many(), [0, 2]).__getitems__([0, 1])
Subset(rows, [0, 2])[[0, 1]]
[len(part) for part in random_split(rows, [0.5, 0.5])]
[len(part) for part in random_split(range(11), [0.5, 0.3, 0.2])]
[len(part) for part in random_split(range(2), [0.9, 0.1, 0.0])]
random_split(range(10), [0.5, 0.6])
random_split(range(10), [0.5, -0.1, 0.6])
random_split(range(10), [5, 6])
random_split(range(10), [0.3, 0.3])
[list(part) for part in random_split(range(10), [0, 10])]
[list(part) for part in random_split(range(10), [3, 7])]
[list(part) for part in random_split(range(10), [3, 7], seeded)]
""".strip().splitlines()


@pytest.mark.parametrize("code", CASES)
def test_as_torch(code):
    ours, torchs = both(code)
    assert ours == torchs
