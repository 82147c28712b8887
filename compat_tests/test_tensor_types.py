"""torch.FloatTensor and its kin, and the constants of the root namespace."""

import numpy as np
import pytest
import torch as oracle

import jtorch
from compat_tests.harness.same import assert_same

EXPRESSIONS = """
torch.FloatTensor([[1, 2.3]])
torch.LongTensor([1, 2])
torch.LongTensor(2, 0).shape
torch.FloatTensor().shape
torch.FloatTensor(torch.Size([2, 3])).shape
torch.FloatTensor(t)
torch.FloatTensor(i)
torch.IntTensor(i)
torch.LongTensor([1.5])
torch.BoolTensor([True, 0])
torch.ByteTensor([1, 255])
torch.CharTensor([-1])
torch.ShortTensor([1])
torch.HalfTensor([1.5])
torch.BFloat16Tensor([1])
torch.DoubleTensor((1, 2))
torch.FloatTensor(np.array([1.0, 2.0], np.float32))
torch.FloatTensor(np.array([1, 2]))
torch.FloatTensor(range(3))
torch.FloatTensor("a")
torch.FloatTensor(1.5)
torch.FloatTensor(None)
torch.FloatTensor([[1, 2], [3]])
torch.FloatTensor([])
torch.FloatTensor([1], device="cpu")
torch.FloatTensor(2, 3, device="cpu").shape
torch.FloatTensor(data=[1.0, 2.0])
torch.FloatTensor(t).data_ptr() == t.data_ptr()
isinstance(t, torch.FloatTensor)
isinstance(i, torch.FloatTensor)
isinstance(i, torch.LongTensor)
isinstance(3, torch.FloatTensor)
issubclass(torch.FloatTensor, torch.Tensor)
torch.FloatTensor
torch.FloatTensor.dtype
torch.FloatTensor.__name__
torch.FloatTensor.__module__
torch.FloatTensor.layout
torch.FloatTensor.is_sparse
type(torch.FloatTensor)
t.type()
i.type(torch.FloatTensor)
t.type("torch.LongTensor")
t.type(torch.HalfTensor).dtype
t.type("torch.cuda.FloatTensor")
t.type("torch.cuda.NoTensor")
t.type(torch.cuda.FloatTensor)
t.type("torch.xla.FloatTensor")
torch.set_default_tensor_type("torch.cuda.FloatTensor")
torch.typename(t)
torch.typename(torch.nn.Linear(1, 1))
torch.typename(torch.nn.Parameter)
torch.nan
torch.inf
torch.pi
torch.e
torch.newaxis
"""


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().splitlines())
def test_expression(expression):
    def program(torch):
        scope = {"torch": torch, "np": np, "t": torch.tensor([1.0, 2.0]), "i": torch.tensor([1, 2])}
        return eval(expression, scope)

    assert_same(program)


@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")  # torch says so once in a process
@pytest.mark.parametrize("torch", [oracle, jtorch], ids=["torch", "jtorch"])
def test_default_tensor_type(torch):
    torch.set_default_tensor_type(torch.DoubleTensor)
    assert torch.tensor(1.0).dtype is torch.float64
    torch.set_default_tensor_type("torch.FloatTensor")
    assert torch.tensor(1.0).dtype is torch.float32
    with pytest.raises(TypeError, match="only floating-point types are supported as the default type"):
        torch.set_default_tensor_type(torch.LongTensor)
    with pytest.raises(TypeError, match="invalid type object"):
        torch.set_default_tensor_type(torch.float64)
