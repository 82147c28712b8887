"""Names whose kernels belong to other backends: cuDNN's, MIOpen's, oneDNN's, quantized and nested tensors'.

On a CPU torch has no kernel for them and says so; jtorch does on every device, since XLA chooses kernels itself. What
torch's CPU build can do with them and jtorch cannot is refused with what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jtorch._declare import composite, registry

_CONV = "padding, stride, dilation, groups, benchmark, deterministic"
_CONV_TRANSPOSE = "padding, output_padding, stride, dilation, groups, benchmark, deterministic"
_FUSED = "stride, padding, dilation, groups"
_NORM = "input, weight, bias, running_mean, running_var, training, exponential_average_factor, epsilon"
_GATHER = "input, mean, invstd, running_mean, running_var, momentum, eps"
_POOL = "input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False"
_RNN = "hidden_size, num_layers, batch_first, dropout, train, bidirectional, batch_sizes, dropout_state"

# Each name with its parameters: torch has no CPU kernel for it.
FUNCTIONS = {
    "batch_norm_backward_elemt": "grad_out, input, mean, invstd, weight, sum_dy, sum_dy_xmu, count",
    "batch_norm_backward_reduce": "grad_out, input, mean, invstd, weight, input_g, weight_g, bias_g",
    "batch_norm_elemt": "input, weight, bias, mean, invstd, eps, *, out=None",
    "batch_norm_gather_stats": f"{_GATHER}, count",
    "batch_norm_gather_stats_with_counts": f"{_GATHER}, counts",
    "batch_norm_stats": "input, eps",
    "cudnn_affine_grid_generator": "theta, N, C, H, W",
    "cudnn_batch_norm": f"{_NORM}, *, out=None",
    "cudnn_convolution": f"input, weight, {_CONV}, allow_tf32, *, out=None",
    "cudnn_convolution_add_relu": f"input, weight, z, alpha, bias, {_FUSED}",
    "cudnn_convolution_relu": f"input, weight, bias, {_FUSED}",
    "cudnn_convolution_transpose": f"input, weight, {_CONV_TRANSPOSE}, allow_tf32",
    "cudnn_grid_sampler": "input, grid",
    "empty_quantized": "size, qtensor, *, memory_format=None, **options",
    "int_repr": "input",
    "miopen_batch_norm": _NORM,
    "miopen_convolution": f"input, weight, bias, {_CONV}",
    "miopen_convolution_add_relu": f"input, weight, z, alpha, bias, {_FUSED}",
    "miopen_convolution_relu": f"input, weight, bias, {_FUSED}",
    "miopen_convolution_transpose": f"input, weight, bias, {_CONV_TRANSPOSE}",
    "miopen_ctc_loss": "log_probs, targets, input_lengths, target_lengths, blank, deterministic, zero_infinity",
    "miopen_depthwise_convolution": f"input, weight, bias, {_CONV}",
    "miopen_rnn": f"input, weight, weight_stride0, hx, cx, mode, {_RNN}",
    "mkldnn_adaptive_avg_pool2d": "input, output_size, *, out=None",
    "mkldnn_linear_backward_weights": "grad_output, input, weight, bias_defined",
    "mkldnn_max_pool2d": _POOL,
    "mkldnn_max_pool3d": _POOL,
    "q_per_channel_axis": "input",
    "q_per_channel_scales": "input",
    "q_per_channel_zero_points": "input",
    "q_scale": "input",
    "q_zero_point": "input",
    "quantized_batch_norm": "input, weight, bias, mean, var, eps, output_scale, output_zero_point",
    "quantized_max_pool1d": _POOL,
    "quantized_max_pool2d": _POOL,
    "quantized_max_pool3d": _POOL,
}
METHODS = {
    "int_repr": "self",
    "q_per_channel_axis": "self",
    "q_per_channel_scales": "self",
    "q_per_channel_zero_points": "self",
    "q_scale": "self",
    "q_zero_point": "self",
    "qscheme": "self",
    "to_padded_tensor": "self, padding, output_size=None",
}
NATIVE_NORM = ("input, p, dim, keepdim, dtype", "input, p=2")


def no_cpu_kernel(name: str) -> NotImplementedError:
    """torch's error for an op its CPU backend lacks."""
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the 'CPU' backend. This could be because the operator "
        "doesn't exist for this backend, or was omitted during the selective/custom build process (if using custom "
        "build)."
    )


def _without_kernel(name: str, *forms: str) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise no_cpu_kernel(name)

    return _named(call, name, forms, "torch has no CPU kernel for it, and jtorch none at all.")


