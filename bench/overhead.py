"""What does the Python side of an operation, a backward pass, a step and an import cost, against PyTorch?

``python -m bench.overhead NAME`` measures one thing, prints a table and writes ``bench/results/NAME.json``; the last
line is ``value: X``, the number that ``compat_tests/targets.toml`` bounds. ``python -m bench.overhead`` measures all.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.cases import CASES, clock, digits
from bench.record import write
from bench.turns import ROOT, Turn, in_turns, ratio

SIDES = ("torch", "jtorch")
OPS = ("op_known", "op_new", "backward_node", "optimizer_step")


def measure_case(name: str, rounds: int) -> float:
    """Times a case on both sides and returns jtorch's time over PyTorch's."""
    _, units, unit = CASES[name]
    turns = {side: Turn("bench.cases", side, name) for side in SIDES}
    try:
        seconds = in_turns(turns, rounds)
    finally:
        for turn in turns.values():
            turn.close()
    found = ratio(seconds["jtorch"], seconds["torch"])
    micros = {side: 1e6 * median(values) / units for side, values in seconds.items()}
    print(f"{name:16} {micros['torch']:12.2f} {micros['jtorch']:12.2f} {found:8.3f}  us a {unit}", flush=True)
    write(name, {"unit": unit, "microseconds": micros, "ratio": found, "seconds": seconds})
    return found


def measure_cases(names: tuple[str, ...], rounds: int) -> float:
    print(f"{'':16} {'torch':>12} {'jtorch':>12} {'ratio':>8}")
    return [measure_case(name, rounds) for name in names][-1]


def seconds_to_import(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


def import_time(rounds: int = 5) -> float:
    """Seconds ``import jtorch`` takes beyond ``import jax``, each in fresh processes, in turns."""
    modules = ("torch", "jax", "jtorch")
    for module in modules:
        seconds_to_import(module)  # compiles the modules' bytecode and fills the disk's cache
    seconds = {module: [] for module in modules}
    for _ in range(rounds):
        for module in modules:
            seconds[module].append(seconds_to_import(module))
    medians = {module: median(values) for module, values in seconds.items()}
    for module, value in medians.items():
        print(f"import {module:8} {value:8.3f} s")
    write("import_time", {"medians": medians, "seconds": seconds})
    return medians["jtorch"] - medians["jax"]


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory_flat(until: int = 5000) -> float:
    """MB gained from step 500 to step 5,000 of training the digits CNN when no value is ever read."""
    jtorch = importlib.import_module("jtorch")  # here, because only this measurement runs it in this process
    F = jtorch.nn.functional
    model = digits(jtorch).Net()
    optimizer = jtorch.optim.Adam(model.parameters(), lr=1e-3)
    x, y = jtorch.rand(16, 1, 8, 8), jtorch.randint(10, (16,))
    seen = {}
    began = clock()
    for step in range(1, until + 1):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            seen[step] = resident_mb()
            print(f"step {step:5d} {seen[step]:8.1f} MB {clock() - began:7.1f} s", flush=True)
    gained = seen[until] - seen[500]
    write("memory_flat", {"megabytes": seen, "gained": gained})
    return gained


def main() -> None:
    names = [*CASES, "ops", "import_time", "memory_flat"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=names, help="none: all, one after the other")
    parser.add_argument("--rounds", type=int, default=15, help="blocks of each side")
    options = parser.parse_args()
    if options.name is None:
        for name in names:
            subprocess.run([sys.executable, "-m", "bench.overhead", name], cwd=ROOT, check=True)
        return
    if options.name == "import_time":
        value = import_time()
    elif options.name == "memory_flat":
        value = memory_flat()
    else:
        value = measure_cases(OPS if options.name == "ops" else (options.name,), options.rounds)
    print(f"value: {value:.4f}")


if __name__ == "__main__":
    main()
