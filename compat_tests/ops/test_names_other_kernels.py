"""Names without a CPU kernel: torch's error, for calls torch's parser takes."""

import pytest
import torch

import jtorch
from compat_tests.ops.told import calls, first_sentence, same
from jtorch._ops import other_kernels

SETUP = """
x, v = torch.ones(2, 3, 2, 2), torch.ones(3)
w, u = torch.ones(2, 3, 1, 1), torch.ones(3, 2, 1, 1)
conv, plain = ([0, 0], [1, 1], [1, 1], 1, False, False), ([1, 1], [0, 0], [1, 1], 1)
"""


@calls("""
    torch.batch_norm_stats(x, 1e-5)
    torch.batch_norm_elemt(x, v, v, v, v, 1e-5)
    torch.batch_norm_backward_elemt(x, x, v, v, v, v, v, torch.ones(1).int())
    torch.batch_norm_backward_reduce(x, x, v, v, v, True, True, True)
    torch.batch_norm_gather_stats(x, v[None], v[None], v, v, 0.1, 1e-5, 8)
    torch.batch_norm_gather_stats_with_counts(x, v[None], v[None], v, v, 0.1, 1e-5, torch.ones(1))
    torch.cudnn_affine_grid_generator(torch.ones(1, 2, 3), 1, 1, 2, 2)
    torch.cudnn_batch_norm(x, v, v, v, v, True, 0.1, 1e-5)
    torch.cudnn_convolution(x, w, *conv, False)
    torch.cudnn_convolution_add_relu(x, w, x[:, :2], 1.0, None, *plain)
    torch.cudnn_convolution_relu(x, w, None, *plain)
    torch.cudnn_convolution_transpose(x, u, [0, 0], *conv, False)
    torch.cudnn_grid_sampler(x, torch.ones(2, 2, 2, 2))
    torch.miopen_batch_norm(x, v, v, v, v, True, 0.1, 1e-5)
    torch.miopen_convolution(x, w, None, *conv)
    torch.miopen_convolution_add_relu(x, w, x[:, :2], 1.0, None, *plain)
    torch.miopen_convolution_relu(x, w, None, *plain)
    torch.miopen_convolution_transpose(x, u, None, [0, 0], *conv)
    torch.miopen_ctc_loss(torch.ones(4, 1, 3), torch.ones(2).int(), [4], [2], 0, False, False)
    torch.miopen_depthwise_convolution(x, torch.ones(3, 1, 1, 1), None, *conv)
    torch.miopen_rnn(x[0], [v], 1, x[0], None, 0, 4, 1, False, 0.0, False, False, [], None)
    torch.mkldnn_adaptive_avg_pool2d(x, (1, 1))
    torch.mkldnn_linear_backward_weights(torch.ones(2, 2), torch.ones(2, 3), torch.ones(2, 3), True)
    torch.mkldnn_max_pool2d(x, 2)
    torch.mkldnn_max_pool3d(x[None], 1)
    torch.quantized_batch_norm(x, v, v, v, v, 1e-5, 1.0, 0)
    torch.quantized_max_pool1d(x[0], 2)
    torch.quantized_max_pool2d(x, 2)
    torch.quantized_max_pool3d(x[None], 1)
    torch.empty_quantized((2,), x)
    torch.int_repr(x)
    torch.q_scale(x)
    torch.q_zero_point(x)
    torch.q_per_channel_axis(x)
    torch.q_per_channel_scales(x)
    torch.q_per_channel_zero_points(x)
    x.int_repr()
    x.q_scale()
    x.q_zero_point()
    x.q_per_channel_axis()
    x.q_per_channel_scales()
    x.q_per_channel_zero_points()
    x.qscheme()
    x.to_padded_tensor(0.0)
""")
def test_no_cpu_kernel(call):
    same(call, SETUP)


def lines_asked() -> str:
    marks = test_no_cpu_kernel.pytestmark
    return " ".join(line for mark in marks for line in mark.args[1])


@pytest.mark.parametrize("name", [*other_kernels.FUNCTIONS, *other_kernels.METHODS])
def test_each_name_of_the_table_is_asked_of_torch(name):
    assert f".{name}(" in lines_asked()


def test_refusals_say_what_to_do():
    for groups, place in ((other_kernels.REFUSED, jtorch), (other_kernels.REFUSED_METHODS, jtorch.Tensor)):
        for names in groups.values():
            for name in names:
                assert hasattr(torch if place is jtorch else torch.Tensor, name)
                with pytest.raises(NotImplementedError, match=r"jtorch: \w+ .*: (use|keep|index) ") as raised:
                    getattr(place, name)()
                assert first_sentence(raised.value).startswith(f"torch: {name} ")
