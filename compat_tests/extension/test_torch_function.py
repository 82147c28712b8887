"""`__torch_function__`: who is asked, with which function, classes and arguments, and what comes back."""

import subprocess
import sys

import pytest
import torch as oracle

import jtorch
from compat_tests.extension.seen import observed

SUBCLASS = (
    """
s + 1 ; x + s ; s + p ; p + q ; 1 + s ; 1 - s ; 2 * s ; 2 / s ; s - x ; x @ s ; s @ s ; s ** 2 ; 2 ** s ; s // 2
s % 2 ; -s ; abs(s) ; ~(s > 0) ; s < x ; (s > 0) & (s > 0) ; (s > 0) | (s > 0) ; s == s ; s != 1 ; 1 > s ; list(s)
len(s) ; repr(s) ; str(s) ; f"{s.sum()}" ; hash(s) ; 1 in s ; bool(s.sum() > 1) ; int(s.sum()) ; float(s.sum()) ; s[0]
s.detach().__setitem__(0, 1) ; x[s[0].long() * 0] ; dir(s) ; reversed(s) ; s.shape ; s.dtype ; s.device ; s.ndim ; s.T
s.mT ; s.real ; s.grad ; s.data ; s.is_leaf ; s.requires_grad ; s.grad_fn ; s.nbytes ; s.layout
setattr(s.detach(), "requires_grad", True) ; setattr(s, "grad", None) ; setattr(s, "data", x) ; s.size() ; s.size(0)
s.dim() ; s.stride() ; s.numel() ; s.sum().item() ; s.tolist() ; s.numpy() ; s.data_ptr() ; s.contiguous() ; s.sum(1)
s.sum(dim=1) ; s.max(0) ; s.sort() ; s.std() ; s.norm() ; s.view(-1) ; s.reshape(4, 1) ; s.chunk(2) ; s.split(1)
s.unbind() ; s.to(torch.float64) ; s.float() ; s.cpu() ; s.clone() ; s.detach() ; s.requires_grad_() ; s.type()
s.new_zeros(2) ; s.softmax(0) ; s.detach().add_(1) ; s.detach().zero_() ; s.detach().copy_(x) ; x.clone().copy_(s)
x.expand_as(s) ; s.masked_fill(s > 0, 1.0) ; torch.add(s, 1, alpha=2) ; torch.add(input=s, other=s)
torch.add(x, x, out=s.detach()) ; torch.sum(s, 1) ; torch.mean(s, dim=0) ; torch.stack([x, s]) ; torch.cat((s, s))
torch.cat([s, s], dim=1) ; torch.split(s, 1) ; torch.where(s > 0, s, s) ; torch.sort(s) ; torch.einsum("ij->i", s)
torch.norm(s) ; torch.unique(s) ; torch.meshgrid(s[0], s[0], indexing="ij") ; torch.zeros_like(s) ; torch.tensor(s)
torch.as_tensor(s) ; torch.is_tensor(s) ; torch.allclose(s, s) ; torch.nonzero(s) ; torch.var(s, dim=0)
torch.linalg.norm(s) ; torch.linalg.svdvals(s) ; torch.fft.fft(s) ; torch.special.erf(s) ; torch.svd(s)
torch.matmul(s, s) ; F.relu(s) ; F.softmax(s, 1) ; F.softmax(s, dim=1) ; F.dropout(s, 0.5) ; F.pad(s, (1, 1))
F.mse_loss(s, s) ; F.one_hot(s.long()) ; F.linear(s, x) ; F.layer_norm(s, (2,))
F.cross_entropy(s, torch.tensor([0, 1])) ; F.interpolate(s[None, None], scale_factor=2)
F.batch_norm(s, torch.zeros(2), torch.ones(2)) ; F.scaled_dot_product_attention(s[None], s[None], s[None])
torch.nn.Linear(2, 2)(s) ; torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LayerNorm(2))(s)
torch.nn.init.normal_(s.detach()) ; torch.nn.init.constant_(s.detach(), 2) ; torch.nn.Parameter(s)
s.requires_grad_().sum().backward() ; torch.autograd.grad((s.requires_grad_() * 2).sum(), s) ; S([1, 2.0]) ; S(x)
S(2, 3) ; s.as_subclass(P) ; s.as_subclass(torch.Tensor) ; torch.manual_seed(0) ; __import__("copy").copy(s)
__import__("copy").deepcopy(s) ; __import__("copy").deepcopy(p)
""".strip()
    .replace("\n", " ; ")
    .split(" ; ")
)

