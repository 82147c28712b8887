"""Wrong but common lines: torch's exception and text, and below it, in jtorch alone, a note with the cure.

The lines are those of questions people ask. Each runs as the same source with both libraries.
"""

from __future__ import annotations

import re
import sys
import textwrap
import warnings

import numpy as np
import pytest
import torch

import jtorch
from jtorch import _missing

DATA = "D = torch.utils.data.Dataset; I = torch.utils.data.IterableDataset; load = torch.utils.data.DataLoader\n"
LEAF = "x = torch.ones(3, requires_grad=True)\n"

# (source, words of the note)
NAMES = [
    ("from torch.nn.functional import F", "import torch.nn.functional as F"),
    ("from torch.nn import optim", "from torch import optim"),
    ("from torch.utils.data import Dataloader", "did you mean torch.utils.data.DataLoader?"),
    ("from torch.optim import adam_w", "did you mean torch.optim.AdamW?"),
    ("from torch import Linear", "did you mean torch.nn.Linear?"),
    ("nn.optim.SGD", "torch.optim.SGD"),
    ("nn.linear(2, 3)", "did you mean torch.nn.Linear?"),
    ("nn.cross_entropy", "did you mean torch.nn.functional.cross_entropy?"),
    ("nn.functional.Relu", "did you mean torch.nn.functional.relu?"),
    ("torch.inferece_mode()", "did you mean torch.inference_mode?"),
    ("torch.concate([torch.ones(1)])", "did you mean torch.concat"),
    ("torch.utils.data.Dataloader", "did you mean torch.utils.data.DataLoader?"),
    ("torch.optim.Adamw", "did you mean torch.optim.AdamW?"),
    ("torch.array([1, 2])", "torch.tensor(...)"),
    ("torch.expand_dims(torch.ones(2), 0)", "torch.unsqueeze(x, dim)"),
    ("torch.ones(2).grad_zero_()", "w.grad.zero_()"),
    ("torch.ones(2).zero_grad()", "optimizer.zero_grad()"),
    ("torch.ones(2).copy()", "x.clone()"),
    ("torch.ones(2).astype(np.float32)", "x.to(torch.float32)"),
    ("torch.ones(2).expand_dims(0)", "x.unsqueeze(dim)"),
    ("torch.ones(2).append(1)", "torch.stack(list)"),
    ("torch.Tensor.to_numpy", "x.numpy()"),
]

LOADING = [
    (
        "d = torch.utils.data.TensorDataset(torch.ones(6, 4), torch.ones(6))\nnext(iter(load(d[:3], batch_size=2)))",
        "Subset(dataset, range(n))",
    ),
    ("next(iter(load(i for i in range(3))))", "list(source)"),
    ("load((i for i in range(3)), shuffle=True)", "IterableDataset whose __iter__"),
    ("class A(D):\n    def __len__(self): return 3\nnext(iter(load(A())))", "define __getitem__(self, index)"),
    ("class A(D):\n    def __getitem__(self, i): return i\nload(A(), shuffle=True)", "define __len__(self)"),
    (
        "class A(D):\n    def __getitem__(self, i): return i\n    def __len__(self): return 3\nnext(iter(load(A)))",
        "make one, A(...)",
    ),
    ("class A(I):\n    def __iter__(self): return iter([1])\nload(A(), shuffle=True)", "shuffle in its __iter__"),
    ("class A(I):\n    def __iter__(self): return iter([1])\nlen(load(A()))", "counted while they come"),
    ("load([], shuffle=True)", "the dataset is empty"),
    ("next(iter(load([torch.ones(2), torch.ones(3)], batch_size=2)))", "pad_sequence"),
    ("next(iter(load([[1, 2], [1]], batch_size=2)))", "pad the lists"),
    ("next(iter(load([None, None])))", "from __getitem__"),
    ("torch.utils.data.TensorDataset(torch.ones(3), torch.ones(4))", "one row for each sample"),
    ("torch.utils.data.TensorDataset(np.ones(3))", "torch.from_numpy(array)"),
    ("torch.utils.data.random_split(range(10), [8, 3])", "[n, len(dataset) - n]"),
    ("torch.utils.data.random_split(range(10), [0.8, 0.3])", "fractions"),
]

