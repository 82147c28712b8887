"""Temporary bytes of a GPT's training step with its blocks checkpointed, as a part of those without.

``python -m compat_tests.programs.checkpoint_bytes`` prints both, by the memory analysis of the XLA program of a step.
"""

import argparse
import importlib.util
from types import ModuleType
from typing import Any

import jtorch as torch
from compat_tests.programs.runs import EXAMPLES
from jtorch._engine.flush import flusher
from jtorch.utils.checkpoint import checkpoint


def gpt() -> ModuleType:
    """examples/gpt.py as a module."""
    spec = importlib.util.spec_from_file_location("gpt", EXAMPLES / "gpt.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Checkpointed(torch.nn.Module):
    """A block whose activations are computed again in the backward."""

    def __init__(self, block: Any, use_reentrant: bool) -> None:
        super().__init__()
        self.block = block
        self.use_reentrant = use_reentrant

    def forward(self, x: Any) -> Any:
        return checkpoint(self.block, x, use_reentrant=self.use_reentrant)


def step(example: ModuleType, options: argparse.Namespace, how: str) -> tuple[int, float]:
    """Temporary bytes of the largest program that steps run, and the last step's loss."""
    torch.manual_seed(0)
    model = example.GPT(options.context, options.width, options.heads, options.layers)
    if how != "none":
        wrapped = (Checkpointed(block, how == "reentrant") for block in model.blocks)
        model.blocks = torch.nn.Sequential(*wrapped)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x = torch.randint(len(example.ALPHABET), (options.batch, options.context))
    known = set(flusher.programs)
    loss = torch.zeros(())
    for _ in range(4):
        optimizer.zero_grad()
        loss = example.loss_of(model, x, x)
        loss.backward()
        optimizer.step()
    stats = [p.compiled.memory_analysis() for p in set(flusher.programs) - known]
    return max(s.temp_size_in_bytes for s in stats), loss.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", nargs="?", default="newer", choices=["newer", "reentrant"])
    for name, default in {"layers": 12, "width": 128, "heads": 4, "context": 128, "batch": 8}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    example = gpt()
    plain, plain_loss = step(example, options, "none")
    kept, loss = step(example, options, options.how)
    print(f"temporary bytes: {plain} without checkpoints, {kept} with; losses {plain_loss:.6f} and {loss:.6f}")
    print(f"value: {kept / plain:.3f}")


if __name__ == "__main__":
    main()
