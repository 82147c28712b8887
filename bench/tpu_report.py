"""What would a training step of each workload cost on a TPU? Asked of the TPU compiler, without a TPU.

``python -m bench.tpu_report [WORKLOAD...]`` runs two plain eager steps of a workload with jtorch on the CPU, takes the
programs that the second step ran, compiles them for one chip of v5e and of v6e, and prints what the compiler says of
them. These are the compiler's estimates, not measurements. ``--lower`` only counts the 64-bit operations of what is
given to the compiler and needs no ``libtpu`` (``pip install jtorch-jax[tpu-report]``). On a machine with a TPU the
programs are compiled for that one and their real time is measured too.

Columns: programs of the step; HBM at the peak and as a share of the chip's; FLOPs and bytes accessed by the compiled
program; its time by the cost model (``optimal_seconds``) and by the schedule (cycles the compiler estimates for each
fusion, over the clock); the roofline's time, the longer of the FLOPs at the chip's peak and of reading each argument
and writing each result once, as a share of the schedule's; 64-bit operations; what share of the arrays' memory is
padding. Bytes accessed include what stays on the chip.

The cost model gives up on a program with a 64-bit argument or result. So its two times are those of the same program
whose integers are narrowed to 32 bits at its border.
"""

from __future__ import annotations

import argparse
import gc
import glob
import importlib
import importlib.util
import json
import math
import os
import sys
import time
from collections import Counter
from importlib.metadata import version
from statistics import median
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding

from bench import record, tpu_hlo
from bench.workloads import WORKLOADS
from bench.workloads.base import TorchSide


class Chip(NamedTuple):
    """One chip: FLOPs a second in bfloat16, which its matrix units take, bytes a second of its HBM, bytes of HBM.

    Sources: https://cloud.google.com/tpu/docs/v5e and https://cloud.google.com/tpu/docs/v6e (197 and 918 TFLOPs, 819
    and 1640 GB/s, 16 and 32 GB). The multiplications a cycle, which give the clock, are those of 4 matrix units of
    128x128 on v5e and taken to be those of 4 of 256x256 on v6e: 1.50 and 1.75 GHz.
    """

    topology: str
    flops: float
    bandwidth: float
    memory: int
    macs_a_cycle: int

    @property
    def clock(self) -> float:
        """Cycles a second."""
        return self.flops / (2 * self.macs_a_cycle)


CHIPS = {
    "v5e": Chip("v5e:1x1x1", 197e12, 819e9, 16 << 30, 4 * 128 * 128),
    "v6e": Chip("v6e:1x1x1", 918e12, 1640e9, 32 << 30, 4 * 256 * 256),
}
MOST_PROGRAMS = 4  # of one step; a step of more is judged by its largest
HEAD = (
    "Model estimate, not a measurement: what the TPU compiler says of the programs, for one chip.\n"
    f"{'workload':16} {'chip':4} {'prog':>4} {'HBM MB':>8} {'of it':>6} {'GFLOP':>8} {'MB':>8} {'model us':>9} "
    f"{'sched us':>9} {'roofline':>8} {'64-bit':>6} {'padding':>7}"
)  # fmt: skip


class Part(NamedTuple):
    """One program of a step, as a function to lower."""

    function: Any
    structs: list
    donated: tuple[int, ...]
    steps: int  # ops of the tape


def train(side: TorchSide, torch: Any, batch: tuple) -> float:
    """One step of plain eager source, its loss read back."""
    if side.optimizer is None:
        with torch.no_grad():
            return side.loss(side.model, *batch).item()
    side.optimizer.zero_grad()
    loss = side.loss(side.model, *batch)
    loss.backward()
    side.optimizer.step()
    return loss.item()


def parts_of(name: str, torch: Any) -> list[Part]:
    """The programs that the second step of a workload runs, once each, in order."""
    from jtorch._engine.flush import flusher  # noqa: PLC0415 - jtorch comes after the environment is set

    torch.manual_seed(0)
    side = importlib.import_module(f"bench.workloads.{name}").torch_side(torch)
    batch = side.batch(0)
    train(side, torch, batch)
    before = max((p.last_run for p in flusher.programs), default=0)
    train(side, torch, batch)
    ran = sorted((p for p in flusher.programs if p.last_run > before), key=lambda p: p.last_run)
    return [Part(*p.lowerable(flusher.programs[p]), p.donated, p.steps) for p in ran]


