"""Facts about torch's public names: which of them ask `__torch_function__`, and how they hand their arguments on.

Most of torch's functions are written in C++: an override gets the arguments as the user gave them. Some are written in
Python, and hand what has a default on by name, given or not. `torch.overrides` lists what asks nobody.

https://docs.pytorch.org/docs/stable/torch.overrides.html
"""

from __future__ import annotations

# torch.nn.functional is written in Python but for these.
_C_FUNCTIONAL = frozenset(
    "adaptive_avg_pool1d avg_pool1d avg_pool2d avg_pool3d bilinear celu_ channel_shuffle conv1d conv2d conv3d conv_tbc "
    "conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity elu_ gelu hardshrink hardtanh_ leaky_relu_ "
    "linear logsigmoid native_channel_shuffle one_hot pairwise_distance pdist pixel_shuffle pixel_unshuffle prelu "
    "relu_ rrelu_ scaled_dot_product_attention selu_ softplus softshrink threshold_".split()
)
_PYTHON_TORCH = frozenset(
    "atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors cartesian_prod cdist chain_matmul einsum lobpcg lu "
    "meshgrid norm pca_lowrank split stft svd_lowrank tensordot unique unique_consecutive unravel_index sym_float "
    "sym_int sym_ite sym_max sym_min sym_not sym_sum _assert".split()
)
_PYTHON_METHODS = frozenset(
    "__array__ __array_wrap__ __contains__ __cuda_array_interface__ __deepcopy__ __dir__ __dlpack__ __dlpack_device__ "
    "__floordiv__ __format__ __ipow__ __len__ __pow__ __rdiv__ __reduce_ex__ __repr__ __reversed__ __rfloordiv__ "
    "__rlshift__ __rmatmul__ __rmod__ __rpow__ __rrshift__ __rsub__ __rtruediv__ __setstate__ backward dim_order index "
    "is_shared istft lu module_load norm register_hook register_post_accumulate_grad_hook resize resize_as "
    "share_memory_ split stft storage storage_type unflatten unique unique_consecutive".split()
)


def is_python(space: str, name: str) -> bool:
    """True for a function that torch writes in Python."""
    if space == "torch.nn.functional":
        return name not in _C_FUNCTIONAL
    return name in {"torch.Tensor": _PYTHON_METHODS, "torch": _PYTHON_TORCH}.get(space, ())


# Operators whose call an override sees as that of another method.
METHODS_OF_OPERATORS = {
    "__abs__": "abs", "__add__": "add", "__div__": "div", "__ge__": "ge", "__gt__": "gt", "__iadd__": "add_",
    "__idiv__": "div_", "__ifloordiv__": "floor_divide_", "__imod__": "remainder_", "__imul__": "mul_",
    "__isub__": "sub_", "__itruediv__": "div_", "__le__": "le", "__lt__": "lt", "__matmul__": "matmul",
    "__mod__": "remainder", "__mul__": "mul", "__ne__": "ne", "__neg__": "neg", "__pos__": "positive",
    "__radd__": "add", "__rand__": "bitwise_and", "__rdiv__": "__rtruediv__", "__rmul__": "mul",
    "__ror__": "bitwise_or", "__rxor__": "bitwise_xor", "__sub__": "sub", "__truediv__": "div", "ndimension": "dim",
    "nelement": "numel",
}  # fmt: skip

_BINARY = "add sub mul div truediv floordiv mod pow matmul and or xor lshift rshift".split()
# Where nobody answers these, Python asks the other operand.
OPERATORS = frozenset(f"__{turn}{name}__" for name in _BINARY for turn in ("", "r", "i")) | frozenset(
    "__eq__ __ne__ __lt__ __le__ __gt__ __ge__".split()
)

# The functions that torch writes in torch/functional.py.
IN_FUNCTIONAL = frozenset(name for name in _PYTHON_TORCH if name != "lobpcg" and not name.startswith(("sym_", "_")))

# Methods that ask nobody.
UNSEEN_METHODS = frozenset(
    "__class__ __delattr__ __delitem__ __getattribute__ __hash__ __init__ __init_subclass__ __iter__ __new__ "
    "__setattr__ __subclasshook__ __torch_dispatch__ __torch_function__ _make_subclass _make_wrapper_subclass "
    "_numpy_copy _is_view as_subclass eig lstsq reinforce solve symeig".split()
)

# Functions that ask nobody: about the state of the library, or made of others.
UNSEEN = frozenset(
    f"torch.{name}"
    for name in (
        "are_deterministic_algorithms_enabled autocast_decrement_nesting autocast_increment_nesting "
        "broadcast_shapes clear_autocast_cache compile cond fork from_file from_numpy frombuffer "
        "get_autocast_cpu_dtype get_autocast_dtype get_autocast_gpu_dtype get_autocast_ipu_dtype "
        "get_autocast_xla_dtype get_default_device get_default_dtype get_deterministic_debug_mode "
        "get_device_module get_float32_matmul_precision get_num_interop_threads get_num_threads get_rng_state "
        "init_num_threads initial_seed is_anomaly_check_nan_enabled is_anomaly_enabled is_autocast_available "
        "is_autocast_cache_enabled is_autocast_cpu_enabled is_autocast_enabled is_autocast_ipu_enabled "
        "is_autocast_xla_enabled is_deterministic_algorithms_warn_only_enabled is_grad_enabled "
        "is_inference_mode_enabled is_storage is_tensor is_vulkan_available is_warn_always_enabled load "
        "manual_seed save seed set_anomaly_enabled set_autocast_cache_enabled set_autocast_cpu_dtype "
        "set_autocast_cpu_enabled set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype "
        "set_autocast_ipu_dtype set_autocast_ipu_enabled set_autocast_xla_dtype set_autocast_xla_enabled "
        "set_default_device set_default_dtype set_default_tensor_type set_deterministic_debug_mode "
        "set_float32_matmul_precision set_flush_denormal set_num_interop_threads set_num_threads "
        "set_printoptions set_rng_state set_warn_always typename use_deterministic_algorithms vmap wait "
        "while_loop nn.functional.assert_int_or_pair nn.functional.boolean_dispatch "
        "nn.functional.handle_torch_function nn.functional.has_torch_function "
        "nn.functional.has_torch_function_unary nn.functional.has_torch_function_variadic nn.functional.sigmoid "
        "nn.functional.tanh nn.functional.upsample nn.functional.upsample_bilinear "
        "nn.functional.upsample_nearest"
    ).split()
)

# Functions that make tensors of anything: modes see them, the classes of their arguments do not.
MODES_ALONE = frozenset(
    f"torch.{name}"
    for name in "tensor as_tensor asarray from_dlpack scalar_tensor sparse_coo_tensor "
    "sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor sparse_compressed_tensor".split()
)
