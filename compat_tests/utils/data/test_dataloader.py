"""DataLoader against torch: its batches, its shuffles and the random numbers it uses, its errors."""

import pytest
import torch

import jtorch
from compat_tests.utils.data.cases import both

CASES = """
list(DataLoader(rows, batch_size=4))
list(DataLoader(rows, batch_size=4, drop_last=True))
list(DataLoader(rows, batch_size=4, shuffle=True))
list(DataLoader(rows, batch_size=4, shuffle=True, generator=seeded))
[list(DataLoader(rows, batch_size=4, shuffle=True)) for _ in range(2)]
[list(loader) for loader in [DataLoader(rows, 5, True)] for _ in range(2)]
list(DataLoader(Subset(rows, [3, 1, 2]), batch_size=2))
list(DataLoader(Subset(Subset(rows, [3, 1, 2]), [2, -2]), batch_size=2))
list(DataLoader(random_split(rows, [0.5, 0.5])[1], batch_size=2, shuffle=True))
list(DataLoader(WithIndex(torch.arange(3)), batch_size=2))
list(DataLoader(TensorDataset(torch.ones(3, 2, requires_grad=True)), batch_size=2))
list(DataLoader(TensorDataset(torch.ones(3, 2).bfloat16()), batch_size=2))
list(DataLoader(rows, batch_size=2, collate_fn=len))
list(DataLoader(rows, batch_size=None))[:2]
list(DataLoader(Many(), batch_size=2)), list(DataLoader(Many(), batch_size=None))
list(DataLoader([np.ones(2)], batch_size=None))
list(DataLoader([{'x': 1, 'y': (2.0, 'a')}] * 3, batch_size=2))
list(DataLoader([], batch_size=2))
list(DataLoader({0: 1}))
list(DataLoader({'a': 1}))
list(DataLoader(Failing()))
list(DataLoader(NoLength(), batch_size=2))
list(DataLoader(NoLength(), sampler=[1, 2]))
list(DataLoader(NoLength(), batch_sampler=[[1, 2], [3]]))
list(DataLoader(rows, sampler=[3, 1], batch_size=1))
list(DataLoader(rows, sampler=RandomSampler(rows, True, 5), batch_size=2))
list(DataLoader(rows, batch_sampler=[[3, 1], [2]]))
list(DataLoader(rows, batch_sampler=[(3, 1)]))
list(DataLoader(rows, batch_sampler=[torch.tensor([1, 2])]))
list(DataLoader(rows, batch_size=2, sampler=[-1, np.int64(3)]))
list(DataLoader(rows, batch_size=2, sampler=[11]))
list(DataLoader(Stream(), batch_size=2))
list(DataLoader(Stream(), batch_size=2, drop_last=True))
list(DataLoader(Stream(), batch_size=5))
list(DataLoader(Stream(), batch_size=None))
list(DataLoader(SizedStream(), batch_size=2))
(lambda loader: (len(loader), list(loader)))(DataLoader(SizedStream(), batch_size=None))
(lambda loader: (len(loader), list(loader)))(DataLoader(SizedStream(), batch_size=2))
len(DataLoader(rows, batch_size=3)), len(DataLoader(rows, batch_size=3, drop_last=True)), len(DataLoader(rows, None))
len(DataLoader(SizedStream(), batch_size=3)), len(iter(DataLoader(rows, batch_size=3)))
len(DataLoader(Stream()))
DataLoader(rows).batch_size, DataLoader(rows).drop_last, DataLoader(rows).num_workers, DataLoader(rows).pin_memory
DataLoader(rows, batch_sampler=[[1]]).batch_size, type(DataLoader(rows, batch_sampler=[[1]]).sampler).__name__
type(DataLoader(rows).sampler).__name__, type(DataLoader(rows, shuffle=True).sampler).__name__
(DataLoader(rows).collate_fn is default_collate), (DataLoader(rows, None).collate_fn is default_convert)
list(DataLoader(rows, batch_size=7, worker_init_fn=3, in_order=False, timeout=0))
DataLoader(rows, num_workers=-1)
DataLoader(rows, timeout=-1)
DataLoader(rows, prefetch_factor=2)
DataLoader(rows, num_workers=1, prefetch_factor=-2)
DataLoader(rows, persistent_workers=True)
DataLoader(rows, multiprocessing_context='fork')
DataLoader(Stream(), shuffle=True)
DataLoader(Stream(), shuffle=False).batch_size
DataLoader(Stream(), sampler=[1])
DataLoader(Stream(), batch_sampler=[[1]])
DataLoader(rows, shuffle=True, sampler=[1])
DataLoader(rows, batch_sampler=[[1]], batch_size=2)
DataLoader(rows, batch_sampler=[[1]], shuffle=True)
DataLoader(rows, batch_sampler=[[1]], drop_last=True)
DataLoader(rows, batch_size=None, drop_last=True)
DataLoader(rows, batch_size=0)
DataLoader(rows, batch_size='2')
DataLoader(rows, batch_size=2, drop_last=1)
DataLoader([], shuffle=True)
list(DataLoader(rows, collate_fn=3))
get_worker_info()
""".strip().splitlines()

FIXED = ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]


@pytest.mark.parametrize("code", CASES)
def test_as_torch(code):
    ours, torchs = both(code)
    assert ours == torchs


@pytest.mark.parametrize("name", FIXED)
def test_what_may_not_be_changed(name):
    ours, torchs = both(f"setattr(DataLoader(rows), {name!r}, 3)")
    assert ours == torchs


def test_two_iterators_of_one_loader():
    code = "[[next(a), next(b)] for loader in [DataLoader(rows, 5, True)] for a, b in [(iter(loader), iter(loader))]]"
    ours, torchs = both(code)
    assert ours == torchs


def test_workers_are_refused():
    with pytest.raises(NotImplementedError, match="use num_workers=0"):
        jtorch.utils.data.DataLoader([1], num_workers=2)


def test_batches_of_rows_do_not_share_memory_with_the_dataset():
    for lib in (torch, jtorch):
        x = lib.arange(4.0)
        (batch,) = next(iter(lib.utils.data.DataLoader(lib.utils.data.TensorDataset(x), batch_size=2)))
        batch.fill_(9.0)
        assert x.tolist() == [0, 1, 2, 3]