def traced(part: Part, place: Any = None, narrow: bool = False) -> Any:
    """The program traced as jtorch traces it; ``narrow`` takes and gives 32-bit integers where it has 64-bit ones."""
    thin = {np.dtype(np.int64): np.dtype(np.int32), np.dtype(np.uint64): np.dtype(np.uint32)}

    def program(*args: Any) -> tuple:
        args = [a.astype(s.dtype) for a, s in zip(args, part.structs, strict=True)]
        return tuple(r.astype(thin.get(r.dtype, r.dtype)) for r in part.function(*args))

    sharding = None if place is None else SingleDeviceSharding(place)
    kinds = [thin.get(s.dtype, s.dtype) if narrow else s.dtype for s in part.structs]
    structs = [jax.ShapeDtypeStruct(s.shape, k, sharding=sharding) for s, k in zip(part.structs, kinds, strict=True)]
    function = program if narrow else part.function
    return jax.jit(function, donate_argnums=part.donated, keep_unused=True).trace(*structs)


def wide_operations(part: Part) -> Counter:
    """The 64-bit operations of the StableHLO given to a TPU's compiler; needs none."""
    with jax.enable_x64(True):
        return tpu_hlo.wide_operations(traced(part).lower(lowering_platforms=("tpu",)).compiler_ir("stablehlo"))


def estimate(part: Part, chip: Chip, place: Any) -> dict:
    """What the compiler says of a program; ``error`` holds the first line when it refuses, or when jaxlib cannot read
    what a newer libtpu made."""
    with jax.enable_x64(True):
        try:
            compiled = traced(part, place).lower().compile()
            narrow = traced(part, place, narrow=True).lower().compile()
            hlo, text = narrow.as_text(), compiled.as_text()
        except jax.errors.JaxRuntimeError as error:
            return {"error": str(error).splitlines()[0]}
    memory, cost = compiled.memory_analysis(), narrow.cost_analysis()
    logical, padded = tpu_hlo.padding(text)
    return {
        "peak_bytes": memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
        + memory.generated_code_size_in_bytes - memory.alias_size_in_bytes,
        "flops": cost["flops"],
        "bytes": cost["bytes accessed"],
        "model_seconds": _known(cost["optimal_seconds"]),
        "border_bytes": memory.argument_size_in_bytes + memory.output_size_in_bytes,
        "schedule_seconds": tpu_hlo.cycles(hlo) / chip.clock,
        "logical_bytes": logical,
        "padded_bytes": padded,
    }  # fmt: skip


def _known(seconds: float) -> float:
    """The cost model's sum without what it could not estimate: each such instruction counts -1 or -2 s in it."""
    return seconds % 1 if seconds < 0 else seconds


def together(found: list[dict], chip: Chip) -> dict:
    """The programs of a step as one row: sums, and of memory the most."""
    error = next((f["error"] for f in found if "error" in f), None)
    if error is not None:
        return {"error": error}
    row: dict[str, Any] = {key: sum(f[key] for f in found) for key in found[0]}
    row["peak_bytes"] = max(f["peak_bytes"] for f in found)
    row["memory_share"] = row["peak_bytes"] / chip.memory
    row["roofline_seconds"] = max(row["flops"] / chip.flops, row["border_bytes"] / chip.bandwidth)
    row["roofline_share"] = row["roofline_seconds"] / row["schedule_seconds"] if row["schedule_seconds"] else math.nan
    row["padding_share"] = 1 - row["logical_bytes"] / row["padded_bytes"]
    return row


def measured(part: Part, place: Any, times: int = 20) -> float:
    """Median seconds of a run of a program on a device, its arguments zeros. They are made anew for every run, because
    the program may overwrite them."""
    with jax.enable_x64(True):
        run = traced(part, place).lower().compile()
        seconds = []
        for _ in range(times):
            args = [jax.device_put(np.zeros(s.shape, s.dtype), place) for s in part.structs]
            jax.block_until_ready(args)
            began = time.perf_counter()
            jax.block_until_ready(run(*args))
            seconds.append(time.perf_counter() - began)
    return median(seconds)


