"""Layers, norms and views under the names ATen gives them in the torch namespace."""

import pytest

from compat_tests.ops.agree import agree
from compat_tests.ops.told import calls, same

SETUP = """
x = torch.arange(1.0, 25.0).reshape(2, 3, 2, 2)
plane, kernel = torch.arange(16.0).reshape(1, 1, 4, 4), torch.arange(4.0).reshape(1, 1, 2, 2)
table, rows, starts = torch.arange(6.0).reshape(3, 2), torch.tensor([0, 1, 2]), torch.tensor([0, 2])
matrix = torch.tensor([[3.0, 4.0], [6.0, 8.0]])
"""


@calls("""
    torch.convolution(plane, kernel, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    torch.convolution(plane, kernel, torch.ones(1), [2], [1], [1], False, [0], 1)
    torch.convolution(plane, kernel, None, [1], [0], [1], True, [0], 1)
    torch.convolution(plane[0], kernel[0], None, [1], [0], [1], False, [0], 1)
    torch.convolution(plane[0, 0], kernel, None, [1], [0], [1], False, [0], 1)
    torch.mkldnn_convolution(plane, kernel, None, [0, 0], [1, 1], [1, 1], 1)
    torch.mkldnn_convolution(plane.double(), kernel.double(), None, [0, 0], [1, 1], [1, 1], 1)
    torch.batch_norm_update_stats(x, None, None, 0.1)
    torch.batch_norm_update_stats(x.half(), None, None, 0.1)
    torch.native_dropout(x, 0.5, True)
    torch.native_dropout(x, 0.5, None)
    torch.native_dropout(x, 0.5, False)
    torch.native_dropout(x, 1.0, True)
    torch.native_dropout(x, 1.1, True)
    torch.native_dropout(x, -0.1, True)
    torch.native_dropout(x.long(), 0.5, True)
    torch.native_dropout(torch.ones(0), 0.5, True)
""")
def test_layer(call):
    same(call, SETUP)


@calls("""
    torch.embedding_bag(table, rows, starts)
    torch.embedding_bag(table.double(), rows, starts)
    torch.embedding_bag(table, rows, starts, False, 1)
    torch.embedding_bag(table, rows, starts, False, 2)
    torch.embedding_bag(table, rows, starts, False, 0, False, None, False, 0)
    torch.embedding_bag(table, rows, starts, False, 1, False, None, False, 0)
    torch.embedding_bag(table, rows, torch.tensor([0, 2, 3]), False, 2, False, None, True)
    torch.embedding_bag(table, rows, starts, False, 0, False, torch.tensor([1.0, 2.0, 3.0]))
""")
def test_bags(call):
    same(call, SETUP)


@calls("""
    torch.norm_except_dim(matrix)
    torch.norm_except_dim(matrix, 2, 1)
    torch.norm_except_dim(matrix, 1, -2)
    torch.norm_except_dim(x, 2, 1)
    torch.norm_except_dim(x, 2, -1)
    torch.norm_except_dim(matrix, 2, 2)
    torch.norm_except_dim(matrix.long())
    torch.frobenius_norm(matrix, (0, 1))
    torch.frobenius_norm(matrix, 0, True)
    torch.frobenius_norm(matrix, [])
    torch.frobenius_norm(x, (0, 1, 2))
    torch.frobenius_norm(matrix.long(), (0, 1))
    torch.nuclear_norm(matrix)
    torch.nuclear_norm(matrix, True)
    torch.nuclear_norm(x, (0, 2), True)
    torch.native_norm(matrix)
    torch.native_norm(matrix, 2, [0], False, None)
    matrix.norm(2, 0, True, torch.float64)
    matrix.norm(p=1, out=matrix)
""")
def test_norm(call):
    same(call, SETUP, rtol=1e-5, atol=1e-6)


@calls("""
    torch.slice_copy(x, 1, 1, 3)
    torch.slice_copy(x, 1, -2, 100, 2)
    torch.slice_copy(x, 1, 2, 1)
    torch.slice_copy(x, 1, 1, 3, 0)
    torch.slice_copy(torch.tensor(1.0))
    torch.slice_copy(x, 0, 0, 1, out=torch.empty(0)).shape
    torch.split_copy(x, 2, 1)
    torch.split_copy(x, [1, 2], 1)
    torch.slice_inverse(torch.arange(6.0), torch.zeros(2, 2))
    torch.slice_inverse(torch.arange(6.0), torch.zeros(2, 2))._is_view()
    torch.arange(4.0).slice_inverse(torch.zeros(9))
    torch.linalg.matmul(matrix, matrix)
    torch.linalg.matmul(matrix, matrix, out=torch.empty(2, 2))
    torch.swapaxes(matrix, axis0=0, axis1=1)
    matrix.swapaxes_(axis0=0, axis1=1)
    torch.broadcast_to(matrix, (3, 2, 2))
    matrix.broadcast_to(3, 2, 2)
""")
def test_view(call):
    same(call, SETUP)


def test_running_statistics_move():
    def run(side):
        mean, var = side.ones(3), side.ones(3)
        side.batch_norm_update_stats(side.arange(24.0).reshape(2, 3, 4), mean, var, 0.1)
        return mean, var

    agree(run)


def test_dropout_gradient():
    def run(side):
        side.manual_seed(0)
        x = side.ones(8, requires_grad=True)
        out, kept = side.native_dropout(x, 0.5, True)
        return type(out.grad_fn).__name__, kept, side.autograd.grad(out.sum(), x)

    agree(run)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_bag_gradient(mode):
    def run(side):
        table = side.arange(6.0).reshape(3, 2).requires_grad_()
        out = side.embedding_bag(table, side.tensor([0, 1, 1]), side.tensor([0, 2]), False, mode)[0]
        return side.autograd.grad((out * side.tensor([1.0, 2.0])).sum(), table)

    agree(run)


@calls("""
    F.grouped_mm(a, b)
    F.grouped_mm(a.reshape(8, 8), b, offs=ends)
    F.grouped_mm(a, b[0], offs=ends)
    F.grouped_mm(a.reshape(8, 8).t(), b[0], offs=ends).shape
    F.grouped_mm(a, b, out_dtype=torch.float32)
    F.grouped_mm(a, b, bias=torch.ones(8))
    F.grouped_mm(a.reshape(8, 8), b)
    F.grouped_mm(a, b, offs=ends)
""")
def test_grouped_product(call):
    numbers = "torch.arange(64.0).reshape(2, 4, 8).bfloat16(), torch.arange(128.0).reshape(2, 8, 8).bfloat16()"
    same(call, f"(a, b), ends = ({numbers}), torch.tensor([3, 8], dtype=torch.int32)")