DUCK = (
    """
torch.add(x, d) ; torch.add(x, d, alpha=2) ; torch.mul(x, d) ; torch.mul(d, 1) ; x + d ; x - d ; x @ d ; x ** d ; x < d
x != d ; x // d ; torch.sum(d, dim=1) ; torch.stack([x, d]) ; torch.cat((d,), 0) ; torch.linalg.norm(d)
torch.fft.fft(d) ; torch.zeros_like(d) ; F.softmax(d, dim=1) ; F.relu(d) ; F.linear(d, x) ; F.cross_entropy(d, x)
torch.einsum("i->i", d) ; torch.norm(d) ; torch.split(d, 2) ; torch.where(d, 1, 2) ; torch.add(x, x, out=d)
torch.clamp(x, min=d) ; torch.is_floating_point(d) ; torch.unique(d) ; d + 1 ; torch.broadcast_tensors(d, x)
torch.meshgrid(d, x) ; torch.nn.init.normal_(d) ; torch.autograd.grad(d, x) ; torch.tensor(d)
""".strip()
    .replace("\n", " ; ")
    .split(" ; ")
)

MODE = (
    """
x + 1 ; torch.zeros(2) ; torch.zeros((2, 3), dtype=torch.int64) ; F.relu(x) ; x.shape ; x.ndim ; torch.rand(2)
torch.tensor([1.0]) ; torch.softmax(x, 0) ; F.softmax(x, 0) ; torch.arange(3) ; torch.get_default_dtype()
torch.is_tensor(x) ; torch.is_grad_enabled() ; x.sum().item() ; torch.from_numpy(x.numpy()) ; torch.nn.Parameter(x)
torch.cat([x, x]) ; torch.result_type(x, 1) ; repr(x) ; torch.einsum("ij->i", x) ; list(x) ; setattr(x, "grad", None)
torch.nn.init.normal_(x) ; 1 - x ; x.as_subclass(P) ; s.detach() + 1 ; __import__("copy").deepcopy(x) ; torch.Tensor(2)
torch.finfo(torch.float32) ; torch.get_rng_state() ; x.t() ; x.sqrt() ; x.sum(0)
""".strip()
    .replace("\n", " ; ")
    .split(" ; ")
)


@pytest.mark.parametrize("expression", SUBCLASS)
def test_subclass(expression):
    assert observed(jtorch, expression) == observed(oracle, expression)


@pytest.mark.parametrize("expression", DUCK)
def test_other_object(expression):
    jtorch.ones(2).as_subclass(type("Arming", (jtorch.Tensor,), {}))  # what is by place is seen by place from the start
    assert observed(jtorch, expression) == observed(oracle, expression)


@pytest.mark.parametrize("expression", MODE)
def test_mode(expression):
    assert observed(jtorch, expression, mode=True) == observed(oracle, expression, mode=True)


FIRST = """
import {name} as torch
class Duck:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.overrides.resolve_name(func), len(args), kwargs
x = torch.ones(2)
print({call})
"""


@pytest.mark.parametrize("call", ["torch.add(x, Duck(), alpha=2)", "torch.nn.functional.relu(Duck())", "x + Duck()"])
def test_first_object_of_a_process(call):
    def said(name: str) -> str:
        code = FIRST.format(name=name, call=call)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said("jtorch") == said("torch")


def test_lists_of_lists_are_forgotten():
    """Other immutable classes are learnt to be plain; a list is looked into each time."""
    s = jtorch.ones(2).as_subclass(type("Kind", (jtorch.Tensor,), {}))
    jtorch.nn.functional.pad(s, [1, 1])
    jtorch.einsum("i,i->", [s, s])
    jtorch.overrides.has_torch_function(([[1]], [[s]], ((s,),)))
    assert type(jtorch.stack([s])) is type(s)


def test_plain_functions_have_their_code_back():
    codes = jtorch.add.__code__, jtorch.nn.functional.softmax.__code__, jtorch.Tensor.size.__code__
    with jtorch.overrides.BaseTorchFunctionMode():
        assert jtorch.add.__code__ is not codes[0]
        assert jtorch.ones(2).size() == (2,)
    assert (jtorch.add.__code__, jtorch.nn.functional.softmax.__code__, jtorch.Tensor.size.__code__) == codes
