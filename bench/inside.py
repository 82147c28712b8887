"""What a clock around a step does not show: programs, bytes at the peak, time outside XLA."""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import jax

clock = time.perf_counter
HOST_STEPS, HOST_SECONDS = 15, 2.0  # at most, but three steps


def _explain() -> Any:
    """The engine's counters; imported late, because the side of PyTorch loads no jtorch."""
    return importlib.import_module("jtorch._engine.explain")


def jtorch_programs() -> dict[str, int]:
    """Programs built so far (compiled, or taken from the disk's cache): whole ones and per-op ones."""
    counts = _explain().counters()
    return {"whole": counts["whole_programs"], "op": counts["op_programs"]}


def jtorch_bytes(run: Callable[[], Any]) -> int | None:
    """Argument, output and temporary bytes, less what they share, of the largest program of one step.

    Programs run one after the other, as PyTorch's operations do, and its number is a peak. A step that ran op by op
    gives None.
    """
    explain = _explain()
    before = {record: record.runs for record in explain._records}
    run()
    ran = [record.peak_bytes for record in explain._records if record.runs > before.get(record, 0)]
    return max(ran) if ran else None


def jtorch_host(run: Callable[[int], Any]) -> dict[str, float]:
    """Medians over some steps of the seconds outside XLA, and the operations one step has.

    For this each call of a compiled program waits for its results, and the time inside the calls is taken off the
    step's. So host time that would overlap with a program counts in full.
    """
    explain, call = _explain(), jax.stages.Compiled.__call__
    inside = 0.0

    def waiting(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        began = clock()
        results = jax.block_until_ready(call(self, *args, **kwargs))
        inside += clock() - began
        return results

    host, ops, calls = [], [], []
    jax.stages.Compiled.__call__ = waiting
    try:
        started = clock()
        for i in range(HOST_STEPS):
            if i >= 3 and clock() - started > HOST_SECONDS:
                break
            inside, before = 0.0, explain.counters()
            began = clock()
            run(i)
            host.append(clock() - began - inside)
            after = explain.counters()
            ops.append(after["ops_executed"] - before["ops_executed"])
            calls.append(after["whole_runs"] - before["whole_runs"])
    finally:
        jax.stages.Compiled.__call__ = call
    return {"host": median(host), "ops": median(ops), "runs": median(calls)}


def _storages(tensors: Iterable[Any]) -> int:
    """Bytes of the memory behind some tensors, shared memory once."""
    return sum({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}.values())


def _held(torch: Any, side: Any, batch: tuple) -> list:
    """What lives between steps, gradients apart: parameters, buffers, optimizer state and the batch."""
    held = [*batch, *side.model.buffers(), *side.model.parameters()]
    if side.optimizer is not None:
        held += [x for state in side.optimizer.state.values() for x in state.values() if torch.is_tensor(x)]
    return held


def torch_bytes(torch: Any, side: Any, batch: tuple, device: str, run: Callable[[], Any]) -> int:
    """The peak of live bytes during a step of PyTorch's: what lives before it and its allocations, one by one."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        run()
        return torch.cuda.max_memory_allocated()
    side.model.zero_grad()
    held = _storages(_held(torch, side, batch))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()  # makes the gradients that the next step finds: the profiler only sees what is freed after it began
        run()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    events.sort(key=lambda event: event.start_ns())
    return held + max(itertools.accumulate((event.nbytes() for event in events), initial=0))


def jax_bytes() -> int | None:
    """The same for the largest program of a hand-written side: its step, or its forward when there is none."""
    found = []
    for device in jax.local_devices()[:1]:
        for program in device.client.live_executables():
            stats = program.get_compiled_memory_stats()
            arguments, results = stats.argument_size_in_bytes, stats.output_size_in_bytes
            found.append(arguments + results + stats.temp_size_in_bytes - stats.alias_size_in_bytes)
    return max(found, default=None)
