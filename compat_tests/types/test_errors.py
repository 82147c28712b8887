"""Every sentence of jtorch._types.errors and autograd_errors, against a call that makes real torch say it."""

import copy
import inspect

import numpy as np
import pytest
import torch

from jtorch._types import DTYPES, argument_errors
from jtorch._types import autograd_errors as ag
from jtorch._types import errors as e

TWO = (
    "Tensor input, Tensor end, Tensor weight, *, Tensor out = None",
    "Tensor input, Tensor end, Number weight, *, Tensor out = None",
)
ADD = ("Tensor input, Tensor other, *, Number alpha = 1, Tensor out = None",)


def a():
    return torch.ones(2, 3)


def leaf():
    return torch.ones(3, requires_grad=True)


def long():
    return torch.ones(2, 3, dtype=torch.int64)


def write_a_part_of_a_new_leaf():
    base = torch.ones(3)
    part = base[1:]
    base.requires_grad_()
    part.add_(1)


def backward_of_other_data():
    x = leaf() * 2
    x.data = torch.ones(2)
    x.backward(torch.ones(2))


def write_a_view_of_no_graph():
    base = leaf() * 1
    with torch.no_grad():
        view = base[:2]
    base.add_(1)
    return view.grad_fn


def write_over_a_part():
    x = torch.ones(3)
    x[1:].copy_(x[:-1])


def backward_twice():
    y = (leaf() * leaf()).sum()
    y.backward()
    y.backward()


def write_to_saved():
    w = leaf() * 1
    y = w * w
    w.add_(1)
    y.sum().backward()


def inference_tensor():
    with torch.inference_mode():
        return torch.ones(2)


def write_to_no_grad_view():
    x = leaf()
    with torch.no_grad():
        view = x.view(3)
    view.add_(1)


def set_attribute(tensor, value, name="requires_grad"):
    setattr(tensor, name, value)


