"""What it takes to build the modules of a 70-billion-parameter model on the meta device.

``python -m compat_tests.programs.meta_model`` prints the seconds, with ``megabytes`` how much the process grew,
imports apart. ``--side torch`` builds it with PyTorch.
"""

import argparse
import importlib
import resource
import sys
import time
from typing import Any

from compat_tests.programs.runs import SIDES

WIDTH, HIDDEN, HEADS, GROUPS, BLOCKS, WORDS = 8192, 28672, 64, 8, 80, 128_256
PARAMETERS = 70_553_706_496


def block(nn: Any) -> Any:
    """Attention with grouped keys and values, and a gated layer."""
    shared = WIDTH // HEADS * GROUPS
    return nn.ModuleDict({
        "before_attention": nn.RMSNorm(WIDTH),
        "q": nn.Linear(WIDTH, WIDTH, bias=False),
        "k": nn.Linear(WIDTH, shared, bias=False),
        "v": nn.Linear(WIDTH, shared, bias=False),
        "o": nn.Linear(WIDTH, WIDTH, bias=False),
        "before_layer": nn.RMSNorm(WIDTH),
        "gate": nn.Linear(WIDTH, HIDDEN, bias=False),
        "up": nn.Linear(WIDTH, HIDDEN, bias=False),
        "down": nn.Linear(HIDDEN, WIDTH, bias=False),
    })  # fmt: skip


def model(torch: Any) -> Any:
    """The modules, made under ``with torch.device("meta")``."""
    nn = torch.nn
    with torch.device("meta"):
        return nn.ModuleDict({
            "words": nn.Embedding(WORDS, WIDTH),
            "blocks": nn.ModuleList([block(nn) for _ in range(BLOCKS)]),
            "norm": nn.RMSNorm(WIDTH),
            "scores": nn.Linear(WIDTH, WORDS, bias=False),
        })  # fmt: skip


def resident() -> float:
    """The most memory the process has held, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="seconds", choices=["seconds", "megabytes"])
    parser.add_argument("--side", default="jtorch", choices=SIDES)
    given = parser.parse_args()
    torch = importlib.import_module(given.side)
    before, began = resident(), time.perf_counter()
    built = model(torch)
    seconds, megabytes = time.perf_counter() - began, resident() - before
    assert sum(p.numel() for p in built.parameters()) == PARAMETERS
    assert all(p.is_meta for p in built.parameters())
    print(f"{len(list(built.parameters()))} tensors, {seconds:.2f} s, {megabytes:.0f} MB")
    print(f"value: {seconds if given.what == 'seconds' else megabytes:.1f}")


if __name__ == "__main__":
    main()