GRADIENTS = [
    (LEAF + "(x * x).backward()", "loss.mean().backward()"),
    (LEAF + "y = (x * x).sum()\ny.backward()\ny.backward()", "compute the loss anew"),
    (LEAF + "x += 1", "with torch.no_grad()"),
    ("torch.ones(3).sum().backward()", "requires_grad=True"),
    (LEAF + "with torch.no_grad():\n    y = x.sum()\ny.backward()", "under torch.no_grad()"),
    (LEAF + "x.detach().sum().backward()", "detach()"),
    (LEAF + "torch.autograd.grad(x.sum(), [torch.ones(1, requires_grad=True)])", "this very tensor"),
    (LEAF + "torch.autograd.grad(x.sum(), [torch.ones(1)])", "x.requires_grad_()"),
    ("torch.ones(3, dtype=torch.int64, requires_grad=True)", "make it floating"),
    ("torch.arange(3).requires_grad_()", "x.float().requires_grad_()"),
    (LEAF + "y = x * 2\ny.requires_grad = False", "y.detach()"),
    (LEAF + "import copy\ncopy.deepcopy(x * 2)", "x.detach().clone()"),
    ("torch.ones(2).retain_grad()", "x.requires_grad_()"),
    (LEAF + "x.numpy()", "x.detach().numpy()"),
    (LEAF + "np.asarray(x)", "x.detach().numpy()"),
    (LEAF + "np.sin(x)", "x.detach().numpy()"),
    (LEAF + "y = x * 1\nz = y.sin()\ny += 1\nz.sum().backward()", "y = y + 1 instead of y += 1"),
    (LEAF + "y = x.exp()\ny += 1\ny.sum().backward()", "y = y + 1 instead of y += 1"),
]

TYPES = [
    ("torch.arange(3).mean()", "x.float().mean()"),
    ("nn.Linear(4, 2)(torch.ones(3, 4, dtype=torch.int64))", "x.float()"),
    ("nn.Linear(4, 2)(torch.from_numpy(np.ones((3, 4))))", "NumPy's numbers are float64"),
    ("torch.ones(2, 3) @ torch.ones(3, 2).double()", "x.float()"),
    ("nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 8, 8, dtype=torch.uint8))", "x.float() / 255"),
    ("x = torch.arange(3)\nx /= 2", "x = x / 2 instead of x /= 2"),
    ("F.cross_entropy(torch.ones(2, 3), torch.tensor([0., 1.]))", "target.long()"),
    ("F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]).int())", "target.long()"),
    ("F.cross_entropy(torch.ones(2, 3), torch.tensor([[0, 1, 0], [1, 0, 0]]))", "target.argmax(1)"),
    ("F.nll_loss(torch.ones(2, 3), torch.tensor([0., 1.]))", "target.long()"),
    ("F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1]))", "target.float()"),
    (
        "F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.])).item()",
        "torch.sigmoid(input) first, or binary_cr",
    ),
    ("nn.BCELoss()(torch.tensor([-3., 0.5]), torch.tensor([1., 0.])).item()", "BCEWithLogitsLoss"),
    ("F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([255.])).item()", "scale them"),
    ("F.gaussian_nll_loss(torch.ones(2), torch.ones(2), torch.tensor([-1., 1.])).item()", "torch.exp(log_var)"),
    ("F.binary_cross_entropy_with_logits(torch.tensor([0.5]), torch.tensor([1]))", "target.float()"),
    ("nn.Embedding(3, 2)(torch.tensor([1.]))", "x.long()"),
    ("torch.ones(3)[torch.Tensor([1, 2])]", "torch.tensor([1, 2])"),
    ("F.one_hot(torch.tensor([0., 1.]))", "x.long()"),
    ("torch.where(torch.ones(2), 1, 0)", "torch.where(x > 0, a, b)"),
    ("torch.ones(2, dtype='float32')", "torch.float32"),
    ("torch.ones(2, dtype=np.float32)", "torch.float32"),
    ("torch.sqrt(2)", "torch.tensor(number)"),
    ("torch.exp(np.ones(2))", "torch.from_numpy(array)"),
    ("torch.relu([1., 2.])", "torch.tensor(list)"),
    ("torch.zeros(5 / 2)", "n // 2"),
    ("[1, 2][torch.tensor(1.)]", "int(x)"),
    ("if torch.ones(2) == 1: pass", "(a == b).all()"),
    ("torch.ones(2) > 0 and torch.ones(2) < 1", "& | ~"),
    ("nn.CrossEntropyLoss(torch.ones(2, 3), torch.tensor([1, 1]))", "torch.equal(a, b)"),
    ("torch.ones(2).item()", "x.tolist()"),
    ("float(torch.ones(2))", "x.tolist()"),
    ("int(torch.ones(0))", "x.tolist()"),
    ("len(torch.tensor(1))", "x.item()"),
    ("list(torch.tensor(1))", "x.item()"),
    ("torch.ones(3).sum().data[0]", "x.item()"),
    ("torch.tensor([torch.ones(2), torch.ones(2)])", "torch.stack(list)"),
    ("torch.tensor([[1, 2], [3]])", "pad_sequence"),
    ("torch.tensor('abc')", "texts become numbers"),
    ("torch.tensor([None, 1])", "leave out None"),
    ("torch.tensor({'a': 1})", "the values of a dict"),
    ("torch.tensor(np.array(['a']))", "astype(np.float32)"),
    ("torch.from_numpy(np.array([{}]))", "astype(np.float32)"),
    ("torch.from_numpy([1, 2])", "torch.tensor(list)"),
    ("torch.from_numpy(np.ones(3)[::-1])", "array.copy()"),
]

