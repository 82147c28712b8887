"""`torch.library`: operators that users define, by the same lines with both libraries."""

import importlib
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import List, Optional  # noqa: UP035 - both spellings of a list are annotations of operators

import jax
import numpy as np
import pytest
import torch as oracle

import jtorch


def defined(torch):
    """Operators for the lines below, under names of their own for each library's one process."""
    Tensor = torch.Tensor

    def scaled(x: Tensor, n: int = 2) -> Tensor:
        return x * n

    def plus_one(x: Tensor) -> None:
        x.add_(1)

    def of_list(xs: Sequence[Tensor], y: Tensor) -> Tensor:
        return xs[0] + xs[1] * y

    def same(x: Tensor) -> Tensor:
        return x

    def keywords(x: Tensor, *, n: float = 2.0) -> Tensor:
        return x * n

    make = torch.library.custom_op
    ops = {
        "scaled": make("compat::scaled", scaled, mutates_args=()),
        "plain": make("compat::plain", lambda x, n=2: x * n, mutates_args=(), schema="(Tensor x, int n=2) -> Tensor"),
        "two": make(
            "compat::two", lambda x, a=1.0: (x * a, x + a), mutates_args=(),
            schema="(Tensor x, float a=1.0) -> (Tensor, Tensor)",
        ),
        "plus_one": make("compat::plus_one", plus_one, mutates_args={"x"}),
        "of_list": make("compat::of_list", of_list, mutates_args=()),
        "same": make("compat::same", same, mutates_args=()),
        "keywords": make("compat::keywords", keywords, mutates_args=()),
        "elsewhere": make("compat::elsewhere", same, mutates_args=(), device_types="cuda"),
    }  # fmt: skip

    def keep(ctx, inputs, output):
        ctx.x, ctx.n = inputs
        ctx.needs = ctx.needs_input_grad

    ops["scaled"].register_autograd(lambda ctx, g: (g * ctx.n, None), setup_context=keep)
    ops["scaled"].register_fake(lambda x, n=2: torch.empty_like(x))
    ops["two"].register_autograd(lambda ctx, g, h: (g + h, None))
    ops["of_list"].register_autograd(lambda ctx, g: ([g, g * 2], g * 3))

    def keep_keywords(ctx, inputs, keyword_only_inputs, output):
        ctx.n = keyword_only_inputs["n"]

    ops["keywords"].register_autograd(lambda ctx, g: g * ctx.n, setup_context=keep_keywords)
    x = torch.tensor([1.0, 2.0])
    return {"torch": torch, "ops": torch.ops.compat, "x": x, "leaf": x.clone().requires_grad_(), **ops}


LINES = """
scaled(x), scaled(x, 3), scaled(x, n=4), scaled(x=x), torch.ops.compat.scaled(x), ops.scaled.default(x)
scaled, ops.scaled, ops.scaled.default, str(ops.scaled.default), scaled._qualname, scaled._schema, two._schema
ops.scaled.default.name(), ops.scaled.overloads(), ops.scaled.default.namespace
scaled(leaf), type(scaled(leaf).grad_fn).__name__, scaled(leaf, 5).sum().backward(), leaf.grad
two(x), two(x, 3), two(leaf)[0], sum(two(leaf)).sum().backward(), leaf.grad
of_list([leaf, x], x), of_list([leaf, leaf], x).sum().backward(), leaf.grad
keywords(leaf, n=5.0), keywords(leaf, n=5.0).sum().backward(), leaf.grad
torch.autograd.grad(scaled(leaf, 3).sum(), leaf)
torch.autograd.grad(plain(leaf).sum(), leaf)
plain(leaf), plain(leaf).requires_grad, plain(x).requires_grad
plus_one(x), x, plus_one(leaf), leaf.is_leaf
plus_one.register_autograd(lambda ctx, g: g)
scaled(torch.ones(2, device="meta")).shape
plain(torch.ones(2, device="meta"))
scaled(3)
scaled()
scaled(x, 2, 3)
scaled(x, 2.5)
scaled(x, z=3)
scaled(x, x=x)
of_list(x, x)
keywords(x, 1.0)
ops.nothing
torch.ops.nowhere.nothing
ops.scaled.nothing
torch.library.register_autograd("compat::nothing", len)
elsewhere(x)
torch.library.Library("compat_kinds", "OTHER")
torch.library.Library("prim", "DEF")
torch.library.Library("compat_shown", "FRAGMENT")
torch.library.custom_op("compat::none")
""".strip().splitlines()

SCHEMAS = """
def f(x): return x
def f(x: Tensor): return x
def f(x: Tensor) -> Tensor: return x
def f(x: object) -> Tensor: return x
def f(x: Tensor) -> dict: return x
def f(x: Tensor, *a: int) -> Tensor: return x
def f(x: Tensor, /) -> Tensor: return x
def f(x: Tensor, n: int = 1, b: float = 2.0, c: bool = True, d: str = "s") -> tuple[Tensor, Tensor]: return x
def f(x: Tensor, e: list[int] = None, f: Tensor | None = None, g: torch.dtype = None) -> None: return x
def f(x: Sequence[Tensor], f: Optional[int], g: List[float], h: torch.device, *, kw: int = 2) -> List[Tensor]: return x
def f(x: Tensor, k: int | float | bool = 3, i: Optional[List[Tensor]] = None) -> int: return x
def f(x: "Tensor", n: "int" = 3) -> "Tensor": return x
""".strip().splitlines()


