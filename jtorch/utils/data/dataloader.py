"""The loader: takes samples in the order of a sampler and makes batches of them, in the calling process."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from jtorch import _root as torch
from jtorch import cuda
from jtorch._engine.flush import end_of_work
from jtorch._types.cures import cured
from jtorch._types.user_frame import warn

from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler, fresh_seed, length_of

T_co = TypeVar("T_co", covariant=True)

_OF_A_SLICE = (
    "the dataset is a tuple of tensors, as a slice of a TensorDataset is, so each tensor counted as one sample: "
    "torch.utils.data.Subset(dataset, range(n)), or random_split"
)
_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


def get_worker_info() -> None:
    """Returns None: this is the main process.

    >>> import jtorch as torch
    >>> torch.utils.data.get_worker_info() is None
    True
    """
    return


class DataLoader(Generic[T_co]):
    """Batches of a dataset.

    ``batch_size=None`` gives single samples. ``shuffle``, ``sampler`` and ``batch_sampler`` say in which order; with
    one seed it is torch's order. ``pin_memory`` and what concerns worker processes is accepted where torch accepts it
    for ``num_workers=0`` and has no effect; ``num_workers`` above 0 raises NotImplementedError.
    Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader

    >>> import jtorch as torch
    >>> list(torch.utils.data.DataLoader([1, 2, 3], batch_size=2))
    [tensor([1, 2]), tensor([3])]
    """

    _initialized = False
    _reported_length: int | None = None  # of an iterable dataset whose length was asked for

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        self.dataset: Any = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.generator = generator
        self.persistent_workers = persistent_workers

        self._is_iterable = isinstance(dataset, IterableDataset)
        if self._is_iterable:
            _check_iterable(shuffle, sampler, batch_sampler)
        _check_order(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        order = self._default_sampler(bool(shuffle)) if sampler is None else sampler
        if batch_size is not None:
            batch_sampler = BatchSampler(order, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = order
        self.batch_sampler = batch_sampler
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn: Callable[[Any], Any] = collate_fn
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def _default_sampler(self, shuffle: bool) -> Any:
        if self._is_iterable:
            # An iterable dataset has no indices: the sampler only says how many samples make a batch.
            return itertools.repeat(None)
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    def __iter__(self) -> "_Batches":
        return _Batches(self)

    def __len__(self) -> int:
        if not self._is_iterable:
            return len(self._index_sampler)
        length = self._reported_length = length_of(self.dataset)
        if self.batch_size is None:
            return length
        full, rest = divmod(length, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler


class _Batches(Iterator[Any]):
    """One pass over a loader."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        if loader.pin_memory and not cuda.is_available():
            _warn_of_pinning(loader.pin_memory_device)
        self._indices = iter(loader._index_sampler)
        # Nothing is seeded with it here, but torch draws it for its workers, even when it has none: the same numbers
        # follow only if it is drawn here too.
        self._base_seed = fresh_seed(loader.generator)
        self._samples = iter(loader.dataset) if loader._is_iterable else None
        self._rows = _rows_of(loader)
        self._exhausted = False
        self._given = 0
        self._reported_length = loader._reported_length

    def __len__(self) -> int:
        return len(self._loader._index_sampler)

    def __next__(self) -> Any:
        # Whoever asks for a batch is done with the last one: what is recorded so far is a step, and runs now.
        end_of_work()
        indices = next(self._indices)
        return self._streamed(indices) if self._samples is not None else self._indexed(indices)

    def _indexed(self, indices: Any) -> Any:
        loader = self._loader
        if loader.batch_sampler is None:
            return loader.collate_fn(loader.dataset[indices])
        if self._rows is not None and all(type(i) is int for i in indices):
            return self._rows(indices)
        if callable(getattr(loader.dataset, "__getitems__", None)):
            return loader.collate_fn(loader.dataset.__getitems__(indices))
        try:
            return loader.collate_fn([loader.dataset[i] for i in indices])
        except RuntimeError as error:
            if isinstance(loader.dataset, tuple) and all(isinstance(t, torch.Tensor) for t in loader.dataset):
                cured(error, _OF_A_SLICE)
            raise

    def _streamed(self, indices: Any) -> Any:
        loader, samples = self._loader, self._samples
        assert samples is not None
        if loader.batch_sampler is None:
            batch = next(samples)
        else:
            if self._exhausted:
                raise StopIteration
            batch = list(itertools.islice(samples, len(indices)))
            self._exhausted = len(batch) < len(indices)
            if not batch or (loader.drop_last and self._exhausted):
                raise StopIteration
        self._given += 1
        if self._reported_length is not None and self._given > self._reported_length:
            warn(
                f"Length of IterableDataset {loader.dataset} was reported to be {self._reported_length}(when accessing "
                f"len(dataloader)), but {self._given} samples have been fetched. "
            )
        return loader.collate_fn(batch)


def _rows_of(loader: DataLoader[Any]) -> Callable[[list[int]], list[Any]] | None:
    """A way to a whole batch that indexes each tensor once, where that is what single samples and collating come to.

    It is for tensors as such, and for subsets of them as ``random_split`` makes; None for anything else.
    """
    dataset, parts = loader.dataset, []
    while type(dataset) is Subset:
        parts.append(dataset.indices)
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or loader.collate_fn is not default_collate:
        return None
    tensors = dataset.tensors
    # Rows of tensors that need gradients are left to indexing and stacking, whose graph torch's users may look at.
    if any(tensor.requires_grad for tensor in tensors):
        return None

    def rows(indices: list[int]) -> list[Any]:
        for part in parts:
            indices = [part[i] for i in indices]
        index = torch.tensor(indices)
        return [tensor[index] for tensor in tensors]

    return rows


def _warn_of_pinning(device: str) -> None:
    if device:
        warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{device}'."
        )
    warn("'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.")


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool, context: Any
) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable "
            "multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if num_workers > 0:
        raise NotImplementedError(
            f"DataLoader with num_workers={num_workers}: worker processes are not supported; use num_workers=0."
        )
    if context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            f"num_workers={num_workers}"
        )


def _check_iterable(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    given = {
        "shuffle": None if shuffle in (False, None) else shuffle,
        "sampler": sampler,
        "batch_sampler": batch_sampler,
    }
    for name, value in given.items():
        if value is not None:
            raise cured(
                ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                ),
                "an IterableDataset gives its samples in an order of its own: shuffle in its __iter__",
            )


def _check_order(batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: Any) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
    if batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