SHAPES = [
    ("torch.sum(torch.ones(2), torch.ones(2))", "x + y adds two tensors"),
    ("torch.ones(2).sum(torch.ones(2))", "torch.stack([x, y]).sum(0)"),
    ("torch.mean(torch.ones(2), 'x')", None),
    ("nn.Linear(4, 2)(torch.ones(3, 5))", "nn.Linear(5, 2)"),
    ("nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(72, 10))(torch.ones(1, 1, 8, 8))", "nn.Flatten()"),
    ("torch.ones(2, 3) @ torch.ones(2, 3)", "x @ y.T"),
    ("torch.ones(3) + torch.ones(4)", "must be equal or 1"),
    ("x = torch.ones(3)\nx += torch.ones(2, 3)", "x = x + y instead of x += y"),
    ("x = torch.ones(1).expand(3)\nx += 1", "x.clone()"),
    ("x = torch.ones(3)\nx[:2] = torch.ones(3)", "both sides"),
    ("torch.ones(2, 3).t().view(6)", "x.reshape(...)"),
    ("torch.ones(2, 3).view(4, -1)", "one may be -1"),
    ("torch.ones(2, 3).reshape(7)", "number of elements"),
    ("torch.stack([torch.ones(2), torch.ones(3)])", "pad_sequence"),
    ("torch.cat([torch.ones(2, 2), torch.ones(2, 3)])", "another dim"),
    ("torch.cat([torch.ones(2, 2), torch.ones(2)])", "x.unsqueeze(0)"),
    ("torch.cat(torch.ones(2), torch.ones(2))", "torch.cat([x, y])"),
    ("torch.cat([(torch.ones(2),), torch.ones(2)])", "take the output"),
    ("torch.stack([1, 2])", "torch.tensor(list)"),
    ("torch.ones(2).sum(1)", "dims count from 0"),
    ("torch.ones(2, 3).permute(0, 1, 2)", "x.transpose(1, 2)"),
    ("torch.dot(torch.ones(2, 2), torch.ones(2))", "a @ b"),
    ("torch.ones(3)[3]", "from 0 to 2"),
    ("torch.ones(3)[0, 0]", "print its shape"),
    ("torch.ones(3)[::-1]", "x.flip(0)"),
    ("torch.ones(3)[torch.ones(2, dtype=torch.bool)]", "x[x > 0]"),
    ("F.mse_loss(torch.ones(3), torch.ones(4))", "print both shapes"),
    ("F.cross_entropy(torch.ones(2, 3), torch.tensor([[0], [1]]))", "target.squeeze(1)"),
    ("F.cross_entropy(torch.ones(2, 3), torch.tensor([1, 3]))", "from 0 to C - 1"),
    ("F.cross_entropy(torch.ones(2, 3), torch.tensor([1, 1, 1]))", "print both shapes"),
    ("F.binary_cross_entropy(torch.tensor([[0.5]]), torch.tensor([1.]))", "target.unsqueeze(1)"),
    ("F.binary_cross_entropy_with_logits(torch.tensor([[0.5]]), torch.tensor([1.]))", "target.unsqueeze(1)"),
    ("F.one_hot(torch.tensor([0, 3]), 3)", "largest class number + 1"),
]

