"""Results on disk: written in one step, with what they were measured on."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("results")


def machine() -> dict:
    """What was measured on. Says so when the machine is busy."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    if load > 1.5 * cores:  # what is measured here takes its cores too
        print(f"load average {load:.1f} on {cores} cores: busy, so PyTorch is slow", flush=True)
    versions = {package: version(package) for package in ("jax", "torch", "numpy")}
    return {"machine": {"cores": cores, "load": load, "python": platform.python_version()}, "versions": versions}


def replace(path: Path, text: str) -> None:
    """Writes a file in one step, so that an interrupt leaves the old or the new text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text)
    os.replace(fresh, path)


def write(name: str, result: dict) -> None:
    """Writes the result with what it was measured on."""
    replace(RESULTS / f"{name}.json", json.dumps({"name": name, **result, **machine()}, indent=1) + "\n")