def _named(call: Any, name: str, forms: tuple[str, ...], doc: str) -> Callable:
    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    call.__module__ = __name__
    if forms:
        call.forms = forms
    return call


# What torch's CPU build can do and jtorch cannot: each is listed in compat_tests/gaps.toml. Groups of names, with what
# they need and what to do instead.
_SCRIPT = (
    "reads TorchScript, which jtorch has none of",
    "keep the model as Python code and its weights as a state_dict",
)
_QUANTIZED = ("makes or takes quantized tensors, which jtorch has none of", "use fake_quantize_per_tensor_affine")
_FBGEMM = ("packs weights for FBGEMM", "use torch.nn.functional.linear")
_ONEDNN = ("takes oneDNN's own layout", "use the tensor as it is")
_CELL = (
    "input, hx, w_ih, w_hh, b_ih, b_hh, packed_ih, packed_hh, col_offsets_ih, col_offsets_hh, scale_ih, scale_hh, "
    "zero_point_ih, zero_point_hh"
)
_HALF_LINEAR = ("input, packed_weight, bias", "input, packed_weight, bias, output")
_INT8_LINEAR = ("input, weight, packed, col_offsets, weight_scale, weight_zero_point, bias",)
REFUSED: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    _SCRIPT: dict.fromkeys(
        (
            "import_ir_module",
            "import_ir_module_from_buffer",
            "merge_type_from_type_comment",
            "parse_ir",
            "parse_schema",
            "parse_type_comment",
            "unify_type_list",
        ),
        (),
    ),
    _QUANTIZED: {
        "quantize_per_channel": ("input, scales, zero_points, axis, dtype",),
        "quantize_per_tensor": ("input, scale, zero_point, dtype", "tensors, scales, zero_points, dtype"),
        "quantize_per_tensor_dynamic": ("input, dtype, reduce_range",),
        "quantized_gru": (),
        "quantized_gru_cell": (_CELL,),
        "quantized_lstm": (),
        "quantized_lstm_cell": (_CELL,),
        "quantized_rnn_relu_cell": (_CELL,),
        "quantized_rnn_tanh_cell": (_CELL,),
    },
    _FBGEMM: {
        "fbgemm_linear_fp16_weight": _HALF_LINEAR,
        "fbgemm_linear_fp16_weight_fp32_activation": _HALF_LINEAR,
        "fbgemm_linear_int8_weight": _INT8_LINEAR,
        "fbgemm_linear_int8_weight_fp32_activation": _INT8_LINEAR,
        "fbgemm_linear_quantize_weight": ("input",),
        "fbgemm_pack_gemm_matrix_fp16": ("input",),
        "fbgemm_pack_quantized_matrix": ("input", "input, K, N"),
    },
    ("runs one layer of oneDNN's", "use torch.lstm, torch.gru or torch.rnn_tanh"): {
        "mkldnn_rnn_layer": (
            "input, weight0, weight1, weight2, weight3, hx_, cx_, reverse, batch_sizes, mode, hidden_size, num_layers, "
            "has_biases, bidirectional, batch_first, train",
        ),
    },
}
REFUSED_METHODS: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    _ONEDNN: {"to_mkldnn": ("self, dtype=None",)},
    ("takes functorch's first-class dimensions", "index with tensors and slices"): {
        "index": ("self, positions, dims",)
    },
}


def _refusal(name: str, why: tuple[str, str], forms: tuple[str, ...]) -> Callable:
    sentence = f"jtorch: {name} {why[0]}: {why[1]}"

    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(sentence)

    fn: Any = _named(call, name, forms, f"Not supported: it {why[0]}. Instead, {why[1]}.")
    fn.unsupported = sentence
    return fn


def _declare() -> None:
    for name, form in FUNCTIONS.items():
        registry.add_function("torch", name, _without_kernel(name, form))
    for name, form in METHODS.items():
        registry.add_method(name, _without_kernel(name, form))
    for place, groups in (("torch", REFUSED), ("Tensor", REFUSED_METHODS)):
        for why, names in groups.items():
            for name, forms in names.items():
                fn = _refusal(name, why, forms)
                if place == "torch":
                    registry.add_function("torch", name, fn)
                else:
                    registry.add_method(name, fn)


_declare()


@composite(method=False, forms=NATIVE_NORM)
def native_norm(input: Any, p: Any = 2, *rest: Any, **named: Any) -> Any:
    """torch has a kernel for sparse tensors alone: use `torch.norm`."""
    raise no_cpu_kernel("native_norm.ScalarOpt_dim_dtype" if rest or named else "native_norm")
