"""Settings of the process: what is set is what is asked for, and wrong values are refused as torch refuses them."""

import os

import pytest
import torch

import jtorch
from compat_tests.ops.told import calls, same


@pytest.fixture(autouse=True)
def as_before():
    yield
    for side in (torch, jtorch):
        side.use_deterministic_algorithms(False)
        side.set_float32_matmul_precision("highest")
        side.set_warn_always(False)
        side.set_anomaly_enabled(False)
        side.set_autocast_cache_enabled(True)
        side.set_autocast_dtype("cpu", side.bfloat16)


@calls("""
    (torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled())
    (torch.use_deterministic_algorithms(True, warn_only=True), torch.get_deterministic_debug_mode())
    (torch.use_deterministic_algorithms(True), torch.is_deterministic_algorithms_warn_only_enabled())
    (torch.set_deterministic_debug_mode("error"), torch.get_deterministic_debug_mode())
    (torch.set_deterministic_debug_mode(1), torch.is_deterministic_algorithms_warn_only_enabled())
    torch.use_deterministic_algorithms(1)
    torch.set_deterministic_debug_mode(7)
    torch.set_deterministic_debug_mode("x")
    torch.set_deterministic_debug_mode(1.5)
    torch.set_num_threads(0)
    torch.set_num_threads("a")
    torch.set_num_interop_threads(0)
    torch.init_num_threads()
    torch.get_float32_matmul_precision()
    (torch.set_float32_matmul_precision("high"), torch.get_float32_matmul_precision())
    (torch.set_float32_matmul_precision("x"), torch.get_float32_matmul_precision())
    (torch.set_warn_always(True), torch.is_warn_always_enabled())
    torch.set_flush_denormal(1)
    (torch.set_default_tensor_type("torch.DoubleTensor"), torch.get_default_dtype(), torch.ones(1))
    torch.set_default_tensor_type(torch.float32)
    torch.set_default_tensor_type("x")
    torch.set_default_tensor_type("torch.IntTensor")
    torch.compiled_with_cxx11_abi()
    torch.is_vulkan_available()
    torch.thread_safe_generator()
    torch.prepare_multiprocessing_environment("x")
    torch.profiler_allow_cudagraph_cupti_lazy_reinit_cuda12()
    torch.cudnn_is_acceptable(torch.ones(1))
""")
def test_setting(call):
    same(call)


@calls("""
    torch.is_autocast_enabled()
    torch.is_autocast_enabled("cpu")
    torch.is_autocast_enabled("meta")
    torch.is_autocast_enabled("foo")
    torch.is_autocast_cpu_enabled()
    torch.is_autocast_xla_enabled()
    (torch.set_autocast_enabled("cpu", False), torch.set_autocast_enabled(False), torch.set_autocast_cpu_enabled(False))
    [torch.get_autocast_dtype(kind) for kind in ("cpu", "cuda", "xpu", "xla", "mps", "hpu")]
    torch.get_autocast_dtype("meta")
    (torch.get_autocast_cpu_dtype(), torch.get_autocast_gpu_dtype(), torch.get_autocast_xla_dtype())
    (torch.set_autocast_dtype("cpu", torch.float16), torch.get_autocast_cpu_dtype())
    (torch.set_autocast_cpu_dtype(torch.float16), torch.get_autocast_dtype("cpu"))
    (torch.set_autocast_cache_enabled(False), torch.is_autocast_cache_enabled())
    (torch.autocast_increment_nesting(), torch.autocast_decrement_nesting(), torch.clear_autocast_cache())
""")
def test_autocast_off(call):
    same(call)


def test_autocast_can_be_switched():
    jtorch.set_autocast_enabled("cpu", True)
    try:
        assert jtorch.mm(jtorch.ones(2, 2), jtorch.ones(2, 2)).dtype is jtorch.bfloat16
    finally:
        jtorch.set_autocast_enabled("cpu", False)


def test_threads_set_are_threads_told():
    before = jtorch.get_num_threads()
    assert before == len(os.sched_getaffinity(0))
    jtorch.set_num_threads(3)
    assert jtorch.get_num_threads() == 3
    jtorch.set_num_threads(before)


@calls("""
    (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
    (torch.set_anomaly_enabled(True, False), torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
    (torch.set_anomaly_enabled(True), (zero.sqrt() * 0).sum().backward())
    (torch.set_anomaly_enabled(True), torch.autograd.grad((zero.sqrt() * 0).sum(), zero))
    (torch.set_anomaly_enabled(True, False), (zero.sqrt() * 0).sum().backward(), zero.grad)
    (torch.set_anomaly_enabled(True), ((zero + 1).sqrt() * 0).sum().backward(), zero.grad)
""")
def test_anomaly(call):
    same(call, "zero = torch.zeros(2, requires_grad=True)")


def test_anomaly_blocks():
    for side in (torch, jtorch):
        with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
            block = side.autograd.detect_anomaly()
        assert not side.is_anomaly_enabled()
        with block:
            assert side.is_anomaly_enabled()
        with side.autograd.set_detect_anomaly(True, check_nan=False):
            assert not side.is_anomaly_check_nan_enabled()
        assert not side.is_anomaly_enabled() and side.is_anomaly_check_nan_enabled()


@calls("""
    torch.sym_float(2)
    (torch.sym_int(2.5), torch.sym_int(-2.5))
    (torch.sym_max(1, 2.0), torch.sym_max(3, 2.0), torch.sym_max(1, 2))
    (torch.sym_min(1, 2.0), torch.sym_min(3, 2.0), torch.sym_min(1, 2))
    (torch.sym_not(True), torch.sym_ite(True, 1, 2), torch.sym_sqrt(4), torch.sym_fresh_size(3))
    (torch.sym_sum([1, 2]), torch.sym_sum(1, 2))
    torch.sym_constrain_range(3, min=1, max=5)
    torch.sym_constrain_range(9, min=1, max=5)
    torch.sym_constrain_range(0, min=1)
    torch.sym_constrain_range(3, min=5, max=2)
    torch.sym_constrain_range_for_size(1, min=3)
    torch.sym_constrain_range_for_size(9, max=2)
    torch.sym_constrain_range_for_size(5)
""")
def test_sizes(call):
    same(call)