def first(text):
    """The first sentence of what is shown, without what names files and the library."""
    text = re.sub(r"(jtorch|torch)\\.library\\.CustomOpDef", "CustomOpDef", text).replace("jtorch.", "torch.")
    return text if "Error: " not in text else re.split(r"[.\n](?:\s|$)", text)[0]


def shown(names, line):
    try:
        return first(repr(eval(line, names)))
    except Exception as error:  # noqa: BLE001 - whatever torch raises is the expected outcome
        return first(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    assert shown(defined(jtorch), line) == shown(defined(oracle), line)


@pytest.mark.parametrize("mutated", [(), {"x"}, {"z"}, {"n"}, "unknown", "all"], ids=str)
@pytest.mark.parametrize("source", SCHEMAS)
def test_schema(source, mutated):
    def found(torch):
        names = {"torch": torch, "Tensor": torch.Tensor, "Sequence": Sequence, "Optional": Optional}
        names["List"] = List  # noqa: UP006 - as above
        exec(source, names)
        return shown({**names, "mutated": mutated}, "torch.library.infer_schema(f, mutates_args=mutated)")

    assert found(jtorch) == found(oracle)


LIBRARY = """
import {name} as torch
x = torch.ones(2)
lib = torch.library.Library("mine", "DEF")
print(lib.define("foo(Tensor x, int n=1) -> Tensor"), lib)
lib.impl("foo", lambda x, n=1: x + n, "CPU")
print(torch.ops.mine.foo(x), torch.ops.mine.foo(x, n=4), torch.ops.mine.foo.default)
torch.library.define("other::baz", "(Tensor x) -> Tensor")
torch.library.impl("other::baz", "cpu")(lambda x: x * 5)
torch.library.register_autograd("other::baz", lambda ctx, g: g * 5)
y = x.clone().requires_grad_()
torch.ops.other.baz(y).sum().backward()
print(torch.ops.other.baz(y), y.grad)
torch.library.register_kernel("mine::foo", "cpu")
for call in (lambda: lib.define("foo(Tensor x) -> Tensor"), lambda: torch.library.Library("mine", "DEF")):
    try:
        call()
    except RuntimeError as error:
        print(str(error).partition("registered at")[0])
"""


def test_libraries():
    def said(name):
        code = LIBRARY.format(name=name)
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said("jtorch") == said("torch")


def test_jax_body():
    @jtorch.library.jax_op("compat_jax::gelu_like")
    def gelu_like(x: jax.Array, y: jax.Array | None = None, scale: float = 1.0, power: int = 1) -> jax.Array:
        found = x**power * jax.nn.sigmoid(scale * x)
        return found if y is None else found + y

    x = jtorch.tensor([0.5, -1.0], dtype=jtorch.float64, requires_grad=True)
    theirs = oracle.tensor([0.5, -1.0], dtype=oracle.float64, requires_grad=True)
    mine = gelu_like(x, scale=1.5, power=2)
    expected = theirs**2 * oracle.sigmoid(1.5 * theirs)
    np.testing.assert_allclose(mine.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    mine.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)
    assert jtorch.autograd.gradcheck(lambda a, b: gelu_like(a, b, 0.5), (x, x.detach().clone().requires_grad_()))
    assert jtorch.ops.compat_jax.gelu_like(x, y=x).shape == (2,)
    assert gelu_like(jtorch.ones(2), scale=0.5).dtype is jtorch.float32
    assert gelu_like(jtorch.ones(2, dtype=jtorch.bfloat16), scale=0.5).dtype is jtorch.bfloat16
    assert type(mine.grad_fn).__name__ == "GeluLikeBackward0"
    with pytest.raises(TypeError, match="argument 'x'"):
        gelu_like("a")


@pytest.mark.parametrize("name", ["TorchDispatchMode", "FlopCounterMode"])
def test_dispatch_modes_are_refused(name):
    home = {"TorchDispatchMode": "_python_dispatch", "FlopCounterMode": "flop_counter"}[name]
    mode = getattr(importlib.import_module(f"jtorch.utils.{home}"), name)
    with pytest.raises(NotImplementedError, match="TorchFunctionMode"), mode():
        pass


def test_dispatching_subclass_is_refused():
    class Dispatching(jtorch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            return func(*args, **kwargs)

    with pytest.raises(NotImplementedError, match="__torch_function__"):
        jtorch.ones(2).as_subclass(Dispatching)
    with pytest.raises(NotImplementedError, match="__torch_function__"):
        jtorch.Tensor._make_wrapper_subclass(Dispatching, (2,))
