"""Where torch warns: the same categories and texts.

Both sides are set to warn each time. What torch's C++ adds to a text, the place in its sources, is left out; so is how
often it says the same for one line.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

import jtorch
from compat_tests.harness.same import warned

# One line each, run with both libraries.
LINES = r"""
F.softmax(torch.ones(2))
F.softmax(torch.ones(2, 2, 2))
F.log_softmax(torch.ones(2, 2))
F.softmin(torch.ones(2, 2))
nn.Softmax()(torch.ones(2, 2))
F.mse_loss(torch.ones(3, 1), torch.ones(3))
F.l1_loss(torch.ones(3, 1), torch.ones(3))
F.smooth_l1_loss(torch.ones(3, 1), torch.ones(3))
F.huber_loss(torch.ones(3, 1), torch.ones(3))
nn.MSELoss()(torch.ones(3, 1), torch.ones(3))
F.mse_loss(torch.ones(3), torch.ones(3), size_average=False)
F.mse_loss(torch.ones(3), torch.ones(3), reduce=False)
nn.MSELoss(size_average=True)
nn.CrossEntropyLoss(reduce=False)
nn.BCELoss(size_average=False)
F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), size_average=True)
F.nll_loss(torch.ones(2, 3), torch.tensor([0, 1]), reduce=True)
F.kl_div(torch.zeros(2, 3), torch.ones(2, 3))
F.kl_div(torch.zeros(2, 3), torch.ones(2, 3), reduction='mean')
nn.KLDivLoss()(torch.zeros(2, 3), torch.ones(2, 3))
F.upsample(torch.ones(1, 1, 2, 2), scale_factor=2)
F.upsample_nearest(torch.ones(1, 1, 2, 2), scale_factor=2)
F.upsample_bilinear(torch.ones(1, 1, 2, 2), scale_factor=2)
F.grid_sample(torch.ones(1, 1, 2, 2), torch.zeros(1, 2, 2, 2))
F.affine_grid(torch.ones(1, 2, 3), (1, 1, 2, 2))
F.dropout2d(torch.ones(2, 3, 4))
F.dropout2d(torch.ones(2, 3))
F.dropout3d(torch.ones(2, 3))
nn.Dropout2d()(torch.ones(2, 3, 4))
nn.LSTM(2, 3, dropout=0.5)
nn.GRU(2, 3, num_layers=1, dropout=0.1)
nn.init.xavier_uniform(torch.ones(2, 2))
nn.init.normal(torch.ones(2, 2))
nn.init.kaiming_uniform(torch.ones(2, 2))
nn.init.kaiming_uniform_(torch.ones(0, 2))
nn.Linear(0, 3)
nn.Linear(3, 0)
nn.init.trunc_normal_(torch.ones(3), mean=10.)
nn.utils.clip_grad_norm(nn.Linear(1, 1).parameters(), 1.)
nn.utils.clip_grad_norm_((p for p in []), 1.)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), 1)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, batch_first=True, norm_first=True), 1)
nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 3, batch_first=True), 1)
x = torch.ones(2, 1, 4); nn.MultiheadAttention(4, 2)(x, x, x, torch.zeros(1, 2).bool(), attn_mask=torch.zeros(2, 2))
s = sched.StepLR(o, 1); s.step()
s = sched.StepLR(o, 1); o.step(); s.step(2)
s = sched.StepLR(o, 1); s.get_lr()
s = sched.ExponentialLR(o, 0.9); s.get_lr()
s = sched.CosineAnnealingLR(o, 3); s.get_lr()
s = sched.LambdaLR(o, lambda e: 1); s.get_lr()
s = sched.CosineAnnealingWarmRestarts(o, 3); s.get_lr()
s = sched.OneCycleLR(o, 3, 5); s.get_lr()
s = sched.MultiStepLR(o, [1]); s.get_lr()
s = sched.LinearLR(o); s.get_lr()
s = sched.ConstantLR(o); s.get_lr()
s = sched.PolynomialLR(o); s.get_lr()
s = sched.ReduceLROnPlateau(o); s.step(1., 2)
a, b = sched.ConstantLR(o), sched.ExponentialLR(o, 0.9); s = sched.SequentialLR(o, [a, b], [2]); s.step()
p = torch.ones(1, requires_grad=True); torch.optim.SGD([p, p], lr=1.)
torch.tensor(torch.ones(2))
torch.ones(2).new_tensor(torch.ones(2))
torch.tensor([np.ones(2), np.ones(2)])
torch.as_tensor([np.ones(2), np.ones(2)])
a = np.ones(2); a.flags.writeable = False; torch.from_numpy(a)
a = np.ones(2); a.flags.writeable = False; torch.as_tensor(a)
torch.frombuffer(b'ab', dtype=torch.uint8)
torch.ones(3)[torch.tensor([1, 0, 1], dtype=torch.uint8)]
(torch.ones(3, requires_grad=True) * 2).grad
torch.meshgrid(torch.ones(2), torch.ones(3))
torch.ones(2, 3, 4).T
torch.ones(3).T
torch.tensor(1.).T
torch.tensor(1.).mT
torch.tensor(1.).mH
torch.tensor(1.).H
torch.range(0, 3)
torch.stft(torch.ones(32), 8, return_complex=True)
torch.istft(torch.ones(5, 17, dtype=torch.complex64), 8)
torch.var(torch.ones(1))
torch.std(torch.ones(1))
torch.var(torch.ones(2, 1), 1)
torch.var_mean(torch.ones(1))
torch.std_mean(torch.ones(1))
torch.ones(1).std()
torch.var(torch.ones(2), correction=2)
torch.ones(2, dtype=torch.complex64).to(torch.float32)
torch.ones(2, dtype=torch.complex64).float()
torch.ones(2).copy_(torch.ones(2, dtype=torch.complex64))
torch.ones(2, dtype=torch.complex64).int()
torch.ones(2, requires_grad=True).sum().backward(create_graph=True)
torch.add(torch.ones(2), torch.ones(2), out=torch.ones(3))
torch.sum(torch.ones(2, 2), 0, out=torch.ones(5))
torch.cat([torch.ones(2), torch.ones(2)], out=torch.ones(3))
torch.where(torch.ones(2, dtype=torch.uint8), torch.ones(2), torch.ones(2))
nn.Linear(1, 1).to(torch.complex64)
nn.Linear(1, 1).state_dict({}, '')
nn.Linear(1, 1).state_dict({}, '', True)
nn.InstanceNorm2d(3)(torch.ones(1, 2, 4, 4))
nn.InstanceNorm1d(3)(torch.ones(1, 2, 4))
F.gumbel_softmax(torch.ones(2), eps=1e-3, dim=0)
nn.Hardtanh(min_value=0)
nn.Hardtanh(min_val=0, max_value=2)
nn.NLLLoss2d()
torch.cross(torch.ones(2, 3), torch.ones(2, 3))
torch.chain_matmul(torch.ones(2, 2), torch.ones(2, 2))
torch.qr(torch.eye(2))
torch.cholesky(torch.eye(2))
torch.lu(torch.eye(2))
torch.triangular_solve(torch.ones(2, 1), torch.eye(2))
float(torch.ones(1, requires_grad=True))
complex(torch.ones(1, requires_grad=True))
torch.tensor([torch.ones(1, requires_grad=True)])
with torch.autograd.detect_anomaly(): pass
torch.autograd.gradcheck(lambda x: x * 2, torch.ones(2, requires_grad=True), eps=1e-1, atol=1e-1)
torch.ones(2, 2).resize(4)
torch.ones(4).resize_as(torch.ones(2, 2))
torch.zeros(3).scatter_(0, torch.tensor([0]), torch.ones(1), reduce='add')
torch.scatter(torch.zeros(3), 0, torch.tensor([0]), torch.ones(1), reduce='multiply')
torch.zeros(3).index_reduce(0, torch.tensor([0]), torch.ones(1), 'prod')
F.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 2), padding='same')
F.conv2d(torch.ones(1, 1, 5, 5), torch.ones(1, 1, 2, 2), padding='same')
nn.Conv1d(1, 1, 2, padding='same')(torch.ones(1, 1, 5))
torch.addmm(1, torch.ones(2, 2), 1, torch.ones(2, 2), torch.ones(2, 2))
torch.add(torch.ones(2), 2, torch.ones(2))
torch.ones(2).add_(2, torch.ones(2))
torch.ones(2).addcmul_(2, torch.ones(2), torch.ones(2))
torch.sub(torch.ones(2), 2, torch.ones(2))
torch.searchsorted(torch.arange(6.).view(2, 3).t(), torch.ones(3, 2))
torch.searchsorted(torch.arange(6.), torch.ones(3, 2).t())
torch.bucketize(torch.ones(3, 2).t(), torch.arange(6.))
F.rms_norm(torch.ones(2, 2), (2,), torch.ones(2).double())
m = nn.Linear(1, 1); m.register_full_backward_hook(lambda *a: None); m(torch.ones(1, 1)).sum().backward()
torch.ones(2).is_pinned('cuda')
torch.ones(2).is_pinned(device='cpu')
list(torch.utils.data.DataLoader([1, 2], pin_memory=True))
list(torch.utils.data.DataLoader([1, 2], pin_memory=True, pin_memory_device='cuda'))
torch.utils.data.random_split([1], [0.5, 0.5])
torch.utils.data.random_split([1, 2], [0.9, 0.1])
F.cosine_embedding_loss(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1), size_average=True)
F.hinge_embedding_loss(torch.ones(1), torch.ones(1), reduce=True)
F.margin_ranking_loss(torch.ones(1), torch.ones(1), torch.ones(1), reduce=True)
F.multilabel_margin_loss(torch.ones(1, 2), torch.zeros(1, 2).long(), reduce=True)
F.multi_margin_loss(torch.ones(1, 2), torch.zeros(1).long(), reduce=True)
F.multilabel_soft_margin_loss(torch.ones(1, 2), torch.zeros(1, 2), reduce=True)
F.soft_margin_loss(torch.ones(1, 2), torch.ones(1, 2), size_average=True)
F.poisson_nll_loss(torch.ones(2), torch.ones(2), size_average=True)
F.triplet_margin_loss(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2), size_average=True)
F.binary_cross_entropy(torch.ones(2), torch.ones(2), size_average=True)
F.binary_cross_entropy_with_logits(torch.ones(2), torch.ones(2), size_average=True)
F.smooth_l1_loss(torch.ones(2), torch.ones(2), size_average=True)
nn.Transformer(4, 2, 1, 1, 4)
nn.Transformer(4, 2, 1, 1, 4)(torch.ones(1, 1, 4), torch.ones(1, 1, 4))
x = torch.ones(1, 2, 4); nn.TransformerEncoderLayer(4, 2, batch_first=True)(x, x[0] @ x[0].mT, x[..., 0] < 0)
torch.utils.checkpoint.checkpoint(lambda x: x * 2, torch.ones(1, requires_grad=True))
torch.utils.checkpoint.checkpoint(lambda x: x * 2, torch.ones(1), use_reentrant=True)
torch.ones(2, requires_grad=True).new_tensor(torch.ones(2, requires_grad=True))
torch.asarray(torch.ones(2, requires_grad=True))
""".strip().splitlines()

# As many lines near them that say nothing.
SILENT = """
F.softmax(torch.ones(2), 0)
F.mse_loss(torch.ones(3), torch.ones(3))
F.kl_div(torch.zeros(2, 3), torch.ones(2, 3), reduction='batchmean')
F.interpolate(torch.ones(1, 1, 2, 2), scale_factor=2)
F.grid_sample(torch.ones(1, 1, 2, 2), torch.zeros(1, 2, 2, 2), align_corners=False)
F.rms_norm(torch.ones(2, 2), (2,), torch.ones(2))
F.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 3), padding='same')
nn.LSTM(2, 3, num_layers=2, dropout=0.5)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, batch_first=True), 1)
nn.InstanceNorm2d(2)(torch.ones(1, 2, 4, 4))
nn.Linear(1, 1).to(torch.float64)
s = sched.StepLR(o, 1); o.step(); s.step()
torch.ones(3)[torch.tensor([True, False, True])]
torch.ones(3, requires_grad=True).grad
y = torch.ones(3, requires_grad=True) * 2; y.retain_grad(); y.grad
torch.meshgrid(torch.ones(2), torch.ones(3), indexing='ij')
torch.ones(2, 3).T
torch.stft(torch.ones(32), 8, window=torch.ones(8), return_complex=True)
torch.var(torch.ones(2))
torch.ones(2, dtype=torch.complex64).real
torch.ones(2, requires_grad=True).sum().backward()
torch.add(torch.ones(2), torch.ones(2), out=torch.ones(2))
torch.add(torch.ones(2), torch.ones(2), out=torch.empty(0))
torch.add(torch.ones(2), torch.ones(2), alpha=2)
torch.cross(torch.ones(2, 3), torch.ones(2, 3), dim=1)
torch.ones(1, requires_grad=True).item()
torch.searchsorted(torch.arange(6.), torch.ones(3, 2))
torch.ones(2).is_pinned()
torch.asarray(torch.ones(2))
torch.as_tensor(np.ones(2))
list(torch.utils.data.DataLoader([1, 2]))
torch.utils.checkpoint.checkpoint(lambda x: x * 2, torch.ones(1, requires_grad=True), use_reentrant=False)
""".strip().splitlines()


pytestmark = pytest.mark.usefixtures("warn_always")


def scope(lib) -> dict[str, Any]:
    names = {"torch": lib, "nn": lib.nn, "F": lib.nn.functional, "np": np, "sched": lib.optim.lr_scheduler}
    return names | {"o": lib.optim.SGD([lib.ones(1, requires_grad=True)], lr=1.0)}


def said(lib, line: str) -> list[tuple[type, str]]:
    names = scope(lib)
    return list(dict.fromkeys(warned(lambda: exec(line, names))[1]))


@pytest.mark.parametrize("line", LINES)
def test_warnings_are_torchs(line: str):
    expected = said(torch, line)
    assert expected, "torch says nothing"
    assert said(jtorch, line) == expected


@pytest.mark.parametrize("line", SILENT)
def test_what_is_right_warns_of_nothing(line: str):
    assert said(torch, line) == []
    assert said(jtorch, line) == []


@pytest.mark.parametrize("line", LINES)
def test_a_warning_points_at_the_users_line(line: str):
    names = scope(jtorch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile("\n" + line, "a script", "exec"), names)
    assert {(w.filename, w.lineno) for w in caught} == {("a script", 2)}
