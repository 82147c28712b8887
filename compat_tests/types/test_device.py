"""jtorch._types.device against real torch."""

import copy
import pickle

import pytest

from compat_tests.types.namespace import assert_same
from jtorch import _types
from jtorch._types.device import DEVICE_TYPES

STRINGS = [
    *DEVICE_TYPES,
    *("cpu:0", "cpu:1", "cuda:0", "cuda:7", "meta:1", "cuda:127"),
    *(
        "",
        "foo",
        "CPU",
        "cuda:",
        "cuda:x",
        "cuda:01",
        "cuda:-1",
        "cuda:0:1",
        "cuda 0",
        "cuda:1.5",
        "cuda: 1",
        ":1",
        "cpu1",
    ),
    *("cuda:99999999999999", "foo:1", " cpu"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch deprecates mkldnn
@pytest.mark.parametrize("text", STRINGS)
def test_strings(text):
    for attribute in ("", ".type", ".index"):
        assert_same(f"torch.device({text!r}){attribute}")
    assert_same(f"str(torch.device({text!r}))")


@pytest.mark.parametrize(
    "arguments",
    [
        "'cpu', 0",
        "'cuda', 1",
        "'cuda', None",
        "'cuda', -1",
        "'cuda', 'a'",
        "'cuda', 1.0",
        "'cuda', index=True",
        "'cuda', index='a'",
        "'cuda:1', 1",
        "type='cuda'",
        "type='cuda', index=1",
        "type='cuda', index=None",
        "type='cuda:1', index=1",
        "type=0",
        "index=1",
        "device='cuda'",
        "device=torch.device('cpu')",
        "torch.device('cuda:1')",
        "torch.device('cpu'), 1",
        "'cpu', device='cpu'",
        "'cuda', bar=1",
        "bar=1",
        "b'cpu'",
        "",
        "None",
        "3.5",
        "True",
        "torch.float32",
        "0",
        "-1",
        "1, 2",
        "'cuda', 1, 2",
        "'a', 'b', 'c'",
    ],
)
def test_signatures(arguments):
    assert_same(f"torch.device({arguments})")


@pytest.mark.parametrize(
    "expression",
    [
        "torch.device('cpu') == torch.device('cpu:0')",
        "torch.device('cuda', 1) == torch.device('cuda:1')",
        "torch.device('cpu') == 'cpu'",
        "torch.device('cpu') < torch.device('cuda')",
        "len({torch.device('cpu'), torch.device('cpu'), torch.device('cpu:0')})",
        "setattr(torch.device('cpu'), 'index', 1)",
        "setattr(torch.device('cpu'), 'type', 'cuda')",
        "pickle.loads(pickle.dumps(torch.device('cuda:1')))",
    ],
)
def test_object(expression):
    assert_same(expression)


def test_copies():
    for made in (_types.cpu, _types.device("cuda:1")):
        assert copy.deepcopy(made) == made
        assert pickle.loads(pickle.dumps(made)) == made


def test_index_alone_means_the_accelerator():
    _types.install_accelerator(lambda: "cuda")
    try:
        assert _types.device(1) == _types.device("cuda:1")
    finally:
        _types.install_accelerator(lambda: None)