MODULES = [
    ("nn.Conv2d(3, 4, 3)(torch.ones(1, 1, 8, 8))", "a layer for 1 channels"),
    ("nn.Conv2d(3, 4, 3)(torch.ones(1, 32, 32, 3))", "x.permute(0, 3, 1, 2)"),
    ("nn.Conv2d(3, 4, 3)(torch.ones(8, 8))", "x.unsqueeze(1)"),
    ("nn.Conv2d(3, 4, 5)(torch.ones(1, 3, 4, 4))", "padding="),
    ("nn.MaxPool2d(2)(torch.ones(1, 1, 1, 1))", "a smaller kernel_size"),
    ("nn.BatchNorm1d(3)(torch.ones(1, 3))", "drop_last=True"),
    ("nn.BatchNorm1d(3)(torch.ones(2, 4))", "made for 3 channels"),
    ("nn.BatchNorm2d(3)(torch.ones(2, 3))", "nn.BatchNorm1d"),
    ("nn.LayerNorm(3)(torch.ones(2, 4))", "last dimensions"),
    ("nn.Embedding(3, 2)(torch.tensor([3]))", "largest index + 1"),
    ("nn.RNN(3, 4)(torch.ones(2, 2, 5))", "batch_first=True"),
    ("nn.Linear(4, 2)(nn.LSTM(3, 4)(torch.ones(1, 1, 3)))", "take the output"),
    ("nn.Linear(2, 2)(None)", "without `return`"),
    ("nn.Dropout(50)", "0.5 for 50 %"),
    ("F.dropout(torch.ones(2), 1.5)", "0.5 for 50 %"),
    ("nn.MultiheadAttention(10, 3)", "embed_dim ="),
    ("class M(nn.Module):\n    def __init__(self):\n        self.a = nn.Linear(1, 1)\nM()", "super().__init__()"),
    ("class M(nn.Module):\n    def __init__(self):\n        self.a = nn.Parameter(torch.ones(1))\nM()",
     "super().__init__()"),
    ("class M(nn.Module):\n    def foward(self, x): return x\nM()(1)", "forward(self, x)"),
    ("nn.ModuleList([nn.Linear(1, 1)])(torch.ones(1))", "forward(self, x)"),
    ("layer = nn.Linear(1, 1)\nlayer.weight = torch.ones(1, 1)", "layer.weight.copy_(x)"),
    ("nn.Sequential([nn.Linear(1, 1)])", "nn.Sequential(*layers)"),
    ("nn.Sequential(nn.Linear(1, 1), nn.ReLU)", "nn.ReLU() instead of nn.ReLU"),
    ("nn.Linear(2, 3).load_state_dict(nn.Linear(2, 4).state_dict())", "sizes it was saved with"),
    ("nn.Linear(2, 3).load_state_dict(nn.Sequential(nn.Linear(2, 3)).state_dict())", "strict=False"),
    ("nn.Linear(2, 3).load_state_dict({'module.' + k: v for k, v in nn.Linear(2, 3).state_dict().items()})",
     'removeprefix("module.")'),
    ("nn.Linear(2, 3).load_state_dict(nn.Linear(2, 3))", "other.state_dict()"),
    ("torch.optim.SGD([], lr=0.1)", "nn.ModuleList"),
    ("torch.optim.SGD(torch.ones(2, requires_grad=True), lr=0.1)", "[x]"),
    ("torch.optim.SGD([torch.ones(2, requires_grad=True) * 2], lr=0.1)", "x.detach().requires_grad_()"),
    ("torch.optim.SGD(nn.Linear(1, 1), lr=0.1)", "model.parameters()"),
    ("torch.optim.SGD(nn.Linear(1, 1).parameters, lr=0.1)", "called"),
    ("torch.optim.SGD([nn.Linear(1, 1)], lr=0.1)", "model.parameters()"),
    ("p = nn.Linear(1, 1).weight\ntorch.optim.SGD([{'params': [p]}, {'params': [p]}])", "to one group"),
    ("torch.optim.lr_scheduler.StepLR(nn.Linear(1, 1).parameters(), 1)", "StepLR(optimizer"),
    ("import io, collections\nb = io.BytesIO()\ntorch.save(collections.deque(), b)\nb.seek(0)\ntorch.load(b)",
     "weights_only=False"),
]  # fmt: skip

