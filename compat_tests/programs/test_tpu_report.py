"""What jtorch gives to a TPU's compiler: no 64-bit arithmetic but on scalars. Needs neither a TPU nor libtpu."""

import importlib.util
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bench import tpu_hlo, tpu_report
from compat_tests.programs.runs import ROOT, python

WORKLOADS = ("tiny_mlp", "digits_cnn", "gpt")
HLO = """
HloModule jit_f, is_scheduled=true

%body (p: f32[16,4]) -> f32[16,4] {
  %p = f32[16,4]{1,0:T(8,128)S(1)} parameter(0)
  ROOT %f = f32[16,4]{1,0:T(8,128)S(1)} fusion(%p), kind=kLoop, calls=%x, backend_config={"estimated_cycles":"7"}
}

ENTRY %main (a: f32[16,4], b: bf16[300]) -> f32[16,4] {
  %a = f32[16,4]{1,0:T(8,128)} parameter(0)
  %b = bf16[300]{0:T(256)(128)(2,1)} parameter(1)
  %c = f32[4,16]{0,1:T(8,128)} bitcast(%a)
  %w = f32[16,4]{1,0:T(8,128)} while(%a), condition=%y, body=%body, backend_config={"known_trip_count":{"n":"3"}}
  ROOT %g = f32[16,4]{0,1:T(4,128)} fusion(%w), kind=kLoop, calls=%x, backend_config={"estimated_cycles":"10"}
}
"""


def wide(function, *args) -> dict:
    with jax.enable_x64(True):
        traced = jax.jit(function).trace(*args)
        return dict(tpu_hlo.wide_operations(traced.lower(lowering_platforms=("tpu",)).compiler_ir("stablehlo")))


def test_64_bit_arrays_are_counted_and_scalars_are_not():
    array, scalar = (jax.ShapeDtypeStruct(shape, np.int64) for shape in ((3,), ()))
    assert wide(lambda x: x * x, array) == {"main: multiply": 1}
    assert wide(lambda x: x.astype(np.float64) < 2.0, array) == {"main: broadcast_in_dim": 1, "main: compare": 1}
    assert wide(lambda x: x * x, scalar) == {}
    assert wide(lambda x: (x.astype(np.int32) * 2).astype(np.int64).reshape(3, 1), array) == {}
    assert wide(lambda x: x[1], array) == {}
    assert wide(lambda x: x[1:], array) == {"main: slice": 1}


def test_a_training_step_has_no_64_bit_arrays():
    printed = python("-m", "bench.tpu_report", "--lower", *WORKLOADS)
    counts = re.findall(r"^(\w+) .*64-bit operations: (\d+)$", printed, re.MULTILINE)
    assert dict(counts) == dict.fromkeys(WORKLOADS, "0"), printed


def test_padding_and_cycles_are_read_from_compiled_text():
    logical = 3 * 16 * 4 * 4 + 300 * 2
    padded = 2 * 16 * 128 * 4 + 512 * 2 + 4 * 128 * 4
    assert tpu_hlo.padding(HLO) == (logical, padded)
    assert tpu_hlo.cycles(HLO) == 3 * 7 + 10


@pytest.mark.parametrize(
    ("shape", "layout", "tile", "elements"),
    [([3, 5], [1, 0], [8, 128], 8 * 128), ([2, 9, 5], [2, 1, 0], [8, 128], 2 * 16 * 128), ([7], [0], [], 7),
     ([5], [0], [8, 128], 8 * 128), ([9, 200], [0, 1], [8, 128], 200 * 128)],
)  # fmt: skip
def test_tiles_round_up_the_innermost_dimensions(shape, layout, tile, elements):
    assert tpu_hlo.padded_elements(shape, layout, tile) == elements


def test_a_program_is_measured_on_the_device_at_hand():
    part = tpu_report.Part(lambda x, n: (x + 1, n * 2), [jax.ShapeDtypeStruct((4,), np.float32),
                                                         jax.ShapeDtypeStruct((2,), np.int64)], (0,), 2)  # fmt: skip
    assert 0 < tpu_report.measured(part, jax.devices("cpu")[0], times=3) < 1
    with jax.enable_x64(True):
        narrow = tpu_report.traced(part, narrow=True).lower().out_info
    assert [r.dtype for r in narrow] == [jnp.float32, jnp.int32]


def test_the_compiler_takes_a_training_step_or_is_said_to_be_absent():
    done = subprocess.run(
        [sys.executable, "-m", "bench.tpu_report", "tiny_mlp"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if importlib.util.find_spec("libtpu") is None:
        assert done.returncode == 2
        assert done.stderr == "bench.tpu_report needs libtpu: pip install jtorch-jax[tpu-report]\n"
    else:
        assert "not a measurement" in done.stdout
        assert len(re.findall(r"^tiny_mlp +v\de +1 +\d", done.stdout, re.MULTILINE)) == 2, done.stdout
