"""Datasets: what gives samples, by index or one after the other."""

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from jtorch import _root as torch
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LENGTHS_DIFFER = "Sum of input lengths does not equal the length of the input dataset!"


class Dataset(Generic[T_co]):
    """Samples by index: subclasses define ``__getitem__``, and ``__len__`` for samplers to use.

    A ``__getitems__``, which takes a list of indices and returns a list of samples, is used for whole batches.
    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Dataset

    >>> import jtorch as torch
    >>> class Squares(torch.utils.data.Dataset):
    ...     def __getitem__(self, i):
    ...         return i * i
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise cured(
            NotImplementedError("Subclasses of Dataset should implement __getitem__."),
            "define __getitem__(self, index) in the class, and __len__(self)",
        )

    def __add__(self, other: "Dataset[Any]") -> "ConcatDataset[Any]":
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """Samples one after the other: subclasses define ``__iter__``.

    >>> import jtorch as torch
    >>> class Stream(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2, 3])
    >>> list(torch.utils.data.DataLoader(Stream(), batch_size=2))
    [tensor([1, 2]), tensor([3])]
    """

    def __add__(self, other: Dataset[Any]) -> "ChainDataset":
        return ChainDataset([self, other])


def _checked(tensors: tuple[Any, ...]) -> Iterator[Any]:
    """The tensors; a NumPy array among them gives Python's error about its ``size``, which is no function."""
    for tensor in tensors:
        try:
            tensor.size(0)
        except TypeError as error:
            cured(error, "a TensorDataset holds tensors: torch.from_numpy(array), torch.tensor(list)")
            raise
        yield tensor


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Rows of tensors that have the same length: a sample is a tuple with one row of each.

    Anything that indexes a tensor indexes the dataset: slices, lists, masks.

    >>> import jtorch as torch
    >>> data = torch.utils.data.TensorDataset(torch.arange(4), torch.zeros(4))
    >>> data[1:3]
    (tensor([1, 2]), tensor([0., 0.]))
    """

    tensors: tuple[Any, ...]

    def __init__(self, *tensors: Any) -> None:
        if any(tensor.size(0) != tensors[0].size(0) for tensor in _checked(tensors)):
            raise cured(AssertionError("Size mismatch between tensors"), "all tensors have one row for each sample")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset[Any]):
    """Datasets side by side: a sample is a tuple (or, of keyword arguments, a dict) with one sample of each.

    >>> import jtorch as torch
    >>> torch.utils.data.StackDataset(image=[10, 20], label=[0, 1])[1]
    {'image': 20, 'label': 1}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or``dict``- (via ``kwargs``) like input/output, but both "
                "types are given."
            )
        parts = args or tuple(kwargs.values())
        if not parts:
            raise ValueError("At least one dataset should be passed")
        self._length = len(parts[0])
        if any(len(part) != self._length for part in parts):
            raise ValueError("Size mismatch between datasets")
        self.datasets = args or kwargs

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: part[index] for name, part in self.datasets.items()}
        return tuple(part[index] for part in self.datasets)

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        if isinstance(self.datasets, dict):
            columns = [_samples(part, indices) for part in self.datasets.values()]
            return [dict(zip(self.datasets, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(zip(*(_samples(part, indices) for part in self.datasets), strict=True))

    def __len__(self) -> int:
        return self._length


def _samples(dataset: Any, indices: Sequence[Any]) -> list[Any]:
    """Several samples, all at once where the dataset can."""
    if not callable(getattr(dataset, "__getitems__", None)):
        return [dataset[i] for i in indices]
    samples = dataset.__getitems__(indices)
    if len(samples) != len(indices):
        raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(samples)}")
    return samples


class ConcatDataset(Dataset[T_co]):
    """Datasets one behind the other.

    >>> import jtorch as torch
    >>> torch.utils.data.ConcatDataset([[1, 2], [3]])[2]
    3
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T_co:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        # Past the end the last dataset is asked, so that the error is its own.
        which = min(which, len(self.datasets) - 1)
        start = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - start]


class ChainDataset(IterableDataset[Any]):
    """Iterable datasets one behind the other.

    >>> import jtorch as torch
    >>> class Stream(torch.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter([1, 2])
    >>> list(Stream() + Stream())
    [1, 2, 1, 2]
    """

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from self._checked(dataset)

    def __len__(self) -> int:
        return sum(len(self._checked(dataset)) for dataset in self.datasets)

    @staticmethod
    def _checked(dataset: Any) -> Any:
        if not isinstance(dataset, IterableDataset):
            raise AssertionError("ChainDataset only supports IterableDataset")
        return dataset


class Subset(Dataset[T_co]):
    """The samples of a dataset at given indices.

    >>> import jtorch as torch
    >>> torch.utils.data.Subset(["a", "b", "c"], [2, 0])[0]
    'c'
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        chosen = [self.indices[i] for i in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[i] for i in chosen]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset[Any]]:
    """Splits a dataset at random into subsets of given lengths, or of given fractions that sum to 1.

    What fractions leave over is dealt out one by one, from the first subset on.
    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.random_split

    >>> import jtorch as torch
    >>> generator = torch.Generator().manual_seed(0)
    >>> [list(part) for part in torch.utils.data.random_split(range(4), [0.75, 0.25], generator)]
    [[0, 1, 3], [2]]
    """
    size = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _counts(lengths, size)
    if sum(lengths) != size:
        raise cured(
            ValueError(_LENGTHS_DIFFER),
            "the lengths must sum to len(dataset): n = int(0.8 * len(dataset)); [n, len(dataset) "
            "- n], or fractions, [0.8, 0.2]",
        )
    order = torch.randperm(size, generator=generator).tolist()
    ends = list(itertools.accumulate(int(length) for length in lengths))
    return [Subset(dataset, order[end - int(length) : end]) for end, length in zip(ends, lengths, strict=True)]


def _counts(fractions: Sequence[float], size: int) -> list[int]:
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1")
    counts = [math.floor(size * fraction) for fraction in fractions]
    for i in range(size - sum(counts)):
        counts[i % len(counts)] += 1
    for i, count in enumerate(counts):
        if count == 0:
            warn(f"Length of split at index {i} is 0. This might result in an empty dataset.")
    return counts
