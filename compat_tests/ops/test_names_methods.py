"""Methods of tensors beside the ops: Python functions on elements, memory order, deprecated and removed ones."""

import numpy as np
import pytest
import torch

import jtorch
from compat_tests.ops.told import calls, same

SETUP = """
x = torch.arange(1.0, 7.0).reshape(2, 3)
leaf = torch.ones(2, requires_grad=True)
last = torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last)
formats = [torch.contiguous_format, torch.channels_last]
"""


@calls("""
    x.apply_(lambda a: a * 2)
    torch.ones(2, dtype=torch.int64).apply_(lambda a: a / 2)
    torch.ones(2, dtype=torch.int64).apply_(lambda a: "x")
    x.apply_(lambda a: 1j)
    x.apply_(3)
    leaf.apply_(lambda a: a)
    x.map_(x.clone(), lambda a, b: a + b)
    x.map_(torch.ones(3), lambda a, b: a - b)
    x.map_(x.double(), lambda a, b: a)
    x.map_(3, lambda a, b: a)
    torch.ones(2).map_(leaf, lambda a, b: a)
    x.map2_(x.clone(), x.clone(), lambda a, b, c: a + b * c)
""")
def test_elements_through_python(call):
    same(call, SETUP)


@calls("""
    (x.dim_order(), x.t().dim_order(), last.dim_order(), torch.ones(()).dim_order(), torch.ones(2, 1, 3).dim_order())
    (x[0].expand(4, 3).dim_order(), torch.ones(3, 0, 2).dim_order(), x.dim_order(ambiguity_check=True))
    torch.ones(2, 1, 3).dim_order(ambiguity_check=True)
    torch.ones(2, 3, 1, 1).dim_order(ambiguity_check=formats)
    (last.dim_order(ambiguity_check=formats), last.permute(3, 2, 1, 0).dim_order(ambiguity_check=formats))
    x.dim_order(ambiguity_check=3)
    x.dim_order(ambiguity_check=["x"])
    (x.is_set_to(x), x.is_set_to(x.view(2, 3)), x.is_set_to(x.view(6)), x.is_set_to(x.clone()))
    x.const_data_ptr() == x.data_ptr()
""")
def test_memory(call):
    same(call, SETUP)


@calls("""
    x.resize(6)
    x.resize(3, 2)
    x.t().resize(6)
    x.resize(5)
    x.resize((6,))
    x.resize_as(torch.ones(3, 2))
    x.record_stream(3)
    (x.ipu(),)
    (x.mtia(),)
    (x.xpu(),)
    x.module_load(torch.ones(2, 3))
    x.module_load(leaf, assign=True)
    torch.detach_(leaf * 2).requires_grad
    x[0].detach_()
    torch.as_strided_(x, (2,), (2,), 1)
    x.to_padded_tensor(0.0)
    x.qscheme()
""")
def test_older(call):
    same(call, SETUP)


def test_reinforce_is_gone():
    for side in (torch, jtorch):
        with pytest.raises(RuntimeError, match=r"reinforce\(\) was removed.\nUse torch.distributions instead."):
            side.ones(1).reinforce(1)


@calls("""
    F.assert_int_or_pair([1, 2], "a", "{} b")
    F.assert_int_or_pair([1, 2, 3], "a", "{} b")
    F.boolean_dispatch("flag", 1, False, lambda a, flag: a + 1, lambda a, flag=False: a - 1, "m", "f")(x, True)
    F.boolean_dispatch("flag", 1, False, lambda a, flag: a + 1, lambda a, flag=False: a - 1, "m", "f")(x)
    F.boolean_dispatch("flag", 1, False, lambda a, flag: a + 1, lambda a, flag=False: a - 1, "m", "f")(x, flag=True)
    (F.has_torch_function([x]), F.has_torch_function_unary(x), F.has_torch_function_variadic(x, x))
    torch.get_device_module("xx")
    torch.get_device_module(3)
    torch.get_device_module("cuda") is torch.cuda
    torch.get_device_module("cpu").is_available()
    type("C", (), {"p": torch.classproperty(lambda cls: cls.__name__)}).p
""")
def test_function(call):
    same(call, SETUP)


class Overriding:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func.__name__, types, args, kwargs


class Silent(Overriding):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


def some_function(x):
    return x


def test_overriding_classes_are_asked_subclasses_first():
    for functional in (torch.nn.functional, jtorch.nn.functional):
        first, second = Overriding(), Silent()
        assert functional.has_torch_function((first, 3))
        found = functional.handle_torch_function(some_function, (first, second), first, y=1)
        assert found == ("some_function", (Silent, Overriding), (first,), {"y": 1})
        with pytest.raises(TypeError, match="no implementation found"):
            functional.handle_torch_function(some_function, (second,), second)


def test_dlpack_shares_memory_both_ways():
    array = np.arange(4.0, dtype=np.float32)
    mine = jtorch.from_dlpack(array)
    array[0] = 9
    assert mine[0].item() == 9
    theirs = torch.from_dlpack(mine)
    theirs[1] = 7
    assert mine[1].item() == 7 and array[1] == 7
    back = jtorch.from_dlpack(torch.to_dlpack(theirs))
    back[2] = 5
    assert theirs[2].item() == 5
    assert torch.equal(torch.from_dlpack(jtorch.to_dlpack(mine)), theirs)
    copied = jtorch.from_dlpack(array, copy=True)
    copied[3] = -1
    assert array[3] == 3


@calls("""
    torch.from_dlpack(3)
    torch.ones(2, requires_grad=True).__dlpack__()
    tuple(map(int, torch.ones(2).__dlpack_device__()))
""")
def test_dlpack_refusals(call):
    same(call)


def test_file(tmp_path):
    def run(side, name):
        path = str(tmp_path / name)
        np.arange(6, dtype=np.float32).tofile(path)
        own = side.from_file(path, size=4)
        own[0] = 9
        shared = side.from_file(path, True, 8)
        shared[1] = 7
        found = own.tolist(), shared.tolist(), np.fromfile(path, np.float32).tolist()
        with pytest.raises(RuntimeError, match="is smaller than the required mapping size <400>"):
            side.from_file(path, size=100)
        with pytest.raises(RuntimeError, match=r"unable to open file .* in read-only mode: No such file or directory"):
            side.from_file(path + "x", size=3)
        return found

    assert run(jtorch, "mine") == run(torch, "theirs")


def test_file_path():
    assert jtorch.get_file_path("torch", "__init__.py") == jtorch.__file__