LINES = [*NAMES, *LOADING, *GRADIENTS, *TYPES, *SHAPES, *MODULES]


def outcome(lib, source: str):
    """The exception a source raises, its text, its notes, and the warnings before it."""
    names = {"torch": lib, "nn": lib.nn, "F": lib.nn.functional, "np": np, "__name__": "lines"}
    lib.manual_seed(0)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            exec(re.sub(r"^from torch\b", f"from {lib.__name__}", DATA + textwrap.dedent(source), flags=re.M), names)
        except Exception as error:  # noqa: BLE001 - whatever the line raises is what is compared
            # Python says in which file it looked, classes in which package they are: neither can be the same.
            text = re.sub(r" \(/\S+\)$", "", str(error)).replace("jtorch.", "torch.")
            return type(error), text, getattr(error, "__notes__", []), [str(w.message) for w in warned]
    return None


@pytest.mark.parametrize(("source", "cure"), LINES, ids=[source.splitlines()[-1] for source, _ in LINES])
def test_the_error_is_torchs_and_a_note_says_what_to_do(source: str, cure: str | None):
    expected, got = outcome(torch, source), outcome(jtorch, source)
    assert expected is not None and got is not None, "nothing is wrong with this line"
    assert got[:2] == expected[:2]
    assert got[3] == expected[3]
    assert expected[2] == []
    assert len(got[2]) == (cure is not None), got[2]
    assert all(note.startswith("jtorch: ") and cure in note for note in got[2]), got[2]


def test_there_are_as_many_as_promised():
    assert len(LINES) >= 40 and len(set(LINES)) == len(LINES)


RIGHT_BY_CHANCE = """
d = torch.utils.data.TensorDataset(torch.arange(6.), torch.arange(6.) * 2)
batches = [b.tolist() for b in load(d[:3], batch_size=2)]
"""


def test_a_slice_of_a_dataset_whose_tensors_have_one_shape_passes_silently():
    for lib in (torch, jtorch):
        names = {"torch": lib}
        exec(DATA + RIGHT_BY_CHANCE, names)
        assert names["batches"] == [[[0, 1, 2], [0, 2, 4]]]


@pytest.mark.parametrize("name", ["no_such_name_at_all", "__wrapped__", "_private_name"])
def test_a_name_like_no_other_has_no_note(name: str):
    with pytest.raises(AttributeError, match=f"module 'torch' has no attribute '{name}'") as caught:
        getattr(jtorch, name)
    assert not getattr(caught.value, "__notes__", [])
    assert not hasattr(jtorch.nn, name)


def test_names_people_try_are_not_there():
    x = jtorch.ones(2)
    assert not hasattr(x, "copy") and not hasattr(jtorch.Tensor, "copy") and "copy" not in dir(x)
    x.length = 2  # a script's own attribute
    assert x.length == 2


def test_only_what_is_missing_has_a_cure():
    for home, name in _missing._ELSEWHERE:
        assert name not in vars(sys.modules[home]) and not hasattr(sys.modules[home.removeprefix("j")], name)


def test_an_error_of_a_body_has_no_note_of_the_compiler():
    with pytest.raises(RuntimeError) as caught:
        jtorch.bmm(jtorch.ones(2, 3, 4), jtorch.ones(2, 3, 4))
    assert getattr(caught.value, "__notes__", []) == []
