"""Strides of what ops return, as torch lays it out, and what follows from them: views, writes, copies, gradients."""

from __future__ import annotations

import copy
import io

import pytest
import torch

import jtorch
from compat_tests.harness.compare import compare


def turned(lib):
    return lib.arange(24.0).reshape(2, 3, 4).transpose(0, 2)


def images(lib):
    return lib.arange(120.0).reshape(2, 3, 4, 5).to(memory_format=lib.channels_last)


def seeded(lib, draw):
    lib.manual_seed(0)
    return draw()


def saved(lib, x):
    file = io.BytesIO()
    lib.save(x, file)
    file.seek(0)
    return lib.load(file)


RESULTS = {
    "add": lambda lib, x: x + 1,
    "two orders": lambda lib, x: x + x.contiguous(),
    "contiguous first": lambda lib, x: x.contiguous() + x,
    "broadcast": lambda lib, x: x + lib.ones(x.shape[-2], 1),
    "compare": lambda lib, x: x > 2,
    "where": lambda lib, x: lib.where(x > 2, x, x),
    "part": lambda lib, x: x[:, ::2] * 2,
    "row": lambda lib, x: x[:, 1] * 2,
    "expanded": lambda lib, x: x.expand(2, *x.shape).sin(),
    "repeated": lambda lib, x: x[:, :1].expand(x.shape).clone(),
    "clone": lambda lib, x: x.clone(),
    "rows again": lambda lib, x: x.clone(memory_format=lib.contiguous_format),
    "cast": lambda lib, x: x.double(),
    "to": lambda lib, x: x.to(lib.int32),
    "contiguous": lambda lib, x: (x + 1).contiguous(),
    "zeros_like": lambda lib, x: lib.zeros_like(x),
    "ones_like": lambda lib, x: lib.ones_like(x[:, ::2]),
    "full_like": lambda lib, x: lib.full_like(x, 2, memory_format=lib.contiguous_format),
    "rand_like": lambda lib, x: lib.rand_like(x) * 0,
    "rand_like, part": lambda lib, x: seeded(lib, lambda: lib.rand_like(x[:, ::2])),
    "randn_like, expanded": lambda lib, x: seeded(lib, lambda: lib.randn_like(x[:, :1].expand(x.shape))),
    "dropout, part": lambda lib, x: seeded(lib, lambda: lib.nn.functional.dropout(x[:, ::2], 0.5)),
    "alpha dropout": lambda lib, x: seeded(lib, lambda: lib.nn.functional.alpha_dropout(x / 100, 0.5, training=True)),
    "select": lambda lib, x: (x + 1)[1],
    "transpose": lambda lib, x: (x + 1).transpose(0, 2),
    "reshape": lambda lib, x: (x + 1).reshape(-1),
    "flatten, turned back": lambda lib, x: (x + 1).permute(*reversed(range(x.dim()))).reshape(-1),
    "as_strided": lambda lib, x: (x + 1).as_strided((7,), (3,), 1),
    "detach": lambda lib, x: (x + 1).detach(),
    "squeeze": lambda lib, x: (x * 2).unsqueeze(0).squeeze() * 2,
    "out, resized": lambda lib, x: lib.add(x, x, out=lib.empty(0)),
    "out, kept": lambda lib, x: lib.add(x, x, out=lib.empty(x.shape)),
    "in place": lambda lib, x: (x + 1).mul_(2),
    "flip": lambda lib, x: x.flip(0),
    "complex": lambda lib, x: lib.complex(x, x),
    "relu": lambda lib, x: x.relu(),
    "softmax": lambda lib, x: x.softmax(0),
    "sum": lambda lib, x: x.sum(0),
    "stack": lambda lib, x: lib.stack([x, x]),
    "parameter": lambda lib, x: lib.nn.Parameter(x + 1),
    "deepcopy": lambda lib, x: copy.deepcopy(x + 1),
    "saved": lambda lib, x: saved(lib, x + 1),
}


@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
@pytest.mark.parametrize("start", [turned, images])
@pytest.mark.parametrize("name", RESULTS)
def test_results(name, start):
    theirs, mine = (RESULTS[name](lib, start(lib)) for lib in (torch, jtorch))
    compare(mine, theirs)
    assert mine.stride() == theirs.stride()
    assert mine.storage_offset() == theirs.storage_offset()
    assert mine.is_contiguous() == theirs.is_contiguous()
    for layout in ("channels_last", "contiguous_format"):
        same = [t.is_contiguous(memory_format=getattr(lib, layout)) for lib, t in ((torch, theirs), (jtorch, mine))]
        assert same[0] == same[1]


def both(program) -> None:
    compare(program(jtorch), program(torch))


def test_compiled_results_lie_as_eager_ones():
    def step(x):
        return x.mT * 2, (x + 1).flip(0)

    x = turned(jtorch)
    compiled = jtorch.compile(step)
    for _ in range(3):
        for mine, theirs in zip(compiled(x), step(turned(torch)), strict=True):
            compare(mine, theirs)
            assert mine.stride() == theirs.stride()


def test_writes_reach_the_storage_in_its_order():
    def program(lib):
        x = turned(lib) + 1
        flat = x.as_strided((24,), (1,))
        x[0, 0, 0] = 100
        x[1].mul_(2)
        flat[5] = -1
        x.add_(1)
        return [x, flat, x.t() if x.dim() == 2 else x.mT]

    both(program)


def test_gradients_flow_through_another_order():
    def program(lib):
        w = lib.arange(12.0).reshape(3, 4).requires_grad_()
        y = w.t() * 2
        y.as_strided((6,), (2,)).sum().backward()
        z = w.t() * 3
        z[0].mul_(2)
        z.sum().backward()
        return [w.grad, y, z]

    both(program)


def test_numpy_sees_the_same_memory():
    for start in (turned, images):
        theirs, mine = (start(lib) + 1 for lib in (torch, jtorch))
        assert mine.numpy().strides == theirs.numpy().strides
        mine.numpy()[0] = 5
        theirs.numpy()[0] = 5
        compare(mine, theirs)


@pytest.mark.parametrize("layout", ["channels_last", "channels_last_3d", "contiguous_format", "preserve_format"])
@pytest.mark.parametrize("ndim", [3, 4, 5])
@pytest.mark.parametrize("how", ["to", "contiguous", "clone", "empty_like", "is_contiguous"])
def test_formats(how, ndim, layout):
    found = []
    for lib in (torch, jtorch):
        x, wish = lib.zeros(*range(2, 2 + ndim)), getattr(lib, layout)
        call = {
            "to": lambda x=x, wish=wish: x.to(memory_format=wish),
            "contiguous": lambda x=x, wish=wish: x.contiguous(memory_format=wish),
            "clone": lambda x=x, wish=wish: x.clone(memory_format=wish),
            "empty_like": lambda lib=lib, x=x, wish=wish: lib.empty_like(x, memory_format=wish),
            "is_contiguous": lambda x=x, wish=wish: x.is_contiguous(memory_format=wish),
        }[how]
        try:
            result = call()
            found.append(result if isinstance(result, bool) else result.stride())
        except RuntimeError as error:
            found.append(str(error))
    assert found[1] == found[0]
