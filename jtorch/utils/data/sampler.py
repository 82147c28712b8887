"""Samplers: in which order, and in which groups, samples are taken."""

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

from jtorch import _root as torch
from jtorch._types.cures import cured

T_co = TypeVar("T_co", covariant=True)

_RANDOM_CHUNK = 32  # how many indices torch draws at a time with replacement; the stream depends on it


def fresh_seed(generator: Any = None) -> int:
    """Draws a seed from a generator, by default torch's own, as torch's samplers and loaders do."""
    # A tensor that is data: an operation left on the tape would make the first step of each epoch a path of its own.
    return int(torch.tensor(0, dtype=torch.int64).random_(generator=generator).item())


def length_of(source: Any) -> int:
    """``len`` of a dataset; without one, Python's error and what to do about it."""
    try:
        return len(source)
    except TypeError as error:
        if isinstance(source, type):
            cured(error, f"the dataset is a class: make one, {source.__name__}(...)")
        elif hasattr(source, "__getitem__") and not isinstance(source, Iterable):
            cured(error, "define __len__(self) in the dataset")
        else:
            cured(
                error,
                "samples that come one after the other have no length and no indices: list(source), or an "
                "IterableDataset whose __iter__ gives them; its batches are counted while they come",
            )
        raise


def _check_count(num_samples: Any) -> None:
    if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
        raise cured(
            ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}"),
            "the dataset is empty: look at len(dataset), at the path and at the filter it was made with",
        )


class Sampler(Generic[T_co]):
    """Gives the indices of samples: subclasses define ``__iter__``, and ``__len__`` if it is known.

    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.Sampler

    >>> import jtorch as torch
    >>> class Backwards(torch.utils.data.Sampler):
    ...     def __iter__(self):
    ...         return iter([2, 1, 0])
    >>> list(Backwards())
    [2, 1, 0]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """Every index in order.

    >>> import jtorch as torch
    >>> list(torch.utils.data.SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(length_of(self.data_source)))

    def __len__(self) -> int:
        return length_of(self.data_source)


class RandomSampler(Sampler[int]):
    """Every index in random order, or, with ``replacement``, ``num_samples`` draws of one.

    Without ``generator`` each iteration makes one of its own, seeded from torch's.

    >>> import jtorch as torch
    >>> generator = torch.Generator().manual_seed(0)
    >>> list(torch.utils.data.RandomSampler(range(4), generator=generator))
    [0, 1, 3, 2]
    """

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        _check_count(self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an iteration gives: all, if not said."""
        return length_of(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size, count, generator = length_of(self.data_source), self.num_samples, self.generator
        if generator is None:
            generator = torch.Generator()
            generator.manual_seed(fresh_seed())
        # The last, partial chunk or permutation is drawn even when nothing of it is used: torch's stream has it.
        if self.replacement:
            chunks = [_RANDOM_CHUNK] * (count // _RANDOM_CHUNK) + [count % _RANDOM_CHUNK]
            for chunk in chunks:
                yield from torch.randint(size, (chunk,), dtype=torch.int64, generator=generator).tolist()
        else:
            for start in range(0, count // size * size + 1, size):
                yield from torch.randperm(size, generator=generator).tolist()[: count - start]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order.

    >>> import jtorch as torch
    >>> generator = torch.Generator().manual_seed(0)
    >>> list(torch.utils.data.SubsetRandomSampler([5, 7, 9, 11], generator))
    [5, 7, 11, 9]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in torch.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` indices drawn with probabilities in proportion to ``weights``, which need not sum to 1.

    >>> import jtorch as torch
    >>> list(torch.utils.data.WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Any = None
    ) -> None:
        _check_count(num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = torch.as_tensor(weights, dtype=torch.float64)
        if self.weights.dim() != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = torch.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Groups the indices of another sampler into lists; the last, if it is short, can be dropped.

    >>> import jtorch as torch
    >>> list(torch.utils.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # pyright: ignore[reportArgumentType]  # TypeError when the sampler has no length
        full, rest = divmod(size, self.batch_size)
        return full if self.drop_last or not rest else full + 1
