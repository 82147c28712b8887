"""Signatures are torch's; what the comparison takes for torch's is asked of torch where its stubs are wrong."""

import inspect

import pytest
import torch

import jtorch
from compat_tests.harness.opdb import resolve
from compat_tests.harness.signatures import CORRECTED, compared, torchs_form
from compat_tests.surface.freeze import read_frozen
from jtorch._declare import registry

SHARE = 0.97
OLDER = ("sub", "subtract", "sub_", "subtract_")  # a third number is taken apart by jtorch/_declare/older.py


def test_share_of_equal_signatures():
    found = compared()
    different = [name for name, same in found.items() if not same]
    assert len(found) > 1300
    assert len(different) <= (1 - SHARE) * len(found), different


def test_all_names_are_there():
    assert [name for name in read_frozen()["names"] if resolve(name.removeprefix("torch.")) is None] == []


def told() -> dict[str, object]:
    """Every function and method that tells forms as text."""
    spaces = {"torch": jtorch, "torch.nn.functional": jtorch.nn.functional}
    found = {f"{space}.{name}": fn for space in spaces for name, fn in registry.namespace(space).items()}
    found |= {f"Tensor.{name}": fn for name, fn in registry.methods().items()}
    return {name: fn for name, fn in found.items() if hasattr(fn, "forms") and not name.endswith(OLDER)}


TOLD = told()


@pytest.mark.parametrize("name", TOLD)
def test_forms_can_be_called(name: str):
    """Python takes each form, by position and by keyword where torch does."""
    signature = inspect.signature(TOLD[name])
    method = name.startswith("Tensor.")
    for text in TOLD[name].forms:
        form = [one for one in torchs_form(f"({text})") if not one.name.startswith("*")]
        if method:
            form = form[1:]
        plain, keyword = ([one.name for one in form if one.keyword is kind] for kind in (False, True))
        first = [0] if method else []
        signature.bind(*first, *plain, **dict.fromkeys(keyword, 0))
        signature.bind_partial(*first, **dict.fromkeys([*plain, *keyword], 0))


# A call by torch's stub that torch refuses, and one by the corrected form that it takes.
ASKED = {
    "torch.linspace": ("torch.linspace(0, 1)", "torch.linspace(0, 1, steps=2)"),
    "torch.logspace": ("torch.logspace(0, 1)", "torch.logspace(0, 1, steps=2, base=2)"),
    "torch.numel": ("torch.numel(self=x)", "torch.numel(input=x)"),
    "torch.tensor": ("torch.tensor([1], torch.float32)", "torch.tensor([1], dtype=torch.float32, pin_memory=False)"),
    "torch.Tensor.new_ones": ("x.new_ones((2,), torch.float64)", "x.new_ones((2,), dtype=torch.float64)"),
    "torch.Tensor.new_tensor": ("x.new_tensor([1], torch.float64)", "x.new_tensor([1], dtype=torch.float64)"),
    "torch.Tensor.requires_grad_": ("x.requires_grad_(mode=True)", "x.requires_grad_(requires_grad=True)"),
    "torch.Tensor.to": ("x.to(other=x)", "x.to(tensor=x)"),
    "torch.nn.functional.fractional_max_pool2d": (
        "F.fractional_max_pool2d(input=x, kernel_size=1, _random_samples=torch.rand(1, 2, 2))",
        "F.fractional_max_pool2d(x, 1, output_ratio=(0.5, 0.5), return_indices=True)",
    ),
    "torch.nn.functional.fractional_max_pool3d": (
        "F.fractional_max_pool3d(x[None], 1, 1, return_indices=False, random_samples=None)",
        "F.fractional_max_pool3d(x[None], 1, output_ratio=(0.5, 0.5, 0.5), return_indices=True)",
    ),
    "torch.nn.functional.gelu": ("F.gelu(x, 'tanh')", "F.gelu(x, approximate='tanh')"),
    "torch.nn.functional.scaled_dot_product_attention": (
        "F.scaled_dot_product_attention(x, x, x, None, 0.0, False, 1.0)",
        "F.scaled_dot_product_attention(x, x, x, None, 0.0, False, scale=1.0, enable_gqa=False)",
    ),
}


@pytest.mark.parametrize("name", CORRECTED)
def test_stub_is_wrong_and_correction_right(name: str):
    refused, taken = ASKED[name]
    for side in (torch, jtorch):
        names = {"torch": side, "F": side.nn.functional, "x": side.ones(1, 2, 2, 2)}
        eval(taken, dict(names))
        if side is torch:
            with pytest.raises((TypeError, ValueError, RuntimeError)):
                eval(refused, dict(names))