def line(name: str, chip: str, programs: str, row: dict, wide: int) -> str:
    if "error" in row:
        return f"{name:16} {chip:4} {programs:>4} does not compile: {row['error']}"
    return (
        f"{name:16} {chip:4} {programs:>4} {row['peak_bytes'] / 1e6:8.2f} {row['memory_share']:6.2%} "
        f"{row['flops'] / 1e9:8.3f} {row['bytes'] / 1e6:8.2f} {1e6 * row['model_seconds']:9.1f} "
        f"{1e6 * row['schedule_seconds']:9.1f} {row['roofline_share']:8.1%} {wide:6d} {row['padding_share']:7.1%}"
        + (f"  measured {1e6 * row['measured_seconds']:.1f} us" if "measured_seconds" in row else "")
    )


def real_chip() -> tuple[str, Any] | None:
    """The TPU of this machine, if it has one of the kinds reported here. Asked only where there is a device file,
    because looking for a TPU that is not there takes time and prints warnings."""
    if not glob.glob("/dev/accel*") + glob.glob("/dev/vfio/[0-9]*"):
        return None
    device = next((d for d in jax.devices() if d.platform == "tpu"), None)
    kinds = {"TPU v5 lite": "v5e", "TPU v6 lite": "v6e"}
    return None if device is None or device.device_kind not in kinds else (kinds[device.device_kind], device)


def report(name: str, torch: Any, places: dict[str, Any], real: str | None) -> dict:
    """The rows of one workload, printed as they come."""
    try:
        parts = parts_of(name, torch)
    except (AttributeError, NotImplementedError) as error:
        print(f"{name:16} does not run: {error}", flush=True)
        return {"error": str(error)}
    chosen = parts if len(parts) <= MOST_PROGRAMS else [max(parts[-MOST_PROGRAMS:], key=lambda p: p.steps)]
    programs = f"{len(parts)}" if len(chosen) == len(parts) else f"1/{len(parts)}"
    wide = sum(map(wide_operations, chosen), Counter())
    result: dict[str, Any] = {"programs": len(parts), "reported": len(chosen), "wide_operations": dict(wide)}
    result["chips"] = {}
    for chip, place in places.items():
        row = together([estimate(part, CHIPS[chip], place) for part in chosen], CHIPS[chip])
        if chip == real:
            row["measured_seconds"] = sum(measured(part, place) for part in chosen)
        result["chips"][chip] = row
        print(line(name, chip, programs, row, wide.total()), flush=True)
    if not places:
        print(f"{name:16} {programs:>4} programs, 64-bit operations: {wide.total()}", flush=True)
    for operation, times in wide.most_common():
        print(f"{'':16} 64-bit: {times} x {operation}", flush=True)
    gc.collect()
    return result


def keep(name: str, result: dict) -> None:
    """Writes a workload's rows beside those of the others."""
    file = record.RESULTS / "tpu_report.json"
    before = json.loads(file.read_text())["workloads"] if file.exists() else {}
    found = {**before, name: result}
    ordered = {key: found[key] for key in WORKLOADS if key in found}
    what = "model estimate, not a measurement"
    record.write("tpu_report", {"what": what, "libtpu": version("libtpu"), "workloads": ordered})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="*", help="none: all")
    parser.add_argument("--lower", action="store_true", help="count 64-bit operations only")
    options = parser.parse_args()
    if not options.lower and importlib.util.find_spec("libtpu") is None:
        print("bench.tpu_report needs libtpu: pip install jtorch-jax[tpu-report]", file=sys.stderr)
        sys.exit(2)
    os.environ.update(TPU_SKIP_MDS_QUERY="1", JTORCH_TIER="whole", JTORCH_EAGER="0")
    real = real_chip()
    if real is None:
        jax.config.update("jax_platforms", "cpu")
    torch = importlib.import_module("jtorch")  # after the environment: it chooses the tier
    importlib.import_module("jtorch._engine.backend").take_forms_of("tpu")
    places = {}
    if not options.lower:
        described = {
            name: topologies.get_topology_desc(platform="tpu", topology_name=chip.topology).devices[0]
            for name, chip in CHIPS.items()
        }
        places = described if real is None else {real[0]: real[1]}
        print(HEAD, flush=True)
    for name in options.workload or WORKLOADS:
        result = report(name, torch, places, real and real[0])
        if not options.lower:
            keep(name, result)


if __name__ == "__main__":
    main()