CASES = [
    (lambda: torch.add("a", a()), e.argument_type("add", "input", 1, "Tensor", "a")),
    (lambda: torch.add(a(), other="b"), e.argument_type("add", "other", None, "Tensor", "b")),
    (lambda: torch.sin(np.ones(2)), e.argument_type("sin", "input", 1, "Tensor", np.ones(2))),
    (lambda: torch.zeros(("a", 1)), e.sequence_item_type("zeros", "size", 1, "tuple of ints", 0, "a")),
    (lambda: torch.zeros((1, "a")), e.sequence_item_type("zeros", "size", 1, "tuple of ints", 1, "a")),
    (lambda: torch.cat([a(), 1]), e.tensor_list_item(0, 1, 1)),
    (lambda: torch.sin(), e.missing_arguments("sin", ["input"])),
    (lambda: torch.sin(a(), foo=1), e.unexpected_keyword("sin", "foo")),
    (lambda: torch.add(a(), a(), other=a()), e.multiple_values("add", "other")),
    (lambda: torch.add(a(), a(), a()), e.too_many_positional("add", 2, 3)),
    (lambda: torch.sin(a(), 1), e.too_many_positional("sin", 1, 2)),
    (lambda: a().sin(1), e.takes_no_arguments("sin", 1)),
    (lambda: a().sin(foo=1), e.takes_no_keywords("sin")),
    (lambda: torch.add(foo=1), e.unrecognized_keywords("add", ["foo"])),
    (lambda: torch.add(), e.invalid_combination("add", (), {}, ADD)),
    (lambda: torch.lerp(1, 2, "x"), e.invalid_combination("lerp", (1, 2, "x"), {}, TWO)),
    (lambda: a().sum(2), e.dim_out_of_range(2, 2)),
    (lambda: torch.tensor(1.0).sum(-2), e.dim_out_of_range(-2, 0)),
    (lambda: torch.tensor(1.0).size(-1), e.dim_of_scalar(-1)),
    (lambda: a().sum((0, -2)), e.dim_repeated(0)),
    (lambda: torch.Size([1, "a"]), e.size_item(1, "a")),
    (lambda: torch.rand(2, -1), e.negative_dimension(-1, (2, -1))),
    (lambda: torch.zeros(-1), e.fill_negative_dimension("zeros")),
    (lambda: a() + torch.ones(4), e.size_mismatch(3, 4, 1)),
    (lambda: torch.ones(3, 4) + torch.ones(5, 4), e.broadcast_mismatch((3, 4), (5, 4))),
    (lambda: torch.ones(3, 4) + torch.ones(2, 5, 5), e.broadcast_mismatch((3, 4), (2, 5, 5))),
    (lambda: torch.ones(3).add_(a()), e.output_shape((3,), (2, 3))),
    (lambda: a().expand(3, 3), e.expand_mismatch((3, 3), (2, 3), 0)),
    (lambda: a().expand(5, 3, 3), e.expand_mismatch((5, 3, 3), (2, 3), 1)),
    (lambda: a().expand(3), e.expand_rank("Float", (2, 3), (3,))),
    (lambda: a().expand(-1, 2, 3), e.expand_leading(0)),
    (lambda: a().view(4), e.shape_invalid((4,), 6)),
    (lambda: a().reshape(-1, 4), e.shape_invalid((-1, 4), 6)),
    (lambda: a().view(-1, -1), e.shape_two_inferred()),
    (lambda: a().view(2, -3), e.shape_negative((2, -3), 1)),
    (lambda: torch.ones(0).view(-1, 0), e.shape_ambiguous((-1, 0))),
    (lambda: a().t().view(6), e.view_strides()),
    (lambda: a().permute(0, 0), e.permute_repeated()),
    (lambda: a().permute(0), e.permute_rank(2, 1)),
    (lambda: torch.cat([a(), torch.ones(3)]), e.cat_rank(2, 1)),
    (lambda: torch.cat([a(), torch.ones(3, 4)]), e.cat_size(0, 3, 4, 1)),
    (lambda: torch.stack([a(), torch.ones(3)]), e.stack_size((2, 3), (3,), 1)),
    (lambda: a() @ torch.ones(4, 5), e.mat_shapes((2, 3), (4, 5))),
    (lambda: torch.ones(3) @ torch.ones(4, 3), e.mat_shapes((1, 3), (4, 3))),
    (lambda: a() @ torch.ones(4), e.mat_vec_shapes((2, 3), (4,))),
    (lambda: torch.ones(3) @ torch.ones(4), e.dot_sizes(3, 4)),
    (lambda: torch.dot(a(), torch.ones(1)), e.dot_rank(2, 1)),
    (lambda: torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 5, 6)), e.bmm_shapes((2, 3, 4), (2, 5, 6))),
    (lambda: torch.mm(a(), torch.ones(3)), e.not_a_matrix("mat2")),
    (lambda: torch.bmm(a(), a()), e.not_a_batch("batch1")),
    (lambda: torch.tensor(1.0) @ a(), e.matmul_rank(0, 2)),
    (lambda: torch.dot(torch.ones(2), torch.ones(2).double()), e.dot_types("Float", "Double")),
    (lambda: torch.tensor([1]).add_(1.5), e.cast("Float", "Long")),
    (lambda: torch.linalg.inv(torch.eye(2), out=torch.empty(0).double()), e.out_type("Float", "Double")),
    (lambda: torch.FloatTensor(torch.tensor([1])), e.other_tensor_type("Float", "Long")),
    (lambda: torch.promote_types(torch.uint16, torch.int8), e.promotion_unsigned("UInt16", "Char")),
    (
        lambda: torch.promote_types(torch.float8_e5m2, torch.float32),
        e.promotion_float8("Float8_e5m2", "Float"),
    ),
    (lambda: a() & a(), e.not_implemented_for("bitwise_and_cpu", "Float")),
    (lambda: torch.from_numpy(np.array(["a"])), e.numpy_type_unsupported(np.dtype("U1"))),
    (lambda: torch.from_numpy(np.ones(2, ">f4")), e.numpy_type_unsupported(np.dtype(">f4"))),
    (lambda: torch.tensor(None), e.dtype_not_inferred(None)),
    (lambda: torch.tensor(300, dtype=torch.uint8), e.value_overflow("uint8")),
    (lambda: float(torch.tensor(1j)), e.value_overflow("double")),
    (lambda: long().mean(), e.reduction_float_only("mean", "Long")),
    (
        lambda: torch.mean(long(), dtype=torch.int32),
        e.reduction_float_only("mean", "Int", argument="Optional"),
    ),
    (lambda: torch.ones(0).max(), e.reduction_empty("max")),
    (lambda: torch.ones(0, 3).max(0), e.reduction_empty_dim("max", 0)),
    (lambda: a()[0, 3], e.index_out_of_bounds(3, 1, 3)),
    (lambda: a()[torch.tensor([-5])], e.index_out_of_bounds(-5, 0, 2)),
    (lambda: torch.index_select(a(), 0, torch.tensor([5])), e.index_out_of_range_in_self()),
    (lambda: a()[0, 0, 0], e.index_too_many(2)),
    (lambda: torch.tensor(1.0)[0], e.index_zero_dim()),
    (lambda: a()[1.5], e.index_type(1.5)),
    (lambda: a()[torch.tensor([1.0])], e.index_tensor_type()),
    (lambda: a()[torch.tensor([0, 1]), torch.tensor([0, 1, 2])], e.index_shapes([(2,), (3,)])),
    (lambda: a()[torch.tensor([True])], e.index_mask((1,), 0, (2, 3), 0)),
    (lambda: a()[torch.ones(2, 2, dtype=torch.bool)], e.index_mask((2, 2), 1, (2, 3), 1)),
    (lambda: a()[::-1], e.index_step()),
    (lambda: a().select(0, 5), e.select_out_of_range(5, (2, 3), 0)),
    (lambda: a().narrow(0, 1, 5), e.narrow_too_long(1, 5, 2)),
    (lambda: a().item(), e.item_many(6)),
    (lambda: int(a()), e.number_many()),
    (lambda: bool(a()), e.bool_ambiguous(6)),
    (lambda: bool(torch.ones(0)), e.bool_ambiguous(0)),
    (lambda: range(a()), e.not_an_index()),
    (lambda: len(torch.tensor(1.0)), e.len_zero_dim()),
    (lambda: iter(torch.tensor(1.0)), e.iterate_zero_dim()),
    (lambda: leaf().numpy(), e.numpy_requires_grad()),
    (lambda: torch.ones(2, dtype=torch.bfloat16).numpy(), e.numpy_dtype("BFloat16")),
    (lambda: torch.ones(2, device="meta").numpy(), e.numpy_device("meta")),
    (lambda: torch.ones(2, device="meta").tolist(), e.meta_has_no_data()),
    (lambda: torch.ones(1, device="meta").item(), e.item_of_meta()),
    (lambda: leaf().add_(1), ag.leaf_inplace()),
    (lambda: leaf().view(3).add_(1), ag.leaf_inplace(view=True)),
    (write_a_part_of_a_new_leaf, ag.leaf_inplace(view=True)),
    (backward_twice, ag.second_backward()),
    (write_to_saved, ag.saved_modified("Float", (3,), "Add", 0, 1, 0)),
    (lambda: leaf().backward(), ag.grad_scalar_only()),
    (lambda: (leaf().sum() * 1j).backward(), ag.grad_real_only("torch.complex64")),
    (lambda: (leaf() * 2).unbind()[0].add_(1), ag.view_inplace((0, "Unbind"))),
    (write_a_view_of_no_graph, ag.view_modified("A view was")),
    (lambda: a().sum().backward(), ag.no_grad_fn()),
    (lambda: leaf().sum().backward(torch.ones(2)), ag.grad_shape(0, (2,), ())),
    (lambda: set_attribute(a(), 3, "data"), ag.data_of_no_tensor("int")),
    (lambda: delattr(a(), "data"), ag.data_deleted()),
    (lambda: set_attribute(leaf(), long(), "data"), ag.data_dtype()),
    (lambda: set_attribute(a(), torch.ones(2, device="meta"), "data"), ag.data_type()),
    (backward_of_other_data, ag.root_shape(0, (2,), (3,))),
    (lambda: torch.autograd.grad(leaf().sum(), a()), ag.input_without_grad()),
    (lambda: torch.autograd.grad(leaf().sum(), leaf()), ag.input_unused(0)),
    (lambda: set_attribute(long(), True), ag.grad_dtype()),
    (lambda: torch.tensor([1], requires_grad=True), ag.grad_dtype(setter=False)),
    (lambda: set_attribute(leaf(), torch.ones(2), "grad"), ag.assigned_grad_size((2,), (3,))),
    (lambda: set_attribute(leaf(), torch.ones(3).double(), "grad"), ag.assigned_grad_dtype("Double", "Float")),
    (lambda: long().requires_grad_(), ag.requires_grad_dtype()),
    (lambda: set_attribute(leaf() * 2, False), ag.requires_grad_non_leaf()),
    (lambda: a().retain_grad(), ag.retain_without_grad()),
    (lambda: torch.add(leaf(), 1, out=torch.ones(3)), ag.out_requires_grad("add")),
    (lambda: torch.ones(1).expand(3).add_(1), ag.overlapping_write()),
    (write_over_a_part, ag.shared_memory()),
    (lambda: copy.deepcopy(leaf() * 2), ag.deepcopy_of_result()),
    (lambda: inference_tensor().add_(1), ag.inference_inplace()),
    (lambda: inference_tensor() * leaf()[:2], ag.inference_saved()),
    (lambda: inference_tensor().requires_grad_(), ag.inference_requires_grad()),
    (lambda: (leaf() * 1).split(2)[0].add_(1), ag.multi_view_inplace(0, "Split")),
    (write_to_no_grad_view, ag.no_grad_view_inplace()),
]
MATMUL_TYPES = (
    *("bool", "uint8", "int8", "int16", "int32", "int64", "uint16"),
    *("float64", "float16", "bfloat16", "complex64", "complex128"),
)
CASES += [
    (lambda: -torch.ones(2, dtype=torch.bool), e.bool_negation()),
    (
        lambda: torch.nn.functional.silu(torch.ones(2, dtype=torch.complex64, requires_grad=True)),
        e.no_complex_gradient("silu"),
    ),
    (
        lambda: torch.nn.functional.nll_loss(a(), torch.zeros(2, dtype=torch.int64), leaf()),
        e.not_differentiable_by("nll_loss_forward", "weight"),
    ),
]
CASES += [
    (
        lambda name=name: torch.mm(a(), a().t().to(getattr(torch, name))),
        e.matmul_types("Float", DTYPES[name].type_name),
    )
    for name in MATMUL_TYPES
]


@pytest.mark.parametrize(("call", "error"), CASES, ids=[f"{i}-{str(error)[:40]}" for i, (_, error) in enumerate(CASES)])
def test_sentence(call, error):
    with pytest.raises(type(error)) as raised:
        call()
    assert type(raised.value) is type(error)
    assert str(raised.value) == str(error)


def test_every_sentence_is_tested():
    text = inspect.getsource(inspect.getmodule(test_sentence))
    for prefix, module in (("e", e), ("e", argument_errors), ("ag", ag)):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if (
                not name.startswith("_")
                and name not in ("type_name", "c_name", "listed", "tensor_type")
                and function.__module__ == module.__name__
            ):
                assert f"{prefix}.{name}(" in text, f"add a case for {name}"


def test_broadcast_mismatch_of_shapes_that_fit():
    with pytest.raises(ValueError, match="broadcast"):
        e.broadcast_mismatch((2, 1), (3,))
